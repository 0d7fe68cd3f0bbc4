"""Training as one would write it on an afternoon: photographs from disk by ``tf.data``, augmentation, ``model.fit``."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasdr.config import MemberConfig


def plain_rate(photographs: Sequence[Path], member: MemberConfig, steps: int) -> float:
    """Return samples a second over the epochs after the first."""
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
    data = tf.data.Dataset.zip((pictures, tf.data.Dataset.from_tensor_slices(labels))).batch(batch).prefetch(2)
    augmented.compile(optimizer=keras.optimizers.AdamW(1e-4), loss="categorical_crossentropy", metrics=["accuracy"])
    augmented.fit(data, epochs=1, verbose=0)
    started = time.perf_counter()
    augmented.fit(data, epochs=2, verbose=0)
    return 2 * n / (time.perf_counter() - started)
