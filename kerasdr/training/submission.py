"""A submission of the course's form: ``ID,TARGET``, one row for every photograph of a run's test part.

``ID`` is the photograph's ``image_id`` (``1_l1``), as the label files have it; or, for those who ask for file names, the last
part of its ``img_path`` (``1_l1.jpg``), which the course's starting code writes. ``TARGET`` is the grade, 0-4, of the run's
bundle, of every photograph with a label and without. Rows are in the order of the data set's own list of the test part
(``test.csv`` of the course), and a photograph that is listed there and missing has a row as well; where a layout has no such
list, they are in the table's order.

A submission with rows missing is refused. So a photograph that is missing, unreadable or ungradable is given the most
frequent grade of the training part (the lower among equals): what one would say of somebody whom one has not seen. How
many there are is told.

No label of the test part is used: each is put away before anything is graded.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from kerasdr.data.readers import read_table
from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, try_to_write, write_bytes_atomically
from kerasdr.grades import N_GRADES
from kerasdr.reporting import Reporter
from kerasdr.training.dataset import data_root
from kerasdr.training.held_out import NoTestPart, OpenedRun, ask_members, open_run
from kerasdr.training.run_folder import runs_of
from kerasdr.training.samples import grades_asked_for

Ids = Literal["image_id", "file-name"]


@dataclass(frozen=True)
class Submission:
    """What was written.

    Attributes:
        rows: photographs of the test part.
        not_graded: of these, missing, unreadable or ungradable.
        fallback: the grade that they were given.
    """

    rows: int
    not_graded: int
    fallback: int


def write_submission(run: Path, target: Path, reporter: Reporter, ids: Ids = "image_id") -> Submission:
    """Grade a run's whole test part with its bundle, each photograph with its partner of the table, and write the CSV.

    Args:
        run: a finished run.
        target: the CSV; an older one is replaced in one step.
        reporter: hears of progress.
        ids: what stands in the column ``ID``.

    Raises:
        NoTestPart: if the run has none.
        KerasdrError: if the run is not finished, its data have changed, no photograph of the test part can be graded, or
            the file cannot be written.
    """
    try:
        try_to_write(target.parent)
    except OSError as error:
        raise KerasdrError(
            f"cannot write {printable_path(target)}: {error.strerror}; check that its folder exists and is writable"
        ) from error
    opened = open_run(run, reporter)
    names = _asked(opened, ids)
    if not names:
        raise NoTestPart(
            f"{run} has no test part: data.split or the data set gave it none, so nothing can be submitted"
        )
    reporter.note(f"grading the test part: {len(names)} photographs")
    samples, members = ask_members(opened, _without_labels(opened.data.table), reporter)
    grades = opened.bundle.combined(members).argmax(axis=1)
    of_image = dict(zip(opened.data.table["image_id"].iloc[samples.rows], grades.tolist(), strict=True))
    fallback = _most_frequent(opened)
    rows = pd.DataFrame({"ID": names.values(), "TARGET": [of_image.get(image, fallback) for image in names]})
    write_bytes_atomically(target, rows.to_csv(index=False, lineterminator="\n").encode())
    return Submission(len(names), len(names) - len(of_image), fallback)


def _asked(opened: OpenedRun, ids: Ids) -> dict[str, str]:
    """Return what the column ``ID`` says of each photograph of the test part, by ``image_id`` and in order."""
    config = opened.experiment.data
    listed: tuple[tuple[str, str], ...] = ()
    if config.fold is None:  # a fold's test part is not the data set's
        root = data_root(config, runs_of(opened.run).parent)
        listed = read_table(config.layout, root, config.options).asked
    if not listed:
        part = opened.data.table[opened.data.table["split"] == "test"]
        listed = tuple(zip(part["image_id"], (Path(path).name for path in part["path"]), strict=True))
    names = {image: image if ids == "image_id" else file for image, file in listed}
    twice = next((name for name, times in Counter(names.values()).items() if times > 1), None)
    if twice is not None:
        raise KerasdrError(f"two photographs of the test part are called {twice}: use --submission-id image_id")
    return names


def _without_labels(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as if every photograph of the test part were to be graded, whatever its label says."""
    kept = table["split"] != "test"
    return table.assign(
        grade=table["grade"].where(kept, 0),
        quality=table["quality"].where(kept, ""),
        person_grade=table["person_grade"].where(kept),
    )


def _most_frequent(opened: OpenedRun) -> int:
    table = opened.data.table
    grades = grades_asked_for(table, opened.experiment.data.target)
    trained = (table["split"] == "train") & grades.notna()
    return int(np.bincount(grades[trained].astype(int), minlength=N_GRADES).argmax())
