from pathlib import Path

import keras
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.errors import KerasdrError
from kerasdr.models import build_classifier, register_trunk, trunk_names
from kerasdr.models import weights as weights_module
from kerasdr.models.normalization import MODES, InputNormalization
from kerasdr.models.registry import _BUILDERS, build_trunk, get_trunk
from kerasdr.models.weights import load_trunk_weights

SHARED = Path(__file__).resolve().parents[3] / "shared" / "weights" / "mobilenet_v2_1.0_imagenet_notop.weights.h5"


def test_the_trunks_that_are_promised() -> None:
    promised = {
        "densenet121",
        "resnet50",
        "mobilenet",
        "mobilenetv2",
        "vgg16",
        "efficientnetv2b0",
        "resnet18",
        "resnet34",
        "tiny",
    }
    assert promised <= set(trunk_names())


@pytest.mark.parametrize(("name", "parameters"), [("mobilenetv2", 2_257_984), ("tiny", None)])
def test_trunks_build(name: str, parameters: int | None) -> None:
    trunk = build_trunk(name, 64)
    assert len(trunk.outputs) == 1 and len(trunk.outputs[0].shape) == 4
    if parameters:
        assert trunk.count_params() == parameters


def test_resnet18_classifier_is_flat_too() -> None:
    model = build_classifier(
        ModelSpec(trunk="resnet18", weights="none", mode="dual", shared_branches=False), 64, seed=1
    )
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert len(model.weights) == len({weight.path for weight in model.weights})


def test_a_new_trunk_is_one_decorated_function() -> None:
    @register_trunk("one-conv", normalization="unit")
    def build(size: int) -> keras.Model:
        inputs = keras.Input((size, size, 3))
        return keras.Model(inputs, keras.layers.Conv2D(4, 3, name="only")(inputs))

    try:
        model = build_classifier(ModelSpec(trunk="one-conv", weights="none"), 32)
        assert model.get_layer("only").kernel.shape == (3, 3, 3, 4)
    finally:
        _BUILDERS.pop("one-conv")


def test_unknown_trunk_and_small_pictures() -> None:
    with pytest.raises(KerasdrError, match=r"'resnet81' \(did you mean resnet18\?\)"):
        get_trunk("resnet81")
    with pytest.raises(KerasdrError, match=r"at least 75 px, got imaging\.size=64"):
        build_trunk("inceptionv3", 64)


@pytest.mark.parametrize(
    ("mode", "module"),
    [
        ("signed", keras.applications.mobilenet_v2),
        ("imagenet", keras.applications.densenet),
        ("caffe", keras.applications.vgg16),
    ],
)
def test_normalization_is_that_of_the_published_weights(mode: str, module: object) -> None:
    x = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    expected = module.preprocess_input(x.copy())  # type: ignore[attr-defined]
    assert np.asarray(InputNormalization(mode)(x)) == pytest.approx(np.asarray(expected), abs=1e-4)


def test_normalization_describes_itself() -> None:
    x = np.full((1, 2, 2, 3), 51.0, np.float32)
    assert np.asarray(InputNormalization("unit")(x)) == pytest.approx(0.2)
    assert np.asarray(InputNormalization("none")(x)) == pytest.approx(51.0)
    for mode in MODES:
        layer = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(InputNormalization(mode)))
        assert layer.mode == mode
    with pytest.raises(ValueError, match="got 'grey'"):
        InputNormalization("grey")


def test_weights_from_a_file_reach_both_branches(tmp_path: Path) -> None:
    source = build_trunk("tiny", 48)
    path = tmp_path / "tiny.weights.h5"
    source.save_weights(path)
    spec = ModelSpec(trunk="tiny", weights=str(path), mode="dual", shared_branches=False)
    model = build_classifier(spec, 48, initial_weights=True, seed=9)
    expected = np.asarray(source.get_layer("block3_conv").kernel)
    for name in ("block3_conv", "partner_block3_conv"):
        assert (np.asarray(model.get_layer(name).kernel) == expected).all()


def test_weights_that_do_not_fit_say_where(tmp_path: Path) -> None:
    inputs = keras.Input((48, 48, 3))
    x = keras.layers.Conv2D(7, 3)(inputs)
    path = tmp_path / "other.weights.h5"
    keras.Model(inputs, x).save_weights(path)
    with pytest.raises(KerasdrError, match=r"does not fit trunk tiny: .*missing in the file.*another shape") as caught:
        load_trunk_weights(build_trunk("tiny", 48), get_trunk("tiny"), str(path))
    assert "\n" not in str(caught.value)
    (tmp_path / "text.weights.h5").write_text("no weights")
    with pytest.raises(KerasdrError, match="not an HDF5 file"):
        load_trunk_weights(build_trunk("tiny", 48), get_trunk("tiny"), str(tmp_path / "text.weights.h5"))
    with pytest.raises(KerasdrError, match="no such file"):
        load_trunk_weights(build_trunk("tiny", 48), get_trunk("tiny"), str(tmp_path / "none.weights.h5"))
    with pytest.raises(KerasdrError, match=r"ending in \.weights\.h5 or \.h5, a torch state dict .*weights\.npz"):
        load_trunk_weights(build_trunk("tiny", 48), get_trunk("tiny"), str(Path(__file__)))


def test_imagenet_without_a_network_says_what_to_put_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(**kwargs: object) -> None:
        raise Exception("URL fetch failure on https://storage.example/mobilenet_v2_weights_no_top.h5: None -- no route")

    monkeypatch.setattr(weights_module.keras.applications, "MobileNetV2", offline)
    trunk = get_trunk("mobilenetv2")
    with pytest.raises(KerasdrError, match=r"put mobilenet_v2_weights_no_top\.h5 .* into ~/\.keras/models/"):
        load_trunk_weights(build_trunk("tiny", 48), trunk, "imagenet")
    with pytest.raises(KerasdrError, match="no ImageNet weights for trunk tiny"):
        load_trunk_weights(build_trunk("tiny", 48), get_trunk("tiny"), "imagenet")


def test_published_weights_load() -> None:
    if not SHARED.is_file():
        pytest.skip("the published MobileNetV2 weights are not beside the checkout")
    trunk = build_trunk("mobilenetv2", 96)
    load_trunk_weights(trunk, get_trunk("mobilenetv2"), str(SHARED))
    x = np.random.default_rng(0).uniform(-1, 1, (1, 96, 96, 3)).astype(np.float32)
    assert trunk.predict_on_batch(x).std() > 0.1


def test_imagenet_of_a_resnet_is_torchvisions_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    trunk, backbone = get_trunk("resnet18"), build_trunk("resnet18", 32)
    with pytest.raises(KerasdrError, match=r"put torchvision's resnet18-\*\.pth into ~/\.keras/models/"):
        load_trunk_weights(backbone, trunk, "imagenet")
    (tmp_path / ".keras/models").mkdir(parents=True)
    (tmp_path / ".keras/models/resnet18-f37072fd.pth").write_bytes(b"")
    loaded = []
    monkeypatch.setattr("kerasdr.models.weights.load_torch_weights", lambda *given: loaded.append(given[1:]))
    load_trunk_weights(backbone, trunk, "imagenet")
    assert loaded == [("resnet18", tmp_path / ".keras/models/resnet18-f37072fd.pth")]
