"""The place of a job's results, found fit and held for it alone, without what a job that was killed left there."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from kerasdr.files import printable_path
from kerasdr.scoring.ledger.lock import hold, lock_path
from kerasdr.scoring.ledger.place import ledger_path
from kerasdr.scoring.names import pictures_folder, summary_file
from kerasdr.scoring.results import remove_rests, room_for


@contextlib.contextmanager
def held_output(out: Path, ledger: Path, *, pictures: bool) -> Iterator[None]:
    """Hold an output as long as something is written to it.

    Args:
        out: the CSV.
        ledger: of the job.
        pictures: whether there will be any; their folder is made then.

    Raises:
        KerasdrError: if a folder cannot be made or written to.
        LockedError: if another job writes to the same output or ledger.
        UnfinishedError: if a disk is full, or away.
    """
    folder = pictures_folder(out)
    with contextlib.ExitStack() as stack:
        stack.enter_context(room_for(out.parent))
        if ledger.parent != out.parent:
            stack.enter_context(room_for(ledger.parent, "--ledger"))
        # Whatever ledgers two jobs name, one output has one job.
        for lock in dict.fromkeys((lock_path(ledger_path(out)), lock_path(ledger))):
            stack.enter_context(hold(lock, printable_path(out)))
        if pictures:
            stack.enter_context(room_for(folder))
        for place in (out.parent, folder):
            remove_rests(place, out.name, summary_file(out).name)
        yield
