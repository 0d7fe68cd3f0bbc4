"""In which order a person looks at the rows of a CSV: the worst and least certain first, the eyes of a person together."""

import math
from collections import Counter
from collections.abc import Sequence

from kerasdr.grades import SIGHT_THREATENING_FROM, probability_from
from kerasdr.scoring.names import is_pseudonym
from kerasdr.scoring.photographs import person_keys
from kerasdr.scoring.rows import Row

GROUPS = (
    "likely to threaten sight",
    "in doubt: to a reader",
    "not good enough to be graded",
    "could not be read",
    "referable",
    "not referable",
    "waiting for the next run",
)
"""What rows come first, by the first number of :func:`urgency`."""

_LIKELY = 0.5
_ALONE = "\0"  # how person_keys begins the key of a name that tells no eye


def urgency(row: Row, operating_point: float | None) -> tuple[int, float, float, float]:
    """Return what a row is sorted by, smallest first.

    1. Its place in :data:`GROUPS`. A probability of grade 3 or worse of one half or more comes first, whatever else is said of
       the photograph; then those that the model itself sends to a reader. Ungradable and failed ones need a person
       and come before those that the model is sure of: nobody knows what they hide.
    2. The probability of grade 3 or worse, in tenths, the highest first: within a tenth doubt says more than that.
    3. How far the probability of referable is from the operating point, the nearest first.
    4. The entropy of the five probabilities, the highest first.

    Args:
        row: of the CSV.
        operating_point: of :func:`operating_point`, or None, and 2 alone stands before 4.
    """
    if row.status != "graded":
        return {"ungradable": 2, "failed": 3, "waiting": 6}[row.status], 0.0, 0.0, 0.0
    severe = float(probability_from(row.probabilities, SIGHT_THREATENING_FROM))
    if severe >= _LIKELY:
        group = 0
    elif row.refer_to_reader:
        group = 1
    else:
        group = 4 if row.referable or row.screen_positive else 5
    distance = 0.0
    if operating_point is not None and row.prob_referable is not None:
        distance = abs(row.prob_referable - operating_point)
    return group, -math.floor(10 * severe), distance, -entropy(row.probabilities)


def entropy(probabilities: Sequence[float]) -> float:
    """Return the entropy of probabilities, in bits: 0 if one is 1, more the less is known."""
    return -sum(p * math.log2(p) for p in probabilities if p > 0.0)


def operating_point(rows: Sequence[Row]) -> float | None:
    """Return about where rows are called ``screen_positive``: between the highest that is not and the lowest that is.

    The CSV does not say the point itself. Several models in one CSV, whose points may differ, leave none.

    Returns:
        A probability of referable, or None if no row, or all, are called so, or the two overlap.
    """
    no = [row.prob_referable for row in rows if row.screen_positive is False and row.prob_referable is not None]
    yes = [row.prob_referable for row in rows if row.screen_positive is True and row.prob_referable is not None]
    if not no or not yes or max(no) > min(yes):
        return None
    return (max(no) + min(yes)) / 2


def people_of(rows: Sequence[Row]) -> list[str]:
    """Return whose photograph each row is, as far as its name and its partner tell: equal keys, one person.

    A pseudonym tells nothing, nor does a name such as ``IM0001``; who was seen with whom does, where a model sees both eyes.
    """
    named = person_keys(row.image for row in rows)
    keys = [
        f"{_ALONE}{place}" if is_pseudonym(row.image) else key
        for place, (row, key) in enumerate(zip(rows, named, strict=True))
    ]
    key_of = {row.image: key for row, key in zip(rows, keys, strict=True)}
    same: dict[str, str] = {}

    def person(key: str) -> str:
        while key in same:
            key = same[key]
        return key

    for row, key in zip(rows, keys, strict=True):
        # A name may hold what stands between two.
        for partner in {row.partner, *row.partner.split("; ")} & key_of.keys():
            first, second = sorted((person(key), person(key_of[partner])))
            if first != second:
                same[first] = second
    return [person(key) for key in keys]


def told_by_nothing(people: Sequence[str]) -> list[bool]:
    """Return of which photographs nothing tells whose they are, from the keys of :func:`people_of`."""
    times = Counter(people)
    return [key.startswith(_ALONE) and times[key] == 1 for key in people]


def worklist(rows: Sequence[Row]) -> list[int]:
    """Return places of rows in the order in which to look at them.

    People come in the order of their most urgent eye, and each with that eye first; what is equally urgent stays in the
    order of the CSV.
    """
    point = operating_point(rows)
    keys = [urgency(row, point) for row in rows]
    people = people_of(rows)
    first: dict[str, tuple[tuple[int, float, float, float], int]] = {}
    for place, (person, key) in enumerate(zip(people, keys, strict=True)):
        first[person] = min(first.get(person, (key, place)), (key, place))
    return sorted(range(len(rows)), key=lambda place: (first[people[place]], keys[place], place))
