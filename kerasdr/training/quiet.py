"""Keeping TensorFlow's start-up chatter off people's terminals."""

import os


def quiet_tensorflow() -> None:
    """Ask TensorFlow, if it is not loaded yet, for errors only; what the caller has set in the environment stays."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
