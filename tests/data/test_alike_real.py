"""Copies among real photographs, where these are present: none is mistaken, and changed ones are found."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kerasdr.data.alike import find_alike
from kerasdr.data.readers import read_table
from kerasdr.imaging.decode import decode
from kerasdr.imaging.look import look_of

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "eyepacs"


def test_sixty_people_and_their_copies() -> None:
    if not DATA.is_dir():
        pytest.skip(f"no real photographs in {DATA}")
    paths = read_table("eyepacs", DATA).table["path"].iloc[:120]
    photographs = [decode(Path(path).read_bytes()) for path in paths]
    looks = np.array([look_of(rgb) for rgb in photographs])
    assert find_alike(looks) == [], "both eyes of sixty people are 120 eyes"
    copies = []
    for rgb in photographs[::6]:
        small = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)[:, ::-1]
        stored = cv2.imencode(".jpg", np.ascontiguousarray(small), [cv2.IMWRITE_JPEG_QUALITY, 70])[1]
        copies.append(look_of(np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)))
    found = find_alike(np.array(copies), looks)
    assert [(one.first, one.second) for one in found] == [(index, 6 * index) for index in range(20)]
    assert {one.pose for one in found} == {"mirrored"}
