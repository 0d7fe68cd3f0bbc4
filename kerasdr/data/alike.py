"""Photographs that are copies of one another though their files differ: found by their looks, among very many.

Every look is compared with every other in all eight ways to turn and mirror it, and as a closer crop of it, at half its side,
which is a product of matrices; the few that are most alike are then laid over each other by an affine map (Evangelidis &
Psarakis, "Parametric image alignment using enhanced correlation coefficient maximization", IEEE TPAMI 30(10), 2008) and
correlated. For N photographs against M the time of the first grows as N x M, that of the second as N.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SURELY_ALIKE = 0.80
"""The least correlation of copies. tests/benchmarks/copies.py measures what it finds and what it mistakes."""

_CANDIDATE = 0.45  # of the comparison at half the side; far below what most copies have
_CANDIDATES = 8  # at most, for each photograph
_LEAST_COMMON = 0.25  # of the square: less has too few vessels to go by
_SCALES = (0.6, 1.6)  # that one copy can have within another
_ROWS, _COLUMNS = 1024, 2048
_CLOSE_UP = 0.82  # of the side of one: what a closer crop of it shows
# How the second of two is held against the first, and what that is called.
_POSES = (
    "",
    "turned by 90 degrees",
    "turned by 180 degrees",
    "turned by 270 degrees",
    "mirrored",
    "mirrored and turned by 90 degrees",
    "mirrored and turned by 180 degrees",
    "mirrored and turned by 270 degrees",
    "cropped",
    "less cropped",
)


@dataclass(frozen=True)
class Alike:
    """Two photographs that are copies.

    Attributes:
        first: index of one, among the first looks.
        second: index of the other: among the second looks, or among the same if there are no others.
        correlation: of their looks, laid over each other; at most 1.
        pose: how the second was held against the first, in words; empty if as it is.
    """

    first: int
    second: int
    correlation: float
    pose: str


def find_alike(
    looks: NDArray[np.int8], others: NDArray[np.int8] | None = None, threshold: float = SURELY_ALIKE
) -> list[Alike]:
    """Return the pairs of photographs that are copies, in order.

    For each photograph the eight that are most like it are looked at closely, so of a group of more than nine copies not
    every pair is named, but every one of them is in some pair.

    Args:
        looks: ``(N, 64, 64)`` int8 of :func:`kerasdr.imaging.look.look_of`; one of zeros is like nothing.
        others: ``(M, 64, 64)`` int8; pairs are then of one of ``looks`` and one of ``others``, else within ``looks``.
        threshold: the least correlation.
    """
    second = looks if others is None else others
    found = []
    for first, other in _candidates(looks, second, others is None):
        one, two = looks[first : first + 1], second[other : other + 1]
        held = [*((one, turned) for turned in _turns(two)), (_close_up(one), two), (one, _close_up(two))]
        pose = int(np.argmax([float((_unit(left) * _unit(right)).sum()) for left, right in held]))
        correlation = _correlation_of_aligned(held[pose][0][0], held[pose][1][0])
        if correlation >= threshold:
            found.append(Alike(first, other, correlation, _POSES[pose]))
    return found


def _turns(looks: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """Return looks as they are and as the first eight of ``_POSES`` say."""
    return [np.rot90(side, times, axes=(1, 2)) for side in (looks, looks[:, :, ::-1]) for times in range(4)]


def _close_up(looks: NDArray[np.int8]) -> NDArray[np.int8]:
    side = looks.shape[1]
    margin = round(side * (1 - _CLOSE_UP) / 2)
    middle = looks[:, margin : side - margin, margin : side - margin].astype(np.float32)
    return np.array([cv2.resize(one, (side, side), interpolation=cv2.INTER_LINEAR) for one in middle], np.int8)


def _unit(looks: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return looks at half their side as rows of length 1, ``(N, 1024)``; zeros stay zeros."""
    n, side, _ = looks.shape
    coarse = looks.reshape(n, side // 2, 2, side // 2, 2).mean(axis=(2, 4), dtype=np.float32).reshape(n, -1)
    length = np.linalg.norm(coarse, axis=1, keepdims=True)
    return coarse / np.where(length > 0, length, 1)


def _candidates(looks: NDArray[np.int8], others: NDArray[np.int8], within: bool) -> list[tuple[int, int]]:
    """Return the pairs that are worth a close look; within one set, the lower index first."""
    best = np.full((len(looks), _CANDIDATES), -1.0, np.float32)
    who = np.full((len(looks), _CANDIDATES), -1)
    rows = [(top, _unit(part), _unit(_close_up(part))) for top, part in _parts(looks, _ROWS)]
    for left, block in _parts(others, _COLUMNS):
        held = [_unit(one).T for one in (*_turns(block), _close_up(block))]
        for top, plain, close in rows:
            alike = close @ held[0]
            for one in held:
                np.maximum(alike, plain @ one, out=alike)
            if within:
                itself = np.arange(top, top + len(plain)) - left
                known = (itself >= 0) & (itself < len(block))
                alike[np.flatnonzero(known), itself[known]] = -1.0
            take = min(_CANDIDATES, len(block))
            column = np.argpartition(-alike, take - 1, axis=1)[:, :take]
            mine = slice(top, top + len(plain))
            scores = np.hstack([best[mine], np.take_along_axis(alike, column, axis=1)])
            places = np.hstack([who[mine], column + left])
            keep = np.argsort(-scores, axis=1, kind="stable")[:, :_CANDIDATES]
            best[mine], who[mine] = (np.take_along_axis(part, keep, axis=1) for part in (scores, places))
    first, place = np.nonzero(best >= _CANDIDATE)
    pairs = zip(first.tolist(), who[first, place].tolist(), strict=True)
    return sorted({(min(pair), max(pair)) if within else pair for pair in pairs})


def _parts(looks: NDArray[np.int8], size: int) -> list[tuple[int, NDArray[np.int8]]]:
    return [(start, looks[start : start + size]) for start in range(0, len(looks), size)]


def _correlation_of_aligned(look: NDArray[np.int8], other: NDArray[np.int8]) -> float:
    """Return the correlation of two looks where both show the retina, the second laid over the first; 0 if it cannot be."""
    one, two = (np.ascontiguousarray(part, np.float32) for part in (look, other))
    affine = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-3)
    try:
        _, affine = cv2.findTransformECC(one, two, affine, cv2.MOTION_AFFINE, stop, None, 3)
    except cv2.error:  # it did not converge: there is nothing in common
        return 0.0
    scales = np.linalg.svd(affine[:, :2], compute_uv=False)
    if not (_SCALES[0] <= scales.min() and scales.max() <= _SCALES[1]):
        return 0.0
    laid = cv2.warpAffine(two, affine, one.shape, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    common = (one != 0) & (laid != 0)
    if common.mean() < _LEAST_COMMON:
        return 0.0
    x, y = one[common] - one[common].mean(), laid[common] - laid[common].mean()
    return float((x @ y) / (np.linalg.norm(x) * np.linalg.norm(y)))
