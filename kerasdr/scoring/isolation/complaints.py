"""What codecs write to standard error while they decode: the only place where some of them tell of damage."""

import contextlib
import os
import re

# libjpeg decodes what is there, fills the rest with grey or with a coarse picture, and says one of these. It also tells of
# some bytes too many before a marker, which cameras write and which harm nothing.
_DAMAGE = re.compile(
    rb"premature end of data segment|Premature end of JPEG file|bad Huffman code|bad arithmetic code|"
    rb"found marker 0x[0-9a-f]{2} instead of RST|Inconsistent progression sequence|Invalid SOS parameters"
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
