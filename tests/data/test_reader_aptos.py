"""Layout aptos: train.csv and train_images/<id_code>.png; each photograph is its own person."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kerasdr.data.readers import Dataset, detect_layout, read_table
from kerasdr.data.readers.duplicates import first_of_same_bytes
from kerasdr.data.splits import check_no_leak
from kerasdr.errors import KerasdrError

Put = Callable[..., Path]


def read(root: Path, **options: str) -> Dataset:
    return read_table("aptos", root, options)


def test_codes_stay_text_and_are_people(put: Put, tmp_path: Path) -> None:
    put("train.csv", "id_code,diagnosis\n000c1434d8d7,2\n00e5,4\n123456789012,0\n")
    paths = [put(f"train_images/{name}.png") for name in ("000c1434d8d7", "00e5", "123456789012")]
    put("test.csv", "id_code\nffff\n")
    put("test_images/ffff.png")
    put("masks/00e5.png")
    assert detect_layout(tmp_path) == "aptos"
    dataset = read(tmp_path)
    table = dataset.table
    assert table["image_id"].tolist() == table["patient_id"].tolist() == ["000c1434d8d7", "00e5", "123456789012"]
    assert table["grade"].tolist() == [2, 4, 0]
    assert table["path"].tolist() == [str(path) for path in paths]
    assert set(table["eye"]) == set(table["view"]) == set(table["split"]) == {""}
    assert (dataset.missing, dataset.notes) == ((), ())


def test_photographs_of_the_same_bytes_are_one_person(put: Put, tmp_path: Path) -> None:
    put("train.csv", "id_code,diagnosis\na,2\nb,2\nc,1\nd,0\n")
    same = put("train_images/a.png").read_bytes()
    put("train_images/b.png", b"x" * len(same))
    put("train_images/c.png", same)
    put("train_images/d.png", b"short")
    dataset = read(tmp_path)
    assert dataset.table["patient_id"].tolist() == ["a", "b", "a", "d"]
    assert dataset.notes == (
        "1 photographs have the bytes of another: each group counts as one person; the first is c",
    )
    split = dataset.table.assign(split=["train", "test", "train", "test"])
    check_no_leak(split, ["A", "B", "A", "D"])


def test_files_that_cannot_be_read_have_no_double(put: Put, tmp_path: Path) -> None:
    a, b = put("a.png", b"same"), put("b.png", b"same")
    gone = tmp_path / "gone.png"
    assert first_of_same_bytes([b, a, gone, tmp_path]) == {b: b, a: b, gone: gone, tmp_path: tmp_path}


def test_labels_without_photograph_and_the_reverse(put: Put, tmp_path: Path) -> None:
    put("labels/mine.csv", "id_code,diagnosis\na,2\nb,2\n")
    put("small/a.png")
    put("small/x.png")
    dataset = read(tmp_path, labels="labels/mine.csv", images="small")
    assert dataset.missing == ("b",)
    assert dataset.notes == (
        "1 labelled photographs are not there, the first is b",
        "1 photographs have no label and are left out",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id_code,diagnosis\na,7\n", r"train\.csv line 2 \(a\): grade '7' must be 0, 1, 2, 3 or 4"),
        ("id_code,diagnosis\na,5\n", r"grade '5' must be"),
        ("id_code,diagnosis\na,1\na,1\n", r"line 3 labels a again: keep one row"),
        ("id_code\na\n", r"must have the columns id_code and diagnosis; it has id_code"),
        ("id_code,diagnosis\nb,1\n", r"holds no photograph that layout aptos can read \(1 labelled photographs"),
    ],
)
def test_wrong_labels_are_said_in_one_line(put: Put, tmp_path: Path, text: str, said: str) -> None:
    put("train.csv", text)
    put("train_images/a.png")
    with pytest.raises(KerasdrError, match=said) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_wrong_root_is_told_what_was_looked_for_and_found(put: Put, tmp_path: Path) -> None:
    for number in range(10):
        put(f"{number}.png", b"x")
    with pytest.raises(
        KerasdrError,
        match=r"is not of layout aptos: looked for the labels train\.csv \(columns id_code, diagnosis\) and the folder "
        r"train_images, found 0\.png, .*, 7\.png and 2 more; check --data and --layout",
    ):
        read(tmp_path)
