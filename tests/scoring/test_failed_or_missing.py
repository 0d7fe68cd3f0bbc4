"""Where failures, photographs that wait, and photographs that are gone meet: no answer is lost to any of them."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kerasdr.errors import ExitCode, MissingError
from kerasdr.imaging.headers import UnreadablePhotograph
from kerasdr.scoring import photographs
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.isolation.readers import Readers
from kerasdr.scoring.job import run_job
from kerasdr.scoring.operation.merging import merge_parts
from kerasdr.scoring.operation.parts import Part, Select
from kerasdr.scoring.operation.watching import Watch
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.photographs import Photograph
from kerasdr.scoring.summary import job_drift
from kerasdr.scoring.unanswered import Limits
from tests.scoring.conftest import Factory

Job = Callable[..., Summary]


@pytest.fixture
def job(bundle: Bundle, factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.chdir(tmp_path)

    def run(*inputs: str, **options: Any) -> Summary:
        wanted = {"out": Path("out.csv"), "gradcam": False, "isolate": False, "batch_size": 8, **options}
        return run_job(inputs or ["in"], bundle, factory=factory, **wanted)

    return run


def draw(good: list[bytes], count: int = 40) -> None:
    """Every fifth photograph lies in folder b, the others in folder a; no two are the same bytes."""
    for number in range(count):
        folder = Path("in", "b" if number % 5 == 0 else "a")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02d}.png").write_bytes(good[number % len(good)] + b"%d" % number)


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    """Let no photograph be prepared, or all again."""

    def broken(*arguments: Any, **options: Any) -> Any:
        raise error  # type: ignore[misc]

    monkeypatch.undo() if error is None else monkeypatch.setattr(photographs, "prepare_all", broken)


@pytest.fixture
def breaking() -> Any:
    with pytest.MonkeyPatch.context() as patched:
        yield patched


def test_a_photograph_that_is_read_again_and_is_good_is_graded(job: Job, good: list[bytes], breaking: Any) -> None:
    Path("in").mkdir()
    for number, name in enumerate(("1.png", "2.png", "5_left.png", "5_right.png")):
        Path("in", name).write_bytes(good[number])
    fail(breaking, UnreadablePhotograph("the picture cannot be decoded: copy it again from the camera"))
    assert job().count("failed") == 4
    fail(breaking, None)
    assert job().count("failed") == 4  # known
    assert job(retry_failed=True).count("graded") == 4


def test_what_the_machine_could_not_do_is_no_answer(job: Job, good: list[bytes], breaking: Any) -> None:
    draw(good, 8)
    for error in (MemoryError(), OSError(24, "Too many open files")):
        fail(breaking, error)
        summary = job(gradcam=True, limits=Limits(max_failed=3))
        assert (summary.count("failed"), summary.count("waiting")) in {(4, 4), (8, 0)}
        fail(breaking, None)
    assert job(gradcam=True).count("graded") == 8
    # Nor does it count as what failed before, where the answer is a grade.
    shutil.rmtree("out_gradcam")
    fail(breaking, UnreadablePhotograph("the picture cannot be decoded: copy it again from the camera"))
    assert job(gradcam=True, limits=Limits(max_failed=1)).how == "too many failed"
    fail(breaking, None)
    assert job(gradcam=True).count("graded") == 8


@pytest.mark.parametrize("fails", [1, 2])
def test_a_part_that_could_not_read_it_says_nothing_against_one_that_could(
    job: Job, good: list[bytes], breaking: Any, fails: int
) -> None:
    for number in range(8):
        Path("in", str(number)).mkdir(parents=True)
        Path("in", str(number), "x.png").write_bytes(good[0])
    for number in (1, 2):
        part = Part(number, 2)
        unreadable = UnreadablePhotograph("the picture cannot be decoded: copy it again from the camera")
        fail(breaking, unreadable if number == fails else None)
        summary = job(out=Path(f"part{number}.csv"), select=lambda listed, part=part: part.select(listed()))
        assert summary.count("failed" if number == fails else "graded") == len(summary.rows) > 0
    fail(breaking, None)
    assert merge_parts([Path("part1.csv"), Path("part2.csv")], Path("out.csv")).count("graded") == 8


def test_a_night_of_waiting_does_not_make_photographs_free_to_go(job: Job, good: list[bytes]) -> None:
    draw(good)
    assert job().count("graded") == 40
    assert job(limits=Limits(seconds=0.0)).count("waiting") == 40
    Path("in/b").rename("away")
    with pytest.raises(MissingError, match="8 of 40 photographs that have an answer"):
        job()
    Path("away").rename("in/b")
    assert job().count("graded") == 40


def test_moved_photographs_that_were_not_reached_are_not_told_to_be_let_go_first(job: Job, good: list[bytes]) -> None:
    draw(good)
    job()
    Path("in").rename("other")
    with pytest.raises(MissingError, match="40 photographs wait to be read and may be these under other names"):
        job("other", limits=Limits(seconds=0.0))
    assert job("other").count("graded") == 40


def test_broken_files_that_are_taken_away_are_not_missed(job: Job, good: list[bytes], bad: dict[str, bytes]) -> None:
    draw(good, 8)
    for number in range(8):
        Path(f"in/a/broken{number}.png").write_bytes(bad["cut"] + b"%d" % number)
    assert job().count("failed") == 8
    for number in range(8):
        Path(f"in/a/broken{number}.png").unlink()
    assert (job().count("graded"), len(job().rows)) == (8, 8)


def test_an_argument_that_is_empty_closes_no_folder(job: Job, good: list[bytes]) -> None:
    draw(good)
    job()
    Path("in/b/00.png").unlink()
    summary = job("", "in")
    assert summary.gone == 1 and summary.count("graded") == 39


def test_photographs_that_cannot_be_read_say_nothing_of_drift(
    job: Job, bundle: Bundle, good: list[bytes], bad: dict[str, bytes]
) -> None:
    draw(good, 8)
    for number in range(60):
        Path(f"in/a/broken{number}.png").write_bytes(bad["cut"] + b"%d" % number)
    found = job_drift(job(), bundle)
    assert (found.photographs, found.drift.people) == (8, 8) and not found.drift.compared


def test_a_share_that_hangs_under_watch_costs_no_photograph_its_grade(
    job: Job, good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(good, 3)
    hangs, real = [True], Readers.load

    def load(self: Readers, index: int, entry: Any) -> Photograph:
        if not hangs[0]:
            return real(self, index, entry)
        return Photograph(index, "waiting", "reading this file took more than 30 s: run again", lost=1)

    monkeypatch.setattr(Readers, "load", load)
    done: list[Summary] = []

    def run(select: Select, digest: Any) -> Summary:
        done.append(job(select=select, digest=digest, isolate=True, jobs=1, limits=Limits(patient=True)))
        return done[-1]

    watch = Watch("in", [], run, every=1.0, stop=threading.Event(), note=lambda line: None)
    for _ in range(40):
        watch.look()
    assert len(done) > 4 and done[-1].count("waiting") == 3 and done[-1].exit_code == ExitCode.UNFINISHED
    hangs[0] = False
    for _ in range(80):
        watch.look()
    assert done[-1].count("graded") == 3


def test_lost_readings_of_a_night_still_count(job: Job, good: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    draw(good, 1)
    lost = Photograph(0, "waiting", "reading this file took more than 30 s: run again", lost=1)
    monkeypatch.setattr(Readers, "load", lambda self, index, entry: replace(lost, index=index))
    assert [job(isolate=True, jobs=1).rows[0].status for _ in range(3)] == ["waiting", "waiting", "failed"]
