"""Layout eyepacs: trainLabels.csv and <person>_<left|right>.jpeg."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kerasdr.data.readers import Dataset, read_table
from kerasdr.errors import KerasdrError

Put = Callable[..., Path]


def read(root: Path, **options: object) -> Dataset:
    return read_table("eyepacs", root, options)


def test_photographs_in_a_sub_folder(put: Put, tmp_path: Path) -> None:
    put("trainLabels.csv", "image,level\n10_left,0\n10_right,4\n")
    left, right = put("train/10_left.jpeg"), put("train/10_right.jpeg")
    dataset = read(tmp_path)
    assert dataset.table.drop(columns="person_grade").to_dict("list") == {
        "image_id": ["10_left", "10_right"],
        "path": [str(left), str(right)],
        "patient_id": ["10", "10"],
        "eye": ["left", "right"],
        "view": ["", ""],
        "grade": [0, 4],
        "quality": ["", ""],
        "split": ["", ""],
    }
    assert (dataset.missing, dataset.notes) == ((), ())


@pytest.mark.parametrize("ending", ["jpeg", "jpg", "png", "tif", "tiff", "bmp", "webp", "JPEG", "PnG"])
def test_photographs_of_any_ending_beside_the_labels(put: Put, tmp_path: Path, ending: str) -> None:
    put("trainLabels.csv", "image,level\n10_left,2\n")
    path = put(f"10_left.{ending}", b"not looked into")
    assert read(tmp_path).table["path"].tolist() == [str(path)]


def test_identifiers_stay_text(put: Put, tmp_path: Path) -> None:
    put("trainLabels.csv", "image,level\n007_left,1\n0012,3\n1e3_right,0\nNA_left,2\n")
    for name in ("007_left", "0012", "1e3_right", "NA_left"):
        put(f"{name}.png")
    table = read(tmp_path).table
    assert table["image_id"].tolist() == ["007_left", "0012", "1e3_right", "NA_left"]
    assert table["patient_id"].tolist() == ["007", "0012", "1e3", "NA"]
    assert table["grade"].tolist() == [1, 3, 0, 2]


def test_what_is_missing_or_has_no_label_is_said(put: Put, tmp_path: Path) -> None:
    put("trainLabels.csv", "image,level\n10_left,0\n10_right,4\n11_left,1\n")
    for name in ("10_left.png", "12_left.png", "13_left.png", ".10_right.png", "masks/10_left.png", "notes.txt"):
        put(name, b"x")
    dataset = read(tmp_path)
    assert dataset.table["image_id"].tolist() == ["10_left"]
    assert dataset.missing == ("10_right", "11_left")
    assert dataset.table["person_grade"].tolist() == [4]
    assert dataset.notes == (
        "2 labelled photographs are not there, the first is 10_right",
        "2 photographs have no label and are left out",
    )


def test_the_labels_may_have_a_quality_and_more(put: Put, tmp_path: Path) -> None:
    put("trainLabels.csv", "image,level,quality,camera\n1_left,0,gradable,x\n1_right,1,ungradable,y\n2_left,,,\n")
    for name in ("1_left", "1_right", "2_left"):
        put(f"{name}.png")
    table = read(tmp_path).table
    assert table["quality"].tolist() == ["gradable", "ungradable", ""]
    assert table["grade"].isna().tolist() == [False, False, True]


def test_labels_and_photographs_may_lie_elsewhere(put: Put, tmp_path: Path) -> None:
    put("labels/mine.csv", "image,level\n1_left,3\n")
    put("small/1_left.png")
    right = put("large/1_left.png")
    with pytest.raises(KerasdrError, match=r"two photographs are called 1_left: .*data\.options\.images"):
        read(tmp_path, labels="labels/mine.csv")
    assert read(tmp_path, labels="labels/mine.csv", images="large").table["path"].tolist() == [str(right)]


def test_two_photographs_of_one_name_without_a_label_do_no_harm(put: Put, tmp_path: Path) -> None:
    put("trainLabels.csv", "image,level\n1_left,3\n")
    for name in ("1_left.png", "a/spare.png", "b/spare.png"):
        put(name)
    assert read(tmp_path).notes == ("1 photographs have no label and are left out",)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("image,level\n1_left,5\n", r"trainLabels\.csv line 2 \(1_left\): grade '5' must be 0, 1, 2, 3 or 4"),
        ("image,level\n1_left,0\n\n2_left,mild\n", r"line 4 \(2_left\): grade 'mild' must be"),
        ("image,level\n1_left,1.5\n", r"grade '1\.5' must be"),
        ("image,level\n1_left,-1\n", r"grade '-1' must be"),
        ("image,level\n1_left,0\n1_left,0\n", r"line 3 labels 1_left again: keep one row"),
        ("image,level,quality\n1_left,0,good\n", r"row 1 \(1_left\): quality 'good' must be one of gradable"),
        ("name,grade\n1_left,0\n", r"must have the columns image and level; it has name, grade"),
        ("image;level\n1_left;0\n", r"must have the columns image and level; it has image;level"),
        ("image,level,level\n1_left,0,1\n", r"two columns called level"),
        ("image,level\n", r"hold no rows"),
        ("", r"hold no rows"),
        ("image,level\n1_left\n", r"line 2 has 1 cells, but there are 2 columns"),
        ("image,level\n1_left,0,3\n", r"line 2 has 3 cells, but there are 2 columns"),
        (b"image,level\n\xfcber_left,0\n", r"are not UTF-8 text: save them"),
        (b"image,level\n1_left\0,0\n", r"are no CSV"),
        (
            None,
            r" is not of layout eyepacs: looked for the labels trainLabels\.csv \(columns image, level\), "
            r"found 1_left\.png, 2_left\.png; check --data and --layout",
        ),
        ("image,level\n9_left,0\n", r"holds no photograph .*1 labelled photographs are not there, the first is 9_left"),
    ],
)
def test_wrong_labels_are_said_in_one_line(put: Put, tmp_path: Path, labels: str | bytes | None, said: str) -> None:
    put("1_left.png")
    put("2_left.png")
    if labels is not None:
        put("trainLabels.csv", labels)
    with pytest.raises(KerasdrError, match=said) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_spreadsheets_do_to_labels_is_harmless(put: Put, tmp_path: Path) -> None:
    put("trainLabels.csv", "\ufeffimage, level \r\n 1_left ,2.0,\r\n,,\r\n1_right,0,,\r\n")
    put("1_left.png")
    put("1_right.png")
    table = read(tmp_path).table
    assert (table["image_id"].tolist(), table["grade"].tolist()) == (["1_left", "1_right"], [2, 0])
