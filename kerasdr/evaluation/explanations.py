"""Whether a heat map lies on the lesions: figures of one map and one mask in the same frame.

Everything is judged within the retina: its black surroundings hold no lesion and no picture shows heat there. How much of
the heat lies outside is a figure of its own.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.ranking import roc

TOLERANCE = 0.03
"""How far from a lesion the hottest place may lie, as a share of the retina's diameter.

The pointing game's 15 px, on photographs of about 500 px across."""


@dataclass(frozen=True)
class Localisation:
    """How well a map lies on the lesions of a photograph; all are nan where the map has no heat within the retina.

    Attributes:
        pointing: 1 if the hottest place is on a lesion or within the tolerance of one, else 0 (pointing game, Zhang et
            al., "Top-down neural attention by excitation backprop", IJCV 126, 2018). Of several equally hot places the
            share that is.
        pointing_gain: that minus what a place drawn evenly from the retina would have.
        energy: share of the heat that is on lesions (energy-based pointing game, Wang et al., "Score-CAM", CVPR
            Workshops 2020, section 4.3), 0..1.
        energy_ratio: that divided by the share of the retina that lesions cover: 1 for heat that is even.
        auc: how often a pixel on a lesion is hotter than one that is not, ties counting half.
        average_precision: of pixels on lesions, ranked by heat.
        energy_outside: share of the heat that is not on the retina, 0..1; small is good.
    """

    pointing: float
    pointing_gain: float
    energy: float
    energy_ratio: float
    auc: float
    average_precision: float
    energy_outside: float


FIGURES: tuple[str, ...] = tuple(field.name for field in fields(Localisation))
"""The names of the figures."""


def localise(
    heat: NDArray[np.floating],
    lesions: NDArray[np.bool_],
    retina: NDArray[np.bool_],
    tolerance: float = TOLERANCE,
) -> Localisation:
    """Judge one map.

    Args:
        heat: ``(H, W)``, at least 0.
        lesions: ``(H, W)``: where lesions are; what is outside the retina is left out.
        retina: ``(H, W)``: where the retina is seen.
        tolerance: see :data:`TOLERANCE`; 0 for none.

    Raises:
        ValueError: if the shapes differ, heat is negative or not finite, or there is no lesion, or nothing but lesions,
            within the retina.
    """
    if not heat.shape == lesions.shape == retina.shape or heat.ndim != 2:
        raise ValueError(
            f"heat, lesions and retina must be of one shape (H, W), got {heat.shape}, {lesions.shape}, {retina.shape}"
        )
    if not np.isfinite(heat).all() or heat.min(initial=0.0) < 0:
        raise ValueError("heat must be finite and at least 0")
    truth = lesions[retina]
    if truth.all() or not truth.any():
        raise ValueError("the retina must hold lesions and more than lesions")
    scores = np.asarray(heat[retina], np.float64)
    inside = scores.sum()
    if inside <= 0:
        return Localisation(*(float("nan") for _ in FIGURES))
    near = near_lesions(lesions & retina, retina, tolerance)[retina]
    pointing = float(near[scores == scores.max()].mean())
    energy = float(scores[truth].sum() / inside)
    curve = roc(truth, scores)
    return Localisation(
        pointing=pointing,
        pointing_gain=pointing - float(near.mean()),
        energy=energy,
        energy_ratio=energy / float(truth.mean()),
        auc=float(curve.auc()),
        average_precision=float(curve.average_precision()),
        energy_outside=float(1.0 - inside / np.asarray(heat, np.float64).sum()),
    )


def near_lesions(lesions: NDArray[np.bool_], retina: NDArray[np.bool_], tolerance: float) -> NDArray[np.bool_]:
    """Return which pixels are on a lesion or at most ``tolerance`` diameters of the retina away from one, ``(H, W)``.

    The diameter is the longer side of the retina's bounding box; distances are Euclidean, between centres of pixels.
    """
    import cv2

    if not lesions.any():
        return np.zeros_like(lesions)
    rows, columns = np.nonzero(retina)
    diameter = max(np.ptp(rows), np.ptp(columns)) + 1
    away = cv2.distanceTransform((~lesions).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= tolerance * diameter + 1e-6)


def enlarged(heat: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Return a map ``(h, w)`` stretched to ``(size, size)`` by bilinear interpolation, never below 0."""
    import cv2

    return np.asarray(
        cv2.resize(np.asarray(heat, np.float32), (size, size), interpolation=cv2.INTER_LINEAR), np.float32
    )
