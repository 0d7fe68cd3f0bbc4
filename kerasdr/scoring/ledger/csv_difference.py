"""Where a CSV of grades differs from the one that was written: the first row, and how many."""

import io
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from kerasdr.files import printable_path
from kerasdr.reporting import plural
from kerasdr.scoring.rows import CSV_BEGIN

_QUOTED = re.compile(rb'"((?:[^"]|"")*)"')


@dataclass(frozen=True)
class _Row:
    """One row: the line that it begins in, its bytes, and its photograph; the columns' names are of none."""

    line: int
    data: bytes
    image: bytes | None

    def __str__(self) -> str:
        if self.image is None:
            return "the line of the columns' names"
        return printable_path(os.fsdecode(self.image)) or "an empty cell"


def describe_difference(found: bytes, written: bytes) -> str:
    """Say in a few words where a CSV is another than it was written; nothing if it is the same.

    Rows are told apart by their photographs, so that one that was taken out is one that is missing, and not a change of each
    row below it.

    Args:
        found: what is in the file.
        written: what was.
    """
    theirs = list(_rows(written))
    want = _by_image(theirs)
    # A quote too many would make one row of all that follow: then each line may be a row, if less differs so.
    ways = (False, True) if found.count(b'"') % 2 else (False,)
    readings = [list(_rows(found, one_a_line=way)) for way in ways]
    ours = min(readings, key=lambda rows: sum(_differing(_by_image(rows), want)))
    have = _by_image(ours)
    changed, missing, added = _differing(have, want)
    for our, their in zip_longest(ours, theirs):
        row = our or their
        if row and (our is None or their is None or our.data != their.data):
            counts = _counts({"changed": changed, "missing": missing, "added": added})
            return f"{counts}, the first in line {row.line}: {_what(our, their, have, want)}"
    return ""


def _differing(have: "_ByImage", want: "_ByImage") -> tuple[int, int, int]:
    """Return how many rows were changed, are missing and were added."""
    changed = missing = added = 0
    for image in have.keys() | want.keys():
        here, there = have.get(image, []), want.get(image, [])
        changed += sum(one != other for one, other in zip(here, there, strict=False))
        missing += max(0, len(there) - len(here))
        added += max(0, len(here) - len(there))
    return changed, missing, added


def _counts(counts: Mapping[str, int]) -> str:
    some = [f"{count} {what}" for what, count in counts.items() if count]
    if not some:
        return "rows in another order"
    first, *others = some
    number, what = first.split()
    return ", ".join([f"{number} {plural(int(number), 'row')} {what}", *others])


_ByImage = Mapping[bytes | None, list[bytes]]


def _what(our: _Row | None, their: _Row | None, have: _ByImage, want: _ByImage) -> str:
    if our and their and our.image == their.image:
        return f"{our} was changed"
    if their and len(have.get(their.image, [])) < len(want[their.image]):
        return f"{their} is missing"
    if our and len(want.get(our.image, [])) < len(have[our.image]):
        return f"{our} was added"
    return f"{our} in the place of {their}"


def _by_image(rows: Iterable[_Row]) -> dict[bytes | None, list[bytes]]:
    found: dict[bytes | None, list[bytes]] = defaultdict(list)
    for row in rows:
        found[row.image].append(row.data)
    return dict(found)


def _rows(data: bytes, *, one_a_line: bool = False) -> Iterator[_Row]:
    """Yield the rows; a line end in quotes is one of a name, and belongs to its row."""
    columns = CSV_BEGIN.match(data)
    sign = columns[1] if columns else b","
    begun, quotes = 1, 0
    lines: list[bytes] = []
    for line, part in enumerate(io.BytesIO(data), start=1):
        lines.append(part)
        quotes += part.count(b'"')
        if one_a_line or quotes % 2 == 0:
            yield _row(begun, b"".join(lines), sign)
            begun, quotes, lines = line + 1, 0, []
    if lines:
        yield _row(begun, b"".join(lines), sign)


def _row(line: int, data: bytes, sign: bytes) -> _Row:
    if CSV_BEGIN.match(data):
        return _Row(line, data, None)
    quoted = _QUOTED.match(data)
    return _Row(line, data, quoted[1].replace(b'""', b'"') if quoted else data.split(sign, 1)[0].rstrip(b"\r\n"))
