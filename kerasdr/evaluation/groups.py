"""From a column of a table to groups of photographs: by its values, or by cuts of numbers."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path

NOT_GIVEN = "(not given)"
"""The group of photographs whose cell is empty."""

# More different numbers than this are a measurement, such as an age, and no code.
_CODES = 8
_MOST_GROUPS = 40


@dataclass(frozen=True)
class Grouping:
    """What a person asks for.

    Attributes:
        column: its name, in small letters.
        cuts: between groups of numbers; a number that is a cut belongs to the group above it.
        shares: quantiles at which numbers are cut, 0-1.
        each: whether every value is a group, numbers too.
    """

    column: str
    cuts: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    each: bool = False


@dataclass(frozen=True, eq=False)
class Groups:
    """Photographs in groups.

    Attributes:
        names: of the groups, in their order; none is empty.
        of: position in ``names`` of each photograph's group, ``(n,)``.
        cut: how numbers were cut, in words; empty if they were not.
    """

    names: tuple[str, ...]
    of: NDArray[np.int64]
    cut: str


def parse_grouping(text: str) -> Grouping:
    """Read ``COLUMN``, ``COLUMN:40,60`` (cuts), ``COLUMN:25%,50%,75%`` (quantiles) or ``COLUMN:each``.

    Raises:
        KerasdrError: if what stands behind the colon is none of these.
    """
    column, colon, how = (part.strip() for part in text.partition(":"))
    wrong = KerasdrError(
        f"--groups {text} is not read: give COLUMN, COLUMN:40,60 (cuts, rising), COLUMN:25%,50%,75% (quantiles) or COLUMN:each"
    )
    if not column or (colon and not how):
        raise wrong
    if not colon:
        return Grouping(column.lower())
    if how == "each":
        return Grouping(column.lower(), each=True)
    parts = [part.strip() for part in how.split(",")]
    percent = [part.endswith("%") for part in parts]
    try:
        numbers = tuple(float(part.removesuffix("%")) for part in parts)
    except ValueError:
        raise wrong from None
    rising = all(a < b for a, b in itertools.pairwise(numbers))
    if any(percent) != all(percent) or not rising or not all(map(math.isfinite, numbers)):
        raise wrong
    if percent[0]:
        if not 0 < numbers[0] <= numbers[-1] < 100:
            raise wrong
        return Grouping(column.lower(), shares=tuple(number / 100 for number in numbers))
    return Grouping(column.lower(), cuts=numbers)


def make_groups(cells: Sequence[str], grouping: Grouping, shown: str, lines: Sequence[int] | None = None) -> Groups:
    """Sort photographs into groups.

    A column of more than 8 different numbers is cut into thirds if nothing else is asked for; an empty cell makes the group
    ``(not given)``.

    Args:
        cells: of the photographs, ``(n,)`` texts.
        grouping: how.
        shown: the column and its file, for messages.
        lines: of the cells in that file, for messages.

    Raises:
        KerasdrError: if a cell should be a number and is none, or there are too many different values to be groups.
    """
    texts = [cell.strip() for cell in cells]
    given = np.array([text != "" for text in texts])
    numbers = np.array([_number(text) for text in texts])
    measured = bool(given.any()) and bool(np.isfinite(numbers[given]).all())
    cuts, cut = grouping.cuts, "at given cuts"
    shares = grouping.shares
    if not (cuts or shares or grouping.each) and measured and len(np.unique(numbers[given])) > _CODES:
        shares = (1 / 3, 2 / 3)
    if (cuts or shares) and not measured:
        wrong = np.flatnonzero(given & ~np.isfinite(numbers))
        if not len(wrong):
            raise KerasdrError(f"{shown} is empty: there is nothing to be cut")
        first = int(wrong[0])
        line = "" if lines is None else f" line {lines[first]}"
        raise KerasdrError(
            f"{shown}{line}: {printable_path(texts[first])} is no number, so the column cannot be cut: leave the cuts out, or "
            "correct it"
        )
    if shares:
        # Values that occur, so that a cut is a number that people know; a cut at the lowest value would have nobody below.
        found = np.unique(np.quantile(numbers[given], shares, method="inverted_cdf"))
        cuts = tuple(float(one) for one in found if one > numbers[given].min())
        cut = f"at the quantiles {', '.join(f'{share:.0%}' for share in shares)} of the photographs"
    if cuts:
        place_of = np.searchsorted(cuts, numbers, side="right")
        names = _between(cuts)
        named = [names[place] if known else NOT_GIVEN for place, known in zip(place_of, given, strict=True)]
        order = [name for name in (*names, NOT_GIVEN) if name in set(named)]
    else:
        named = [text or NOT_GIVEN for text in texts]
        order = sorted(set(named), key=lambda name: (name == NOT_GIVEN, _number(name) if measured else 0.0, name))
        cut = ""
    if len(order) > _MOST_GROUPS:
        raise KerasdrError(
            f"{shown} has {len(order)} different values, too many to be groups (at most {_MOST_GROUPS}): name another column, "
            "or cut numbers (COLUMN:40,60)"
        )
    where = {name: index for index, name in enumerate(order)}
    return Groups(tuple(order), np.array([where[name] for name in named], dtype=np.int64), cut)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _between(cuts: Sequence[float]) -> list[str]:
    inner = [f"{low:g} to below {high:g}" for low, high in itertools.pairwise(cuts)]
    return [f"below {cuts[0]:g}", *inner, f"{cuts[-1]:g} and above"]
