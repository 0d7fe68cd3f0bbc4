"""Weights in and out of networks: ImageNet's, a file's, and plain arrays for checkpoints and bundles."""

import re
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.models.differences import describe_differences
from kerasdr.models.registry import Trunk
from kerasdr.models.run_weights import load_run_weights
from kerasdr.models.torch_weights import load_torch_weights

# keras.applications has none of these, torchvision has.
_TORCHVISION = ("resnet18", "resnet34")


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
        # Keras numbers unnamed layers within a process (conv2d, conv2d_1), so such endings may differ between two
        # builds.
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


def load_trunk_weights(backbone: keras.Model, trunk: Trunk, source: str, *, cut: bool = False) -> None:
    """Load initial weights into a trunk.

    Args:
        backbone: the trunk, as its registry entry builds it.
        trunk: its registry entry.
        source: ``none`` (keep the random weights), ``imagenet``, or the path of a file: a Keras weights file
            (``.weights.h5``, or ``.h5`` without the top), a torch state dict (``.pt``, ``.pth``), or the
            ``weights.npz`` of a trained member. Of the latter two the trunk is taken and the rest is left out, so that
            it fits whatever their classes were.
        cut: of a member's file, that the trunk ends early and takes only what it has of the file's.

    Raises:
        KerasdrError: if ImageNet weights do not exist or cannot be downloaded, or a file does not fit; the message
            lists which arrays did not match.
    """
    if problem := explain_missing(trunk, source):
        raise KerasdrError(problem)
    if source == "none":
        return
    if source == "imagenet":
        _load_imagenet(backbone, trunk)
        return
    path = Path(source).expanduser()
    if path.suffix == ".npz":
        load_run_weights(backbone, trunk.name, path, cut=cut)
    elif path.suffix == ".h5":
        _load_keras(backbone, trunk, path)
    else:
        load_torch_weights(backbone, trunk.name, path)


def explain_missing(trunk: Trunk, source: str) -> str:
    """Say why a trunk's initial weights cannot be had, as far as that is known without reading or downloading any.

    Args:
        trunk: its registry entry.
        source: as for :func:`load_trunk_weights`.

    Returns:
        One line, empty if nothing is known to be wrong.
    """
    if source == "none":
        return ""
    if source == "imagenet":
        if trunk.name in _TORCHVISION and not _torchvision_files(trunk):
            return (
                f"keras.applications has no ImageNet weights of {trunk.name}: put torchvision's {trunk.name}-*.pth into "
                "~/.keras/models/, or set model.weights to the path of a weights file"
            )
        if trunk.name not in _TORCHVISION and not trunk.application:
            return (
                f"there are no ImageNet weights for trunk {trunk.name} in keras.applications: "
                "set model.weights to none or to the path of a weights file"
            )
        return ""
    path = Path(source).expanduser()
    if not path.is_file():
        return f"model.weights={source}: no such file; give a weights file, imagenet or none"
    if path.suffix not in (".npz", ".pt", ".pth", ".h5"):
        return (
            f"model.weights={source}: expected a Keras weights file ending in .weights.h5 or .h5, a torch state dict "
            "ending in .pt or .pth, or a run's weights.npz"
        )
    return ""


def _torchvision_files(trunk: Trunk) -> list[Path]:
    """Return torchvision's files of a trunk, such as resnet18-f37072fd.pth, where Keras keeps its own."""
    return sorted(Path("~/.keras/models").expanduser().glob(f"{trunk.name}-*.pth"))


def _load_keras(backbone: keras.Model, trunk: Trunk, path: Path) -> None:
    # Keras passes over what a file does not hold with a warning only, so the file is compared first. Files of the older
    # form (.h5 of keras.applications) have names of their own and are checked by Keras.
    problem = explain_mismatch(backbone, path) if path.name.endswith(".weights.h5") else ""
    cause: Exception | None = None
    if not problem:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about containers of Keras's own that hold no weights
                backbone.load_weights(path)
        except Exception as error:  # Keras raises several kinds here, with texts that run over many lines
            unknown = "its layers are in another order: write it again with this version of Keras"
            problem, cause = explain_mismatch(backbone, path) or unknown, error
    if problem:
        raise KerasdrError(f"model.weights={path} does not fit trunk {trunk.name}: {problem}") from cause


def _load_imagenet(backbone: keras.Model, trunk: Trunk) -> None:
    if trunk.name in _TORCHVISION:
        load_torch_weights(backbone, trunk.name, _torchvision_files(trunk)[0])
        return
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
    # A trunk may start behind the first layers of the application (see EfficientNetB0 in the registry), never before.
    backbone.set_weights(source.get_weights()[-len(backbone.weights) :])


def explain_mismatch(backbone: keras.Model, path: Path) -> str:
    """Say which arrays of a weights file and of a network differ.

    Args:
        backbone: the network that the file was meant for.
        path: an HDF5 file.

    Returns:
        One line, empty if the file holds every array of the network in its shape.
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
    return describe_differences(expected, given, extra_matters=False)
