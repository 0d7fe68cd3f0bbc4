"""What a bundle's card tells of its run, read from the run's folder."""

import json
import time
from pathlib import Path
from typing import Any

from kerasdr.config import Experiment
from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, sha256_of_file
from kerasdr.grades import GRADES
from kerasdr.scoring.about import About, PartCounts


def about_run(run: Path, experiment: Experiment) -> About:
    """Return what a run's folder tells of data, split and versions.

    Args:
        run: its folder, with ``data.json``, ``environment.json``, ``config.yaml`` and ``metrics.json``.
        experiment: its configuration.

    Raises:
        KerasdrError: if one of these is missing or damaged.
    """
    try:
        data, environment, metrics = (_read(run / f"{name}.json") for name in ("data", "environment", "metrics"))
        parts = {
            name: PartCounts(
                photographs=part["photographs"],
                people=part["people"],
                grades=tuple(part["grades"][str(grade)] for grade in GRADES),
            )
            for name, part in data["splits"].items()
        }
        return About(
            experiment=experiment.name,
            description=experiment.description,
            layout=experiment.data.layout,
            phantoms=bool(metrics["phantoms"]),
            target=experiment.data.target,
            parts=parts,
            split=_split(experiment),
            data_sha256=data["sha256"],
            photographs_sha256=data["photographs_sha256"],
            config_sha256=sha256_of_file(run / "config.yaml"),
            begun=environment["begun"],
            written=time.strftime("%Y-%m-%d %H:%M:%S"),
            python=environment["python"],
            platform=environment["platform"],
            packages=environment["packages"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KerasdrError(
            f"what {printable_path(run)} tells of itself is missing or damaged ({error}): restore its files, or train again"
        ) from error


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _split(experiment: Experiment) -> str:
    split = experiment.data.split
    shares = ", ".join(f"{name} {share:g}" for name, share in split.model_dump().items())
    return (
        f"by the data set's own split where it has one, else people dealt out by the grade of their worse eye: {shares}; "
        f"seed {experiment.seed}"
    )
