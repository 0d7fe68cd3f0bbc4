"""Parts of a listing, for several machines or several nights: each person is in one part, whatever else is listed."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from kerasdr.data.names import parse_name
from kerasdr.errors import KerasdrError, UnfinishedError
from kerasdr.files import sha256_of
from kerasdr.machine import available_cores
from kerasdr.reporting import plural
from kerasdr.scoring.dicom_people import told_by_headers, whose_of
from kerasdr.scoring.digests import DigestReader
from kerasdr.scoring.inputs import Input, PathKeys
from kerasdr.scoring.isolation.readers import PHOTO_SECONDS
from kerasdr.scoring.ledger.answers import write_name
from kerasdr.scoring.ledger.book import to_ranges
from kerasdr.scoring.ledger.chain import canonical
from kerasdr.scoring.photographs import Photograph

_PART = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})")


@dataclass(frozen=True)
class Selection:
    """The inputs that a job is about.

    Attributes:
        inputs: in the order of the listing.
        told: what the ledger keeps of it beside what it keeps of every job.
    """

    inputs: Sequence[Input]
    told: Mapping[str, Any] = field(default_factory=dict)


Select = Callable[[Callable[[], Sequence[Input]]], Selection]
"""Takes what lists the inputs that were named, and returns what a job is about."""


@dataclass(frozen=True)
class Part:
    """One part of several, counted from 1.

    Attributes:
        number: which.
        of: how many there are.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def select(self, inputs: Sequence[Input], seconds: float = PHOTO_SECONDS) -> Selection:
        """Return the inputs of this part; the ledger keeps which places of which listing they have.

        Args:
            inputs: a listing.
            seconds: that reading one DICOM header may take.

        Raises:
            UnfinishedError: if reading one takes longer.
        """
        # Or the eyes of one person could be in two parts.
        reader = DigestReader(inputs, seconds, available_cores(), _Hears(seconds), whose_of)
        inputs = told_by_headers(inputs, reader.read)
        places = [place for place, number in enumerate(part_numbers(inputs, self.of)) if number == self.number]
        told = {
            "number": self.number,
            "of": self.of,
            "listing": listing_digest(inputs),
            "listed": len(inputs),
            "places": to_ranges(places),
        }
        return Selection([inputs[place] for place in places], {"part": told})

    def sentence(self, selected: int, listed: int) -> str:
        """Return what people are told: how much of the listing it is, and that it is not all.

        Args:
            selected: photographs of this part.
            listed: photographs of all parts.
        """
        others = [str(number) for number in range(1, self.of + 1) if number != self.number]
        text = f"part {self.number} of {self.of}: {selected:,} of {listed:,} {plural(listed, 'photograph')}"
        if not others:
            return text
        more = f"the other part is {others[0]}" if len(others) == 1 else f"the other parts are {', '.join(others)}"
        return f"{text}; {more}"


@dataclass(frozen=True)
class _Hears:
    """Stops where a header takes too long: by its name alone a photograph could be in no part, or in two."""

    seconds: float

    def is_over(self) -> bool:
        return False

    def heard(self, sha256: str) -> None:
        pass

    def judged(self, photograph: Photograph) -> None:
        raise UnfinishedError(
            f"the part of a DICOM file is not known, as reading its header took more than {self.seconds:g} s: "
            "run again, or allow more time with --photo-timeout"
        )


def parse_part(text: str) -> Part:
    """Return the part that a text such as ``2/5`` names.

    Raises:
        KerasdrError: if it names none.
    """
    match = _PART.fullmatch(text)
    if not match or int(match[1]) > int(match[2]):
        raise KerasdrError(f"{text!r} is no part: give its number, from 1, and how many there are, such as 2/5")
    return Part(int(match[1]), int(match[2]))


def part_numbers(inputs: Sequence[Input], of: int) -> list[int]:
    """Return the number of each input's part, from 1.

    It hangs on the folder as it was named, and on the person that the photograph's name tells: a person's photographs of one
    folder are together, and stay in their part when others come or go. Where a DICOM header was asked, it hangs on the
    person and study alone. Parts are of about one size where there are many people.

    Args:
        inputs: a listing.
        of: how many parts there are.
    """
    folder_of = PathKeys().folder
    named: dict[str, str] = {}  # one folder may be reached by two names, and a person in it is one person
    numbers = []
    for entry in inputs:
        if entry.told is not None:
            numbers.append(_part_of(entry.told.patient_id.encode("ascii"), of))
            continue
        folder, name = os.path.split(entry.path)
        first = named.setdefault(folder_of(folder), os.path.normpath(folder))
        parsed = parse_name(PurePath(name).stem)
        person = parsed.patient_id if parsed.eye else name
        numbers.append(_part_of(os.fsencode(first) + b"\0" + os.fsencode(person), of))
    return numbers


def _part_of(person: bytes, of: int) -> int:
    return int(sha256_of(person)[:16], 16) % of + 1


def listing_digest(inputs: Sequence[Input]) -> str:
    """Return the SHA-256 of the names of inputs, in their order."""
    return sha256_of(canonical({"inputs": [write_name(entry.kept_as) for entry in inputs]}).encode("utf-8"))
