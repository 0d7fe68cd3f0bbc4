"""Photographs made ready once: the recipe's pictures in one memory-mapped file, so that epochs only read.

The pictures come from :func:`kerasdr.imaging.prepare.prepare`, which is what scoring calls too.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr import __version__
from kerasdr.config import ImagingConfig
from kerasdr.files import open_atomically, sha256_of, write_text_atomically
from kerasdr.imaging.headers import UnreadablePhotograph
from kerasdr.imaging.look import LOOK_SIDE, Look
from kerasdr.imaging.prepare import prepare
from kerasdr.imaging.quality_figures import FIGURES
from kerasdr.imaging.recipes import Recipe, get_recipe
from kerasdr.reporting import Progress


@dataclass(frozen=True)
class PreparedPhotographs:
    """The network input of every row of a table.

    Attributes:
        images: ``(N, S, S, 3)`` uint8 RGB, memory-mapped read-only; zeros where a photograph could not be read.
        reasons: why a photograph is not used (unreadable or ungradable), an empty string where it is.
        looks: ``(N, 64, 64)`` int8 of :func:`kerasdr.imaging.look.look_of`; zeros where a photograph could not be read.
        figures: of the quality gate (:class:`kerasdr.imaging.quality.Quality`) by photograph; empty where there are none.
        pixels: SHA-256 of each photograph's pixels as they were decoded; an empty string where it could not be read.
        looks_file: the file of ``looks``.
    """

    images: NDArray[np.uint8]
    reasons: tuple[str, ...]
    looks: NDArray[np.int8]
    pixels: tuple[str, ...]
    looks_file: Path
    figures: tuple[Mapping[str, float], ...] = ()

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which photographs can be trained on or graded, ``(N,)``."""
        return np.array([reason == "" for reason in self.reasons])


def prepare_table(
    table: pd.DataFrame,
    digests: Sequence[str],
    imaging: ImagingConfig,
    cache: Path,
    progress: Progress | None = None,
    workers: int = 2,
) -> PreparedPhotographs:
    """Prepare every photograph of a table, or find them prepared in the cache.

    Args:
        table: the record table.
        digests: SHA-256 of each photograph's bytes, in the table's order; they are the cache's key.
        imaging: recipe, size and limit.
        cache: folder for the prepared pictures; made if absent.
        progress: told of each photograph that is done.
        workers: threads; OpenCV releases the interpreter while it works.
    """
    recipe = get_recipe(imaging.recipe, imaging.size)
    key = _key(recipe, imaging.max_megapixels, digests)
    pictures, notes = cache / f"prepared-{key}.npy", cache / f"prepared-{key}.json"
    seen = cache / f"looks-{key}.npy"
    # The notes are written last, so their presence says that the pictures are whole.
    if not notes.exists():
        cache.mkdir(parents=True, exist_ok=True)
        reasons, looks, figures = _fill(table, recipe, imaging, pictures, progress, workers)
        with open_atomically(seen) as file:
            np.save(file, np.array([look.picture for look in looks], np.int8), allow_pickle=False)
        content = {"reasons": reasons, "pixels": [look.pixels for look in looks], "figures": figures}
        write_text_atomically(notes, json.dumps(content))
    images, looked = (np.load(path, mmap_mode="r", allow_pickle=False) for path in (pictures, seen))
    content = json.loads(notes.read_text(encoding="utf-8"))
    parts = (tuple(content[name]) for name in ("reasons", "pixels", "figures"))
    reasons_seen, pixels, figures_seen = parts
    return PreparedPhotographs(images, reasons_seen, looked, pixels, seen, figures_seen)


def _fill(
    table: pd.DataFrame,
    recipe: Recipe,
    imaging: ImagingConfig,
    target: Path,
    progress: Progress | None,
    workers: int,
) -> tuple[list[str], list[Look], list[Mapping[str, float]]]:
    paths = [Path(path) for path in table["path"]]
    unseen = Look(np.zeros((LOOK_SIDE, LOOK_SIDE), np.int8), "")

    def one(path: Path) -> tuple[NDArray[np.uint8] | None, str, Look, Mapping[str, float]]:
        try:
            prepared = prepare(path.read_bytes(), recipe, max_megapixels=imaging.max_megapixels, look=True)
        except OSError as error:
            return None, f"cannot be read: {error.strerror or error}", unseen, {}
        except UnreadablePhotograph as error:
            return None, str(error), unseen, {}
        except Exception as error:  # one odd file must cost one photograph, as it does in scoring
            return None, f"could not be processed ({type(error).__name__}): report this file", unseen, {}
        return prepared.image, prepared.quality.reason, prepared.look or unseen, prepared.quality.figures

    reasons: list[str] = []
    looks: list[Look] = []
    figures: list[Mapping[str, float]] = []
    shape = (len(paths), recipe.size, recipe.size, 3)
    with open_atomically(target) as file, ThreadPoolExecutor(workers) as pool:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        nothing = bytes(recipe.size * recipe.size * 3)
        # Executor.map would queue a result for every photograph; chunks keep memory flat.
        for start in range(0, len(paths), 64):
            for image, reason, look, judged in pool.map(one, paths[start : start + 64]):
                file.write(nothing if image is None else image.tobytes())
                reasons.append(reason)
                looks.append(look)
                figures.append({name: float(value) for name, value in judged.items()})
                if progress:
                    progress(len(reasons), len(paths))
    return reasons, looks, figures


def _key(recipe: Recipe, max_megapixels: float, digests: Sequence[str]) -> str:
    # Tells what is kept from what earlier versions kept, without these.
    parts = [
        f"looks, {', '.join(sorted(FIGURES))}",
        json.dumps(recipe.to_dict(), sort_keys=True),
        repr(max_megapixels),
        __version__,
        cv2.__version__,
        *digests,
    ]
    return sha256_of("\n".join(parts).encode())[:24]
