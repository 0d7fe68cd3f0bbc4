"""Importing libraries that would report their use to their makers, without that they do.

OpenVINO's Python package, and NNCF's, load ``openvino_telemetry`` where it is installed (OpenVINO's package requires it). Its
import alone counts the use, leaves an identifier in the home folder and sends it. Both do without it where there is none.
MLflow has a switch in the environment, which is read when it is imported.
"""

import importlib
import os
import sys
from typing import Any

_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """Return the module ``openvino``, imported so that nothing is reported."""
    return _without_telemetry("openvino")


def import_nncf() -> Any:
    """Return the module ``nncf``, imported so that nothing is reported.

    Raises:
        ModuleNotFoundError: if it is not installed.
    """
    import_openvino()
    return _without_telemetry("nncf")


def import_mlflow() -> Any:
    """Return the module ``mlflow``, imported so that nothing is reported.

    Raises:
        ModuleNotFoundError: if it is not installed.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    return importlib.import_module("mlflow")


def _without_telemetry(name: str) -> Any:
    # None in its place makes an import of it fail as if it were not installed. It stays: parts of both are imported late.
    sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]
    return importlib.import_module(name)
