"""A new model on the photographs that a ledger knows: which are taken, and that it answers as a job would."""

import csv
import dataclasses
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kerasdr.errors import KerasdrError, UnfinishedError
from kerasdr.files import sha256_of
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.job import run_job
from kerasdr.scoring.ledger.audit import read_output
from kerasdr.scoring.ledger.book import Book
from kerasdr.scoring.operation import model_trial
from kerasdr.scoring.operation.model_trial import (
    Trial,
    changes,
    changes_text,
    model_in_use,
    trial_csv,
    try_model,
    where_they_lie,
)
from kerasdr.scoring.pseudonyms import open_pseudonyms
from kerasdr.scoring.reading import WaitingPhotograph
from kerasdr.scoring.rows import Row

FakeFactory = Any  # the class of the fixture ``factory``
OUT = Path("out.csv")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: list[bytes], bad: dict[str, bytes]) -> None:
    """Photographs of four people in ``in``, one of them too dark, and one that is cut off."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    names = ("1_left", "1_right", "2_left", "2_right", "3_left", "4_left")
    for name, data in zip(names, [*good[:5], bad["dark"]], strict=True):
        Path(f"in/{name}.png").write_bytes(data)
    Path("in/5_left.jpg").write_bytes(bad["cut"])


@pytest.fixture(scope="session")
def single(make_bundle: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model that looks at one photograph alone."""
    folder = tmp_path_factory.mktemp("single") / "bundle"
    return load_bundle(make_bundle(folder, name="single-1", members=[("only", {}, "clahe-crop")]))


def job(bundle: Bundle, factory: FakeFactory, out: Path = OUT) -> Book:
    run_job(["in"], bundle, out, factory=factory, batch_size=2, gradcam=False)
    return read_output(out).book


def trial(book: Book, bundle: Bundle, factory: FakeFactory, **options: Any) -> Trial:
    return try_model(book, bundle, lambda: factory(bundle, 16, False), **options)


def names(tried: Trial) -> list[str]:
    assert all(old.sha256 == new.sha256 for old, new in tried.rows)
    return sorted(Path(old.image).stem for old, _ in tried.rows)


def bare(row: Row) -> Row:
    """A row without what a new listing names otherwise."""
    return dataclasses.replace(row, gradcam="")


@pytest.mark.parametrize("old_sees_pairs", [True, False])
def test_it_answers_as_a_job_would(
    old_sees_pairs: bool, bundle: Bundle, single: Bundle, factory: FakeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (bundle, single) if old_sees_pairs else (single, bundle)
    book = job(old, factory)
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    tried = trial(book, new, factory)
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    assert (tried.old_model, tried.new_model) == ((old.label, old.digest), (new.label, new.digest))
    assert names(tried) == ["1_left", "1_right", "2_left", "2_right", "3_left", "4_left"] and tried.gone == 0
    Path("other").mkdir()
    there = run_job(["in"], new, Path("other/out.csv"), factory=factory, batch_size=2, gradcam=False)
    expected = {row.image: row for row in there.rows}
    assert any(row.partner for row in there.rows) is not old_sees_pairs
    assert [new_row for _, new_row in tried.rows] == [expected[old_row.image] for old_row, _ in tried.rows]
    seen = {row.image: row for row in map(bare, (old_row for old_row, _ in tried.rows))}
    assert seen == {row.image: bare(row) for row in map(book.csv_row, *zip(*_current(book), strict=True))}


def _current(book: Book) -> list[tuple[int, str]]:
    return [(row.sequence, "") for row in book.current.values() if not row.path.endswith(".jpg")]


def test_the_newest_are_taken_first(bundle: Bundle, single: Bundle, factory: FakeFactory, good: list[bytes]) -> None:
    job(single, factory)
    Path("in/0_new.png").write_bytes(good[6])
    book = job(single, factory)
    assert names(trial(book, bundle, factory, last=1)) == ["0_new"]
    assert len(trial(book, bundle, factory, last=3).rows) == 3


def test_what_is_not_as_it_was_is_counted_and_the_next_one_taken(
    bundle: Bundle, single: Bundle, factory: FakeFactory, good: list[bytes]
) -> None:
    book = job(single, factory)
    Path("in/3_left.png").write_bytes(good[7])
    Path("in/4_left.png").unlink()
    tried = trial(book, single_again(single), factory)
    assert names(tried) == ["1_left", "1_right", "2_left", "2_right"] and tried.gone == 2
    newest = Path(trial(book, single_again(single), factory, last=1).rows[0][0].image)
    newest.rename("in/renamed.png")  # and not known by that name
    tried = trial(book, single_again(single), factory, last=1)
    assert Path(tried.rows[0][0].image) != newest and tried.gone in (1, 2, 3)
    assert trial(job(single, factory), single_again(single), factory, last=5).gone == 0  # by now it is


def single_again(bundle: Bundle) -> Bundle:
    return dataclasses.replace(bundle, name="again-1", digest=sha256_of(b"another"))


def test_a_partner_counts_too(bundle: Bundle, single: Bundle, factory: FakeFactory, good: list[bytes]) -> None:
    book = job(bundle, factory)
    Path("in/1_left.png").write_bytes(good[7])
    assert names(trial(book, single, factory)) == ["2_left", "2_right", "3_left", "4_left"]  # 1_right was seen with it
    Path("in/1_left.png").unlink()
    assert names(trial(book, single, factory)) == ["2_left", "2_right", "3_left", "4_left"]


def test_a_partner_that_left_is_none_for_a_new_model(
    bundle: Bundle, single: Bundle, factory: FakeFactory, good: list[bytes]
) -> None:
    book = job(single, factory)
    Path("in/1_left.png").unlink()
    tried = trial(book, bundle, factory)
    assert names(tried) == ["1_right", "2_left", "2_right", "3_left", "4_left"] and tried.gone == 1
    assert [new.partner for old, new in tried.rows if old.image == "in/1_right.png"] == [""]
    Path("in/1_left.png").write_bytes(good[7])  # and one that changed would be seen tonight, as nobody graded it yet
    assert names(trial(book, bundle, factory)) == ["2_left", "2_right", "3_left", "4_left"]


GRADED = Row("a.png", "graded", grade=0, referable=False, screen_positive=False, refer_to_reader=False)
DARK = Row("a.png", "ungradable", refer_to_reader=True)
POSITIVE = dataclasses.replace(GRADED, screen_positive=True)
REFERABLE = dataclasses.replace(POSITIVE, grade=2, referable=True)
BARE = Row("a.png", "graded", grade=2, referable=True)  # of a model that was not calibrated


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (GRADED, GRADED, []),
        (DARK, GRADED, ["no longer to a reader"]),
        (GRADED, DARK, ["newly to a reader"]),
        (POSITIVE, GRADED, ["not screen_positive any more"]),
        (GRADED, POSITIVE, ["newly screen_positive"]),
        (POSITIVE, DARK, ["screen_positive before, now ungradable", "newly to a reader"]),
        (REFERABLE, POSITIVE, ["not referable any more"]),
        (GRADED, REFERABLE, ["newly referable", "newly screen_positive"]),
        (DARK, REFERABLE, ["newly referable", "no longer to a reader"]),
        (BARE, DARK, ["referable before, now ungradable"]),
        (BARE, REFERABLE, []),
        (REFERABLE, BARE, []),
    ],
)
def test_every_decision_that_changes_is_told(old: Row, new: Row, told: list[str]) -> None:
    assert changes(old, new) == told
    tried = Trial(("old", "1"), ("new", "2"), [(old, new)], 0, 100.0)
    (shown,) = csv.DictReader(io.StringIO(trial_csv(tried)))
    assert shown["change"] == "; ".join(told)
    yes_no = {True: "yes", False: "no", None: ""}
    assert shown["old_refer_to_reader"] == yes_no[old.refer_to_reader]
    assert shown["new_refer_to_reader"] == yes_no[new.refer_to_reader]
    assert changes_text(tried) == ("; ".join(f"1 {one}" for one in sorted(told)) or "none")


def test_listing_under_pseudonyms_tells_no_name(single: Bundle, factory: FakeFactory, good: list[bytes]) -> None:
    pseudonyms = open_pseudonyms(Path("keys/site.key"), OUT, None)
    run_job(["in"], single, OUT, factory=factory, gradcam=False, pseudonyms=pseudonyms)
    Path("Ada Reader").mkdir()
    with pytest.raises(KerasdrError, match=r"^no photographs in what was named, or .*: check the names$"):
        where_they_lie(read_output(OUT), ["Ada Reader"], Path("keys/site.key"))


def test_partners_are_sought_where_a_job_would_seek_them(bundle: Bundle, single: Bundle, factory: FakeFactory) -> None:
    job(single, factory)
    left = ["in/1_right.png", "in/2_left.png", "in/2_right.png"]
    run_job(left, single, OUT, factory=factory, gradcam=False, accept_missing=True)
    tried = trial(read_output(OUT).book, bundle, factory)  # in/1_left.png is there, and named by nobody any more
    partners = {old.image: new.partner for old, new in tried.rows}
    assert partners == {"in/1_right.png": "", "in/2_left.png": "in/2_right.png", "in/2_right.png": "in/2_left.png"}


@pytest.mark.parametrize("why", ["the share is away", "too slow"])
def test_what_may_be_had_later_ends_it(
    why: str, bundle: Bundle, single: Bundle, factory: FakeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, real, never = job(single, factory), model_trial.read_bytes, threading.Event()

    def read(path: str, *, listed: bool = False) -> bytes:
        if path == "in/2_left.png":
            if why == "too slow":
                never.wait(60)
            raise WaitingPhotograph(why)
        return real(path, listed=listed)

    monkeypatch.setattr(model_trial, "read_bytes", read)
    factory.made.clear()
    said = "reading this file took more than 0.2 s" if why == "too slow" else why
    with pytest.raises(UnfinishedError, match=rf"cannot be had just now \({said}.*\): give the same command again"):
        trial(book, bundle, factory, photo_timeout=0.2)
    never.set()
    assert factory.made == []


def test_the_model_in_use_is_that_of_the_last_rows(bundle: Bundle, single: Bundle, factory: FakeFactory) -> None:
    assert model_in_use(Book()) is None
    for used in (single, bundle, single):
        use = model_in_use(job(used, factory))
        assert use is not None and (use.label, use.digest, len(use.answers)) == (used.label, used.digest, 6)


def test_photographs_of_one_content_are_one(bundle: Bundle, single: Bundle, factory: FakeFactory) -> None:
    Path("in/again.png").write_bytes(Path("in/3_left.png").read_bytes())
    assert len(trial(job(single, factory), single_again(single), factory).rows) == 6


def test_what_cannot_be_compared(
    bundle: Bundle, single: Bundle, factory: FakeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KerasdrError, match="no photograph was graded yet"):
        trial(Book(), bundle, factory)
    book = job(single, factory)
    with pytest.raises(KerasdrError, match=f"{single.label} is the model whose answers these are: name the new one"):
        trial(book, single, factory)
    with monkeypatch.context() as patch:
        patch.setattr(model_trial._Waits, "digest", lambda _, entry: book.answered[entry.path][1].seen.sha256)
        Path("in/2_left.png").write_bytes(b"other")  # between the two times that it is read
        with pytest.raises(UnfinishedError, match=r"is not any more .*: give the same command again"):
            trial(book, bundle, factory)
    Path("in").rename("away")
    factory.made.clear()
    with pytest.raises(
        KerasdrError, match=r"none of the 6 photographs that single-1@.* can be read as it was: connect"
    ):
        trial(book, bundle, factory)
    assert factory.made == []


def test_a_larger_photograph_fails_as_in_a_job(bundle: Bundle, single: Bundle, factory: FakeFactory) -> None:
    tried = trial(job(single, factory), bundle, factory, max_megapixels=0.001)
    assert {new.status for _, new in tried.rows} == {"failed"} and len(tried.rows) == 6
    assert all("megapixels" in new.reason for _, new in tried.rows)
