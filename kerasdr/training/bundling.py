"""From a run's members to the bundle that scoring loads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasdr.config import Experiment
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import BundleMember, write_bundle


def bundle_run(run: Path, experiment: Experiment, ensemble: EnsembleSpec, validation: Mapping[str, Any]) -> Path:
    """Write ``run/bundle`` from the members' best weights.

    Args:
        run: the run's folder, with ``members/<name>/weights.npz``.
        experiment: its configuration.
        ensemble: the chosen combination.
        validation: figures to carry along.

    Returns:
        The bundle's folder.
    """
    members = []
    for member in experiment.members:
        with np.load(run / "members" / member.name / "weights.npz", allow_pickle=False) as content:
            weights = {name: content[name] for name in content.files}
        recipe = get_recipe(member.imaging.recipe, member.imaging.size)
        members.append(BundleMember(member.name, member.model, recipe, weights))
    folder = run / "bundle"
    write_bundle(
        folder,
        name=f"{experiment.name}-{run.name}",
        members=members,
        ensemble=ensemble,
        validation=validation,
        max_megapixels=min(member.imaging.max_megapixels for member in experiment.members),
    )
    return folder
