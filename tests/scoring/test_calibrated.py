"""A bundle that was calibrated: what travels, and what it does to rows."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.calibration import CalibrationMap, CalibrationPart, NoCalibration, calibrated
from kerasdr.calibration.maps import IsotonicCalibration, Steps, TemperatureScaling, VectorScaling
from kerasdr.calibration.part import GradeSets, LogLoss, OperatingPoint, Reached
from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec, combine
from kerasdr.errors import KerasdrError
from kerasdr.files import sha256_of_file
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.build import put_graphs, rebuild
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import Batch, EngineOutput, ensemble_output
from kerasdr.scoring.engines import make_engine
from kerasdr.scoring.isolation.readers import Readers
from kerasdr.scoring.job import run_job, score_photographs
from kerasdr.scoring.ledger.audit import read_output, verify
from kerasdr.scoring.operation.merging import merge_parts
from kerasdr.scoring.operation.parts import Part
from kerasdr.scoring.photographs import Photograph
from kerasdr.scoring.unanswered import LOST_RUNS
from tests.scoring.conftest import FakeEngine

MakeBundle = Callable[..., Path]

_TO_READER = "to a reader (in doubt, ungradable or failed)"

THIRD = 1.0 / 3.0
KNOTS = Steps(x=(0.1, THIRD, 0.7), y=(0.0, 0.2, 1.0))
MAPS: list[CalibrationMap] = [
    NoCalibration(),
    TemperatureScaling(temperature=1.0 / 0.7),
    VectorScaling(slopes=(THIRD, 1, 1.5, 0, 2), offsets=(-0.1, 0, 3.0, 0, THIRD)),
    IsotonicCalibration(steps=(KNOTS,) * 4, share_kept=1 / 71),
]


def part(mapping: CalibrationMap, threshold: float | None = 0.5, quantile: float | None = 0.6) -> CalibrationPart:
    return CalibrationPart(
        people=70,
        photographs=140,
        mapping=mapping,
        reason="tried",
        log_loss=LogLoss(before=1.25, after=1.125),
        operating_point=OperatingPoint(
            figure="sensitivity",
            target=0.9,
            threshold=threshold,
            undefined="" if threshold is not None else "3 validation people are too few",
            reached={"sensitivity": Reached(value=0.91, low=0.8, high=0.97)} if threshold is not None else {},
        ),
        sets=GradeSets(level=0.9, quantile=quantile),
    )


@pytest.mark.parametrize("mapping", MAPS, ids=lambda mapping: mapping.method)
def test_every_number_comes_back(mapping: CalibrationMap, make_bundle: MakeBundle, tmp_path: Path) -> None:
    given = part(mapping)
    assert load_bundle(make_bundle(tmp_path / "b", calibration=given)).calibration == given


def test_a_bundle_without_it_is_as_before(make_bundle: MakeBundle, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b")
    assert "calibration" not in json.loads((folder / "manifest.json").read_text())
    bundle = load_bundle(folder)
    assert bundle.calibration is None
    members = np.random.default_rng(0).dirichlet(np.ones(5), (2, 7))
    assert np.array_equal(bundle.combined(members), combine(bundle.ensemble, members))


@pytest.mark.parametrize("byte", range(5))
def test_one_changed_byte_is_refused(byte: int, make_bundle: MakeBundle, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b", calibration=part(MAPS[1]))
    data = (folder / "manifest.json").read_bytes()
    place = data.index(b'"temperature": 1.4') + 15 + byte
    (folder / "manifest.json").write_bytes(data[:place] + b"7" + data[place + 1 :])
    with pytest.raises(KerasdrError, match=r"manifest\.json was changed since it was written"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c["mapping"].update(method="eval"), "calibration.mapping"),
        (lambda c: c["mapping"].update(temperature=-1), "calibration.mapping.temperature.temperature"),
        (lambda c: c["mapping"].update(code="import os"), "calibration.mapping.temperature.code"),
        (lambda c: c["sets"].update(quantile=2), "calibration.sets.quantile"),
        (lambda c: c["operating_point"].update(threshold=None), "a threshold, or a reason"),
        (lambda c: c.pop("people"), "calibration.people"),
    ],
)
def test_what_says_something_else_is_refused(
    edit: Callable[[dict[str, Any]], object], words: str, make_bundle: MakeBundle, tmp_path: Path
) -> None:
    folder = make_bundle(tmp_path / "b", calibration=part(MAPS[1]))
    manifest = json.loads((folder / "manifest.json").read_text())
    edit(manifest["calibration"])
    (folder / "manifest.json").write_text(json.dumps(manifest))
    sums = (folder / "SHA256SUMS").read_text().splitlines()
    new = f"{sha256_of_file(folder / 'manifest.json')}  manifest.json"
    (folder / "SHA256SUMS").write_text("".join(f"{new if 'manifest' in line else line}\n" for line in sums))
    with pytest.raises(KerasdrError, match=words) as refused:
        load_bundle(folder)
    assert "write it again with this kerasdr" in str(refused.value)


def test_new_graphs_leave_it_in_place(make_bundle: MakeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasdr.scoring.build.kept_golden", lambda bundle: None)  # its weights fit no network
    folder = make_bundle(tmp_path / "b", calibration=part(MAPS[2]))
    assert put_graphs(folder, load_bundle(folder), []).calibration == part(MAPS[2])


def test_the_heat_map_is_that_of_the_calibrated_grade() -> None:
    p = np.array([[0.5, 0.4, 0.1, 0.0, 0.0]])
    heat = np.zeros((1, 2, 2, 5), np.float32)
    heat[0, 0, 0, 0] = heat[0, 1, 1, 1] = 1.0
    worse = part(VectorScaling(slopes=(1,) * 5, offsets=(0, 1, 0, 0, 0)))
    for calibration, grade in ((None, 0), (worse, 1)):
        output = ensemble_output(EnsembleSpec("soft", (1.0,)), [p], [heat], calibration)
        assert output.probabilities.argmax() == grade
        assert output.heatmaps is not None and output.heatmaps[0, grade, grade] == 1.0 == output.heatmaps.sum()


class Says(FakeEngine):
    """The same probabilities for every photograph."""

    probabilities = (0.05, 0.3, 0.4, 0.15, 0.1)

    def predict(self, batch: Batch) -> EngineOutput:
        return EngineOutput(np.tile(self.probabilities, (len(batch), 1)), None)


@pytest.fixture
def bundles(make_bundle: MakeBundle, tmp_path: Path) -> Callable[..., Bundle]:
    def make(calibration: CalibrationPart | None) -> Bundle:
        return load_bundle(make_bundle(tmp_path / "bundle", calibration=calibration))

    return make


@pytest.mark.parametrize(
    ("quantile", "threshold", "expected"),
    [
        (0.0, 0.65, ("2", True, False)),
        (0.0, 0.66, ("2", False, False)),
        (0.5, 0.5, ("1 to 2", True, True)),
        (0.75, None, ("1 to 3", None, True)),
        (None, 0.5, ("0 to 4", True, True)),
    ],
)
def test_rows_say_what_follows(
    quantile: float | None,
    threshold: float | None,
    expected: tuple[str, bool | None, bool],
    bundles: Callable[..., Bundle],
    good: list[bytes],
    tmp_path: Path,
) -> None:
    (tmp_path / "a.png").write_bytes(good[0])
    bundle = bundles(part(NoCalibration(), threshold, quantile))
    (row,) = score_photographs(tmp_path / "a.png", bundle, engine=Says(bundle, 4, False))
    assert (row.grade_set, row.screen_positive, row.refer_to_reader) == expected


def test_who_goes_to_a_reader(
    bundles: Callable[..., Bundle], good: list[bytes], bad: dict[str, bytes], tmp_path: Path
) -> None:
    for name, data in (("a", good[0]), ("b", good[1]), ("dark", bad["dark"]), ("text", bad["text"])):
        (tmp_path / f"{name}.png").write_bytes(data)
    names = [str(tmp_path / f"{name}.png") for name in ("a", "b", "dark", "text")]

    def job(calibration: CalibrationPart | None) -> tuple[list[list[str]], str]:
        bundle = bundles(calibration)
        done = run_job(names, bundle, tmp_path / "out.csv", gradcam=False, factory=Says)
        lines = (tmp_path / "out.csv").read_text().splitlines()
        return [line.split(",")[-3:] for line in lines], done.sentence()

    rows, sentence = job(part(NoCalibration(), 0.7, 0.5))
    assert rows == [
        ["grade_set", "screen_positive", "refer_to_reader"],
        ["1 to 2", "no", "yes"],
        ["1 to 2", "no", "yes"],
        ["", "", "yes"],
        ["", "", "yes"],
    ]
    assert sentence.endswith("; 2 referable (grade 2 or worse); 4 " + _TO_READER)
    rows, sentence = job(None)
    assert rows[1:] == [["", "", ""]] * 4
    assert sentence.endswith("; 2 referable (grade 2 or worse)")


def test_a_failure_goes_to_a_reader_however_it_is_known(
    bundles: Callable[..., Bundle],
    good: list[bytes],
    bad: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    bundle = bundles(part(NoCalibration(), 0.7, 0.5))
    Path("in").mkdir()
    for name, data in (("1_left", good[0]), ("2_left", bad["text"]), ("4_left", good[1])):
        Path(f"in/{name}.png").write_bytes(data)
    os.mkfifo("in/3_left.png")  # it fails without a digest

    def job(out: str, **options: Any) -> list[list[str]]:
        done = run_job(["in"], bundle, Path(out), gradcam=False, factory=Says, **options)
        assert done.sentence().endswith(f"{sum(row.refer_to_reader is True for row in done.rows)} {_TO_READER}")
        return [[row.status, row.cells()[-1]] for row in done.rows]

    expected = [["graded", "yes"], ["failed", "yes"], ["failed", "yes"], ["graded", "yes"]]
    with monkeypatch.context() as earlier:  # versions that left the cell of a failure empty
        earlier.setattr("kerasdr.scoring.grading.refers", lambda bundle: False)
        earlier.setattr("kerasdr.scoring.job.refers", lambda bundle: False)
        assert job("old.csv") == [["graded", "yes"], ["failed", ""], ["failed", ""], ["graded", "yes"]]
    assert job("new.csv") == expected
    for out in ("old.csv", "new.csv", "old.csv"):
        before = Path(out).read_bytes()
        assert job(out) == expected
        assert out == "old.csv" or Path(out).read_bytes() == before
        checked = verify(read_output(Path(out)))
        assert checked.csv_is
    for number in (1, 2):
        job(f"part{number}.csv", select=lambda listed, number=number: Part(number, 2).select(listed()))
    merged = merge_parts([Path("part1.csv"), Path("part2.csv")], Path("merged.csv"))
    assert [[row.status, row.cells()[-1]] for row in merged.rows] == expected
    assert Path("merged.csv").read_bytes() == Path("new.csv").read_bytes()


@pytest.mark.parametrize("waits", [True, False])
def test_of_those_whose_reading_was_lost_only_the_failed_go_to_a_reader(
    waits: bool, bundles: Callable[..., Bundle], good: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(good[0])
    (tmp_path / "b.png").write_bytes(good[1])
    lost = Photograph(0, "waiting", "reading this file took more than 30 s: run again", lost=1)
    monkeypatch.setattr(Readers, "load", lambda self, index, entry: replace(lost, index=index))
    bundle = bundles(part(NoCalibration(), 0.7, 0.5))
    for _ in range(1 if waits else LOST_RUNS):
        done = run_job([str(tmp_path)], bundle, tmp_path / "g.csv", gradcam=False, factory=Says)
    expected = ("waiting", "") if waits else ("failed", "yes")
    assert [(row.status, row.cells()[-1]) for row in done.rows] == [expected] * 2


def test_all_engines_give_the_same_calibrated_probabilities(
    eyes: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.imaging.recipes import apply_recipe
    from kerasdr.models import build_classifier, get_weights

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = ModelSpec(trunk="tiny", weights="none", head_units=(8,))
    recipe = get_recipe("clahe-crop", 48)
    members = [
        BundleMember(f"m{seed}", spec, recipe, get_weights(build_classifier(spec, 48, seed=seed))) for seed in (1, 2)
    ]
    content: dict[str, Any] = {"members": members, "ensemble": EnsembleSpec("soft", (0.5, 0.5)), "validation": {}}
    write_bundle(tmp_path / "b", name="b", calibration=part(MAPS[2]), **content)
    bundle = rebuild(tmp_path / "b", ["openvino", "onnxruntime"])
    assert bundle.calibration == part(MAPS[2])
    images = np.stack([apply_recipe(recipe, eye) for eye in eyes])
    batch = Batch([images], {}, {})
    raw = make_engine(replace(bundle, calibration=None), 8, False, engine="keras").predict(batch).probabilities
    expected = calibrated(MAPS[2], raw)
    assert np.abs(expected - raw).max() > 0.05
    for engine in ("keras", "openvino", "onnxruntime"):
        said = make_engine(bundle, 8, False, engine=engine).predict(batch).probabilities  # type: ignore[arg-type]
        assert said == pytest.approx(expected, abs=1e-5)
        assert np.array_equal(said.argmax(axis=1), expected.argmax(axis=1))
        assert bundle.calibration is not None
        assert bundle.calibration.decide(said).texts == bundle.calibration.decide(expected).texts


def test_lines_for_people() -> None:
    assert part(MAPS[1]).lines() == [
        "calibration: temperature 1.429, log-loss 1.2500 before, 1.1250 after out of fold, on 140 validation photographs of "
        "70 people",
        "screening: positive from prob_referable 0.5000 on, target sensitivity 0.9; reached there sensitivity 0.910 (0.800 "
        "to 0.970)",
        "grade sets: level 0.9, quantile 0.6000",
    ]
    assert part(MAPS[0], None, None).lines() == [
        "calibration: none, log-loss 1.2500, on 140 validation photographs of 70 people",
        "screening: target sensitivity 0.9: undefined, because 3 validation people are too few",
        "grade sets: level 0.9, every set is 0-4, because validation has too few people",
    ]
