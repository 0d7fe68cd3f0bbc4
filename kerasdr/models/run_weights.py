"""The trunk out of a trained member's ``weights.npz``: how one training starts from another."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.models.differences import describe_differences
from kerasdr.models.layer_names import PARTNER, is_head


def load_run_weights(backbone: keras.Model, trunk: str, path: Path, *, cut: bool = False) -> None:
    """Put the trunk's weights of a trained member into a trunk.

    The head, attention included, is left out, so its form may differ between the two
    (:func:`kerasdr.models.run_head.load_run_head` takes it where it does not). From a dual member with branches of their
    own, the photograph's branch is taken.

    Args:
        backbone: the trunk, as its registry entry builds it; its weights change.
        trunk: name of the trunk.
        cut: whether the trunk ends early; what a file of a longer one has beyond it is left out.
        path: a ``.npz`` file as a run writes it (see :func:`kerasdr.models.weights.get_weights`).

    Raises:
        KerasdrError: if the file is not such a file, or is another trunk's; one line.
    """
    arrays = {name: array for name, array in read_run_arrays(path).items() if _is_trunk(name)}
    if not arrays:
        raise KerasdrError(f"model.weights={path} holds no weights of a network: give a run's members/NAME/weights.npz")
    variables = numbered((variable.path, variable) for variable in backbone.weights)
    given = numbered(arrays.items())
    if problem := describe_differences(_shapes(variables), _shapes(given), extra_matters=not cut):
        raise KerasdrError(
            f"model.weights={path} does not fit trunk {trunk}: {problem}; "
            "if it was trained with a model.trunk_end, give the same"
        )
    for name, variable in variables.items():
        variable.assign(given[name])


def read_run_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read the weights of a trained member, keyed by ``<layer>/<variable>``, in the network's order.

    Raises:
        KerasdrError: if it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            keys = [key.partition(":") for key in sorted(file.files)]
            return {
                name: file[position + colon + name] for position, colon, name in keys if position.isdigit() and name
            }
    except Exception as error:  # not a zip archive, cut short, holding objects
        raise KerasdrError(f"model.weights={path} cannot be read: give a run's members/NAME/weights.npz") from error


def _is_trunk(name: str) -> bool:
    layer = name.partition("/")[0]
    return not layer.startswith(PARTNER) and not is_head(layer)


def numbered(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Key items by layer and variable, with numbers that Keras gave to layers without a name replaced by their rank.

    Such numbers count through a process, so conv2d_7 here may be conv2d_101 there; the order of layers is the same. What
    a layer stands in (ConvNeXt has small models among its layers) is in the path of a trunk's variable, not of its copy's.
    """
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for path, item in items:
        plain = re.sub(r"_\d+(?=/|$)", "", "/".join(path.split("/")[-2:]))
        ranks[plain] = ranks.get(plain, 0) + 1
        found[plain if ranks[plain] == 1 else f"{plain} ({ranks[plain]})"] = item
    return found


def _shapes(items: Mapping[str, NDArray[np.generic] | keras.Variable]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(item.shape) for name, item in items.items()}
