"""Training as one would write it on an afternoon: photographs from disk by ``tf.data``, augmentation, ``model.fit``."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasdr.config import MemberConfig


def plain_rate(photographs: Sequence[Path], member: MemberConfig, steps: int, validation: int) -> float:
    """Return samples of training a second over the epochs after the first, with a validation sample for so many of these."""
    import keras
    import tensorflow as tf

    from kerasdr.models import build_classifier

    size, batch = member.imaging.size, member.training.batch_size
    network = build_classifier(member.model, size, seed=1)
    augmented = keras.Sequential(
        [
            keras.Input((size, size, 3)),
            keras.layers.RandomFlip(),
            keras.layers.RandomRotation(30 / 360, fill_mode="constant"),
            keras.layers.RandomZoom(0.1, fill_mode="constant"),
            network,
        ]
    )

    def load(path: Any) -> Any:
        picture = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.image.resize(picture, (size, size), antialias=True)

    n = steps * batch
    names = [str(photographs[index % len(photographs)]) for index in range(n)]
    labels = np.eye(5, dtype=np.float32)[np.arange(n) % 5]
    pictures = tf.data.Dataset.from_tensor_slices(names).map(load, num_parallel_calls=tf.data.AUTOTUNE)
    pairs = tf.data.Dataset.zip((pictures, tf.data.Dataset.from_tensor_slices(labels)))
    data, held_out = pairs.batch(batch).prefetch(2), pairs.take(n // validation).batch(batch).prefetch(2)
    augmented.compile(optimizer=keras.optimizers.AdamW(1e-4), loss="categorical_crossentropy", metrics=["accuracy"])
    with tempfile.TemporaryDirectory() as folder:
        best = keras.callbacks.ModelCheckpoint(f"{folder}/best.weights.h5", save_best_only=True, save_weights_only=True)
        augmented.fit(data, validation_data=held_out, epochs=1, callbacks=[best], verbose=0)
        started = time.perf_counter()
        augmented.fit(data, validation_data=held_out, epochs=2, callbacks=[best], verbose=0)
    return 2 * n / (time.perf_counter() - started)
