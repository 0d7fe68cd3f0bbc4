"""Runs with a folder of their own that are gone on with when the same command is given again."""

import shutil
from pathlib import Path

from kerasdr.config import Experiment, to_yaml
from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter
from kerasdr.training.experiment import train
from kerasdr.training.run_folder import get_status


def is_finished(folder: Path) -> bool:
    """Return whether a finished run lies in a folder."""
    return (folder / "status.json").is_file() and get_status(folder) == "finished"


def train_in(folder: Path, experiment: Experiment, runs: Path, reporter: Reporter) -> None:
    """Train an experiment in a folder, go on with it where it stands, or leave it when it is finished.

    ``runs/chosen`` is left as it is.

    Args:
        folder: of the run.
        experiment: what is trained.
        runs: the folder of all runs, two above.
        reporter: hears of progress.

    Raises:
        KerasdrError: if it cannot be trained, or another configuration was begun there.
    """
    begun = (folder / "status.json").is_file()
    if begun:
        if (folder / "config.yaml").read_text(encoding="utf-8") != to_yaml(experiment):
            raise KerasdrError(
                f"{folder} was trained with another configuration: remove it, or name another place with --runs"
            )
        if is_finished(folder):
            return
    elif folder.is_dir():
        shutil.rmtree(folder)  # stopped before it had begun: there is nothing in it to go on with
    train(experiment, runs, reporter, folder if begun else None, folder=folder, point=False)
