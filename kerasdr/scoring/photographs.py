"""Photographs on their way to the engine: read, hashed and prepared ahead of it, a person's together."""

import functools
import os
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from kerasdr.data.names import PhotoName, parse_name
from kerasdr.data.pairs import partner_index
from kerasdr.files import sha256_of
from kerasdr.imaging.headers import NotReadHere, UnreadablePhotograph, is_dicom, read_header
from kerasdr.imaging.prepare import prepare_all
from kerasdr.imaging.recipes import Recipe
from kerasdr.scoring.inputs import Input, PathKeys
from kerasdr.scoring.overlay import DISPLAY_SIZE
from kerasdr.scoring.reading import WaitingPhotograph, read_bytes
from kerasdr.scoring.rows import GRADED_ANYWAY

# It bounds how many photographs are held at once. Hardly any person has more in one folder; those of one who has, such as
# where a name says something else than a person, come in several groups and bring the partners that they need.
_LARGEST_GROUP = 32
# No folder that a path has.
_ANYWHERE = "\0"


@dataclass(frozen=True)
class Photograph:
    """One input, read and prepared.

    Attributes:
        index: its place in the list of inputs.
        status: ``ready``, ``ungradable``, ``failed`` or ``waiting``.
        reason: why it is not ready; of one that is, what a person should know who gets its grade, or empty.
        sha256: of its bytes; empty if they could not be read, or it failed by no fault of theirs and may not fail again.
        images: one a recipe, ``(S, S, 3)`` uint8; empty unless ready.
        display: ``(D, D, 3)`` uint8, or None.
        figures: of the quality gate, as far as it came.
        eye: ``left`` or ``right`` where its header says so, or empty.
        lost: in how many runs in a row the process that read it took too long or was killed; 0 if it answered.
    """

    index: int
    status: str
    reason: str = ""
    sha256: str = ""
    images: tuple[NDArray[np.uint8], ...] = ()
    display: NDArray[np.uint8] | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    lost: int = 0
    eye: str = ""

    @property
    def ready(self) -> bool:
        """Whether it can be graded."""
        return self.status == "ready"

    @property
    def refused(self) -> bool:
        """Whether it is ready though the quality gate refused it."""
        return self.ready and self.reason.startswith(GRADED_ANYWAY)


@dataclass(frozen=True)
class Group:
    """Places of inputs that are held together.

    Attributes:
        own: those that are graded now, of one person.
        others: their partners that are graded in another group.
    """

    own: tuple[int, ...]
    others: tuple[int, ...] = ()


LoadPhotograph = Callable[[int], Photograph]
"""Takes a place in the list of inputs."""

ChangePhotograph = Callable[[NDArray[np.uint8], str], NDArray[np.uint8]]
"""Takes a decoded photograph, ``(H, W, 3)`` uint8 RGB, and the SHA-256 of its file; returns what is scored in its place."""


def find_partners(inputs: Sequence[Input], pairing: str) -> NDArray[np.int64]:
    """Return the place of each input's partner, by the rule that training uses, ``(n,)``; -1 where there is none.

    Copies of one DICOM file are one photograph: they have one partner, which is none of them.
    """
    keys = PathKeys()
    originals = _originals(inputs, keys)
    own = [place for place, original in enumerate(originals) if place == original]
    columns: dict[str, list[str]] = {name: [] for name in ("image_id", "path", "patient_id", "eye", "view")}
    for entry in (inputs[place] for place in own):
        folder, person = _whose(entry, keys.folder)
        # With its ending, so that two files of one stem are told apart whatever their order in the list.
        name = os.path.basename(entry.path) if entry.told is None else keys(entry.path)
        row = (name, os.path.join(folder, os.path.basename(name)), *person)
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    partners = np.full(len(inputs), -1, np.int64)
    partners[own] = np.array([*own, -1])[partner_index(columns, pairing)]
    return partners[originals]


def _originals(inputs: Sequence[Input], keys: PathKeys) -> list[int]:
    """Return the place of what each input is a copy of, by its header: the first by its path; else its own."""
    told = {place: entry.told for place, entry in enumerate(inputs) if entry.told is not None}
    first: dict[PhotoName, int] = {}
    for place in sorted(told, key=lambda place: keys(inputs[place].path)):
        first.setdefault(told[place], place)
    return [first[told[place]] if place in told else place for place in range(len(inputs))]


def _whose(entry: Input, folder_of: Callable[[str], str]) -> tuple[str, PhotoName]:
    """Return the folder in which an input's partners lie, and whose eye it is, by its header if that was asked, else its name.

    Names are of people within a folder; what a header says holds wherever the file lies.
    """
    if entry.told is not None:
        return _ANYWHERE, entry.told
    folder, name = os.path.split(entry.path)
    return folder_of(folder), parse_name(PurePath(name).stem)


def person_keys(paths: Iterable[str]) -> list[str]:
    """Return whose photograph each is, as far as its name tells: equal keys, one person.

    As in :func:`group_by_person`: names are of a person within a folder, and one that tells no eye is a person of its own.

    Args:
        paths: of photographs.
    """
    keys = []
    for number, path in enumerate(paths):
        folder, name = os.path.split(path)
        parsed = parse_name(PurePath(name).stem)
        keys.append(f"{folder}/{parsed.patient_id}" if parsed.eye else f"\0{number}")
    return keys


def group_by_person(
    inputs: Sequence[Input], partners: Iterable[NDArray[np.int64]] = (), wanted: Collection[int] | None = None
) -> list[Group]:
    """Return places of inputs, those of one person in one folder together, in order of first appearance.

    Photographs of which neither header nor name tells the eye are each alone; groups have at most 32 of their own.

    Args:
        inputs: what is to be scored.
        partners: places of partners, one array a pairing, from :func:`find_partners`.
        wanted: places that are to be graded; all if None. Others come only as partners.
    """
    folder_of = PathKeys().folder
    parts_of: dict[tuple[str, str], list[list[int]]] = {}
    order: list[list[int]] = []
    for index, entry in enumerate(inputs):
        if wanted is not None and index not in wanted:
            continue
        folder, person = _whose(entry, folder_of)
        if not person.eye:
            order.append([index])
            continue
        parts = parts_of.setdefault((folder, person.patient_id), [])
        if not parts or len(parts[-1]) >= _LARGEST_GROUP:
            parts.append([])
            order.append(parts[-1])
        parts[-1].append(index)
    pairings = list(partners)
    groups = []
    for own in order:
        needed = [int(places[index]) for places in pairings for index in own]
        others = dict.fromkeys(place for place in needed if place >= 0 and place not in own)
        groups.append(Group(tuple(own), tuple(others)))
    return groups


def load_groups(
    groups: Iterable[Group], load: LoadPhotograph, *, ahead: int = 32, workers: int = 2
) -> Generator[tuple[Group, dict[int, Photograph]]]:
    """Read and prepare photographs in the background, a group at a time, in order.

    Args:
        groups: from :func:`group_by_person`.
        load: reads one.
        ahead: photographs that are worked on before they are asked for.
        workers: threads; OpenCV releases the interpreter while it works.

    Yields:
        Each group with its photographs by place, first its own, then the others.
    """
    waiting: deque[tuple[Group, dict[int, Future[Photograph]]]] = deque()
    left = iter(groups)
    with ThreadPoolExecutor(workers) as pool:
        try:
            while True:
                while sum(len(futures) for _, futures in waiting) < ahead and (group := next(left, None)) is not None:
                    waiting.append((group, {index: pool.submit(load, index) for index in (*group.own, *group.others)}))
                if not waiting:
                    return
                group, futures = waiting.popleft()
                yield group, {index: future.result() for index, future in futures.items()}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def load_photograph(
    index: int,
    entry: Input,
    recipes: Sequence[Recipe],
    max_megapixels: float,
    shown: int | None,
    change: ChangePhotograph | None = None,
    *,
    grade_anyway: bool = False,
) -> Photograph:
    """Read and prepare one photograph; whatever is wrong with it becomes its reason.

    Args:
        index: its place in the list of inputs.
        entry: the input.
        recipes: what to prepare it for.
        max_megapixels: a larger one fails.
        shown: place of the recipe in whose frame the picture for people is made, or None if none is wanted.
        change: done to the decoded photograph first, if anything.
        grade_anyway: have what the quality gate refuses ready nevertheless, with its reason.
    """
    if entry.problem:
        return Photograph(index, "waiting" if entry.later else "failed", entry.problem)
    digest = ""
    try:
        data = read_bytes(entry.path, listed=entry.listed)
        digest = sha256_of(data)
        sizes = [DISPLAY_SIZE if place == shown else None for place in range(len(recipes))]
        changed = None if change is None else functools.partial(_changed, change, digest)
        made = prepare_all(data, recipes, max_megapixels=max_megapixels, display_sizes=sizes, change=changed)
        header = read_header(data, max_megapixels=max_megapixels) if is_dicom(data) else None
    except NotReadHere as error:
        return Photograph(index, "failed", str(error))  # the same bytes are read once what they need is installed
    except WaitingPhotograph as error:
        return Photograph(index, "waiting", str(error), digest)
    except UnreadablePhotograph as error:
        return Photograph(index, "failed", str(error), digest)
    except MemoryError:
        return Photograph(index, "failed", "it takes more memory than a photograph may: save the picture smaller")
    except Exception as error:  # one odd file must cost one row, not the night
        kind = type(error).__name__
        return Photograph(index, "failed", f"could not be processed ({kind}): copy it again, or report this file")
    # As in training: what one recipe's decoding shows to be ungradable is given to no member.
    quality = next((item.quality for item in made if not item.quality.gradable), made[0].quality)
    if not quality.gradable and not grade_anyway:
        return Photograph(index, "ungradable", quality.reason, digest, figures=quality.figures)
    display = None if shown is None else made[shown].display
    note, eye = ("", "") if header is None else (header.note, header.eye)
    if not quality.gradable:
        note = "; ".join(filter(None, (f"{GRADED_ANYWAY}: {quality.reason}", note)))
    images = tuple(item.image for item in made)
    return Photograph(index, "ready", note, digest, images, display, quality.figures, eye=eye)


def _changed(change: ChangePhotograph, digest: str, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return change(rgb, digest)
