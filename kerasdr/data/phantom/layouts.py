"""In which layouts phantoms can be written: what each calls its photographs, and its label files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kerasdr.data.phantom import layout_aptos, layout_course, layout_deepdrid, layout_eyepacs
from kerasdr.data.phantom.shots import Shot


@dataclass(frozen=True)
class PhantomLayout:
    """How one layout is written.

    Attributes:
        draw: ``(seed, number, people, size)`` -> the photographs of person ``number``.
        write_labels: ``(folder, seed, entries)`` writes the label files; an entry describes a photograph as in
            ``phantoms.json``.
        labels: the label file to look at first, for messages.
    """

    draw: Callable[[int, int, int, int], list[Shot]]
    write_labels: Callable[[Path, int, Sequence[Mapping[str, Any]]], None]
    labels: str


LAYOUTS: Final[Mapping[str, PhantomLayout]] = {
    "aptos": PhantomLayout(layout_aptos.draw, layout_aptos.write_labels, "train.csv"),
    "course": PhantomLayout(layout_course.draw, layout_course.write_labels, "train.csv"),
    "deepdrid": PhantomLayout(layout_deepdrid.draw, layout_deepdrid.write_labels, layout_deepdrid.TRAINING_LABELS),
    "eyepacs": PhantomLayout(layout_eyepacs.draw, layout_eyepacs.write_labels, "trainLabels.csv"),
}
