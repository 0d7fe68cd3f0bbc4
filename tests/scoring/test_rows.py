import csv
import io

import pandas as pd

from kerasdr.scoring.rows import COLUMNS, STATUSES, Row, to_csv

CONTRACT = (
    "image,status,grade,grade_name,prob_0,prob_1,prob_2,prob_3,prob_4,referable,prob_referable,reason,gradcam,partner,"
    "model,sha256,grade_set,screen_positive,refer_to_reader"
)

GRADED = Row(
    image="in/10_left.png",
    status="graded",
    grade=2,
    grade_name="moderate NPDR",
    probabilities=(0.1, 0.2, 0.4, 0.25, 0.05),
    referable=True,
    prob_referable=0.7,
    gradcam="g_gradcam/000001_0123456789ab.png",
    partner="in/10_right.png",
    model="demo@0123456789ab",
    sha256="ab" * 32,
    grade_set="1 to 3",
    screen_positive=True,
    refer_to_reader=False,
)
FAILED = Row(image="b.png", status="failed", reason="file not found: check the name", model="demo@0123456789ab")


def test_columns_and_their_order() -> None:
    assert ",".join(COLUMNS) == CONTRACT
    assert to_csv([]) == CONTRACT + "\n"
    assert STATUSES == ("graded", "ungradable", "failed", "waiting")


def test_graded_row_to_the_letter() -> None:
    assert to_csv([GRADED]).split("\n")[1:] == [
        "in/10_left.png,graded,2,moderate NPDR,0.100000,0.200000,0.400000,0.250000,0.050000,true,0.700000,,"
        f"g_gradcam/000001_0123456789ab.png,in/10_right.png,demo@0123456789ab,{'ab' * 32},1 to 3,yes,no",
        "",
    ]


def test_failed_row_to_the_letter() -> None:
    assert (
        to_csv([FAILED]).split("\n")[1]
        == "b.png,failed,,,,,,,,,,file not found: check the name,,,demo@0123456789ab,,,,"
    )


def test_grade_0_and_probability_0_are_not_empty() -> None:
    row = Row("a", "graded", 0, "no DR", (1.0, 0.0, 0.0, 0.0, 0.0), False, 0.0)
    assert row.cells()[:11] == [
        *("a", "graded", "0", "no DR", "1.000000"),
        *("0.000000", "0.000000", "0.000000", "0.000000", "false", "0.000000"),
    ]


NAMES = [
    "plain.png",
    "with space.png",
    "comma,semi;colon.png",
    'quo"te.png',
    '"quoted"',
    "new\nline.png",
    "carriage\rreturn.png",
    "both\r\nof them.png",
    "\rfirst",
    "last\r",
    "tab\there.png",
    "ä 眼 \u202e.png",
    "next\x85line\u2028separator.png",
    "",
]


def test_names_come_back_through_csv() -> None:
    text = to_csv([Row(name, "failed", reason="r") for name in NAMES])
    back = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["image"] for row in back] == NAMES
    assert [row["reason"] for row in back] == ["r"] * len(NAMES)
    assert all(len(row) == 19 and None not in row for row in back)


def test_names_come_back_through_pandas() -> None:
    text = to_csv([Row(name, "failed") for name in NAMES])
    table = pd.read_csv(io.BytesIO(text.encode()), dtype=str, keep_default_na=False)
    assert table["image"].tolist() == NAMES
    assert ",".join(table.columns) == CONTRACT


def test_types_come_back_through_pandas() -> None:
    table = pd.read_csv(io.StringIO(to_csv([GRADED, FAILED])))
    assert table["grade"].tolist()[0] == 2
    assert table["grade"].isna().tolist() == [False, True]
    assert table[[f"prob_{grade}" for grade in range(5)]].iloc[0].tolist() == [0.1, 0.2, 0.4, 0.25, 0.05]
    assert table["referable"].tolist()[0] is True
