"""What two sets of photographs have in common that the one must not know of the other: files, pixels, copies, people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.data.alike import find_alike
from kerasdr.files import EMPTY_SHA256

Kind = Literal["same bytes", "same pixels", "near duplicate", "same person"]
KINDS: tuple[Kind, ...] = ("same bytes", "same pixels", "near duplicate", "same person")
_FOUND = {
    "same bytes": "photographs whose file is another's, byte for byte",
    "same pixels": "photographs whose pixels are another's, in another file",
    "near duplicate": "pairs of photographs that are copies by their looks: look at them",
    "same person": "people who are in two parts, or in both sets",
}


@dataclass(frozen=True)
class PhotographSet:
    """Photographs that are compared with others.

    Attributes:
        name: what to call them.
        layout: of the data set, from :func:`kerasdr.data.phantom.recognise.naming_of`; people's names are compared within
            one alone. Empty if it is not known.
        table: ``image_id``, ``patient_id`` and ``split`` (empty where there is none), all text.
        digests: SHA-256 of each file's bytes, an empty string where it could not be read; None if they were not kept.
        pixels: SHA-256 of each photograph's pixels, an empty string where it could not be decoded; None if not kept.
        looks: ``(N, 64, 64)`` int8 of :func:`kerasdr.imaging.look.look_of`; None if they were not kept.
    """

    name: str
    layout: str
    table: pd.DataFrame
    digests: Sequence[str] | None
    pixels: Sequence[str] | None
    looks: NDArray[np.int8] | None


@dataclass(frozen=True)
class Finding:
    """One leak, or what looks like one.

    Attributes:
        kind: ``same bytes``, ``same pixels`` (of other bytes), ``near duplicate`` (a copy by its look, neither of these) or
            ``same person``.
        image, part, person: of the photograph in the set that was asked about; the image is empty for ``same person``.
        other_set: the set in which the other is.
        other_image, other_part, other_person: of the other.
        one_person: ``yes``, ``no``, or ``not comparable`` where the two sets name people in ways of their own.
        correlation: of the two looks; nan but for near duplicates.
        pose: how the other is held against the first, such as ``mirrored``; empty if as it is.
    """

    kind: Kind
    image: str
    part: str
    person: str
    other_set: str
    other_image: str
    other_part: str
    other_person: str
    one_person: str = "yes"
    correlation: float = float("nan")
    pose: str = ""

    def __str__(self) -> str:
        here, there = self.part or "no part", self.other_part or "no part"
        if self.kind == "same person":
            return f"{self.person} is in {here}, and in {there} of {self.other_set}"
        said = f"{self.image} in {here} and {self.other_image} in {there} of {self.other_set}"
        if self.kind == "near duplicate":
            said += f", correlation {self.correlation:.2f}" + (f", {self.pose}" if self.pose else "")
        return said + {"yes": ", of one person", "no": ", of two people by their names"}.get(self.one_person, "")


@dataclass(frozen=True)
class LeakReport:
    """What was found, and what could be looked for.

    Attributes:
        findings: within the set, then of it and each other one, by kind.
        compared: a line for each pair of sets.
        not_compared: a line for each thing that could not be compared, with the reason.
    """

    findings: tuple[Finding, ...]
    compared: tuple[str, ...]
    not_compared: tuple[str, ...]

    def render(self, shown: int = 10) -> str:
        """Return the report as text, of each kind at most ``shown`` findings."""
        lines = [f"compared     {line}" for line in self.compared]
        lines += [f"not compared {line}" for line in self.not_compared]
        for kind in KINDS:
            found = [finding for finding in self.findings if finding.kind == kind]
            lines.append(f"{kind:<14} {f'{len(found)} {_FOUND[kind]}' if found else 'none'}")
            lines += [f"             {finding}" for finding in found[:shown]]
            if len(found) > shown:
                lines.append(f"             and {len(found) - shown} more")
        return "\n".join(lines)

    def table(self) -> pd.DataFrame:
        """Return one row for each finding, all text but ``correlation``."""
        columns = list(Finding.__dataclass_fields__)
        return pd.DataFrame([[getattr(one, name) for name in columns] for one in self.findings], columns=columns)


def find_leaks(mine: PhotographSet, others: Sequence[PhotographSet] = ()) -> LeakReport:
    """Compare a set of photographs with itself, and with others.

    Within a set, the same person in two parts is a finding; so are the same bytes, the same pixels and copies, in two parts
    or in one. Against another set, everything that they have in common is one. Of a pair that is the same in more than one
    way only the first of ``KINDS`` is named; of several photographs of the same bytes or pixels, each with the first. Two
    photographs that were taken of one eye one after the other are no copies, and are found by the person's name alone.

    Args:
        mine: the photographs that are asked about.
        others: sets that must have nothing in common with them.
    """
    findings = _between(mine, None)
    compared = [f"{mine.name}: {len(mine.table)} photographs with one another"]
    missing = _not_compared(mine, None)
    for other in others:
        findings += _between(mine, other)
        compared.append(f"{mine.name} with {other.name}: {len(mine.table)} photographs with {len(other.table)}")
        missing += _not_compared(mine, other)
    return LeakReport(tuple(findings), tuple(compared), tuple(missing))


def _between(mine: PhotographSet, other: PhotographSet | None) -> list[Finding]:
    there = mine if other is None else other
    names_agree = _names_agree(mine, there)
    ours, theirs = (one.table[["image_id", "split", "patient_id"]].to_numpy(dtype=object) for one in (mine, there))

    def finding(kind: Kind, one: int, two: int, correlation: float = float("nan"), pose: str = "") -> Finding:
        image, part, person = ours[one]
        other_image, other_part, other_person = theirs[two]
        people = ("yes" if person == other_person else "no") if names_agree else "not comparable"
        return Finding(
            kind, image, part, person, there.name, other_image, other_part, other_person, people, correlation, pose
        )

    found = [finding("same bytes", *pair) for pair in _same(mine.digests, there.digests, other is None)]
    for one, two in _same(mine.pixels, there.pixels, other is None):
        if not _equal(mine.digests, one, there.digests, two):
            found.append(finding("same pixels", one, two))
    if mine.looks is not None and there.looks is not None:
        for alike in find_alike(mine.looks, None if other is None else other.looks):
            pair = alike.first, alike.second
            bytes_or_pixels = _equal(mine.digests, pair[0], there.digests, pair[1]) or _equal(
                mine.pixels, pair[0], there.pixels, pair[1]
            )
            if not bytes_or_pixels:
                found.append(finding("near duplicate", *pair, alike.correlation, alike.pose))
    return found + (_same_people(mine, other) if names_agree else [])


def _names_agree(mine: PhotographSet, other: PhotographSet) -> bool:
    return mine is other or (mine.layout == other.layout and mine.layout != "")


def _known(key: str) -> bool:
    return key not in ("", EMPTY_SHA256)


def _equal(ours: Sequence[str] | None, one: int, theirs: Sequence[str] | None, two: int) -> bool:
    return ours is not None and theirs is not None and _known(ours[one]) and ours[one] == theirs[two]


def _same(ours: Sequence[str] | None, theirs: Sequence[str] | None, within: bool) -> Iterator[tuple[int, int]]:
    """Yield each photograph that has another's key, with the first that has it; within a set, the first one first."""
    if ours is None or theirs is None:
        return
    first: dict[str, int] = {}
    for row, key in enumerate(theirs):
        if _known(key):
            first.setdefault(key, row)
    for row, key in enumerate(ours):
        if key in first and not (within and first[key] == row):
            yield (first[key], row) if within else (row, first[key])


def _same_people(mine: PhotographSet, other: PhotographSet | None) -> list[Finding]:
    """Return people who are in two parts of a set, or in both sets, once for each pair of parts."""

    def parts_of(one: PhotographSet) -> dict[str, list[str]]:
        known = one.table.drop_duplicates(["patient_id", "split"]).sort_values(["patient_id", "split"])
        parts: dict[str, list[str]] = {}
        for person, part in zip(known["patient_id"], known["split"], strict=True):
            parts.setdefault(person, []).append(part)
        return parts

    ours = parts_of(mine)
    theirs = ours if other is None else parts_of(other)
    name = mine.name if other is None else other.name
    found = []
    for person, parts in ours.items():
        for here in parts:
            for there in theirs.get(person, ()):
                # Within a set: each pair of parts once, and what is in no part is used by nothing.
                if other is not None or "" != here < there:
                    found.append(Finding("same person", "", here, person, name, "", there, person))
    return found


def _not_compared(mine: PhotographSet, other: PhotographSet | None) -> list[str]:
    there = mine if other is None else other
    lines = []
    for what, ours, theirs in (
        ("bytes", mine.digests, there.digests),
        ("pixels", mine.pixels, there.pixels),
        ("looks", mine.looks, there.looks),
    ):
        lacking = [one.name for one, kept in ((mine, ours), (there, theirs)) if kept is None]
        if lacking:
            lines.append(
                f"{what} of {mine.name} and {there.name}: {lacking[0]} is an earlier version's and kept none; give its "
                "photographs as --against LAYOUT=PATH as well"
            )
    if other is None and mine.pixels is not None:
        lines += _unread(mine)
    if other is not None:
        lines += _unread(other)
        if not _names_agree(mine, other):
            kinds = f"{mine.layout or 'an unknown layout'} and {other.layout or 'an unknown layout'}"
            lines.append(f"people of {mine.name} and {other.name}: they are of {kinds}, which name people differently")
    return lines


def _unread(one: PhotographSet) -> list[str]:
    unread = sum(not _known(key) for key in one.pixels or ())
    return [f"pixels and looks of {unread} photographs of {one.name}, which cannot be read"] if unread else []
