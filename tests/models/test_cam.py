"""Heat maps at any layer, against tf-keras-vis where it follows the papers, and against NumPy where it does not."""

from collections.abc import Callable
from typing import Any

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdr.config import ModelSpec
from kerasdr.errors import KerasdrError
from kerasdr.models import build_classifier
from kerasdr.models.cam import CAM_METHODS, HeatMaps, channel_masks, most_varied, plus_plus_alphas
from kerasdr.models.cam_layers import find_map, map_tensors

SIZE = 32
GRADES = np.array([0, 3, 4])
SHARED = {"mode": "dual"}
OWN = {"mode": "dual", "shared_branches": False}


def network(**changes: Any) -> keras.Model:
    spec = ModelSpec(**{"trunk": "tiny", "weights": "none", "head_units": (16, 8), **changes})
    model = build_classifier(spec, SIZE, seed=5)
    for layer in model.layers:
        # Some attention, and a normalisation, starts as the identity; away from there it does something that could go wrong.
        if "attention" in layer.name or "head_norm" in layer.name:
            layer.set_weights([weight + 0.2 for weight in layer.get_weights()])
    return model


def inputs_of(model: keras.Model) -> dict[str, np.ndarray]:
    """Three random photographs, the second without a partner."""
    random = np.random.default_rng(0)
    drawn = {
        tensor.name: random.uniform(0, 255, (3, *tensor.shape[1:])).astype(np.float32)
        for tensor in model.inputs
        if tensor.name != "partner_present"
    }
    return {**drawn, "partner_present": np.array([[1], [0], [1]], np.float32)} if "partner" in drawn else drawn


def assert_alike(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Compare maps whose maxima are 1, photograph by photograph."""
    assert ours.shape == theirs.shape and ours.min() >= 0
    tops = theirs.max(axis=(1, 2), keepdims=True)
    assert tops.max() > 0  # maps of nothing would be alike whatever is computed
    scale = np.where(tops > 0, tops, 1)
    assert ours / np.where(tops > 0, np.maximum(ours.max(axis=(1, 2), keepdims=True), 1e-30), 1) == pytest.approx(
        theirs / scale, abs=1e-4
    )


def by_tf_keras_vis(method: Callable[[keras.Model], Any], model: keras.Model, layer: str, **options: Any) -> np.ndarray:
    """The reference's map of one grade a photograph."""
    from tf_keras_vis.utils.scores import CategoricalScore

    logits = keras.Model(list(model.inputs), model.get_layer("logits").output)
    inputs = inputs_of(model)
    maps = method(logits, clone=False)(  # type: ignore[call-arg]
        CategoricalScore(GRADES.tolist()),
        [inputs[tensor.name] for tensor in model.inputs],
        penultimate_layer=layer,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
        **options,
    )
    return np.asarray(maps)


def map_and_gradient(model: keras.Model, layer: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A layer's map, the gradient of the grades' logits, and these, in float64."""
    both = keras.Model(model.input, [model.get_layer(layer).output, model.get_layer("logits").output])
    with tf.GradientTape() as tape:
        places, logits = both({name: tf.constant(array) for name, array in inputs_of(model).items()})
        scores = tf.gather(logits, GRADES, batch_dims=1)
    gradient = tape.gradient(scores, places)
    return tuple(np.asarray(part, np.float64) for part in (places, gradient, scores))  # type: ignore[return-value]


MODELS = [{}, SHARED, OWN, {"attention": "spatial"}, {**OWN, "attention": "cbam"}]


@pytest.mark.parametrize("changes", MODELS, ids=str)
@pytest.mark.parametrize("layer", ["features", "block3_relu", "block2_conv"])
def test_gradcam_is_that_of_tf_keras_vis(changes: dict[str, Any], layer: str) -> None:
    from tf_keras_vis.gradcam import Gradcam

    model = network(**changes)
    assert_alike(HeatMaps(model, "gradcam", layer)(inputs_of(model), GRADES), by_tf_keras_vis(Gradcam, model, layer))


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({}, "block5_relu"),
        (SHARED, "block5_relu"),
        (OWN, "block5_relu"),
        ({"attention": "spatial"}, "attention"),
        ({**OWN, "head_norm": True, "trunk_end": "block3_relu"}, "block3_relu"),
    ],
    ids=str,
)
def test_closed_form_and_automatic_differentiation_agree(changes: dict[str, Any], last: str) -> None:
    """``features`` only gives a name to what the layer before it gives, whose map is differentiated."""
    model = network(**changes)
    inputs = inputs_of(model)
    closed, differentiated = (HeatMaps(model, "gradcam", layer)(inputs, GRADES) for layer in ("features", last))
    assert_alike(differentiated, closed)
    assert differentiated == pytest.approx(closed, abs=1e-5 * float(closed.max()))


@pytest.mark.parametrize("changes", [{}, SHARED, {"attention": "self"}], ids=str)
@pytest.mark.parametrize("layer", ["features", "block3_relu"])
def test_gradcam_plus_plus_is_the_papers_formula(changes: dict[str, Any], layer: str) -> None:
    """Equations 7 and 19 written out, with ``Y = exp(S)`` and each derivative for itself."""
    model = network(**changes)
    places, gradient, scores = map_and_gradient(model, layer)
    y = np.exp(scores)[:, None, None, None]
    first, second, third = y * gradient, y * gradient**2, y * gradient**3
    below = 2 * second + places.sum(axis=(1, 2), keepdims=True) * third
    alphas = np.where(below != 0, second / np.where(below != 0, below, 1), 0)
    weights = (alphas * np.maximum(first, 0)).sum(axis=(1, 2), keepdims=True)
    expected = np.maximum((weights * places).sum(axis=3), 0)
    assert_alike(HeatMaps(model, "gradcam++", layer)(inputs_of(model), GRADES), expected)


@pytest.mark.parametrize("changes", [{}, SHARED, OWN, {"attention": "spatial"}], ids=str)
@pytest.mark.parametrize("layer", ["features", "block3_relu"])
def test_tf_keras_vis_brings_the_alphas_to_a_sum_of_one(changes: dict[str, Any], layer: str) -> None:
    """Which the paper does not; with that, our alphas give its map."""
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus

    model = network(**changes)
    places, gradient, _ = map_and_gradient(model, layer)
    alphas = plus_plus_alphas(places, gradient)
    total = alphas.sum(axis=(1, 2), keepdims=True)
    alphas = alphas / np.where(total != 0, total, 1)
    weights = (alphas * np.maximum(gradient, 0)).sum(axis=(1, 2), keepdims=True)
    assert_alike(np.maximum((weights * places).sum(axis=3), 0), by_tf_keras_vis(GradcamPlusPlus, model, layer))


def test_alphas_are_made_of_true_second_and_third_derivatives() -> None:
    """For a linear head, ``exp(S)`` differentiated three times in one place of one channel."""
    random = np.random.default_rng(3)
    places, kernel = random.uniform(0, 1, (1, 2, 3, 4)), random.normal(size=4)
    gradient = np.broadcast_to(kernel / 6, places.shape).copy()
    alphas = plus_plus_alphas(places, gradient)
    for row, column, channel in ((0, 0, 0), (1, 2, 3), (0, 1, 2)):
        one = tf.Variable(places[0, row, column, channel])
        with tf.GradientTape() as third, tf.GradientTape() as second, tf.GradientTape() as first:
            index = [[0, row, column, channel]]
            changed = tf.tensor_scatter_nd_update(tf.constant(places), index, one[None])
            y = tf.exp(tf.reduce_sum(tf.reduce_mean(changed, axis=(1, 2)) * kernel))
            d1 = first.gradient(y, one)
            d2 = second.gradient(d1, one)
            d3 = third.gradient(d2, one)
        expected = d2 / (2 * d2 + places[..., channel].sum() * d3)
        assert alphas[0, row, column, channel] == pytest.approx(float(expected))


def test_alpha_of_no_gradient_is_none() -> None:
    places, gradient = np.ones((1, 2, 2, 1)), np.array([0.0, -0.5, 1.0, 2.0]).reshape(1, 2, 2, 1)
    # The sum of the map is 4, so the second place's fraction has nothing below the line.
    assert plus_plus_alphas(places, gradient).ravel().tolist() == pytest.approx([0, 0, 1 / 6, 1 / 10])


def test_scorecam_is_that_of_tf_keras_vis_but_for_its_weights() -> None:
    """Where the map is as large as the photograph, so that both enlarge it alike.

    tf-keras-vis weighs a channel by the grade's probability, as the authors' code does; the paper (algorithm 1) by softmax
    of the logit over channels. A network with that logit and a second one of 0 has the odds ``exp(S)``.
    """
    from tf_keras_vis.scorecam import Scorecam

    model = network()
    grade = 3
    logit = model.get_layer("logits").output[:, grade : grade + 1]
    against_nothing = keras.Model(list(model.inputs), keras.ops.concatenate([logit, 0 * logit], axis=1))
    theirs = Scorecam(against_nothing, clone=False)(
        lambda p: p[:, 0] / p[:, 1],
        [inputs_of(model)["image"]],
        penultimate_layer="block1_relu",
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    ours = HeatMaps(model, "scorecam", "block1_relu", batch_size=7)(inputs_of(model), np.full(3, grade))
    assert_alike(ours, np.asarray(theirs))


@pytest.mark.parametrize(
    ("changes", "partner"),
    [({}, False), (SHARED, False), (SHARED, True), ({**OWN, "attention": "spatial"}, True)],
    ids=str,
)
def test_scorecam_channel_by_channel(changes: dict[str, Any], partner: bool) -> None:
    model = network(**changes)
    inputs, looked_at = inputs_of(model), "partner" if partner else "image"
    watched = keras.Model(model.input, find_map(model, "block2_relu", partner=partner))
    logits = keras.Model(model.input, model.get_layer("logits").output)
    places = np.asarray(watched(inputs))
    expected = np.zeros(places.shape[:3])
    for n, grade in enumerate(GRADES):
        black = {name: array[n : n + 1] * (name != looked_at) for name, array in inputs.items()}
        nothing = float(logits(black)[0, grade])
        scores = {}
        for k in range(places.shape[3]):
            large = cv2.resize(places[n, ..., k], (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
            if large.max() > large.min():
                mask = (large - large.min()) / (large.max() - large.min())
                one = {name: array[n : n + 1] for name, array in inputs.items()}
                one[looked_at] = one[looked_at] * mask[..., None]
                scores[k] = float(logits(one)[0, grade]) - nothing
        total = sum(np.exp(score) for score in scores.values())
        expected[n] = np.maximum(sum(np.exp(score) / total * places[n, ..., k] for k, score in scores.items()), 0)
    ours = HeatMaps(model, "scorecam", "block2_relu", partner=partner, max_channels=None)(inputs, GRADES)
    assert_alike(ours, expected)
    assert ours == pytest.approx(expected, abs=1e-4 * float(expected.max()))


def test_scorecam_takes_the_channels_of_highest_variance() -> None:
    channels = np.zeros((4, 4, 5), np.float32)
    channels[0, 0] = [1, 3, 0, 5, 2]
    channels[..., 2] = 7  # high everywhere says nothing about a place
    assert most_varied(channels, None).tolist() == [0, 1, 3, 4]
    assert most_varied(channels, 2).tolist() == [1, 3]
    assert most_varied(channels[..., 2:3], 5).tolist() == []

    model = network()
    inputs = inputs_of(model)
    few, many, all_of_them = (
        HeatMaps(model, "scorecam", "block3_relu", max_channels=n)(inputs, GRADES) for n in (3, 64, None)
    )
    assert many == pytest.approx(all_of_them) and np.abs(few - many).max() > 0.01 * many.max()


def test_scorecam_asks_a_bounded_number_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    heat_maps = HeatMaps(model, "scorecam", "block3_relu", max_channels=20, batch_size=8)
    asked: list[int] = []
    plain = keras.Model.__call__

    def count(self: keras.Model, inputs: dict[str, Any], **options: Any) -> Any:
        asked.append(len(inputs["image"]))
        return plain(self, inputs, **options)

    monkeypatch.setattr(keras.Model, "__call__", count)
    heat_maps(inputs_of(model), GRADES)
    assert asked == [3, *([8, 8, 4] * 3)]


def test_masks_are_between_0_and_1_at_the_photographs_size() -> None:
    channels = np.random.default_rng(0).normal(size=(4, 4, 3)).astype(np.float32)
    masks = np.asarray(channel_masks(channels, 16))
    assert masks.shape == (3, 16, 16, 1)
    assert masks.min(axis=(1, 2, 3)) == pytest.approx(0) and masks.max(axis=(1, 2, 3)) == pytest.approx(1)


@pytest.mark.parametrize("method", CAM_METHODS)
@pytest.mark.parametrize("changes", [SHARED, OWN, {**OWN, "attention": "spatial"}], ids=str)
def test_partners_map_is_that_of_its_own_branch(changes: dict[str, Any], method: Any) -> None:
    """A network whose halves of the head are changed round sees in the partner what it saw in the photograph."""
    model = network(**changes)
    inputs = {**inputs_of(model), "partner_present": np.ones((3, 1), np.float32)}
    before = HeatMaps(model, method, "block3_relu")(inputs, GRADES)
    hidden = model.get_layer("hidden_1")
    kernel, bias = hidden.get_weights()
    hidden.set_weights([np.concatenate(np.split(kernel, 2)[::-1]), bias])
    swapped = {**inputs, "image": inputs["partner"], "partner": inputs["image"]}
    after = HeatMaps(model, method, "block3_relu", partner=True)(swapped, GRADES)
    assert_alike(after, before)


@pytest.mark.parametrize("method", ["gradcam", "gradcam++"])
@pytest.mark.parametrize("changes", [SHARED, OWN], ids=str)
def test_nothing_was_seen_in_a_partner_that_is_absent(changes: dict[str, Any], method: Any) -> None:
    model = network(**changes)
    heat = HeatMaps(model, method, "block3_relu", partner=True)(inputs_of(model), GRADES)
    assert heat[1].max() == 0 and heat[[0, 2]].max() > 0


@pytest.mark.parametrize("changes", [{}, SHARED, OWN, {**OWN, "attention": "spatial"}], ids=str)
def test_maps_stand_in_order_from_the_photograph_to_the_head(changes: dict[str, Any]) -> None:
    model = network(**changes)
    names = list(map_tensors(model))
    assert names[:2] == ["normalization", "block1_conv"] and names[-1] == "features"
    assert ("attention" in names) is ("attention" in changes)
    assert list(map_tensors(model, partner=True)) == (names if "mode" in changes else [])
    assert not {"image", "partner", "pooled", "logits"} & set(names)


SOME = "take features or for instance block1_pool, block2_pool, block3_pool, block4_relu, block5_relu"


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("block3_rel", f"'block3_rel' is no layer of the network (did you mean block3_relu?); {SOME}"),
        ("pooled", f"'pooled' gives no map; {SOME}"),
        ("partner_pooled", f"'partner_pooled' gives no map; {SOME}"),
        ("image", f"'image' gives no map; {SOME}"),
        ("partner_block2_conv", "layer partner_block2_conv belongs to the partner's branch: name block2_conv"),
        ("partner_features", "layer partner_features belongs to the partner's branch: name features"),
    ],
)
def test_layers_without_a_map_are_refused_in_a_line(layer: str, words: str) -> None:
    with pytest.raises(KerasdrError) as caught:
        HeatMaps(network(**OWN), "gradcam", layer)
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)


def test_layers_that_keras_has_numbered_are_passed_over() -> None:
    """Of Inception, only the ends of modules have names of their own."""
    model = build_classifier(ModelSpec(trunk="inceptionv3", weights="none", head="linear"), 75)
    assert [name for name in map_tensors(model) if not name.startswith("mixed")] == ["normalization", "features"]
    with pytest.raises(KerasdrError, match="take features or for instance mixed"):
        find_map(model, "conv2d")


def test_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="method must be one of"):
        HeatMaps(network(), "layercam")  # type: ignore[arg-type]
