"""Who is whose partner."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from kerasdr.data.pairs import PAIRINGS, partner_index
from kerasdr.data.records import make_table

TableOf = Callable[..., pd.DataFrame]


def partners(table: pd.DataFrame, pairing: str) -> dict[str, str | None]:
    names = table["image_id"].tolist()
    index = partner_index(table, pairing)
    assert index.dtype == np.int64
    assert index.shape == (len(table),)
    return {name: None if other < 0 else names[other] for name, other in zip(names, index, strict=True)}


def test_both_eyes(table_of: TableOf) -> None:
    table = table_of([("1_left", "1", "left"), ("1_right", "1", "right"), ("2_left", "2", "left"), ("x", "x", "")])
    assert partners(table, "both-eyes") == {"1_left": "1_right", "1_right": "1_left", "2_left": None, "x": None}
    assert set(partners(table, "same-eye").values()) == {None}


def test_both_eyes_of_the_same_view_if_there_is_one(table_of: TableOf) -> None:
    rows = [
        ("1_l1", "1", "left", "1"),
        ("1_l2", "1", "left", "2"),
        ("1_r2", "1", "right", "2"),
        ("1_r3", "1", "right", "3"),
    ]
    assert partners(table_of(rows), "both-eyes") == {"1_l1": "1_r2", "1_l2": "1_r2", "1_r2": "1_l2", "1_r3": "1_l1"}


def test_same_eye_goes_round_all_views(table_of: TableOf) -> None:
    rows = [(f"1_l{view}", "1", "left", str(view)) for view in (3, 1, 2)] + [("1_r1", "1", "right", "1")]
    rows += [("2_r1", "2", "right", "1"), ("2_r2", "2", "right", "2")]
    assert partners(table_of(rows), "same-eye") == {
        "1_l1": "1_l2",
        "1_l2": "1_l3",
        "1_l3": "1_l1",
        "1_r1": None,
        "2_r1": "2_r2",
        "2_r2": "2_r1",
    }


def test_views_without_a_name_go_by_the_photographs_name(table_of: TableOf) -> None:
    table = table_of([("c", "1", "left"), ("a", "1", "left"), ("b", "1", "left"), ("z", "1", "right")])
    assert partners(table, "same-eye") == {"a": "b", "b": "c", "c": "a", "z": None}
    assert partners(table, "both-eyes") == {"a": "z", "b": "z", "c": "z", "z": "a"}


def test_an_unknown_eye_has_no_partner_and_is_nobodys(table_of: TableOf) -> None:
    table = table_of([("a", "1", ""), ("b", "1", ""), ("c", "1", "left")])
    for pairing in PAIRINGS:
        assert set(partners(table, pairing).values()) == {None}


def test_another_folder_is_no_partner() -> None:
    table = make_table(
        [
            {"image_id": "m_left", "path": "monday/7_left.jpg", "patient_id": "7", "eye": "left"},
            {"image_id": "t_right", "path": "tuesday/7_right.jpg", "patient_id": "7", "eye": "right"},
            {"image_id": "t_left", "path": "tuesday/7_left.jpg", "patient_id": "7", "eye": "left"},
            {"image_id": "sub", "path": "tuesday/more/7_left.jpg", "patient_id": "7", "eye": "left"},
        ]
    )
    assert partners(table, "both-eyes") == {"m_left": None, "t_right": "t_left", "t_left": "t_right", "sub": None}
    assert set(partners(table, "same-eye").values()) == {None}


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_the_order_of_rows_does_not_matter(table_of: TableOf, pairing: str) -> None:
    random = np.random.default_rng(5)
    rows = [
        (f"{person}_{eye[0]}{view}_{copy}", str(person), eye, str(view))
        for person in range(12)
        for eye in ("left", "right")
        for view in (1, 2, 3)
        for copy in range(2)
        if random.random() < 0.6
    ]
    table = table_of(rows)
    expected = partners(table, pairing)
    assert sum(other is not None for other in expected.values()) > 20
    for seed in range(10):
        shuffled = table.sample(frac=1.0, random_state=seed)
        assert partners(shuffled, pairing) == expected
        assert partners(shuffled.reset_index(drop=True), pairing) == expected


def test_partners_are_of_the_same_person_and_the_right_eye(table_of: TableOf) -> None:
    random = np.random.default_rng(2)
    rows = [(f"i{k}", str(random.integers(9)), str(random.choice(["left", "right", ""])), "") for k in range(60)]
    table = table_of(rows)
    for pairing in PAIRINGS:
        index = partner_index(table, pairing)
        have = np.flatnonzero(index >= 0)
        assert len(have) > 20
        first, second = table.iloc[have].reset_index(), table.iloc[index[have]].reset_index()
        assert (first["patient_id"] == second["patient_id"]).all()
        assert ((first["eye"] == second["eye"]) == (pairing == "same-eye")).all()
        assert (index[have] != have).all()


def test_empty_table_and_unknown_pairing(table_of: TableOf) -> None:
    assert partner_index(make_table([]), "both-eyes").shape == (0,)
    with pytest.raises(ValueError, match="pairing must be one of"):
        partner_index(table_of([("a", "1", "left")]), "both")
