"""What identifies a data set."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from kerasdr.data.fingerprint import fingerprint, photograph_digests
from kerasdr.data.readers import read_table
from kerasdr.errors import KerasdrError

Put = Callable[..., Path]
Table = Callable[..., pd.DataFrame]


def test_digests_are_those_of_the_bytes_in_the_tables_order(put: Put, tmp_path: Path) -> None:
    put("0/b.png", b"two")
    put("1/a.png", b"one")
    table = read_table("folder", tmp_path).table
    expected = [hashlib.sha256(data).hexdigest() for data in (b"two", b"one")]
    assert photograph_digests(table, workers=1) == expected
    assert photograph_digests(table.iloc[::-1]) == expected[::-1]
    (tmp_path / "1/a.png").unlink()
    with pytest.raises(
        KerasdrError, match=r"cannot read .*a\.png: No such file or directory; see `kerasdr data check`"
    ):
        photograph_digests(table)


def test_counts_and_one_sum(table: Table) -> None:
    whole = table("1_left 0", "1_right 2", "2_left 2", "3_left", split=["train", "train", "test", ""])
    made = fingerprint(whole, ["a", "b", "c", "d"])
    assert (made["photographs"], made["people"]) == (4, 3)
    assert made["splits"]["train"] == {
        "photographs": 2,
        "people": 1,
        "grades": {"0": 1, "1": 0, "2": 1, "3": 0, "4": 0},
    }
    assert set(made["splits"]) == {"train", "test", "none"}
    lines = "1_left\ta\t0\ttrain\n1_right\tb\t2\ttrain\n2_left\tc\t2\ttest\n3_left\td\t<NA>\t"
    assert made["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    lines = "1_left\ta\t0\n1_right\tb\t2\n2_left\tc\t2\n3_left\td\t<NA>"
    assert made["photographs_sha256"] == hashlib.sha256(lines.encode()).hexdigest()


def test_order_and_folder_do_not_matter_but_all_else_does(table: Table) -> None:
    whole = table("1_left 0", "1_right 2", split=["train", "train"])
    digests = ["a", "b"]
    first = fingerprint(whole, digests)
    assert fingerprint(whole.iloc[::-1], digests[::-1]) == first
    assert fingerprint(whole.assign(path=["x", "y"]), digests) == first
    others = [
        fingerprint(whole, ["a", "c"]),
        fingerprint(table("1_left 0", "1_right 3", split=["train", "train"]), digests),
        fingerprint(table("1_left 0", "1_right 2", split=["test", "test"]), digests),
        fingerprint(table("1_left 0", "7_right 2", split=["train", "train"]), digests),
    ]
    others.append(fingerprint(whole.assign(person_grade=pd.array([4, 4], "Int64")), digests))
    assert len({first["sha256"], *(other["sha256"] for other in others)}) == 6
    # The split alone makes no other photographs.
    assert others[2]["photographs_sha256"] == first["photographs_sha256"]
    del others[2]
    assert len({first["photographs_sha256"], *(other["photographs_sha256"] for other in others)}) == 5
