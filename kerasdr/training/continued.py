"""Runs with a folder of their own that are gone on with when the same command is given again."""

import json
import shutil
from pathlib import Path

from kerasdr.config import Experiment
from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter
from kerasdr.training.experiment import RunFiles, resumable, train, write_files
from kerasdr.training.run_folder import get_status
from kerasdr.training.run_lock import is_held
from kerasdr.training.xla import as_chosen_before


def is_finished(folder: Path) -> bool:
    """Return whether a finished run lies in a folder."""
    return (folder / "status.json").is_file() and get_status(folder) == "finished"


def require_same_configuration(folder: Path, experiment: Experiment) -> None:
    """Refuse to go on with a run of another configuration.

    They are not compared as text: a key that came with a later version stands for what was done before there was it.

    Raises:
        KerasdrError: if they differ.
    """
    begun = resumable(folder)
    if begun != as_chosen_before(experiment, begun):
        raise KerasdrError(
            f"{folder} was trained with another configuration: remove it, or name another place with --runs"
        )


def train_in(
    folder: Path, experiment: Experiment, runs: Path, reporter: Reporter, *, files: RunFiles | None = None
) -> None:
    """Train an experiment in a folder, go on with it where it stands, or leave it when it is finished.

    ``runs/chosen`` is left as it is.

    Args:
        folder: of the run.
        experiment: what is trained.
        runs: the folder of all runs, two above.
        reporter: hears of progress.
        files: gives texts that belong in the folder besides: written when the run begins, and anew when it is gone on with
            or is finished.

    Raises:
        KerasdrError: if it cannot be trained, or another configuration was begun there.
    """
    begun = (folder / "status.json").is_file()
    if begun:
        require_same_configuration(folder, experiment)
        experiment = resumable(folder)
        if is_finished(folder):
            metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
            write_files(folder, files, metrics["phantoms"])
            return
    elif folder.is_dir():
        if is_held(folder):
            raise KerasdrError(f"{folder} is being trained by another process: wait for it, or stop it")
        shutil.rmtree(folder)  # stopped before it had begun: there is nothing in it to go on with
    train(experiment, runs, reporter, folder if begun else None, folder=folder, point=False, files=files)
