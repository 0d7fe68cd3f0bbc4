"""Photographs on their way to the engine: read, hashed and prepared ahead of it, a person's together."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasdr.data.names import parse_name
from kerasdr.data.pairs import partner_index
from kerasdr.files import sha256_of
from kerasdr.imaging.headers import UnreadablePhotograph
from kerasdr.imaging.prepare import prepare
from kerasdr.imaging.recipes import Recipe
from kerasdr.scoring.inputs import Input, read_bytes
from kerasdr.scoring.overlay import DISPLAY_SIZE

# No person has more photographs than this in one folder; where a name says so, it does not name a person. It also bounds
# how many photographs are held at once.
_LARGEST_GROUP = 32


@dataclass(frozen=True)
class Photograph:
    """One input, read and prepared.

    Attributes:
        index: its place in the list of inputs.
        status: ``ready``, ``ungradable`` or ``failed``.
        reason: why it is not ready.
        sha256: of its bytes, empty if they could not be read.
        images: one a recipe, ``(S, S, 3)`` uint8; empty unless ready.
        display: ``(D, D, 3)`` uint8, or None.
    """

    index: int
    status: str
    reason: str = ""
    sha256: str = ""
    images: tuple[NDArray[np.uint8], ...] = ()
    display: NDArray[np.uint8] | None = None

    @property
    def ready(self) -> bool:
        """Whether it can be graded."""
        return self.status == "ready"


def group_by_person(inputs: Sequence[Input]) -> list[list[int]]:
    """Return places of inputs, those of one person in one folder together, in order of first appearance.

    Photographs whose name tells no eye are each alone; groups are at most 32 large.
    """
    groups: dict[tuple[str, str], list[list[int]]] = {}
    order: list[list[int]] = []
    for index, entry in enumerate(inputs):
        path = Path(entry.path)
        name = parse_name(path.stem)
        key = (str(path.parent), name.patient_id if name.eye else f"\0{index}")
        parts = groups.setdefault(key, [])
        if not parts or len(parts[-1]) >= _LARGEST_GROUP:
            parts.append([])
            order.append(parts[-1])
        parts[-1].append(index)
    return order


def partners_in(inputs: Sequence[Input], group: Sequence[int], pairing: str) -> dict[int, int]:
    """Return place -> place of the partner, within a group, by the rule that training uses."""
    rows = []
    for index in group:
        path = Path(inputs[index].path)
        # The place stands in for the name, so that two files of one stem are told apart and order decides between them.
        rows.append((f"{index:09d}", str(path), *parse_name(path.stem)))
    table = pd.DataFrame(rows, columns=["image_id", "path", "patient_id", "eye", "view"])
    found = partner_index(table, pairing)
    return {index: group[other] for index, other in zip(group, found, strict=True) if other >= 0}


def load_groups(
    inputs: Sequence[Input],
    recipes: Sequence[Recipe],
    *,
    max_megapixels: float,
    display: bool,
    ahead: int = 32,
    workers: int = 2,
) -> Iterator[list[Photograph]]:
    """Read and prepare photographs in the background, a person at a time.

    Args:
        inputs: what to read.
        recipes: what to prepare for.
        max_megapixels: larger photographs fail.
        display: also make the picture for people.
        ahead: photographs that are worked on before they are asked for.
        workers: threads; OpenCV releases the interpreter while it works.
    """

    def load(index: int) -> Photograph:
        return load_photograph(index, inputs[index], recipes, max_megapixels, display)

    waiting: deque[list[Future[Photograph]]] = deque()
    groups = iter(group_by_person(inputs))
    with ThreadPoolExecutor(workers) as pool:
        try:
            while True:
                while sum(map(len, waiting)) < ahead and (group := next(groups, None)) is not None:
                    waiting.append([pool.submit(load, index) for index in group])
                if not waiting:
                    return
                yield [future.result() for future in waiting.popleft()]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def load_photograph(
    index: int, entry: Input, recipes: Sequence[Recipe], max_megapixels: float, display: bool
) -> Photograph:
    """Read and prepare one photograph; whatever is wrong with it becomes its reason."""
    if entry.problem:
        return Photograph(index, "failed", entry.problem)
    digest = ""
    try:
        data = read_bytes(entry.path)
        digest = sha256_of(data)
        size = DISPLAY_SIZE if display else None
        made = [prepare(data, recipe, max_megapixels=max_megapixels, display_size=size) for recipe in recipes]
    except UnreadablePhotograph as error:
        return Photograph(index, "failed", str(error), digest)
    except Exception as error:  # one odd file must cost one row, not the night
        return Photograph(index, "failed", f"could not be processed ({type(error).__name__}): report this file", digest)
    quality = made[0].quality
    if not quality.gradable:
        return Photograph(index, "ungradable", quality.reason, digest)
    return Photograph(index, "ready", "", digest, tuple(item.image for item in made), made[0].display)
