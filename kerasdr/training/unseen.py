"""Which photographs a model has seen in training, so that evidence about it is of others."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kerasdr.config import load
from kerasdr.data.phantom.recognise import CARD
from kerasdr.data.splits import read_split
from kerasdr.errors import KerasdrError
from kerasdr.files import EMPTY_SHA256
from kerasdr.scoring.pointer import find_bundle
from kerasdr.training.dataset import data_root
from kerasdr.training.run_folder import runs_of
from kerasdr.training.weights_source import runs_behind

_SEEN: Final = {"train": "was trained on", "validation": "was chosen by"}


@dataclass(frozen=True)
class Seen:
    """What a model has seen.

    Attributes:
        digests: SHA-256 of photographs, and what the model did with each, in words.
        seeds: of the phantoms that it was trained on.
        note: what cannot be checked; empty if there is nothing.
    """

    digests: dict[str, str] = field(default_factory=dict)
    seeds: frozenset[int] = frozenset()
    note: str = ""


def seen_by(model: Path) -> Seen:
    """Return what the run of a model, and the runs that its weights began with, have trained on or chosen by.

    Args:
        model: a bundle, a run, or a pointer to one.

    Raises:
        KerasdrError: if there is no model, or its run cannot be read.
    """
    bundle = find_bundle(model).resolve()
    run = bundle.parent
    if not (run / "config.yaml").is_file() or not (run / "split.csv").is_file():
        return Seen(note="the model lies in no run's folder: whether it has seen these photographs cannot be checked")
    digests: dict[str, str] = {}
    seeds: set[int] = set()
    unknown = []
    for each in runs_behind(run):
        seeds |= _phantom_seeds(each)
        split = read_split(each / "split.csv")
        if "sha256" not in split:
            unknown.append(f"{each} kept no digests: whether it has seen these photographs cannot be checked")
            continue
        for part, verb in _SEEN.items():
            digests |= dict.fromkeys(split["sha256"][split["split"] == part], verb)
    digests.pop(EMPTY_SHA256, None)
    return Seen(digests, frozenset(seeds), "; ".join(unknown))


def _phantom_seeds(run: Path) -> set[int]:
    try:
        data = load(str(run / "config.yaml")).data
    except KerasdrError:  # an earlier run of another version: its photographs are compared by their bytes all the same
        return set()
    seeds = {data.phantom.seed} if data.phantom is not None and data.root is None else set()
    try:
        card = json.loads((data_root(data, runs_of(run).parent) / CARD).read_text(encoding="utf-8"))
        seeds.add(int(card["settings"]["seed"]))
    except (KerasdrError, OSError, ValueError, KeyError, TypeError):
        return seeds  # no phantoms, or gone since
    return seeds
