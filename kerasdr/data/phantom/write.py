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
_MIN_SIZE = 64
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

    Written are ``train/<person>_<left|right>.jpeg``, ``trainLabels.csv`` (``image,level,quality``), lesion
    masks ``masks/<image>.png`` with ``masks/legend.json`` (label value -> kind), and, last, ``phantoms.json``, which
    says what they are. A folder that holds these very phantoms is left as it is; one that was cut off is drawn again.

    Args:
        out: the folder; made if absent.
        people: how many.
        seed: of the population; person k is the same whatever ``people`` is.
        size: side of the photographs in pixels.
        progress: told of each person that is done.

    Returns:
        The number of photographs.

    Raises:
        KerasdrError: if a number makes no sense, or the folder holds something else or cannot be written.
    """
    if people < 1 or seed < 0 or size < _MIN_SIZE:
        raise KerasdrError(
            f"cannot draw {people} people with seed {seed} at {size} px:"
            f" give 1 or more people, a seed of 0 or more, and {_MIN_SIZE} px or more"
        )
    settings = {"version": _VERSION, "people": people, "seed": seed, "size": size}
    card = out / "phantoms.json"
    if card.is_file():
        known = _read_card(card)
        if known.get("settings") == settings and isinstance(known.get("photographs"), list):
            return len(known["photographs"])
        raise KerasdrError(f"{out} holds other phantoms ({known.get('settings')}): name another folder, or remove it")
    unfinished = out / ".unfinished"
    try:
        if out.is_dir() and any(out.iterdir()) and not _is_ours(unfinished, settings):
            raise KerasdrError(f"{out} is not empty and not these phantoms: name a new folder for them")
        (out / "train").mkdir(parents=True, exist_ok=True)
        (out / "masks").mkdir(exist_ok=True)
        # Says whose the folder is until phantoms.json does, so that a run that was cut off can be repeated.
        unfinished.write_text(json.dumps(settings), encoding="utf-8")
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
        raise KerasdrError(
            f"cannot write phantoms to {out}: {error.strerror}; name a folder that is writable and has space"
        ) from error
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
    # Masks are almost all zeros, so OpenCV's own choice, run lengths, is both quick and small.
    return cv2.imencode(".png", labels)[1].tobytes()


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
        raise KerasdrError(f"{card} cannot be read: remove {card.parent} and draw the phantoms again") from error
    return content if isinstance(content, dict) else {}


def _is_ours(unfinished: Path, settings: dict[str, Any]) -> bool:
    # An unfinished folder of other settings may hold photographs that this run would not overwrite.
    try:
        return bool(json.loads(unfinished.read_text(encoding="utf-8")) == settings)
    except (OSError, ValueError):
        return False
