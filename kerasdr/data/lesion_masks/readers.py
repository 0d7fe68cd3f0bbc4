"""Layouts of photographs with lesion masks, by name.

``phantoms``
    what :func:`kerasdr.data.phantom.write_phantoms` writes.
``idrid``
    "A. Segmentation" of the Indian Diabetic Retinopathy Image Dataset (Porwal et al., Data 3(3), 2018)::

        1. Original Images/a. Training Set/IDRiD_01.jpg
        2. All Segmentation Groundtruths/a. Training Set/1. Microaneurysms/IDRiD_01_MA.tif

    the same for ``b. Testing Set``, ``2. Haemorrhages`` (HE), ``3. Hard Exudates`` (EX) and ``4. Soft Exudates`` (SE);
    ``5. Optic Disc`` is no lesion and is not read.
``ddr``
    the lesion segmentation of DDR (Li et al., Information Sciences 501, 2019)::

        lesion_segmentation/train/image/<name>.jpg
        lesion_segmentation/train/label/MA/<name>.tif

    the same for ``test``, and for ``valid`` with ``segmentation label`` in place of ``label``; ``EX``, ``HE``, ``MA``,
    ``SE``.

A file of another ending is taken too. Neither set says in these folders whose photograph one is or what its grade is.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kerasdr.config import suggestion
from kerasdr.data.lesion_masks.masked import MaskedPhotograph, MaskedPhotographs, MaskFile
from kerasdr.data.phantom.lesions import KINDS
from kerasdr.data.phantom.recognise import CARD
from kerasdr.data.readers.registry import find_photographs
from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path

_KINDS: Final = {
    "MA": "microaneurysm",
    "HE": "haemorrhage",
    "EX": "hard_exudate",
    "SE": "cotton_wool_spot",
}
_IDRID_IMAGES, _IDRID_MASKS = "1. Original Images", "2. All Segmentation Groundtruths"
_IDRID_PARTS: Final = ("a. Training Set", "b. Testing Set")
_IDRID_FOLDERS: Final = {
    "MA": "1. Microaneurysms",
    "HE": "2. Haemorrhages",
    "EX": "3. Hard Exudates",
    "SE": "4. Soft Exudates",
}
_DDR_PARTS: Final = ("train", "valid", "test")
_DDR_LABELS: Final = ("label", "segmentation label")
_UNKNOWN = "whose photograph one is is not told, so each counts as a person of its own"


@dataclass(frozen=True)
class _Layout:
    inside: str
    """The folder in which it is looked for when the folder named lies above, or an empty string."""
    is_here: Callable[[Path], bool]
    read: Callable[[Path], MaskedPhotographs]
    looked_for: str


def read_masked(layout: str, root: Path) -> MaskedPhotographs:
    """Read a folder of photographs with lesion masks.

    Args:
        layout: one of :data:`MASK_LAYOUTS`.
        root: its folder, or the one above.

    Raises:
        KerasdrError: if the folder is not of this layout, or holds no photograph with a mask.
    """
    if layout not in _LAYOUTS:
        raise KerasdrError(
            f"no layout of masks is called {layout!r}{suggestion(layout, _LAYOUTS)}; --layout is one of "
            f"{', '.join(_LAYOUTS)}"
        )
    kind = _LAYOUTS[layout]
    folder = _find(kind, root)
    if folder is None:
        shown = printable_path(root)
        problem = f"is not of layout {layout}: looked for {kind.looked_for}" if root.is_dir() else "is not there"
        raise KerasdrError(f"{shown} {problem}; check --data and --layout")
    try:
        found = kind.read(folder)
    except OSError as error:
        raise KerasdrError(
            f"{printable_path(folder)} cannot be read: {error.strerror}; check its permissions"
        ) from error
    if not any(photograph.masks for photograph in found.photographs):
        raise KerasdrError(f"{printable_path(folder)} holds no photograph with a mask: check --data and --layout")
    return found


def detect_mask_layout(root: Path) -> str:
    """Return the layout of a folder.

    Raises:
        KerasdrError: if it is of none.
    """
    for name, kind in _LAYOUTS.items():
        if _find(kind, root) is not None:
            return name
    wanted = "; ".join(f"{name}: {kind.looked_for}" for name, kind in _LAYOUTS.items())
    raise KerasdrError(
        f"{printable_path(root)} has no photographs with lesion masks in a layout that is known ({wanted}); check --data"
    )


def _find(kind: _Layout, root: Path) -> Path | None:
    return next((folder for folder in (root, root / kind.inside) if kind.is_here(folder)), None)


def _read_phantoms(root: Path) -> MaskedPhotographs:
    card = root / CARD
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
        entries, settings = content["photographs"], content["settings"]
        photographs = tuple(_phantom(root, entry) for entry in entries)
        people, seed = int(settings["people"]), int(settings["seed"])
    except (ValueError, KeyError, TypeError) as error:
        raise KerasdrError(f"{printable_path(card)} cannot be read: draw the phantoms again") from error
    about = f"phantoms, synthetic photographs of {people} people that do not exist, seed {seed}"
    return MaskedPhotographs(photographs, about, phantoms=True, seed=seed)


def _phantom(root: Path, entry: Mapping[str, Any]) -> MaskedPhotograph:
    mask = root / "masks" / f"{entry['image']}.png"
    drawn = {kind: MaskFile(mask, KINDS.index(kind) + 1) for kind in entry["lesions"]}
    return MaskedPhotograph(entry["image"], root / entry["file"], str(entry["person"]), int(entry["grade"]), drawn)


def _read_idrid(root: Path) -> MaskedPhotographs:
    found = []
    for part in _IDRID_PARTS:
        masks = root / _IDRID_MASKS / part
        for path in _pictures(root / _IDRID_IMAGES / part):
            files = {
                _KINDS[code]: MaskFile(file)
                for code, folder in _IDRID_FOLDERS.items()
                if (file := _same_stem(masks / folder, f"{path.stem}_{code}")) is not None
            }
            found.append(MaskedPhotograph(path.stem, path, path.stem, None, files))
    return _public(found, f"photographs of people, IDRiD's segmentation; {_UNKNOWN}")


def _read_ddr(root: Path) -> MaskedPhotographs:
    found = []
    for part in _DDR_PARTS:
        for path in _pictures(root / part / "image"):
            files = {
                kind: MaskFile(file)
                for code, kind in _KINDS.items()
                for label in _DDR_LABELS
                if (file := _same_stem(root / part / label / code, path.stem)) is not None
            }
            found.append(MaskedPhotograph(path.stem, path, path.stem, None, files))
    return _public(found, f"photographs of people, DDR's lesion segmentation; {_UNKNOWN}")


def _public(found: list[MaskedPhotograph], about: str) -> MaskedPhotographs:
    names = [photograph.image_id for photograph in found]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise KerasdrError(f"two photographs are called {twice}: keep one")
    bare = [photograph.image_id for photograph in found if not photograph.masks]
    notes = (f"{len(bare)} photographs have no mask, the first is {bare[0]}",) if bare else ()
    return MaskedPhotographs(tuple(found), about, notes=notes)


def _pictures(folder: Path) -> Iterable[Path]:
    return find_photographs(folder) if folder.is_dir() else ()


def _same_stem(folder: Path, stem: str) -> Path | None:
    for ending in (".tif", ".tiff", ".png"):
        if (path := folder / f"{stem}{ending}").is_file():
            return path
    return None


_LAYOUTS: Final[Mapping[str, _Layout]] = {
    "phantoms": _Layout("", lambda root: (root / CARD).is_file(), _read_phantoms, f"{CARD} and masks/"),
    "idrid": _Layout(
        "A. Segmentation",
        lambda root: (root / _IDRID_IMAGES).is_dir() and (root / _IDRID_MASKS).is_dir(),
        _read_idrid,
        f"{_IDRID_IMAGES}/ and {_IDRID_MASKS}/",
    ),
    "ddr": _Layout(
        "lesion_segmentation",
        lambda root: (
            any((root / part / "image").is_dir() for part in _DDR_PARTS)
            and any((root / part / label).is_dir() for part in _DDR_PARTS for label in _DDR_LABELS)
        ),
        _read_ddr,
        "train/image/ and train/label/",
    ),
}

MASK_LAYOUTS: Final = tuple(_LAYOUTS)
"""Names of the layouts of photographs with lesion masks."""
