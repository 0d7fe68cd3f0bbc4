"""What codecs write to standard error while they decode: the only place where some of them tell of damage."""

import contextlib
import os
import re

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
