"""One stage of a member's training: which layers, which inputs, ``model.fit``, and what happens after each epoch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kerasdr.config import MemberConfig, StageConfig
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.models import get_weights, set_trainable
from kerasdr.reporting import Reporter
from kerasdr.training.augmentation import augmentation_layers
from kerasdr.training.backend import keras_backend
from kerasdr.training.checkpoint import TrainingState, restore, save_checkpoint
from kerasdr.training.feeds import FeatureFeed, Feed, PhotographFeed, predict, training_dataset
from kerasdr.training.samples import Samples, grade_weights
from kerasdr.training.schedules import make_optimizer, stage_schedule
from kerasdr.training.xla import XLATraining, uses_xla


def run_stage(
    model: keras.Model,
    member: MemberConfig,
    index: int,
    images: NDArray[np.uint8],
    train: Samples,
    validation: Samples,
    checkpoint: Path,
    state: TrainingState,
    reporter: Reporter,
) -> None:
    """Fit a classifier for one stage, from where ``state`` says that it stands.

    After every epoch the checkpoint is on disk, the weights to keep (the best by validation kappa, then loss, or the last)
    included.

    Args:
        model: the classifier; its weights change.
        member: the member's configuration.
        index: which of its stages to run.
        images: prepared photographs of the whole table, ``(N, S, S, 3)`` uint8.
        train, validation: what to fit on and what to choose by.
        checkpoint: the checkpoint's file.
        state: where training stands; updated.
        reporter: hears of every epoch.
    """
    stage = member.stages[index]
    settings = member.training
    free_for_stage(model, member, stage)
    _seed_dropout(model, member.seed * 10 + index)
    if stage.cached_features:
        fitted, feed = _head_on_features(model, member, images, (train, validation), reporter)
        network = fitted
    else:
        # The fitted network is the classifier behind random changes; without them it is the classifier that predicts.
        fitted, feed, network = training_model(model, member, index), PhotographFeed(images, _dual(member)), model
    steps = -(-len(train) // settings.batch_size)
    optimizer = make_optimizer(stage, steps)
    fitted.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=["accuracy"],
        # JAX compiles all or runs step by step; with TensorFlow, XLA is in the model's own step where it is wanted.
        jit_compile=keras_backend() == "jax",
        steps_per_execution=settings.steps_per_execution,
    )
    optimizer.build(fitted.trainable_variables)
    if state.epoch:
        restore(checkpoint, fitted.variables, optimizer.variables)
    weights = grade_weights(train.grades, settings.class_weights)
    dataset = training_dataset(
        feed,
        train,
        weights,
        batch_size=settings.batch_size,
        first_epoch=state.epoch,
        epochs=stage.epochs,
        seed=(member.seed, index),
        partner_dropout=settings.partner_dropout if _dual(member) else 0.0,
    )

    def validate() -> dict[str, float]:
        probabilities = predict(network.predict_on_batch, feed, validation, settings.batch_size)
        return validation_figures(validation.grades, probabilities, weights)

    end = _EpochEnd(model, member, stage, validate, checkpoint, state, reporter, stage_schedule(stage, steps))
    fitted.fit(
        dataset,
        epochs=stage.epochs,
        initial_epoch=state.epoch,
        steps_per_epoch=steps,
        callbacks=[_StepProgress(reporter, f"{member.name} {stage.name}", stage.epochs), end],
        shuffle=False,  # the dataset has its order already
        verbose=0,
    )


def free_for_stage(model: keras.Model, member: MemberConfig, stage: StageConfig) -> int:
    """Let a stage's layers be trained and freeze the others; return how many weights are trained."""
    given_weights = member.model.weights != "none"
    freeze = stage.batch_norm == "frozen" or (stage.batch_norm == "auto" and given_weights)
    return set_trainable(model, stage.train, freeze_batch_norm=freeze)


def validation_figures(
    grades: NDArray[np.int64], probabilities: NDArray[np.float32], weights: NDArray[np.float32]
) -> dict[str, float]:
    """Return what is watched on validation data after an epoch.

    Args:
        grades: ``(n,)``.
        probabilities: ``(n, 5)``.
        weights: weight of each grade in the loss, ``(5,)``.
    """
    predicted = probabilities.argmax(axis=1)
    losses = -np.log(np.clip(probabilities[np.arange(len(grades)), grades], 1e-7, 1.0))
    # A grade that training has never seen weighs nothing there, but its photographs still count here.
    sample_weights = np.where(weights[grades] > 0, weights[grades], 1.0)
    return {
        "val_loss": float(np.average(losses, weights=sample_weights)),
        "val_accuracy": float(np.mean(predicted == grades)),
        "val_quadratic_kappa": quadratic_kappa(grades, predicted),
    }


class _StepProgress(keras.callbacks.Callback):
    """Passes steps on to the reporter."""

    def __init__(self, reporter: Reporter, title: str, epochs: int) -> None:
        super().__init__()
        self._reporter, self._title, self._epochs = reporter, title, epochs
        self._progress: Callable[[int, int], None] = lambda done, total: None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._progress = self._reporter.progress(f"{self._title}, epoch {epoch + 1} of {self._epochs}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._progress(batch + 1, self.params["steps"])


class _EpochEnd(keras.callbacks.Callback):
    """Validates, keeps weights, writes the checkpoint, stops early. In that order."""

    def __init__(
        self,
        classifier: keras.Model,
        member: MemberConfig,
        stage: StageConfig,
        validate: Callable[[], dict[str, float]],
        checkpoint: Path,
        state: TrainingState,
        reporter: Reporter,
        schedule: Callable[[int], Any],
    ) -> None:
        super().__init__()
        self._schedule = schedule
        self._classifier, self._member, self._stage = classifier, member, stage
        self._validate, self._checkpoint, self._state, self._reporter = validate, checkpoint, state, reporter

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        state = self._state
        figures = {"loss": float(logs["loss"]), "accuracy": float(logs["accuracy"]), **self._validate()}
        score = [figures["val_quadratic_kappa"], -figures["val_loss"]]
        better = state.best is None or score > state.best
        if better:
            state.best = score
        if better or self._member.training.checkpoint == "last":
            state.kept_weights = get_weights(self._classifier)
        state.waiting = 0 if better else state.waiting + 1
        state.epoch = epoch + 1
        last_step = (epoch + 1) * self.params["steps"] - 1
        rate = float(self._schedule(last_step))
        state.history.append(
            {"epoch": len(state.history) + 1, "stage": self._stage.name, "learning_rate": rate, **figures}
        )
        if self._stage.early_stop and state.waiting >= self._stage.early_stop:
            self.model.stop_training = True
            state.epoch = self._stage.epochs
        save_checkpoint(self._checkpoint, state, self.model.variables, self.model.optimizer.variables)
        self._reporter.epochs(self._member.name, state.history)
        self._reporter.note(
            f"{self._member.name}  {self._stage.name} {epoch + 1}/{self._stage.epochs}  "
            f"loss {figures['loss']:.4f}  accuracy {figures['accuracy']:.3f}  "
            f"validation: loss {figures['val_loss']:.4f}  accuracy {figures['val_accuracy']:.3f}  "
            f"kappa {figures['val_quadratic_kappa']:.3f}{'  best' if better else ''}"
        )


def _dual(member: MemberConfig) -> bool:
    return member.model.mode == "dual"


def _seed_dropout(model: keras.Model, seed: int) -> None:
    # Each stage starts its random numbers anew, so that one that begins after a resume draws what it would have drawn.
    for number, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:  # one of rate 0 has no generator
            layer.seed_generator.state.assign([seed, number])


def training_model(model: keras.Model, member: MemberConfig, index: int) -> keras.Model:
    """Return a classifier behind the random changes of training photographs, sharing all of its layers.

    With TensorFlow it is to be compiled with ``jit_compile=False``: where the member is trained with XLA, the model sees to
    that itself.

    Args:
        model: from :func:`kerasdr.models.build_classifier`.
        member: its configuration.
        index: of the stage; each draws other random changes.
    """
    layers = augmentation_layers(member.augment, seed=member.seed * 10 + index)
    inputs = {tensor.name: keras.Input(tensor.shape[1:], name=tensor.name) for tensor in model.inputs}
    changed = dict(inputs)
    for name in ("image", "partner"):
        if name in changed:
            for layer in layers:
                changed[name] = layer(changed[name])
    if keras_backend() == "tensorflow" and uses_xla(member):
        return XLATraining(keras.Model(inputs, changed, name="changes"), model)
    return keras.Model(inputs, model(changed), name="training")


def _head_on_features(
    model: keras.Model,
    member: MemberConfig,
    images: NDArray[np.uint8],
    parts: tuple[Samples, ...],
    reporter: Reporter,
) -> tuple[keras.Model, Feed]:
    """Return the head alone, sharing its layers with ``model``, and a feed of the frozen trunk's pooled features."""
    rows = np.unique(np.concatenate([np.concatenate([part.rows, part.partners[part.partners >= 0]]) for part in parts]))
    features = pooled_features(model, images, rows, "", member.training.batch_size, reporter.progress("features"))
    partner_features = None
    if _dual(member):
        partner_features = features
        if not member.model.shared_branches:
            partner_features = pooled_features(
                model, images, rows, "partner_", member.training.batch_size, reporter.progress("partner features")
            )
    # The head is the tail of the flat graph, from the pooled vectors on.
    names = ("pooled", "partner_pooled", "partner_present") if _dual(member) else ("pooled",)
    tail = keras.Model([model.get_layer(name).output for name in names], model.output)
    inputs = {name: keras.Input(tensor.shape[1:], name=name) for name, tensor in zip(names, tail.inputs, strict=True)}
    return keras.Model(inputs, tail(list(inputs.values())), name="head"), FeatureFeed(features, partner_features)


def pooled_features(
    model: keras.Model,
    images: NDArray[np.uint8],
    rows: NDArray[np.int64],
    branch: str,
    batch_size: int,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Return a classifier's pooled features of some photographs.

    Args:
        model: from :func:`kerasdr.models.build_classifier`.
        images: ``(N, S, S, 3)`` uint8.
        rows: which of them.
        branch: an empty string for the photograph's branch, ``partner_`` for the partner's.
        batch_size: photographs at a time.
        progress: told of photographs that are done.

    Returns:
        ``(N, C)``, zeros in rows that were not asked for.
    """
    source = model.get_layer("partner" if branch else "image").output
    pool = keras.Model(source, model.get_layer(f"{branch}pooled").output)
    features = np.zeros((len(images), pool.output_shape[-1]), dtype=np.float32)
    for start in range(0, len(rows), batch_size):
        part = rows[start : start + batch_size]
        features[part] = pool.predict_on_batch(images[part])
        if progress:
            progress(start + len(part), len(rows))
    return features
