"""Which model may grade: the one expected, signed by whom it should be, and giving its known answers."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.scoring.bundle import load_bundle
from kerasdr.scoring.engine import Batch, EngineOutput
from tests.cli.conftest import FakeEngine, Kerasdr


@pytest.fixture(autouse=True)
def photograph(
    kerasdr: Kerasdr, eye: bytes, engines: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The photograph a.png in an empty folder, and a cache of one's own."""
    Path("a.png").write_bytes(eye)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


class Different(FakeEngine):
    def predict(self, batch: Batch) -> EngineOutput:
        output = super().predict(batch)
        return EngineOutput(output.probabilities + np.array([0.002, 0, 0, -0.002, 0]), output.heatmaps)


def predict(kerasdr: Kerasdr, *more: str, model: str = "model") -> Any:
    return kerasdr("predict", "a.png", "--out", "out.csv", "--model", model, *more)


def test_other_answers_stop_the_job_before_the_first_grade(
    kerasdr: Kerasdr, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    class Counted(Different):
        def predict(self, batch: Batch) -> EngineOutput:
            asked.append(len(batch))
            return super().predict(batch)

    monkeypatch.setattr("kerasdr.scoring.engines.make_engine", lambda *arguments, **options: Counted())
    said = predict(kerasdr).refused
    assert "does not give its known answers on this machine with the engine keras" in said
    assert "probability differs by 0.002 (at most 0.001)" in said
    assert asked == [1] and not Path("out.csv").exists() and not Path("out_gradcam").exists()
    checked = kerasdr("bundle", "check", model)
    assert checked.code == 6 and "1.png       probability differs by 0.002" in checked.out


def test_a_machine_is_checked_once(kerasdr: Kerasdr, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert predict(kerasdr).code == 0
    Path("a.png").write_bytes(Path("a.png").read_bytes() + b"another")  # so that there is work
    monkeypatch.setattr("kerasdr.scoring.golden_host.require_golden", lambda *arguments: pytest.fail("checked again"))
    assert predict(kerasdr).code == 0


def test_a_cache_that_cannot_be_written_is_told(
    kerasdr: Kerasdr, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no folder").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no folder"))
    ran = predict(kerasdr)
    assert ran.code == 0
    (line,) = [line for line in ran.err.splitlines() if "cache" in line]
    assert line == (
        f"the cache {tmp_path}/no folder/kerasdr cannot be written (Not a directory): every job compiles networks and checks "
        "anew; let XDG_CACHE_HOME name a folder that can, by its whole path"
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for _ in range(2):  # checked now, and known
        Path("a.png").write_bytes(Path("a.png").read_bytes() + b"another")
        assert "cache" not in predict(kerasdr).err


def test_check_says_what_it_saw(kerasdr: Kerasdr, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasdr.cli.bundle.load_keras_quietly", lambda: None)
    monkeypatch.setattr("kerasdr.scoring.engines.make_engine", lambda *arguments, **options: FakeEngine())
    ran = kerasdr("bundle", "check", model)
    assert (ran.code, ran.err) == (0, "")
    head, line = ran.out.splitlines()
    assert head == f"{load_bundle(model).label} with the engine keras, float32:"
    assert line == "  1.png       as known; probability 0.0e+00, picture 0.0e+00, heat map 0.0e+00"


def test_without_golden_photographs_it_grades_and_warns(kerasdr: Kerasdr, model: str) -> None:
    from kerasdr.scoring.bundle import write_bundle

    bundle = load_bundle(model)
    write_bundle(Path("old"), name="old-1", members=bundle.members, ensemble=bundle.ensemble, validation={})
    ran = predict(kerasdr, model="old")
    assert ran.code == 0 and len(ran.err.splitlines()) == 1
    assert ran.err.startswith(
        f"warning: {load_bundle('old').label} carries no golden photographs, so that this machine"
    )
    assert "has no golden photographs" in kerasdr("bundle", "check", "old").refused
    assert json.loads(Path("out.summary.json").read_text())["bundle"]["golden_check"].startswith("the model carries no")


def test_quiet_leaves_out_what_asks_for_nothing_to_be_done(kerasdr: Kerasdr, model: str) -> None:
    from kerasdr.scoring.bundle import write_bundle

    bundle = load_bundle(model)
    content = {"members": bundle.members, "ensemble": bundle.ensemble, "validation": {"phantoms": True}}
    write_bundle(Path("drawn"), name="drawn-1", golden=bundle.golden, **content)
    write_bundle(Path("old"), name="old-1", **content)
    first = "warning: drawn-1@.* was trained on synthetic photographs"
    assert re.match(first, predict(kerasdr, model="drawn").err)
    assert predict(kerasdr, "--quiet", "--log", "log", model="drawn").err == ""
    assert "was trained on synthetic photographs" in Path("log").read_text()
    (line,) = predict(kerasdr, "--quiet", model="old").err.splitlines()
    assert "carries no golden photographs" in line


def test_the_model_that_is_expected_and_no_other(kerasdr: Kerasdr, model: str) -> None:
    digest = load_bundle(model).digest
    for start in (digest[:12], digest, digest[:20].upper()):
        assert predict(kerasdr, "--expect", start).code == 0
    Path("out.csv").unlink()
    other = ("0" if digest[0] != "0" else "1") + digest[1:12]
    said = predict(kerasdr, "--expect", other).refused
    assert said.startswith(f"the model is fake-1@{digest[:12]} and not the one whose digest begins with {other}")
    assert not Path("out.csv").exists()
    for short in (digest[:11], "g" * 12, ""):
        assert "is not the start of a digest" in predict(kerasdr, "--expect", short).usage


def test_a_damaged_model_has_the_same_exit_code(kerasdr: Kerasdr, model: str) -> None:
    (Path(model) / "golden" / "1.png").write_bytes(b"x")
    assert "golden/1.png was changed since it was written" in predict(kerasdr).refused
    assert predict(kerasdr, model="none").refused.startswith("no model at none")


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's ssh-keygen is not installed")
def test_signed_by_whom_it_should_be(kerasdr: Kerasdr, model: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"], check=True)
    Path("signers").write_text(f"maker@hospital {Path('key.pub').read_text()}")
    trusted = ("--signers", "signers", "--identity", "maker@hospital")
    assert "is not signed: sign it with" in predict(kerasdr, *trusted).refused
    assert "is not signed" in kerasdr("bundle", "verify", model, *trusted).refused
    label = load_bundle(model).label
    signed = kerasdr("bundle", "sign", model, "--key", "key")
    assert (signed.code, signed.err) == (0, "") and signed.out.startswith(f"signed {label}: ")
    assert kerasdr("bundle", "verify", model, *trusted).out == f"{label} is signed by maker@hospital\n"
    assert predict(kerasdr, *trusted).code == 0
    assert (
        "is not one of eve@hospital" in predict(kerasdr, "--signers", "signers", "--identity", "eve@hospital").refused
    )
    assert "go together" in predict(kerasdr, "--signers", "signers").usage


# The summary


def test_summary_beside_the_csv(kerasdr: Kerasdr, model: str) -> None:
    Path("b.png").write_bytes(b"text")
    ran = kerasdr("predict", "a.png", "b.png", "--out", "out.csv", "--model", model)
    assert ran.code == 3
    summary = json.loads(Path("out.summary.json").read_text())
    assert summary["csv"] == "out.csv"
    assert summary["photographs"] == {
        **{"listed": 2, "graded": 1, "ungradable": 0, "failed": 1, "waiting": 0, "referable": 1, "to_reader": 0},
        "ungradable_share": 0.0,
        "doubtful": 0,
    }
    assert summary["seconds"] > 0 and summary["photographs_per_second"] == pytest.approx(
        2 / summary["seconds"], rel=0.05
    )
    digest = load_bundle(model).digest
    assert summary["bundle"] == {"name": "fake-1", "digest": digest, "golden_check": "passed"}

    def golden_check() -> str:
        assert kerasdr("predict", "a.png", "b.png", "--out", "out.csv", "--model", model).code in (0, 3)
        return str(json.loads(Path("out.summary.json").read_text())["bundle"]["golden_check"])

    assert golden_check() == "not needed: nothing new to grade"  # b.png is known to fail
    Path("b.png").write_bytes(Path("a.png").read_bytes() + b"b")
    assert golden_check().startswith("known on this host since 2")
    assert golden_check() == "not needed: nothing new to grade"
    assert (summary["engine"], summary["precision"]) == ("keras", "float32")
    assert summary["versions"]["numpy"] == np.__version__
    assert summary["drift"]["undefined"] == "the model was written without a reference"
    assert "a.png" not in Path("out.summary.json").read_text()


def test_a_night_that_looks_different_is_warned_of(kerasdr: Kerasdr, model: str, eye: bytes) -> None:
    from kerasdr.scoring.bundle import write_bundle
    from kerasdr.scoring.drift import observe, reference_of

    random = np.random.default_rng(1)
    people = [str(person) for person in range(100)]
    probabilities = random.dirichlet([6, 1, 1, 1, 1], 100)
    figures = [{"detail": value} for value in random.normal(9.0, 0.5, 100)]
    reference = reference_of(observe(people, ["graded"] * 100, probabilities, figures))
    bundle = load_bundle(model)
    write_bundle(
        Path("known"),
        name="known-1",
        members=bundle.members,
        ensemble=bundle.ensemble,
        validation={},
        golden=bundle.golden,
        reference=reference,
    )
    Path("in").mkdir()
    for person in range(50):
        (Path("in") / f"{person}_left.png").write_bytes(eye)
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", "known", "--no-gradcam")
    assert ran.code == 0 and len(ran.err.splitlines()) == 1
    assert ran.err.startswith(
        "warning: the new photographs of 50 people are not like those that the model was validated on: "
    )
    assert "sharpness (detail)" in ran.err and "at the median, " in ran.err
    drift = json.loads(Path("out.summary.json").read_text())["drift"]
    assert {"grades", "detail", "prob_referable"} <= set(drift["differs"])


def test_new_photographs_are_compared_once_and_few_are_left_until_there_are_enough(
    kerasdr: Kerasdr, model: str, eye: bytes
) -> None:
    """Of an output that grows: what is new is not hidden by what is old, and no photograph is looked at twice."""
    from kerasdr.scoring.bundle import write_bundle
    from kerasdr.scoring.drift import observe, reference_of

    random = np.random.default_rng(1)
    people = [str(person) for person in range(100)]
    figures = [{"detail": value} for value in random.normal(9.0, 0.5, 100)]
    reference = reference_of(observe(people, ["graded"] * 100, random.dirichlet([6, 1, 1, 1, 1], 100), figures))
    bundle = load_bundle(model)
    about = {"members": bundle.members, "ensemble": bundle.ensemble, "validation": {}, "golden": bundle.golden}
    write_bundle(Path("known"), name="known-1", **about, reference=reference)
    Path("in").mkdir()

    def night(first: int, count: int) -> tuple[int, list[int], str, str]:
        """With so many new people: photographs, people of the tests, why there is none, what was said."""
        for person in range(first, first + count):
            Path(f"in/{person:03d}_left.png").write_bytes(eye + b"%d" % person)
        ran = kerasdr("predict", "in", "--out", "out.csv", "--model", "known", "--no-gradcam")
        assert ran.code == 0
        drift = json.loads(Path("out.summary.json").read_text())["drift"]
        return (
            drift["photographs"],
            [one["people"] for one in drift["quantities"][:1]],
            drift["undefined"],
            ran.err[:30],
        )

    def few(count: int) -> str:
        more = "they are of fewer than 50 people; the next job has them as well"
        return f"too few new photographs ({count}) to compare: {more}"

    warned = "warning: the new photographs o"
    assert night(0, 120) == (120, [120], "", warned)
    assert night(0, 0) == (0, [], few(0), "")
    assert night(120, 30) == (30, [], few(30), "")
    assert night(150, 19) == (49, [], few(49), "")
    assert night(169, 1) == (50, [50], "", warned)
    assert night(170, 1) == (1, [], few(1), "")
    Path("out.summary.json").write_text("{}")
    assert night(0, 0) == (171, [171], "", warned)
    Path("out.ledger").unlink()  # and with it the numbers of its entries: all is graded anew
    for path in list(Path("in").iterdir())[60:]:
        path.unlink()
    assert night(0, 0)[:2] == (60, [60])


# The card


def test_card_of_a_bundle_that_records_nothing(kerasdr: Kerasdr, model: str) -> None:
    lines = kerasdr("bundle", "show", model).out.splitlines()
    card = dict(line.strip().split(": ", 1) for line in lines[lines.index("card") + 1 :])
    for name in ("data", "people", "split", "calibration", "reference for drift", "when"):
        assert card[name] == "not recorded", name
    assert card["figures"] == "on validation, which chose the ensemble: not recorded"
    assert card["golden photographs"] == "1, answered by fake; see `kerasdr bundle check`"
    assert card["recipe"] == "clahe-crop at 48 px: circular-crop, clahe"
    assert card["not for"].startswith("diagnosis or treatment without a reader")


# The doctor


def test_doctor(kerasdr: Kerasdr, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasdr.cli.doctor.load_keras_quietly", lambda: None)
    monkeypatch.setattr("kerasdr.scoring.doctor.model.make_engine", lambda *arguments, **options: FakeEngine())
    ran = kerasdr("doctor", "--model", model)
    assert (ran.code, ran.err) == (0, ""), ran.out
    lines = ran.out.splitlines()
    assert all(line.split()[0] in ("ok", "warning") for line in lines)
    assert "ok       golden check: 1 photographs give the known answers; largest difference 0.0e+00" in lines
    told = json.loads(kerasdr("doctor", "--model", model, "--json").out)
    assert told["fit"] is True and len(told["points"]) == len(lines)
    monkeypatch.setattr("kerasdr.scoring.doctor.model.make_engine", lambda *arguments, **options: Different())
    ran = kerasdr("doctor", "--model", model)
    assert ran.code == 1 and "problem  golden check: fake-1@" in ran.out
    assert kerasdr("doctor", "--model", "none").out.count("problem ") == 1
    assert "warning  model: none is named" in kerasdr("doctor").out
