"""From rows to a network's inputs: photographs, or a frozen trunk's features."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kerasdr.training.ahead import ahead
from kerasdr.training.backend import keras_backend
from kerasdr.training.samples import Samples

Inputs = Mapping[str, NDArray[Any]]


class Feed(Protocol):
    """Gives the inputs of some rows; ``partners`` is -1 where there is none."""

    def inputs(self, rows: NDArray[np.int64], partners: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the network's inputs by name, each with one entry a row."""
        ...


class PhotographFeed:
    """Photographs and, for a dual classifier, partners; a missing partner is black and marked absent.

    Args:
        images: ``(N, S, S, 3)`` uint8.
        dual: whether the classifier takes a partner.
    """

    def __init__(self, images: NDArray[np.uint8], dual: bool) -> None:
        self._images = images
        self._dual = dual

    def inputs(self, rows: NDArray[np.int64], partners: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return ``image``, and for dual ``partner`` and ``partner_present``."""
        inputs = {"image": self._images[rows]}
        if self._dual:
            present = partners >= 0
            partner = self._images[np.maximum(partners, 0)]
            partner[~present] = 0
            inputs["partner"] = partner
            inputs["partner_present"] = present[:, None].astype(np.float32)
        return inputs


class FeatureFeed:
    """Pooled features of a frozen trunk, as the head takes them.

    Args:
        features: ``(N, C)`` of the photographs.
        partner_features: ``(N, C)`` of the photographs seen as partners, or None for a single classifier.
    """

    def __init__(self, features: NDArray[np.float32], partner_features: NDArray[np.float32] | None) -> None:
        self._features = features
        self._partner_features = partner_features

    def inputs(self, rows: NDArray[np.int64], partners: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return ``pooled``, and for dual ``partner_pooled``, zeros where there is none, and ``partner_present``."""
        inputs = {"pooled": self._features[rows]}
        if self._partner_features is not None:
            present = (partners >= 0)[:, None].astype(np.float32)
            inputs["partner_pooled"] = self._partner_features[np.maximum(partners, 0)] * present
            inputs["partner_present"] = present
        return inputs


def epoch_order(
    samples: Samples, seed: tuple[int, ...], epoch: int, partner_dropout: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order of an epoch and the partners that are seen in it; both follow from ``seed`` and ``epoch`` alone.

    Returns:
        ``order`` ``(n,)``: positions in ``samples``; ``partners`` ``(n,)`` in that order, -1 where absent or hidden.
    """
    random = np.random.default_rng([*seed, epoch])
    order = random.permutation(len(samples))
    hidden = random.random(len(samples)) < partner_dropout
    return order, np.where(hidden, -1, samples.partners[order])


def training_dataset(
    feed: Feed,
    samples: Samples,
    weights: NDArray[np.float32],
    *,
    batch_size: int,
    first_epoch: int,
    epochs: int,
    seed: tuple[int, ...],
    partner_dropout: float,
) -> Any:
    """Return batches for epochs ``first_epoch`` to ``epochs - 1``, one after the other, as ``model.fit`` takes them.

    With TensorFlow they are a ``tf.data.Dataset``, with JAX an iterator. Each element is
    ``(inputs, one-hot grades (n, 5), weights (n,))``. Batches are gathered ahead of the training step. An epoch's order does
    not depend on the epochs before it, so a resumed training sees what an undisturbed one sees.

    Args:
        feed: where inputs come from.
        samples: what to train on.
        weights: weight of each grade in the loss, ``(5,)``.
        batch_size: samples a step; the last step of an epoch may have fewer.
        first_epoch, epochs: range of epochs, from 0.
        seed: numbers that name the member and the stage.
        partner_dropout: share of partners that are hidden.
    """
    one_hot = np.eye(len(weights), dtype=np.float32)

    def batches() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        for epoch in range(first_epoch, epochs):
            order, partners = epoch_order(samples, seed, epoch, partner_dropout)
            for start in range(0, len(order), batch_size):
                yield order[start : start + batch_size], partners[start : start + batch_size]

    example = feed.inputs(samples.rows[:1], samples.partners[:1])
    names = sorted(example)

    def gather(order: NDArray[np.int64], partners: NDArray[np.int64]) -> list[NDArray[Any]]:
        inputs = feed.inputs(samples.rows[order], partners)
        grades = samples.grades[order]
        emphasis = 1.0 if samples.emphasis is None else samples.emphasis[order]
        return [*(inputs[name] for name in names), one_hot[grades], (weights[grades] * emphasis).astype(np.float32)]

    if keras_backend() == "jax":
        gathered = (gather(order, partners) for order, partners in batches())
        return ahead((dict(zip(names, arrays, strict=False)), *arrays[len(names) :]) for arrays in gathered)

    import tensorflow as tf

    def load(order: Any, partners: Any) -> Any:
        kinds = [tf.as_dtype(example[name].dtype) for name in names] + [tf.float32, tf.float32]
        *arrays, grades, sample_weights = tf.numpy_function(gather, [order, partners], kinds, stateful=False)
        for name, array in zip(names, arrays, strict=True):
            array.set_shape((None, *example[name].shape[1:]))
        grades.set_shape((None, len(weights)))
        sample_weights.set_shape((None,))
        return dict(zip(names, arrays, strict=True)), grades, sample_weights

    index = tf.TensorSpec((None,), tf.int64)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=(index, index))
    return dataset.map(load, num_parallel_calls=2, deterministic=True).prefetch(4)


def predict(
    run: Callable[[dict[str, NDArray[Any]]], Any], feed: Feed, samples: Samples, batch_size: int
) -> NDArray[np.float32]:
    """Return grade probabilities ``(n, 5)`` of all samples, in their order.

    Args:
        run: the network: inputs of a batch -> probabilities.
        feed: where inputs come from.
        samples: what to ask about.
        batch_size: photographs at a time.
    """
    parts = []
    for start in range(0, len(samples), batch_size):
        part = slice(start, start + batch_size)
        parts.append(np.asarray(run(feed.inputs(samples.rows[part], samples.partners[part]))))
    return np.concatenate(parts)
