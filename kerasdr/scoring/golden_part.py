"""What a bundle carries so that a machine can be tried before it grades: golden photographs and their expected answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from kerasdr.grades import N_GRADES
from kerasdr.scoring.graphs import Precision
from kerasdr.section import Section

EXPECTED = "expected.npz"
"""The file of summaries of the pictures that networks are fed, and of heat maps."""

_Probabilities = Annotated[tuple[float, ...], Field(min_length=N_GRADES, max_length=N_GRADES)]


class GoldenPhotograph(Section):
    """One photograph: its file, what becomes of it, and the photographs that dual networks see with it."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,32}\.(?:png|jpg)$")]
    status: Literal["graded", "ungradable"]
    partner: Annotated[str, Field(max_length=200)]


class GoldenPart(Section):
    """Golden photographs as the manifest lists them.

    ``probabilities`` are those of the whole ensemble, calibrated, of the photographs that are graded, in order, for each
    precision that the bundle has; those in float32 are of ``reference``, at another precision of the graphs themselves.
    """

    photographs: Annotated[tuple[GoldenPhotograph, ...], Field(min_length=1, max_length=64)]
    probabilities: dict[Precision, tuple[_Probabilities, ...]]
    reference: Annotated[str, Field(max_length=64)]

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files."""
        return (*(photograph.file for photograph in self.photographs), EXPECTED)

    @model_validator(mode="after")
    def _fits(self) -> "GoldenPart":
        if len(set(self.files)) < len(self.files):
            raise ValueError("two golden photographs have one name")
        graded = sum(photograph.status == "graded" for photograph in self.photographs)
        if "float32" not in self.probabilities or any(len(rows) != graded for rows in self.probabilities.values()):
            raise ValueError(f"golden photographs have {graded} rows of probabilities, in float32 at least")
        return self


@dataclass(frozen=True)
class Golden:
    """Golden photographs with their files.

    Attributes:
        part: what the manifest says.
        files: contents by name, of those that :attr:`GoldenPart.files` lists.
    """

    part: GoldenPart
    files: Mapping[str, bytes]


def golden_file(name: str) -> str:
    """Return where in a bundle a golden file lies."""
    return f"golden/{name}"
