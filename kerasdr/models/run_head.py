"""Head and attention out of a trained member's ``weights.npz``, where the network has them in the same form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from kerasdr.models.layer_names import ATTENTION, PARTNER, is_head
from kerasdr.models.run_weights import numbered, read_run_arrays

Array = NDArray[np.generic]
Item = TypeVar("Item")


@dataclass
class _Parts(Generic[Item]):
    """A classifier's weights by the part that they belong to; the two trunks without what is the head's."""

    trunk: dict[str, Item] = field(default_factory=dict)
    partner_trunk: dict[str, Item] = field(default_factory=dict)
    attention: dict[str, Item] = field(default_factory=dict)
    head: dict[str, Item] = field(default_factory=dict)


def load_run_head(model: keras.Model, path: Path) -> tuple[str, ...]:
    """Put head and attention of a trained member into a classifier whose trunk was loaded from the same file.

    The head (``head_norm``, ``hidden_1``.., ``logits``) is taken as a whole or not at all: if it has the same parts of the
    same shapes here and there, and stands on the same vector. For that the trunk must end at the same layer, and a member
    with two branches of their own fits only a network that has such branches too; this one is then given the partner's trunk
    as well, as the head knows it. Attention is taken by the same rule for itself. What is not taken stays as it was built.

    Args:
        model: from :func:`kerasdr.models.build_classifier`; its weights change.
        path: a ``.npz`` file as a run writes it.

    Returns:
        A sentence for the head, and one for attention if the network has any: kept or made anew, and then why.

    Raises:
        KerasdrError: if the file cannot be read.
    """
    given = _parts(read_run_arrays(path))
    ours = _parts({weight.path: weight for weight in model.weights})
    branches = bool(given.partner_trunk)

    head = given.head if branches else _with_copies(given.head, ours.head)
    problem = _first_difference(head, ours.head) or _other_vector(given, ours)
    if not problem:
        _assign(ours.head, head)
        _assign(numbered(ours.partner_trunk.items()), numbered(given.partner_trunk.items()) if branches else {})
    notes = [_note("head", path, problem)]

    if ours.attention:
        # Where the partner's trunk is a copy of the photograph's, so is its attention.
        own = branches and not problem
        attention = given.attention if own else _with_copies(given.attention, ours.attention)
        problem = _first_difference(attention, ours.attention) if attention else "there is none"
        if not problem:
            _assign(ours.attention, attention)
        notes.append(_note("attention", path, problem))
    return tuple(notes)


def _note(what: str, path: Path, problem: str) -> str:
    return f"{what}: made anew, since in {path} {problem}" if problem else f"{what}: kept from {path}"


def _parts(weights: Mapping[str, Item]) -> _Parts[Item]:
    parts: _Parts[Item] = _Parts()
    for name, item in weights.items():
        layer = name.partition("/")[0]
        if layer.removeprefix(PARTNER) == ATTENTION:
            parts.attention[name] = item
        elif is_head(layer):
            parts.head[name] = item
        elif layer.startswith(PARTNER):
            parts.partner_trunk[name] = item
        else:
            parts.trunk[name] = item
    return parts


def _with_copies(given: Mapping[str, Array], wanted: Mapping[str, object]) -> dict[str, Array]:
    """Return a file's arrays of the photograph's branch, and these again for a partner that has such of its own here."""
    one = {name: array for name, array in given.items() if not name.startswith(PARTNER)}
    partners = [name for name in wanted if name.startswith(PARTNER)]
    return one | {name: one[name.removeprefix(PARTNER)] for name in partners if name.removeprefix(PARTNER) in one}


def _other_vector(given: _Parts[Array], ours: _Parts[keras.Variable]) -> str:
    """Say how the pooled vector differs under two heads of the same shapes; empty if it does not."""
    if set(numbered(given.trunk.items())) - set(numbered(ours.trunk.items())):
        return "the trunk goes on behind the layer where it ends here"
    if given.partner_trunk and not ours.partner_trunk:
        return "the partner has a branch of its own"
    return ""


def _first_difference(given: Mapping[str, Array], wanted: Mapping[str, keras.Variable]) -> str:
    """Say the first thing in which a file's arrays differ from those that the network has; empty if they do not."""
    for name in sorted({*given, *wanted}):
        if name not in given:
            return f"there is no {name}"
        if name not in wanted:
            return f"there is {name}, which the network lacks"
        there, here = tuple(given[name].shape), tuple(wanted[name].shape)
        if there != here:
            return f"{name} has shape {there} and here {here}"
    return ""


def _assign(variables: Mapping[str, keras.Variable], arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        variables[name].assign(array)
