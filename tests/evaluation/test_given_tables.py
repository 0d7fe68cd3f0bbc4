import re
from pathlib import Path

import numpy as np
import pytest

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.given_tables import read_given_labels, read_given_predictions
from kerasdr.evaluation.predictions import write_predictions

P = "prob_0,prob_1,prob_2,prob_3,prob_4"


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    return tmp_path / "p.csv"


@pytest.mark.parametrize("photograph", ["image", "image_id", "id", "file", "filename", "path", "id_code", "Image"])
@pytest.mark.parametrize("grade", ["grade", "level", "prediction", "predicted", "diagnosis", "Predicted"])
def test_names_of_columns(predictions: Path, photograph: str, grade: str) -> None:
    predictions.write_text(f"{photograph},{grade}\n1_left,2\n1_right,\n2_left,3.0\n")
    found = read_given_predictions(predictions)
    assert found.names == ["1_left", "1_right", "2_left"] and list(found.grades) == [2, -1, 3]
    assert found.status == ["graded", "no grade", "graded"]
    assert found.probabilities is None and found.people is None
    assert list(found.called_referable) == [True, False, True]
    assert found.decision == f"column {grade.lower()}, 2 or worse"


@pytest.mark.parametrize("header", ["image,level", "image,grade", "image_id,grade", "id_code,diagnosis"])
def test_labels(predictions: Path, header: str) -> None:
    predictions.write_text(f"{header},Patient\n1_left,2,a\n1_right,,b\n")
    found = read_given_labels(predictions)
    assert list(found.grades) == [2, -1] and found.people == ["a", "b"] and found.person_column == "patient"


def test_predictions_of_a_run_are_not_their_own_truth(predictions: Path) -> None:
    import pandas as pd

    table = pd.DataFrame({"image_id": ["1_left"], "patient_id": ["1"], "eye": ["left"]})
    write_predictions(predictions, table, np.array([0]), np.array([4]), np.array([[0.7, 0.1, 0.1, 0.1, 0.0]]))
    found = read_given_predictions(predictions)
    assert (found.grade_column, list(found.grades)) == ("predicted", [0])
    assert list(read_given_labels(predictions).grades) == [4]


def test_status_and_decision_of_a_tool(predictions: Path) -> None:
    predictions.write_text(
        f"image,status,grade,{P},referable\n"
        "a.png,graded,1,0.5,0.2,0.3,0,0,true\n"
        "b.png,Ungradable,2,,,,,,\n"  # a grade that the tool itself takes back
        "c.png,failed,,,,,,,\n"
        "d.png,graded,3,0.1,0.1,0.1,0.7,0,no\n"
    )
    found = read_given_predictions(predictions)
    assert found.status == ["graded", "ungradable", "failed", "graded"] and list(found.grades) == [1, -1, -1, 3]
    assert list(found.called_referable) == [True, False, False, False]
    assert found.decision == "column referable"
    assert found.probabilities is not None and np.isnan(found.probabilities[1:3]).all()
    assert found.probabilities[0] == pytest.approx([0.5, 0.2, 0.3, 0, 0])


def test_probabilities_may_be_rounded(predictions: Path) -> None:
    predictions.write_text(f"image,grade,{P}\na,0,0.33,0.33,0.33,0.0,0.0\nb,0,0.21,0.21,0.2,0.2,0.2\n")
    assert read_given_predictions(predictions).probabilities is not None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "hold no rows: check"),
        ("image,grade\n", "hold no rows: check"),
        ("image\0,grade\n1,2\n", "no CSV: "),
        ("hello\nworld\n", "looked for image, image_id, id_code, filename, file, path or id, found hello (is it"),
        ("image;grade\na;1\n", "found image;grade (is it separated by commas?); rename the column"),
        ("photo,grade\na,1\n", "no column for the photograph: looked for image, "),
        (
            "image,dr\na,1\n",
            "grade: looked for predicted, prediction, grade, level or diagnosis, found image, dr; rename",
        ),
        ("image,Grade,grade\na,1,1\n", "two columns called grade, but for capitals: rename one"),
        ("image,grade\na,1\n,2\n", "line 3: the column image is empty: name the photograph"),
        ("image,grade\na,1\nb,5\n", "line 3: grade '5' must be 0, 1, 2, 3 or 4, or empty"),
        ("image,grade\na,-1\n", "line 2: grade '-1' must be"),
        ("image,grade\na,1.5\n", "line 2: grade '1.5' must be"),
        (f"image,grade,{P}\na,1,0.2,nan,0.2,0.2,0.2\n", "line 2: prob_1 'nan' must be a number from 0 to 1"),
        (f"image,grade,{P}\na,1,0.2,,0.2,0.2,0.2\n", "line 2: prob_1 '' must be a number from 0 to 1"),
        (f"image,grade,{P}\na,1,20,20,20,20,20\n", "prob_0 '20' must be a number from 0 to 1 (0.25 for 25%)"),
        (f"image,grade,{P}\na,1,1.1,-0.1,0,0,0\n", "prob_0 '1.1' must be"),
        (
            f"image,grade,{P}\na,1,1,0,0,0,0\nb,1,0.5,0,0,0,0.4\nc,1,0,0,0,0,0\n",
            "line 3: prob_0 to prob_4 sum to 0.9, not to",
        ),
        (
            "image,grade,prob_0,prob_1\na,1,0.5,0.5\n",
            "has a column prob_0 but no prob_2: give prob_0 to prob_4, or none",
        ),
        ("image,grade,referable\na,1,0.7\n", "line 2: referable '0.7' must be true or false: correct it, or rename"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(predictions: Path, content: str, words: str) -> None:
    predictions.write_text(content)
    with pytest.raises(KerasdrError, match=re.escape(words)) as caught:
        read_given_predictions(predictions)
    assert "\n" not in str(caught.value) and "p.csv" in str(caught.value)


def test_a_file_that_is_no_text(predictions: Path) -> None:
    predictions.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(KerasdrError, match=r"the predictions .*p\.csv are not UTF-8 text: save them as CSV"):
        read_given_predictions(predictions)
    with pytest.raises(KerasdrError, match=r"the labels .*p\.csv are not UTF-8 text"):
        read_given_labels(predictions)
    with pytest.raises(KerasdrError, match=r"cannot read the predictions .*absent\.csv: No such file"):
        read_given_predictions(predictions.with_name("absent.csv"))


def test_labels_of_a_tool_are_refused(predictions: Path) -> None:
    predictions.write_text("image,predicted\na,1\n")
    with pytest.raises(KerasdrError, match="looked for level, grade or diagnosis, found image, predicted"):
        read_given_labels(predictions)


def test_sets_of_grades(predictions: Path) -> None:
    predictions.write_text(
        "image,status,grade,grade_set\na,graded,1,1-2\nb,graded,3,3\nc,graded,0,\nd,failed,,\ne,ungradable,,what\n"
    )
    found = read_given_predictions(predictions)
    assert found.set_bounds is not None
    assert found.set_bounds.tolist() == [[1, 2], [3, 3], [-1, -1], [-1, -1], [-1, -1]]
    for without in ("image,grade\na,1\n", "image,grade,grade_set\na,1,\n"):
        predictions.write_text(without)
        assert read_given_predictions(predictions).set_bounds is None


@pytest.mark.parametrize("wrong", ["2-1", "02-Jan", "1;2", "7"])
def test_sets_that_are_none_are_refused(predictions: Path, wrong: str) -> None:
    predictions.write_text(f"image,grade,grade_set\na,1,1-2\nb,1,{wrong}\n")
    with pytest.raises(
        KerasdrError, match=rf"p\.csv line 3: grade_set '{wrong}' is no set of grades such as 3 or 1 to 2"
    ):
        read_given_predictions(predictions)


def test_a_row_without_any_probability_was_not_graded(predictions: Path) -> None:
    predictions.write_text(f"image,grade,{P}\na,1,0,1,0,0,0\nb,2,,,,,\nc,,,,,,\nd,3,,,,,\n")
    found = read_given_predictions(predictions)
    assert found.status == ["graded", "no grade", "no grade", "no grade"] and list(found.grades) == [1, -1, -1, -1]
    assert found.notes == (
        f"2 rows of {predictions} have a grade and no probabilities, taken as not graded, the first in line 3: b",
    )
    predictions.write_text(f"image,grade,{P}\na,1,,,,,\nb,2,,,,,\n")
    with pytest.raises(KerasdrError, match="line 2: prob_0 '' must be a number"):
        read_given_predictions(predictions)


def test_grades_that_are_not_the_most_probable_are_told(predictions: Path) -> None:
    rows = ["a,1,0,1,0,0,0", "b,2,0.5,0.2,0.3,0,0", "c,2,0.3,0,0.3,0.3,0.1", "d,0,0,1,0,0,0", "e,,,,,,"]
    predictions.write_text("\n".join([f"image,predicted,{P}", *rows]) + "\n")
    assert read_given_predictions(predictions).notes == (
        f"in 2 of 4 graded rows of {predictions} the column predicted is not the most probable grade, the first in line 3: as "
        "it is to be if cut points chose the grades, else a column is wrong",
    )
    predictions.write_text("\n".join([f"image,predicted,{P}", rows[0], rows[2]]) + "\n")
    assert read_given_predictions(predictions).notes == ()
