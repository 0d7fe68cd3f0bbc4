import csv
import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.errors import KerasdrError, MissingError, UnfinishedError
from kerasdr.scoring import grading, photographs
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.engine import Batch, Engine, EngineOutput
from kerasdr.scoring.job import run_job, score_photographs
from kerasdr.scoring.ledger.store import read_ledger
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.rows import COLUMNS, Row

FakeFactory = Any  # the class of the fixture ``factory``


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(good: list[bytes], bad: dict[str, bytes]) -> Callable[..., None]:
    """Writes files: an int is a good photograph's number, a str a kind of bad one; None is a file that is not there."""

    def write(**files: int | str | None) -> None:
        for name, content in files.items():
            put(name, content)

    def put(name: str, content: int | str | None) -> None:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(good[content] if isinstance(content, int) else bad[content])

    write.put = put  # type: ignore[attr-defined]
    return write


Write = Any  # call it with keywords, or ``write.put(name, content)`` for names that are no keywords


def read(path: str = "out.csv") -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert tuple(reader.fieldnames or ()) == COLUMNS
    assert all(None not in row and None not in row.values() for row in rows)
    return rows


def column(name: str, path: str = "out.csv") -> list[str]:
    return [row[name] for row in read(path)]


def job(bundle: Bundle, factory: FakeFactory, *arguments: str, **options: Any) -> Summary:
    options = {"gradcam": False, "batch_size": 4, **options}
    return run_job(arguments, bundle, options.pop("out", Path("out.csv")), factory=factory, **options)


def everything(folder: str) -> dict[str, bytes]:
    """All files but the ledger, which says when a job was begun."""
    found = [path for path in Path(folder).rglob("*") if path.is_file() and path.suffix != ".ledger"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


# One row each


@pytest.mark.parametrize("seed", range(6))
def test_any_mix_gives_one_row_each_in_order(
    seed: int, bundle: Bundle, factory: FakeFactory, write: Write, good: list[bytes], bad: dict[str, bytes]
) -> None:
    random = np.random.default_rng(seed)
    contents: dict[str, int | str | None] = {}
    for folder in ("in", "other"):
        for person in random.permutation(6):
            for eye in random.permutation(["left", "right"])[: random.integers(1, 3)]:
                kind = str(random.choice(["good", "good", "good", "missing", *bad]))
                content = int(random.integers(len(good))) if kind == "good" else None if kind == "missing" else kind
                contents[f"{folder}/{person}_{eye}.png"] = content
    names = [str(name) for name in random.permutation(list(contents))]
    for name in names:
        write.put(name, contents[name])

    batch_size = int(random.integers(1, 8))
    summary = job(bundle, factory, *names, batch_size=batch_size)

    rows = read()
    assert [row["image"] for row in rows] == names
    assert [row.image for row in summary.rows] == names
    for row in rows:
        content = contents[row["image"]]
        graded = isinstance(content, int)
        assert row["status"] == ("graded" if graded else "ungradable" if content == "dark" else "failed")
        assert (row["reason"] == "") is graded
        data = b"" if content is None else good[content] if isinstance(content, int) else bad[content]
        assert row["sha256"] == ("" if content is None else hashlib.sha256(data).hexdigest())
        assert row["model"] == bundle.label
        other = row["image"].replace("left", "?").replace("right", "left").replace("?", "right")
        assert row["partner"] == (other if graded and isinstance(contents.get(other), int) else "")
        probabilities = [row[f"prob_{grade}"] for grade in range(5)]
        if graded:
            values = [float(p) for p in probabilities]
            assert sum(values) == pytest.approx(1.0, abs=5e-6)
            assert row["grade"] == str(int(np.argmax(values)))
            assert row["referable"] == ("true" if int(row["grade"]) >= 2 else "false")
            assert float(row["prob_referable"]) == pytest.approx(sum(values[2:]), abs=5e-6)
        else:
            assert {row["grade"], row["grade_name"], row["referable"], row["prob_referable"], *probabilities} == {""}
    # The same bytes beside the same partner are graded once.
    shas = {row["image"]: row["sha256"] for row in rows}
    different = {(row["sha256"], shas.get(row["partner"])) for row in rows if row["status"] == "graded"}
    assert sum(len(batch) for batch in factory.batches) == len(different)
    assert all(len(batch) == batch_size for batch in factory.batches[:-1])


def test_odd_names_have_rows_that_can_be_read_back(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    shown = {
        "with space.png": "with space.png",
        "new\nline.png": "new\nline.png",
        "carriage\rreturn.png": "carriage\rreturn.png",
        "comma,.png": "comma,.png",
        "quo\"te'.png": "quo\"te'.png",
        os.fsdecode(b"\xff\xfe_left.png"): "\\xff\\xfe_left.png",
        "=cmd|' /C calc'!A0.png": "./=cmd|' /C calc'!A0.png",
        "+1.png": "./+1.png",
        "-1.png": "./-1.png",
        "@sum.png": "./@sum.png",
        "\tx.png": "./\tx.png",
        "ä眼.png": "ä眼.png",
        "*.png": "*.png",
        "x" * 251 + ".png": "x" * 251 + ".png",
    }
    for name in shown:
        write.put(name, 0)
    job(bundle, factory, *shown, gradcam=True)
    assert column("image") == list(shown.values())
    assert set(column("status")) == {"graded"}
    pictures = set(column("gradcam"))
    assert len(pictures) == 1  # the same bytes have the same picture
    assert all(re.fullmatch(r"out_gradcam/[0-9a-f]{12}_[0-9a-f]{12}\.png", picture) for picture in pictures)
    assert os.listdir("out_gradcam") == [Path(picture).name for picture in pictures]


def test_formula_never_begins_a_cell(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    for eye in ("left", "right"):
        write.put(f"=1_{eye}.png", 0)
    job(bundle, factory, "=1_left.png", "=1_right.png", gradcam=True, out=Path("=out.csv"))
    rows = read("=out.csv")
    assert [row["partner"] for row in rows] == ["./=1_right.png", "./=1_left.png"]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    assert all(Path(row["gradcam"]).is_file() for row in rows)


def test_output_name_that_is_no_text(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    out = Path(os.fsdecode(b"\xffout.csv"))
    job(bundle, factory, "a.png", gradcam=True, out=out)
    assert re.fullmatch(r"\\xffout_gradcam/[0-9a-f]{12}_[0-9a-f]{12}\.png", column("gradcam", str(out))[0])


def test_one_name_in_two_folders(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("in/a/1_left.png", 0)
    write.put("in/b/1_left.png", 0)
    write.put("in/b/1_right.png", 1)
    job(bundle, factory, "in", gradcam=True)
    assert column("image") == ["in/a/1_left.png", "in/b/1_left.png", "in/b/1_right.png"]
    assert column("partner") == ["", "in/b/1_right.png", "in/b/1_left.png"]
    assert len(os.listdir("out_gradcam")) == len(set(column("gradcam"))) == 3
    first, second = column("sha256")[:2]
    assert first == second


def test_broken_link_and_pipe_do_not_stop_the_job(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("in/a.png", 0)
    os.symlink("nowhere", "in/b.png")
    os.mkfifo("in/c.png")
    Path("in/d.png").mkdir()
    job(bundle, factory, "in")
    assert list(zip(column("image"), column("status"), column("reason"), strict=True)) == [
        ("in/a.png", "graded", ""),
        ("in/b.png", "failed", "the link points to nothing: link it again"),
        ("in/c.png", "failed", "this is a pipe or a device, not a photograph: name the photograph's own file"),
        ("in/d.png", "failed", "this is a folder, not a photograph: look inside, or rename it"),
    ]


def test_unexpected_exception_costs_one_row(
    bundle: Bundle, factory: FakeFactory, write: Write, good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write.put(f"{number}.png", number)
    prepare = photographs.prepare_all

    def sometimes(data: bytes, *arguments: Any, **options: Any) -> Any:
        if data == good[2]:
            raise IndexError("ours")
        return prepare(data, *arguments, **options)

    monkeypatch.setattr(photographs, "prepare_all", sometimes)
    summary = job(bundle, factory, *(f"{number}.png" for number in range(5)), isolate=False)
    assert column("status") == ["graded", "graded", "failed", "graded", "graded"]
    assert column("reason")[2] == "could not be processed (IndexError): copy it again, or report this file"
    assert summary.sentence().startswith("5 listed = 4 graded + 0 ungradable + 1 failed + 0 waiting; ")


def test_nothing_but_bad_files_is_still_a_csv(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", "dark")
    write.put("b.png", "text")
    summary = job(bundle, factory, "a.png", "b.png", "c.png", gradcam=True)
    assert column("status") == ["ungradable", "failed", "failed"]
    assert factory.batches == []
    assert (
        summary.sentence()
        == "3 listed = 0 graded + 1 ungradable + 2 failed + 0 waiting; 0 referable (grade 2 or worse)"
    )


def test_nothing_to_score_writes_nothing(bundle: Bundle, factory: FakeFactory) -> None:
    Path("in").mkdir()
    with pytest.raises(KerasdrError, match="no photographs in in: check the path"):
        job(bundle, factory, "in", gradcam=True)
    assert os.listdir() == ["in"]
    assert factory.made == []


def test_a_folder_that_is_empty_now_may_be_a_share_that_is_away(
    bundle: Bundle, factory: FakeFactory, write: Write
) -> None:
    Path("in").mkdir()
    write.put("in/a.png", 1)
    job(bundle, factory, "in", gradcam=True)
    kept = Path("out.csv").read_bytes()
    Path("in/a.png").unlink()
    with pytest.raises(
        MissingError, match=r"no photographs in in: check the path, or connect the share.*out\.csv stays"
    ) as told:
        job(bundle, factory, "in", gradcam=True)
    assert told.value.exit_code == 4 and "in in" not in told.value.logged
    assert Path("out.csv").read_bytes() == kept


def test_progress_is_told_of_every_batch(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    for number in range(5):
        write.put(f"{number}.png", number if number % 2 else "cut")
    told: list[tuple[int, int]] = []
    names = [f"{n}.png" for n in range(5)]
    job(bundle, factory, *names, batch_size=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 5), (3, 5), (5, 5)]  # two that failed, the third of them, two graded
    told.clear()
    job(bundle, factory, *names, batch_size=2, progress=lambda done, total: told.append((done, total)))
    assert told == []  # those that failed are known too
    job(
        bundle,
        factory,
        *names,
        batch_size=2,
        retry_failed=True,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(4, 5), (5, 5)]


# What reaches the engine


def only(batches: list[Batch]) -> Batch:
    assert len(batches) == 1
    return batches[0]


def test_partner_reaches_the_engine(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("1_left.png", 0)
    write.put("2_left.png", 1)
    write.put("1_right.png", 2)
    job(bundle, factory, "1_left.png", "2_left.png", "1_right.png")
    batch = only(factory.batches)
    images, partners = batch.images[0], batch.partners["both-eyes"][0]
    assert images.shape == partners.shape == (3, 48, 48, 3)
    assert images.dtype == partners.dtype == np.uint8
    # A person's photographs go together: 1_left, 1_right, 2_left.
    assert batch.present["both-eyes"].tolist() == [True, True, False]
    assert (partners[0] == images[1]).all() and (partners[1] == images[0]).all()
    assert (images[0] != images[1]).any()
    assert column("image") == ["1_left.png", "2_left.png", "1_right.png"]
    assert column("partner") == ["1_right.png", "", "1_left.png"]


@pytest.mark.parametrize("kind", ["dark", "cut", "empty", None, "unlisted"])
def test_partner_that_cannot_be_graded_is_masked(
    kind: str | None, bundle: Bundle, factory: FakeFactory, write: Write
) -> None:
    write.put("1_left.png", 0)
    write.put("1_right.png", 1 if kind == "unlisted" else kind)
    job(bundle, factory, *(["1_left.png"] if kind == "unlisted" else ["1_right.png", "1_left.png"]))
    batch = only(factory.batches)
    assert batch.present == {"both-eyes": np.array([False])}
    assert not batch.partners["both-eyes"][0].any()
    assert batch.images[0].any()
    assert column("partner")[-1] == ""


def test_each_recipe_and_pairing_is_fed(
    make_bundle: Callable[..., Path], factory: FakeFactory, write: Write, tmp_path: Path
) -> None:
    members = [
        ("a", {"mode": "dual", "pairing": "same-eye"}, "clahe-crop"),
        ("b", {"mode": "dual", "pairing": "both-eyes"}, "none"),
        ("c", {"mode": "single"}, "clahe-crop"),
    ]
    chosen = load_bundle(make_bundle(tmp_path / "b", members=members))
    for number, name in enumerate(("1_l1.png", "1_l2.png", "1_r1.png")):
        write.put(name, number)
    job(chosen, factory, "1_l1.png", "1_l2.png", "1_r1.png")
    batch = only(factory.batches)
    assert len(batch.images) == 2
    assert (batch.images[0] != batch.images[1]).any()
    assert batch.present["same-eye"].tolist() == [True, True, False]
    assert batch.present["both-eyes"].tolist() == [True, True, True]
    for recipe in range(2):
        assert (batch.partners["same-eye"][recipe][0] == batch.images[recipe][1]).all()
        assert (batch.partners["both-eyes"][recipe][1] == batch.images[recipe][2]).all()
        assert not batch.partners["same-eye"][recipe][2].any()
    assert column("partner") == ["1_r1.png; 1_l2.png", "1_r1.png; 1_l1.png", "1_l1.png"]


def test_single_members_see_no_partner(
    make_bundle: Callable[..., Path], factory: FakeFactory, write: Write, tmp_path: Path
) -> None:
    chosen = load_bundle(make_bundle(tmp_path / "b", members=[("only", {}, "none")]))
    write.put("1_left.png", 0)
    write.put("1_right.png", 1)
    job(chosen, factory, "1_left.png", "1_right.png")
    assert only(factory.batches).partners == {} == only(factory.batches).present
    assert column("partner") == ["", ""]


def test_factory_gets_what_was_asked_for(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    job(bundle, factory, "a.png", batch_size=7, gradcam=True)
    assert [(e.bundle, e.batch_size, e.gradcam) for e in factory.made] == [(bundle, 7, True)]


# The same again


@pytest.fixture
def ward(write: Write) -> Path:
    """A folder of 20 photographs, some of them bad."""
    for person in range(9):
        write.put(f"in/{person}_left.png", person % 8)
        write.put(f"in/{person}_right.png", "cut" if person == 3 else "dark" if person == 5 else (person + 3) % 8)
    write.put("in/scan.png", 4)
    write.put("in/zz.png", "text")
    return Path("in")


def test_batch_size_changes_nothing(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    texts = set()
    for batch_size in (1, 3, 16, 1000):
        job(bundle, factory, "in", batch_size=batch_size)
        texts.add(Path("out.csv").read_bytes())
    assert len(texts) == 1
    assert len(read()) == 20


def test_order_and_company_of_photographs_change_no_grade(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    job(bundle, factory, "in")
    first = {row["image"]: row for row in read()}
    job(bundle, factory, *reversed(list(first)))
    assert column("image") == list(reversed(list(first)))
    assert {row["image"]: row for row in read()} == first


def test_rerun_gives_the_same_bytes(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    job(bundle, factory, "in", gradcam=True, out=Path("in/out.csv"))
    before = everything("in")
    assert len([name for name in before if name.startswith("out_gradcam/")]) == 15  # of 17, as two people are one
    job(bundle, factory, "in", gradcam=True, out=Path("in/out.csv"))
    assert everything("in") == before


def test_results_among_the_inputs_of_a_rerun(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    """A shell's star lists the results of the first run for the second."""
    write.put("in/1_left.png", 0)
    job(bundle, factory, "in/1_left.png", gradcam=True, out=Path("in/out.csv"))
    before = everything("in")
    job(bundle, factory, "in/1_left.png", "in/out_gradcam", gradcam=True, out=Path("in/out.csv"))
    assert everything("in") == before
    with pytest.raises(KerasdrError, match=r"in/out\.csv is named both as a photograph and as --out"):
        job(bundle, factory, "in/*", gradcam=True, out=Path("in/out.csv"))
    assert everything("in") == before


def test_stale_pictures_go_and_foreign_files_stay(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    job(bundle, factory, "in", gradcam=True)
    old = set(os.listdir("out_gradcam"))
    foreign = {"notes.txt", "000001.png", "overview.png", "000001_0123456789AB.png", "000001_0123456789ab.png.bak"}
    for name in foreign:
        (Path("out_gradcam") / name).write_text("mine")
    job(bundle, factory, "in/1_left.png", "in/1_right.png", gradcam=True, accept_missing=True)
    left = set(os.listdir("out_gradcam"))
    kept = {Path(picture).name for picture in column("gradcam")}
    assert left == foreign | kept
    assert len(kept) == 2 and kept < old


def test_pictures_are_overlays_of_the_photographs(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    write.put("b.png", "dark")
    summary = job(bundle, factory, "a.png", "b.png", gradcam=True)
    assert summary.pictures == Path("out_gradcam")
    graded, other = read()
    assert other["gradcam"] == ""
    assert graded["gradcam"].startswith(f"out_gradcam/{graded['sha256'][:12]}_")
    page = cv2.imread(graded["gradcam"])
    assert page is not None and page.shape == (600, 1118, 3)
    assert page[58:570, :512].std() > 10
    assert (page[58:570, :512] != page[58:570, 520:1032]).any()


def test_no_gradcam_makes_no_folder(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    summary = job(bundle, factory, "a.png", gradcam=False)
    assert summary.pictures is None
    assert sorted(os.listdir()) == ["a.png", "out.csv", "out.ledger"]
    assert column("gradcam") == [""]


def test_no_gradcam_removes_the_pictures_of_an_earlier_job(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    job(bundle, factory, "a.png", gradcam=True)
    assert len(os.listdir("out_gradcam")) == 1
    summary = job(bundle, factory, "a.png", gradcam=False)
    assert summary.sentence().endswith("; no Grad-CAM pictures, and the 1 of the job before were removed")
    assert sorted(os.listdir()) == ["a.png", "out.csv", "out.ledger"]
    assert "removed" not in job(bundle, factory, "a.png", gradcam=False).sentence()
    job(bundle, factory, "a.png", gradcam=True)
    Path("out_gradcam/mine.txt").write_text("kept")
    job(bundle, factory, "a.png", gradcam=False)
    assert os.listdir("out_gradcam") == ["mine.txt"]


def test_rest_of_a_job_that_was_killed_goes(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    Path("out_gradcam").mkdir()
    for name in ("000007_0123456789ab.png", "0123456789ab_0123456789ab.png"):
        Path(f"out_gradcam/.{name}.k3x_9abc.part").write_bytes(b"half")
    Path(".out.csv.k3x_9abc.part").write_bytes(b"half")
    Path("out_gradcam/.notes.k3x_9.part").write_bytes(b"of another program")
    job(bundle, factory, "a.png", gradcam=True)
    assert len(os.listdir("out_gradcam")) == 2
    assert Path("out_gradcam/.notes.k3x_9.part").exists()
    assert sorted(os.listdir()) == ["a.png", "out.csv", "out.ledger", "out_gradcam"]


def test_more_views_than_are_held_at_once_keep_their_partner(
    bundle: Bundle, factory: FakeFactory, write: Write
) -> None:
    names = [f"7_l{number:02d}.png" for number in range(40)] + ["7_r00.png"]
    for name in names:
        write.put(name, 1 if "r" in name else 0)
    job(bundle, factory, *names)
    assert column("image") == names
    assert column("partner") == ["7_r00.png"] * 40 + ["7_l00.png"]
    assert len({tuple(row[f"prob_{grade}"] for grade in range(5)) for row in read()[:40]}) == 1


def test_large_groups_pair_by_view(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    for number in range(40):
        write.put(f"in/7_l{number:02d}.png", number % 8)
        write.put(f"in/7_r{number:02d}.png", (number + 1) % 8)
    job(bundle, factory, "in", batch_size=16)
    swapped = [name.replace("_l", "_?").replace("_r", "_l").replace("_?", "_r") for name in column("image")]
    assert len(swapped) == 80
    assert column("partner") == swapped


# When it cannot be done


class BrokenEngine:
    """Grades one batch and then fails."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._left = 1

    def predict(self, batch: Batch) -> Any:
        if not self._left:
            raise RuntimeError("out of memory")
        self._left -= 1
        return self._inner.predict(batch)


def test_error_of_the_engine_is_raised_and_leaves_no_csv(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        job(bundle, lambda *options: BrokenEngine(factory(*options)), "in", gradcam=True)
    assert not Path("out.csv").exists()
    assert not list(Path().rglob("*.part"))


def test_error_leaves_an_older_csv_as_it_was(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    job(bundle, factory, "in/scan.png")
    before = Path("out.csv").read_bytes()
    with pytest.raises(RuntimeError):
        job(bundle, lambda *options: BrokenEngine(factory(*options)), "in/scan.png", "in", batch_size=2)
    assert Path("out.csv").read_bytes() == before


def test_out_is_a_folder(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    Path("results").mkdir()
    with pytest.raises(KerasdrError, match=r"cannot write results: it is a folder; .*results/grades\.csv"):
        job(bundle, factory, "a.png", out=Path("results"))
    assert factory.made == []
    assert os.listdir("results") == []


def test_folder_of_the_output_is_made_but_not_a_whole_way(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    job(bundle, factory, "a.png", out=Path("new/out.csv"))
    assert column("status", "new/out.csv") == ["graded"]
    with pytest.raises(KerasdrError, match=r"cannot write to no/where: No such file or directory; .*--out"):
        job(bundle, factory, "a.png", out=Path("no/where/out.csv"))
    assert not Path("no").exists()


@pytest.mark.parametrize("out", ["a.png/out.csv", "taken.csv"])
def test_a_file_is_in_the_way(out: str, bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    Path("taken_gradcam").write_text("x")
    with pytest.raises(KerasdrError, match=r"cannot write to .*--out"):
        job(bundle, factory, "a.png", out=Path(out), gradcam=True)
    assert factory.made == []


def test_output_never_replaces_a_photograph(
    bundle: Bundle, factory: FakeFactory, write: Write, good: list[bytes]
) -> None:
    write.put("scan", 0)
    write.put("b.png", 1)
    for arguments, out in ((["scan"], "scan"), (["b.png", "scan"], "./scan"), (["./scan"], "scan")):
        with pytest.raises(KerasdrError, match="is named both as a photograph and as --out"):
            job(bundle, factory, *arguments, out=Path(out))
    for out in ("b.png", "new.JPG"):
        with pytest.raises(KerasdrError, match="it is named like a photograph; name a CSV"):
            job(bundle, factory, "b.png", out=Path(out))
    assert Path("scan").read_bytes() == good[0]
    assert Path("b.png").read_bytes() == good[1]


def test_output_replaces_no_link_and_no_device(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    Path("real.csv").write_text("kept")
    os.symlink("real.csv", "link.csv")
    os.symlink("gone.csv", "broken.csv")
    os.mkfifo("pipe.csv")
    for out in ("link.csv", "broken.csv", "pipe.csv"):
        with pytest.raises(KerasdrError, match="it is a link or a device; name an ordinary file with --out"):
            job(bundle, factory, "a.png", out=Path(out))
    assert Path("real.csv").read_text() == "kept"
    assert factory.made == []


def test_folder_that_cannot_be_written(
    bundle: Bundle, factory: FakeFactory, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write.put("a.png", 0)

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("kerasdr.files.tempfile.mkstemp", refuse)
    with pytest.raises(KerasdrError, match=r"cannot write to \.: Permission denied; choose another place with --out"):
        job(bundle, factory, "a.png")
    assert factory.made == []
    assert os.listdir() == ["a.png"]


@pytest.mark.parametrize("call", range(1, 13))
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_disk_that_fails_at_any_moment(
    call: int, code: int, bundle: Bundle, factory: FakeFactory, write: Write
) -> None:
    """Synced are 2 probes, each a file and its folder, the one above the new folder, the ledger's folder, 2 pictures and then
    their folder, and the CSV and its folder: 11 calls.
    """
    write.put("a.png", 0)
    write.put("b.png", 1)
    calls = 0
    fsync = os.fsync

    def fail(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    with pytest.MonkeyPatch.context() as failing:  # not the fixture: undone, it would also leave this folder
        failing.setattr(os, "fsync", fail)
        if call > 11:
            job(bundle, factory, "a.png", "b.png", gradcam=True)
            assert calls == 11
            return
        with pytest.raises(UnfinishedError) as caught:
            job(bundle, factory, "a.png", "b.png", gradcam=True)
    assert os.strerror(code) in str(caught.value) and "\n" not in str(caught.value)
    assert Path("out.csv").exists() is (call == 11)  # only the CSV's last step was left to do
    assert not list(Path().rglob(".*"))
    kinds = [entry.kind for entry in read_ledger(Path("out.ledger"))] if Path("out.ledger").exists() else []
    # Nothing is claimed of a batch of which one file may not be on the disk.
    assert kinds == ([] if call < 7 else ["begun", *["answer", "row"] * 2, "ended"] if call > 9 else ["begun"])
    for picture in Path("out_gradcam").glob("*") if Path("out_gradcam").exists() else ():
        assert cv2.imread(str(picture)) is not None
    assert job(bundle, factory, "a.png", "b.png", gradcam=True).count("graded") == 2
    mended = everything(".")
    job(bundle, factory, "a.png", "b.png", gradcam=True, out=Path("undisturbed/out.csv"))
    undisturbed = everything("undisturbed")
    assert {name: data for name, data in mended.items() if name.startswith("out")} == undisturbed
    assert len(undisturbed) == 3


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip("only root can mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield disk
    finally:
        subprocess.run([umount, disk], check=True)


def test_full_disk(bundle: Bundle, factory: FakeFactory, ward: Path, tiny_disk: Path) -> None:
    with pytest.raises(
        UnfinishedError, match=r"cannot write .*No space left on device; .*: run the same command again$"
    ):
        job(bundle, factory, "in", gradcam=True, out=tiny_disk / "out.csv")
    assert sorted(os.listdir(tiny_disk)) == ["out.ledger", "out_gradcam"]
    assert read_ledger(tiny_disk / "out.ledger")[0].kind == "begun"
    pictures = list((tiny_disk / "out_gradcam").iterdir())
    assert pictures
    for picture in pictures:
        assert picture.suffix == ".png"
        assert picture.read_bytes()[-8:-4] == b"IEND"


@pytest.mark.parametrize(
    "answer",
    [
        np.full((1, 5), np.nan),
        np.full((1, 5), 0.5),
        np.array([[1.5, -0.5, 0.0, 0.0, 0.0]]),
        np.full((2, 5), 0.2),
        np.full((1, 4), 0.25),
    ],
    ids=["nan", "sum", "negative", "two rows", "four grades"],
)
def test_what_is_no_probability_is_never_a_grade(answer: np.ndarray, bundle: Bundle, write: Write) -> None:
    class Wrong:
        def predict(self, batch: Batch) -> EngineOutput:
            return EngineOutput(answer, None)

    write.put("a.png", 0)
    with pytest.raises(ValueError, match="the engine gave no probabilities of 5 grades for 1 photographs"):
        job(bundle, lambda *options: Wrong(), "a.png")
    assert sorted(os.listdir()) == ["a.png", "out.ledger"]


def test_missing_heat_maps_are_an_error(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    with pytest.raises(ValueError, match="the engine gave no heat maps for 1 photographs"):
        job(bundle, lambda bundle, size, gradcam: factory(bundle, size, False), "a.png", gradcam=True)
    assert sorted(os.listdir()) == ["a.png", "out.ledger"]


def test_a_heat_map_of_nan_is_an_error(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    class Wrong:
        def __init__(self, engine: Engine) -> None:
            self.engine = engine

        def predict(self, batch: Batch) -> EngineOutput:
            output = self.engine.predict(batch)
            assert output.heatmaps is not None
            return EngineOutput(output.probabilities, np.full_like(output.heatmaps, np.nan))

    write.put("a.png", 0)
    with pytest.raises(ValueError, match="the engine gave no heat maps for 1 photographs"):
        job(bundle, lambda *options: Wrong(factory(*options)), "a.png", gradcam=True)
    assert sorted(os.listdir()) == ["a.png", "out.ledger"]


def test_engine_that_cannot_be_made_leaves_only_that_it_was_tried(bundle: Bundle, write: Write) -> None:
    def refuse(*options: Any) -> Any:
        raise KerasdrError("the network has 3 weight arrays, the file 2: use the file of this network")

    write.put("a.png", 0)
    with pytest.raises(KerasdrError, match="weight arrays"):
        job(bundle, refuse, "a.png", gradcam=True, out=Path("new/out.csv"))
    assert os.listdir("new") == ["out.ledger"]


def test_folder_of_pictures_is_not_left_empty(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", "dark")
    assert job(bundle, factory, "a.png", gradcam=True).pictures is None
    assert sorted(os.listdir()) == ["a.png", "out.csv", "out.ledger"]


def test_batch_size_of_nothing(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        job(bundle, factory, "a.png", batch_size=0)


def test_no_permission_costs_rows_and_nothing_else(bundle: Bundle, factory: FakeFactory, good: list[bytes]) -> None:
    """As nobody, if the tests run as a superuser, whom no permission stops."""
    superuser = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in ("closed/1_left.png", "open.png", "secret.png"):
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(good[0])
        (folder / "secret.png").chmod(0)
        (folder / "closed").chmod(0)
        folder.chmod(0o777)
        if superuser:
            os.seteuid(65534)
        try:
            # The interpreter may lie where nobody is let in, so that no process can be started.
            summary = job(bundle, factory, name, gradcam=True, out=folder / "out.csv", isolate=False)
        finally:
            if superuser:
                os.seteuid(0)
            (folder / "closed").chmod(0o700)
        assert [(Path(row["image"]).name, row["status"], row["reason"]) for row in read(f"{name}/out.csv")] == [
            ("closed", "failed", "the folder cannot be opened (Permission denied): check its permissions"),
            ("open.png", "graded", ""),
            ("secret.png", "failed", "no permission to read the file: ask for access"),
        ]
        assert len(list((folder / "out_gradcam").iterdir())) == 1
        assert summary.sentence().startswith("3 listed = 1 graded + 0 ungradable + 2 failed + 0 waiting; ")


# Memory


@pytest.mark.parametrize("names", ["{:04d}_left.png", "scan{:04d}.png", "7_l{:04d}.png"])
def test_photographs_held_at_once_are_bounded(
    names: str, bundle: Bundle, good: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are listed, whether they are of many people or, by their names, of one."""
    alive = most = 0
    lock = threading.Lock()
    load = grading.load_photograph

    def gone() -> None:
        nonlocal alive
        with lock:
            alive -= 1

    def count(*arguments: Any, **options: Any) -> Any:
        nonlocal alive, most
        photograph = load(*arguments, **options)
        weakref.finalize(photograph, gone)
        with lock:
            alive += 1
            most = max(most, alive)
        return photograph

    class Forgetful:
        def predict(self, batch: Batch) -> EngineOutput:
            return EngineOutput(np.full((len(batch), 5), 0.2), None)

    monkeypatch.setattr(grading, "load_photograph", count)
    Path("in").mkdir()
    for number in range(200):
        Path("in", names.format(number)).write_bytes(good[number % 8] + number.to_bytes(4, "big"))
    summary = job(bundle, lambda *options: Forgetful(), "in", batch_size=4, isolate=False)
    assert summary.count("graded") == 200
    # Read ahead: 2 batches and a group of 32 with as many partners; waiting: a batch; in work: a group and a batch.
    assert most <= 2 * 4 + 64 + 4 + 64 + 2 * 4


# From a program


def test_scoring_from_a_program_writes_nothing(bundle: Bundle, factory: FakeFactory, ward: Path) -> None:
    engine = factory(bundle, 3, False)
    rows = score_photographs([Path("in")], bundle, batch_size=3, engine=engine)
    assert os.listdir() == ["in"]
    job(bundle, factory, "in")
    assert [row.cells() for row in rows] == [list(row.values()) for row in read()]
    assert sum(len(batch) for batch in engine.batches) == 17


def test_scoring_nothing_from_a_program(bundle: Bundle, factory: FakeFactory) -> None:
    with pytest.raises(KerasdrError, match="no photographs in an empty list"):
        score_photographs([], bundle, engine=factory(bundle, 3, False))


def test_one_path_from_a_program_is_one_path(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("in/a.png", 0)
    engine = factory(bundle, 3, False)
    for paths in ("in", Path("in"), ["in"], (path for path in [Path("in")])):
        rows = score_photographs(paths, bundle, batch_size=3, engine=engine)
        assert [row.image for row in rows] == ["in/a.png"]
    summary = run_job("in", bundle, Path("out.csv"), factory=factory, gradcam=False)
    assert [row.image for row in summary.rows] == ["in/a.png"]


def test_size_limit_from_a_program(bundle: Bundle, factory: FakeFactory, write: Write) -> None:
    write.put("a.png", 0)
    row = score_photographs(["a.png"], bundle, engine=factory(bundle, 16, False), max_megapixels=0.01)[0]
    assert row.reason.startswith("the picture is 128 x 128 px, more than 0.01 megapixels")


# Photographs that are changed before they are scored


def test_change_comes_before_the_gate_and_reaches_partners(
    tmp_path: Path, good: list[bytes], factory: FakeFactory, make_bundle: Callable[..., Path]
) -> None:
    for eye, data in zip(("left", "right"), good, strict=False):
        (tmp_path / f"1_{eye}.png").write_bytes(data)
    paths = [tmp_path / "1_left.png", tmp_path / "1_right.png"]
    bundle = load_bundle(make_bundle(tmp_path / "bundle"))
    told: set[str] = set()

    def scored(change: Any = None) -> list[Row]:
        return score_photographs(paths, bundle, engine=factory(bundle, 16, False), change=change)

    def upside_down(rgb: np.ndarray, digest: str) -> np.ndarray:
        told.add(digest)
        return np.ascontiguousarray(rgb[::-1])

    def left_alone(rgb: np.ndarray, digest: str) -> np.ndarray:
        return rgb[::-1] if digest == plain[1].sha256 else rgb

    plain = scored()
    assert scored(lambda rgb, digest: rgb) == plain
    turned = scored(upside_down)
    assert told == {row.sha256 for row in plain} and [row.sha256 for row in turned] == [row.sha256 for row in plain]
    assert all(a.probabilities != b.probabilities for a, b in zip(plain, turned, strict=True))
    # The left eye itself is as it was; its answer differs, as the dual member looks at the right eye too.
    assert scored(left_alone)[0].probabilities not in (plain[0].probabilities, turned[0].probabilities)
    black = scored(lambda rgb, digest: np.zeros_like(rgb))
    assert [row.status for row in black] == ["ungradable", "ungradable"] and "no retina" in black[0].reason
