"""The folder of a run: all that is needed to repeat it and to judge it, and the pointer to the chosen one.

``runs/<name>/<time>/`` holds::

    config.yaml                  the experiment, every member written out in full
    environment.json             versions, platform, processors
    data.json                    fingerprint of the table and of every photograph's bytes
    split.csv                    who is in training, validation and test; SHA-256 of each photograph's bytes and pixels
    looks.npy                    small pictures of the vessels, (N, 64, 64) int8, in split.csv's order: to find copies
    near_duplicates.csv          photographs that are copies by their looks, those in two parts first
    left_out.csv                 photographs that were not used, each with its true grade, if known, and the reason
    train.log                    what happened, line by line
    tensorboard/                 loss, accuracy, kappa and learning rate by epoch, for TensorBoard
    status.json                  running or finished
    training.lock                held by the process that trains it, as long as it lives
    openings.jsonl               when the test part was opened, by what, with which answer; lines are only ever added
    members/<member>/            weights.npz, history.csv, curves.png, predictions_validation.csv, checkpoint.npz
    predictions_validation.csv   of the chosen ensemble, one row a photograph
    metrics.json                 validation figures with intervals, of members, ensemble and calibration
    reliability_validation.png   what probabilities said against what came true
    bundle/                      what scoring loads

The pointer ``runs/chosen`` is a text file with the path of a run, relative to ``runs``.
"""

import contextlib
import json
import os
import platform
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from kerasdr import __version__
from kerasdr.data.fingerprint import has_test_part
from kerasdr.errors import KerasdrError
from kerasdr.files import write_text_atomically
from kerasdr.training.openings import read_openings
from kerasdr.training.run_lock import is_held

POINTER = "chosen"


@dataclass(frozen=True)
class RunSummary:
    """One line of ``kerasdr runs``.

    Attributes:
        path: the run's folder.
        status: ``running``, ``stopped`` (its process is gone, and it can be gone on with) or ``finished``; ``running`` too
            where it cannot be known whether the process is alive.
        chosen: whether the pointer names it.
        kappa: validation quadratic kappa of the ensemble, as in metrics.json, or None.
        phantoms: whether it was trained on synthetic photographs.
        opened: when its test part was opened first; empty if it was not.
        openings: how often.
        has_test_part: whether it has one.
    """

    path: Path
    status: str
    chosen: bool
    kappa: dict[str, Any] | None
    phantoms: bool
    opened: str = ""
    openings: int = 0
    has_test_part: bool = True


def new_run(runs: Path, name: str, folder: Path | None = None) -> Path:
    """Make a run's folder.

    Args:
        runs: the folder of all runs.
        name: of the experiment.
        folder: the one to make; ``runs/<name>/<time>`` if not given, with a number when that second is taken.

    Raises:
        KerasdrError: if it cannot be made.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    choices = [folder] if folder else [runs / name / (stamp if n == 1 else f"{stamp}-{n}") for n in range(1, 1000)]
    for folder in choices:
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise KerasdrError(f"cannot make {folder}: {error.strerror}; check --runs and its permissions") from error
        (folder / "members").mkdir()
        return folder
    raise KerasdrError(f"the folder {choices[0]} is taken: remove it, or name another place with --runs")


def set_status(run: Path, status: str) -> None:
    """Write ``running`` or ``finished``."""
    write_text_atomically(run / "status.json", json.dumps({"status": status}) + "\n")


def get_status(run: Path) -> str:
    """Return ``running`` or ``finished``.

    Raises:
        KerasdrError: if the folder is no run.
    """
    try:
        return str(json.loads((run / "status.json").read_text(encoding="utf-8"))["status"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KerasdrError(f"{run} is not the folder of a run: `kerasdr runs` lists them") from error


def list_runs(runs: Path) -> list[RunSummary]:
    """Return all runs below ``runs``, by name and time."""
    chosen = None
    with contextlib.suppress(KerasdrError):
        chosen = chosen_run(runs)
    found = []
    for status_file in sorted(runs.glob("*/*/status.json")):
        run = status_file.parent
        kappa, phantoms = None, False
        with contextlib.suppress(OSError, ValueError, KeyError):
            metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
            kappa, phantoms = metrics["ensemble"]["quadratic_kappa"], bool(metrics.get("phantoms"))
        status = get_status(run)
        if status != "finished" and is_held(run) is False:
            status = "stopped"
        with_test = True
        with contextlib.suppress(OSError, ValueError, AttributeError):
            with_test = has_test_part(json.loads((run / "data.json").read_text(encoding="utf-8")))
        found.append(RunSummary(run, status, run.resolve() == chosen, kappa, phantoms, *_openings(run), with_test))
    return found


def _openings(run: Path) -> tuple[str, int]:
    """Return when the test part of a run was opened first, and how often."""
    with contextlib.suppress(KerasdrError):  # a damaged ledger is said by whoever opens the test part
        if openings := read_openings(run):
            return openings[0].time, len(openings)
    with contextlib.suppress(OSError, ValueError, KeyError):  # early versions kept no ledger
        return str(json.loads((run / "metrics_test.json").read_text(encoding="utf-8"))["opened"]), 1
    return "", 0


def choose_run(run: Path, runs: Path) -> None:
    """Let ``runs/chosen`` point to a finished run.

    Raises:
        KerasdrError: if the folder is no run, or has no bundle yet.
    """
    if get_status(run) != "finished":
        raise KerasdrError(f"{run} is not finished: go on with `kerasdr train --resume {run}` first")
    target = os.path.relpath(run.resolve(), runs.resolve())
    write_text_atomically(runs / POINTER, Path(target).as_posix() + "\n")


def chosen_run(runs: Path) -> Path:
    """Return the run that ``runs/chosen`` points to.

    Raises:
        KerasdrError: if there is no pointer.
    """
    try:
        target = (runs / POINTER).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise KerasdrError(
            f"no run is chosen in {runs}: train one, or point to one with `kerasdr choose RUN`"
        ) from error
    return (runs / target).resolve()


def environment() -> dict[str, Any]:
    """Return what a run runs on: versions, platform, processors, and when it begins."""
    packages = [
        "keras",
        "tensorflow",
        "jax",
        "keras-cv",
        "opencv-python",
        "numpy",
        "pandas",
        "scikit-learn",
        "tf-keras-vis",
    ]
    versions = {}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {
        "kerasdr": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "begun": time.strftime("%Y-%m-%d %H:%M:%S"),
        "packages": versions,
    }


def runs_of(run: Path) -> Path:
    """Return the folder of runs that a run lies in, ``runs`` for ``runs/<name>/<time>``."""
    return run.resolve().parents[1]
