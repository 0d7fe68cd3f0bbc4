"""Groups of the photographs in a judged CSV: by a column of the labels or the predictions, or by what names say."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.config import suggestion
from kerasdr.data.names import PhotoName, parse_name
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.given_tables import GivenPredictions, GivenTable
from kerasdr.evaluation.groups import Grouping, make_groups
from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.matching import Matched, stem_of
from kerasdr.evaluation.subgroup_figures import Labelled
from kerasdr.evaluation.subgroups import Difference, Subgroups, subgroups
from kerasdr.files import printable_path
from kerasdr.grades import REFERABLE_FROM, probability_from

# What the name of a photograph tells where no column does.
_FROM_NAMES: dict[str, Callable[[PhotoName], str]] = {"eye": lambda name: name.eye, "view": lambda name: name.view}


def judged_groups(
    predictions: GivenPredictions,
    labels: GivenTable,
    matched: Matched,
    labelled: NDArray[np.bool_],
    groupings: Sequence[Grouping],
    *,
    min_people: int,
    seed: int = 0,
) -> tuple[Subgroups, ...]:
    """Return the figures of groups of the labelled photographs, for each column that is asked for.

    Args:
        predictions, labels: the two files.
        matched: which rows of theirs belong together.
        labelled: which of these have a grade in the labels, ``(n,)``.
        groupings: the columns: of the labels, else of the predictions, else ``eye`` or ``view`` of the names.
        min_people: of a group with fewer people no figure is given.
        seed: of the resamples.

    Raises:
        KerasdrError: if a column is not there or cannot be cut into groups.
    """
    if not groupings:
        return ()
    rows, label_rows = matched.predictions[labelled], matched.labels[labelled]
    photographs = Labelled(
        truth=labels.grades[label_rows],
        predicted=predictions.grades[rows],
        called_referable=predictions.called_referable[rows],
        # Sums of the same decimals in another order differ in their last bit; they are ties all the same.
        p_referable=None
        if predictions.probabilities is None
        else probability_from(predictions.probabilities[rows], REFERABLE_FROM).round(12),
        people=matched.people[labelled],
        # A file judged by a column of its own holds what was graded, and nothing of the rest.
        all_graded=predictions.path == labels.path,
    )
    found = []
    for grouping in groupings:
        cells, lines, source = _cells(predictions, labels, rows, label_rows, grouping.column)
        groups = make_groups(cells, grouping, source, lines)
        found.append(subgroups(photographs, groups, grouping.column, source, min_people=min_people, seed=seed))
    return tuple(found)


def _cells(
    predictions: GivenTable,
    labels: GivenTable,
    rows: NDArray[np.int64],
    label_rows: NDArray[np.int64],
    column: str,
) -> tuple[list[str], list[int] | None, str]:
    for table, chosen in ((labels, label_rows), (predictions, rows)):
        if column in table.cells:
            cells = table.cells[column].iloc[chosen]
            return list(cells), list(table.lines[chosen]), f"column {printable_path(column)} of {table.shown}"
    if column in _FROM_NAMES:
        tell = _FROM_NAMES[column]
        return [tell(parse_name(stem_of(labels.names[row]))) for row in label_rows], None, "the photographs' names"
    known = list(dict.fromkeys([*labels.cells.columns, *predictions.cells.columns, *_FROM_NAMES]))
    raise KerasdrError(
        f"neither {labels.shown} nor {predictions.shown} has a column {printable_path(column)!r}"
        f"{suggestion(column, known)}; there are {printable_path(', '.join(known))}"
    )


def subgroups_json(found: Iterable[Subgroups]) -> dict[str, Any]:
    """Return groups as plain data, by column and name of the group; what is undefined is null, and ``undefined`` says why."""
    return {one.column: _column_json(one) for one in found}


def _column_json(one: Subgroups) -> dict[str, Any]:
    return {
        "source": one.source,
        "cut": one.cut,
        "min_people": one.min_people,
        "people_in_several_groups": one.people_in_several,
        "comparisons": one.comparisons,
        "groups": [
            {
                "name": group.name,
                "counts": {
                    "photographs": group.photographs,
                    "people": group.people,
                    "graded": group.graded,
                    "referable": group.referable,
                    "referable_people": group.referable_people,
                },
                "figures": {name: _interval_json(figure) for name, figure in group.figures.items()},
                "undefined": dict(group.undefined),
                "difference_from_all_others": {
                    name: _difference_json(difference) for name, difference in group.differences.items()
                },
                "no_difference": dict(group.no_difference),
            }
            for group in one.groups
        ],
    }


def _difference_json(difference: Difference) -> dict[str, Any]:
    found = _interval_json(difference.interval)
    return {**{key: found[key] for key in ("value", "low", "high")}, "p": difference.p, "p_holm": difference.p_holm}


def _interval_json(figure: Interval) -> dict[str, float | int | None]:
    ends = {key: getattr(figure, key) for key in ("value", "low", "high")}
    plain = {key: None if np.isnan(value) else float(value) for key, value in ends.items()}
    return {**plain, "n_images": figure.n_images, "n_people": figure.n_people}
