"""Golden photographs: what they are, that a machine which gives their answers passes, and that no other does."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.errors import KerasdrError, ModelRefusedError
from kerasdr.imaging import quality
from kerasdr.imaging.decode import decode
from kerasdr.imaging.headers import read_header
from kerasdr.imaging.prepare import decode_for, decoding_side, prepare
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring import golden_host
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.engine import Batch, EngineOutput
from kerasdr.scoring.golden import _summary, ask, compare_golden, make_golden, require_golden, with_precision
from kerasdr.scoring.golden_host import check_here
from kerasdr.scoring.golden_part import EXPECTED, Golden, GoldenPart
from kerasdr.scoring.golden_photographs import draw_golden_photographs
from kerasdr.scoring.reading import WaitingPhotograph
from tests.scoring.conftest import FakeEngine

MakeBundle = Callable[..., Path]
GRADED = ["1_left.png", "1_right.png", "2_left.jpg", "2_right.png", "3_l1.png", "3_l2.jpg", "4_left.jpg", "5_left.jpg"]


@pytest.fixture(scope="module")
def photographs() -> dict[str, bytes]:
    return draw_golden_photographs([get_recipe("clahe-crop", 48)])


@pytest.fixture(scope="module")
def golden(bundle: Bundle, photographs: dict[str, bytes]) -> Golden:
    return make_golden(bundle, FakeEngine(bundle, 16, True), photographs, "fake 1")


@pytest.fixture(scope="module")
def checked(golden: Golden, make_bundle: MakeBundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with golden photographs that are answered by the fake engine."""
    return load_bundle(make_bundle(tmp_path_factory.mktemp("golden") / "bundle", golden=golden))


class Changed(FakeEngine):
    """The fake engine with its answers changed."""

    def __init__(self, bundle: Bundle, change: Callable[[EngineOutput], EngineOutput], gradcam: bool = True) -> None:
        super().__init__(bundle, 16, gradcam)
        self.change = change

    def predict(self, batch: Batch) -> EngineOutput:
        return self.change(super().predict(batch))


def moved(by: float) -> Callable[[EngineOutput], EngineOutput]:
    """Move probability from the first grade to the last of the third photograph."""

    def change(output: EngineOutput) -> EngineOutput:
        probabilities = output.probabilities.copy()
        probabilities[2, [0, 4]] += (-by, by)
        return EngineOutput(probabilities, output.heatmaps)

    return change


# The photographs


def test_they_are_small_and_the_same_each_time(photographs: dict[str, bytes]) -> None:
    assert sum(map(len, photographs.values())) < 400_000
    assert draw_golden_photographs([get_recipe("clahe-crop", 48)]) == photographs


def test_each_is_what_the_table_says(photographs: dict[str, bytes]) -> None:
    recipe = get_recipe("clahe-crop", 224)
    made = {name: prepare(data, recipe).quality for name, data in photographs.items()}
    assert [name for name, judged in made.items() if judged.gradable] == GRADED
    reasons = {name: judged.reason.split(":")[0] for name, judged in made.items() if not judged.gradable}
    assert reasons == {
        "4_right.jpg": "too dark",
        "5_right.jpg": "out of focus",
        "6_left.jpg": "only part of the retina is lit",
        "6_right.jpg": "too bright",
    }
    assert read_header(photographs["2_left.jpg"]).orientation == 6
    assert (
        photographs["2_right.png"][24] == 16 and photographs["3_l1.png"][25] == 6
    )  # PNG: bit depth; colour with opacity
    large = read_header(photographs["3_l2.jpg"])
    assert decode(photographs["3_l2.jpg"], min_side=decoding_side(recipe)).shape[0] == large.height // 2


def test_those_at_the_gate_are_near_it_on_both_sides(photographs: dict[str, bytes]) -> None:
    limits = {"brightness": quality._MIN_BRIGHTNESS, "detail": quality._MIN_DETAIL, "field": quality._MIN_FIELD}
    limits["overexposed"] = quality._MAX_OVEREXPOSED
    recipe = get_recipe("clahe-crop", 224)
    for name, figure, low, high in (
        ("4_left.jpg", "brightness", 1.12, 1.25),
        ("4_right.jpg", "brightness", 0.8, 0.88),
        ("5_left.jpg", "detail", 1.12, 1.25),
        ("5_right.jpg", "detail", 0.8, 0.88),
        ("6_left.jpg", "field", 0.8, 0.88),
        ("6_right.jpg", "overexposed", 1.12, 1.4),
    ):
        figures = prepare(photographs[name], recipe).quality.figures
        assert low <= figures[figure] / limits[figure] <= high, (name, figures)
        others = {key: value for key, value in figures.items() if key in limits and key != figure}
        assert all((others[key] > limits[key]) == (key != "overexposed") for key in others), (name, figures)


@pytest.mark.parametrize("size", [48, 128, 224, 320])
def test_no_crop_is_a_hair_from_another(size: int, photographs: dict[str, bytes]) -> None:
    # Where a circle is fitted, processors differ in the last digits: that must not move a crop by a whole pixel.
    for name, data in draw_golden_photographs([get_recipe("clahe-crop", size)]).items():
        if name not in GRADED:
            continue
        _, disc = decode_for(data, get_recipe("clahe-crop", size))
        side = round(2 * disc.radius)
        for value in (2 * disc.radius, disc.x - (side - 1) / 2, disc.y - (side - 1) / 2):
            assert abs(value % 1.0 - 0.5) > 1e-3, (name, disc)


# Making and comparing


def test_round_trip(checked: Bundle, golden: Golden, photographs: dict[str, bytes]) -> None:
    assert checked.golden is not None
    assert dict(checked.golden.files) == dict(golden.files)
    assert checked.golden.part == golden.part
    by_name = {photograph.file: photograph for photograph in golden.part.photographs}
    assert [name for name, one in by_name.items() if one.status == "graded"] == GRADED
    assert by_name["1_left.png"].partner == "1_right.png"
    assert by_name["4_left.jpg"].partner == ""  # the other eye is ungradable
    assert len(golden.part.probabilities["float32"]) == len(GRADED)
    found = compare_golden(checked, FakeEngine(checked, 16, True))
    assert [one.wrong for one in found] == [""] * 12
    assert max(one.largest.get("heat map", 0.0) for one in found) < 1e-3


def test_probabilities_are_those_of_the_photographs_in_order(
    bundle: Bundle, golden: Golden, photographs: dict[str, bytes]
) -> None:
    alone = ask(bundle, FakeEngine(bundle, 16, True), {"5_left.jpg": photographs["5_left.jpg"]})
    np.testing.assert_allclose(golden.part.probabilities["float32"][-1], alone.probabilities[0])


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_batches_of_any_size_give_the_same(batch_size: int, checked: Bundle) -> None:
    found = compare_golden(checked, FakeEngine(checked, batch_size, True), batch_size=batch_size)
    assert not any(one.wrong for one in found)


def test_a_thousandth_passes_and_more_does_not(checked: Bundle) -> None:
    assert not any(one.wrong for one in compare_golden(checked, Changed(checked, moved(0.9e-3))))
    (bad,) = [one for one in compare_golden(checked, Changed(checked, moved(1.1e-3))) if one.wrong]
    assert (bad.file, bad.wrong) == ("2_left.jpg", "probability differs by 0.0011 (at most 0.001)")


def test_nan_is_no_small_difference(checked: Bundle) -> None:
    with pytest.raises(ValueError, match="gave no probabilities"):
        compare_golden(checked, Changed(checked, moved(float("nan"))))


def test_heat_maps_are_compared_if_there_are_any(checked: Bundle) -> None:
    def dimmed(output: EngineOutput) -> EngineOutput:
        assert output.heatmaps is not None
        return EngineOutput(output.probabilities, output.heatmaps * 0.9)

    assert "heat map differs by 0.1" in compare_golden(checked, Changed(checked, dimmed))[0].wrong
    without = compare_golden(checked, FakeEngine(checked, 16, False))
    assert not any(one.wrong for one in without) and "heat map" not in without[0].largest


def test_another_status_or_partner_is_told(checked: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(quality, "_MIN_DETAIL", 5.0)
        said = compare_golden(checked, FakeEngine(checked, 16, True), isolate=False)[0].wrong
        assert said == "is ungradable here (out of focus: take it again), and should be graded"
    monkeypatch.setattr("kerasdr.scoring.grading.find_partners", lambda inputs, pairing: np.full(len(inputs), -1))
    assert (
        "was seen with no partner, and should be with 1_right.png"
        in compare_golden(checked, FakeEngine(checked, 16, True))[0].wrong
    )


def test_photographs_are_read_by_the_processes_that_read_those_of_a_job(
    checked: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(path: str, listed: bool) -> bytes:
        raise WaitingPhotograph("the share is away")

    monkeypatch.setattr("kerasdr.scoring.photographs.read_bytes", away)  # of this process alone
    assert not any(one.wrong for one in compare_golden(checked, FakeEngine(checked, 16, True)))
    said = [one.wrong for one in compare_golden(checked, FakeEngine(checked, 16, True), isolate=False)]
    assert said[0] == "cannot be read (the share is away), and should be graded" and all(said)


def test_refusal_is_one_line_with_the_first_that_differs(checked: Bundle) -> None:
    with pytest.raises(ModelRefusedError) as caught:
        require_golden(checked, Changed(checked, moved(0.01)), "openvino")
    said = str(caught.value)
    assert caught.value.exit_code == 6 and "\n" not in said
    assert f"{checked.label} does not give its known answers on this machine with the engine openvino" in said
    assert "golden photograph 2_left.jpg: probability differs by 0.01 (at most 0.001)" in said


def test_a_lower_precision_is_compared_with_its_own_answers(checked: Bundle, golden: Golden) -> None:
    lower = with_precision(golden, checked, Changed(checked, moved(0.03)), "int8")
    both = replace(checked, golden=lower)
    usual = FakeEngine(checked, 16, True)
    assert not any(one.wrong for one in compare_golden(both, usual, "float32"))
    assert any(one.wrong for one in compare_golden(both, usual, "int8"))  # 0.03, and 0.02 may be
    assert not any(one.wrong for one in compare_golden(both, Changed(checked, moved(0.045)), "int8"))
    with pytest.raises(ModelRefusedError, match="no golden photographs for int8"):
        compare_golden(checked, usual, "int8")


def test_summary_is_mean_and_spread_of_blocks() -> None:
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    picture[0, :2, :2, 1] = [[10, 20], [30, 40]]
    mean, spread = _summary(picture)
    assert mean.shape == spread.shape == (1, 16, 16, 3)
    assert mean[0, 0, 0].tolist() == [0, 25, 0] and mean.sum() == 25
    assert spread[0, 0, 0, 1] == pytest.approx(np.std([10, 20, 30, 40]))
    mean, _ = _summary(np.full((2, 50, 50, 3), 7, np.uint8))  # no multiple of 16
    assert mean.shape == (2, 16, 16, 3) and (mean == 7).all()


def test_without_a_place_for_temporary_files(checked: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(KerasdrError, match=r"no place for temporary files .*TMPDIR"):
        compare_golden(checked, FakeEngine(checked, 16, True))


@pytest.mark.parametrize(
    "change",
    [
        {"photographs": []},
        {"photographs": [{"file": "../a.png", "status": "graded", "partner": ""}]},
        {"photographs": [{"file": "a.exe", "status": "graded", "partner": ""}]},
        {"photographs": [{"file": "a.png", "status": "failed", "partner": ""}]},
        {"photographs": [{"file": "a.png", "status": "graded", "partner": ""}] * 2},
        {"probabilities": {}},
        {"probabilities": {"float32": [[0.2] * 5]}},
        {"probabilities": {"float32": [[0.2] * 4] * 8}},
    ],
)
def test_golden_part_that_makes_no_sense(change: dict[str, Any], golden: Golden) -> None:
    with pytest.raises(ValueError):
        GoldenPart(**{**golden.part.model_dump(), **change})


def test_damaged_expectation_is_refused(make_bundle: MakeBundle, golden: Golden, tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b", golden=golden)
    file = folder / "golden" / EXPECTED
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelRefusedError, match=f"golden/{EXPECTED} was changed"):
        load_bundle(folder)


# Once a machine


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kerasdr" / "golden"


def checks(bundle: Bundle, **options: Any) -> int:
    """Check, and return how many batches that took."""
    engine = FakeEngine(bundle, 16, True)
    said = check_here(bundle, engine, options.pop("name", "keras"), **{"gradcam": True, **options})
    assert (
        said == "passed"
        if engine.batches
        else re.fullmatch(r"known on this host since \d{4}-[-\d]+T[\d:]+\+00:00", said)
    )
    return len(engine.batches)


def test_it_is_done_once_and_again_when_anything_that_computes_changes(
    checked: Bundle, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checks(checked) == 1
    assert checks(checked) == 0
    assert checks(checked, name="onnxruntime") == 1
    assert checks(checked, gradcam=False) == 1
    assert checks(replace(checked, digest="f" * 64)) == 1
    with monkeypatch.context() as patch:
        patch.setattr(golden_host, "__version__", "9.9")
        assert checks(checked) == 1
    with monkeypatch.context() as patch:
        patch.setattr(golden_host, "processor_name", lambda: "another")
        assert checks(checked) == 1
    with monkeypatch.context() as patch:
        versions = golden_host.metadata.version
        patch.setattr(golden_host.metadata, "version", lambda name: "0.1" if name == "numpy" else versions(name))
        assert checks(checked) == 1
    with monkeypatch.context() as patch:
        patch.setattr(golden_host, "graphics_processors", lambda: ["a processor"])
        assert checks(checked) == 1
    for setting in ("KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE"):
        with monkeypatch.context() as patch:
            patch.setenv(setting, "0")
            assert checks(checked) == 1
    with monkeypatch.context() as patch:
        (cache.parent / "keras.json").write_text('{"floatx": "float16"}')
        patch.setenv("KERAS_HOME", str(cache.parent))
        assert checks(checked) == 1
    with monkeypatch.context() as patch:
        patch.setattr(golden_host, "code_digest", lambda package: "of another checkout")
        assert checks(checked) == 1
    assert checks(checked) == 0
    assert len(list(cache.iterdir())) == 13


def test_code_that_was_edited_has_another_digest(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    module = tmp_path / "part" / "module.py"
    module.write_text("MARGIN = 1\n")

    def digest() -> str:
        golden_host.code_digest.cache_clear()
        return golden_host.code_digest(tmp_path)

    first = digest()
    (tmp_path / "part" / "module.pyc").write_text("x")
    assert digest() == first
    changed = os.stat(module).st_mtime_ns + 1
    module.write_text("MARGIN = 2\n")  # of the same length
    os.utime(module, ns=(changed, changed))
    second = digest()
    module.rename(tmp_path / "module.py")
    assert len({first, second, digest()}) == 3


def test_a_failed_check_is_not_remembered(checked: Bundle, cache: Path) -> None:
    for _ in range(2):
        with pytest.raises(ModelRefusedError):
            check_here(checked, Changed(checked, moved(0.01)), "keras", gradcam=True)
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_means_a_check_each_time(
    checked: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert [checks(checked), checks(checked)] == [1, 1]


def test_bundle_without_golden_photographs_cannot_be_checked(bundle: Bundle, cache: Path) -> None:
    assert check_here(bundle, FakeEngine(bundle, 16, True), "keras", gradcam=True) == golden_host.NONE
    with pytest.raises(ModelRefusedError, match=r"no golden photographs .*make it again with `kerasdr bundle build`"):
        compare_golden(bundle, FakeEngine(bundle, 16, True))


def test_manifest_of_a_bundle_without_them_has_no_word_of_them(make_bundle: MakeBundle, tmp_path: Path) -> None:
    manifest = json.loads((make_bundle(tmp_path / "b") / "manifest.json").read_text())
    assert not {"golden", "about", "reference", "calibration"} & set(manifest)
    assert sorted(os.listdir(tmp_path / "b")) == ["SHA256SUMS", "manifest.json", "weights"]
