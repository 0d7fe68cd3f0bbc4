import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.job import run_job
from kerasdr.scoring.ledger.audit import read_output, verify
from kerasdr.scoring.operation.merging import merge_parts
from kerasdr.scoring.operation.parts import Part
from kerasdr.scoring.outcome import Summary
from kerasdr.scoring.pseudonyms import open_pseudonyms
from kerasdr.scoring.unanswered import Limits

FakeFactory = Any  # the class of the fixture ``factory``


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: list[bytes], bad: dict[str, bytes]) -> None:
    """Photographs of ten people in ``in``: pairs, the same bytes in many places, some that cannot be graded."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for person in range(8):
        Path(f"in/{person}_left.png").write_bytes(good[person])
        Path(f"in/{person}_right.png").write_bytes(good[(3 * person + 1) % 5])
    for name, content in (("8_left", bad["dark"]), ("8_right", good[0]), ("9_left", bad["text"]), ("odd", good[0])):
        Path(f"in/{name}.png").write_bytes(content)
    Path("in/again.png").write_bytes(good[0])


def part(number: int, of: int, bundle: Bundle, factory: FakeFactory, out: str = "", **options: Any) -> Summary:
    select = Part(number, of).select
    options = {"batch_size": 4, "factory": factory, "select": lambda listed: select(listed()), **options}
    return run_job(["in"], bundle, Path(out or f"part{number}.csv"), **options)


def pictures(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.mark.parametrize("of", [1, 2, 3, 7, 40])
def test_merged_parts_are_byte_for_byte_one_job(of: int, bundle: Bundle, factory: FakeFactory) -> None:
    names = [f"part{number}.csv" for number in range(1, of + 1)]
    for number in range(1, of + 1):
        part(number, of, bundle, factory)
    merged = merge_parts(map(Path, reversed(names)), Path("grades.csv"))
    Path("one").mkdir()
    one = run_job(["in"], bundle, Path("one/grades.csv"), batch_size=4, factory=factory)
    assert Path("grades.csv").read_bytes() == Path("one/grades.csv").read_bytes()
    assert pictures("grades_gradcam") == pictures("one/grades_gradcam")
    assert (merged.sentence(), merged.exit_code) == (one.sentence(), one.exit_code)
    if of == 40:
        assert sum(len(Path(name).read_text().splitlines()) == 1 for name in names) > 20  # parts of nobody


def test_a_job_goes_on_from_what_was_merged(bundle: Bundle, factory: FakeFactory, good: list[bytes]) -> None:
    for number in (1, 2):
        part(number, 2, bundle, factory)
    merge_parts([Path("part1.csv"), Path("part2.csv")], Path("grades.csv"))
    before = Path("grades.csv").read_bytes()
    output = read_output(Path("grades.csv"))
    checked = verify(output, None)
    assert checked.csv_is and not checked.damaged and checked.pictures == len(pictures("grades_gradcam"))
    factory.made.clear()
    run_job(["in"], bundle, Path("grades.csv"), batch_size=4, factory=factory)
    assert Path("grades.csv").read_bytes() == before
    assert factory.batches == []


def test_pictures_are_links_or_copies(bundle: Bundle, factory: FakeFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        part(number, 2, bundle, factory)
    merge_parts([Path("part1.csv"), Path("part2.csv")], Path("grades.csv"))
    linked = pictures("grades_gradcam")
    assert all(path.stat().st_nlink == 2 for path in Path("grades_gradcam").iterdir())

    def no_link(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    merge_parts([Path("part1.csv"), Path("part2.csv")], Path("copied.csv"))
    assert all(path.stat().st_nlink == 1 for path in Path("copied_gradcam").iterdir())
    assert pictures("copied_gradcam") == linked


def test_ledgers_may_lie_elsewhere(bundle: Bundle, factory: FakeFactory) -> None:
    Path("kept").mkdir()
    for number in (1, 2):
        part(number, 2, bundle, factory, ledger=Path(f"kept/{number}.ledger"))
    names = [Path("part1.csv"), Path("part2.csv")]
    with pytest.raises(
        KerasdrError, match=r"no ledger part1\.ledger: copy it beside the CSV, or name it with --part-ledger$"
    ):
        merge_parts(names, Path("grades.csv"))
    merge_parts(names, Path("grades.csv"), [Path("kept/1.ledger"), Path("kept/2.ledger")])
    assert len(Path("grades.csv").read_text().splitlines()) == 1 + len(list(Path("in").iterdir()))


def refused(*names: str, out: str = "grades.csv") -> str:
    before = set(os.listdir())
    with pytest.raises(KerasdrError) as error:
        merge_parts(map(Path, names), Path(out))
    assert set(os.listdir()) == before
    return str(error.value)


def test_a_missing_part_is_refused(bundle: Bundle, factory: FakeFactory) -> None:
    for number in (1, 3):
        part(number, 4, bundle, factory)
    assert refused("part1.csv", "part3.csv") == ("parts 2, 4 are missing of 4: run it with --part, and name its CSV")
    part(4, 4, bundle, factory)
    assert refused("part1.csv", "part3.csv", "part4.csv").startswith("part 2 is missing of 4: ")
    assert refused("part1.csv", "gone.csv").startswith("cannot read gone.csv: No such file or directory; ")


def test_a_part_that_is_there_twice_is_refused(bundle: Bundle, factory: FakeFactory) -> None:
    for number in (1, 2):
        part(number, 2, bundle, factory)
    part(1, 2, bundle, factory, out="again.csv")
    assert refused("part1.csv", "part2.csv", "again.csv") == (
        "part1.csv and again.csv are both part 1 of 2: name each part once"
    )
    part(3, 3, bundle, factory)
    assert refused("part1.csv", "part2.csv", "part3.csv").startswith("part1.csv and part3.csv are of 2 and 3 parts: ")


def test_parts_of_different_listings_are_refused(bundle: Bundle, factory: FakeFactory, good: list[bytes]) -> None:
    part(1, 2, bundle, factory)
    Path("in/new.png").write_bytes(good[1])
    part(2, 2, bundle, factory)
    assert refused("part1.csv", "part2.csv") == (
        "part1.csv and part2.csv are of different listings (21 and 22 photographs): "
        "run all parts again over the same one"
    )


def test_other_models_and_settings_are_refused(
    bundle: Bundle, factory: FakeFactory, make_bundle: Any, tmp_path: Path
) -> None:
    part(1, 2, bundle, factory)
    other = load_bundle(make_bundle(tmp_path / "other", name="fake-2"))
    part(2, 2, other, factory)
    assert refused("part1.csv", "part2.csv").startswith(
        f"part1.csv and part2.csv differ in the model ({bundle.label} and {other.label}): "
    )
    part(2, 2, bundle, factory, max_megapixels=50.0, gradcam=False, out="small.csv")
    assert refused("part1.csv", "small.csv").startswith(
        "part1.csv and small.csv differ in max megapixels (100.0 and 50.0), pictures (png and ): "
    )


def test_a_part_that_did_not_finish_is_refused(bundle: Bundle, factory: FakeFactory) -> None:
    part(1, 2, bundle, factory)
    part(2, 2, bundle, factory, limits=Limits(stopped=lambda: True))
    text = refused("part1.csv", "part2.csv")
    assert text.startswith("part 2 of 2 (part2.csv) is not finished, ") and text.endswith("give its command again")


def test_what_is_no_part_or_was_changed_is_refused(bundle: Bundle, factory: FakeFactory) -> None:
    for number in (1, 2):
        part(number, 2, bundle, factory)
    run_job(["in"], bundle, Path("whole.csv"), batch_size=4, factory=factory)
    assert "whole.csv is of a whole listing and not of a part" in refused("whole.csv", "part1.csv")
    assert refused("part1.csv", "part2.csv", out="part1.csv").startswith("part1.csv belongs to one of the parts: ")
    assert refused("part1.csv", "part2.csv", out="part1.txt").startswith("part1.ledger belongs to one of the parts: ")
    text = Path("part2.csv").read_text()
    Path("part2.csv").write_text(text.replace("graded", "Graded", 1))
    assert refused("part1.csv", "part2.csv").startswith("part2.csv is not what its ledger tells of: ")
    Path("part2.csv").write_text(text)
    others = {path.name for path in Path("part1_gradcam").iterdir()}
    picture = next(path for path in Path("part2_gradcam").iterdir() if path.name not in others)
    data = picture.read_bytes()
    picture.write_bytes(data[:-1])
    assert f"the picture part2_gradcam/{picture.name} is missing or was changed" in refused("part1.csv", "part2.csv")
    picture.write_bytes(data)
    merge_parts([Path("part1.csv"), Path("part2.csv")], Path("grades.csv"))


def test_a_hole_in_the_listing_is_refused(
    bundle: Bundle, factory: FakeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    part(1, 2, bundle, factory)
    with monkeypatch.context() as patch:  # a version that would put people elsewhere
        real = Part.select

        def other(self: Part, inputs: Any) -> Any:
            selection = real(self, inputs)
            ranges = selection.told["part"]["places"]
            first, last = ranges[-1]
            selection.told["part"]["places"] = ranges[:-1] + ([[first, last - 1]] if last > first else [])
            return type(selection)(selection.inputs[:-1], selection.told)

        patch.setattr(Part, "select", other)
        part(2, 2, bundle, factory)
    assert refused("part1.csv", "part2.csv").startswith("the parts have 20 rows for the 21 photographs of the listing")


def test_different_answers_to_the_same_bytes_become_the_first(
    bundle: Bundle, factory: FakeFactory, good: list[bytes]
) -> None:
    shutil.rmtree("in")
    Path("in").mkdir()
    for name in range(12):  # alone, so that all have one answer
        Path(f"in/{name}.png").write_bytes(good[0])
    part(1, 2, bundle, factory)
    real = type(factory).__call__

    def other(bundle: Bundle, batch_size: int, gradcam: bool) -> Any:
        engine = real(factory, bundle, batch_size, gradcam)
        predict = engine.predict

        def changed(batch: Any) -> Any:
            output = predict(batch)
            return type(output)(output.probabilities[:, ::-1], output.heatmaps)

        engine.predict = changed
        return engine

    part(2, 2, bundle, other)
    merged = merge_parts([Path("part1.csv"), Path("part2.csv")], Path("grades.csv"))
    assert len({row.probabilities for row in merged.rows}) == 1
    assert len({row.gradcam for row in merged.rows}) == 1
    first = "part1.csv" if "in/0.png" in Path("part1.csv").read_text() else "part2.csv"
    (picture,) = pictures(first.replace(".csv", "_gradcam")).values()
    assert pictures("grades_gradcam") == {os.path.basename(merged.rows[0].gradcam): picture}


def test_the_ledger_of_a_merge_says_so(bundle: Bundle, factory: FakeFactory) -> None:
    for number in (1, 2):
        part(number, 2, bundle, factory)
    merge_parts([Path("part1.csv"), Path("part2.csv")], Path("grades.csv"))
    with sqlite3.connect("grades.ledger") as connection:
        ((body,),) = connection.execute("SELECT body FROM entries WHERE kind = 'begun'").fetchall()
    begun = json.loads(body)
    assert (begun["merged"], begun["listed"], begun["csv"]) == (2, 21, os.path.abspath("grades.csv"))
    assert "part" not in begun


def test_what_is_of_a_part_is_not_written_over(bundle: Bundle, factory: FakeFactory) -> None:
    Path("kept").mkdir()
    os.symlink("kept", "link")
    for number in (1, 2):
        part(number, 2, bundle, factory, ledger=Path(f"kept/{number}.ledger"))
    names, ledgers = [Path("part1.csv"), Path("part2.csv")], [Path("kept/1.ledger"), Path("kept/2.ledger")]
    before = {path: path.read_bytes() for path in (*names, *ledgers)}
    for out, ledger in (
        ("grades.csv", "kept/1.ledger"),
        ("grades.csv", "link/2.ledger"),
        ("link/../part1.csv", "grades.ledger"),
        ("kept/2.ledger", "grades.ledger"),
    ):
        with pytest.raises(KerasdrError, match="belongs to one of the parts: name another"):
            merge_parts(names, Path(out), ledgers, Path(ledger))
    assert {path: path.read_bytes() for path in before} == before and not Path("grades.csv").exists()


def test_merged_pseudonyms_stay_pseudonyms(bundle: Bundle, factory: FakeFactory) -> None:
    Path("keys").mkdir()
    site, other = (open_pseudonyms(Path("keys", name), Path("grades.csv")) for name in ("site", "other"))
    for number in (1, 2):
        part(number, 2, bundle, factory, pseudonyms=site)
    merge_parts([Path("part1.csv"), Path("part2.csv")], Path("grades.csv"))
    for pseudonyms, words in ((None, "names would come beside them"), (other, "with another key")):
        with pytest.raises(KerasdrError, match=words):
            run_job(["in"], bundle, Path("grades.csv"), factory=factory, pseudonyms=pseudonyms)
    run_job(["in"], bundle, Path("grades.csv"), factory=factory, pseudonyms=site)
    for number in (1, 2):
        part(number, 2, bundle, factory, out=f"named{number}.csv")
    with pytest.raises(KerasdrError, match="names would come beside them"):
        merge_parts([Path("named1.csv"), Path("named2.csv")], Path("grades.csv"))
