"""Photographs that decode to a picture though their data are damaged or cut off: only the codec tells, to reading processes."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from kerasdr.imaging.recipes import get_recipe
from kerasdr.reporting import Progress
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.isolation.complaints import DAMAGED
from kerasdr.scoring.isolation.messages import Settings
from kerasdr.scoring.isolation.readers import PHOTO_SECONDS, Readers

_MEGAPIXELS = 400.0
_SIDE = 32


def find_damaged(paths: Sequence[str], workers: int, progress: Progress | None = None) -> set[int]:
    """Return the places of photographs that `kerasdr predict` refuses as damaged; on Windows, where nothing hears, of none.

    Args:
        paths: of the photographs.
        workers: processes.
        progress: told of each photograph that is done.
    """
    damaged: set[int] = set()
    if not paths:
        return damaged
    settings = Settings((get_recipe("none", _SIDE),), _MEGAPIXELS, None, PHOTO_SECONDS)
    workers = min(workers, len(paths))
    with Readers(settings, workers) as readers, ThreadPoolExecutor(workers) as pool:
        for done, found in enumerate(pool.map(readers.load, range(len(paths)), map(Input, paths)), 1):
            if found.reason == DAMAGED:
                damaged.add(found.index)
            if progress:
                progress(done, len(paths))
    return damaged
