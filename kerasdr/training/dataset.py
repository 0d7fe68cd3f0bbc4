"""The photographs of an experiment: read, split by person, checked for leaks, fingerprinted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kerasdr.data.fingerprint import photograph_digests
from kerasdr.data.phantom.recognise import find_phantoms
from kerasdr.data.readers import read_table
from kerasdr.data.splits import check_no_leak, split_by_fold, split_by_person
from kerasdr.data_config import DataConfig
from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter


@dataclass(frozen=True)
class ExperimentData:
    """What an experiment trains and is judged on.

    Attributes:
        table: the record table, every row with a split.
        digests: SHA-256 of each photograph's bytes, in the table's order.
        notes: what the reader has to say, such as photographs that are missing.
        phantoms: whether they are synthetic; some are enough, since figures then are not of people alone.
    """

    table: pd.DataFrame
    digests: Sequence[str]
    notes: tuple[str, ...]
    phantoms: bool = False


def open_dataset(config: DataConfig, seed: int, workspace: Path, reporter: Reporter) -> ExperimentData:
    """Read an experiment's data, drawing phantoms first if that is what it asks for.

    Args:
        config: where the photographs are and how people are split.
        seed: of the split.
        workspace: folder beside which phantoms are drawn when no root is given.
        reporter: hears of it.

    Raises:
        KerasdrError: if there is no data, or the split leaks.
    """
    root = data_root(config, workspace)
    if config.root is None and config.phantom is not None:
        from kerasdr.data.phantom.write import write_phantoms

        write_phantoms(
            root,
            people=config.phantom.people,
            seed=config.phantom.seed,
            size=config.phantom.size,
            layout=config.layout,
            progress=reporter.progress("drawing phantoms"),
        )
        reporter.note(f"data: {config.phantom.people} people, synthetic photographs (phantoms) in {root}")
    dataset = read_table(config.layout, root, config.options)
    table = split_table(dataset.table, config, seed)
    digests = photograph_digests(table)
    check_no_leak(table, digests)
    synthetic = int(find_phantoms(root, table["path"]).sum())
    return ExperimentData(table, digests, (*dataset.notes, *_note_phantoms(synthetic, len(table))), synthetic > 0)


def _note_phantoms(synthetic: int, photographs: int) -> tuple[str, ...]:
    if synthetic == 0:
        return ()
    if synthetic == photographs:
        return ("the photographs are synthetic (phantoms): figures say nothing about people",)
    return (
        f"{synthetic} of {photographs} photographs are synthetic (phantoms): figures count as those of phantoms, and say "
        "nothing about people; take these photographs out if they should",
    )


def split_table(table: pd.DataFrame, config: DataConfig, seed: int) -> pd.DataFrame:
    """Return the table with every person in one part, by shares or by folds as the configuration has it.

    Raises:
        KerasdrError: as :func:`kerasdr.data.splits.split_by_person` and :func:`kerasdr.data.splits.split_by_fold`.
    """
    if config.fold is not None:
        return split_by_fold(table, config.fold.number, config.fold.of, seed)
    return split_by_person(table, config.split.model_dump(), seed)


def data_root(config: DataConfig, workspace: Path) -> Path:
    """Return the folder that an experiment reads.

    Raises:
        KerasdrError: if the configuration names none and draws none.
    """
    if config.root is not None:
        root = Path(config.root).expanduser()
        if not root.is_dir():
            raise KerasdrError(f"the data folder {root} does not exist: name it with --data")
        return root
    if config.phantom is not None:
        drawn = config.phantom
        return workspace / f"phantoms-{config.layout}-{drawn.people}-{drawn.seed}-{drawn.size}"
    raise KerasdrError("this experiment needs photographs: name their folder with --data ROOT")
