"""The file of a ledger: an SQLite database with one table, to which entries are only added.

Its rollback journal makes a transaction whole or nothing, whatever happens in between; ``synchronous=EXTRA`` has file, journal
and folder on the disk before a transaction is said to be done. There is one writer, who holds the lock of
:mod:`kerasdr.scoring.ledger.lock`; readers may come at any time.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasdr.errors import KerasdrError, UnfinishedError
from kerasdr.files import printable_path, sync_folder
from kerasdr.scoring.ledger.chain import Entry, Head, extended, find_damage

SCHEMA = 1
_APPLICATION = 0x6B647231  # "kdr1"
_CREATE = (
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {SCHEMA}",
    "CREATE TABLE entries (sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL)",
    "CREATE TRIGGER no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are only added'); END",
    "CREATE TRIGGER no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are only added'); END",
)
_SELECT = "SELECT sequence, kind, body, hash FROM entries ORDER BY sequence"
_DURABLE = (("journal_mode", "DELETE"), ("synchronous", "EXTRA"))
_WAIT_SECONDS = 30.0  # for a reader who is just looking


class Ledger:
    """An open ledger whose chain was found whole.

    Args:
        path: of the file.
        connection: to it.
        entries: all that are in it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        self.path = path
        self._connection = connection
        self.entries = list(entries)
        self._broken = False

    @property
    def head(self) -> Head | None:
        """The end of the chain; None if there are no entries."""
        return Head(len(self.entries), self.entries[-1].hash) if self.entries else None

    @property
    def broken(self) -> bool:
        """Whether something could not be written, so that nothing more is."""
        return self._broken

    def append(self, items: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Entry]:
        """Add entries, all or none, and return them once they are on the disk.

        Args:
            items: kind and content of each.

        Raises:
            KerasdrError: if the file is read-only.
            UnfinishedError: if they cannot be written. It is not tried again: a disk that once failed to keep what it was
                given says that all is well when it is asked again.
        """
        entries = extended(self.head, items)
        if self._broken:
            raise UnfinishedError(f"nothing more is written to {printable_path(self.path)}: run the same command again")
        try:
            run(self._connection, "BEGIN IMMEDIATE")
            for entry in entries:
                values = (entry.sequence, entry.kind, entry.body, entry.hash)
                run(self._connection, "INSERT INTO entries VALUES (?, ?, ?, ?)", values)
            run(self._connection, "COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._broken = True
            shown = printable_path(self.path)
            if _code(error) == sqlite3.SQLITE_READONLY:
                words = "ask for access, or name another with --ledger"
                raise KerasdrError(f"cannot write the ledger {shown}: it is read-only; {words}") from error
            raise UnfinishedError(
                f"cannot write the ledger {shown}: {error}; what was kept before stands: check the disk, "
                "and run the same command again"
            ) from error
        self.entries += entries
        return entries


def run(connection: sqlite3.Connection, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
    """Run one statement: everything that touches a ledger's file passes here."""
    return connection.execute(statement, values)


@contextlib.contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """Open a ledger to add to it, making it if it is not there; the caller holds its lock.

    Raises:
        KerasdrError: if it cannot be opened, is no ledger, is of a newer version, or is damaged. It is left as it is.
        UnfinishedError: if the disk does not take it.
    """
    with _connected(path, _to_write) as (connection, entries):
        yield Ledger(path, connection, entries)


def read_ledger(path: Path) -> list[Entry]:
    """Return the entries of a ledger, which a job may be writing to.

    Raises:
        KerasdrError: if it is not there, or as of :func:`open_ledger`.
    """
    if not path.is_file():
        raise KerasdrError(f"no ledger {printable_path(path)}: name a CSV of `kerasdr predict`, or its ledger")
    # Not opened read-only: what a job that was killed left half done is undone before it can be read.
    with _connected(path, _to_read) as (_, entries):
        return entries


def _to_write(path: Path, connection: sqlite3.Connection) -> list[Entry]:
    if _is_empty(path, connection):
        for name, value in _DURABLE:
            run(connection, f"PRAGMA {name} = {value}")
        run(connection, "BEGIN IMMEDIATE")
        for statement in _CREATE:
            run(connection, statement)
        run(connection, "COMMIT")
        sync_folder(path.parent)
    entries = _whole(path, connection)  # before anything is set: a foreign file stays as it is
    for name, value in _DURABLE:
        run(connection, f"PRAGMA {name} = {value}")
    return entries


def _to_read(path: Path, connection: sqlite3.Connection) -> list[Entry]:
    return [] if _is_empty(path, connection) else _whole(path, connection)


@contextlib.contextmanager
def _connected(
    path: Path, begin: Callable[[Path, sqlite3.Connection], list[Entry]]
) -> Iterator[tuple[sqlite3.Connection, list[Entry]]]:
    connection = None
    try:
        try:
            connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
            # Damage is to be found in the text, not to be an error of reading it.
            connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
            entries = begin(path, connection)
        except (sqlite3.Error, OSError) as error:
            raise _cannot_open(path, error) from error
        yield connection, entries
    finally:
        if connection is not None:
            connection.close()


def _cannot_open(path: Path, error: sqlite3.Error | OSError) -> KerasdrError:
    shown = printable_path(path)
    code = _code(error)
    if code == sqlite3.SQLITE_NOTADB:
        return _no_ledger(path)
    if code == sqlite3.SQLITE_CORRUPT:
        return KerasdrError(f"the ledger {shown} is damaged ({error}): {_KEEP}")
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) or isinstance(error, OSError):
        return UnfinishedError(
            f"cannot write the ledger {shown}: {error}; check the disk, and run the same command again"
        )
    return KerasdrError(f"cannot open the ledger {shown}: {error}; check it, or name another with --ledger")


def _code(error: Exception) -> int:
    """Return SQLite's code of what went wrong, 0 if there is none; the higher bits tell more of the same."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


_KEEP = "keep it as evidence, and put back a copy or name another with --ledger"


def _no_ledger(path: Path) -> KerasdrError:
    return KerasdrError(f"{printable_path(path)} is no ledger of kerasdr: name another with --ledger")


def _is_empty(path: Path, connection: sqlite3.Connection) -> bool:
    """Whether there is nothing in the file yet: it is new, or its making was cut short."""
    # Asked in this order, as the first undoes what was cut short. A few bytes of something else are no page either.
    return run(connection, "PRAGMA page_count").fetchone()[0] == 0 and path.stat().st_size == 0


def _whole(path: Path, connection: sqlite3.Connection) -> list[Entry]:
    if run(connection, "PRAGMA application_id").fetchone()[0] != _APPLICATION:
        raise _no_ledger(path)
    version = run(connection, "PRAGMA user_version").fetchone()[0]
    if version != SCHEMA:
        raise KerasdrError(
            f"the ledger {printable_path(path)} is of version {version}, and this kerasdr knows {SCHEMA}: "
            "use the kerasdr that wrote it, or name another with --ledger"
        )
    rows = run(connection, _SELECT).fetchall()
    if damage := find_damage(rows):
        raise KerasdrError(f"the ledger {printable_path(path)} is damaged: {damage}; {_KEEP}")
    return [Entry(*row) for row in rows]
