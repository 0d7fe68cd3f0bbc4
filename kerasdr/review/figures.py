"""How the machine and readers agree, and readers among themselves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasdr.evaluation.graded import graded_photographs
from kerasdr.evaluation.intervals import FEW_PEOPLE, Interval, kappa_interval, to_json
from kerasdr.evaluation.standard_figures import standard_figures
from kerasdr.grades import GRADES
from kerasdr.reporting import plural
from kerasdr.review.decisions import UNGRADABLE, answer_of
from kerasdr.review.merge import Reviewed, ReviewedRow
from kerasdr.review.order import people_of, told_by_nothing
from kerasdr.scoring.names import is_pseudonym

SEEN = (
    "readers saw the machine's grade before they decided, and chose what to decide on: this is how far they went along with "
    "it, and no measure of how often it is right"
)
"""What is told beside every figure."""

UNKNOWN_PEOPLE = "photographs are shown by pseudonyms, which do not tell what is of one person"

_FIGURES = ("quadratic_kappa", "sensitivity_referable", "specificity_referable")
_GRADES = frozenset(map(str, GRADES))


@dataclass(frozen=True)
class AgainstMachine:
    """One reader and the machine.

    Attributes:
        reader: the name.
        decided: photographs with a decision.
        agreed: of them, with the machine's grade, or that there can be none.
        up, down: graded by both, and worse, or better, by the reader.
        ungradable: graded by the machine, and ungradable to the reader.
        graded: ungradable or failed to the machine, and graded by the reader.
        figures: quadratic kappa, and sensitivity and specificity of the machine's ``referable`` as if the reader's grade were
            the truth; of photographs that both graded, with intervals over people.
        no_interval: why figures have none, by name; under an empty name that of all.
    """

    reader: str
    decided: int
    agreed: int
    up: int
    down: int
    ungradable: int
    graded: int
    figures: dict[str, Interval]
    no_interval: dict[str, str]


@dataclass(frozen=True)
class BetweenReaders:
    """Two readers: ``both`` decided on so many photographs, ``same`` of them alike; ``kappa`` is of those both graded."""

    readers: tuple[str, str]
    both: int
    same: int
    kappa: Interval


def against_machine(reviewed: Reviewed, *, seed: int = 0) -> list[AgainstMachine]:
    """Return each reader beside the machine; ``seed`` is of the bootstrap."""
    known, people = _people(reviewed.rows)
    told = []
    for reader in reviewed.readers:
        pairs = [
            (answer_of(one.machine), one.decisions[reader].means, place)
            for place, one in enumerate(reviewed.rows)
            if _decided(one, reader)
        ]
        both = [
            (int(machine), int(said), place) for machine, said, place in pairs if machine in _GRADES and said in _GRADES
        ]
        figures: dict[str, Interval] = {}
        no_interval: dict[str, str] = {}
        if both:
            called = [reviewed.rows[place].row.referable is True for *_, place in both]
            machine, said = [one[0] for one in both], [one[1] for one in both]
            who = [people[place] for *_, place in both]
            found = standard_figures(graded_photographs(said, machine, who, called_referable=called), seed=seed)
            figures = {name: found.figures[name] if known else _bare(found.figures[name]) for name in _FIGURES}
            no_interval = {name: why for name, why in found.no_interval.items() if name in figures}
            if not known:
                no_interval = {"": UNKNOWN_PEOPLE}
        told.append(
            AgainstMachine(
                reader,
                decided=len(pairs),
                agreed=sum(machine == said for machine, said, _ in pairs),
                up=sum(said > machine for machine, said, _ in both),
                down=sum(said < machine for machine, said, _ in both),
                ungradable=sum(machine in _GRADES and said == UNGRADABLE for machine, said, _ in pairs),
                graded=sum(machine not in _GRADES and said in _GRADES for machine, said, _ in pairs),
                figures=figures,
                no_interval=no_interval,
            )
        )
    return told


def between_readers(reviewed: Reviewed, *, seed: int = 0) -> list[BetweenReaders]:
    """Return each pair of readers who decided on the same photographs; ``seed`` is of the bootstrap."""
    known, people = _people(reviewed.rows)
    told = []
    for place, first in enumerate(reviewed.readers):
        for second in reviewed.readers[place + 1 :]:
            rows = [
                (one, person)
                for one, person in zip(reviewed.rows, people, strict=True)
                if _decided(one, first) and _decided(one, second)
            ]
            if not rows:
                continue
            said = [(one.decisions[first].means, one.decisions[second].means, person) for one, person in rows]
            both = [(int(a), int(b), person) for a, b, person in said if a in _GRADES and b in _GRADES]
            nan = math.nan
            kappa = Interval(nan, nan, nan, 0.95, 0, 0)
            if both:
                kappa = kappa_interval(*zip(*both, strict=True), seed=seed)
            told.append(
                BetweenReaders(
                    (first, second), len(rows), sum(a == b for a, b, _ in said), kappa if known else _bare(kappa)
                )
            )
    return told


def review_text(reviewed: Reviewed, machine: Sequence[AgainstMachine], readers: Sequence[BetweenReaders]) -> str:
    """Return all of it as text, without a line end at its end."""
    lines = []
    for one in machine:
        lines += [
            f"{one.reader}: {one.decided} of {len(reviewed.rows)} decided, {one.agreed} as the machine; overruled: {one.up} "
            f"up, {one.down} down, {one.ungradable} ungradable, {one.graded} graded that the machine could not",
            *(f"  {name:<24}{figure} of {_of(figure)}" for name, figure in one.figures.items()),
            *(f"  no interval{f' of {name}' if name else ''}: {why}" for name, why in one.no_interval.items()),
        ]
    for two in readers:
        lines.append(
            f"{' and '.join(two.readers)}: {two.both} decided by both, {two.same} alike; quadratic kappa {two.kappa} of "
            f"{_of(two.kappa)}"
        )
    return "\n".join([*lines, *_notes(reviewed, machine, readers)])


def review_json(
    reviewed: Reviewed, machine: Sequence[AgainstMachine], readers: Sequence[BetweenReaders]
) -> dict[str, Any]:
    """Return all of it as plain data; figures that are undefined are null."""
    return {
        "photographs": len(reviewed.rows),
        "readers": [
            {
                "reader": one.reader,
                **{name: getattr(one, name) for name in ("decided", "agreed")},
                "overruled": {name: getattr(one, name) for name in ("up", "down", "ungradable", "graded")},
                "figures": to_json(one.figures),
                "no_interval": one.no_interval,
            }
            for one in machine
        ],
        "between_readers": [
            {
                "readers": list(two.readers),
                "both": two.both,
                "same": two.same,
                **to_json({"quadratic_kappa": two.kappa}),
            }
            for two in readers
        ],
        "definitions": {
            "referable": "grade 2 or worse",
            "sensitivity_referable": "of the machine's referable, as if the reader's grade were the truth",
        },
        "notes": _notes(reviewed, machine, readers),
    }


def _notes(reviewed: Reviewed, machine: Sequence[AgainstMachine], readers: Sequence[BetweenReaders]) -> list[str]:
    figures = [figure for one in machine for figure in one.figures.values()] + [two.kappa for two in readers]
    figures = [figure for figure in figures if np.isfinite(figure.low)]
    narrow = []
    if any(figure.n_people < FEW_PEOPLE for figure in figures):
        narrow.append(f"over fewer than {FEW_PEOPLE} people intervals are too narrow")
    nobody = told_by_nothing(_people(reviewed.rows)[1])
    alone = sum(lost and bool(one.decisions) for lost, one in zip(nobody, reviewed.rows, strict=True))
    if figures and alone:
        narrow.append(
            f"of {alone} {plural(alone, 'photograph')} neither name nor partner tells whose it is: each counts as a person of "
            "its own, and intervals are too narrow where a person has several"
        )
    if any(figure.low == figure.high for figure in figures):
        narrow.append("of an interval without width every resample agrees; the truth may still differ")
    return [*reviewed.notes, *narrow, SEEN]


def _of(figure: Interval) -> str:
    return f"{figure.n_images} {plural(figure.n_images, 'photograph')} that both graded"


def _decided(one: ReviewedRow, reader: str) -> bool:
    return reader in one.decisions and one.decisions[reader].means != ""


def _people(rows: Sequence[ReviewedRow]) -> tuple[bool, list[str]]:
    """Return whether people are known, and whose each photograph is."""
    plain = [one.row for one in rows]
    return not any(is_pseudonym(row.image) for row in plain), people_of(plain)


def _bare(figure: Interval) -> Interval:
    return Interval(figure.value, np.nan, np.nan, figure.level, figure.n_images, figure.n_people)
