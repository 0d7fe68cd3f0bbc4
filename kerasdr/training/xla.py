"""Training steps that XLA compiles: whether a member's are, and the model whose step it is.

XLA does not go with ``training.deterministic``: TensorFlow has no XLA form of some gradients (that of max pooling is one) in
which sums have a fixed order, and Keras leaves XLA out without an error where repeatable sums are asked for.
"""

from typing import Any

import keras

from kerasdr.config import Experiment, MemberConfig
from kerasdr.errors import KerasdrError
from kerasdr.models.registry import get_trunk

WORTH = 1.1
"""How many times as fast steps must have been with XLA for ``jit_compile: auto`` to take it; it also takes time to compile."""


def uses_xla(member: MemberConfig) -> bool:
    """Whether a member's training steps are compiled with XLA.

    ``auto`` asks the registry, which holds what was measured, and measures nothing itself: a choice that hangs on the clock
    would fall out otherwise now and then, and with it the network.
    """
    training = member.training
    if training.jit_compile != "auto":
        return training.jit_compile
    speed = get_trunk(member.model.trunk).xla
    return not training.deterministic and speed is not None and speed >= WORTH


def choose_xla(experiment: Experiment) -> Experiment:
    """Return an experiment that says of each member whether its training steps are compiled with XLA, ``auto`` no more."""
    members = [_with_xla(member, uses_xla(member)) for member in experiment.members]
    return experiment.model_copy(update={"members": tuple(members)})


def as_chosen_before(experiment: Experiment, begun: Experiment) -> Experiment:
    """Return an experiment with the choice of a run that was begun with it, where it leaves that choice open.

    So a run is gone on with as it began, whatever a later version of the registry says of its trunk.
    """
    before = {member.name: member.training.jit_compile for member in begun.members}
    members = [
        _with_xla(member, before.get(member.name, "auto")) if member.training.jit_compile == "auto" else member
        for member in experiment.members
    ]
    return experiment.model_copy(update={"members": tuple(members)})


def require_xla_allowed(member: MemberConfig) -> None:
    """Refuse XLA where repeatable sums are asked for.

    Raises:
        KerasdrError: that says which of the two to change.
    """
    if member.training.deterministic and member.training.jit_compile is True:
        raise KerasdrError(
            f"member {member.name}: training.jit_compile=true does not go with training.deterministic=true, for which "
            "TensorFlow has no XLA: set jit_compile to false, or deterministic to false"
        )


class XLATraining(keras.Model):
    """A classifier behind the random changes of training, whose step XLA compiles.

    Keras has all of a model compiled or nothing, and XLA has no form of rotations and zooms. So the changes are made before the
    compiled part: forward and backward pass, the optimizer's update and metrics. Called other than by ``fit``, it is the
    classifier.

    Args:
        changes: inputs by name -> inputs by name, photographs changed at random.
        classifier: from :func:`kerasdr.models.build_classifier`.
    """

    def __init__(self, changes: keras.Model, classifier: keras.Model) -> None:
        super().__init__(name="training")
        self.changes = changes
        self.classifier = classifier

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return grade probabilities ``(N, 5)``."""
        return self.classifier(inputs, training=training)

    def train_step(self, data: Any) -> Any:
        """Fit to a batch of inputs, grades and weights."""
        import tensorflow as tf

        inputs, grades, weights = keras.utils.unpack_x_y_sample_weight(data)
        step = tf.function(super().train_step, jit_compile=True)
        return step((self.changes(inputs, training=True), grades, weights))


def _with_xla(member: MemberConfig, chosen: Any) -> MemberConfig:
    training = member.training.model_copy(update={"jit_compile": chosen})
    return member.model_copy(update={"training": training})
