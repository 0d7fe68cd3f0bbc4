"""A data set of phantoms on disk, in the layout ``eyepacs``."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kerasdr.data.phantom.draw import Phantom, draw_person
from kerasdr.data.phantom.lesions import KINDS
from kerasdr.errors import KerasdrError
from kerasdr.files import write_text_atomically

_VERSION = 1
_STATEMENT = "Synthetic photographs drawn by kerasdr. No person was photographed; lesions and grades are invented."


def write_phantoms(
    out: Path,
    *,
    people: int,
    seed: int,
    size: int = 512,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Draw phantoms into a folder.

    Written are ``train/<person>_<left|right>.jpeg``, ``trainLabels.csv`` (``image,level,quality``), lesion masks
    ``masks/<image>.png`` with ``masks/legend.json`` (label value -> kind), and, last, ``phantoms.json``, which says what
    they are. A folder that holds these very phantoms is left as it is.

    Args:
        out: the folder; made if absent.
        people: how many.
        seed: of the population; person k is the same whatever ``people`` is.
        size: side of the photographs in pixels.
        progress: told of each person that is done.

    Returns:
        The number of photographs.

    Raises:
        KerasdrError: if the folder holds something else, or cannot be written.
    """
    settings = {"version": _VERSION, "people": people, "seed": seed, "size": size}
    card = out / "phantoms.json"
    if card.is_file():
        known = _read_card(card)
        if known.get("settings") == settings:
            return len(known["photographs"])
        raise KerasdrError(f"{out} holds other phantoms ({known.get('settings')}): name another folder, or remove it")
    unfinished = out / ".unfinished"
    if out.is_dir() and any(out.iterdir()) and not unfinished.exists():
        raise KerasdrError(f"{out} is not empty and not ours: name a new folder for the phantoms")
    try:
        (out / "train").mkdir(parents=True, exist_ok=True)
        (out / "masks").mkdir(exist_ok=True)
        unfinished.touch()
        photographs = []
        for number in range(1, people + 1):
            for phantom in draw_person(seed, number, size):
                name = f"{number}_{phantom.eye}"
                (out / "train" / f"{name}.jpeg").write_bytes(encode_jpeg(phantom.image))
                (out / "masks" / f"{name}.png").write_bytes(_encode_mask(phantom.labels))
                photographs.append(_describe(name, phantom))
            if progress:
                progress(number, people)
    except OSError as error:
        raise KerasdrError(f"cannot write phantoms to {out}: {error.strerror}; check the folder and its space") from error
    lines = ["image,level,quality", *(f"{p['image']},{p['grade']},{p['quality']}" for p in photographs)]
    write_text_atomically(out / "trainLabels.csv", "\n".join(lines) + "\n")
    legend = {str(value): kind for value, kind in enumerate(KINDS, start=1)}
    write_text_atomically(out / "masks" / "legend.json", json.dumps(legend, indent=1) + "\n")
    content = {"statement": _STATEMENT, "settings": settings, "photographs": photographs}
    write_text_atomically(card, json.dumps(content, indent=1) + "\n")
    unfinished.unlink()
    return len(photographs)


def encode_jpeg(image: NDArray[np.uint8]) -> bytes:
    """Return a JPEG of an RGB picture with a comment that says that it is synthetic."""
    data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    comment = _STATEMENT.encode("ascii")
    # A comment segment (COM) right behind the start of the image.
    return data[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[2:]


def _encode_mask(labels: NDArray[np.uint8]) -> bytes:
    # Masks are almost all zeros: the fastest compression is small already.
    return cv2.imencode(".png", labels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _describe(name: str, phantom: Phantom) -> dict[str, Any]:
    return {
        "image": name,
        "person": phantom.person,
        "eye": phantom.eye,
        "grade": phantom.grade,
        "quality": phantom.quality,
        "lesions": dict(phantom.counts),
        "disc": [round(value, 1) for value in phantom.disc],
        "macula": [round(value, 1) for value in phantom.macula],
    }


def _read_card(card: Path) -> dict[str, Any]:
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KerasdrError(f"{card} cannot be read: remove the folder {card.parent} and draw the phantoms again") from error
    return content if isinstance(content, dict) else {}
