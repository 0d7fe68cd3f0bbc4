"""Where a bundle comes from: what its run tells of data, split and versions, for people to read on its card."""

from typing import Annotated

from pydantic import Field

from kerasdr.section import Section

_Line = Annotated[str, Field(max_length=1000)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0)]


class PartCounts(Section):
    """What a part of the data holds; ``grades`` are counts of photographs by grade, 0 to 4."""

    photographs: _Count
    people: _Count
    grades: Annotated[tuple[_Count, ...], Field(min_length=5, max_length=5)]


class About(Section):
    """What a run tells of itself.

    ``begun`` and ``written`` are local times of the machine that trained; the fingerprints are those of the run's
    ``data.json``.
    """

    experiment: _Line
    description: _Line
    layout: _Line
    phantoms: bool
    target: _Line
    parts: dict[str, PartCounts]
    split: _Line
    data_sha256: _Sha256
    photographs_sha256: _Sha256
    config_sha256: _Sha256
    begun: _Line
    written: _Line
    python: _Line
    platform: _Line
    packages: dict[str, _Line]
