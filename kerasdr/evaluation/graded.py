"""What figures are computed of: photographs whose true grade is known, or the people in them."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kerasdr.grades import REFERABLE_FROM, SIGHT_THREATENING_FROM, probability_from

_Kind = TypeVar("_Kind", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Graded:
    """Photographs that have a true and a predicted grade; or people, each with those of the worst photograph.

    Attributes:
        truth, predicted: grades ``(n,)``, 0-4.
        called_referable: the decision that is judged, ``(n,)`` booleans.
        people: the person of each, ``(n,)``.
        p_referable, p_sight_threatening: probability of grade 2 or worse, and of grade 3 or worse, ``(n,)``; None if
            unknown.
        unit: what each entry is, ``photograph`` or ``person``.
        n_images: how many photographs these are, of people as well.
        probabilities: of the grades, ``(n, 5)``; None if unknown, and of people, whose highest probabilities are no forecast.
        set_bounds: lowest and highest grade of each photograph's set of grades, ``(n, 2)``, -1 where it has none; None if
            no photograph has one, and of people.
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    called_referable: NDArray[np.bool_]
    people: NDArray[Any]
    p_referable: NDArray[np.float64] | None
    p_sight_threatening: NDArray[np.float64] | None
    unit: str
    n_images: int
    probabilities: NDArray[np.float64] | None = None
    set_bounds: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True, eq=False)
class Screened:
    """All photographs with a true grade, graded or not, under intention to screen; or the people in them.

    Attributes:
        referable: whether the true grade is 2 or worse, ``(n,)`` booleans.
        referred: whether it was called referable or not graded, which screening refers as well, ``(n,)`` booleans.
        not_graded: ``(n,)`` booleans; of people, whether any of their photographs was not graded.
        people, unit, n_images: as of :class:`Graded`.
    """

    referable: NDArray[np.bool_]
    referred: NDArray[np.bool_]
    not_graded: NDArray[np.bool_]
    people: NDArray[Any]
    unit: str
    n_images: int

    def __len__(self) -> int:
        return len(self.referable)


def graded_photographs(
    grades: ArrayLike,
    predicted: ArrayLike,
    people: ArrayLike,
    probabilities: ArrayLike | None = None,
    called_referable: ArrayLike | None = None,
    set_bounds: ArrayLike | None = None,
) -> Graded:
    """Return photographs to be judged.

    Args:
        grades, predicted: ``(n,)``, 0-4.
        people: the person of each, ``(n,)``.
        probabilities: of the grades, ``(n, 5)``, if known.
        called_referable: the decision, ``(n,)``; if None, a predicted grade of 2 or worse.
        set_bounds: of sets of grades, ``(n, 2)``, if known.
    """
    truth, guess = np.asarray(grades, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    referable = sight = None
    if probabilities is not None:
        # Sums of the same decimals in another order differ in their last bit; they are ties all the same.
        referable = probability_from(probabilities, REFERABLE_FROM).round(12)
        sight = probability_from(probabilities, SIGHT_THREATENING_FROM).round(12)
    decision = guess >= REFERABLE_FROM if called_referable is None else np.asarray(called_referable, dtype=bool)
    return Graded(
        truth,
        guess,
        decision,
        np.asarray(people),
        referable,
        sight,
        "photograph",
        len(truth),
        None if probabilities is None else np.asarray(probabilities, dtype=np.float64),
        None if set_bounds is None else np.asarray(set_bounds, dtype=np.int64),
    )


def screened_photographs(
    grades: ArrayLike, called_referable: ArrayLike, graded: ArrayLike, people: ArrayLike
) -> Screened:
    """Return photographs to be judged by intention to screen.

    Args:
        grades: true grades ``(n,)``, 0-4.
        called_referable: the decision, ``(n,)``; of no meaning where not graded.
        graded: whether each was graded, ``(n,)`` booleans.
        people: ``(n,)``.
    """
    missing = ~np.asarray(graded, dtype=bool)
    referred = np.asarray(called_referable, dtype=bool) | missing
    truth = np.asarray(grades) >= REFERABLE_FROM
    return Screened(truth, referred, missing, np.asarray(people), "photograph", len(truth))


def graded_people(photographs: Graded) -> Graded:
    """Return one entry a person, by the worse eye.

    The truth is the person's worst true grade, the prediction the worst predicted one, a probability the highest of the
    person's photographs; a person is called referable if any photograph is.
    """
    names, owner = np.unique(photographs.people, return_inverse=True)

    def worst(values: NDArray[_Kind]) -> NDArray[_Kind]:
        return _worst(values, owner, len(names))

    return replace(
        photographs,
        truth=worst(photographs.truth),
        predicted=worst(photographs.predicted),
        called_referable=worst(photographs.called_referable),
        people=names,
        p_referable=None if photographs.p_referable is None else worst(photographs.p_referable),
        p_sight_threatening=None if photographs.p_sight_threatening is None else worst(photographs.p_sight_threatening),
        unit="person",
        probabilities=None,
        set_bounds=None,
    )


def screened_people(photographs: Screened) -> Screened:
    """Return one entry a person: referable, referred or not graded if any of the person's photographs is."""
    names, owner = np.unique(photographs.people, return_inverse=True)
    return replace(
        photographs,
        referable=_worst(photographs.referable, owner, len(names)),
        referred=_worst(photographs.referred, owner, len(names)),
        not_graded=_worst(photographs.not_graded, owner, len(names)),
        people=names,
        unit="person",
    )


def _worst(values: NDArray[_Kind], owner: NDArray[np.int64], n_people: int) -> NDArray[_Kind]:
    worst = np.zeros(n_people, dtype=values.dtype)  # grades, probabilities and booleans are never below 0
    np.maximum.at(worst, owner, values)
    return worst
