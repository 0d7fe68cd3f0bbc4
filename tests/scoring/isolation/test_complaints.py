"""What codecs say is heard in this process too, and nothing else is lost by it."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from kerasdr.data.check import see_photographs
from kerasdr.scoring.isolation.complaints import listening

pytestmark = pytest.mark.skipif(os.name != "posix", reason="codecs are heard on POSIX alone")

PROGRAM = """
import os, sys
from kerasdr.scoring.isolation.complaints import listening
with listening() as complained:
    os.write(2, b"Premature end of JPEG file\\n")
    print("a note", file=sys.stderr)
    assert complained() and not complained()
    os.write(2, b"something else\\n")
    assert not complained()
os.write(2, b"after\\n")
print("the end", file=sys.stderr)
"""


def test_codecs_are_heard_and_notes_are_read() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "a note\nafter\nthe end\n")


def test_nothing_stays_open() -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no list of open files")
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyError), listening():
        raise KeyError
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("kind", ["jpeg", "tiff"])
def test_only_what_was_read_when_a_codec_complained_is_suspect(kind: str, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    ways = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if kind == "jpeg" else [cv2.IMWRITE_TIFF_COMPRESSION, 5]
    data = cv2.imencode(f".{kind}", picture, ways)[1].tobytes()
    if kind == "jpeg":
        damaged = data[: 2 * len(data) // 3] + b"\xff\xd9"
    else:
        middle = len(data) // 2
        damaged = data[:middle] + bytes(64) + data[middle + 64 :]
    paths = []
    for number in range(12):
        paths.append(str(tmp_path / f"{number}.{kind}"))
        Path(paths[-1]).write_bytes(damaged if number == 5 else data)
    table = pd.DataFrame({"path": paths})
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        for workers, most in ((1, 1), (4, 11)):
            with listening() as complained:
                seen = see_photographs(table, workers=workers, complained=complained)
            suspects = [place for place, one in enumerate(seen) if one.suspect]
            assert 5 in suspects and len(suspects) <= most, suspects
        assert cv2.utils.logging.getLogLevel() == cv2.utils.logging.LOG_LEVEL_SILENT
    finally:
        cv2.utils.logging.setLogLevel(level)
    assert not any(one.suspect for one in see_photographs(table))
