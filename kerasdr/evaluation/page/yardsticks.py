"""Published operating points as data, to stand beside a run's own figures with what sets them apart."""

import importlib.resources
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Yardstick:
    """What was published of a system; texts, since each source gives other things.

    Attributes:
        system, where: which, and where it was studied.
        people: how many; None if the source gives photographs only.
        calls_referable: what it looks for.
        reference_standard, photographs: what it was compared with, and how photographs were taken.
        sensitivity, specificity, not_graded: the figures, with 95% intervals where given.
        source: of the figures.
    """

    system: str
    where: str
    people: int | None
    calls_referable: str
    reference_standard: str
    photographs: str
    sensitivity: str
    specificity: str
    not_graded: str
    source: str


def load_yardsticks() -> tuple[Yardstick, ...]:
    """Return the published operating points that come with kerasdr."""
    place = importlib.resources.files("kerasdr.evaluation.page") / "yardsticks.json"
    return tuple(Yardstick(**entry) for entry in json.loads(place.read_text(encoding="utf-8"))["systems"])
