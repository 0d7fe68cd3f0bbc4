"""A new model is tried on a CSV's photographs, taken by a named person, and left again."""

import csv
import io
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.data.phantom.draw import draw_person
from kerasdr.ensembles import EnsembleSpec
from kerasdr.files import sha256_of
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import Batch, EngineOutput
from kerasdr.scoring.engines import choose_engine
from kerasdr.scoring.golden import make_golden
from kerasdr.scoring.ledger.lock import hold
from kerasdr.scoring.ledger.model_entries import model_content, read_model_entry
from kerasdr.scoring.ledger.store import read_ledger
from kerasdr.scoring.operation import acceptance
from tests.cli.conftest import Kerasdr
from tests.scoring.hash_engine import HashEngine

COMPARE = ("bundle", "compare", "new", "--on", "out.csv", "--out", "trial.csv")
ACCEPT = ("bundle", "accept", "new", "--on", "out.csv", "--by", "Ada Reader", "--table", "trial.csv")


class Turned:
    """Answers by a hash of the photograph, turned by some grades."""

    def __init__(self, grades: int) -> None:
        self._grades = grades

    def predict(self, batch: Batch) -> EngineOutput:
        output = HashEngine().predict(batch)
        return EngineOutput(np.roll(output.probabilities, self._grades, axis=1), output.heatmaps)


TURNS = {"old-1": 0, "new-1": 1, "third-1": 2}


@pytest.fixture(scope="session")
def eyes() -> list[bytes]:
    drawn = [one.image for person in range(6) for one in draw_person(5, person, 128) if one.quality == "gradable"]
    return [cv2.imencode(".png", cv2.cvtColor(eye, cv2.COLOR_RGB2BGR))[1].tobytes() for eye in drawn[:6]]


@pytest.fixture(scope="session")
def models(eyes: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three models, each with a golden photograph."""
    folder = tmp_path_factory.mktemp("models")
    spec, soft = ModelSpec(trunk="tiny", weights="none"), EnsembleSpec("soft", (1.0,))
    for place, (name, turn) in enumerate(TURNS.items()):
        weights = {"0000:a": np.full(2, place, np.float32)}
        member = BundleMember("only", spec, get_recipe("clahe-crop", 48), weights)
        bare = Bundle(name, "", (member,), soft, 100.0, {})
        golden = make_golden(bare, Turned(turn), {"1.png": eyes[0]}, "fake")
        write_bundle(
            folder / name.removesuffix("-1"), name=name, members=[member], ensemble=soft, validation={}, golden=golden
        )
    return folder


@pytest.fixture(autouse=True)
def asked(kerasdr: Kerasdr, eyes: list[bytes], models: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three models, photographs in ``in``, and a list of the models that an engine was made for."""
    made: list[str] = []

    def make(bundle: Bundle, *arguments: Any, **options: Any) -> Turned:
        made.append(bundle.name)
        return Turned(TURNS[bundle.name])

    monkeypatch.setattr("kerasdr.scoring.engines.make_engine", make)
    for module in ("job_options", "bundle_trial"):
        monkeypatch.setattr(f"kerasdr.cli.{module}.load_keras_quietly", lambda: None)
    shutil.copytree(models, ".", dirs_exist_ok=True)
    Path("in").mkdir()
    for number, eye in enumerate(eyes[:4]):
        Path(f"in/{number}_left.png").write_bytes(eye)
    Path("in/5_left.png").write_bytes(cv2.imencode(".png", np.zeros((128, 128, 3), np.uint8))[1].tobytes())
    return made


def label(name: str) -> str:
    return load_bundle(Path(name)).label


def predict(kerasdr: Kerasdr, model: str, out: str = "out.csv", *more: str) -> Any:
    return kerasdr("predict", "in", "--out", out, "--model", model, *more)


def head() -> str:
    entries = read_ledger(Path("out.ledger"))
    return f"{len(entries)}:{entries[-1].hash[:32]}"


def table(name: str = "trial.csv") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(Path(name).read_text())))


def results() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in [Path("out.csv"), *sorted(Path("out_gradcam").iterdir())]}


def taken(kerasdr: Kerasdr) -> None:
    """A night with the old model, after which the new one is accepted."""
    assert predict(kerasdr, "old").code == 0
    assert kerasdr(*COMPARE).code == 0
    assert kerasdr(*ACCEPT).code == 0


# The whole way


def test_compare_shows_old_beside_new(kerasdr: Kerasdr, asked: list[str]) -> None:
    assert predict(kerasdr, "old").code == 0
    before = results()
    ran = kerasdr(*COMPARE)
    assert (ran.code, ran.err) == (0, "") and results() == before
    lines = ran.out.splitlines()
    assert lines[:3] == [f"old {label('old')}", f"new {label('new')}", "5 photographs of out.csv, the newest"]
    last = f"each photograph is in trial.csv, SHA-256 {sha256_of(Path('trial.csv').read_bytes())}; ledger {head()}"
    assert lines[-1] == last
    assert predict(kerasdr, "new", "other.csv").code == 0
    for age, name in (("old", "out.csv"), ("new", "other.csv")):
        given = {row["image"]: row for row in table(name)}
        for row in table():
            columns = ("status", "grade", "referable", "prob_referable", "screen_positive", "refer_to_reader", "reason")
            assert [row[f"{age}_{column}"] for column in columns] == [given[row["image"]][c] for c in columns]
    rows = table()
    assert len(rows) == 5 and {(row["old_model"], row["new_model"]) for row in rows} == {(label("old"), label("new"))}
    became = [(row["old_referable"], row["new_referable"], row["change"]) for row in rows]
    words = {("true", "false"): "not referable any more", ("false", "true"): "newly referable"}
    assert all(change == words.get((old, new), "") for old, new, change in became)
    counted = [sum(change == word for *_, change in became) for word in words.values()]
    told = "; ".join(
        f"{count} {word}"
        for count, word in sorted(zip(counted, words.values(), strict=True), key=lambda one: one[1])
        if count
    )
    assert told and f"changes          {told}" in lines
    assert "ungradable             0           0           0           0           0           1           0" in lines


def test_taken_and_left_again_byte_for_byte(kerasdr: Kerasdr, asked: list[str]) -> None:
    assert predict(kerasdr, "old").code == 0
    before = results()
    assert kerasdr(*COMPARE).code == 0
    ran = kerasdr(*ACCEPT)
    digest = sha256_of(Path("trial.csv").read_bytes())
    said = f"by Ada Reader, after 5 photographs against {label('old')}; table {digest}"
    assert (ran.code, ran.err) == (0, "")
    count = head().partition(":")[0]
    assert ran.out == f"{label('new')} is accepted for out.csv {said}; entry {count}; ledger {head()}\n"
    assert kerasdr("jobs", "verify", "out.csv", "--head", head()).code == 0
    assert predict(kerasdr, "new").code == 0
    assert results()["out.csv"] != before["out.csv"] and label("new") in Path("out.csv").read_text()
    asked.clear()
    assert predict(kerasdr, "old").code == 0
    assert asked == [] and results().items() >= before.items()  # no network ran, and pictures that were there still are
    assert predict(kerasdr, "new").code == 0 and asked == []
    assert kerasdr("predict", "in/0_left.png", "--out", "out.csv", "--model", "new", "--accept-missing").code == 0
    assert len(results()) == 1 + 2  # those of the photograph that is left, by both
    ran = kerasdr("predict", "in/0_left.png", "--out", "out.csv", "--model", "new", "--no-gradcam")
    assert ran.code == 0 and len(results()) == 1 + 1  # that of the model to which one may go back
    asked.clear()
    assert kerasdr("predict", "in/0_left.png", "--out", "out.csv", "--model", "old").code == 0
    assert asked == []


def test_what_nobody_accepted_is_refused(kerasdr: Kerasdr, asked: list[str]) -> None:
    taken(kerasdr)
    before = results(), Path("out.ledger").read_bytes()
    asked.clear()
    on = "--on out.csv"
    expected = (
        f"{label('third')} is not accepted for out.csv, which takes {label('old')} and {label('new')}: give `kerasdr bundle "
        f"compare MODEL {on} --out trial.csv`, look at the table, then `kerasdr bundle accept MODEL {on} --by NAME --table "
        "trial.csv`; or go on with an accepted one by --model"
    )
    assert predict(kerasdr, "third").refused == expected
    for more in ((), ("--once", "--every", "0s")):
        ran = kerasdr("watch", "in", "--out", "out.csv", "--model", "third", *more)
        assert ran.refused == expected
    assert asked == [] and (results(), Path("out.ledger").read_bytes()) == before
    assert predict(kerasdr, "third", "part1.csv", "--part", "1/1").code == 0
    assert kerasdr("merge", "out.csv", "part1.csv").refused == expected
    assert (results(), Path("out.ledger").read_bytes()) == before
    assert predict(kerasdr, "new", "part2.csv", "--part", "1/1").code == 0
    assert kerasdr("merge", "out.csv", "part2.csv").code == 0


def test_without_an_acceptance_any_model_grades(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old").code == 0
    assert kerasdr(*COMPARE).code == 0
    assert predict(kerasdr, "third").code == 0


def test_another_ledger_is_no_way_round(kerasdr: Kerasdr, asked: list[str]) -> None:
    taken(kerasdr)
    before = results()
    asked.clear()
    said = predict(kerasdr, "third", "out.csv", "--ledger", "other.ledger").refused
    assert said.startswith(
        f"{label('third')} is not accepted for out.csv, which takes {label('old')} and {label('new')}"
    )
    assert said.endswith(", and leave --ledger out: out.ledger is there")
    Path("kept").mkdir()
    Path("out.ledger").rename("kept/jobs.ledger")
    words = f"out.csv has answers of {label('old')}, and the ledger {{}} has no job that wrote them: name their ledger with "
    words += f"--ledger, or another --out for {label('third')}"
    assert predict(kerasdr, "third").refused == words.format("out.ledger")
    assert not Path("out.ledger").exists()
    watch = kerasdr("watch", "in", "--out", "out.csv", "--model", "third", "--once", "--every", "0s")
    assert watch.refused == words.format("out.ledger")
    Path("in").rename("away")
    assert predict(kerasdr, "old").code == 4  # which begins a ledger, and writes no CSV
    Path("away").rename("in")
    assert Path("out.ledger").exists() and predict(kerasdr, "third").refused == words.format("out.ledger")
    assert predict(kerasdr, "new", "two.csv", "--ledger", "two.jobs").code == 0
    assert predict(kerasdr, "third", "out.csv", "--ledger", "two.jobs").refused == words.format("two.jobs")
    Path("out.csv").write_bytes(b"\xef\xbb\xbf" + before["out.csv"].replace(b",", b";"))  # as a spreadsheet saves it
    assert predict(kerasdr, "third").refused == words.format("out.ledger")
    assert set(asked) == {"new-1"}
    assert {name: data for name, data in results().items() if name != "out.csv"}.items() >= {
        name: data for name, data in before.items() if name != "out.csv"
    }.items()
    assert predict(kerasdr, "new", "out.csv", "--ledger", "kept/jobs.ledger").code == 0


def test_a_csv_that_moved_or_was_edited_takes_another_model_as_before(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old").code == 0
    Path("out.csv").write_bytes(Path("out.csv").read_bytes().replace(b"graded", b"gradeD", 1))
    assert predict(kerasdr, "new").code == 0
    Path("moved").mkdir()
    for name in ("out.csv", "out.ledger", "out_gradcam"):
        Path(name).rename(f"moved/{name}")
    assert predict(kerasdr, "third", "moved/out.csv").code == 0
    Path("moved/out.ledger").unlink()
    assert predict(kerasdr, "third", "moved/out.csv").code == 0  # no other model's answers are lost


def test_the_first_model_needs_no_table_and_all_later_ones_do(kerasdr: Kerasdr) -> None:
    first = ("bundle", "accept", "old", "--on", "out.csv", "--by", "Ada Reader")
    assert predict(kerasdr, "old").code == 0
    ran = kerasdr(*first)
    assert ran.code == 0 and "accepted for out.csv by Ada Reader, as the first, without a table; entry" in ran.out
    assert "which takes old-1@" in predict(kerasdr, "new").refused
    again = "give `kerasdr bundle compare MODEL --on out.csv --out trial.csv`, and look at it"
    assert (
        kerasdr(*ACCEPT[:-2]).error
        == f"out.csv has answers of {label('old')}: {again}; then name that table with --table"
    )
    assert kerasdr(*COMPARE).code == 0 and kerasdr(*ACCEPT).code == 0
    said = kerasdr(*ACCEPT).error
    assert said.startswith(f"{label('new')} may grade into out.csv already, since Ada Reader accepted it at ")
    assert predict(kerasdr, "new").code == 0 and predict(kerasdr, "old").code == 0
    third = ("bundle", "compare", "third", "--on", "out.csv", "--out", "third.csv")
    assert kerasdr(*third).code == 0
    assert kerasdr("bundle", "accept", "third", "--on", "out.csv", "--by", "B", "--table", "third.csv").code == 0
    for model in ("third", "new", "old"):
        assert predict(kerasdr, model).code == 0


def test_a_model_that_was_in_use_stays(kerasdr: Kerasdr) -> None:
    taken(kerasdr)
    said = kerasdr("bundle", "accept", "old", "--on", "out.csv", "--by", "B").error
    assert said.startswith(
        f"{label('old')} may grade into out.csv already, since Ada Reader accepted {label('new')}, before"
    )


def test_a_model_that_graded_before_anything_was_accepted(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old").code == 0
    assert kerasdr(*COMPARE).code == 0
    assert predict(kerasdr, "new").code == 0
    ran = kerasdr(*ACCEPT)
    assert ran.code == 0 and f"against {label('old')}" in ran.out
    assert predict(kerasdr, "old").code == 0


# The golden check


@pytest.mark.parametrize("command", [COMPARE, ACCEPT])
def test_golden_comes_first(
    command: tuple[str, ...], kerasdr: Kerasdr, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert predict(kerasdr, "old").code == 0
    assert kerasdr(*COMPARE).code == 0
    trial, before = Path("trial.csv").read_bytes(), Path("out.ledger").read_bytes()
    monkeypatch.setitem(TURNS, "new-1", 3)
    assert "does not give its known answers on this machine" in kerasdr(*command).refused
    monkeypatch.setitem(TURNS, "new-1", 1)
    bundle = load_bundle(Path("new"))
    write_bundle(Path("bare"), name="bare-1", members=bundle.members, ensemble=bundle.ensemble, validation={})
    ran = kerasdr(*(argument.replace("new", "bare") for argument in COMPARE))
    assert ran.refused.startswith("bare-1@") and "has no golden photographs for float32" in ran.refused
    assert (Path("trial.csv").read_bytes(), Path("out.ledger").read_bytes()) == (trial, before)


# What is refused


def test_no_ledger_and_an_empty_one(kerasdr: Kerasdr, asked: list[str]) -> None:
    for command in (COMPARE, ACCEPT[:-2]):
        assert kerasdr(*command).error == "no ledger out.ledger: name a CSV of `kerasdr predict`, or its ledger"
        assert not Path("out.ledger").exists()
    Path("in").rename("away")
    assert predict(kerasdr, "old").code == 4
    assert (
        kerasdr(*COMPARE).error
        == "no photograph was graded yet: grade with `kerasdr predict --model` first, then compare"
    )
    words = "out.ledger has no answers yet: grade with `kerasdr predict --model` first, then accept that model"
    assert kerasdr(*ACCEPT[:-2]).error == words
    assert asked == [] and not Path("trial.csv").exists()


def test_models_that_are_no_new_ones(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old").code == 0
    ran = kerasdr("bundle", "compare", "old", "--on", "out.csv", "--out", "trial.csv")
    assert ran.error == f"{label('old')} is the model whose answers these are: name the new one"
    assert kerasdr("bundle", "compare", "none", "--on", "out.csv", "--out", "trial.csv").error.startswith(
        "no model at none"
    )


def test_photographs_that_are_gone_are_counted(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old").code == 0
    Path("in/0_left.png").unlink()
    Path("in/1_left.png").write_bytes(b"changed")
    ran = kerasdr(*COMPARE)
    assert ran.out.splitlines()[2] == "3 photographs of out.csv, the newest; 2 more cannot be had as they were"
    assert kerasdr(*ACCEPT).code == 0  # more than these there cannot be
    Path("in").rename("away")
    said = kerasdr("bundle", "compare", "third", "--on", "out.csv", "--out", "third.csv").error
    assert said.startswith(
        f"none of the 5 photographs that {label('old')} graded can be read as it was: connect the share"
    )


def test_most_have_to_be_seen(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old").code == 0
    for number in range(3):
        Path(f"in/{number}_left.png").unlink()
    assert kerasdr(*COMPARE).code == 0 and len(table()) == 2
    again = "give `kerasdr bundle compare MODEL --on out.csv --out trial.csv`, and look at it"
    lost = "and 3 more could not be had as they were: connect the share or disk, then"
    assert kerasdr(*ACCEPT).error == f"trial.csv is over 2 photographs, {lost} {again}"


def test_a_tenth_may_be_gone(kerasdr: Kerasdr, eyes: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptance, "FEW", 0)
    monkeypatch.setattr(acceptance, "FEW_SHARE", 0.2)
    assert predict(kerasdr, "old").code == 0
    for number in range(2):
        Path(f"in/{number}_left.png").rename(f"{number}.png")
        assert kerasdr(*COMPARE).code == 0 and len(table()) == 4 - number
        if number:
            assert "and 2 more could not be had" in kerasdr(*ACCEPT).error
    Path("1.png").rename("in/1_left.png")
    assert kerasdr(*COMPARE).code == 0 and kerasdr(*ACCEPT).code == 0


def test_a_night_with_the_new_model_makes_no_table_larger(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old").code == 0
    assert kerasdr(*COMPARE, "--last", "1").code == 0
    assert predict(kerasdr, "new").code == 0
    again = "give `kerasdr bundle compare MODEL --on out.csv --out trial.csv`, and look at it"
    expected = f"give {label('old')} to `kerasdr predict --model` once more, then {again}, without --last"
    assert kerasdr(*ACCEPT).error == f"trial.csv is over 1 photograph, and there are 5: {expected}"
    assert predict(kerasdr, "old").code == 0 and kerasdr(*COMPARE).code == 0
    Path("in/6_left.png").write_bytes(Path("in/0_left.png").read_bytes() + b"6")
    assert predict(kerasdr, "new").code == 0
    assert kerasdr(*ACCEPT).code == 0  # over all that there were


def test_answers_of_two_models_count_alike(kerasdr: Kerasdr, eyes: list[bytes]) -> None:
    for number in range(6, 10):
        Path(f"in/{number}_left.png").write_bytes(eyes[0] + bytes([number]))
    assert predict(kerasdr, "old").code == 0
    ran = kerasdr("predict", "in/0_left.png", "--out", "out.csv", "--model", "new")
    assert ran.code == 4  # eight are missing, and it keeps its answer
    assert kerasdr("bundle", "compare", "third", "--on", "out.csv", "--out", "trial.csv").code == 0
    said = kerasdr("bundle", "accept", "third", *ACCEPT[3:]).error
    assert said.startswith(f"trial.csv is over 1 photograph, and there are 9: have all answered by {label('new')} with")


def test_a_ledger_of_two_csvs_accepts_for_neither(kerasdr: Kerasdr, asked: list[str]) -> None:
    for out in ("out.csv", "two.csv"):
        assert predict(kerasdr, "old", out, "--ledger", "both.ledger").code == 0
    asked.clear()
    for command in (COMPARE, ACCEPT[:-2]):
        said = kerasdr(*command, "--ledger", "both.ledger").error
        assert said.startswith("both.ledger keeps jobs of out.csv and of /") and "two.csv, and a model is" in said
        assert said.endswith("give each a ledger of its own, with `kerasdr predict --ledger`")
    assert asked == [] and not Path("trial.csv").exists()


def test_a_table_that_is_not_the_one(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old").code == 0
    again = "give `kerasdr bundle compare MODEL --on out.csv --out trial.csv`, and look at it"
    assert kerasdr(*ACCEPT).error == f"cannot read trial.csv: No such file or directory; {again}"
    assert kerasdr(*COMPARE, "--last", "2").code == 0 and len(table()) == 2
    assert kerasdr(*ACCEPT).error == f"trial.csv is over 2 photographs, and there are 5: {again}, without --last"
    assert kerasdr(*COMPARE).code == 0
    whole = Path("trial.csv").read_bytes()
    Path("trial.csv").write_bytes(whole.replace(b"graded", b"gradeD", 1))
    changed = f"trial.csv is not a table that was made of out.csv, or was changed since: {again}"
    assert kerasdr(*ACCEPT).error == changed
    Path("trial.csv").write_bytes(whole)
    other = ("bundle", "accept", "third", *ACCEPT[3:])
    assert kerasdr(*other).error == f"trial.csv is of {label('new')} and not of {label('third')}: {again}"
    assert predict(kerasdr, "old", "two.csv").code == 0
    assert "is not a table that was made of two.csv" in kerasdr(*ACCEPT[:4], "two.csv", *ACCEPT[5:]).error
    assert predict(kerasdr, "third").code == 0
    expected = f"trial.csv compares with {label('old')}, and out.csv has answers of {label('third')}: {again}"
    assert kerasdr(*ACCEPT).error == expected
    assert not any(entry.kind == "accepted" for entry in read_ledger(Path("out.ledger")))
    assert predict(kerasdr, "old").code == 0 and kerasdr(*ACCEPT).code == 0


def test_a_few_of_very_many_are_enough(kerasdr: Kerasdr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptance, "ENOUGH", 3)
    assert predict(kerasdr, "old").code == 0
    assert kerasdr(*COMPARE, "--last", "2").code == 0
    assert "is over 2 photographs, and there are 3: " in kerasdr(*ACCEPT).error
    assert kerasdr(*COMPARE, "--last", "3").code == 0 and kerasdr(*ACCEPT).code == 0


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "\x1b[2J", "x" * 201])
def test_a_person_has_a_name(kerasdr: Kerasdr, name: str) -> None:
    assert predict(kerasdr, "old").code == 0
    said = kerasdr("bundle", "accept", "old", "--on", "out.csv", "--by", name).error
    assert said.endswith(" is no name: say who accepts the model with --by, in a line")


def test_nothing_else_is_written_over(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old").code == 0
    before = results(), Path("out.ledger").read_bytes()
    for name in ("out.csv", "out.ledger", "in/0_left.png"):
        assert "holds something else and would be lost" in kerasdr(*COMPARE[:-1], name).usage
    Path("out.csv").unlink()
    assert "out.csv is the CSV or its ledger: name another file with --out" in kerasdr(*COMPARE[:-1], "out.csv").usage
    Path("out.csv").write_bytes(before[0]["out.csv"])
    assert (results(), Path("out.ledger").read_bytes()) == before


def test_a_job_that_is_at_work(kerasdr: Kerasdr, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert predict(kerasdr, "old").code == 0
    asked.clear()
    with hold(Path("out.ledger.lock"), "out.csv"):
        assert kerasdr(*COMPARE).left(5).startswith("another job holds out.csv: process")
        assert asked == [] and not Path("trial.csv").exists()
    assert kerasdr(*COMPARE).code == 0
    before = Path("out.ledger").read_bytes()
    with hold(Path("out.ledger.lock"), "out.csv"):
        assert kerasdr(*ACCEPT).left(5).startswith("another job holds out.csv: process")
    assert Path("out.ledger").read_bytes() == before


def test_the_end_of_a_job_that_began_meanwhile_is_waited_for(kerasdr: Kerasdr, monkeypatch: pytest.MonkeyPatch) -> None:
    assert predict(kerasdr, "old").code == 0
    held = hold(Path("out.ledger.lock"), "out.csv")
    real = acceptance.trial_csv

    def begins(trial: Any) -> str:
        held.__enter__()
        return real(trial)

    monkeypatch.setattr(acceptance, "trial_csv", begins)
    monkeypatch.setattr(
        acceptance.time, "sleep", lambda seconds: held.__exit__(None, None, None) if seconds == 1.0 else None
    )
    assert kerasdr(*COMPARE).code == 0 and len(table()) == 5


# What the ledger tells


def test_jobs_knows_what_was_accepted(kerasdr: Kerasdr) -> None:
    taken(kerasdr)
    assert predict(kerasdr, "new").code == 0
    shown = kerasdr("jobs", "show", "out.csv").out
    digest = sha256_of(Path("trial.csv").read_bytes())
    after = f"5 photographs against {label('old')}"
    assert f": {after}; table {digest}\n" in shown and f": by Ada Reader, after {after}; table {digest}\n" in shown
    assert "\naccepted  new-1@" in kerasdr("jobs", "show", "out.csv", "1").out
    rows = list(csv.DictReader(io.StringIO(kerasdr("jobs", "export", "out.csv").out)))
    told = [row for row in rows if row["status"] in ("compared", "accepted")]
    assert [(row["model"], row["status"], row["run"], row["image"]) for row in told] == [
        (label("new"), "compared", "", ""),
        (label("new"), "accepted", "", ""),
    ]
    assert told[1]["reason"] == f"by Ada Reader, after {after}; table {digest}" and told[1]["user"] and told[1]["time"]
    assert [int(row["entry"]) for row in rows] == sorted(int(row["entry"]) for row in rows) and len(rows) == 12
    lines = [json.loads(line) for line in kerasdr("jobs", "export", "out.csv", "--format", "json").out.splitlines()]
    assert [line["reason"] for line in lines if line["status"] == "accepted"] == [told[1]["reason"]]


def test_verify_finds_an_edit_of_an_acceptance(kerasdr: Kerasdr) -> None:
    taken(kerasdr)
    assert kerasdr("jobs", "verify", "out.csv").code == 0
    (entry,) = [entry for entry in read_ledger(Path("out.ledger")) if entry.kind == "accepted"]
    connection = sqlite3.connect("out.ledger")
    connection.execute("DROP TRIGGER no_update")
    connection.execute("UPDATE entries SET body = replace(body, 'Ada Reader', 'Bob') WHERE kind = 'accepted'")
    connection.commit()
    connection.close()
    assert f"entry {entry.sequence} was changed" in kerasdr("jobs", "verify", "out.csv").error
    assert f"entry {entry.sequence} was changed" in predict(kerasdr, "new").error


def test_an_acceptance_holds_who_what_and_when(kerasdr: Kerasdr) -> None:
    from kerasdr.scoring.ledger.begun import system_user

    taken(kerasdr)
    (content,) = [entry.content for entry in read_ledger(Path("out.ledger")) if entry.kind == "accepted"]
    old, new = load_bundle(Path("old")), load_bundle(Path("new"))
    expected = {
        **{"model": new.label, "bundle": new.digest, "old_model": old.label, "old_bundle": old.digest},
        **{"photographs": 5, "gone": 0, "table": sha256_of(Path("trial.csv").read_bytes())},
        **{"by": "Ada Reader", "user": system_user()},
        **{"engine": choose_engine(new), "precision": "float32", "max_megapixels": new.max_megapixels},
    }
    assert {name: content[name] for name in expected} == expected and content["time"].endswith("+00:00")


def test_what_a_later_or_earlier_version_keeps_is_no_hindrance() -> None:
    content = model_content(("new", "2"), ("old", "1"), photographs=5, table="3", engine="openvino")
    assert read_model_entry(1, "compared", {**content, "later": 1}).engine == "openvino"
    earlier = {name: content[name] for name in content.keys() - {"engine", "precision", "max_megapixels"}}
    assert read_model_entry(1, "compared", earlier).engine == ""


# Names


def test_names_are_shown_as_the_csv_shows_them(kerasdr: Kerasdr, eyes: list[bytes]) -> None:
    Path("=1+1_left.png").write_bytes(eyes[5])
    assert kerasdr("predict", "=1+1_left.png", "--out", "out.csv", "--model", "old").code == 0
    assert kerasdr(*COMPARE).code == 0
    assert [row["image"] for row in table()] == ["./=1+1_left.png"] == [row["image"] for row in table("out.csv")]


def test_a_ledger_elsewhere(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old", "out.csv", "--ledger", "kept/jobs.ledger").code == 0
    more = ("--ledger", "kept/jobs.ledger")
    assert kerasdr(*COMPARE, *more).code == 0 and kerasdr(*ACCEPT, *more).code == 0
    assert (
        "MODEL --on out.csv --ledger kept/jobs.ledger --out trial.csv"
        in predict(kerasdr, "third", "out.csv", *more).refused
    )
    assert predict(kerasdr, "new", "out.csv", *more).code == 0 and not Path("out.ledger").exists()


def test_an_output_under_pseudonyms(kerasdr: Kerasdr) -> None:
    key = ("--pseudonymise", "--key", "keys/site.key")
    assert predict(kerasdr, "old", "out.csv", *key).code == 0
    assert kerasdr(*COMPARE).error == (
        "out.csv knows photographs by pseudonyms: name them, or their folder, behind the model, and give their --key"
    )
    names = ("bundle", "compare", "new", "in", *COMPARE[3:], "--key")
    Path("keys/other.key").write_text("0" * 64)
    Path("keys/other.key").chmod(0o600)
    assert "were made with another key: name theirs with --key" in kerasdr(*names, "keys/other.key").error
    ran = kerasdr(*names, "keys/site.key")
    assert ran.code == 0 and "5 photographs of out.csv, the newest\n" in ran.out
    assert sorted(row["image"] for row in table()) == sorted(row["image"] for row in table("out.csv"))
    assert all(row["image"].startswith("p_") for row in table()) and b"_left" not in Path("trial.csv").read_bytes()
    assert kerasdr(*ACCEPT).code == 0
    assert predict(kerasdr, "new", "out.csv", *key).code == 0
    assert "_left" not in Path("out.ledger").read_bytes().decode("latin-1")
    Path("empty").mkdir()
    Path("empty/a.png").write_bytes(b"other")
    said = kerasdr("bundle", "compare", "third", "empty", *COMPARE[3:], "--key", "keys/site.key").error
    assert said.endswith("can be read as it was: name the photographs, or their folder, behind the model")


def test_an_output_with_names_needs_none(kerasdr: Kerasdr) -> None:
    assert predict(kerasdr, "old").code == 0
    said = kerasdr("bundle", "compare", "new", "in", *COMPARE[3:]).error
    assert said == "out.csv tells where its photographs lie: name none of them, and no --key"
