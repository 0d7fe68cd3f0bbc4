"""What installs a package that is missing: kerasdr with all that it requires, or with an extra."""

_EXTRAS = {
    "onnxruntime": "onnxruntime",
    "onnx": "onnxruntime",
    "tf2onnx": "onnxruntime",
    "nncf": "int8",
    "jax": "jax",
    "mlflow": "mlflow",
    "pydicom": "hospital",
    "highdicom": "hospital",
}


def how_to_install(module: str) -> str:
    """Return the command that installs a package.

    Args:
        module: its name in an import.
    """
    extra = _EXTRAS.get(module)
    return f"pip install 'kerasdr[{extra}]'" if extra else "pip install kerasdr"
