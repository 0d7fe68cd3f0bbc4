"""Torchvision's names for the weights of our trunks, and the conversion of its state dicts."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.models.differences import describe_differences
from kerasdr.models.torch_file import read_state_dict

# What a batch normalisation's variables are called in torch.
_NORMALIZATION = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}

# Names that only a trunk has, so that arrays left over under them tell of another network (a ResNet34 given for a
# ResNet18). All else may be left over: the layer of ImageNet's 1000 classes, counters of batches, heads of a user's
# own.
_RESNET_PARTS = r"(conv1|bn1|layer\d+)\."
_DENSENET_PARTS = r"(conv0|norm0|norm5|denseblock\d+|transition\d+)\."


def _resnet_name(layer: str) -> str:
    stem = {"stem_conv": "conv1", "stem_bn": "bn1"}
    if layer in stem:
        return stem[layer]
    match = re.fullmatch(r"stage_(\d+)_block_(\d+)_(.+)", layer)
    if match is None:
        raise ValueError(f"no torchvision name is known for layer {layer!r}")
    part = {"shortcut_conv": "downsample.0", "shortcut_bn": "downsample.1"}.get(match[3], match[3])
    return f"layer{match[1]}.{int(match[2]) - 1}.{part}"


def _densenet_name(layer: str) -> str:
    # Torchvision's names begin with "features.", which counts as the prefix here: cut-out feature parts lack it.
    fixed = {"conv1_conv": "conv0", "conv1_bn": "norm0", "bn": "norm5"}
    if layer in fixed:
        return fixed[layer]
    if match := re.fullmatch(r"conv(\d)_block(\d+)_([012])_(bn|conv)", layer):
        number = int(match[3]) + 1 if match[4] == "bn" else int(match[3])
        kind = "norm" if match[4] == "bn" else "conv"
        return f"denseblock{int(match[1]) - 1}.denselayer{match[2]}.{kind}{number}"
    if match := re.fullmatch(r"pool(\d)_(bn|conv)", layer):
        return f"transition{int(match[1]) - 1}.{'norm' if match[2] == 'bn' else 'conv'}"
    raise ValueError(f"no torchvision name is known for layer {layer!r}")


_TRUNKS: dict[str, tuple[Callable[[str], str], str]] = {
    "resnet18": (_resnet_name, _RESNET_PARTS),
    "resnet34": (_resnet_name, _RESNET_PARTS),
    "densenet121": (_densenet_name, _DENSENET_PARTS),
}


def load_torch_weights(backbone: keras.Model, trunk: str, path: Path) -> None:
    """Put the weights of a torch state dict into a trunk.

    The names are torchvision's, with any prefix before them (``module.``, ``backbone.`` and the like). Left out are the
    classification layer (``fc``, ``classifier``), counters of batches and whatever else stands beside the trunk.
    DenseNets of before torchvision 0.3 (``norm.1`` for ``norm1``) are understood.

    The features are then those of torchvision for photographs normalised as ``imagenet``, but for rounding (and, in
    DenseNet121, for an epsilon of 1.001e-5 against 1e-5 in Keras's batch normalisation).

    Args:
        backbone: the trunk, as its registry entry builds it; its weights change.
        trunk: name of the trunk.
        path: the state dict's file, see :func:`kerasdr.models.torch_file.read_state_dict`.

    Raises:
        KerasdrError: if the trunk has no torchvision counterpart, the file is not a state dict, or it is another
            network's.
    """
    if trunk not in _TRUNKS:
        raise KerasdrError(
            f"model.weights={path}: torch weights can be converted for {', '.join(_TRUNKS)}, not for {trunk}; "
            "give a Keras weights file"
        )
    rename, parts = _TRUNKS[trunk]
    given = {re.sub(r"\b(norm|conv)\.([12])\.", r"\1\2.", name): array for name, array in read_state_dict(path).items()}
    variables = {
        f"{rename(layer.name)}.{_NORMALIZATION.get(variable.name, 'weight')}": variable
        for layer in backbone.layers
        for variable in layer.weights
    }
    prefix = _common_prefix(given, list(variables), path)
    own = {name.removeprefix(prefix): array for name, array in given.items() if name.startswith(prefix)}
    shapes = {name: array.shape for name, array in own.items() if name in variables or _belongs(name, parts)}
    expected = {name: _torch_shape(variable.shape) for name, variable in variables.items()}
    if problem := describe_differences(expected, shapes):
        raise KerasdrError(f"model.weights={path} does not fit trunk {trunk}: {problem}")
    for name, variable in variables.items():
        variable.assign(_from_torch(own[name]))


def _common_prefix(given: Iterable[str], expected: list[str], path: Path) -> str:
    """Return what stands before the trunk's names in a file: the prefix under which most of them are found."""
    names = set(given)
    # The first array of a trunk, such as conv1.weight, is found in every copy of it.
    prefixes = {name.removesuffix(expected[0]) for name in names if name.endswith(expected[0])}
    counts = {
        prefix: sum(prefix + name in names for name in expected) for prefix in prefixes if prefix[-1:] in ("", ".")
    }
    whole = sorted(prefix for prefix, count in counts.items() if count == len(expected))
    if len(whole) > 1:
        raise KerasdrError(
            f"model.weights={path} holds {len(whole)} trunks ({', '.join(whole)}): "
            "write one of them to a file of its own"
        )
    return max(sorted(counts), key=lambda prefix: counts[prefix], default="")


def _belongs(name: str, parts: str) -> bool:
    return re.match(parts, name) is not None and not name.endswith(".num_batches_tracked")


def _torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else tuple(shape)


def _from_torch(array: NDArray[np.generic]) -> NDArray[np.generic]:
    # A kernel is (out, in, height, width) in torch and (height, width, in, out) in Keras.
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def torch_trunks() -> tuple[str, ...]:
    """Return the names of the trunks that take torch weights."""
    return tuple(_TRUNKS)
