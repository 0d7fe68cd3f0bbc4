"""Head and attention of an earlier run's network: kept where they fit, made anew where they do not."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.errors import KerasdrError
from kerasdr.models import build_classifier, get_weights

SIZE = 48
OWN = {"mode": "dual", "shared_branches": False}
SHARED = {"mode": "dual", "shared_branches": True}


def spec(**changes: Any) -> ModelSpec:
    return ModelSpec(**{"trunk": "tiny", "weights": "none", "head_units": (16, 8), **changes})


def trained(path: Path, **changes: Any) -> keras.Model:
    """A trained member's network, and its weights in a file as a run writes them."""
    model = build_classifier(spec(**changes), SIZE, seed=1)
    random = np.random.default_rng(6)
    for weight in model.weights:
        weight.assign(random.uniform(0.05, 0.3, weight.shape))
    np.savez(path, **get_weights(model))
    return model


def begun(path: Path, **changes: Any) -> tuple[keras.Model, str]:
    """A network that starts from the file, and what was said of its head."""
    notes: list[str] = []
    model = build_classifier(spec(weights=str(path), **changes), SIZE, initial_weights=True, seed=2, note=notes.append)
    (note,) = notes
    return model, note.replace(str(path), "FILE")


def layer(model: keras.Model, name: str) -> list[np.ndarray]:
    return [np.asarray(weight) for weight in model.get_layer(name).weights]


def equal(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(a.shape == b.shape and (a == b).all() for a, b in zip(first, second, strict=True))


def grades(model: keras.Model) -> np.ndarray:
    random = np.random.default_rng(7)
    inputs = {name: random.uniform(0, 255, (3, SIZE, SIZE, 3)).astype(np.float32) for name in ("image", "partner")}
    inputs["partner_present"] = np.array([[1.0], [0.0], [1.0]], np.float32)
    return np.asarray(model.predict_on_batch({tensor.name: inputs[tensor.name] for tensor in model.inputs}))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"head": "linear", "head_norm": True},
        {"attention": "cbam", "head_norm": True},
        {**SHARED, "attention": "self"},
        {**OWN, "attention": "spatial", "head_norm": True},
        {"trunk_end": "block3_pool", "attention": "channel"},
    ],
    ids=str,
)
def test_the_same_network_goes_on_as_it_ended(changes: dict[str, Any], tmp_path: Path) -> None:
    first = trained(tmp_path / "weights.npz", **changes)
    second, note = begun(tmp_path / "weights.npz", **changes)
    attention = "; attention: kept from FILE" if "attention" in changes else ""
    assert note == f"head: kept from FILE{attention}"
    assert equal(first.get_weights(), second.get_weights())
    assert (grades(first) == grades(second)).all()


def test_one_branch_for_both_is_copied_for_two_of_their_own(tmp_path: Path) -> None:
    more = {"attention": "channel", "head_norm": True}
    first = trained(tmp_path / "weights.npz", **SHARED, **more)
    second, note = begun(tmp_path / "weights.npz", **OWN, **more)
    assert note == "head: kept from FILE; attention: kept from FILE"
    assert grades(second) == pytest.approx(grades(first), abs=1e-6)


def test_attention_is_put_on_a_network_whose_head_stays(tmp_path: Path) -> None:
    """The report's task C."""
    first = trained(tmp_path / "weights.npz")
    second, note = begun(tmp_path / "weights.npz", attention="self", dropout=0.4)
    assert note == "head: kept from FILE; attention: made anew, since in FILE there is none"
    for name in ("hidden_1", "hidden_2", "logits"):
        assert equal(layer(first, name), layer(second, name))
    assert grades(second) == pytest.approx(grades(first), abs=1e-6)  # self-attention begins as the identity


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        ({}, {"head_units": (16,)}, "there is hidden_2/bias, which the network lacks"),
        ({}, {"head_units": (16, 8, 4)}, "there is no hidden_3/bias"),
        ({}, {"head_units": (16, 9)}, "hidden_2/bias has shape (8,) and here (9,)"),
        ({}, {"head": "linear"}, "there is hidden_1/bias, which the network lacks"),
        ({}, {"head_norm": True}, "there is no head_norm/beta"),
        ({}, SHARED, "hidden_1/kernel has shape (128, 16) and here (256, 16)"),
        ({}, OWN, "hidden_1/kernel has shape (128, 16) and here (256, 16)"),
        (OWN, {}, "hidden_1/kernel has shape (256, 16) and here (128, 16)"),
        (OWN, SHARED, "the partner has a branch of its own"),
        ({}, {"trunk_end": "block5_conv"}, "the trunk goes on behind the layer where it ends here"),
    ],
    ids=str,
)
def test_a_head_that_does_not_fit_is_made_anew(
    before: dict[str, Any], now: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    first = trained(tmp_path / "weights.npz", **before)
    second, note = begun(tmp_path / "weights.npz", **now)
    assert note == f"head: made anew, since in FILE {reason}"
    fresh = build_classifier(spec(**now), SIZE, seed=2)
    heads = [item.name for item in second.layers if item.name.startswith(("hidden_", "logits", "head_norm"))]
    assert heads
    for name in heads:
        assert equal(layer(second, name), layer(fresh, name)), name
    assert equal(layer(first, "block1_conv"), layer(second, "block1_conv"))
    if now == OWN:
        assert equal(layer(first, "block1_conv"), layer(second, "partner_block1_conv"))


def test_a_head_of_other_classes_is_made_anew_as_a_whole(tmp_path: Path) -> None:
    arrays = get_weights(trained(tmp_path / "weights.npz"))
    three = {key: array[..., :3] if "logits" in key else array for key, array in arrays.items()}
    np.savez(tmp_path / "weights.npz", **three)
    second, note = begun(tmp_path / "weights.npz")
    assert note == "head: made anew, since in FILE logits/bias has shape (3,) and here (5,)"
    fresh = build_classifier(spec(), SIZE, seed=2)
    assert equal(layer(second, "hidden_1"), layer(fresh, "hidden_1"))


def test_a_new_head_may_be_asked_for(tmp_path: Path) -> None:
    first = trained(tmp_path / "weights.npz", attention="channel")
    second, note = begun(tmp_path / "weights.npz", attention="channel", initial_head="new")
    assert note == "head: made anew, as model.initial_head asks for"
    fresh = build_classifier(spec(attention="channel"), SIZE, seed=2)
    for name in ("attention", "hidden_1", "hidden_2", "logits"):
        assert equal(layer(second, name), layer(fresh, name)), name
    assert equal(layer(first, "block1_conv"), layer(second, "block1_conv"))


def test_attention_stands_for_itself(tmp_path: Path) -> None:
    first = trained(tmp_path / "weights.npz", attention="channel")
    dual, note = begun(tmp_path / "weights.npz", attention="channel", **OWN)
    assert note.startswith("head: made anew") and note.endswith("; attention: kept from FILE")
    for name in ("attention", "partner_attention"):
        assert equal(layer(first, "attention"), layer(dual, name))
    _, note = begun(tmp_path / "weights.npz", attention="spatial")
    assert note == (
        "head: kept from FILE; attention: made anew, since in FILE there is no attention/convolution/kernel"
    )
    _, note = begun(tmp_path / "weights.npz")
    assert note == "head: kept from FILE"


def test_a_partners_attention_goes_with_its_trunk(tmp_path: Path) -> None:
    first = trained(tmp_path / "weights.npz", attention="channel", **OWN)
    whole, _ = begun(tmp_path / "weights.npz", attention="channel", **OWN)
    for name in ("partner_attention", "partner_block1_conv"):
        assert equal(layer(first, name), layer(whole, name))
    other, note = begun(tmp_path / "weights.npz", attention="channel", head_units=(4,), **OWN)
    assert note.startswith("head: made anew") and note.endswith("; attention: kept from FILE")
    for name in ("attention", "block1_conv"):
        assert equal(layer(first, name), layer(other, f"partner_{name}"))
    single, note = begun(tmp_path / "weights.npz", attention="channel")
    assert note.endswith("; attention: kept from FILE")
    assert equal(layer(first, "attention"), layer(single, "attention"))


def test_other_weights_say_nothing_of_a_head(tmp_path: Path) -> None:
    notes: list[str] = []
    path = tmp_path / "trunk.weights.h5"
    from kerasdr.models.registry import build_trunk

    build_trunk("tiny", SIZE).save_weights(path)
    for weights in ("none", str(path)):
        build_classifier(spec(weights=weights), SIZE, initial_weights=True, seed=2, note=notes.append)
    # A checkpoint brings the head that was begun with.
    trained(tmp_path / "weights.npz")
    build_classifier(spec(weights=str(tmp_path / "weights.npz")), SIZE, seed=2, note=notes.append)
    assert notes == []
    (tmp_path / "weights.npz").write_bytes(b"PK no archive")
    with pytest.raises(KerasdrError, match="cannot be read"):
        begun(tmp_path / "weights.npz")
