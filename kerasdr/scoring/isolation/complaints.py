"""What codecs write to standard error while they decode: the only place where some of them tell of damage."""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator

from cv2.utils import logging

DAMAGED = "the picture's data are damaged or cut off: copy it again from the camera"
"""The reason of a photograph of which a codec said so."""

# libjpeg decodes what is there, fills the rest with grey or with a coarse picture, and says one of these, once a picture. Some
# bytes too many before the end are what cameras write; many of them, or before another marker, are what damage leaves.
# libtiff fills strips that it cannot unpack with whatever was there; that the end of a strip is not marked harms nothing.
_DAMAGE = re.compile(
    rb"premature end of data segment|Premature end of JPEG file|bad Huffman code|bad arithmetic code|"
    rb"found marker 0x[0-9a-f]{2} instead of RST|Inconsistent progression sequence|Invalid SOS parameters|"
    rb"\d{3,} extraneous bytes before marker 0xd9|extraneous bytes before marker 0x(?!d9)|"
    rb"TIFF_Error (?!.*not terminated with EOI code)"
)
_AT_MOST = 1 << 20


class Complaints:
    """Takes the place of this process's standard error; nobody sees what is written there."""

    def __init__(self) -> None:
        self._read, write = os.pipe()
        for end in (self._read, write):
            os.set_blocking(end, False)  # a codec that writes more than fits loses the rest, and does not wait
        os.dup2(write, 2)
        os.close(write)

    def damage(self) -> bool:
        """Whether a codec has told of missing or damaged pixels since it was asked last."""
        heard = bytearray()
        with contextlib.suppress(BlockingIOError):
            while len(heard) < _AT_MOST and (more := os.read(self._read, 1 << 16)):
                heard += more
        return _DAMAGE.search(heard) is not None

    def close(self) -> None:
        """Hear nothing more; whoever has put another standard error in place need not be heard."""
        os.close(self._read)


@contextlib.contextmanager
def listening() -> Iterator[Callable[[], bool]]:
    """Hear codecs in this process; what Python writes to standard error comes where it did.

    Yields:
        What says whether a codec has told of damage since it was asked last, in whatever thread. On Windows none is heard.
    """
    if os.name != "posix":
        yield lambda: False
        return
    with contextlib.ExitStack() as stack:
        before = os.dup(2)
        stack.callback(os.close, before)
        with contextlib.suppress(OSError, ValueError):  # it is no file, and so not this one
            if sys.stderr.fileno() == 2:
                shown = stack.enter_context(
                    open(os.dup(before), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
                )
                stack.enter_context(contextlib.redirect_stderr(shown))
        # Whatever this process was told, as in those that read photographs.
        stack.callback(logging.setLogLevel, logging.setLogLevel(logging.LOG_LEVEL_ERROR))
        complaints = Complaints()
        stack.callback(complaints.close)
        stack.callback(os.dup2, before, 2)
        yield complaints.damage
