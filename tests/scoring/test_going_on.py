"""The same command again: after a kill, after a change, after nothing at all."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.errors import ExitCode, LockedError, MissingError, StorageError, UnfinishedError
from kerasdr.files import sha256_of
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.engine import Batch, EngineOutput
from kerasdr.scoring.job import run_job
from kerasdr.scoring.ledger.audit import read_output, verify
from kerasdr.scoring.ledger.book import Book
from kerasdr.scoring.ledger.lock import hold
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.unanswered import Limits

FakeFactory = Any  # the class of the fixture ``factory``
OUT = Path("out.csv")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ward(good: list[bytes], bad: dict[str, bytes]) -> Path:
    """Five photographs of three people that can be graded, one that is too dark, one that is cut off."""
    folder = Path("in")
    folder.mkdir()
    names = ("1_left", "1_right", "2_left", "3_left", "3_right")
    for name, data in zip(names, good, strict=False):
        (folder / f"{name}.png").write_bytes(data)
    (folder / "2_right.png").write_bytes(bad["dark"])
    (folder / "4_left.jpg").write_bytes(bad["cut"])
    return folder


def job(bundle: Bundle, factory: Callable[..., Any], *arguments: str, **options: Any) -> Summary:
    options = {"batch_size": 2, **options}
    return run_job(arguments or ["in"], bundle, options.pop("out", OUT), factory=factory, **options)


def book(ledger: str = "out.ledger") -> Book:
    return read_output(Path(ledger)).book


def graded(factory: FakeFactory) -> int:
    """How many photographs reached an engine since the last time it was asked."""
    count = sum(len(batch) for batch in factory.batches)
    factory.made.clear()
    return count


def made() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in [OUT, *sorted(Path("out_gradcam").iterdir())]}


def statuses(summary: Summary) -> dict[str, str]:
    return {row.image.removeprefix("in/"): row.status for row in summary.rows}


# After a kill


def test_killed_before_any_operation_it_ends_as_if_undisturbed(
    tmp_path: Path, ward: Path, make_bundle: Callable[..., Path]
) -> None:
    """File operations, statements of the ledger and batches: none lost, none twice, nothing left, at most a batch again.

    Every fifth of them; ``killed_jobs.py`` with step 1 tries all.
    """
    make_bundle(tmp_path / "bundle")
    (tmp_path / "work").mkdir()
    program = str(Path(__file__).with_name("killed_jobs.py"))
    command = [sys.executable, program, "in", "bundle", "work", "5"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["wrong"] == []
    assert found["kills"] > 12 and found["answers"] == 7 and found["files"] == 2 + 5
    assert 0 < found["most again"] <= 2


# After nothing


def test_second_run_grades_nothing_and_makes_no_engine(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    (ward / "4_left.jpg").unlink()
    first = job(bundle, factory)
    assert graded(factory) == 5
    before = made()
    entries = first.head.count
    second = job(bundle, factory)
    assert factory.made == []
    assert second.rows == first.rows and made() == before
    # Nothing but that it was done: no row is told twice.
    assert second.head.count == entries + 2
    assert [run.answers for run in book().runs] == [6, 0]


def test_what_failed_is_known_until_its_bytes_change_and_its_partner_is_not_graded_again(
    bundle: Bundle, factory: FakeFactory, ward: Path, good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.scoring.job import _Job

    (ward / "1_right.png").write_bytes(b"not yet")
    first = job(bundle, factory)
    assert first.count("failed") == 2 and first.exit_code == ExitCode.SOME_FAILED
    graded(factory)
    before = made()
    with monkeypatch.context() as patched:
        patched.setattr(_Job, "_read_and_grade", lambda *_: pytest.fail("nothing is to be read for its pixels"))
        assert job(bundle, factory).rows == first.rows and made() == before
    (ward / "1_right.png").write_bytes(good[1])
    third = job(bundle, factory)
    assert graded(factory) == 2  # the left eye too, as the dual network sees another partner
    assert statuses(third)["1_right.png"] == "graded"
    assert {row.image: row.partner for row in third.rows}["in/1_left.png"] == "in/1_right.png"
    assert len(book().superseded) == 2


def test_other_settings_are_other_questions(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    job(bundle, factory)
    for options in ({"pictures_as": "webp"}, {"gradcam": False}, {"max_megapixels": 50.0}, {"engine": "other"}):
        graded(factory)
        job(bundle, factory, **options)
        assert graded(factory) == 5, options
        job(bundle, factory, **options)
        assert factory.made == [], options
    graded(factory)
    job(bundle, factory, batch_size=3, jobs=1)  # neither decides an answer; but the pictures are gone
    assert graded(factory) == 5
    job(bundle, factory, batch_size=5)
    assert factory.made == []


def test_other_bundle_grades_again_and_the_older_rows_are_kept(
    bundle: Bundle, factory: FakeFactory, ward: Path, make_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    first = job(bundle, factory)
    other = load_bundle(make_bundle(tmp_path / "other", name="fake-2"))
    graded(factory)
    second = job(other, factory)
    assert graded(factory) == 5
    assert {row.model for row in second.rows} == {other.label} != {row.model for row in first.rows}
    kept = book()
    assert len(kept.superseded) == 7 and len(kept.answers) == 14
    for older, newer in kept.superseded.items():
        assert kept.csv_row(older, "out_gradcam") in first.rows
        assert kept.csv_row(newer, "out_gradcam") in second.rows
        assert kept.rows[older].path == kept.rows[newer].path


# Files that move


def test_renamed_photograph_keeps_its_answer(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    before = {row.image: row for row in job(bundle, factory).rows}
    for eye in ("left", "right"):
        (ward / f"3_{eye}.png").rename(ward / f"9_{eye}.png")
    graded(factory)
    after = {row.image: row for row in job(bundle, factory).rows}
    assert factory.made == []
    assert after["in/9_left.png"].cells()[1:13] == before["in/3_left.png"].cells()[1:13]
    assert after["in/9_left.png"].gradcam == before["in/3_left.png"].gradcam
    assert after["in/9_left.png"].partner == "in/9_right.png"
    assert "in/3_left.png" not in after and book().superseded == {}


def test_pictures_keep_their_names_when_a_folder_grows(
    bundle: Bundle, factory: FakeFactory, ward: Path, good: list[bytes]
) -> None:
    job(bundle, factory)
    before = made()
    graded(factory)
    (ward / "0_left.png").write_bytes(good[6])
    job(bundle, factory)
    assert graded(factory) == 1
    assert {name: data for name, data in made().items() if name in before and name != "out.csv"} == {
        name: data for name, data in before.items() if name != "out.csv"
    }


def test_changed_photograph_is_graded_again_though_size_and_time_are_the_same(
    bundle: Bundle, factory: FakeFactory, ward: Path, good: list[bytes]
) -> None:
    path = ward / "2_left.png"
    path.write_bytes(good[2] + b"1")
    os.utime(path, ns=(10**18, 10**18))
    first = {row.image: row for row in job(bundle, factory).rows}["in/2_left.png"]
    graded(factory)
    path.write_bytes(good[2] + b"2")
    os.utime(path, ns=(10**18, 10**18))
    second = {row.image: row for row in job(bundle, factory).rows}["in/2_left.png"]
    assert graded(factory) == 1
    assert first.sha256 == sha256_of(good[2] + b"1") and second.sha256 == sha256_of(good[2] + b"2")
    assert len(book().superseded) == 1


def test_partner_that_changes_is_another_case(
    bundle: Bundle, factory: FakeFactory, ward: Path, good: list[bytes]
) -> None:
    job(bundle, factory)
    graded(factory)
    (ward / "1_right.png").write_bytes(good[7])
    job(bundle, factory)
    assert graded(factory) == 2
    (ward / "3_right.png").unlink()
    job(bundle, factory)
    assert graded(factory) == 1  # the left eye, now alone


@pytest.mark.parametrize("damage", ["missing", "changed", "empty"])
def test_picture_that_is_missing_or_damaged_is_made_again(
    damage: str, bundle: Bundle, factory: FakeFactory, ward: Path
) -> None:
    first = job(bundle, factory)
    before = made()
    graded(factory)
    picture = Path(next(row.gradcam for row in first.rows if row.image == "in/3_left.png"))
    if damage == "missing":
        picture.unlink()
    else:
        picture.write_bytes(b"" if damage == "empty" else before[str(picture)][:-1] + b"x")
    job(bundle, factory)
    assert graded(factory) == 1
    assert made() == before
    assert len(book().answers) == 7  # the same answer, found again


def test_same_bytes_are_graded_once(bundle: Bundle, factory: FakeFactory, good: list[bytes]) -> None:
    Path("in").mkdir()
    for name in ("a", "b", "c"):
        Path(f"in/{name}.png").write_bytes(good[0])
    first = job(bundle, factory)
    assert graded(factory) == 1
    assert [row.image for row in first.rows] == ["in/a.png", "in/b.png", "in/c.png"]
    assert len({row.gradcam for row in first.rows}) == len({row.probabilities for row in first.rows}) == 1
    Path("in/d.png").write_bytes(good[0])
    assert job(bundle, factory).count("graded") == 4
    assert factory.made == []


def test_row_follows_the_bytes_that_were_decoded(
    bundle: Bundle, factory: FakeFactory, ward: Path, good: list[bytes]
) -> None:
    """Replaced between the look for known answers and the decoding."""
    job(bundle, factory, "in/1_left.png", "in/2_left.png")
    graded(factory)
    (ward / "1_left.png").write_bytes(good[5])

    def replaced(inputs: Any, read: Any) -> list[str]:
        digests: list[str] = read(inputs)
        (ward / "1_left.png").write_bytes(good[6])
        return digests

    summary = job(bundle, factory, "in/1_left.png", "in/2_left.png", digest=replaced)
    assert summary.rows[0].sha256 == sha256_of(good[6])
    assert graded(factory) == 1
    assert {answer.seen.sha256 for answer in book().answers.values()} == {
        sha256_of(good[0]),
        sha256_of(good[2]),
        sha256_of(good[6]),
    }


def test_a_photograph_waits_where_its_partner_does(
    bundle: Bundle, factory: FakeFactory, ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the other eye a dual network gives another answer, which would be replaced the next night."""
    from kerasdr.scoring import photographs
    from kerasdr.scoring.reading import WaitingPhotograph

    plain = photographs.read_bytes

    def gone(path: str, **options: Any) -> bytes:
        if path.endswith("1_right.png"):
            raise WaitingPhotograph("the file is still being written: run again when it is whole")
        return plain(path, **options)

    monkeypatch.setattr(photographs, "read_bytes", gone)
    first = job(bundle, factory, isolate=False)
    assert [row.status for row in first.rows[:2]] == ["waiting", "waiting"] and first.rows[2].status == "graded"
    assert first.rows[0].reason == "the photograph that it is graded together with cannot be had yet: run again"
    monkeypatch.setattr(photographs, "read_bytes", plain)
    graded(factory)
    second = job(bundle, factory, isolate=False)
    assert graded(factory) == 2 and second.rows[0].partner == "in/1_right.png"
    assert not book().superseded


def test_a_share_that_is_not_there_costs_nothing(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    job(bundle, factory)
    before = {path: path.read_bytes() for path in (OUT, *Path("out_gradcam").iterdir())}
    ward.rename("away")
    with pytest.raises(UnfinishedError, match="nothing of what was named is there") as refused:
        job(bundle, factory)
    assert refused.value.exit_code == 4
    assert {path: path.read_bytes() for path in before} == before
    ended = book().runs[-1].ended
    assert ended is not None and ended["how"] == "nothing named was there"
    Path("away").rename(ward)
    graded(factory)
    assert job(bundle, factory).exit_code == 3 and graded(factory) == 0


def test_photographs_that_are_gone_are_counted(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    assert job(bundle, factory).gone == 0
    (ward / "1_left.png").unlink()
    (ward / "5_left.png").write_bytes((ward / "1_right.png").read_bytes() + b"another")
    summary = job(bundle, factory)
    assert summary.gone == 1 and summary.sentence().endswith("; 1 of the job before is not there any more")
    assert job(bundle, factory).gone == 0


def test_names_that_are_no_text_come_back_to_the_byte(bundle: Bundle, factory: FakeFactory, good: list[bytes]) -> None:
    names = [os.fsdecode(b"\xff\xe9_left.png"), r"\xff\xe9_left.png", "ä眼.png", "two\nlines.png", "=1+1.png"]
    for name in names:
        Path(name).write_bytes(good[0])
    summary = job(bundle, factory, *names, gradcam=False)
    assert [row.path for row in book().rows.values()] == names
    assert len({row.image for row in summary.rows}) == 5
    graded(factory)
    assert job(bundle, factory, *names, gradcam=False).rows == summary.rows
    assert factory.made == []


# What waits


def test_what_cannot_be_had_just_now_waits(
    bundle: Bundle, factory: FakeFactory, ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The share goes away once the folder was listed: its files are not said to have failed."""
    from kerasdr.scoring import job as module

    plain = module.read_requests

    def late(*arguments: Any, **options: Any) -> Any:
        ward.rename("away")
        Path("in").mkdir()  # what is left of a share: the empty folder that it was shown in
        return plain(*arguments, **options)

    monkeypatch.setattr(module, "read_requests", late)
    summary = job(bundle, factory)
    assert summary.count("waiting") == 7 and summary.exit_code == ExitCode.UNFINISHED == 4
    assert {row.reason for row in summary.rows} == {
        "the file was there when the job began and is gone: connect the share or disk again, and run again"
    }
    assert summary.sentence().startswith("7 listed = 0 graded + 0 ungradable + 0 failed + 7 waiting; ")
    monkeypatch.undo()
    os.chdir(tmp_path)
    Path("in").rmdir()
    Path("away").rename("in")
    assert job(bundle, factory).count("graded") == 5


def test_time_limit_takes_no_new_photographs(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    class Clock:
        """An hour passes with each batch."""

        def __call__(self) -> float:
            return 3600.0 * len(factory.batches)

    limits = Limits(seconds=3600.0, clock=Clock())
    summary = job(bundle, factory, limits=limits)
    assert graded(factory) == 4  # the batch after the hour was in hand by then
    assert summary.how == "time limit" and summary.exit_code == ExitCode.UNFINISHED
    waiting = [row for row in summary.rows if row.status == "waiting"]
    assert len(waiting) + summary.count("graded") + summary.count("ungradable") + summary.count("failed") == 7
    assert waiting and {row.reason for row in waiting} == {"not reached within the time limit: run again"}
    again = job(bundle, factory)
    assert graded(factory) == 1
    assert again.how == "complete" and again.exit_code == ExitCode.SOME_FAILED
    assert verify(read_output(OUT)).csv_is


def test_limit_of_a_run_that_has_nothing_left_to_do_is_no_limit(
    bundle: Bundle, factory: FakeFactory, ward: Path
) -> None:
    (ward / "4_left.jpg").unlink()
    job(bundle, factory)
    asked: list[bool] = []

    def clock() -> float:
        """The limit comes when the last of the six was read."""
        asked.append(True)
        return 3600.0 * (len(asked) > 1 + 6)

    summary = job(bundle, factory, limits=Limits(seconds=3600.0, clock=clock))
    assert summary.how == "complete" and summary.exit_code == ExitCode.FINISHED


@pytest.mark.parametrize("jobs", [1, 3])
def test_time_limit_is_looked_at_while_known_photographs_are_read(
    jobs: int, bundle: Bundle, factory: FakeFactory, ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.scoring import digests

    first = job(bundle, factory)
    graded(factory)
    plain, read = digests.read_bytes, []

    def slow(path: str, **options: Any) -> bytes:
        read.append(path)
        return plain(path, **options)

    monkeypatch.setattr(digests, "read_bytes", slow)
    limits = Limits(seconds=2.5, clock=lambda: float(len(read)))
    summary = job(bundle, factory, limits=limits, jobs=jobs)
    assert 3 <= len(read) <= 2 + jobs and factory.made == []
    assert summary.how == "time limit" and summary.exit_code == ExitCode.UNFINISHED
    assert summary.count("waiting") >= 7 - len(read)  # and those whose partner was not come to
    assert {row.reason for row in summary.rows if row.status == "waiting"} == {
        "not reached within the time limit: run again"
    }
    assert job(bundle, factory).rows == first.rows and factory.made == []


def test_a_known_photograph_whose_reading_hangs_costs_one_row(
    bundle: Bundle, factory: FakeFactory, ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.scoring import digests

    first = job(bundle, factory)
    graded(factory)
    plain, again = digests.read_bytes, threading.Event()

    def hangs(path: str, **options: Any) -> bytes:
        if path.endswith(("2_left.png", "4_left.jpg")):
            again.wait()
        return plain(path, **options)

    monkeypatch.setattr(digests, "read_bytes", hangs)
    began = time.monotonic()
    summary = job(bundle, factory, jobs=1, photo_timeout=0.5)
    assert time.monotonic() - began < 20
    again.set()
    assert {name for name, status in statuses(summary).items() if status == "waiting"} == {"2_left.png", "4_left.jpg"}
    assert {row.reason for row in summary.rows if row.status == "waiting"} == {
        "reading this file took more than 0.5 s: run again, or allow more time with --photo-timeout"
    }
    assert summary.exit_code == ExitCode.UNFINISHED and summary.how == "complete"
    monkeypatch.setattr(digests, "read_bytes", plain)
    assert job(bundle, factory).rows == first.rows and factory.made == []


def test_pictures_of_answers_that_wait_stay(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    job(bundle, factory)
    pictures = set(os.listdir("out_gradcam"))
    (ward / "1_right.png").write_bytes(b"broken")  # so 1_left must be looked at again
    summary = job(bundle, factory, limits=Limits(seconds=0.0))
    assert statuses(summary)["1_left.png"] == "waiting"
    assert set(os.listdir("out_gradcam")) == pictures


@pytest.mark.parametrize(
    ("most", "how"), [(0, "too many failed"), (1, "too many failed"), (2, "too many failed"), (3, "")]
)
def test_too_many_failed(most: int, how: str, bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    for number in (0, 1, 5):
        (ward / f"{number}_x.png").write_bytes(b"text")
    (ward / "4_left.jpg").unlink()
    summary = job(bundle, factory, limits=Limits(max_failed=most))
    assert summary.how == (how if most < 2 else "complete")  # the third is the last of all
    assert summary.exit_code == (ExitCode.UNFINISHED if most < 2 else ExitCode.SOME_FAILED)
    assert summary.count("failed") == min(most + 1, 3)
    assert summary.count("waiting") > 0 if most < 2 else summary.count("waiting") == 0


def test_what_failed_before_does_not_count_again(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    """Or a job with more bad files than the limit would stop at the same place every night."""
    for number in range(5, 9):
        (ward / f"0_{number}.png").write_bytes(b"text %d" % number)
    counted = []
    for _ in range(4):
        summary = job(bundle, factory, limits=Limits(max_failed=1))
        counted.append((summary.how, summary.count("failed")))
    assert counted == [("too many failed", 2), ("too many failed", 4), ("complete", 5), ("complete", 5)]
    assert summary.exit_code == ExitCode.SOME_FAILED and summary.count("graded") == 5


def test_what_another_version_could_not_read_does_not_count_again_either(
    bundle: Bundle, factory: FakeFactory, ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5, 9):
        (ward / f"0_{number}.png").write_bytes(b"text %d" % number)
    job(bundle, factory)
    monkeypatch.setattr("kerasdr.scoring.ledger.record.__version__", "99")
    monkeypatch.setattr("kerasdr.scoring.ledger.begun.__version__", "99")
    again = job(bundle, factory, limits=Limits(max_failed=1))
    assert (again.how, again.count("failed")) == ("complete", 5)


def test_what_another_model_could_not_read_is_read_once_by_this_one(
    bundle: Bundle, factory: FakeFactory, ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.scoring.isolation.readers import Readers

    job(bundle, factory, max_megapixels=50.0)  # another question, as of another model
    monkeypatch.setattr("kerasdr.scoring.ledger.record.__version__", "99")
    monkeypatch.setattr("kerasdr.scoring.ledger.begun.__version__", "99")
    plain, read = Readers.load, []

    def load(self: Readers, index: int, entry: Any) -> Any:
        read.append(entry.path)
        return plain(self, index, entry)

    monkeypatch.setattr(Readers, "load", load)
    for again in range(3):
        read.clear()
        job(bundle, factory)
        assert ("in/4_left.jpg" in read) == (not again)


def test_what_cannot_even_be_read_does_not_count_again_either(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    for number in range(3):
        (ward / f"0_{number}.png").symlink_to("nothing")
    counted = [job(bundle, factory, limits=Limits(max_failed=1)).how for _ in range(3)]
    assert counted == ["too many failed", "complete", "complete"]


@pytest.mark.parametrize("why", ["asked", "another version", "other settings", "nothing"])
def test_what_failed_is_read_again_where_it_may_be_otherwise_now(
    why: str, bundle: Bundle, factory: FakeFactory, ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.scoring.isolation.readers import Readers

    first = job(bundle, factory)
    plain, read = Readers.load, []

    def load(self: Readers, index: int, entry: Any) -> Any:
        read.append(entry.path)
        return plain(self, index, entry)

    monkeypatch.setattr(Readers, "load", load)
    if why == "another version":
        monkeypatch.setattr("kerasdr.scoring.ledger.record.__version__", "99")
        monkeypatch.setattr("kerasdr.scoring.ledger.begun.__version__", "99")
    options: dict[str, Any] = {"asked": {"retry_failed": True}, "other settings": {"max_megapixels": 50.0}}.get(why, {})
    for again in range(2):
        read.clear()
        assert statuses(job(bundle, factory, **options)) == statuses(first)
        wanted = why == "asked" or (not again and why != "nothing")
        assert ("in/4_left.jpg" in read) == wanted
    if why == "asked":
        assert len(book().answers) == 7  # what fails as before is kept once


# Who else is there


def test_second_job_leaves_at_once(bundle: Bundle, factory: FakeFactory, ward: Path, tmp_path: Path) -> None:
    for locked in ("out.ledger.lock", "elsewhere.ledger.lock"):
        with hold(Path(locked), "out.csv"):
            with pytest.raises(LockedError, match=r"another job holds out\.csv: process \d+ on ") as caught:
                job(bundle, factory, ledger=Path("elsewhere.ledger"))
            assert caught.value.exit_code == 5
    assert factory.made == [] and sorted(os.listdir()) == ["in"]
    job(bundle, factory, ledger=Path("elsewhere.ledger"))
    assert sorted(os.listdir()) == ["elsewhere.ledger", "in", "out.csv", "out_gradcam"]


def test_network_file_system_is_refused_and_another_place_taken(
    bundle: Bundle, factory: FakeFactory, ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    share = (tmp_path / "share").resolve()
    share.mkdir()
    mounts.write_text(f"22 1 8:1 / / rw - ext4 x rw\n30 22 0:40 / {share} rw - cifs //nas/eyes rw\n")
    monkeypatch.setattr("kerasdr.scoring.ledger.place._MOUNTS", mounts)
    with pytest.raises(Exception, match=r"network file system \(cifs\).*--ledger"):
        job(bundle, factory, out=share / "out.csv")
    assert os.listdir(share) == []
    job(bundle, factory, out=share / "out.csv", ledger=Path("local.ledger"))
    assert sorted(os.listdir(share)) == ["out.csv", "out_gradcam"]
    assert verify(read_output(share / "out.csv", Path("local.ledger"))).csv_is


# What fails in the middle


def test_error_of_the_engine_keeps_what_was_done(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    class Breaks:
        def __init__(self, *options: Any) -> None:
            self.inner, self.left = factory(*options), 2

        def predict(self, batch: Batch) -> EngineOutput:
            self.left -= 1
            if self.left < 0:
                raise RuntimeError("out of memory")
            return self.inner.predict(batch)  # type: ignore[no-any-return]

    with pytest.raises(RuntimeError):
        job(bundle, Breaks)
    ended = book().runs[-1].ended
    assert ended is not None and (ended["how"], ended["csv"]) == ("RuntimeError", None)
    graded(factory)
    job(bundle, factory)
    assert graded(factory) <= 3


def test_storage_that_fails_is_not_asked_again(
    bundle: Bundle, factory: FakeFactory, ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.scoring import job as module

    plain, calls = module.write_bytes_atomically, 0

    def fail(path: Path, data: bytes, **options: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StorageError("cannot write x: No space left on device; check")
        plain(path, data, **options)

    monkeypatch.setattr(module, "write_bytes_atomically", fail)
    with pytest.raises(UnfinishedError, match="what was kept stands: run the same command again"):
        job(bundle, factory, jobs=1)
    assert not OUT.exists()
    assert book().runs[-1].ended is None and len(book().answers) == 4  # two, one too dark, and one cut off
    monkeypatch.undo()
    os.chdir(tmp_path)
    graded(factory)
    job(bundle, factory)
    assert graded(factory) == 3


def test_answers_that_come_out_otherwise_are_told(bundle: Bundle, factory: FakeFactory, good: list[bytes]) -> None:
    """An engine that does not give the same twice: the picture was lost, and what is made again is another answer."""

    class Moody:
        calls = 0

        def predict(self, batch: Batch) -> EngineOutput:
            Moody.calls += 1
            p = np.full((len(batch), 5), 0.1)
            p[:, Moody.calls % 5] = 0.6
            return EngineOutput(p, np.ones((len(batch), 4, 4), np.float32))

    Path("in").mkdir()
    Path("in/a.png").write_bytes(good[0])
    first = job(bundle, lambda *options: Moody())
    Path(first.rows[0].gradcam).write_bytes(b"damaged")
    second = job(bundle, lambda *options: Moody())
    assert (first.rows[0].grade, second.rows[0].grade) == (1, 2)
    assert len(book().superseded) == 1 and verify(read_output(OUT)).damaged == []
    assert job(bundle, lambda *options: Moody()).rows == second.rows and Moody.calls == 2


# What the CSV has and the folder has no more


@pytest.fixture
def hall(good: list[bytes]) -> Path:
    """A folder of 40 photographs in two sub-folders, 8 of them in ``b``; bytes differ, pixels repeat."""
    for number in range(40):
        folder = Path("in", "b" if number % 5 == 0 else "a")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02d}.png").write_bytes(good[number % 8] + b"%d" % number)
    return Path("in")


def kept() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (OUT, *Path("out_gradcam").iterdir())}


def refused(bundle: Bundle, factory: FakeFactory, *arguments: str) -> str:
    """The line of a job that must not finish, and leaves CSV and pictures as they were."""
    before = kept()
    with pytest.raises(MissingError) as error:
        job(bundle, factory, *arguments)
    assert error.value.exit_code == 4
    assert {path: data for path, data in kept().items() if path in before} == before
    ended = book().runs[-1].ended
    assert ended is not None and (ended["how"], ended["csv"]) == ("photographs are missing", None)
    assert verify(read_output(OUT)).csv_is and not verify(read_output(OUT)).damaged
    assert "in/" not in error.value.logged
    return str(error.value)


def test_a_folder_that_is_half_there_changes_nothing_and_what_is_new_is_kept(
    bundle: Bundle, factory: FakeFactory, hall: Path, good: list[bytes]
) -> None:
    job(bundle, factory)
    (hall / "b").rename("away")
    (hall / "a" / "new.png").write_bytes(good[0] + b"new")
    graded(factory)
    assert refused(bundle, factory) == (
        "8 of 40 photographs that have an answer in out.csv are not found any more (in/b/00.png is one): connect the share "
        "or disk, or name what was named before, and run again; or let the rows go with `kerasdr predict --accept-missing`; "
        "out.csv stays as it was"
    )
    assert graded(factory) == 1
    Path("away").rename(hall / "b")
    summary = job(bundle, factory)
    assert (len(summary.rows), summary.gone, summary.exit_code, graded(factory)) == (41, 0, 0, 0)


def test_those_that_are_gone_may_be_let_go(bundle: Bundle, factory: FakeFactory, hall: Path) -> None:
    job(bundle, factory)
    for path in (hall / "b").iterdir():
        path.unlink()
    refused(bundle, factory)
    summary = job(bundle, factory, accept_missing=True)
    assert (len(summary.rows), summary.gone, summary.exit_code) == (32, 8, 0)
    assert summary.sentence().endswith("; 8 of the job before are not there any more")
    assert len(kept()) == 1 + 32
    assert job(bundle, factory).gone == 0


@pytest.mark.parametrize(("listed", "gone", "lets"), [(40, 5, True), (40, 6, False), (70, 7, True), (70, 8, False)])
def test_few_may_go_by_themselves(
    listed: int, gone: int, lets: bool, bundle: Bundle, factory: FakeFactory, good: list[bytes]
) -> None:
    Path("in").mkdir()
    for number in range(listed):
        Path(f"in/{number:02d}.png").write_bytes(good[number % 8] + b"%d" % number)
    job(bundle, factory, gradcam=False)
    for number in range(gone):
        Path(f"in/{number:02d}.png").unlink()
    if lets:
        assert job(bundle, factory, gradcam=False).gone == gone
    else:
        with pytest.raises(MissingError):
            job(bundle, factory, gradcam=False)


def test_what_was_renamed_or_moved_is_not_missing(bundle: Bundle, factory: FakeFactory, hall: Path) -> None:
    job(bundle, factory)
    hall.rename("other")
    graded(factory)
    assert job(bundle, factory, "other").count("graded") == 40 and graded(factory) == 0


def test_of_a_folder_that_cannot_be_had_not_one_goes(bundle: Bundle, factory: FakeFactory, hall: Path) -> None:
    """Two folders are named, and one of them is the empty place of a share that is away, or is not there."""
    (hall / "b").rename("b")
    for path in sorted(Path("b").iterdir())[1:]:
        path.unlink()
    job(bundle, factory, "in", "b")
    Path("b").rename("away")
    line = refused(bundle, factory, "in", "b")
    assert line.startswith(
        "1 of 33 photographs that have an answer in out.csv is not found any more (b/00.png is one, "
    )
    assert "and b cannot be had): connect" in line
    Path("b").mkdir()
    assert refused(bundle, factory, "in", "b") == line
    assert job(bundle, factory, "in").gone == 1  # it is not named any more, and one is few


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open every folder")
def test_of_a_folder_that_is_closed_not_one_goes(bundle: Bundle, factory: FakeFactory, hall: Path) -> None:
    for path in sorted((hall / "b").iterdir())[1:]:
        path.unlink()
    job(bundle, factory)
    (hall / "b").chmod(0)
    try:
        assert "and in/b cannot be had): connect" in refused(bundle, factory)
    finally:
        (hall / "b").chmod(0o755)


def test_named_files_that_are_not_found_are_missing_too(bundle: Bundle, factory: FakeFactory, hall: Path) -> None:
    named = sorted(str(path) for path in hall.rglob("*.png"))
    job(bundle, factory, *named)
    (hall / "b").rename("away")
    refused(bundle, factory, *named)


def test_a_csv_that_was_taken_away_has_nothing_to_lose(bundle: Bundle, factory: FakeFactory, hall: Path) -> None:
    job(bundle, factory)
    OUT.unlink()
    (hall / "b").rename("away")
    assert job(bundle, factory).count("graded") == 32
