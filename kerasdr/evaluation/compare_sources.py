"""What is compared: a tool's CSV, or what a run has kept of the test part that was opened before. Nothing is opened here."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasdr.data.fingerprint import has_test_part
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.given_tables import (
    NO_GRADE,
    GivenPredictions,
    GivenTable,
    read_given_labels,
    read_given_predictions,
)
from kerasdr.evaluation.matching import first_names, match
from kerasdr.evaluation.predictions import read_json
from kerasdr.files import printable_path

_FIRST_REPEAT = "1"


@dataclass(frozen=True, eq=False)
class Source:
    """One of the files that are compared.

    Attributes:
        path: as it was named: a CSV, a run, or a folder of folds.
        predictions: what it says.
        truth: the true grades that it holds as well; None of a CSV, which says nothing about where its grades are from.
        note: what a reader must know of it, or an empty text.
    """

    path: Path
    predictions: GivenPredictions
    truth: GivenTable | None
    note: str = ""

    @property
    def shown(self) -> str:
        """The path, for messages."""
        return printable_path(self.path)


def open_source(path: Path) -> Source:
    """Read a CSV of predictions, the kept test predictions of a run, or the out-of-fold ones of a folder of folds.

    Of a repeated cross-validation the first repeat is read: a photograph has one answer in it.

    Raises:
        KerasdrError: if a file cannot be used, or a run's test part was not opened: the line says what to run.
    """
    if not path.is_dir():
        return Source(path, read_given_predictions(path), None)
    folds = path / "out_of_fold.csv"
    if folds.is_file():
        return Source(
            path,
            read_given_predictions(folds, _FIRST_REPEAT),
            read_given_labels(folds, _FIRST_REPEAT),
            _note_on_repeats(path),
        )
    shown = printable_path(path)
    if any(path.glob("repeat-*-fold-*")):
        raise KerasdrError(
            f"the folds of {shown} are not all tested: give the `kerasdr train ... --folds` that made it again"
        )
    # The figures are written last, so predictions beside them are whole.
    if (path / "metrics_test.json").is_file() and (path / "predictions_test.csv").is_file():
        file = path / "predictions_test.csv"
        return Source(path, read_given_predictions(file), read_given_labels(file))
    if (path / "status.json").is_file():
        if (path / "data.json").is_file() and not has_test_part(read_json(path / "data.json")):
            raise KerasdrError(
                f"{shown} has no test part: data.split gave it none; grade other people with `kerasdr predict --model "
                f"{shown}`, and name the CSV"
            )
        raise KerasdrError(
            f"the test part of {shown} was not opened: run `kerasdr evaluate {shown}` first, which opens it once"
        )
    raise KerasdrError(f"{shown} is no run and no folder of folds: name a run's own folder, or a CSV")


def common_labels(sources: list[Source], labels: Path | None) -> GivenTable:
    """Return the labels to judge by: those of a file, or else the true grades that the runs among the sources hold.

    Raises:
        KerasdrError: if there are none, or runs hold different grades of a photograph.
    """
    if labels is not None:
        return read_given_labels(labels)
    known = [source for source in sources if source.truth is not None]
    if not known:
        raise KerasdrError("CSVs of predictions are compared by labels: give --labels LABELS.csv")
    first = known[0]
    assert first.truth is not None
    for other in known[1:]:
        assert other.truth is not None
        matched = match(other.truth, first.truth)
        ours, theirs = first.truth.grades[matched.labels], other.truth.grades[matched.predictions]
        differ = np.flatnonzero((ours != theirs) & (ours != NO_GRADE) & (theirs != NO_GRADE))
        if len(differ):
            names = first_names([first.truth.names[matched.labels[row]] for row in differ])
            raise KerasdrError(
                f"{first.shown} and {other.shown} hold different true grades of {len(differ)} photograph"
                f"{'s' if len(differ) > 1 else ''} ({names}): say which are right with --labels LABELS.csv"
            )
    return first.truth


def _note_on_repeats(folder: Path) -> str:
    repeats = {name.name.split("-")[1] for name in folder.glob("repeat-*-fold-*")}
    if len(repeats) < 2:
        return ""
    return f"{printable_path(folder)} holds {len(repeats)} repeats of its cross-validation: the first is compared"
