"""What a disk may hold after the power fails: states made from a record of all operations on files.

In the manner of SQLite's own crash tests: what was written and not yet synced is, by chance, there, gone, torn, or rubbish.
Names (made, renamed, removed) that were not yet synced with their folder are there up to some point, as a journalling file
system has them, and no further. What was synced is there.
"""

import os
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        number: counted from 1.
        kind: make, empty, open, write, truncate, fsync, rename, unlink, mkdir or rmdir.
        path, second: what it is about; the new name of a rename.
        offset: in the file; the new length of a truncation.
        data: what was written.
    """

    number: int
    kind: str
    path: str
    second: str
    offset: int
    data: bytes


def read_trace(path: Path) -> list[Operation]:
    """Return the operations that a shim recorded."""
    operations = []
    with open(path, "rb") as file:
        while line := file.readline():
            number, kind, one, two, offset, length = line.decode("utf-8", "surrogateescape").rstrip("\n").split("\t")
            operations.append(Operation(int(number), kind, one, two, int(offset), file.read(int(length))))
    return operations


def crash(operations: list[Operation], after: int, begin: Path, target: Path, seed: int) -> None:
    """Make one state that a disk may hold if the power fails right after some operation.

    Args:
        operations: of a job whose folder was ``begin``, empty.
        after: how many of them were done.
        begin: the folder that the paths begin with.
        target: an empty folder for the state.
        seed: of what chance decides.
    """
    chance = random.Random(seed)
    done = operations[:after]
    durable = _synced_names(done)
    # Of what was not synced, a folder's names are there up to a point.
    cut = {folder: chance.randint(0, len(names)) for folder, names in durable.items()}
    names: dict[str, int] = {}
    folders = {str(begin)}
    contents: dict[int, bytearray] = {}
    pending = _unsynced_writes(done)
    place: dict[str, int] = defaultdict(int)
    inode_now: dict[str, int] = {}
    fresh = 0

    def named(folder: str) -> bool:
        """Whether the next change of a folder's names is there."""
        mine = place[folder]
        place[folder] += 1
        return mine < _synced_count(durable[folder]) or mine < cut[folder]

    for operation in done:
        folder = os.path.dirname(operation.path)
        if operation.kind in ("make", "empty"):
            if operation.path not in inode_now:
                fresh += 1
                inode_now[operation.path] = fresh
                contents[fresh] = bytearray()
                if named(folder):
                    names[operation.path] = fresh
            elif operation.kind == "empty":
                contents[inode_now[operation.path]] = bytearray()
        elif operation.kind in ("write", "truncate"):
            inode = inode_now.get(operation.path)
            if inode is not None:
                _change(contents[inode], operation, chance if operation.number in pending else None)
        elif operation.kind == "rename":
            inode = inode_now.pop(operation.path, None)
            if inode is not None:
                inode_now[operation.second] = inode
                if named(folder):
                    names.pop(operation.path, None)
                    names[operation.second] = inode
        elif operation.kind == "unlink":
            inode_now.pop(operation.path, None)
            if named(folder):
                names.pop(operation.path, None)
        elif operation.kind == "mkdir":
            if named(folder):
                folders.add(operation.path)
        elif operation.kind == "rmdir" and named(folder):
            folders.discard(operation.path)
    for name in sorted(folders):
        (target / os.path.relpath(name, begin)).mkdir(parents=True, exist_ok=True)
    for name, inode in names.items():
        if os.path.dirname(name) in folders:
            (target / os.path.relpath(name, begin)).write_bytes(contents[inode])


def _changes_names(operation: Operation, known: set[str]) -> bool:
    if operation.kind in ("make", "empty"):
        return operation.path not in known
    return operation.kind in ("rename", "unlink", "mkdir", "rmdir")


def _synced_names(done: list[Operation]) -> dict[str, list[bool]]:
    """Return, for each folder, of each change of its names whether it was synced."""
    synced: dict[str, list[bool]] = defaultdict(list)
    known: set[str] = set()
    for operation in done:
        if _changes_names(operation, known):
            synced[os.path.dirname(operation.path)].append(False)
        if operation.kind in ("make", "empty"):
            known.add(operation.path)
        elif operation.kind in ("rename", "unlink"):
            known.discard(operation.path)
            if operation.kind == "rename":
                known.add(operation.second)
        elif operation.kind == "fsync" and operation.path in synced:
            synced[operation.path] = [True] * len(synced[operation.path])
    return synced


def _synced_count(changes: list[bool]) -> int:
    return sum(changes)


def _unsynced_writes(done: list[Operation]) -> set[int]:
    """Return the numbers of the writes that were not synced."""
    waiting: dict[int, set[int]] = defaultdict(set)
    inode_of: dict[str, int] = {}
    fresh = 0
    for operation in done:
        if operation.kind in ("make", "empty") and operation.path not in inode_of:
            fresh += 1
            inode_of[operation.path] = fresh
        elif operation.kind in ("write", "truncate") and operation.path in inode_of:
            waiting[inode_of[operation.path]].add(operation.number)
        elif operation.kind == "fsync" and operation.path in inode_of:
            waiting[inode_of[operation.path]].clear()
        elif operation.kind == "rename" and operation.path in inode_of:
            inode_of[operation.second] = inode_of.pop(operation.path)
        elif operation.kind == "unlink":
            inode_of.pop(operation.path, None)
    return {number for numbers in waiting.values() for number in numbers}


def _change(content: bytearray, operation: Operation, chance: random.Random | None) -> None:
    if operation.kind == "truncate":
        if chance is None or chance.random() < 0.5:
            del content[operation.offset :]
            content.extend(bytes(max(0, operation.offset - len(content))))
        return
    data = operation.data
    if chance is not None:
        fate = chance.choice(("there", "gone", "torn", "rubbish"))
        if fate == "gone":
            return
        if fate == "torn":  # by blocks of a disk
            data = data[: 512 * chance.randint(0, len(data) // 512)]
        elif fate == "rubbish":
            data = chance.randbytes(len(data))
    end = operation.offset + len(data)
    content.extend(bytes(max(0, end - len(content))))
    content[operation.offset : end] = data
