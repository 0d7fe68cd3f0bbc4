"""What finished and begun runs kept of their photographs, to compare others with."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasdr.config import load
from kerasdr.data.leaks import PhotographSet
from kerasdr.data.phantom.recognise import naming_of, phantoms_of
from kerasdr.data.splits import read_split
from kerasdr.errors import KerasdrError
from kerasdr.imaging.look import LOOK_SIDE

LOOKS = "looks.npy"
"""The file of a run that holds its photographs' looks, in the order of ``split.csv``."""


def kept_photographs(folder: Path) -> PhotographSet:
    """Return the photographs of a run, or of all folds of a cross-validation; none of their files is opened.

    In a cross-validation every photograph is trained on by some fold, so the part of each is ``folds``.

    Args:
        folder: ``runs/<name>/<time>`` or ``runs/<name>-<folds>-folds``.

    Raises:
        KerasdrError: if it is neither, or damaged.
    """
    folds = _folds(folder)
    run = folds[0] if folds else folder
    if not (run / "split.csv").is_file():
        raise KerasdrError(
            f"{folder} is no folder of a run: `kerasdr runs` lists them, and photographs are given as LAYOUT=PATH"
        )
    split = read_split(run / "split.csv")
    if folds:
        split = split.assign(split=split["split"].where(split["split"] == "", "folds"))
    return PhotographSet(
        str(folder),
        _layout_of(run),
        split,
        split["sha256"].tolist() if "sha256" in split else None,
        split["pixels_sha256"].tolist() if "pixels_sha256" in split else None,
        _looks_of(run, len(split)),
    )


def _folds(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("repeat-*-fold-*/split.csv"))


def _layout_of(run: Path) -> str:
    try:
        data = load(str(run / "config.yaml")).data
        if data.root is None:
            return data.layout if data.phantom is None else phantoms_of(data.layout, data.phantom.seed)
        return naming_of(Path(data.root).expanduser(), data.layout)
    except KerasdrError:  # of another version, or damaged: photographs can be compared all the same
        return ""


def _looks_of(run: Path, n: int) -> NDArray[np.int8] | None:
    if not (run / LOOKS).is_file():
        return None
    try:
        looks = np.load(run / LOOKS, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise KerasdrError(f"cannot read {run / LOOKS}: remove it, and looks are not compared") from error
    if looks.shape != (n, LOOK_SIDE, LOOK_SIDE) or looks.dtype != np.int8:
        raise KerasdrError(
            f"{run / LOOKS} is not of the photographs of {run / 'split.csv'}: remove it, and looks are not compared"
        )
    return looks
