"""Names of photographs replaced by keyed pseudonyms, and the list that leads back, which stays with the key."""

import csv
import hashlib
import hmac
import io
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kerasdr.data.names import PHOTOGRAPH_SUFFIXES
from kerasdr.errors import KerasdrError
from kerasdr.files import open_atomically, printable_path, remove, sha256_of, sync_file, sync_folder
from kerasdr.scoring.inputs import Input, PathKeys
from kerasdr.scoring.ledger.book import read_book
from kerasdr.scoring.ledger.place import ledger_path
from kerasdr.scoring.ledger.store import read_ledger
from kerasdr.scoring.names import is_pseudonym, shown_path

_KEY = re.compile(rb"[0-9a-f]{64}\n?")
_COLUMNS = ["pseudonym", "image"]

WITHOUT_NAMES = "no photographs in what was named, or a name that cannot be: check the names"
"""What people are told where a listing under pseudonyms cannot be made."""


@dataclass(frozen=True)
class Pseudonyms:
    """Gives pseudonyms: ``p_``, 16 hexadecimal digits, and the ending if it is a photograph's.

    The digits are the start of HMAC-SHA-256 (RFC 2104) of the photograph's whole path, with the key. So a photograph has the
    same one every night, in another folder another, and no name can be tried out by those who have not got the key.

    Attributes:
        key: 32 bytes.
        folder: where the key lies, and the lists of names are kept.
        made: whether the key was made just now.
    """

    key: bytes
    folder: Path
    made: bool = field(default=False, compare=False)

    @property
    def fingerprint(self) -> str:
        """What ledgers tell the key by, 16 hexadecimal digits: it tells nothing of the key, nor of any name."""
        return hmac.new(self.key, b"the fingerprint of this key", hashlib.sha256).hexdigest()[:16]

    def rename(self, inputs: Sequence[Input]) -> list[Input]:
        """Return inputs that show their pseudonyms, in the order of these; they are still read where they lie.

        In the order of the names, whoever has a list of the people could tell who each of them is.
        """
        keys = PathKeys()
        renamed = [replace(entry, pseudonym=self._of(keys(entry.path))) for entry in inputs]
        return sorted(renamed, key=lambda entry: entry.kept_as)

    def _of(self, path: str) -> str:
        digits = hmac.new(self.key, os.fsencode(path), hashlib.sha256).hexdigest()[:16]
        ending = os.path.splitext(path)[1].lower()
        return f"p_{digits}{ending if ending in PHOTOGRAPH_SUFFIXES else ''}"

    def names_file(self, out: Path) -> Path:
        """Return where the list of a CSV's names lies: ``grades.0a1b2c3d.names.csv`` beside the key for ``grades.csv``.

        The digits are of the CSV's whole path: two of one name in two folders have a list each, and each its own lock.
        """
        digits = sha256_of(os.fsencode(os.path.realpath(out)))[:8]
        return self.folder / f"{out.stem}.{digits}.names.csv"

    def keep_names(self, inputs: Sequence[Input], out: Path) -> None:
        """Add inputs to the list of a CSV's names, which only its owner can read; those of earlier nights stay in it.

        Raises:
            KerasdrError: if the list cannot be written, two photographs have one pseudonym, or what is there is no such list.
        """
        path = self.names_file(out)
        names = _read_names(path)
        keys = PathKeys()  # the names that the pseudonyms are of
        for entry in inputs:
            shown = shown_path(keys(entry.path))
            if names.setdefault(entry.pseudonym, shown) != shown:
                raise KerasdrError(
                    f"{entry.pseudonym} stands for two names in {printable_path(path)}: move that list away and run again"
                )
        text = io.StringIO(newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(sorted(names.items()))
        with open_atomically(path, mode=0o600) as file:
            file.write(text.getvalue().encode("utf-8"))


def open_pseudonyms(key: Path, out: Path, ledger: Path | None = None) -> Pseudonyms:
    """Read a key file, or make one that only its owner can read, where no ledger asks for another.

    The key's folder is made too if it is the last of the path: a whole way would hide a slip of the pen.

    Args:
        key: the file: 64 hexadecimal digits.
        out: the CSV that is to hold pseudonyms.
        ledger: of the CSV; the one beside it if None.

    Raises:
        KerasdrError: if the key lies beside the CSV, others can read it, it is no key, it cannot be made, or it is gone and the
            ledger was written with it.
    """
    shown = printable_path(key)
    if os.path.realpath(key.parent) == os.path.realpath(out.parent):
        raise KerasdrError(
            f"the key {shown} lies beside the CSV: whoever gets one gets both; keep it in another folder"
        )
    made = False
    try:
        if not os.path.lexists(key):
            _refuse_a_new_key(shown, ledger_path(out) if ledger is None else ledger)
            made = _make_key(key)
        descriptor = os.open(key, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise KerasdrError(f"{shown} is no ordinary file: name another with --key")
            if os.name == "posix" and found.st_mode & 0o077:
                raise KerasdrError(f"others can read the key {shown}: chmod 600 it, or make a new one")
            content = file.read(100)
    except OSError as error:
        raise KerasdrError(f"cannot use the key {shown}: {error.strerror}; name another file with --key") from error
    if not _KEY.fullmatch(content):
        raise KerasdrError(f"{shown} is no key of 64 hexadecimal digits: name another file with --key")
    return Pseudonyms(bytes.fromhex(content.decode("ascii").strip()), key.parent, made)


def _refuse_a_new_key(shown: str, ledger: Path) -> None:
    if ledger.is_file() and read_book(read_ledger(ledger)).under_pseudonyms:
        raise KerasdrError(
            f"there is no key {shown}, and {printable_path(ledger)} was written with one: check the name, put the key back, or "
            "name another --out for a new one"
        )


def _make_key(path: Path) -> bool:
    """Make a key, whole or not at all; returns False where another process was the first to make it."""
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent.parent)
    handle, temporary = tempfile.mkstemp(prefix=".key.", suffix=".part", dir=path.parent)  # readable by its owner alone
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode("ascii") + b"\n")
            sync_file(file)
        os.link(temporary, path)  # and not renamed: that would replace a key that has come to be there
    except FileExistsError:
        return False
    finally:
        remove(temporary)
    sync_folder(path.parent)
    return True


def _read_names(path: Path) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, csv.Error) as error:
        raise KerasdrError(
            f"cannot read the list of names {printable_path(path)}: move it away and run again"
        ) from error
    sound = rows[:1] == [_COLUMNS] and all(len(row) == 2 and is_pseudonym(row[0]) for row in rows[1:])
    if not sound:
        raise KerasdrError(f"{printable_path(path)} is no list of names: move it away and run again")
    return dict(rows[1:])
