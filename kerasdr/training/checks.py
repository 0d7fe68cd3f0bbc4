"""What can be known to be wrong before anything is read or trained: methods, recipes, networks, stages, weights files."""

import functools
from pathlib import Path

from kerasdr.config import Experiment, ModelSpec
from kerasdr.ensembles import permitted_methods
from kerasdr.errors import KerasdrError
from kerasdr.imaging.recipes import get_recipe
from kerasdr.models import build_classifier, set_trainable
from kerasdr.models.registry import get_trunk
from kerasdr.models.weights import explain_missing
from kerasdr.training.memory import keep_memory
from kerasdr.training.xla import require_xla_allowed


def check_experiment(experiment: Experiment, run: Path | None = None) -> None:
    """Refuse what would stop a training at a later member or stage.

    Args:
        experiment: what is to be trained.
        run: the folder of a run that is gone on with; members that have begun there need no initial weights any more.

    Raises:
        KerasdrError: as :func:`check_design`, and if initial weights are not there.
    """
    for member in experiment.members:
        if run is None or not has_begun(run, member.name):
            problem = explain_missing(get_trunk(member.model.trunk), member.model.weights)
            if problem:
                raise KerasdrError(f"member {member.name}: {problem}")
    check_design(experiment)


def check_design(experiment: Experiment) -> None:
    """Refuse methods, recipes, networks and stages that cannot be; nothing is read for that, and nothing written.

    Each network is built once, without weights from anywhere: seconds, as against the hours after which a later stage
    would begin.

    Raises:
        KerasdrError: if a method cannot be tried, a recipe or a trunk does not exist, the trunk has no such end or place for
            attention, a stage names a block or a layer that the trunk does not have, or XLA is asked for together with
            repeatable sums.
    """
    kind = experiment.ensemble.training
    trained = None if kind == "independent" else kind
    permitted_methods(experiment.ensemble.methods, len(experiment.members), trained=trained)
    for member in experiment.members:
        get_recipe(member.imaging.recipe, member.imaging.size)
        require_xla_allowed(member)
    for member in experiment.members:
        # Branches of a dual network have the layers of a single one.
        alike = member.model.model_copy(update={"mode": "single", "weights": "none", "dropout": 0.5})
        problems = _wrong_places(alike, member.imaging.size, tuple(stage.train for stage in member.stages))
        for stage, problem in zip(member.stages, problems, strict=True):
            if problem:
                raise KerasdrError(f"member {member.name}, stage {stage.name}: {problem}")


def has_begun(run: Path, member: str) -> bool:
    """Whether a member of a run has weights of its own, so that it needs no initial ones any more."""
    return (run / "members" / member / "checkpoint.npz").is_file()


@functools.cache
def _wrong_places(spec: ModelSpec, size: int, trains: tuple[str, ...]) -> tuple[str, ...]:
    """Return for each ``train`` of a stage why it cannot be, or an empty text."""
    keep_memory()  # before TensorFlow starts threads
    model = build_classifier(spec, size)
    problems = []
    for train in trains:
        try:
            set_trainable(model, train)
            problems.append("")
        except KerasdrError as error:
            problems.append(str(error))
    return tuple(problems)
