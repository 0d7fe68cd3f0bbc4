import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.errors import KerasdrError
from kerasdr.models.torch_file import read_state_dict

ARRAYS = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "half": np.array([1.5, -2.0], np.float16),
    "double": np.array([[1e-300]], np.float64),
    "steps": np.array(7, np.int64),
    "mask": np.array([True, False]),
    "nothing": np.zeros((0, 3), np.float32),
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapped", ["", "state_dict", "model"])
def test_both_forms_give_the_arrays(
    legacy: bool, wrapped: str, tmp_path: Path, write_state_dict: Callable[..., Path]
) -> None:
    found = read_state_dict(write_state_dict(tmp_path / "w.pth", ARRAYS, legacy=legacy, wrapped=wrapped))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert (found[name] == array).all()


def test_views_of_shared_numbers(tmp_path: Path, torch_writer: Any) -> None:
    base = np.arange(12, dtype=np.float32)
    content = {
        "transposed": torch_writer.tensor("0", base, shape=(4, 3), strides=(1, 4)),
        "part": torch_writer.tensor("0", base, shape=(2, 2), strides=(4, 1), offset=5),
    }
    found = read_state_dict(torch_writer.zip(tmp_path / "w.pt", content, {"0": base.tobytes()}))
    assert (found["transposed"] == base.reshape(3, 4).T).all()
    assert found["part"].tolist() == [[5, 6], [9, 10]]


def test_other_byte_order_and_bfloat16(tmp_path: Path, torch_writer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.array([1.0, -2.5], np.float32)
    content = {"w": torch_writer.tensor("0", array)}
    path = torch_writer.zip(tmp_path / "big.pt", content, {"0": array.astype(">f4").tobytes()}, byteorder="big")
    assert read_state_dict(path)["w"].tolist() == [1.0, -2.5]
    storage = torch_writer.Persistent(("storage", torch_writer.Name("torch", "BFloat16Storage"), "0", "cpu", 2))
    rebuild = torch_writer.Name("torch._utils", "_rebuild_tensor_v2")
    content = {"w": torch_writer.Call(rebuild, (storage, 0, (2,), (1,), False, None))}
    raw = (array.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    found = read_state_dict(torch_writer.zip(tmp_path / "half.pt", content, {"0": raw}))["w"]
    assert found.dtype == np.float32 and found.tolist() == [1.0, -2.5]


def refused(path: Path) -> str:
    with pytest.raises(KerasdrError) as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("numpy", "load"),
        ("collections", "Counter"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("torchvision.models.resnet", "ResNet"),
    ],
)
def test_nothing_else_is_called(legacy: bool, module: str, name: str, tmp_path: Path, torch_writer: Any) -> None:
    marker = tmp_path / "executed"
    content = {"w": torch_writer.Call(torch_writer.Name(module, name), (f"touch {marker}",))}
    path = tmp_path / "evil.pth"
    (torch_writer.legacy if legacy else torch_writer.zip)(path, content, {})
    message = refused(path)
    assert (
        f"holds {module}.{name}, not tensors alone; in torch, write it again with torch.save(model.state_dict()"
        in message
    )
    assert not marker.exists()


def test_names_in_messages_cannot_draw_on_the_screen(tmp_path: Path, torch_writer: Any) -> None:
    content = {"w": torch_writer.Name("os\x1b[2J", "system")}
    assert "\x1b" not in refused(torch_writer.zip(tmp_path / "evil.pt", content, {}))


def test_what_is_allowed_cannot_be_changed(tmp_path: Path, torch_writer: Any) -> None:
    array = np.ones(3, np.float32)
    raw = {"0": array.tobytes()}
    rebuild = torch_writer.Name("torch._utils", "_rebuild_tensor_v2")
    described = torch_writer.tensor("0", array)
    attempts = {
        # set attributes of what a name gives (opcode BUILD with a pair, which goes through setattr)
        "function": b"\x80\x02" + torch_writer.pickled(rebuild)[2:-1] + b"N}X\x01\x00\x00\x00aNs\x86b.",
        "tensor": torch_writer.Call(described.function, described.arguments, state=(None, {"shape": (9,)})),
        "class": b"\x80\x02" + torch_writer.pickled(rebuild)[2:-1] + b")\x81.",  # NEWOBJ
        "call without numbers": torch_writer.Call(rebuild, ("0", 0, (3,), (1,))),
    }
    for name, attempt in attempts.items():
        content = attempt if isinstance(attempt, bytes) else {"w": attempt}
        assert "torch.save(model.state_dict(), PATH)" in refused(torch_writer.zip(tmp_path / "w.pt", content, raw)), (
            name
        )
    assert read_state_dict(torch_writer.zip(tmp_path / "w.pt", {"w": described}, raw))["w"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (4,)},
        {"offset": 1},
        {"offset": -1},
        {"shape": (2, 2), "strides": (2, 1)},
        {"shape": (-3,)},
        {"shape": (3, 1)},
        {"shape": (10**9, 10**9), "strides": (0, 0)},
        {"shape": ("3",)},
    ],
    ids=str,
)
def test_tensors_stay_within_their_numbers(changes: dict[str, Any], tmp_path: Path, torch_writer: Any) -> None:
    array = np.ones(3, np.float32)
    content = {"w": torch_writer.tensor("0", array, **changes)}
    message = refused(torch_writer.zip(tmp_path / "w.pt", content, {"0": array.tobytes()}))
    assert message.endswith("the file is damaged; get it again")


def test_damaged_and_foreign_files(tmp_path: Path, torch_writer: Any, write_state_dict: Callable[..., Path]) -> None:
    array = np.ones(3, np.float32)
    content, raw = {"w": torch_writer.tensor("0", array)}, array.tobytes()
    assert "cut short" in refused(torch_writer.zip(tmp_path / "short.pt", content, {"0": raw[:-1]}))
    assert "not a torch state dict, or it is damaged" in refused(torch_writer.zip(tmp_path / "gone.pt", content, {}))
    zipped = torch_writer.zip(tmp_path / "zip.pt", content, {"0": raw}, compression=zipfile.ZIP_DEFLATED)
    assert "a zip archive, but not one of torch's" in refused(zipped)
    outside = {"w": torch_writer.Persistent(("module", "x", "0", "cpu", 3))}
    assert "something other than numbers" in refused(torch_writer.zip(tmp_path / "module.pt", outside, {"0": raw}))

    whole = write_state_dict(tmp_path / "whole.pth", ARRAYS, legacy=True).read_bytes()
    for end in (0, 10, 300, len(whole) - 1):
        (tmp_path / "cut.pth").write_bytes(whole[:end])
        refused(tmp_path / "cut.pth")
    wrong = torch_writer.legacy(
        tmp_path / "count.pth", {"w": torch_writer.tensor("0", array, (None,))}, {"0": (4, raw)}
    )
    assert "another length" in refused(wrong)
    big = torch_writer.legacy(tmp_path / "big.pth", content, {"0": (3, raw)}, little=False)
    assert "big-endian machine in torch's old form" in refused(big)

    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("readme.txt", "no weights")
    assert "without torch's data.pkl" in refused(tmp_path / "other.pt")
    (tmp_path / "text.pt").write_text("no weights")
    assert "not a torch state dict" in refused(tmp_path / "text.pt")
    assert "No such file or directory; check the path" in refused(tmp_path / "none.pt")
    only = torch_writer.zip(tmp_path / "list.pt", {"epoch": 3, "optimizer": {"lr": 1}}, {})
    assert "holds the keys epoch, optimizer, not tensors by name" in refused(only)
    assert "holds something else" in refused(torch_writer.zip(tmp_path / "number.pt", [1, 2], {}))
