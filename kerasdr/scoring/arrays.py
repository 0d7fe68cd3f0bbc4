"""Plain arrays as a NumPy ``.npz`` file, and back without trusting a word of it."""

import io
import math
import re
import struct
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path

Arrays = Mapping[str, NDArray[np.generic]]

_AGAIN = "copy the bundle again from where it was made"

# The largest network known here has 1,500 arrays. A name has up to a few hundred bytes.
_MOST_ARRAYS = 20_000
_LARGEST_LISTING = 8 * 2**20
_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
# As NumPy writes it. NumPy itself would have Python's compiler look at it.
_HEADER = re.compile(
    r"\{'descr': '([<>|=]?[A-Za-z]\d{0,4}(?:\[[A-Za-z0-9]{1,8}\])?)', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,20}, )*(?:\d{1,20},?)?)\), \} *\n"
)


def arrays_to_bytes(arrays: Arrays) -> bytes:
    """Return arrays as a NumPy ``.npz`` file, the same bytes for the same arrays.

    Raises:
        ValueError: if an array holds Python objects.
    """
    # np.savez would pickle objects, and take an array called ``file`` or ``allow_pickle`` for an option of its own.
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def read_arrays(name: str, data: bytes) -> Arrays:
    """Return the arrays of a NumPy ``.npz`` file that holds plain, finite numbers and nothing else; they cannot be written.

    Nothing is unpacked, so that no memory is taken but that of the file, whatever its headers claim.

    Args:
        name: the file's name, for messages.
        data: its bytes.

    Raises:
        KerasdrError: if it is anything else.
    """
    try:
        _check_listing(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            # Not compressed and not one over another, so that the arrays cannot be larger than the file.
            plain = all(entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & 1 for entry in entries)
            if not entries or not plain or sum(entry.file_size for entry in entries) > len(data):
                raise ValueError("nothing in it, compressed, encrypted, or larger than the file")
            if len({entry.filename for entry in entries}) < len(entries):
                raise ValueError("two arrays of one name")
            arrays = {_key(entry.filename): _array(archive.read(entry)) for entry in entries}
    except Exception as error:  # zipfile and numpy raise a dozen kinds on damaged files
        raise KerasdrError(f"{name} holds no plain arrays: {_AGAIN}") from error
    for key, array in arrays.items():
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise KerasdrError(f"{name}: {printable_path(key)} holds values that are no finite numbers: {_AGAIN}")
    return arrays


def _check_listing(data: bytes) -> None:
    """Refuse a listing so long that reading it would take seconds; the archive ends with what says how long it is."""
    if len(data) < 22 or data[-22:-18] != _END or data[-42:-38] == _END_64:
        raise ValueError("no end of an archive, or one of very many entries")
    entries, size = struct.unpack_from("<HI", data, len(data) - 12)
    if entries > _MOST_ARRAYS or size > _LARGEST_LISTING:
        raise ValueError("more arrays than any network has")


def _key(filename: str) -> str:
    if not filename.endswith(".npy"):
        raise ValueError("something else than an array")
    return filename.removesuffix(".npy")


def _array(data: bytes) -> NDArray[np.generic]:
    """Return the array of a ``.npy`` file (NumPy enhancement proposal 1) whose bytes are as many as its header says."""
    magic, version = data[:6], data[6:8]
    if magic != b"\x93NUMPY" or version not in (b"\1\0", b"\2\0"):
        raise ValueError("no array")
    width, start = ("<H", 10) if version == b"\1\0" else ("<I", 12)
    end = start + int(struct.unpack_from(width, data, 8)[0])
    header = _HEADER.fullmatch(data[start:end].decode("ascii"))
    if header is None:
        raise ValueError("a header that NumPy does not write")
    kind = np.dtype(header[1])
    shape = tuple(int(length) for length in header[3].replace(",", " ").split())
    if kind.hasobject or kind.itemsize == 0 or math.prod(shape) * kind.itemsize != len(data) - end:
        raise ValueError("objects, or more or fewer bytes than the header says")
    array = np.frombuffer(data, kind, offset=end)
    return array.reshape(shape, order="F" if header[2] == "True" else "C")
