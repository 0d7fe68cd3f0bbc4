"""Grades that a network cannot learn, or cannot be judged on, because no photograph has them."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.grades import GRADES, N_GRADES

_PARTS = ("train", "validation", "test")


def count_grades(grades: pd.Series) -> NDArray[np.int64]:
    """Return how many photographs have each grade, ``(5,)``; unknown grades are not counted."""
    return np.bincount(grades.dropna().to_numpy(dtype=np.int64), minlength=N_GRADES)


def slashed_counts(grades: pd.Series) -> str:
    """Return the counts of grades 0-4 as ``120/14/30/5/2``."""
    return "/".join(map(str, count_grades(grades)))


def missing_grade_notes(grades: pd.Series, splits: pd.Series) -> tuple[str, ...]:
    """Return a line for what cannot be learned or chosen by, each with its remedy.

    Said are grades that no photograph has, grades that validation or test have and training lacks, and a validation part
    of one grade. Where no grade is known at all, nothing is said.

    Args:
        grades: what each photograph is to be given, ``Int64``; ``<NA>`` where it is unknown or the photograph is not used.
        splits: the part of each; all empty where people are not dealt out yet.
    """
    whole = count_grades(grades)
    if not whole.any():
        return ()
    parts = {part: count_grades(grades[splits == part]) for part in _PARTS}
    lines = []
    nowhere = [grade for grade in GRADES if whole[grade] == 0]
    if nowhere:
        lines.append(
            f"no photograph has grade {_listed(nowhere)}: no network can learn it, and no figure tells how people who have "
            "it would be graded; add photographs of it"
        )
    for grade in GRADES if parts["train"].any() else ():
        held = [f"{parts[part][grade]} of {part}" for part in ("validation", "test") if parts[part][grade]]
        if held and parts["train"][grade] == 0:
            lines.append(
                f"no training photograph has grade {grade}, and {' and '.join(held)} have it: no network can learn it, and "
                "all of these will be graded wrongly; add people who have it, or deal people anew (another seed, a larger "
                "data.split.train)"
            )
    if (parts["validation"] > 0).sum() == 1:
        lines.append(
            f"all validation photographs are of grade {parts['validation'].argmax()}: kappa is 0 there whatever is answered, "
            "so neither epochs nor ensembles can be chosen by it; add people, or deal people anew (another seed, a larger "
            "data.split.validation)"
        )
    return tuple(lines)


def require_two_grades(grades: pd.Series, splits: pd.Series) -> None:
    """Refuse a training part with a single grade, on which a network can learn nothing but to say it.

    Args:
        grades, splits: as :func:`missing_grade_notes`.

    Raises:
        KerasdrError: if there is one grade alone; a part without any is not this function's to judge.
    """
    counts = count_grades(grades[splits == "train"])
    if (counts > 0).sum() == 1:
        raise KerasdrError(
            f"all {counts.sum()} training photographs are of grade {counts.argmax()}, so there is nothing to tell apart: "
            "add people of other grades, or deal people anew (another seed, a larger data.split.train)"
        )


def _listed(grades: Iterable[int]) -> str:
    *first, last = map(str, grades)
    return f"{', '.join(first)} or {last}" if first else last
