"""The golden check of this machine: done once for a bundle, an engine and the versions that are installed, and then known."""

import contextlib
import stat
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from kerasdr import __version__
from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of, write_text_atomically
from kerasdr.machine import cache_folder, processor_name
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.engine import Engine
from kerasdr.scoring.engines import EngineName
from kerasdr.scoring.golden import require_golden
from kerasdr.scoring.graphs import Precision

# What computes: a change of any of these is reason to check again.
_PACKAGES = (
    *("numpy", "opencv-python", "opencv-python-headless", "openvino", "onnxruntime", "keras", "tensorflow", "jax"),
    *("tensorflow-cpu", "onnxruntime-gpu"),
)
# Of the check itself.
_FORM = 1


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
    mark = _mark(bundle, name, gradcam)
    with contextlib.suppress(OSError, KerasdrError):
        mark.parent.mkdir(parents=True, exist_ok=True)
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
    key = (_FORM, bundle.digest, name, gradcam, __version__, versions, sys.version_info[:3], processor_name())
    return cache_folder() / "golden" / f"{sha256_of(repr(key).encode())}.txt"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
