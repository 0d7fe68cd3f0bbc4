"""A data set of phantoms on disk, in one of the public layouts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kerasdr.config import suggestion
from kerasdr.data.phantom.encode import STATEMENT, encode_jpeg, encode_mask, encode_png
from kerasdr.data.phantom.layouts import LAYOUTS
from kerasdr.data.phantom.lesions import KINDS
from kerasdr.data.phantom.recognise import CARD
from kerasdr.errors import KerasdrError
from kerasdr.files import write_text_atomically

_VERSION = 2
_MIN_SIZE = 64


def write_phantoms(
    out: Path,
    *,
    people: int,
    seed: int,
    size: int = 512,
    layout: str = "eyepacs",
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Draw phantoms into a folder.

    Written are photographs and label files as the layout has them, lesion masks ``masks/<image>.png`` with
    ``masks/legend.json`` (label value -> kind), and, last, ``phantoms.json``, which says what they are: the settings,
    and for each photograph its file, person, eye, view, split, grade, quality, lesions, and where disc and macula are.
    A folder that holds these very phantoms is left as it is; one that was cut off is drawn again.

    Args:
        out: the folder; made if absent.
        people: how many.
        seed: of the population; person k is the same whatever ``people`` is.
        size: side of the photographs in pixels.
        layout: ``eyepacs``, ``deepdrid``, ``course`` or ``aptos``. In ``deepdrid`` and ``course`` there are two views
            of each eye, and the first 60% of the people train, the next 20% validate, the rest test; in ``aptos`` there
            is one photograph of each person.
        progress: told of each person that is done.

    Returns:
        The number of photographs.

    Raises:
        KerasdrError: if a number makes no sense, the layout is not known, or the folder holds something else or
            cannot be written.
    """
    if layout not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        raise KerasdrError(f"phantoms have no layout {layout!r}{suggestion(layout, LAYOUTS)}; choose from {known}")
    if people < 1 or seed < 0 or size < _MIN_SIZE:
        raise KerasdrError(
            f"cannot draw {people} people with seed {seed} at {size} px:"
            f" give 1 or more people, a seed of 0 or more, and {_MIN_SIZE} px or more"
        )
    settings = {"version": _VERSION, "layout": layout, "people": people, "seed": seed, "size": size}
    card = out / CARD
    if card.is_file():
        known_card = _read_card(card)
        if known_card.get("settings") == settings and isinstance(known_card.get("photographs"), list):
            return len(known_card["photographs"])
        raise KerasdrError(
            f"{out} holds other phantoms ({known_card.get('settings')}): name another folder, or remove it"
        )
    unfinished = out / ".unfinished"
    entries = []
    try:
        if out.is_dir() and any(out.iterdir()) and not _is_ours(unfinished, settings):
            raise KerasdrError(f"{out} is not empty and not these phantoms: name a new folder for them")
        (out / "masks").mkdir(parents=True, exist_ok=True)
        # Says whose the folder is until phantoms.json does, so that a run that was cut off can be repeated.
        unfinished.write_text(json.dumps(settings), encoding="utf-8")
        for number in range(1, people + 1):
            for shot in LAYOUTS[layout].draw(seed, number, people, size):
                path = out / shot.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes((encode_png if path.suffix == ".png" else encode_jpeg)(shot.phantom.image))
                (out / "masks" / f"{shot.name}.png").write_bytes(encode_mask(shot.phantom.labels))
                entries.append(shot.describe())
            if progress:
                progress(number, people)
        LAYOUTS[layout].write_labels(out, seed, entries)
    except OSError as error:
        raise KerasdrError(
            f"cannot write phantoms to {out}: {error.strerror}; name a folder that is writable and has space"
        ) from error
    legend = {str(value): kind for value, kind in enumerate(KINDS, start=1)}
    write_text_atomically(out / "masks" / "legend.json", json.dumps(legend, indent=1) + "\n")
    content = {"statement": STATEMENT, "settings": settings, "photographs": entries}
    write_text_atomically(card, json.dumps(content, indent=1) + "\n")
    unfinished.unlink()
    return len(entries)


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
