"""From a run's members to the bundle that scoring loads."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasdr.calibration import CalibrationPart
from kerasdr.config import Experiment
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import KerasdrError
from kerasdr.imaging.recipes import get_recipe
from kerasdr.reporting import Reporter
from kerasdr.scoring.build import build_graphs
from kerasdr.scoring.bundle import Bundle, BundleMember, write_bundle
from kerasdr.scoring.doubts import Doubts
from kerasdr.scoring.drift_reference import DriftReference
from kerasdr.scoring.eye_sides import EyeSides
from kerasdr.scoring.golden_making import reference_golden
from kerasdr.scoring.golden_part import Golden
from kerasdr.scoring.graphs import Graphs
from kerasdr.training.about_run import about_run
from kerasdr.training.backend import keras_backend


def bundle_run(
    run: Path,
    experiment: Experiment,
    ensemble: EnsembleSpec,
    validation: Mapping[str, Any],
    reporter: Reporter,
    calibration: CalibrationPart | None = None,
    reference: DriftReference | None = None,
    doubts: Doubts | None = None,
    eye_sides: EyeSides | None = None,
) -> Path:
    """Write ``run/bundle`` from the members' best weights, with graphs for the engines that the configuration names.

    Graphs and golden photographs that cannot be made are left out, which is said: Keras can run the bundle all the same.

    Args:
        run: the run's folder, with ``members/<name>/weights.npz``.
        experiment: its configuration.
        ensemble: the chosen combination.
        validation: figures to carry along.
        reporter: hears of progress.
        calibration: of the combined probabilities, if any.
        reference: what validation photographs look like to it, if that is known.
        doubts: limits beyond which a photograph is doubtful, if any.
        eye_sides: how its photographs show eyes, if that is known.

    Returns:
        The bundle's folder.
    """
    members = []
    for member in experiment.members:
        with np.load(run / "members" / member.name / "weights.npz", allow_pickle=False) as content:
            weights = {name: content[name] for name in content.files}
        recipe = get_recipe(member.imaging.recipe, member.imaging.size)
        members.append(BundleMember(member.name, member.model, recipe, weights))
    name = f"{experiment.name}-{run.name}"
    megapixels = min(member.imaging.max_megapixels for member in experiment.members)
    bundle = Bundle(name, "", tuple(members), ensemble, megapixels, validation, calibration=calibration)
    folder = run / "bundle"
    inside = keras_backend() == "tensorflow"
    write_bundle(
        folder,
        name=name,
        members=members,
        ensemble=ensemble,
        validation=validation,
        max_megapixels=megapixels,
        graphs=_graphs(bundle, experiment, reporter) if inside else [],
        calibration=calibration,
        golden=_golden(bundle, reporter),
        about=about_run(run, experiment),
        reference=reference,
        doubts=doubts,
        eye_sides=eye_sides,
    )
    if not inside:
        _graphs_by_tensorflow(folder, experiment, reporter)
    return folder


def _golden(bundle: Bundle, reporter: Reporter) -> Golden | None:
    try:
        return reference_golden(bundle)
    except KerasdrError as error:  # a run is not lost for it, and `predict` says that they are missing
        reporter.note(f"the bundle has no golden photographs: {error}")
        return None


def _graphs(bundle: Bundle, experiment: Experiment, reporter: Reporter) -> list[Graphs]:
    made = []
    for engine in experiment.bundle.engines:
        try:
            made.append(build_graphs(bundle, engine))
        except KerasdrError as error:
            reporter.note(f"the bundle has no graphs for {engine}: {error}")
    return made


def _graphs_by_tensorflow(bundle: Path, experiment: Experiment, reporter: Reporter) -> None:
    """Add graphs to a bundle by a process of its own: Keras computes with one framework, and graphs are TensorFlow's."""
    for engine in experiment.bundle.engines:
        command = [sys.executable, "-m", "kerasdr", "bundle", "build", str(bundle), "--engine", engine]
        done = subprocess.run(
            command,
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            reporter.note(
                f"the bundle has no graphs for {engine}: {last.removeprefix('error: ')}; where TensorFlow is, "
                f"`kerasdr bundle build {bundle} --engine {engine}` makes them"
            )
