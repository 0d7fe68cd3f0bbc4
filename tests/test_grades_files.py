import os
from pathlib import Path

import numpy as np
import pytest

from kerasdr import files, grades
from kerasdr.errors import KerasdrError


def test_names_and_referable_grades() -> None:
    assert [grades.grade_name(grade) for grade in grades.GRADES] == [
        "no DR",
        "mild NPDR",
        "moderate NPDR",
        "severe NPDR",
        "PDR",
    ]
    assert [grades.is_referable(grade) for grade in grades.GRADES] == [False, False, True, True, True]
    with pytest.raises(ValueError, match="got 5"):
        grades.grade_name(5)


def test_referable_probability_sums_grades_two_to_four() -> None:
    p = np.array([[0.1, 0.2, 0.3, 0.25, 0.15], [1, 0, 0, 0, 0]])
    assert grades.referable_probability(p) == pytest.approx([0.7, 0.0])
    with pytest.raises(ValueError, match="5 columns"):
        grades.referable_probability([0.5, 0.5])


def test_sha256_of_the_empty_string(tmp_path: Path) -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / "empty").touch()
    assert files.sha256_of(b"") == empty == files.sha256_of_file(tmp_path / "empty")


def test_atomic_write_replaces_and_leaves_no_other_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    files.write_text_atomically(target, "old")
    files.write_text_atomically(target, "nëw")
    assert target.read_text(encoding="utf-8") == "nëw"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    files.write_text_atomically(target, "old")
    with pytest.raises(RuntimeError), files.open_atomically(target) as file:
        file.write(b"half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(KerasdrError, match=r"cannot write .*No space left"):
        files.write_bytes_atomically(tmp_path / "a", b"x")
    assert os.listdir(tmp_path) == []
    with pytest.raises(KerasdrError, match="No such file"):
        files.write_bytes_atomically(tmp_path / "missing" / "a", b"x")


def test_paths_are_shown_in_one_line() -> None:
    assert files.printable_path(Path("a b/ä眼.png")) == "a b/ä眼.png"
    assert files.printable_path("two\nlines\r\t\x1b[31m\u202e\u2028") == r"two\nlines\r\t\x1b[31m\u202e\u2028"
    assert files.printable_path(os.fsdecode(b"\xff.png")) == r"\xff.png"


def test_trying_a_folder_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.try_to_write(tmp_path)
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        files.try_to_write(tmp_path / "missing")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.try_to_write(tmp_path)
    assert os.listdir(tmp_path) == []
