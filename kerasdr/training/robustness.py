"""How a finished model's answers hold when photographs of people it has not learnt from get worse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.given_tables import NO_GRADE
from kerasdr.evaluation.robustness import Answers, robustness
from kerasdr.evaluation.robustness_report import RobustnessReport
from kerasdr.imaging.decode import decode
from kerasdr.imaging.degrade import A_STEP, check_kinds, check_severity, degrade
from kerasdr.imaging.headers import UnreadablePhotograph
from kerasdr.imaging.panel import contact_sheet
from kerasdr.imaging.quality import judge
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.degraded import MIRRORED, UNCHANGED, Condition, score_degraded
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.engines import DEFAULT_BATCH_SIZE
from kerasdr.scoring.rows import Row
from kerasdr.training.trial_photographs import Unseen

_SHEET_SIDE = 512


@dataclass(frozen=True)
class Scored:
    """What one model says of photographs at every step.

    Attributes:
        model: its label.
        caution: what anyone who sees its grades must know, or empty.
        photographs: those with a grade.
        answers: to these, by condition.
    """

    model: str
    caution: str
    photographs: Unseen
    answers: Mapping[Condition, Answers]


def score_unseen(
    bundle: Bundle,
    engine: Engine,
    photographs: Unseen,
    kinds: Sequence[str],
    severities: Sequence[float],
    reporter: Reporter,
    *,
    seed: int = 0,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> Scored:
    """Score photographs as they are, mirrored and made worse.

    Args:
        bundle: the model.
        engine: an engine of this bundle and batch size.
        photographs: those without a grade are scored, as they may be partners, and not judged.
        kinds: of degradations, each once.
        severities: above 0, up to 5, each once; 0 is always measured.
        reporter: hears of progress.
        seed: of what degradations draw.
        batch_size: photographs at a time.

    Raises:
        KerasdrError: if a kind or a severity is wrong, or no photograph has a grade.
    """
    check_kinds(kinds)
    for severity in severities:
        check_severity(severity)
    judged = photographs.grades != NO_GRADE
    if not judged.any():
        raise KerasdrError(f"no photograph has a grade ({photographs.what}): name photographs with labels")
    scored = score_degraded(
        photographs.paths,
        bundle,
        engine,
        kinds,
        _steps(severities),
        seed=seed,
        batch_size=batch_size,
        progress=reporter.progress(f"scoring {len(photographs.paths)} photographs at every kind and severity"),
    )
    answers = {condition: _answers(rows, judged) for condition, rows in scored.items()}
    return Scored(bundle.label, bundle.caution, photographs.only(judged), answers)


def measure_robustness(
    scored: Sequence[Scored],
    kinds: Sequence[str],
    severities: Sequence[float],
    *,
    seed: int = 0,
    n_resamples: int = 2000,
) -> RobustnessReport:
    """Return how figures hold.

    Args:
        scored: by :func:`score_unseen` with these kinds and severities; of several models, such as the folds of a
            cross-validation, each says what it says of its own people, and all are judged together.
        kinds: of degradations.
        severities: as there.
        seed: of the bootstrap, and what degradations were drawn by.
        n_resamples: of the bootstrap.
    """

    def answers(condition: Condition) -> Answers:
        parts = [one.answers[condition] for one in scored]
        columns = ([getattr(part, name) for part in parts] for name in ("grades", "p_referable", "doubtful"))
        return Answers(*(np.concatenate(column) for column in columns))

    found = robustness(
        np.concatenate([one.photographs.grades for one in scored]),
        np.concatenate([one.photographs.people for one in scored]),
        answers(UNCHANGED),
        {kind: {severity: answers((kind, severity)) for severity in _steps(severities)} for kind in kinds},
        answers(MIRRORED),
        n_resamples=n_resamples,
        seed=seed,
    )
    return RobustnessReport(
        model="; ".join(dict.fromkeys(one.model for one in scored)),
        caution="; ".join(dict.fromkeys(filter(None, (one.caution for one in scored)))),
        what="; ".join(dict.fromkeys(one.photographs.what for one in scored)),
        phantoms=any(one.photographs.phantoms for one in scored),
        seed=seed,
        interval=f"percentile bootstrap over people, {n_resamples} resamples, 95%; every step is of the same draws",
        a_step={kind: A_STEP[kind] for kind in kinds},
        found=found,
        by_label=any(one.photographs.by_label for one in scored),
    )


def _steps(severities: Sequence[float]) -> list[float]:
    return [severity for severity in severities if severity > 0]


def degradation_sheet(
    paths: Sequence[str], kinds: Sequence[str], severities: Sequence[float], seed: int = 0
) -> NDArray[np.uint8]:
    """Draw the first photograph that can be graded at every kind and severity, ``(..., ..., 3)`` uint8 RGB.

    Args:
        paths: of photographs.
        kinds: a row each.
        severities: a column each; severity 0 is always drawn.
        seed: of what degradations draw.

    Raises:
        KerasdrError: if none can be graded.
    """
    rgb = _first_gradable(paths)
    steps = [0.0, *(severity for severity in severities if severity > 0)]
    rows = [(kind, [degrade(rgb, kind, severity, seed) for severity in steps]) for kind in kinds]
    return contact_sheet(rows, [f"severity {severity:g}" for severity in steps])


def _first_gradable(paths: Sequence[str]) -> NDArray[np.uint8]:
    for path in paths:
        try:
            rgb = decode(Path(path).read_bytes(), min_side=_SHEET_SIDE)
        except (OSError, UnreadablePhotograph):  # scoring says so, in the share not graded
            continue
        if judge(rgb).gradable:
            return rgb
    raise KerasdrError(
        f"none of {len(paths)} photographs can be graded, even unchanged: check them with `kerasdr predict`"
    )


def _answers(rows: Sequence[Row], judged: NDArray[np.bool_]) -> Answers:
    grades = np.array([NO_GRADE if row.grade is None else row.grade for row in rows], dtype=np.int64)
    referable = np.array([np.nan if row.prob_referable is None else row.prob_referable for row in rows])
    doubtful = np.array([row.doubtful for row in rows])
    return Answers(grades[judged], referable[judged], doubtful[judged])
