"""A writer of torch's files without torch: opcodes of pickle by hand, for what torch writes and for what it never would."""

import io
import pickle
import struct
import types
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

STORAGES = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


@dataclass
class Name:
    """A global, by module and name."""

    module: str
    name: str


@dataclass
class Call:
    """What a function returns, and with ``state`` what is then set on it."""

    function: Any
    arguments: tuple[Any, ...]
    state: Any = None


@dataclass
class Persistent:
    """A reference to something outside the pickle."""

    pid: Any


def opcodes(value: Any) -> bytes:
    """The pickle opcodes of a value, protocol 2."""
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value) if abs(value) < 2**31 else pickle.dumps(value, 2)[2:-1]
    if isinstance(value, str):
        text = value.encode()
        return b"X" + struct.pack("<I", len(text)) + text
    if isinstance(value, tuple):
        return b"(" + b"".join(map(opcodes, value)) + b"t"
    if isinstance(value, list):
        return b"](" + b"".join(map(opcodes, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(opcodes(key) + opcodes(item) for key, item in value.items()) + b"u"
    if isinstance(value, Name):
        return f"c{value.module}\n{value.name}\n".encode()
    if isinstance(value, Persistent):
        return opcodes(value.pid) + b"Q"
    assert isinstance(value, Call)
    state = b"" if value.state is None else opcodes(value.state) + b"b"
    return opcodes(value.function) + opcodes(value.arguments) + b"R" + state


def pickled(value: Any) -> bytes:
    return b"\x80\x02" + opcodes(value) + b"."


def tensor(key: str, array: np.ndarray, view: tuple[Any, ...] = (), **changes: Any) -> Call:
    """Torch's description of an array whose numbers have a storage of their own."""
    strides = tuple(step // array.itemsize for step in np.empty(array.shape, array.dtype).strides)
    shape, strides, offset = (
        changes.get("shape", array.shape),
        changes.get("strides", strides),
        changes.get("offset", 0),
    )
    count = changes.get("count", array.size)
    storage = Persistent(("storage", Name("torch", STORAGES[array.dtype.name]), key, "cpu", count, *view))
    hooks = Call(Name("collections", "OrderedDict"), ())
    return Call(Name("torch._utils", "_rebuild_tensor_v2"), (storage, offset, shape, strides, False, hooks))


def write_zip(path: Path, content: Any, storages: Mapping[str, bytes], **options: Any) -> Path:
    """Torch's form since 1.6."""
    with zipfile.ZipFile(path, "w", options.get("compression", zipfile.ZIP_STORED)) as archive:
        archive.writestr("archive/data.pkl", content if isinstance(content, bytes) else pickled(content))
        archive.writestr("archive/byteorder", options.get("byteorder", "little"))
        for key, raw in storages.items():
            archive.writestr(f"archive/data/{key}", raw)
        archive.writestr("archive/version", "3\n")
    return path


def write_legacy(path: Path, content: Any, storages: Mapping[str, tuple[int, bytes]], little: bool = True) -> Path:
    """Torch's form before 1.6."""
    file = io.BytesIO()
    for part in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": little}, content):
        file.write(pickled(part))
    file.write(pickled(list(storages)))
    for count, raw in storages.values():
        file.write(struct.pack("<q", count) + raw)
    path.write_bytes(file.getvalue())
    return path


@pytest.fixture
def torch_writer() -> Any:
    """All of the above, as one namespace."""
    return types.SimpleNamespace(
        Name=Name, Call=Call, Persistent=Persistent, pickled=pickled, tensor=tensor, zip=write_zip, legacy=write_legacy
    )


@pytest.fixture
def write_state_dict() -> Callable[..., Path]:
    """Write arrays by name as torch would: an ordered dictionary with an attribute, in either form, wrapped or not."""

    def write(path: Path, arrays: Mapping[str, np.ndarray], *, legacy: bool = False, wrapped: str = "") -> Path:
        view = (None,) if legacy else ()
        ordered = Name("collections", "OrderedDict")
        items = tuple((name, tensor(str(number), array, view)) for number, (name, array) in enumerate(arrays.items()))
        content: Any = Call(ordered, (items,), state={"_metadata": Call(ordered, ())})
        if wrapped:
            content = {"epoch": 3, wrapped: content}
        raw = {str(number): array.tobytes() for number, array in enumerate(arrays.values())}
        if legacy:
            counts = {str(number): array.size for number, array in enumerate(arrays.values())}
            return write_legacy(path, content, {key: (counts[key], raw[key]) for key in reversed(raw)})
        return write_zip(path, content, raw)

    return write
