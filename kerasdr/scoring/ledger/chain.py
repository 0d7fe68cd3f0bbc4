"""A chain of entries: each holds a digest of itself and of the one before, so that no change goes unseen.

An edit, a deletion or a swap breaks the chain at its place. Entries that are cut off its end leave a whole chain that is too
short, so the count and the last digest (:class:`Head`) are told to people, who can keep them elsewhere.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kerasdr.errors import KerasdrError

_START = "0" * 64
_HEAD_DIGITS = 32
_HEAD = re.compile(r"([1-9][0-9]*):([0-9a-f]{16,64})")


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
        sequence: its number, from 1.
        kind: what it tells.
        body: canonical JSON.
        hash: SHA-256 of the hash before, number, kind and body, 64 hexadecimal digits.
    """

    sequence: int
    kind: str
    body: str
    hash: str

    @property
    def content(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Head:
    """The end of a chain, such as ``57:0123456789abcdef0123456789abcdef``: how many entries, and the last one's hash."""

    count: int
    hash: str

    def __str__(self) -> str:
        return f"{self.count}:{self.hash[:_HEAD_DIGITS]}"


@dataclass(frozen=True)
class Damage:
    """Where a chain is broken.

    Attributes:
        sequence: number of the first entry that is not what was written.
        what: what is wrong with it.
    """

    sequence: int
    what: str

    def __str__(self) -> str:
        return f"entry {self.sequence} {self.what}"


def canonical(content: Mapping[str, Any]) -> str:
    """Return a mapping as JSON of one spelling: keys sorted, no spaces, floats with all their digits.

    Raises:
        ValueError: if a number is not finite.
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def link(before: str, sequence: int, kind: str, body: str) -> str:
    """Return the hash of an entry.

    Args:
        before: hash of the entry before it; see :func:`extended`.
        sequence: its number.
        kind: what it tells.
        body: canonical JSON.
    """
    # As JSON, so that nothing can pass from one part into its neighbour.
    return hashlib.sha256(json.dumps([before, sequence, kind, body]).encode("ascii")).hexdigest()


def extended(head: Head | None, items: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Entry]:
    """Return the entries that lengthen a chain.

    Args:
        head: of the chain; None if it is empty.
        items: kind and content of each.
    """
    count, before = (0, _START) if head is None else (head.count, head.hash)
    entries = []
    for sequence, (kind, content) in enumerate(items, start=count + 1):
        body = canonical(content)
        before = link(before, sequence, kind, body)
        entries.append(Entry(sequence, kind, body, before))
    return entries


def find_damage(rows: Iterable[tuple[Any, Any, Any, Any]]) -> Damage | None:
    """Return the first place at which a chain is broken, or None if it is whole.

    Args:
        rows: sequence, kind, body and hash of each entry as they were found, ordered by sequence.
    """
    before = _START
    for expected, (sequence, kind, body, found) in enumerate(rows, start=1):
        if sequence != expected:
            missing = type(sequence) is int and sequence > expected
            return Damage(expected, "is missing" if missing else "does not stand at its number")
        if not all(isinstance(part, str) for part in (kind, body, found)):
            return Damage(expected, "was changed")
        if found != link(before, sequence, kind, body):
            return Damage(expected, "was changed")
        before = found
    return None


def parse_head(text: str) -> tuple[int, str]:
    """Return count and start of the digest that a head's text tells.

    Raises:
        KerasdrError: if it is no head.
    """
    if not (match := _HEAD.fullmatch(text.strip())):
        raise KerasdrError(
            f"{text!r} is no end of a ledger: give what a job's last line says, "
            "such as 57:0123456789abcdef0123456789abcdef"
        )
    return int(match[1]), match[2]


def find_cut(entries: list[Entry], count: int, digest: str) -> Damage | None:
    """Return where a whole chain disagrees with an end of it that was told before, or None if it holds it.

    Args:
        entries: of a chain that :func:`find_damage` found whole.
        count: how many there were.
        digest: how the last one's hash began.
    """
    if len(entries) < count:
        cut = len(entries) + 1
        return Damage(cut, "was cut off" if cut == count else f"to entry {count} were cut off")
    if not entries[count - 1].hash.startswith(digest):
        return Damage(count, "or one before it was replaced: its digest is not the one given")
    return None
