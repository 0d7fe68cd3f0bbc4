"""How members are combined, as data, and the registry of ways to do it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.errors import KerasdrError
from kerasdr.grades import N_GRADES

Combiner = Callable[["EnsembleSpec", NDArray[np.float64]], NDArray[np.float64]]
"""Takes a spec and the members' probabilities ``(M, N, 5)``, gives the ensemble's ``(N, 5)``."""

_COMBINERS: dict[str, Combiner] = {}


@dataclass(frozen=True)
class EnsembleSpec:
    """A way to combine members.

    Attributes:
        method: a registered name, such as ``soft`` or ``weighted``.
        weights: one a member, at least 0, summing to 1.
    """

    method: str
    weights: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as plain data."""
        return {"method": self.method, "weights": list(self.weights)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "EnsembleSpec":
        """Read a spec from plain data.

        Raises:
            KerasdrError: if a key is missing or unknown, the method is not known, or the weights are none.
        """
        if set(content) != {"method", "weights"}:
            raise KerasdrError(f"an ensemble has the keys method and weights, got {sorted(content)}")
        method, weights = content["method"], content["weights"]
        if method not in _COMBINERS:
            raise KerasdrError(f"no ensemble method is called {method!r}; known are {', '.join(method_names())}")
        if (
            not isinstance(weights, Sequence)
            or not weights
            or not all(isinstance(weight, int | float) and weight >= 0 for weight in weights)
            or abs(sum(weights) - 1.0) > 1e-6
        ):
            raise KerasdrError(f"ensemble weights must be at least 0 and sum to 1, got {weights!r}")
        return cls(method, tuple(float(weight) for weight in weights))


def register_method(name: str) -> Callable[[Combiner], Combiner]:
    """Register a function as the ensemble method ``name``."""

    def register(combiner: Combiner) -> Combiner:
        _COMBINERS[name] = combiner
        return combiner

    return register


def method_names() -> tuple[str, ...]:
    """Return the names of all methods, sorted."""
    return tuple(sorted(_COMBINERS))


def combine(spec: EnsembleSpec, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Combine members' grade probabilities.

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
    combined = _COMBINERS[spec.method](spec, p)
    return combined / combined.sum(axis=1, keepdims=True)
