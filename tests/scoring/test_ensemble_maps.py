"""Maps of a whole bundle: those that the engine draws, and those of a network whose map is known beforehand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.calibration.maps import VectorScaling
from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import KerasdrError
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import Batch
from kerasdr.scoring.engine_keras import KerasEngine
from kerasdr.scoring.ensemble_maps import EnsembleMaps
from tests.scoring.test_calibrated import part

SIZE = 48


def write(folder: Path, members: list[BundleMember]) -> Bundle:
    spec = EnsembleSpec("soft", tuple(1 / len(members) for _ in members))
    write_bundle(folder, name="maps-1", members=members, ensemble=spec, validation={})
    return load_bundle(folder)


def member(name: str, recipe: str = "clahe-crop", seed: int = 0, **changes: Any) -> BundleMember:
    from kerasdr.models import build_classifier, get_weights

    spec = ModelSpec(**{"trunk": "tiny", "weights": "none", "head": "linear", **changes})
    return BundleMember(name, spec, get_recipe(recipe, SIZE), get_weights(build_classifier(spec, SIZE, seed=seed)))


def planted() -> BundleMember:
    """Only grade 3 has a logit: how much green there is; the map is green itself, an eighth of the size."""
    from kerasdr.models import build_classifier, get_weights, set_weights

    spec = ModelSpec(trunk="tiny", weights="none", head="linear")
    network = build_classifier(spec, SIZE)
    for layer in network.layers:
        weights = [np.zeros_like(array) for array in layer.get_weights()]
        if layer.name.endswith("_conv"):
            weights[0][1, 1, 1 if layer.name == "block1_conv" else 0, 0] = 1
        elif layer.name.endswith("_bn"):
            weights[0][:], weights[3][:] = 1, 1
        elif layer.name == "logits":
            weights[0][0, 3] = 1
        layer.set_weights(weights)
    own = get_weights(network)
    set_weights(network, own)
    return BundleMember("planted", spec, get_recipe("none", SIZE), own)


def batch_of(bundle: Bundle, images: np.ndarray) -> Batch:
    n = len(images)
    partners = {"both-eyes": [images[::-1] for _ in bundle.recipes]}
    return Batch([images for _ in bundle.recipes], partners, {"both-eyes": np.arange(n) % 2 == 0})


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (19, SIZE, SIZE, 3), np.uint8)


def test_maps_are_those_of_the_engine(tmp_path: Path, images: np.ndarray) -> None:
    bundle = write(tmp_path / "b", [member("dual", mode="dual", attention="spatial"), member("single", seed=2)])
    maps, batch = EnsembleMaps(bundle), batch_of(bundle, images)
    engine = KerasEngine(bundle, batch_size=len(images)).predict(batch)
    probabilities = maps.grade(batch)
    assert probabilities == pytest.approx(engine.probabilities, abs=1e-5)
    assert engine.heatmaps is not None and engine.heatmaps.max() > 0
    assert maps.heat(batch, probabilities.argmax(axis=1), "gradcam") == pytest.approx(engine.heatmaps, abs=1e-3)
    assert maps.left_out == {}


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "scorecam"])
def test_planted_network_points_at_green(tmp_path: Path, method: Any) -> None:
    bundle = write(tmp_path / "b", [planted()])
    images = np.zeros((3, SIZE, SIZE, 3), np.uint8)
    images[..., 0] = 200  # red says nothing
    for place, (row, column) in enumerate(((1, 4), (3, 0), (5, 5))):
        images[place, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8, 1] = 220
    maps = EnsembleMaps(bundle, [method], max_channels=None)
    batch = Batch([images], {}, {})
    assert (maps.grade(batch).argmax(axis=1) == 3).all()
    heat = maps.heat(batch, np.full(3, 3), method)
    assert heat.shape == (3, 6, 6)
    assert [divmod(int(each.argmax()), 6) for each in heat] == [(1, 4), (3, 0), (5, 5)]
    assert (heat.reshape(3, -1) > 0.01).sum(axis=1).tolist() == [1, 1, 1]


def test_grades_are_calibrated_as_those_of_predict_are(tmp_path: Path, images: np.ndarray) -> None:
    """A calibration may change the most probable grade, and the map is to explain the grade that is shown."""
    plain = write(tmp_path / "b", [member("a")])
    batch = batch_of(plain, images)
    second = int(np.sort(EnsembleMaps(plain).grade(batch).argmax(axis=1))[0] + 2) % 5
    offsets = tuple(9.0 if grade == second else 0.0 for grade in range(5))
    bundle = replace(plain, calibration=part(VectorScaling(slopes=(1,) * 5, offsets=offsets)))
    engine = KerasEngine(bundle, batch_size=len(images)).predict(batch)
    found = EnsembleMaps(bundle).grade(batch)
    assert found == pytest.approx(engine.probabilities, abs=1e-5)
    assert (found.argmax(axis=1) == second).all()


def test_other_weights_and_back(tmp_path: Path, images: np.ndarray) -> None:
    bundle = write(tmp_path / "b", [member("a"), member("b", seed=1)])
    maps, batch, grades = EnsembleMaps(bundle), batch_of(bundle, images), np.full(len(images), 2)
    before, asked = maps.heat(batch, grades, "gradcam"), maps.grade(batch)
    maps.set_weights([member("a", seed=7).weights, member("b", seed=8).weights])
    assert np.abs(maps.heat(batch, grades, "gradcam") - before).max() > 0.1
    assert np.abs(maps.grade(batch) - asked).max() > 1e-3
    maps.set_weights([each.weights for each in bundle.members])
    assert maps.heat(batch, grades, "gradcam") == pytest.approx(before, abs=1e-6)
    assert maps.grade(batch) == pytest.approx(asked, abs=1e-6)


def test_members_that_are_left_out(tmp_path: Path) -> None:
    bundle = write(tmp_path / "b", [member("crops"), member("whole", recipe="none")])
    assert EnsembleMaps(bundle).left_out == {"whole": "it sees another frame of the photograph"}
    with pytest.raises(KerasdrError, match=r"'block9' is no layer of the network"):
        EnsembleMaps(bundle, layer="block9")
    other = write(tmp_path / "c", [member("a", attention="channel"), member("b")])
    found = EnsembleMaps(other, layer="attention")
    assert list(found.left_out) == ["b"]
