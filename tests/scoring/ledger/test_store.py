import sqlite3
from pathlib import Path
from typing import Any

import pytest

from kerasdr.errors import ExitCode, KerasdrError, UnfinishedError
from kerasdr.scoring.ledger import store
from kerasdr.scoring.ledger.chain import Entry
from kerasdr.scoring.ledger.store import open_ledger, read_ledger

ITEMS = [("begun", {"listed": 2}), ("answer", {"p": [0.1, 0.9], "a": "ä眼"}), ("ended", {"text": "a\nb\0c"})]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of three entries, added in two transactions."""
    path = tmp_path / "g.ledger"
    with open_ledger(path) as ledger:
        assert ledger.head is None
        ledger.append(ITEMS[:1])
        ledger.append(ITEMS[1:])
    return path


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER no_update")
    connection.execute("DROP TRIGGER no_delete")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def contents(entries: list[Entry]) -> list[tuple[str, Any]]:
    return [(entry.kind, entry.content) for entry in entries]


def test_what_was_added_is_there_when_it_is_opened_again(path: Path) -> None:
    entries = read_ledger(path)
    assert contents(entries) == ITEMS
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    with open_ledger(path) as ledger:
        assert ledger.entries == entries and str(ledger.head) == f"3:{entries[2].hash[:32]}"
        ledger.append([("begun", {})])
    assert contents(read_ledger(path)) == [*ITEMS, ("begun", {})]
    assert [item.name for item in path.parent.iterdir()] == ["g.ledger"]


def test_it_is_written_the_durable_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    plain = store.run

    def watch(connection: sqlite3.Connection, statement: str, values: Any = ()) -> sqlite3.Cursor:
        if statement == "COMMIT":
            told.extend(
                str(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("journal_mode", "synchronous")
            )
        return plain(connection, statement, values)

    monkeypatch.setattr(store, "run", watch)
    with open_ledger(path) as ledger:
        ledger.append(ITEMS)
    with open_ledger(path.with_name("new")) as ledger:
        ledger.append(ITEMS)
    assert told == ["delete", "3"] * 3  # 3 is EXTRA; what makes a ledger too


def test_entries_are_only_added(path: Path) -> None:
    connection = sqlite3.connect(path)
    for statement in ("UPDATE entries SET kind = 'x' WHERE sequence = 1", "DELETE FROM entries WHERE sequence = 3"):
        with pytest.raises(sqlite3.IntegrityError, match="entries are only added"):
            connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE entries SET body = replace(body, '0.9', '0.8') WHERE sequence = 2", "entry 2 was changed"),
        ("UPDATE entries SET body = CAST(x'ff' AS TEXT) WHERE sequence = 1", "entry 1 was changed"),
        ("DELETE FROM entries WHERE sequence = 2", "entry 2 is missing"),
        ("UPDATE entries SET sequence = 9 WHERE sequence = 3", "entry 3 is missing"),
    ],
)
def test_damage_is_refused_and_left_as_it_is(path: Path, statement: str, where: str) -> None:
    change(path, statement)
    before = path.read_bytes()
    for use in (lambda: open_ledger(path).__enter__(), lambda: read_ledger(path)):
        with pytest.raises(KerasdrError, match=rf"g\.ledger is damaged: {where}; keep it as evidence, and put back"):
            use()
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"text\n" * 500, b"x", b"SQLite format 3\0" + b"\xff" * 4096])
def test_what_is_no_ledger_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes"
    path.write_bytes(content)
    for use in (lambda: open_ledger(path).__enter__(), lambda: read_ledger(path)):
        with pytest.raises(KerasdrError, match=r"notes is no ledger of kerasdr: name another with --ledger") as caught:
            use()
        assert caught.value.exit_code == ExitCode.FAILED
    assert path.read_bytes() == content


def test_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE entries (sequence)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(KerasdrError, match="is no ledger of kerasdr"), open_ledger(path):
        pass
    assert path.read_bytes() == before


def test_newer_version_is_refused(path: Path) -> None:
    change(path, "PRAGMA user_version = 2")
    with pytest.raises(KerasdrError, match="is of version 2, and this kerasdr knows 1: use the kerasdr that wrote it"):
        read_ledger(path)


def test_damaged_pages_are_told_in_one_line(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xff" * 3996
    path.write_bytes(data)
    with pytest.raises(KerasdrError, match=r"(is damaged \(|is no ledger|cannot open the ledger)"):
        read_ledger(path)


def test_making_of_a_ledger_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "g.ledger"
    path.write_bytes(b"")
    assert read_ledger(path) == []
    with open_ledger(path) as ledger:
        ledger.append(ITEMS)
    assert contents(read_ledger(path)) == ITEMS


def test_ledger_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match=r"no ledger .*g\.ledger: name a CSV of `kerasdr predict`"):
        read_ledger(tmp_path / "g.ledger")
    with pytest.raises(KerasdrError, match="cannot open the ledger"), open_ledger(tmp_path / "no/g.ledger"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", range(1, 5))
def test_statement_that_fails_is_all_or_nothing_and_is_not_tried_again(
    path: Path, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BEGIN, two INSERTs, COMMIT."""
    calls = 0
    plain = store.run

    def fail(connection: sqlite3.Connection, statement: str, values: Any = ()) -> sqlite3.Cursor:
        nonlocal calls
        calls += 1
        if calls == call:
            raise sqlite3.OperationalError("disk I/O error")
        return plain(connection, statement, values)

    with open_ledger(path) as ledger:
        monkeypatch.setattr(store, "run", fail)
        with pytest.raises(
            UnfinishedError, match=r"cannot write the ledger .*disk I/O error; what was kept before stands"
        ):
            ledger.append(ITEMS[:2])
        assert ledger.broken and len(ledger.entries) == 3
        with pytest.raises(UnfinishedError, match="nothing more is written"):
            ledger.append(ITEMS[:1])
        assert calls == call
        monkeypatch.undo()
    assert contents(read_ledger(path)) == ITEMS


def test_ledger_that_is_read_only_is_no_failing_disk(path: Path) -> None:
    with open_ledger(path) as ledger:
        store.run(ledger._connection, "PRAGMA query_only = ON")
        with pytest.raises(KerasdrError, match="it is read-only; ask for access, or name another") as caught:
            ledger.append(ITEMS)
        assert caught.value.exit_code == ExitCode.FAILED
    assert contents(read_ledger(path)) == ITEMS


def test_reader_sees_whole_transactions_while_a_job_writes(path: Path) -> None:
    with open_ledger(path) as ledger:
        store.run(ledger._connection, "BEGIN IMMEDIATE")
        store.run(ledger._connection, "INSERT INTO entries VALUES (4, 'x', 'y', 'z')")
        assert contents(read_ledger(path)) == ITEMS
        store.run(ledger._connection, "ROLLBACK")


def test_transaction_that_a_kill_cut_short_is_undone(path: Path, tmp_path: Path) -> None:
    """The file and its journal as they are in the middle of a commit, put elsewhere."""
    with open_ledger(path) as ledger:
        connection = ledger._connection
        store.run(connection, "PRAGMA cache_spill = 1")
        store.run(connection, "PRAGMA cache_size = 1")
        store.run(connection, "BEGIN IMMEDIATE")
        for number in range(4, 200):
            store.run(connection, "INSERT INTO entries VALUES (?, ?, ?, ?)", (number, "x", "y" * 500, "z"))
        crashed = tmp_path / "crashed"
        crashed.mkdir()
        for name in ("g.ledger", "g.ledger-journal"):
            (crashed / name).write_bytes((tmp_path / name).read_bytes())
        store.run(connection, "ROLLBACK")
    assert (crashed / "g.ledger").stat().st_size > path.stat().st_size
    assert contents(read_ledger(crashed / "g.ledger")) == ITEMS


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "\udcff.ledger"
    with open_ledger(path) as ledger:
        ledger.append(ITEMS)
    assert contents(read_ledger(path)) == ITEMS
