"""Torch's files of tensors, read as arrays: without torch, and without running anything that a file says.

Torch writes a pickle whose tensors point at raw numbers: beside it in a zip archive (torch 1.6 and later), or behind it
in the same file (before, and with ``_use_new_zipfile_serialization=False``; much of what torchvision publishes). A
pickle may name any function of Python to be called. The one here resolves a short list of names to functions of this
module, which build descriptions of arrays and nothing else, and refuses the rest.
"""

import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError

_BFLOAT16 = "bfloat16"
_STORAGES = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_RESAVE = "in torch, write it again with torch.save(model.state_dict(), PATH)"


def read_state_dict(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read the tensors of a torch state dict.

    Args:
        path: a file from ``torch.save(model.state_dict(), path)``, of either form, or one whose dictionary holds the
            state dict under ``state_dict``, ``model_state_dict`` or ``model``, as training scripts save it.

    Returns:
        Arrays by the names that torch gave them, in the file's order; bfloat16 as float32.

    Raises:
        KerasdrError: if the file cannot be read, is damaged, or holds anything but tensors and plain values; one line.
    """
    try:
        with path.open("rb") as file:
            content = _read_zip(file) if zipfile.is_zipfile(file) else _read_legacy(file)
        tensors = _tensors(content)
        return {name: tensor.array() for name, tensor in tensors.items()}
    except KerasdrError as error:
        raise KerasdrError(f"{path}: {error}") from error
    except OSError as error:
        raise KerasdrError(f"cannot read {path}: {error.strerror or error}; check the path") from error
    except Exception as error:  # a damaged pickle or archive may raise nearly anything
        raise KerasdrError(f"{path} is not a torch state dict, or it is damaged; {_RESAVE}") from error


class _Stateless:
    """What a pickle gets cannot be changed by it."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a tensor or a function has no state to set")


@dataclass(slots=True)
class _Storage(_Stateless):
    """Numbers that tensors point at; ``data`` follows once they have been read."""

    kind: str
    key: str
    count: int
    data: NDArray[np.generic] | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("u2" if self.kind == _BFLOAT16 else self.kind)

    def fill(self, raw: bytes, byte_order: Literal["<", ">"] = "<") -> None:
        if len(raw) != self.count * self.dtype.itemsize:
            raise KerasdrError(f"storage {self.key} is cut short or too long: the file is damaged; get it again")
        data = np.frombuffer(raw, self.dtype.newbyteorder(byte_order)).astype(self.dtype)
        if self.kind == _BFLOAT16:  # the upper half of a float32
            data = (data.astype(np.uint32) << 16).view(np.float32)
        self.data = data


@dataclass(slots=True)
class _Tensor(_Stateless):
    """A view of a storage, as torch describes it."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> NDArray[np.generic]:
        data = self.storage.data
        numbers = (self.offset, *self.shape, *self.strides)
        sound = len(self.shape) == len(self.strides) and all(type(n) is int and n >= 0 for n in numbers)
        if data is None or not sound:
            raise KerasdrError("a tensor is described wrongly: the file is damaged; get it again")
        size = int(np.prod([int(n) for n in self.shape], dtype=object)) if self.shape else 1
        if size == 0:
            return np.zeros(self.shape, data.dtype)
        last = self.offset + sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))
        # The second condition keeps a stride of 0 from making a few numbers into more than memory holds.
        if last >= data.size or size > data.size:
            raise KerasdrError("a tensor reaches beyond its numbers: the file is damaged; get it again")
        steps = [stride * data.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, steps, writeable=False).copy()


class _Plain(dict[Any, Any]):
    """Takes the place of OrderedDict; the attributes that a state dict carries (``_metadata``) are let fall."""

    def __setstate__(self, state: object) -> None:
        pass


class _Callable(_Stateless):
    """What a pickle gets for a function: it can be called, and nothing else."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without numbers")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): lambda *items: _Plain(*items),
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
}


class _Unpickler(pickle.Unpickler):
    """Knows the names in ``_ALLOWED`` and storages, and collects the storages that it meets."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return name
        if (module, name) not in _ALLOWED:
            raise KerasdrError(f"it holds {_printable(f'{module}.{name}')}, not tensors alone; {_RESAVE}")
        return _Callable(_ALLOWED[module, name])

    def persistent_load(self, pid: Any) -> _Storage:
        word, storage, key, _, count, *view = pid
        known = (
            word == "storage" and storage in _STORAGES and isinstance(key, str) and type(count) is int and count >= 0
        )
        if not known or any(part is not None for part in view):
            raise KerasdrError(f"it refers to something other than numbers; {_RESAVE}")
        return self.storages.setdefault(key, _Storage(_STORAGES[storage], key, count))


def _read_zip(file: IO[bytes]) -> Any:
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        # Torch stores without compression. Refusing it means that a file cannot unpack to more than its own size.
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise KerasdrError(f"it is a zip archive, but not one of torch's; {_RESAVE}")
        pickles = [name for name in entries if re.fullmatch(r"[^/]+/data\.pkl", name)]
        if len(pickles) != 1:
            raise KerasdrError(f"it is a zip archive without torch's data.pkl; {_RESAVE}")
        folder = pickles[0].removesuffix("data.pkl")
        order = archive.read(f"{folder}byteorder").decode("ascii") if f"{folder}byteorder" in entries else "little"
        with archive.open(pickles[0]) as stream:
            unpickler = _Unpickler(stream)
            content = unpickler.load()
        for key, storage in unpickler.storages.items():
            storage.fill(archive.read(f"{folder}data/{key}"), ">" if order == "big" else "<")
    return content


def _read_legacy(file: IO[bytes]) -> Any:
    file.seek(0)
    if _Unpickler(file).load() != _LEGACY_MAGIC or _Unpickler(file).load() != _LEGACY_PROTOCOL:
        raise KerasdrError(f"it is not a file of torch's; {_RESAVE}")
    system = _Unpickler(file).load()
    if not system["little_endian"]:
        raise KerasdrError(f"it was written on a big-endian machine in torch's old form; {_RESAVE}")
    unpickler = _Unpickler(file)
    content = unpickler.load()
    keys = _Unpickler(file).load()
    for key in keys:
        storage = unpickler.storages[key]
        if int.from_bytes(file.read(8), "little", signed=True) != storage.count:
            raise KerasdrError(f"storage {_printable(key)} has another length: the file is damaged; get it again")
        storage.fill(file.read(storage.count * storage.dtype.itemsize))
    return content


def _tensors(content: Any) -> dict[str, _Tensor]:
    for candidate in _candidates(content):
        found = {name: value for name, value in candidate.items() if isinstance(value, _Tensor)}
        if found:
            return {str(name): tensor for name, tensor in found.items()}
    held = (
        f"the keys {_printable(', '.join(map(str, content))[:120])}" if isinstance(content, dict) else "something else"
    )
    raise KerasdrError(f"it holds {held}, not tensors by name; {_RESAVE}")


def _candidates(content: Any) -> Iterator[dict[Any, Any]]:
    if isinstance(content, dict):
        yield content
        yield from (content[key] for key in _WRAPPERS if isinstance(content.get(key), dict))


def _printable(text: object) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", str(text))
