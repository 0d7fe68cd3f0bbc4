"""What Keras computes with, TensorFlow or JAX, and what training has to do otherwise for each.

Keras takes one for the whole process, from the environment's ``KERAS_BACKEND``. Weights, run folders and bundles are the same
files with both, so that what was trained with one can be gone on with, opened and graded with the other. Random numbers are
not: each draws its own.
"""

from typing import Literal, get_args

import keras

from kerasdr.errors import KerasdrError

Backend = Literal["tensorflow", "jax"]


def keras_backend() -> Backend:
    """Return what Keras computes with.

    Raises:
        KerasdrError: if it is neither TensorFlow nor JAX.
    """
    name = keras.backend.backend()
    for known in get_args(Backend):
        if name == known:
            return known
    raise KerasdrError(f"Keras computes with {name} here: set KERAS_BACKEND to tensorflow or to jax")


def fix_order_of_sums(fixed: bool) -> None:
    """Have TensorFlow add numbers in one order always, or as fast as it can.

    Random numbers are Keras's own stateless ones, so that sums are all that is left to fix. The switch is the process's; there
    is no narrower one, so that a member that is trained with XLA, which does not go with it, has to turn it off again.

    JAX adds in one order on processors, and on GPUs with ``XLA_FLAGS=--xla_gpu_deterministic_ops=true``, which it reads once,
    before the first computation, so that it is the command that sets it.
    """
    if keras_backend() == "jax":
        return
    if fixed:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    else:
        from tensorflow.python.framework.config import disable_op_determinism

        disable_op_determinism()
