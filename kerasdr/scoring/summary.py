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
    """How a job was done: engine, its precision, whether the model's golden photographs passed, and seconds."""

    engine: str
    precision: str
    checked: bool
    seconds: float


def summary_file(out: Path) -> Path:
    """Return where the summary of a CSV lies: ``grades.summary.json`` beside ``grades.csv``."""
    return out.with_name(f"{out.stem}.summary.json")


def job_drift(rows: Sequence[Row], bundle: Bundle, *, named: bool = True) -> Drift:
    """Compare a job's photographs, as far as they could be read, with the bundle's reference.

    Args:
        rows: of the job.
        bundle: what graded them.
        named: whether rows have the photographs' own names, which tell whose they are; else nothing is compared.
    """
    if not named:
        return Drift(0, "photographs are shown by pseudonyms, which do not tell what is of one person")
    read = [row for row in rows if row.status in ("graded", "ungradable")]
    probabilities = np.array([row.probabilities or (np.nan,) * N_GRADES for row in read]).reshape(-1, N_GRADES)
    people, statuses = person_keys(row.image for row in read), [row.status for row in read]
    return compare(observe(people, statuses, probabilities, [row.figures for row in read]), bundle.reference)


def drift_warning(drift: Drift) -> str:
    """Return what a person should hear about a job's photographs, in a line; empty if there is nothing to say."""
    if not drift.alarms:
        return ""
    said = ", ".join(_said(one) for one in drift.alarms[:3])
    more = f", and {len(drift.alarms) - 3} more" if len(drift.alarms) > 3 else ""
    return (
        f"these photographs of {drift.people} people are not like those that the model was validated on: {said}{more}; "
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


def write_summary(out: Path, rows: Sequence[Row], bundle: Bundle, drift: Drift, how: How) -> Path:
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
            "to_reader": sum(row.refer_to_reader is True for row in rows),
            "ungradable_share": counts["ungradable"] / read if read else None,
        },
        "seconds": round(how.seconds, 3),
        "photographs_per_second": round(len(rows) / how.seconds, 3) if how.seconds > 0 else None,
        "bundle": {
            "name": bundle.name,
            "digest": bundle.digest,
            "golden_check": "passed" if how.checked else "the model carries no golden photographs",
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


def _drift(drift: Drift) -> dict[str, Any]:
    return {
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
