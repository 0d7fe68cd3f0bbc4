import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kerasdr.errors import MissingError, UnfinishedError
from kerasdr.scoring import digests
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.digests import DigestInputs
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.job import run_job
from kerasdr.scoring.operation import watching
from kerasdr.scoring.operation.parts import Select
from kerasdr.scoring.operation.watching import Digests, Watch
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.unanswered import Limits

FakeFactory = Any  # the class of the fixture ``factory``


class Watched:
    """A watch whose looks are taken by hand."""

    def __init__(self, bundle: Bundle, factory: FakeFactory, every: float = 30.0) -> None:
        self.notes: list[str] = []
        self.jobs = 0
        self.stop = threading.Event()
        self.limits = Limits()

        def run(select: Select, digest: DigestInputs) -> Summary:
            self.jobs += 1
            return run_job(
                ["in"],
                bundle,
                Path("out.csv"),
                batch_size=4,
                factory=factory,
                select=select,
                digest=digest,
                limits=self.limits,
            )

        self.watch = Watch("in", [Path("out_gradcam")], run, every=every, stop=self.stop, note=self.notes.append)

    def look(self, times: int = 1) -> int:
        """How many jobs that many looks began."""
        before = self.jobs
        for _ in range(times):
            self.watch.look()
        return self.jobs - before


@pytest.fixture
def watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Bundle, factory: FakeFactory
) -> Callable[..., Watched]:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    return lambda **options: Watched(bundle, factory, **options)


def images() -> list[str]:
    return [line.split(",")[0] for line in Path("out.csv").read_text().splitlines()[1:]]


def one_job(bundle: Bundle, factory: FakeFactory) -> bytes:
    Path("one").mkdir(exist_ok=True)
    run_job(["in"], bundle, Path("one/out.csv"), batch_size=4, factory=factory)
    return Path("one/out.csv").read_bytes()


def test_a_photograph_is_taken_at_the_second_look_that_sees_it_unchanged(
    watched: Callable[..., Watched], good: list[bytes]
) -> None:
    it = watched()
    Path("in/a.png").write_bytes(good[0][:1000])
    assert it.look() == 0
    Path("in/a.png").write_bytes(good[0])
    assert it.look() == 0  # it grew
    Path("in/b.png").write_bytes(good[1])
    assert it.look() == 1
    assert images() == ["in/a.png"]
    assert it.look() == 1
    assert images() == ["in/a.png", "in/b.png"]
    assert it.look(5) == 0
    assert it.notes == []


def test_times_and_inodes_tell_of_changes_too(watched: Callable[..., Watched], good: list[bytes]) -> None:
    it = watched()
    Path("in/a.png").write_bytes(good[0])
    assert it.look(2) == 1
    Path("in/b.png").write_bytes(good[1])
    assert it.look(2) == 1
    os.utime("in/a.png", ns=(1, 1))
    assert [it.look(), images(), it.look()] == [0, ["in/a.png", "in/b.png"], 1]  # its row does not go in between
    found = Path("in/a.png").stat()
    Path("new.png").write_bytes(good[0])
    os.utime("new.png", ns=(found.st_atime_ns, found.st_mtime_ns))
    os.replace("new.png", "in/a.png")
    assert [it.look(), it.look()] == [0, 1]


def test_after_many_arrivals_the_csv_is_that_of_one_job(
    watched: Callable[..., Watched], bundle: Bundle, factory: FakeFactory, good: list[bytes], bad: dict[str, bytes]
) -> None:
    it = watched()
    Path("in/1_left.png").write_bytes(good[0])
    it.look(2)
    Path("in/1_right.png").write_bytes(good[1])  # the partner of one that was graded alone
    Path("in/text.png").write_bytes(bad["text"])
    it.look(2)
    Path("in/sub").mkdir()
    Path("in/sub/dark.png").write_bytes(bad["dark"])
    it.look(2)
    assert it.jobs == 3
    assert Path("out.csv").read_bytes() == one_job(bundle, factory)


def test_what_was_graded_is_not_graded_or_read_again(
    watched: Callable[..., Watched], factory: FakeFactory, good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    it = watched()
    for name in range(4):
        Path(f"in/{name}.png").write_bytes(good[name])
    it.look(2)
    factory.made.clear()
    asked: list[str] = []
    real = digests.DigestReader.read

    def read(self: digests.DigestReader, inputs: Sequence[Input]) -> list[str]:
        asked.extend(entry.path for entry in inputs)
        return real(self, inputs)

    monkeypatch.setattr(digests.DigestReader, "read", read)
    Path("in/4.png").write_bytes(good[4])
    assert it.look(2) == 1
    assert sum(len(batch) for batch in factory.batches) == 1
    # The first job had no answers and asked for no digests.
    assert asked == [f"in/{name}.png" for name in range(5)]
    asked.clear()
    Path("in/5.png").write_bytes(good[5])
    it.look(2)
    assert asked == ["in/5.png"]


def test_a_share_that_goes_away_is_waited_for_and_the_csv_stands(
    watched: Callable[..., Watched], good: list[bytes]
) -> None:
    it = watched()
    for name in range(3):
        Path(f"in/{name}.png").write_bytes(good[name])
    it.look(2)
    before = Path("out.csv").read_bytes()
    os.rename("in", "gone")
    assert it.look(3) == 0
    assert it.notes == ["in cannot be had (No such file or directory): waiting for photographs"]
    Path("in").mkdir()  # the empty folder that a share is mounted on
    assert it.look(3) == 0
    assert it.notes[1:] == ["in is empty: waiting for photographs"]
    assert Path("out.csv").read_bytes() == before
    os.rmdir("in")
    os.rename("gone", "in")
    assert it.look(4) == 0  # it is as it was
    assert it.notes[2:] == ["in has 3 photographs"]
    Path("in/3.png").write_bytes(good[3])
    assert it.look(2) == 1 and len(images()) == 4


def test_a_share_that_goes_away_behind_the_look_leaves_no_empty_csv(
    watched: Callable[..., Watched], good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    it = watched()
    for name in range(3):
        Path(f"in/{name}.png").write_bytes(good[name])
    it.look(2)
    whole = Path("out.csv").read_bytes()
    Path("in/3.png").write_bytes(good[3])
    it.look()
    real = watching.look_at

    def last_look(*arguments: Any) -> Any:
        found = real(*arguments)
        os.rename("in", "gone")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(watching, "look_at", last_look)
        assert it.look() == 1
    assert len(images()) == 4 and Path("out.csv").read_text().count(",waiting,") == 4
    os.rename("gone", "in")
    assert it.look(2) == 1  # they waited, so they are tried again though nothing changed
    assert Path("out.csv").read_bytes()[: len(whole)] == whole and ",waiting," not in Path("out.csv").read_text()


def test_photographs_that_wait_are_tried_again_without_haste(
    watched: Callable[..., Watched], good: list[bytes]
) -> None:
    it = watched(every=600.0)
    Path("in/a.png").write_bytes(good[0])
    it.limits = Limits(stopped=lambda: True)
    began = [it.look() for _ in range(24)]
    assert [look for look, jobs in enumerate(began) if jobs] == [1, 2, 4, 8, 14, 20]  # 10, 20, 40, then 60 minutes
    it.limits = Limits()
    assert it.look(6) == 1 and it.look(20) == 0


def test_a_photograph_that_was_taken_away_leaves_the_csv(watched: Callable[..., Watched], good: list[bytes]) -> None:
    it = watched()
    for name in range(3):
        Path(f"in/{name}.png").write_bytes(good[name])
    it.look(2)
    os.remove("in/1.png")
    assert it.look() == 1
    assert images() == ["in/0.png", "in/2.png"]


def test_once_says_how_many_were_not_whole(watched: Callable[..., Watched], good: list[bytes]) -> None:
    it = watched(every=0.0)
    Path("in/a.png").write_bytes(good[0])
    assert it.watch.once() == 0 and images() == ["in/a.png"]
    other = watched(every=0.01)

    class Growing(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            Path("in/b.png").write_bytes(good[1])
            return False

    other.watch._stop = Growing()
    assert other.watch.once() == 1 and images() == ["in/a.png"]


@pytest.mark.parametrize(("make", "words"), [(False, "cannot be had"), (True, "is empty")])
def test_once_does_not_take_an_absent_share_for_nothing_to_do(
    watched: Callable[..., Watched], make: bool, words: str
) -> None:
    it = watched(every=0.0)
    if not make:
        os.rmdir("in")
    with pytest.raises(UnfinishedError, match=f"^in {words}.*: connect the share, or check the name"):
        it.watch.once()


def test_it_ends_when_it_is_told(watched: Callable[..., Watched], good: list[bytes]) -> None:
    it = watched(every=60.0)
    Path("in/a.png").write_bytes(good[0])
    thread = threading.Timer(0.2, it.stop.set)
    thread.start()
    it.watch.until_stopped()  # after one look, not after a minute
    thread.join()
    assert it.jobs == 0


def test_digests_follow_the_content(tmp_path: Path, good: list[bytes]) -> None:
    from kerasdr.files import sha256_of
    from kerasdr.scoring.inputs import list_inputs

    for name in range(3):
        (tmp_path / f"{name}.png").write_bytes(good[name])

    def read(inputs: Sequence[Input]) -> list[str]:
        return [sha256_of(Path(entry.path).read_bytes()) if Path(entry.path).exists() else "" for entry in inputs]

    inputs = list_inputs([str(tmp_path)])
    digests = Digests()
    assert digests(inputs, read) == digests(inputs, read) == [sha256_of(data) for data in good[:3]]
    (tmp_path / "1.png").write_bytes(good[5])
    (tmp_path / "2.png").unlink()
    assert digests(inputs, read) == [sha256_of(good[0]), sha256_of(good[5]), ""]
    shutil.rmtree(tmp_path)
    assert digests(inputs, read) == ["", "", ""]


def test_another_job_is_waited_for(watched: Callable[..., Watched], good: list[bytes]) -> None:
    from kerasdr.scoring.ledger.lock import hold

    it = watched(every=0.01)
    Path("in/a.png").write_bytes(good[0])
    with hold(Path("out.ledger.lock"), "out.csv"):
        thread = threading.Timer(0.5, it.stop.set)
        thread.start()
        it.watch.until_stopped()
        thread.join()
    (note,) = it.notes
    assert note.startswith("waiting: another job holds out.csv: process ") and it.jobs > 1
    it.stop.clear()
    assert it.look() == 1 and images() == ["in/a.png"]


def test_many_that_went_are_waited_for(watched: Callable[..., Watched], good: list[bytes]) -> None:
    it = watched()
    for number in range(12):
        Path(f"in/{number:02d}.png").write_bytes(good[number % 8] + b"%d" % number)
    it.look(2)
    before = Path("out.csv").read_bytes()
    Path("away").mkdir()
    for number in range(6):
        os.rename(f"in/{number:02d}.png", f"away/{number:02d}.png")
    assert it.look() == 1 and Path("out.csv").read_bytes() == before
    (note,) = it.notes
    assert note.startswith(
        "waiting: 6 of 12 photographs that have an answer in out.csv are not found any more (row 1 is one)"
    )
    assert it.look() == 1 and it.look() == 0 and it.notes == [note]  # tried again without haste, and told once
    it.stop.set()
    with pytest.raises(MissingError):
        it.watch.until_stopped()
    for number in range(6):
        os.rename(f"away/{number:02d}.png", f"in/{number:02d}.png")
    assert it.look(2) == 1 and Path("out.csv").read_bytes() == before
    it.watch.until_stopped()


def test_an_end_while_the_folder_is_away_is_not_a_good_one(watched: Callable[..., Watched], good: list[bytes]) -> None:
    it = watched()
    Path("in/a.png").write_bytes(good[0])
    it.look(2)
    os.rename("in", "gone")
    it.stop.set()
    with pytest.raises(UnfinishedError, match=r"^in cannot be had .*: connect the share, or check the name"):
        it.watch.until_stopped()
    assert it.notes == ["in cannot be had (No such file or directory): waiting for photographs"]
    os.rename("gone", "in")
    it.watch.until_stopped()
