"""The same photographs scored again and again, each time made worse by another amount.

Nothing here is a second way to score: :func:`kerasdr.scoring.job.score_photographs` is called with a change that is done to
each decoded photograph before the quality gate and the bundle's recipe see it, as if the camera had taken it so.
"""

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kerasdr.imaging.degrade import degrade, mirror
from kerasdr.reporting import Progress
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.engines import DEFAULT_BATCH_SIZE
from kerasdr.scoring.job import one_thread_each, score_photographs
from kerasdr.scoring.photographs import ChangePhotograph
from kerasdr.scoring.rows import Row

Condition = tuple[str, float]
"""A kind of degradation and its severity; see :data:`UNCHANGED` and :data:`MIRRORED`."""

UNCHANGED: Condition = ("", 0.0)
MIRRORED: Condition = ("mirror", 0.0)


def score_degraded(
    paths: Sequence[str],
    bundle: Bundle,
    engine: Engine,
    kinds: Sequence[str],
    severities: Sequence[float],
    *,
    seed: int = 0,
    batch_size: int = DEFAULT_BATCH_SIZE,
    progress: Progress | None = None,
) -> dict[Condition, list[Row]]:
    """Score photographs as they are, mirrored, and at every severity of every kind.

    Both photographs of a pair are changed alike. What is drawn for a photograph hangs on the seed, the kind and the bytes of
    its file, so that it is the same at every severity. A mirrored photograph looks as one of the other eye does, and its
    partner, mirrored too, as one of this eye; a dual network is given the photograph and its partner, not a left and a right
    eye, so a mirrored pair is that of a person whose eyes have changed sides.

    Args:
        paths: of the photographs, each once.
        bundle: what scores them.
        engine: an engine of this bundle and batch size.
        kinds: of :data:`kerasdr.imaging.degrade.DEGRADATIONS`.
        severities: above 0, up to 5.
        seed: of what is drawn.
        batch_size: photographs at a time.
        progress: told of each condition that is done.

    Returns:
        One row for each photograph, in order, by condition: :data:`UNCHANGED`, :data:`MIRRORED`, ``(kind, severity)``.
    """
    changes: dict[Condition, ChangePhotograph | None] = {UNCHANGED: None, MIRRORED: _mirrored}
    for kind in kinds:
        for severity in severities:
            changes[kind, severity] = functools.partial(_degraded, kind, severity, seed)
    scored = {}
    with one_thread_each():
        for done, (condition, change) in enumerate(changes.items(), start=1):
            rows = score_photographs(paths, bundle, batch_size=batch_size, engine=engine, change=change)
            if len(rows) != len(paths):
                raise ValueError(f"{len(paths)} photographs gave {len(rows)} rows: one is named twice")
            scored[condition] = rows
            if progress:
                progress(done, len(changes))
    return scored


def _degraded(kind: str, severity: float, seed: int, rgb: NDArray[np.uint8], digest: str) -> NDArray[np.uint8]:
    return degrade(rgb, kind, severity, [seed, int(digest[:16], 16)])


def _mirrored(rgb: NDArray[np.uint8], digest: str) -> NDArray[np.uint8]:
    return mirror(rgb)
