"""The registry of ensemble methods: a name, how it combines, and what it needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError

if TYPE_CHECKING:
    from kerasdr.ensembles.spec import EnsembleSpec

Score = Callable[[NDArray[np.int64], NDArray[np.float64]], float]
"""Takes grades ``(N,)`` and probabilities ``(N, 5)``; higher is better."""

Combiner = Callable[["EnsembleSpec", NDArray[np.float64]], NDArray[np.float64]]
"""Takes a spec and the members' probabilities ``(M, N, 5)``, gives the ensemble's ``(N, 5)``, each row by itself."""

Fitter = Callable[[NDArray[np.float64], NDArray[np.int64], Score], "EnsembleSpec"]
"""Takes the members' probabilities ``(M, N, 5)``, grades ``(N,)`` and what to raise, gives the spec."""

ParameterCheck = Callable[[Mapping[str, Any], int], None]
"""Takes a spec's parameters and its number of members; raises KerasdrError if they do not fit."""


@dataclass(frozen=True)
class Method:
    """A way to combine members.

    Attributes:
        name: as configurations and bundles name it.
        combine: applies it.
        fit: learns it from grades, so that its own fitting data flatter it; None for a method that looks at none.
        own_training: whether its members must be trained for it (bagging, boosting), where others take any members.
        check_parameters: judges a spec's parameters; None for a method without any.
    """

    name: str
    combine: Combiner
    fit: Fitter | None
    own_training: bool
    check_parameters: ParameterCheck | None


_METHODS: dict[str, Method] = {}


def register_method(
    name: str,
    *,
    fit: Fitter | None = None,
    own_training: bool = False,
    check_parameters: ParameterCheck | None = None,
) -> Callable[[Combiner], Combiner]:
    """Register a function as the way the method ``name`` combines; see :class:`Method` for the rest."""

    def register(combiner: Combiner) -> Combiner:
        _METHODS[name] = Method(name, combiner, fit, own_training, check_parameters)
        return combiner

    return register


def method_names(own_training: bool | None = None) -> tuple[str, ...]:
    """Return the names of all methods, sorted; or of those that do (do not) need members trained for them."""
    return tuple(sorted(m.name for m in _METHODS.values() if own_training is None or m.own_training == own_training))


def find_method(name: object) -> Method:
    """Return a method by its name.

    Raises:
        KerasdrError: if there is none of that name.
    """
    if not isinstance(name, str) or name not in _METHODS:
        raise KerasdrError(f"no ensemble method is called {name!r}: take one of {', '.join(method_names())}")
    return _METHODS[name]
