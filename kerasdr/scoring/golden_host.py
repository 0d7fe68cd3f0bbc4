"""The golden check of this machine: done once for a bundle, an engine and all that computes here, and then known."""

import contextlib
import functools
import os
import stat
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import kerasdr
from kerasdr import __version__
from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of, write_text_atomically
from kerasdr.machine import cache_folder, graphics_processors, processor_name
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.engines import EngineName
from kerasdr.scoring.golden import require_golden
from kerasdr.scoring.graphs import Precision
from kerasdr.scoring.results import remove_rests

# What computes: a change of any of these is reason to check again.
_PACKAGES = (
    *("numpy", "isal", "opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    *("opencv-contrib-python-headless", "openvino", "onnxruntime", "onnxruntime-gpu", "keras", "tensorflow"),
    *("tensorflow-cpu", "jax", "jaxlib"),
)
# By which Keras and what it computes with choose a device and how exact it is there, TF32 among it.
_SETTINGS = (
    *("KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE", "XLA_FLAGS", "TF_XLA_FLAGS"),
    *("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_DEFAULT_FPMATH_MODE", "JAX_PLATFORMS", "JAX_DEFAULT_MATMUL_PRECISION"),
)
# Of the check itself.
_FORM = 2


PASSED = "passed"
NONE = "the model carries no golden photographs"
NOT_NEEDED = "not needed: nothing new to grade"


def check_here(bundle: Bundle, engine: Engine, name: EngineName, *, gradcam: bool, batch_size: int = 16) -> str:
    """Refuse an engine that does not give a bundle's golden answers on this machine, unless it is known that it does.

    That is kept in the user's cache folder; where that cannot be written, each job checks.

    Args:
        bundle: what is to grade; without golden photographs nothing is checked.
        engine: that is about to.
        name: of the engine.
        gradcam: whether it makes heat maps, which are checked too then.
        batch_size: that it was made for, at most.

    Returns:
        What became of the check, in words: :data:`PASSED` now, known from before, or :data:`NONE`.

    Raises:
        ModelRefusedError: if an answer differs from the one that is known.
    """
    if bundle.golden is None:
        return NONE
    if known := known_here(bundle, name, gradcam=gradcam):
        return known
    require_golden(bundle, engine, name, precision_of(bundle, name), batch_size)
    with contextlib.suppress(OSError, KerasdrError):
        mark = _mark(bundle, name, gradcam)
        mark.parent.mkdir(parents=True, exist_ok=True)
        remove_rests(mark.parent, mark.name)
        write_text_atomically(mark, f"{bundle.label} gave its golden answers with {name}\n")
    return PASSED


def known_here(bundle: Bundle, name: EngineName, *, gradcam: bool) -> str:
    """Return since when it is known of this machine that an engine gives a bundle's golden answers; empty if it is not.

    See :func:`check_here`.
    """
    try:
        found = _mark(bundle, name, gradcam).stat()
    except OSError:
        return ""
    since = datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="seconds")
    return f"known on this host since {since}" if stat.S_ISREG(found.st_mode) else ""


def precision_of(bundle: Bundle, engine: EngineName) -> Precision:
    """Return the precision of an engine's arithmetic."""
    return next((graphs.precision for name, graphs in bundle.graphs.items() if name == engine), "float32")


def _mark(bundle: Bundle, name: EngineName, gradcam: bool) -> Path:
    # Asked of what is installed and not of what is loaded: that would say another thing before the engine is.
    versions = [(package, _version(package)) for package in _PACKAGES]
    settings = [os.environ.get(name) for name in _SETTINGS]
    code = code_digest(Path(kerasdr.__file__).parent)
    computer = (sys.version_info[:3], processor_name(), graphics_processors(), settings, _keras_settings())
    key = (_FORM, bundle.digest, name, gradcam, __version__, code, versions, computer)
    return cache_folder() / "golden" / f"{sha256_of(repr(key).encode())}.txt"


@functools.cache
def code_digest(package: Path) -> str:
    """Return what changes with the code of a package, as in a checkout that keeps its version.

    It is of the modules' sizes and times of change: their bytes would take four times as long, at the start of every job.
    """
    found = []
    for folder, _, names in os.walk(package):
        paths = [os.path.join(folder, name) for name in names if name.endswith(".py")]
        found += [(path, state.st_size, state.st_mtime_ns) for path in paths for state in [os.stat(path)]]
    return sha256_of(repr(sorted(found)).encode())


def _keras_settings() -> bytes:
    """Return Keras's own file of settings: the backend and the precision may be named there."""
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    try:
        return Path(home, "keras.json").read_bytes()
    except OSError:
        return b""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
