"""The one engine with a network in it: all other tests of scoring do without."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import KerasdrError
from kerasdr.imaging.prepare import prepare
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import Batch
from kerasdr.scoring.engine_keras import KerasEngine
from kerasdr.scoring.engines import make_engine
from kerasdr.scoring.job import run_job

SIZE = 64
RECIPES = (get_recipe("clahe-crop", SIZE), get_recipe("none", SIZE))


@pytest.fixture(scope="module")
def networks() -> list[Any]:
    from kerasdr.models import build_classifier

    specs = [
        ModelSpec(trunk="tiny", weights="none", head_units=(16,), mode="dual"),
        ModelSpec(trunk="tiny", weights="none", head="linear"),
    ]
    made = [build_classifier(spec, SIZE, seed=seed) for seed, spec in enumerate(specs)]
    for network in made:  # untrained networks are near 0.2 for every grade; this makes grades differ
        logits = network.get_layer("logits")
        logits.kernel.assign(logits.kernel * 30.0)
    return [(spec, network) for spec, network in zip(specs, made, strict=True)]


@pytest.fixture(scope="module")
def real(networks: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    from kerasdr.models import get_weights

    folder = tmp_path_factory.mktemp("real") / "bundle"
    members = [
        BundleMember(name, spec, recipe, get_weights(network))
        for name, recipe, (spec, network) in zip(("dual", "single"), RECIPES, networks, strict=True)
    ]
    ensemble = EnsembleSpec("weighted", (0.7, 0.3))
    write_bundle(folder, name="real-1", members=members, ensemble=ensemble, validation={})
    return load_bundle(folder)


@pytest.fixture(scope="module")
def batch(good: list[bytes]) -> Batch:
    """Six photographs; the partner of each is the next, the last has none."""
    images = [np.stack([prepare(data, recipe).image for data in good[:6]]) for recipe in RECIPES]
    partners = [np.concatenate([array[1:], np.zeros_like(array[:1])]) for array in images]
    return Batch(images, {"both-eyes": partners}, {"both-eyes": np.array([True] * 5 + [False])})


@pytest.fixture(scope="module")
def expected(networks: list[Any], batch: Batch) -> np.ndarray:
    """What the networks say themselves, combined by hand."""
    dual, single = (network for _, network in networks)
    present = batch.present["both-eyes"][:, None].astype(np.float32)
    first = dual.predict_on_batch(
        {"image": batch.images[0], "partner": batch.partners["both-eyes"][0], "partner_present": present}
    )
    return 0.7 * np.asarray(first) + 0.3 * np.asarray(single.predict_on_batch({"image": batch.images[1]}))


def first(batch: Batch, n: int) -> Batch:
    return Batch(
        [array[:n] for array in batch.images],
        {key: [array[:n] for array in arrays] for key, arrays in batch.partners.items()},
        {key: array[:n] for key, array in batch.present.items()},
    )


@pytest.fixture(scope="module")
def engine(real: Bundle) -> KerasEngine:
    return KerasEngine(real, batch_size=6)


def test_probabilities_are_the_networks_own(engine: KerasEngine, batch: Batch, expected: np.ndarray) -> None:
    output = engine.predict(batch)
    assert output.probabilities == pytest.approx(expected, abs=1e-5)
    assert output.probabilities.std(axis=0).max() > 0.01  # photographs differ, so the comparison says something


def test_without_gradcam_the_probabilities_are_the_same(real: Bundle, batch: Batch, expected: np.ndarray) -> None:
    output = KerasEngine(real, batch_size=6, gradcam=False).predict(batch)
    assert output.heatmaps is None
    assert output.probabilities == pytest.approx(expected, abs=1e-5)


def test_heat_maps_are_in_range(engine: KerasEngine, batch: Batch) -> None:
    heat = engine.predict(batch).heatmaps
    assert heat is not None
    assert heat.shape[0] == 6 and heat.shape[1] == heat.shape[2] > 1
    assert heat.min() >= 0.0
    tops = heat.max(axis=(1, 2))
    assert set(np.round(tops, 5).tolist()) <= {0.0, 1.0} and tops.max() == pytest.approx(1.0)


def test_partial_batch_gives_what_the_full_one_gives(engine: KerasEngine, batch: Batch) -> None:
    whole, part = engine.predict(batch), engine.predict(first(batch, 2))
    assert part.probabilities.shape == (2, 5)
    assert part.probabilities == pytest.approx(whole.probabilities[:2], abs=1e-6)
    assert part.heatmaps is not None and whole.heatmaps is not None
    assert part.heatmaps == pytest.approx(whole.heatmaps[:2], abs=1e-4)


def test_network_meets_full_batches_only(engine: KerasEngine, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    shapes: set[int] = set()
    predict = keras.Model.predict_on_batch

    def watch(network: Any, inputs: dict[str, np.ndarray]) -> Any:
        shapes.update(len(array) for array in inputs.values())
        return predict(network, inputs)

    monkeypatch.setattr(keras.Model, "predict_on_batch", watch)
    for n in (1, 4, 6):
        assert len(engine.predict(first(batch, n)).probabilities) == n
    assert shapes == {6}


@pytest.mark.parametrize("room", [5, 3, 1, 0])
def test_fewer_at_a_time_where_memory_is_short(
    room: int, real: Bundle, batch: Batch, expected: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras
    import tensorflow as tf

    predict, asked = keras.Model.predict_on_batch, []

    def short(network: Any, inputs: dict[str, np.ndarray]) -> Any:
        asked.append(len(inputs["image"]))
        if asked[-1] > room:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return predict(network, inputs)

    monkeypatch.setattr(keras.Model, "predict_on_batch", short)
    engine = KerasEngine(real, batch_size=6)
    if room == 0:
        with pytest.raises(tf.errors.ResourceExhaustedError):
            engine.predict(batch)
        return
    output = engine.predict(batch)
    assert output.probabilities == pytest.approx(expected, abs=1e-5)
    assert output.heatmaps is not None and len(output.heatmaps) == 6
    del asked[:]
    engine.predict(batch)
    assert max(asked) <= room  # no more is asked for again


def test_more_than_a_batch_is_refused(real: Bundle, batch: Batch) -> None:
    with pytest.raises(ValueError, match="an engine for 5 photographs at a time was given 6"):
        KerasEngine(real, batch_size=5).predict(batch)


def test_content_of_an_absent_partner_does_not_matter(engine: KerasEngine, batch: Batch) -> None:
    absent = {"both-eyes": np.zeros(6, bool)}
    noise = [np.full_like(array, 200) for array in batch.partners["both-eyes"]]
    plain = engine.predict(Batch(batch.images, batch.partners, absent)).probabilities
    assert engine.predict(Batch(batch.images, {"both-eyes": noise}, absent)).probabilities == pytest.approx(
        plain, abs=1e-6
    )
    assert np.abs(plain - engine.predict(batch).probabilities).max() > 1e-4


def test_job_end_to_end(
    real: Bundle, good: list[bytes], bad: dict[str, bytes], expected: np.ndarray, tmp_path: Path
) -> None:
    for name, data in (("1_left", good[0]), ("1_right", good[1]), ("2_left", bad["cut"]), ("3_left", bad["dark"])):
        (tmp_path / f"{name}.png").write_bytes(data)
    summary = run_job([str(tmp_path)], real, tmp_path / "out.csv", batch_size=6)
    assert [row.status for row in summary.rows] == ["graded", "graded", "failed", "ungradable"]
    # The left eye's partner is the right one, as in the batch above.
    assert summary.rows[0].probabilities == pytest.approx(expected[0].tolist(), abs=1e-5)
    assert summary.rows[0].grade == int(expected[0].argmax())
    assert len(list((tmp_path / "out_gradcam").iterdir())) == 2


def test_weights_of_another_network_are_refused(real: Bundle) -> None:
    dual, single = real.members
    swapped = BundleMember(dual.name, dual.model, dual.recipe, single.weights)
    with pytest.raises(KerasdrError, match="weight arrays"):
        make_engine(Bundle("x", "0" * 64, (swapped, single), real.ensemble, 100.0, {}))
