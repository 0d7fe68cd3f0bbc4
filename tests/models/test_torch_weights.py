"""Torch weights against a forward pass in NumPy that is written from torchvision's layout, and against torch itself.

The second needs torch, which kerasdr does not: the extra ``torch`` has it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.errors import KerasdrError
from kerasdr.models import build_classifier
from kerasdr.models.registry import build_trunk, get_trunk
from kerasdr.models.torch_weights import torch_trunks
from kerasdr.models.weights import load_trunk_weights

SIZE = 64
RESNETS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
DENSENET = (6, 12, 24, 16)
Arrays = dict[str, np.ndarray]


class Draw:
    """Random weights by torchvision's names, in torch's shapes."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(11)
        self.arrays: Arrays = {}

    def conv(self, name: str, inputs: int, outputs: int, kernel: int) -> None:
        scale = np.sqrt(2 / (inputs * kernel * kernel))
        self.put(f"{name}.weight", self.random.normal(scale=scale, size=(outputs, inputs, kernel, kernel)))

    def norm(self, name: str, channels: int) -> None:
        self.put(f"{name}.weight", self.random.uniform(0.5, 1.5, channels))
        self.put(f"{name}.bias", self.random.normal(scale=0.2, size=channels))
        self.put(f"{name}.running_mean", self.random.normal(scale=0.2, size=channels))
        self.put(f"{name}.running_var", self.random.uniform(0.5, 1.5, channels))
        self.arrays[f"{name}.num_batches_tracked"] = np.array(9, np.int64)

    def put(self, name: str, array: np.ndarray) -> None:
        self.arrays[name] = array.astype(np.float32)


def resnet_state(blocks: tuple[int, ...]) -> Arrays:
    draw = Draw()
    draw.conv("conv1", 3, 64, 7)
    draw.norm("bn1", 64)
    inputs = 64
    for layer, count in enumerate(blocks, start=1):
        outputs = 32 * 2**layer
        for block in range(count):
            name = f"layer{layer}.{block}"
            draw.conv(f"{name}.conv1", inputs, outputs, 3)
            draw.norm(f"{name}.bn1", outputs)
            draw.conv(f"{name}.conv2", outputs, outputs, 3)
            draw.norm(f"{name}.bn2", outputs)
            if inputs != outputs:
                draw.conv(f"{name}.downsample.0", inputs, outputs, 1)
                draw.norm(f"{name}.downsample.1", outputs)
            inputs = outputs
    draw.put("fc.weight", np.zeros((1000, 512)))
    draw.put("fc.bias", np.zeros(1000))
    return draw.arrays


def densenet_state() -> Arrays:
    draw = Draw()
    draw.conv("features.conv0", 3, 64, 7)
    draw.norm("features.norm0", 64)
    channels = 64
    for block, count in enumerate(DENSENET, start=1):
        for layer in range(1, count + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            draw.norm(f"{name}.norm1", channels)
            draw.conv(f"{name}.conv1", channels, 128, 1)
            draw.norm(f"{name}.norm2", 128)
            draw.conv(f"{name}.conv2", 128, 32, 3)
            channels += 32
        if block < 4:
            draw.norm(f"features.transition{block}.norm", channels)
            draw.conv(f"features.transition{block}.conv", channels, channels // 2, 1)
            channels //= 2
    draw.norm("features.norm5", channels)
    draw.put("classifier.weight", np.zeros((1000, channels)))
    draw.put("classifier.bias", np.zeros(1000))
    return draw.arrays


class Forward:
    """Torch's layers in NumPy, on (N, C, H, W) in double precision."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = {name: array.astype(np.float64) for name, array in arrays.items()}

    def conv(self, x: np.ndarray, name: str, stride: int = 1) -> np.ndarray:
        kernel = self.arrays[f"{name}.weight"]
        side = kernel.shape[-1]
        windows = self.windows(x, side, stride, side // 2, 0.0)
        return np.einsum("nchwij,ocij->nohw", windows, kernel, optimize=True)

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        weight, bias, mean, variance = (
            self.arrays[f"{name}.{part}"][None, :, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-5) * weight + bias

    def max_pool(self, x: np.ndarray) -> np.ndarray:
        return self.windows(x, 3, 2, 1, -np.inf).max(axis=(4, 5))

    @staticmethod
    def mean_pool(x: np.ndarray) -> np.ndarray:
        n, channels, height, width = x.shape
        whole = x[:, :, : height // 2 * 2, : width // 2 * 2]
        return whole.reshape(n, channels, height // 2, 2, width // 2, 2).mean(axis=(3, 5))

    @staticmethod
    def windows(x: np.ndarray, side: int, stride: int, pad: int, fill: float) -> np.ndarray:
        padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=fill)
        return np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(2, 3))[:, :, ::stride, ::stride]


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def resnet_forward(arrays: Arrays, blocks: tuple[int, ...], x: np.ndarray) -> np.ndarray:
    f = Forward(arrays)
    x = f.max_pool(relu(f.norm(f.conv(x, "conv1", 2), "bn1")))
    for layer, count in enumerate(blocks, start=1):
        for block in range(count):
            name = f"layer{layer}.{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            y = relu(f.norm(f.conv(x, f"{name}.conv1", stride), f"{name}.bn1"))
            y = f.norm(f.conv(y, f"{name}.conv2"), f"{name}.bn2")
            if f"{name}.downsample.0.weight" in arrays:
                x = f.norm(f.conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
            x = relu(x + y)
    return x


def densenet_forward(arrays: Arrays, x: np.ndarray) -> np.ndarray:
    f = Forward({name.removeprefix("features."): array for name, array in arrays.items()})
    x = f.max_pool(relu(f.norm(f.conv(x, "conv0", 2), "norm0")))
    for block, count in enumerate(DENSENET, start=1):
        for layer in range(1, count + 1):
            name = f"denseblock{block}.denselayer{layer}"
            y = f.conv(relu(f.norm(x, f"{name}.norm1")), f"{name}.conv1")
            y = f.conv(relu(f.norm(y, f"{name}.norm2")), f"{name}.conv2")
            x = np.concatenate([x, y], axis=1)
        if block < 4:
            x = f.mean_pool(f.conv(relu(f.norm(x, f"transition{block}.norm")), f"transition{block}.conv"))
    return relu(f.norm(x, "norm5"))


@pytest.fixture(scope="module")
def trunks() -> Callable[[str], keras.Model]:
    """Trunks, each built once."""
    built: dict[str, keras.Model] = {}
    return lambda name: built.setdefault(name, built.get(name) or build_trunk(name, SIZE))


def state_of(name: str) -> Arrays:
    return densenet_state() if name == "densenet121" else resnet_state(RESNETS[name])


def photographs() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(2, 3, SIZE, SIZE)).astype(np.float32)


def assert_same_features(trunk: keras.Model, expected: np.ndarray) -> None:
    """Expected is (N, C, h, w), as torch has it; differences are measured by the largest feature."""
    features = np.asarray(trunk(photographs().transpose(0, 2, 3, 1), training=False)).transpose(0, 3, 1, 2)
    assert features.shape == expected.shape
    assert expected.std() > 0.1
    assert np.abs(features - expected).max() / np.abs(expected).max() < 1e-4


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "densenet121"])
def test_features_are_those_of_torchvisions_layout(
    name: str, tmp_path: Path, write_state_dict: Callable[..., Path], trunks: Callable[[str], keras.Model]
) -> None:
    state = state_of(name)
    path = write_state_dict(tmp_path / f"{name}.pth", state, legacy=name == "resnet34")
    load_trunk_weights(trunks(name), get_trunk(name), str(path))
    x = photographs().astype(np.float64)
    expected = densenet_forward(state, x) if name == "densenet121" else resnet_forward(state, RESNETS[name], x)
    assert_same_features(trunks(name), expected)


def test_padding_is_what_keras_cv_lacks(trunks: Callable[[str], keras.Model]) -> None:
    """Same arrays in keras-cv's ResNet18, in the same order, give other features: its strides pad on one side."""
    ours, theirs = trunks("resnet18"), build_trunk("resnet18_kerascv", SIZE)
    assert ours.count_params() == theirs.count_params() == 11_186_112
    assert sorted(tuple(w.shape) for w in ours.weights) == sorted(tuple(w.shape) for w in theirs.weights)
    by_name = {layer.name: layer for layer in theirs.layers}
    for layer in ours.layers:
        if layer.weights:
            name = layer.name.replace("stem_", "conv1_")
            if name.startswith("stage_"):
                _, stage, _, block, part = name.split("_", 4)
                part = {"shortcut_conv": "0_conv", "shortcut_bn": "0_bn"}.get(part, f"{part[-1]}_{part[:-1]}")
                name = f"v2_stack_{int(stage) - 1}_block{block}_{part}"
            by_name[name].set_weights(layer.get_weights())
    x = photographs().transpose(0, 2, 3, 1)
    own, other = np.asarray(ours(x, training=False)), np.asarray(theirs(x, training=False))
    assert own.shape == other.shape
    assert np.abs(own - other).max() / np.abs(own).max() > 0.05


@pytest.mark.parametrize("prefix", ["module.", "backbone.", "net.model."])
def test_prefixes_old_names_and_heads_of_ones_own(
    prefix: str, tmp_path: Path, write_state_dict: Callable[..., Path], trunks: Callable[[str], keras.Model]
) -> None:
    state = densenet_state()
    renamed = {
        prefix + name.replace("norm1", "norm.1").replace("conv2", "conv.2"): array for name, array in state.items()
    }
    renamed["head.fc1.weight"] = np.zeros((5, 1024), np.float32)
    path = write_state_dict(tmp_path / "w.pt", renamed, wrapped="state_dict")
    load_trunk_weights(trunks("densenet121"), get_trunk("densenet121"), str(path))
    layer = trunks("densenet121").get_layer("conv4_block7_1_bn")
    assert (np.asarray(layer.gamma) == state["features.denseblock3.denselayer7.norm2.weight"]).all()
    kernel = np.asarray(trunks("densenet121").get_layer("conv4_block7_2_conv").kernel)
    assert (kernel == state["features.denseblock3.denselayer7.conv2.weight"].transpose(2, 3, 1, 0)).all()


def test_torch_weights_reach_both_branches_of_a_classifier(
    tmp_path: Path, write_state_dict: Callable[..., Path]
) -> None:
    state = resnet_state(RESNETS["resnet18"])
    path = write_state_dict(tmp_path / "resnet18.pth", state)
    spec = ModelSpec(trunk="resnet18", weights=str(path), mode="dual", shared_branches=False, attention="cbam")
    model = build_classifier(spec, 32, initial_weights=True, seed=1)
    for prefix in ("", "partner_"):
        kernel = np.asarray(model.get_layer(f"{prefix}stage_2_block_1_shortcut_conv").kernel)
        assert (kernel == state["layer2.0.downsample.0.weight"].transpose(2, 3, 1, 0)).all()


def test_weights_of_another_network_say_where(
    tmp_path: Path, write_state_dict: Callable[..., Path], trunks: Callable[[str], keras.Model]
) -> None:
    state = resnet_state(RESNETS["resnet18"])

    def refusal(arrays: Arrays, name: str) -> str:
        path = write_state_dict(tmp_path / "w.pth", arrays)
        before = [np.array(weight) for weight in trunks(name).weights[:3]]
        with pytest.raises(KerasdrError) as caught:
            load_trunk_weights(trunks(name), get_trunk(name), str(path))
        assert "\n" not in str(caught.value)
        assert all((a == np.asarray(b)).all() for a, b in zip(before, trunks(name).weights[:3], strict=True))
        return str(caught.value)

    deeper = refusal(resnet_state(RESNETS["resnet34"]), "resnet18")
    assert "does not fit trunk resnet18: 80 are not in the network (layer1.2.bn1.bias" in deeper
    assert deeper.endswith("give a file of this trunk, or set model.trunk to the file's")
    assert "does not fit trunk resnet34: 80 arrays are missing in the file" in refusal(state, "resnet34")
    assert "does not fit trunk densenet121: " in refusal(state, "densenet121")
    wider = {**state, "layer4.0.conv1.weight": np.zeros((1024, 256, 3, 3), np.float32)}
    assert "layer4.0.conv1.weight: file (1024, 256, 3, 3), network (512, 256, 3, 3)" in refusal(wider, "resnet18")
    twice = {f"{branch}.{name}": array for branch in ("left", "right") for name, array in state.items()}
    assert "holds 2 trunks (left., right.): write one of them to a file of its own" in refusal(twice, "resnet18")


def test_trunks_without_torch_weights_say_which_have_them(
    tmp_path: Path, write_state_dict: Callable[..., Path]
) -> None:
    assert torch_trunks() == ("resnet18", "resnet34", "densenet121")
    path = write_state_dict(tmp_path / "w.pt", {"conv1.weight": np.zeros((1, 1, 1, 1), np.float32)})
    with pytest.raises(KerasdrError, match="resnet18, resnet34, densenet121, not for tiny; give a Keras weights file"):
        load_trunk_weights(build_trunk("tiny", 48), get_trunk("tiny"), str(path))


def torch_network(name: str) -> Any:
    """A trunk with torchvision's module names, so that its state dict has torchvision's keys; random statistics."""
    torch = pytest.importorskip("torch", reason="needs the extra 'torch'")
    nn, functional = torch.nn, torch.nn.functional

    class Basic(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            if stride > 1 or inputs != outputs:
                shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
                self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
            return functional.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))

    class ResNet(nn.Module):
        def __init__(self, blocks: tuple[int, ...]) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            inputs = 64
            for layer, count in enumerate(blocks, start=1):
                outputs, parts = 32 * 2**layer, []
                for block in range(count):
                    parts.append(Basic(inputs, outputs, 2 if layer > 1 and block == 0 else 1))
                    inputs = outputs
                setattr(self, f"layer{layer}", nn.Sequential(*parts))
            self.fc = nn.Linear(512, 1000)

        def forward(self, x: Any) -> Any:
            x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
            return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    class Dense(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, 128, 1, bias=False)
            self.norm2, self.conv2 = nn.BatchNorm2d(128), nn.Conv2d(128, 32, 3, 1, 1, bias=False)

        def forward(self, x: Any) -> Any:
            y = self.conv2(functional.relu(self.norm2(self.conv1(functional.relu(self.norm1(x))))))
            return torch.cat([x, y], 1)

    class DenseNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential()
            self.features.add_module("conv0", nn.Conv2d(3, 64, 7, 2, 3, bias=False))
            self.features.add_module("norm0", nn.BatchNorm2d(64))
            self.features.add_module("relu0", nn.ReLU())
            self.features.add_module("pool0", nn.MaxPool2d(3, 2, 1))
            channels = 64
            for block, count in enumerate(DENSENET, start=1):
                part = nn.Sequential()
                for layer in range(1, count + 1):
                    part.add_module(f"denselayer{layer}", Dense(channels))
                    channels += 32
                self.features.add_module(f"denseblock{block}", part)
                if block < 4:
                    part = nn.Sequential()
                    part.add_module("norm", nn.BatchNorm2d(channels))
                    part.add_module("relu", nn.ReLU())
                    part.add_module("conv", nn.Conv2d(channels, channels // 2, 1, bias=False))
                    part.add_module("pool", nn.AvgPool2d(2, 2))
                    self.features.add_module(f"transition{block}", part)
                    channels //= 2
            self.features.add_module("norm5", nn.BatchNorm2d(channels))
            self.classifier = nn.Linear(channels, 1000)

        def forward(self, x: Any) -> Any:
            return functional.relu(self.features(x))

    torch.manual_seed(4)
    network = DenseNet() if name == "densenet121" else ResNet(RESNETS[name])
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return network.eval()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", ["resnet18", "resnet34", "densenet121"])
def test_features_are_torchs(name: str, zipped: bool, tmp_path: Path, trunks: Callable[[str], keras.Model]) -> None:
    network = torch_network(name)
    import torch

    state = network.state_dict()
    drawn = state_of(name)
    assert {key: tuple(value.shape) for key, value in state.items()} == {key: drawn[key].shape for key in drawn}
    path = tmp_path / "w.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    load_trunk_weights(trunks(name), get_trunk(name), str(path))
    with torch.no_grad():
        expected = network(torch.from_numpy(photographs())).numpy()
    assert_same_features(trunks(name), expected)


def test_a_whole_torch_module_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra 'torch'")
    torch.save(torch.nn.Conv2d(3, 4, 3), tmp_path / "module.pt")
    with pytest.raises(
        KerasdrError, match=r"holds torch\.nn\.modules\.conv\.Conv2d, not tensors alone; in torch, write"
    ):
        load_trunk_weights(build_trunk("resnet18", 32), get_trunk("resnet18"), str(tmp_path / "module.pt"))
