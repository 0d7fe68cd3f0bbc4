"""Photographs on which a finished model is tried: of people whom its training did not learn from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.config import Experiment, load
from kerasdr.data.fingerprint import photograph_digests
from kerasdr.data.phantom.recognise import find_phantoms
from kerasdr.data.phantom.write import write_phantoms
from kerasdr.data.readers import detect_layout, read_table
from kerasdr.data.splits import read_split
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.fold_folders import folds_of_first_repeat
from kerasdr.evaluation.given_tables import NO_GRADE
from kerasdr.files import EMPTY_SHA256, printable_path
from kerasdr.grades import REFERABLE_FROM
from kerasdr.reporting import Reporter
from kerasdr.scoring.pointer import find_bundle
from kerasdr.training.dataset import data_root, open_dataset
from kerasdr.training.openings import read_openings
from kerasdr.training.run_folder import runs_of
from kerasdr.training.samples import grades_asked_for
from kerasdr.training.unseen import seen_by

Part = Literal["validation", "test-opened"]
PARTS: tuple[Part, ...] = get_args(Part)

PHANTOM_PEOPLE = 60
PHANTOM_SEED = 9001
_PHANTOM_SIZE = 512
_OPENED = "metrics_test.json"


@dataclass(frozen=True, eq=False)
class Unseen:
    """Photographs, those without a grade included, as they may be a partner.

    Attributes:
        paths: ``(n,)``.
        grades: true grades ``(n,)``, 0-4, or :data:`~kerasdr.evaluation.given_tables.NO_GRADE`.
        people: ``(n,)``.
        what: whose photographs these are, in words.
        phantoms: whether some are synthetic, so that figures say nothing about people.
        by_label: whether people were chosen by their labels, so that shares of them are not those of a whole population.
    """

    paths: list[str]
    grades: NDArray[np.int64]
    people: NDArray[np.str_]
    what: str
    phantoms: bool
    by_label: bool = False

    def only(self, chosen: NDArray[np.bool_], what: str = "") -> "Unseen":
        """Return some of them.

        Args:
            chosen: which, ``(n,)``.
            what: whose they are; as before if empty.
        """
        paths = [path for path, one in zip(self.paths, chosen, strict=True) if one]
        parts = self.grades[chosen], self.people[chosen]
        return Unseen(paths, *parts, what or self.what, self.phantoms, self.by_label)

    def of_referable_people(self) -> "Unseen":
        """Return the photographs of people of whom one is graded 2 or worse, partners included.

        Raises:
            KerasdrError: if there are no such people.
        """
        referable = np.isin(self.people, self.people[self.grades >= REFERABLE_FROM])
        if not referable.any():
            raise KerasdrError(
                f"nobody has a photograph labelled grade 2 or worse ({self.what}): name other photographs"
            )
        chosen = self.only(referable, f"{self.what}; people of whom a photograph is labelled grade 2 or worse")
        return replace(chosen, by_label=True)


def folds_of(model: Path) -> list[Path]:
    """Return the runs of a cross-validation's first repeat, in order; none if a path is no folder of one.

    Raises:
        KerasdrError: if some of them are not there, so that not all people would be judged.
    """
    folds = folds_of_first_repeat(model)
    begun = load(str(folds[0] / "config.yaml")).data.fold if folds and (folds[0] / "config.yaml").is_file() else None
    if begun is not None and len(folds) < begun.of:
        raise KerasdrError(
            f"{printable_path(model)} has {len(folds)} of its {begun.of} folds: give its `kerasdr train --folds` again"
        )
    return folds


def run_of(model: Path) -> Path | None:
    """Return the run that a model (a run, a bundle, a pointer) belongs to, or None for a bundle that lies by itself.

    Raises:
        KerasdrError: if there is no model.
    """
    run = find_bundle(model).resolve().parent
    return run if all((run / name).is_file() for name in ("config.yaml", "split.csv")) else None


def unseen_photographs(
    model: Path, workspace: Path, reporter: Reporter, *, data: Path | None, layout: str | None, part: Part | None
) -> Unseen:
    """Return the photographs of a run's part, or all of another data set.

    Photographs are told by their bytes: if ``data`` holds any of the run's own, only those of the part are taken, so that
    nothing of its training part is among them; if it holds none of them, all of it.

    Args:
        model: a run, a bundle or a pointer to one.
        workspace: where phantoms are drawn.
        reporter: hears of progress.
        data: a folder of photographs; if None, the run's own, and for a bundle by itself phantoms.
        layout: of ``data``; if None, the run's own, or for a bundle guessed.
        part: ``validation`` (if None) or ``test-opened``, the test part if `kerasdr evaluate` has opened it.

    Raises:
        KerasdrError: if there are none, or the test part was not opened.
    """
    run = run_of(model)
    if run is None:
        if part is not None:
            raise KerasdrError(f"{printable_path(model)} is a bundle by itself: parts are of runs; leave --part out")
        if data is None:
            return unseen_phantoms(model, workspace, reporter)
        what = "whether the model has seen these people cannot be checked, as the bundle lies in no run's folder"
        return _read(data, layout or detect_layout(data), {}, "eye", what)[0]
    experiment = load(str(run / "config.yaml"))
    if part == "test-opened" and not (run / _OPENED).is_file() and not read_openings(run):
        raise KerasdrError(
            f"the test part of {printable_path(run)} was not opened: `kerasdr evaluate {printable_path(run)}` opens it, once"
        )
    found, digests = _of_run(run, experiment, data, layout, reporter)
    split = read_split(run / "split.csv")
    if "sha256" not in split:
        raise KerasdrError(
            f"{printable_path(run)} kept no digests of its photographs, so its parts cannot be told: train it anew"
        )
    of_part = dict(zip(split["sha256"], split["split"], strict=True))
    of_part.pop(EMPTY_SHA256, None)
    where = np.array([of_part.get(digest, "unknown") for digest in digests])
    if (where == "unknown").all() and data is not None:
        if part is not None:
            raise KerasdrError(
                f"{printable_path(data)} holds no photograph of {printable_path(run)}: name that run's own photographs, or one "
                "run without --part, which takes all of it"
            )
        seen = seen_by(model).digests  # of the runs that its weights began with, too
        new = np.array([digest not in seen for digest in digests])
        if not new.any():
            raise KerasdrError(
                f"runs that the model's weights began with saw all of {printable_path(data)}: name others"
            )
        return found.only(new, f"{found.what}; none of them is a photograph of the run")
    wanted = "test" if part == "test-opened" else "validation"
    said = "validation part, which chose the weights and the ensemble" if wanted == "validation" else "opened test part"
    if not (where == wanted).any():
        raise KerasdrError(
            f"{printable_path(run)} has no photograph in its {wanted} part: give --phantoms N, or --data ROOT"
        )
    return found.only(where == wanted, f"{found.what}; the run's {said}")


def unseen_phantoms(
    model: Path, workspace: Path, reporter: Reporter, *, people: int = PHANTOM_PEOPLE, seed: int = PHANTOM_SEED
) -> Unseen:
    """Draw phantoms of people whom a run has not seen.

    Args:
        model: a run, a bundle or a pointer to one.
        workspace: their folder is made in it, or used again.
        reporter: hears of progress.
        people: how many.
        seed: of the population.

    Raises:
        KerasdrError: if the model, or one that its weights began with, was trained on phantoms of this seed.
    """
    run = run_of(model)
    if seed in seen_by(model).seeds:
        raise KerasdrError(
            f"the model was trained on phantoms of seed {seed}, which are the same people: give another --seed"
        )
    drawn = None if run is None else load(str(run / "config.yaml")).data.phantom
    size = _PHANTOM_SIZE if drawn is None else drawn.size
    root = workspace / f"phantoms-eyepacs-{people}-{seed}-{size}"
    write_phantoms(root, people=people, seed=seed, size=size, progress=reporter.progress("drawing phantoms"))
    what = "people whom the run has not seen"
    if run is None:
        what = "whether the model was trained on this seed cannot be checked, as the bundle lies in no run's folder"
    return _read(root, "eyepacs", {}, "eye", f"phantoms of seed {seed}; {what}")[0]


def _of_run(
    run: Path, experiment: Experiment, data: Path | None, layout: str | None, reporter: Reporter
) -> tuple[Unseen, list[str]]:
    own = experiment.data
    if data is not None:
        layout = layout or own.layout
        options = own.options if layout == own.layout else {}
        return _read(data, layout, options, own.target, "")
    # Phantoms lie beside the folder of runs, and are drawn again if they are gone.
    read = open_dataset(own, experiment.seed, runs_of(run).parent, reporter)
    root = data_root(own, runs_of(run).parent)
    return _unseen(read.table, own.target, printable_path(root), read.phantoms), list(read.digests)


def _read(root: Path, layout: str, options: Mapping[str, Any], target: str, what: str) -> tuple[Unseen, list[str]]:
    table = read_table(layout, root, options).table
    shown = f"{printable_path(root)}; {what}" if what else printable_path(root)
    phantoms = bool(find_phantoms(root, table["path"]).any())
    return _unseen(table, target, shown, phantoms), photograph_digests(table)


def _unseen(table: pd.DataFrame, target: str, what: str, phantoms: bool) -> Unseen:
    grades = grades_asked_for(table, target).fillna(NO_GRADE).to_numpy(dtype="int64")
    return Unseen(list(table["path"]), grades, table["patient_id"].to_numpy(dtype=str), what, phantoms)
