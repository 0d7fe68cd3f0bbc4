"""``kerasdr evaluate --submission``: what is passed on and what is said."""

from pathlib import Path
from typing import Any

import pytest

from kerasdr.training.submission import Submission
from tests.cli.conftest import Kerasdr


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the library was asked to write."""
    calls: list[Any] = []

    def write(run: Path, target: Path, reporter: Any, ids: str) -> Submission:
        calls.append((run, target, ids))
        return Submission(rows=12, not_graded=2 * (ids == "image_id"), fallback=1)

    monkeypatch.setattr("kerasdr.training.submission.write_submission", write)
    return calls


def test_rows_and_what_was_not_graded_are_told(kerasdr: Kerasdr, asked: list[Any]) -> None:
    ran = kerasdr("evaluate", "some-run", "--submission", "s.csv")
    assert (ran.code, ran.out) == (0, "12 rows of some-run in s.csv\n")
    assert ran.err == (
        "2 of 12 photographs are missing, unreadable or ungradable: "
        "their rows say 1, the most frequent grade of the training part\n"
    )
    assert asked == [(Path("some-run"), Path("s.csv"), "image_id")]


def test_ids_are_passed_on(kerasdr: Kerasdr, asked: list[Any]) -> None:
    ran = kerasdr("evaluate", "some-run", "--submission", "s.csv", "--submission-id", "file-name")
    assert (ran.code, ran.err) == (0, "")
    assert asked == [(Path("some-run"), Path("s.csv"), "file-name")]


def test_ids_without_a_submission_are_wrong_use(kerasdr: Kerasdr, asked: list[Any]) -> None:
    assert "--submission-id says what" in kerasdr("evaluate", "some-run", "--submission-id", "file-name").usage
    assert asked == []
