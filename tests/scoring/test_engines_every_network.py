"""Every network that a configuration can ask for, in every engine: grades and heat maps are those of Keras.

Trunks, attentions and engines are taken from where they are registered, so that a new one is compared by being there. Graphs
are made by the code that makes a bundle's, and run by the engines that ``kerasdr predict`` runs.
"""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import Recipe, apply_recipe, get_recipe
from kerasdr.models import build_classifier, get_weights, trunk_names
from kerasdr.models.attention.registry import NONE, attention_names
from kerasdr.models.blocks import map_places
from kerasdr.models.registry import build_trunk, get_trunk
from kerasdr.scoring import build, engine_keras
from kerasdr.scoring.build import TOLERANCE, build_graphs
from kerasdr.scoring.bundle import Bundle, BundleMember
from kerasdr.scoring.engine import Batch, EngineOutput, member_inputs
from kerasdr.scoring.engines import make_engine
from kerasdr.scoring.graphs import GRAPH_ENGINES, GraphEngine

SMALL = "tiny"
SIZE = 64
PHOTOGRAPHS = 7  # no whole number of fours, by which OpenVINO takes them
LARGE = 40_000_000  # weights
# Minutes and gigabytes for all of them together.
EVERY = pytest.mark.skipif("KERASDR_EVERY_NETWORK" not in os.environ, reason="KERASDR_EVERY_NETWORK is not set")
ATTENTION = tuple(name for name in attention_names() if name != NONE)
MODES: dict[str, dict[str, Any]] = {
    "single": {},
    "dual, shared": {"mode": "dual"},
    "dual, separate": {"mode": "dual", "shared_branches": False},
}
MakeBundle = Callable[..., tuple[Bundle, list[Any]]]


def spec_of(trunk: str = SMALL, **model: Any) -> ModelSpec:
    return ModelSpec(trunk=trunk, weights="none", head_units=(16,), dropout=0.0, **model)


def size_of(trunk: str) -> int:
    """A small input that leaves a map of more than one place."""
    return max(SIZE, 2 * get_trunk(trunk).min_size)


def middle_of(trunk: str) -> str:
    """A layer halfway through a trunk that gives a map."""
    places = map_places(build_trunk(trunk, size_of(trunk)))
    return places[len(places) // 2]


def batch_of(eyes: Sequence[np.ndarray], recipes: Sequence[Recipe]) -> Batch:
    """Photographs, each with the next one as its partner but for two that have none."""
    images = [np.stack([apply_recipe(recipe, eye) for eye in eyes[:PHOTOGRAPHS]]) for recipe in recipes]
    present = np.arange(PHOTOGRAPHS) % 4 != 2
    partners = [np.roll(array, -1, axis=0) * present.astype(np.uint8)[:, None, None, None] for array in images]
    return Batch(images, {"both-eyes": partners}, {"both-eyes": present})


def wake(network: Any, inputs: dict[str, np.ndarray], seed: int) -> None:
    """Give an untrained network weights under which photographs, grades and the places of a map differ.

    As it is built, scales and shifts are those that do nothing (the scale of self-attention is 0), and all photographs get
    all but the same probabilities, so that a graph without a part of the network would pass.

    A hundred layers of random weights can also turn the last digits of float32 into the second ones of a probability: Keras
    then differs from itself, with and without a graph. So what residual branches add is small, as in trained networks, and no
    grade's map is what is left of a difference.
    """
    import keras

    random = np.random.default_rng(seed)
    for weight in network.trainable_weights:
        if weight.path.endswith(("beta", "bias")):
            weight.assign(random.uniform(-0.1, 0.3, weight.shape).astype(np.float32))
        elif len(weight.shape) < 2:  # scales: called gamma, but for ConvNeXt's
            weight.assign(random.uniform(0.1, 0.3, weight.shape).astype(np.float32))
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # statistics become those of these photographs
            if not layer.scale:
                layer.beta.assign(5.0 * layer.beta)  # in proportion to its scale, which is always 1
    logits = network.get_layer("logits")
    logits.kernel.assign(np.abs(logits.kernel))
    # Without dropout, what this pass gives is what the next one will, by the statistics that it leaves.
    before = keras.Model(network.input, logits.output)(inputs, training=True)
    mean, deviation = np.mean(before, axis=0), np.std(before, axis=0)
    scale = (
        np.linspace(0.4, 2.0, len(mean), dtype=np.float32) / deviation
    )  # of one size, they would rise and fall together
    logits.kernel.assign(logits.kernel * scale)
    logits.bias.assign((logits.bias - mean) * scale)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """What a test built is given back: graphs that TensorFlow has traced stay in memory otherwise, gigabytes of them."""
    yield
    import keras

    keras.backend.clear_session()
    gc.collect()


@pytest.fixture
def make_bundle(eyes: list[np.ndarray]) -> MakeBundle:
    """Makes a bundle, in memory, of networks that are awake; and returns these too."""

    def make(*specs: ModelSpec, recipes: Sequence[str] = ("clahe-crop",)) -> tuple[Bundle, list[Any]]:
        members, networks = [], []
        for seed, spec in enumerate(specs):
            size = size_of(spec.trunk)
            recipe = get_recipe(recipes[seed % len(recipes)], size)
            network = build_classifier(spec, size, seed=seed)
            member = BundleMember(f"network-{seed}", spec, recipe, {})
            wake(network, member_inputs(member, batch_of(eyes, [recipe]), [recipe]), seed)
            members.append(replace(member, weights=get_weights(network)))
            networks.append(network)
        weights = np.arange(1.0, len(members) + 1)
        ensemble = EnsembleSpec("weighted", tuple(weights / weights.sum()))
        return Bundle("every", "0" * 64, tuple(members), ensemble, 100.0, {}), networks

    return make


def assert_engines_agree(bundle: Bundle, batch: Batch, engines: Sequence[GraphEngine] = GRAPH_ENGINES) -> EngineOutput:
    """Make graphs for engines and compare what they give with what Keras gives; return that."""
    expected = make_engine(bundle, PHOTOGRAPHS, engine="keras").predict(batch)
    assert expected.heatmaps is not None
    # Or the comparison would say little: what is compared has to vary by far more than it may differ.
    assert expected.probabilities.std(axis=0).min() > 100 * TOLERANCE["probabilities"]
    assert len(set(expected.probabilities.argmax(axis=1))) > 1
    assert expected.heatmaps.shape[1] > 1
    assert np.median(expected.heatmaps.std(axis=(1, 2))) > 20 * TOLERANCE["heatmaps"]
    assert expected.heatmaps.std(axis=0).max() > 20 * TOLERANCE["heatmaps"]
    for engine in engines:
        carrying = replace(bundle, graphs={engine: build_graphs(bundle, engine)})
        given = make_engine(carrying, PHOTOGRAPHS, engine=engine).predict(batch)
        assert given.heatmaps is not None
        assert given.probabilities == pytest.approx(expected.probabilities, abs=TOLERANCE["probabilities"]), engine
        assert given.heatmaps == pytest.approx(expected.heatmaps, abs=TOLERANCE["heatmaps"]), engine
    return expected


def assert_partners_count(bundle: Bundle, batch: Batch, expected: EngineOutput) -> None:
    """A photograph that has a partner is graded otherwise without it; what lies in an absent one's place is not seen."""
    present = batch.present["both-eyes"]
    swapped = [np.roll(array, 1, axis=0) for array in batch.partners["both-eyes"]]
    alone = Batch(batch.images, {"both-eyes": swapped}, {"both-eyes": np.zeros_like(present)})
    without = make_engine(bundle, PHOTOGRAPHS, engine="keras").predict(alone).probabilities
    apart = np.abs(without - expected.probabilities).max(axis=1)
    assert apart[present].min() > 1e-3 and apart[~present].max() < 1e-5


@pytest.mark.parametrize("name", [name if name == SMALL else pytest.param(name, marks=EVERY) for name in trunk_names()])
def test_every_trunk(
    name: str, make_bundle: MakeBundle, eyes: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, (network,) = make_bundle(spec_of(name))
    # Building takes most of the time, so the network that is there is not built again from the bundle's weights, by each
    # engine anew; with the small trunk, below, it is.
    for module in (build, engine_keras):
        monkeypatch.setattr(module, "build_network", lambda member: network)
    # Both converters start from one frozen graph. tf2onnx takes 9 GB for ResNet101's, in which there is nothing but more of
    # ResNet50's blocks.
    engines: Sequence[GraphEngine] = GRAPH_ENGINES if network.count_params() < LARGE else ("openvino",)
    assert_engines_agree(bundle, batch_of(eyes, bundle.recipes), engines)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("place", ["features", "middle"])
@pytest.mark.parametrize("attention", ATTENTION)
def test_every_attention(
    attention: str, place: str, mode: str, make_bundle: MakeBundle, eyes: list[np.ndarray]
) -> None:
    at = middle_of(SMALL) if place == "middle" else place
    bundle, _ = make_bundle(spec_of(attention=attention, attention_at=at, **MODES[mode]))
    batch = batch_of(eyes, bundle.recipes)
    expected = assert_engines_agree(bundle, batch)
    if bundle.members[0].model.mode == "dual":
        assert_partners_count(bundle, batch, expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("head", ["mlp", "linear"])
def test_a_cut_trunk_and_a_normalized_head(
    head: str, mode: str, make_bundle: MakeBundle, eyes: list[np.ndarray]
) -> None:
    bundle, _ = make_bundle(spec_of(trunk_end=middle_of(SMALL), head=head, head_norm=True, **MODES[mode]))
    batch = batch_of(eyes, bundle.recipes)
    expected = assert_engines_agree(bundle, batch)
    if bundle.members[0].model.mode == "dual":
        assert_partners_count(bundle, batch, expected)


def test_an_ensemble(make_bundle: MakeBundle, eyes: list[np.ndarray]) -> None:
    """Networks of each mode, of two recipes whose pictures have one frame and one whose map is not shown."""
    specs = (
        spec_of(attention=ATTENTION[0], **MODES["dual, shared"]),
        spec_of(head_norm=True, **MODES["dual, separate"]),
        spec_of(head="linear"),
        spec_of(trunk_end=middle_of(SMALL), attention=ATTENTION[-1]),
    )
    bundle, _ = make_bundle(*specs, recipes=("clahe-crop", "crop", "none", "crop"))
    assert bundle.explained == (True, True, False, True) and len(bundle.recipes) == 3
    assert_engines_agree(bundle, batch_of(eyes, bundle.recipes))
