"""Weights in and out of networks: ImageNet's, a file's, and plain arrays for checkpoints and bundles."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.models.registry import Trunk


def get_weights(model: keras.Model) -> dict[str, NDArray[np.generic]]:
    """Return all weights (batch-norm statistics included) as arrays, keyed by ``<position>:<layer>/<variable>``.

    The position makes keys unique and orders them; the path is there for people to read.
    """
    return {f"{index:04d}:{weight.path}": np.asarray(weight) for index, weight in enumerate(model.weights)}


def set_weights(model: keras.Model, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Put arrays from :func:`get_weights` of an equally built model into ``model``.

    Raises:
        KerasdrError: if the number, a position, a variable's name or a shape differs; nothing is changed then.
    """
    weights = list(model.weights)
    ordered = sorted(arrays.items())
    if len(ordered) != len(weights):
        raise KerasdrError(
            f"the network has {len(weights)} weight arrays, the file {len(ordered)}: use the file of this network"
        )
    for index, ((key, array), weight) in enumerate(zip(ordered, weights, strict=True)):
        position, _, path = key.partition(":")
        # Keras numbers unnamed layers within a process (conv2d, conv2d_1), so such endings may differ between two builds.
        if (
            position != f"{index:04d}"
            or _plain(path) != _plain(weight.path)
            or tuple(array.shape) != tuple(weight.shape)
        ):
            raise KerasdrError(
                f"weight array {key!r} of shape {tuple(array.shape)} does not fit {weight.path!r} of shape "
                f"{tuple(weight.shape)}: use the file of this network"
            )
    for (_, array), weight in zip(ordered, weights, strict=True):
        weight.assign(array)


def _plain(path: str) -> str:
    return re.sub(r"_\d+(?=/|$)", "", path)


def load_trunk_weights(backbone: keras.Model, trunk: Trunk, source: str) -> None:
    """Load initial weights into a trunk.

    Args:
        backbone: the trunk, as its registry entry builds it.
        trunk: its registry entry.
        source: ``none`` (keep the random weights), ``imagenet``, or the path of a Keras weights file (``.weights.h5`` or
            ``.h5`` without the top).

    Raises:
        KerasdrError: if ImageNet weights do not exist or cannot be downloaded, or a file does not fit; the message
            lists which layers did not match.
    """
    if source == "none":
        return
    if source == "imagenet":
        _load_imagenet(backbone, trunk)
        return
    path = Path(source).expanduser()
    if not path.is_file():
        raise KerasdrError(f"model.weights={source}: no such file; give a Keras weights file, imagenet or none")
    if not path.name.endswith(".h5"):
        raise KerasdrError(f"model.weights={source}: expected a Keras weights file ending in .weights.h5 or .h5")
    try:
        backbone.load_weights(path)
    except Exception as error:  # Keras raises several kinds here, with texts that run over many lines
        raise KerasdrError(
            f"model.weights={source} does not fit trunk {trunk.name}: {explain_mismatch(backbone, path)}"
        ) from error


def _load_imagenet(backbone: keras.Model, trunk: Trunk) -> None:
    if not trunk.application:
        raise KerasdrError(
            f"there are no ImageNet weights for trunk {trunk.name} in keras.applications: "
            "set model.weights to none or to the path of a weights file"
        )
    try:
        source = getattr(keras.applications, trunk.application)(
            include_top=False, weights="imagenet", input_shape=backbone.input_shape[1:]
        )
    except Exception as error:  # whatever the download raises: no network, no certificate, a server's answer
        address = re.search(r"https?://\S+/([^\s/]+\.h5)", str(error))
        name = address.group(1) if address else f"the {trunk.application} notop .h5 file"
        raise KerasdrError(
            f"ImageNet weights of {trunk.name} could not be downloaded: put {name} from keras.applications into "
            "~/.keras/models/, or set model.weights to the path of a weights file"
        ) from error
    backbone.set_weights(source.get_weights())


def explain_mismatch(backbone: keras.Model, path: Path, limit: int = 5) -> str:
    """Say which arrays of a weights file and of a network differ.

    Args:
        backbone: the network that the file was meant for.
        path: an HDF5 file.
        limit: how many differences of each kind to name.

    Returns:
        One line.
    """
    import h5py

    def shapes(file: Path) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        with h5py.File(file, "r") as content:
            content.visititems(
                lambda name, item: found.__setitem__(name, item.shape) if isinstance(item, h5py.Dataset) else None
            )
        return found

    try:
        given = shapes(path)
    except OSError:
        return "it is not an HDF5 file, or it is damaged; get it again"
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "expected.weights.h5"
        backbone.save_weights(saved)
        expected = shapes(saved)
    missing = sorted(set(expected) - set(given))
    extra = sorted(set(given) - set(expected))
    differing = sorted(name for name in set(given) & set(expected) if given[name] != expected[name])
    parts = []
    if missing:
        parts.append(f"{len(missing)} arrays are missing in the file ({_few(missing, limit)})")
    if extra:
        parts.append(f"{len(extra)} are not in the network ({_few(extra, limit)})")
    if differing:
        named = [f"{name}: file {given[name]}, network {expected[name]}" for name in differing]
        parts.append(f"{len(differing)} have another shape ({_few(named, limit)})")
    return "; ".join(parts) or "the layers agree but their order does not"


def _few(names: list[str], limit: int) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
