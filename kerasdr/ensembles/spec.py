"""How members are combined, as plain data that travels in a bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.ensembles.registry import find_method
from kerasdr.errors import KerasdrError
from kerasdr.grades import N_GRADES

_REMEDY = "make the bundle again"

# Far above what any fit gives; nothing below it overflows on the way through a softmax.
_LARGEST = 1e9


@dataclass(frozen=True)
class EnsembleSpec:
    """A way to combine members.

    Attributes:
        method: a registered name, such as ``soft`` or ``stacking``.
        weights: one a member, at least 0, summing to 1: its share of the ensemble's heat map and, where the method
            weighs members (``weighted``, ``boosting``), of the vote.
        parameters: what else the method needs, as plain JSON data; most need nothing.
    """

    method: str
    weights: tuple[float, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as plain data; the key ``parameters`` is there only if there are any."""
        content: dict[str, Any] = {"method": self.method, "weights": list(self.weights)}
        return content | ({"parameters": dict(self.parameters)} if self.parameters else {})

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "EnsembleSpec":
        """Read a spec from plain data.

        Raises:
            KerasdrError: if a key is missing or unknown, the method is not known, the weights are none, or the
                parameters are not those of the method for as many members.
        """
        if not {"method", "weights"} <= set(content) <= {"method", "weights", "parameters"}:
            raise KerasdrError(
                f"an ensemble has the keys method and weights, and perhaps parameters, got {sorted(content)}: {_REMEDY}"
            )
        method, weights, parameters = find_method(content["method"]), content["weights"], content.get("parameters", {})
        if (
            not isinstance(weights, list | tuple)
            or not weights
            or not is_numbers(weights, (len(weights),))
            or min(weights) < 0
            or abs(sum(weights) - 1.0) > 1e-6
        ):
            raise KerasdrError(f"ensemble weights must be at least 0 and sum to 1, got {weights!r}: {_REMEDY}")
        if not isinstance(parameters, Mapping):
            raise KerasdrError(f"ensemble parameters must be keys and values: {_REMEDY}")
        if method.check_parameters is not None:
            method.check_parameters(parameters, len(weights))
        elif parameters:
            raise KerasdrError(f"the ensemble method {method.name} takes no parameters: {_REMEDY}")
        return cls(method.name, tuple(float(weight) for weight in weights), dict(parameters))


def is_numbers(value: object, shape: Sequence[int]) -> bool:
    """Whether plain data are nested lists of finite numbers of a shape such as ``(3, 5)``."""
    if not shape:
        return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST
    return isinstance(value, list | tuple) and len(value) == shape[0] and all(is_numbers(v, shape[1:]) for v in value)


def equal_spec(method: str, n_members: int) -> EnsembleSpec:
    """Return the spec of a method without parameters in which each of ``n_members`` counts the same."""
    return EnsembleSpec(method, (1.0 / n_members,) * n_members)


def combine(spec: EnsembleSpec, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Combine members' grade probabilities; what a photograph gets does not depend on the others.

    Args:
        spec: how.
        probabilities: ``(M, N, 5)``, one slice a member, in the order of ``spec.weights``.

    Returns:
        ``(N, 5)``, rows summing to 1.

    Raises:
        ValueError: if the shape does not fit, or a value is not finite.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 3 or p.shape[0] != len(spec.weights) or p.shape[2] != N_GRADES:
        raise ValueError(f"probabilities must be ({len(spec.weights)}, N, {N_GRADES}), got {p.shape}")
    if not np.isfinite(p).all():
        raise ValueError("a member gave a probability that is not a finite number")
    combined = find_method(spec.method).combine(spec, p)
    return combined / combined.sum(axis=1, keepdims=True)
