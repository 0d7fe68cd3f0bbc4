"""Layouts by name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kerasdr.data.readers import Dataset, detect_layout, layout_names, read_table, register_reader, registry
from kerasdr.data.records import make_table
from kerasdr.errors import KerasdrError

Put = Callable[..., Path]


def test_layouts_have_names() -> None:
    assert layout_names() == ("aptos", "course", "deepdrid", "eyepacs", "folder", "manifest")


def test_a_new_layout_is_one_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_READERS", dict(registry._READERS))
    monkeypatch.setattr(registry, "_RECOGNISE", dict(registry._RECOGNISE))

    @register_reader("single", recognise=lambda root: (root / "only.txt").is_file())
    def read_single(root: Path, options: Mapping[str, Any]) -> Dataset:
        return Dataset(make_table([{"image_id": options["name"], "path": str(root / "x.png")}]), notes=("hello",))

    assert "single" in layout_names()
    assert detect_layout(tmp_path) == "folder"
    (tmp_path / "only.txt").touch()
    assert detect_layout(tmp_path) == "single"
    dataset = read_table("single", tmp_path, {"name": "one"})
    assert (dataset.table["image_id"].tolist(), dataset.missing, dataset.notes) == (["one"], (), ("hello",))


@pytest.mark.parametrize(
    ("layout", "options", "said"),
    [
        ("eyepac", {}, r"no layout is called 'eyepac' \(did you mean eyepacs\?\); known are aptos, course, .*manifest"),
        ("zzz", {}, r"no layout is called 'zzz'; known are"),
        (
            "eyepacs",
            {"label": "x"},
            r"layout eyepacs has no option 'label' \(did you mean labels\?\); it has labels, images",
        ),
        ("eyepacs", {"labels": 5}, r"option labels of layout eyepacs must be text \(put it in quotes\), got 5"),
        ("folder", {"labels": "x"}, r"layout folder has no option 'labels'; it has none"),
    ],
)
def test_a_wrong_layout_or_option_is_said(tmp_path: Path, layout: str, options: Mapping[str, Any], said: str) -> None:
    with pytest.raises(KerasdrError, match=said):
        read_table(layout, tmp_path, options)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(KerasdrError, match=r"absent does not exist: name it with --data"):
        read_table("folder", tmp_path / "absent")


def test_a_layout_is_guessed_by_what_lies_there(put: Put, tmp_path: Path) -> None:
    put("0/a.png")
    assert detect_layout(tmp_path) == "folder"
    put("train.csv", b"\xff\xfe no text")
    assert detect_layout(tmp_path) == "folder"
    put("train.csv", "a,b\n")
    assert detect_layout(tmp_path) == "folder"
    put("trainLabels.csv", "image,level\na,0\n")
    assert detect_layout(tmp_path) == "eyepacs"


def test_a_folder_that_cannot_be_opened_is_said(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put("regular-fundus-training/x.csv", "a").parent

    def refuse(path: Path) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    said = rf"cannot open the folder {folder}: Permission denied; check its permissions"
    with pytest.raises(KerasdrError, match=said):
        read_table("deepdrid", tmp_path)
    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(KerasdrError, match=r"Permission denied; check its permissions"):
        detect_layout(tmp_path)
