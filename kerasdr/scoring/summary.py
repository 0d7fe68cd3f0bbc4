"""A job's summary: what it did, with what, and whether its photographs look like those of validation. It names none of them."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasdr import __version__
from kerasdr.files import write_text_atomically
from kerasdr.grades import N_GRADES
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.drift import LEVEL, Compared, Drift, compare, observe
from kerasdr.scoring.names import summary_file
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.photographs import person_keys
from kerasdr.scoring.rows import STATUSES, Row

_PACKAGES = ("numpy", "cv2", "openvino", "onnxruntime", "keras", "tensorflow", "jax")

_NAMES = {
    "detail": "sharpness (detail)",
    "field": "share that is lit (field)",
    "grades": "grades",
    "red": "colour (red)",
}
_NAMES |= {"ungradable": "share ungradable", "prob_referable": "prob_referable", "blue": "colour (blue)"}


@dataclass(frozen=True)
class How:
    """How a job was done: engine, its precision, what became of the golden check, and seconds."""

    engine: str
    precision: str
    golden: str
    seconds: float


@dataclass(frozen=True)
class NewDrift:
    """What came since photographs were last compared, beside the reference.

    Attributes:
        drift: of them.
        photographs: how many could be read.
        compared_to: number of the ledger's entry up to which photographs have been compared by now.
    """

    drift: Drift
    photographs: int
    compared_to: int


def job_drift(summary: Summary, bundle: Bundle, *, named: bool = True) -> NewDrift:
    """Compare with the bundle's reference what was answered since the last time that photographs of this CSV were compared.

    That is kept in the summary beside the CSV. So each answer is compared once, whatever job gave it, and few photographs are
    left until there are enough. Without an earlier summary all of them are new.

    Args:
        summary: of the job.
        bundle: what graded.
        named: whether rows have the photographs' own names, which tell whose they are; else nothing is compared.
    """
    since = _compared_to(summary.csv)
    since = since if since <= summary.head.count else 0  # the ledger is another one
    answers = zip(summary.rows, summary.answered, strict=True)
    rows = [row for row, entry in answers if entry > since and row.status in ("graded", "ungradable")]
    if not named:
        why = "photographs are shown by pseudonyms, which do not tell what is of one person"
        return NewDrift(Drift(0, why), len(rows), since)
    drift = rows_drift(rows, bundle)
    return NewDrift(drift, len(rows), summary.head.count if drift.compared else since)


def rows_drift(read: Sequence[Row], bundle: Bundle) -> Drift:
    """Compare photographs that could be read with the bundle's reference.

    Args:
        read: their rows, graded or ungradable.
        bundle: what graded them.
    """
    probabilities = np.array([row.probabilities or (np.nan,) * N_GRADES for row in read]).reshape(-1, N_GRADES)
    people = person_keys(row.image for row in read)
    # The reference knows no grades of what the gate refused.
    statuses = ["ungradable" if row.graded_anyway else row.status for row in read]
    return compare(observe(people, statuses, probabilities, [row.figures for row in read]), bundle.reference)


def _compared_to(out: Path) -> int:
    try:
        content = json.loads(summary_file(out).read_text(encoding="utf-8"))
        return int(content["drift"]["compared_to_entry"])
    except (OSError, ValueError, KeyError, TypeError):  # none, or one of an earlier version
        return 0


def drift_warning(drift: Drift) -> str:
    """Return what a person should hear about a job's photographs, in a line; empty if there is nothing to say."""
    if not drift.alarms:
        return ""
    said = ", ".join(_said(one) for one in drift.alarms[:3])
    more = f", and {len(drift.alarms) - 3} more" if len(drift.alarms) > 3 else ""
    return (
        f"the new photographs of {drift.people} people are not like those that the model was validated on: {said}{more}; "
        "look at camera, focus and light before trusting the grades"
    )


def _said(one: Compared) -> str:
    name = _NAMES.get(one.quantity, one.quantity)
    if len(one.here) == 3:
        return f"{name} {one.here[1]:.3g} at the median, {one.reference[1]:.3g} there"
    if len(one.here) == 1:
        return f"{name} {one.here[0]:.1%}, {one.reference[0]:.1%} there"
    shares = ("/".join(f"{share:.0%}" for share in shares) for shares in (one.here, one.reference))
    return f"{name} 0-4 {', '.join(shares)} there"


def write_summary(out: Path, rows: Sequence[Row], bundle: Bundle, drift: NewDrift, how: How) -> Path:
    """Write a job's summary beside its CSV, in one step.

    Args:
        out: the CSV.
        rows: of it.
        bundle: what graded them.
        drift: from :func:`job_drift`.
        how: the job was done.

    Raises:
        KerasdrError: if it cannot be written.
    """
    counts = {status: sum(row.status == status for row in rows) for status in STATUSES}
    read = counts["graded"] + counts["ungradable"]
    content = {
        "csv": out.name,
        "photographs": {
            "listed": len(rows),
            **counts,
            "referable": sum(row.referable is True for row in rows),
            "doubtful": sum(row.doubtful for row in rows),
            "to_reader": sum(row.refer_to_reader is True for row in rows),
            "ungradable_share": counts["ungradable"] / read if read else None,
        },
        "seconds": round(how.seconds, 3),
        "photographs_per_second": round(len(rows) / how.seconds, 3) if how.seconds > 0 else None,
        "bundle": {
            "name": bundle.name,
            "digest": bundle.digest,
            "golden_check": how.golden,
        },
        "engine": how.engine,
        "precision": how.precision,
        "versions": _versions(),
        "drift": _drift(drift),
    }
    path = summary_file(out)
    write_text_atomically(path, json.dumps(content, indent=1) + "\n")
    return path


def _versions() -> dict[str, str]:
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in _PACKAGES}
    python = ".".join(map(str, sys.version_info[:3]))
    return {"kerasdr": __version__, "python": python} | {k: str(v) for k, v in loaded.items() if v is not None}


def _drift(new: NewDrift) -> dict[str, Any]:
    drift = new.drift
    return {
        "photographs": new.photographs,
        "compared_to_entry": new.compared_to,
        "people": drift.people,
        "undefined": drift.undefined,
        "level": LEVEL,
        "differs": [one.quantity for one in drift.alarms],
        "quantities": [
            {
                "quantity": one.quantity,
                "test": one.test,
                "people": one.people[0],
                "people_validation": one.people[1],
                "statistic": one.statistic,
                "p": one.p,
                "p_holm": one.adjusted,
                "undefined": one.undefined,
                "here": list(one.here),
                "validation": list(one.reference),
            }
            for one in drift.compared
        ],
    }
