"""The golden photographs: drawn eyes in the file formats that cameras write, chosen so that every part of the way is walked.

========== ================= ========================================================================================
file       outcome           what only it can show
========== ================= ========================================================================================
1_left     grade 0 drawn     with 1_right a pair of very different eyes: who is whose partner; PNG of 8 bits
1_right    grade 4 drawn
2_left     grade 2 drawn     JPEG that is stored turned by 90 degrees (EXIF)
2_right    grade 3 drawn     PNG of 16 bits with 12 bits of light
3_l1       grade 1 drawn     two views of one eye (pairing same-eye); PNG with an opacity, half of it transparent
3_l2       grade 1 drawn     JPEG so large that it is decoded at a fraction of its size
4_left     grade 2 drawn     dark, and just bright enough; its partner is refused, so that its place is masked
4_right    ungradable        just too dark
5_left     grade 3 drawn     blurred, and just sharp enough
5_right    ungradable        just too blurred
6_left     ungradable        too little of the retina is lit
6_right    ungradable        too bright
========== ================= ========================================================================================

"Just" is 12% or more from the quality gate's limit: far more than processors and versions of libraries differ by, and near
enough to notice a gate that was moved.
"""

import struct
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.draw import draw_eye, draw_views
from kerasdr.data.phantom.encode import encode_jpeg, encode_png
from kerasdr.data.phantom.people import Eye, make_person
from kerasdr.imaging.prepare import decoding_side
from kerasdr.imaging.quality import judge
from kerasdr.imaging.recipes import Recipe

_SEED = 424242
_SIDE = 256
_SMALL = 160
_LARGEST = 2048
_TURNED_LEFT = 6  # EXIF: the stored first row is the picture's right edge

Picture = NDArray[np.uint8]


def draw_golden_photographs(recipes: Sequence[Recipe]) -> dict[str, bytes]:
    """Return the contents of the golden photographs by their files' names, the same for the same recipes.

    Args:
        recipes: of a bundle; how large a JPEG has to be for a fraction of it to be enough hangs on their sizes.
    """
    people = [make_person(_SEED, number, both_eyes=True) for number in range(7)]
    first = [
        draw_eye(_SEED, people[1], Eye(eye, grade, ""), _SMALL).image for eye, grade in (("left", 0), ("right", 4))
    ]
    second = [
        draw_eye(_SEED, people[2], Eye(eye, grade, ""), _SMALL).image for eye, grade in (("left", 2), ("right", 3))
    ]
    views = [view.image for view in draw_views(_SEED, people[3], Eye("left", 1, ""), _SIDE)]
    fourth, fifth, sixth = (
        [draw_eye(_SEED, people[number], Eye(eye, grade, ""), _SIDE).image for eye, grade in eyes]
        for number, eyes in (
            (4, (("left", 2), ("right", 1))),
            (5, (("left", 3), ("right", 2))),
            (6, (("left", 2), ("right", 0))),
        )
    )
    large = min(2 * max(decoding_side(recipe) for recipe in recipes), _LARGEST)
    return {
        "1_left.png": encode_png(first[0]),
        "1_right.png": encode_png(first[1]),
        "2_left.jpg": _turned(second[0]),
        "2_right.png": encode_png(second[1].astype(np.uint16) * 16),
        "3_l1.png": _half_transparent(cv2.resize(views[0], (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)),
        "3_l2.jpg": encode_jpeg(
            np.asarray(cv2.resize(views[1], (large, large), interpolation=cv2.INTER_CUBIC), np.uint8)
        ),
        "4_left.jpg": encode_jpeg(_brought_to(fourth[0], _darkened, "brightness", 26.0)),
        "4_right.jpg": encode_jpeg(_brought_to(fourth[1], _darkened, "brightness", 18.5)),
        "5_left.jpg": encode_jpeg(_brought_to(fifth[0], _blurred, "detail", 1.35)),
        "5_right.jpg": encode_jpeg(_brought_to(fifth[1], _blurred, "detail", 0.92)),
        "6_left.jpg": encode_jpeg(_brought_to(sixth[0], _half_lit, "field", 0.46)),
        "6_right.jpg": encode_jpeg(_brought_to(sixth[1], _brightened, "overexposed", 0.40)),
    }


def _turned(picture: Picture) -> bytes:
    """Return a JPEG whose pixels are stored turned, and an EXIF tag that says so."""
    data = encode_jpeg(np.ascontiguousarray(np.rot90(picture)))
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, _TURNED_LEFT, 0, 0)
    exif = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def _half_transparent(picture: NDArray[np.generic]) -> bytes:
    """Return a PNG whose opacity falls from left to right, from all to half."""
    opacity = np.linspace(255, 128, picture.shape[1]).round().astype(np.uint8)
    planes = cv2.cvtColor(np.asarray(picture, np.uint8), cv2.COLOR_RGB2BGRA)
    planes[..., 3] = opacity
    return cv2.imencode(".png", planes)[1].tobytes()


def _brought_to(picture: Picture, change: Callable[[Picture, float], Picture], figure: str, wanted: float) -> Picture:
    """Return a picture changed by as much as brings a figure of the quality gate to a value, by bisection."""
    least, most = 0.0, 1.0
    rising = _figure(change(picture, most), figure) > _figure(change(picture, least), figure)
    for _ in range(12):
        amount = (least + most) / 2
        if (_figure(change(picture, amount), figure) < wanted) == rising:
            least = amount
        else:
            most = amount
    return change(picture, (least + most) / 2)


def _figure(picture: Picture, name: str) -> float:
    # Of the JPEG's pixels, since coarse coding changes fine detail.
    data = np.frombuffer(encode_jpeg(picture), np.uint8)
    decoded = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return judge(np.asarray(decoded, np.uint8)).figures.get(name, 0.0)


def _darkened(picture: Picture, amount: float) -> Picture:
    return _scaled(_sharpened(picture), 1.0 - 0.95 * amount)


def _brightened(picture: Picture, amount: float) -> Picture:
    return _scaled(picture, 1.0 + 30.0 * amount)


def _blurred(picture: Picture, amount: float) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.1 + 6.0 * amount), np.uint8)


def _sharpened(picture: Picture) -> Picture:
    """Return a picture with so much fine detail that darkness is all that can be wrong with it."""
    return np.asarray(cv2.addWeighted(picture, 5.0, cv2.GaussianBlur(picture, (0, 0), 2.0), -4.0, 0.0), np.uint8)


def _half_lit(picture: Picture, amount: float) -> Picture:
    """Dim what is right of a slanted line that moves to the left."""
    side = picture.shape[0]
    across = np.linspace(0.0, 1.0, side)[None, :] + 0.2 * np.linspace(0.0, 1.0, side)[:, None]
    light = np.clip((1.2 * (1.0 - amount) - across) / 0.1, 0.02, 1.0)
    return np.rint(picture * light[..., None]).astype(np.uint8)


def _scaled(picture: Picture, factor: float) -> Picture:
    return np.rint(np.clip(picture * factor, 0, 255)).astype(np.uint8)
