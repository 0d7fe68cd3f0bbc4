"""Nobody stands in two parts."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from kerasdr.data.fingerprint import photograph_digests
from kerasdr.data.records import make_table
from kerasdr.data.splits import (
    check_no_leak,
    folds_by_person,
    read_split,
    split_by_fold,
    split_by_person,
    worst_grades,
    write_split,
)
from kerasdr.errors import KerasdrError

FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
TableOf = Callable[..., pd.DataFrame]


def people_of(seed: int, people: int) -> pd.DataFrame:
    """A table of people with one to four photographs, some without a grade."""
    random = np.random.default_rng(seed)
    records = []
    for person in range(people):
        for index in range(random.integers(1, 5)):
            grade = int(random.choice(6, p=[0.5, 0.15, 0.2, 0.05, 0.05, 0.05]))
            name = f"{person}_{index}"
            records.append(
                {
                    "image_id": name,
                    "path": f"{name}.jpg",
                    "patient_id": f"{person}",
                    "grade": grade if grade < 5 else None,
                }
            )
    return make_table(records)


def where(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["image_id"], table["split"], strict=True))


def test_worst_grades(table_of: TableOf) -> None:
    rows = [("a", "2", "", "", 0), ("b", "2", "", "", 3), ("c", "1", "", "", None), ("d", "10", "", "", 1), ("e", "10")]
    worst = worst_grades(table_of(rows))
    assert worst.to_dict() == {"1": -1, "10": 1, "2": 3}
    assert worst.index.tolist() == ["1", "10", "2"]


def test_random_tables_nobody_in_two_parts_and_shares_as_asked() -> None:
    random = np.random.default_rng(0)
    done = 0
    for seed in range(200):
        people = int(random.integers(6, 90))
        shares = random.dirichlet([4, 2, 2])
        fractions = dict(zip(FRACTIONS, shares, strict=True))
        table = people_of(seed, people)
        graded = int((worst_grades(table) >= 0).sum())
        if graded * shares.min() < 1.5:
            continue
        split = split_by_person(table, fractions, seed)
        by_person = split.groupby("patient_id")["split"]
        assert (by_person.nunique() == 1).all()
        counts = by_person.first().value_counts()
        for part, share in fractions.items():
            assert abs(counts[part] - share * graded) <= 1.0
        done += 1
        assert (split.drop(columns="split") == table.drop(columns="split")).fillna(True).all(axis=None)
    assert done > 150


@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (0.8, 0.1, 0.1), (0.34, 0.33, 0.33), (0.5, 0.45, 0.05)])
def test_each_grade_keeps_the_shares_within_two_people(shares: tuple[float, ...]) -> None:
    fractions = dict(zip(FRACTIONS, shares, strict=True))
    for seed in range(10):
        table = people_of(seed, 120)
        parts = split_by_person(table, fractions, seed).groupby("patient_id")["split"].first()
        worst = worst_grades(table)
        for grade, group in worst[worst >= 0].groupby(worst):
            counts = parts[group.index].value_counts()
            for part, share in fractions.items():
                assert abs(counts.get(part, 0) - share * len(group)) <= 2, (grade, part)


def test_people_without_a_grade_are_in_no_part(table_of: TableOf) -> None:
    graded = [(f"{person}_{index}", f"{person}", "", "", 1) for person in range(5) for index in range(2)]
    half = [("half_0", "half", "", "", 2), ("half_1", "half", "", "", None)]
    table = table_of([*graded, *half, ("x_0", "x"), ("x_1", "x")])
    split = split_by_person(table, FRACTIONS, 1)
    assert split.loc[split["patient_id"] == "x", "split"].tolist() == ["", ""]
    assert split.loc[split["patient_id"] == "half", "split"].nunique() == 1
    assert (split.loc[split["patient_id"] != "x", "split"] != "").all()
    with pytest.raises(KerasdrError, match="no photograph has a grade, so none can be trained on"):
        split_by_person(table_of([("x_0", "x"), ("x_1", "x")]), FRACTIONS, 1)


def test_the_order_of_rows_does_not_matter_and_the_seed_does() -> None:
    table = people_of(1, 60)
    expected = where(split_by_person(table, FRACTIONS, 7))
    for seed in range(5):
        shuffled = table.sample(frac=1.0, random_state=seed)
        assert where(split_by_person(shuffled, FRACTIONS, 7)) == expected
    others = [where(split_by_person(table, FRACTIONS, seed)) for seed in range(8, 13)]
    assert all(other != expected for other in others)


def test_names_do_not_decide() -> None:
    # The first people by name do not all go to training.
    parts = [split_by_person(people_of(1, 60), FRACTIONS, seed).iloc[0]["split"] for seed in range(40)]
    assert set(parts) == {"train", "validation", "test"}


def test_tiny_strata(table_of: TableOf) -> None:
    table = table_of([(f"p{index}", f"p{index}", "", "", min(index, 4)) for index in range(5)])
    split = split_by_person(table, FRACTIONS, 3)
    assert split["split"].value_counts().to_dict() == {"train": 3, "validation": 1, "test": 1}


def test_without_a_test_part() -> None:
    split = split_by_person(people_of(2, 50), {"train": 0.8, "validation": 0.2, "test": 0.0}, 1)
    people = split.groupby("patient_id")["split"].first().value_counts()
    assert people.to_dict() == {"train": 40, "validation": 10}


def test_too_few_people_are_refused(table_of: TableOf) -> None:
    table = table_of([("a", "1", "", "", 0), ("b", "1", "", "", 0), ("c", "2", "", "", 0)])
    with pytest.raises(KerasdrError, match=r"2 people are too few: the \w+ part would be empty"):
        split_by_person(table, FRACTIONS, 1)


def test_an_official_split_is_kept_and_a_half_filled_one_refused(table_of: TableOf) -> None:
    table = table_of([(f"p{index}", f"p{index}", "", "", index % 3) for index in range(6)])
    official = table.assign(split=["test", "train", "train", "train", "validation", "test"])
    assert split_by_person(official, FRACTIONS, 1)["split"].tolist() == official["split"].tolist()
    with pytest.raises(KerasdrError, match="the same person is in test as p0 and in train as p1"):
        split_by_person(official.assign(patient_id=["p0", "p0", "p2", "p3", "p4", "p5"]), FRACTIONS, 1)
    with pytest.raises(KerasdrError, match=r"the test part of the data set's own split has no photographs: add them"):
        split_by_person(official.assign(split=["train"] * 5 + ["validation"]), FRACTIONS, 1)
    with pytest.raises(KerasdrError, match=r"the validation part of the data set's own split has no grades"):
        split_by_person(official.assign(grade=[0, 1, 2, 3, None, 4]).astype({"grade": "Int64"}), FRACTIONS, 1)
    unlabelled_test = official.assign(grade=[None, 1, 2, 3, 4, None]).astype({"grade": "Int64"})
    assert split_by_person(unlabelled_test, FRACTIONS, 1)["split"].tolist() == official["split"].tolist()
    half = official.assign(split=["test", "", "", "train", "", "test"])
    with pytest.raises(KerasdrError, match="3 of 6 rows have no split: give all rows one, or none"):
        split_by_person(half, FRACTIONS, 1)


def test_the_table_is_left_as_it_is() -> None:
    table = people_of(4, 30)
    before = table.copy()
    split_by_person(table, FRACTIONS, 1)
    folds_by_person(table, 3, 1)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("n_folds", [2, 5, 10])
def test_folds(n_folds: int) -> None:
    table = people_of(6, 83)
    folds = folds_by_person(table, n_folds, 1)
    assert folds.shape == (len(table),)
    assert folds.dtype == np.int64
    assert set(folds) == set(range(n_folds))
    by_person = pd.Series(folds).groupby(table["patient_id"])
    assert (by_person.nunique() == 1).all()
    sizes = by_person.first().value_counts()
    assert sizes.max() - sizes.min() <= 1
    # Grades are alike in all folds.
    people = by_person.first()
    for _, group in worst_grades(table).groupby(worst_grades(table)):
        counts = people[group.index].value_counts().reindex(range(n_folds), fill_value=0)
        assert counts.max() - counts.min() <= 1


def test_folds_depend_on_the_seed_and_not_on_the_order() -> None:
    table = people_of(6, 40)
    folds = pd.Series(folds_by_person(table, 5, 1), index=table["image_id"])
    shuffled = table.sample(frac=1.0, random_state=1)
    again = pd.Series(folds_by_person(shuffled, 5, 1), index=shuffled["image_id"])
    assert again.to_dict() == folds.to_dict()
    assert (folds_by_person(table, 5, 2) != folds.to_numpy()).any()


@pytest.mark.parametrize("n_folds", [1, 0, 31])
def test_folds_need_people(n_folds: int) -> None:
    with pytest.raises(KerasdrError, match="got 30 people"):
        folds_by_person(people_of(1, 30), n_folds, 1)


def leaking(table_of: TableOf) -> pd.DataFrame:
    table = table_of([("a", "1"), ("b", "1"), ("c", "2"), ("d", "3")])
    return table.assign(split=["train", "train", "test", "validation"])


def test_no_leak_passes(table_of: TableOf) -> None:
    check_no_leak(leaking(table_of), ["A", "A", "C", "D"])


def test_the_same_person_in_two_parts_is_caught(table_of: TableOf) -> None:
    table = leaking(table_of)
    table.loc[1, "split"] = "test"
    with pytest.raises(KerasdrError, match="the same person is in train as a and in test as b"):
        check_no_leak(table, list("ABCD"))


def test_the_same_bytes_in_two_parts_are_caught(table_of: TableOf) -> None:
    with pytest.raises(KerasdrError, match="the same photograph is in train as b and in validation as d"):
        check_no_leak(leaking(table_of), ["A", "B", "C", "B"])


def test_files_that_hold_no_photograph_do_not_leak(tmp_path: Path) -> None:
    """Empty files and pages of an error are alike in both parts; the same photograph is caught all the same."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    png = cv2.imencode(".png", pixels)[1].tobytes()
    table = make_table(
        {"image_id": name, "path": str(tmp_path / name), "split": split}
        for name, split in (("a", "train"), ("b", "test"), ("c", "train"), ("d", "validation"), ("e", "test"))
    )

    def check(*contents: bytes) -> None:
        for name, content in zip("abcde", contents, strict=True):
            (tmp_path / name).write_bytes(content)
        check_no_leak(table, photograph_digests(table))

    page = b"<html>404 Not Found</html>"
    check(b"", b"", page, page, png)
    with pytest.raises(KerasdrError, match="the same photograph is in train as c and in test as e"):
        check(b"", b"", png, page, png)
    with pytest.raises(KerasdrError, match="the same photograph is in train as c and in test as e"):
        check(b"", page, png, png[:40], png)
    check(png[:40], png[:40], png[:40], b"", b"")


def test_splits_of_any_seed_do_not_leak() -> None:
    table = people_of(8, 50)
    digests = table["image_id"].tolist()
    for seed in range(20):
        check_no_leak(split_by_person(table, FRACTIONS, seed), digests)


def test_write_and_read(tmp_path: Path, table_of: TableOf) -> None:
    table = table_of([("007_left", "007"), ("NA", "NA"), ("1,5", "1,5")]).assign(split=["train", "test", ""])
    write_split(table, ["aa", "01", "1e5"], tmp_path / "split.csv")
    assert (tmp_path / "split.csv").read_bytes().splitlines()[0] == b"image_id,patient_id,split,sha256"
    rows = [["007_left", "007", "train", "aa"], ["NA", "NA", "test", "01"], ["1,5", "1,5", "", "1e5"]]
    assert read_split(tmp_path / "split.csv").to_numpy().tolist() == rows


def test_a_split_of_an_early_run_has_no_digests_and_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("image_id,patient_id,split\na,1,train\n")
    assert read_split(path).to_numpy().tolist() == [["a", "1", "train"]]
    for text in ("image_id,split\na,train\n", "image_id,patient_id,split,sha1\na,1,train,x\n"):
        path.write_text(text)
        with pytest.raises(KerasdrError, match="is no split with the columns image_id, patient_id, split, sha256"):
            read_split(path)


def test_over_all_folds_each_graded_person_is_tested_once_and_validated_once() -> None:
    table = people_of(4, 61)
    parts = [split_by_fold(table, number, 5, 3)["split"] for number in range(1, 6)]
    graded = table["patient_id"].map(worst_grades(table)) >= 0
    for part in parts:
        assert table.assign(split=part).groupby("patient_id")["split"].nunique().max() == 1
        assert (part[~graded] == "").all()
        assert set(part[graded]) == {"train", "validation", "test"}
    for name in ("test", "validation"):
        counts = sum((part == name).astype(int) for part in parts)
        assert (counts[graded] == 1).all()
    assert [where(table.assign(split=part)) for part in parts[:1]] == [where(split_by_fold(table, 1, 5, 3))]


def test_folds_lay_a_given_split_aside() -> None:
    table = people_of(4, 30)
    assert where(split_by_fold(table.assign(split="train"), 2, 3, 1)) == where(split_by_fold(table, 2, 3, 1))
