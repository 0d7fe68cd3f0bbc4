"""Decisions are joined with the rows that they are about, and with no others."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.review.decisions import Decision, DecisionsFile
from kerasdr.review.figures import against_machine, between_readers, review_json, review_text
from kerasdr.review.grades_csv import GradesCsv
from kerasdr.review.merge import Reviewed, machine_grade, merge_decisions, reviewed_csv
from kerasdr.scoring.rows import Row
from tests.review.conftest import MakeGrades, graded, lost

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
JOB = "ab" * 32


def decision(row: Row, said: str, reader: str = "Ada", minutes: int = 0, note: str = "") -> Decision:
    when = NOON + timedelta(minutes=minutes)
    return Decision(row.image, row.sha256, machine_grade(row), said, note, reader, when, JOB, 2)


def merged(grades: GradesCsv, *decisions: Decision) -> Reviewed:
    return merge_decisions(grades, [DecisionsFile(Path("d.csv"), "", decisions)], {JOB: {}, grades.digest: {}})


@pytest.fixture
def grades(make_grades: MakeGrades) -> GradesCsv:
    people = [
        graded(f"{number}_{side}.png", (number + (side == "left")) % 5)
        for number in range(5)
        for side in ("left", "right")
    ]
    return make_grades(*people, lost("5_left.png", "ungradable"), lost("5_right.png", "failed"))


def test_a_row_has_the_decision_about_it(grades: GradesCsv) -> None:
    first, second = grades.rows[:2]
    found = merged(grades, decision(first, "3"), decision(second, "agree"))
    assert [one.decided for one in found.rows[:3]] == ["3", machine_grade(second), ""]
    assert [one.overruled_by for one in found.rows[:3]] == [["Ada"], [], []]
    assert found.readers == ("Ada",) and found.notes == ()


def test_the_latest_of_one_reader_stands_and_that_is_said(grades: GradesCsv) -> None:
    row = grades.rows[0]
    found = merged(grades, decision(row, "4", minutes=5), decision(row, "2", minutes=1))
    assert found.rows[0].decided == "4"
    assert found.notes == ("1 decision of a reader who decided twice on a photograph: the latest stands",)
    assert merged(grades, decision(row, "4"), decision(row, "4")).notes == ()  # one file named twice


def test_two_readers_are_both_kept_and_decide_only_together(grades: GradesCsv) -> None:
    row, other = grades.rows[:2]
    both = [
        decision(row, "2", "Ada"),
        decision(row, "3", "Grace"),
        decision(other, "4", "Ada"),
        decision(other, "4", "Grace"),
    ]
    found = merged(grades, *both)
    assert [one.decided for one in found.rows[:2]] == ["", "4"]
    assert list(found.rows[0].decisions) == ["Ada", "Grace"] == list(found.readers)


def test_a_note_alone_decides_nothing(grades: GradesCsv) -> None:
    found = merged(grades, decision(grades.rows[0], "", note="see the other eye"))
    assert (found.rows[0].decided, found.rows[0].overruled_by) == ("", [])
    assert against_machine(found)[0].decided == 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"job": "cd" * 32}, "is of another job"),
        ({"image": "9_left.png"}, "is about no row"),
        ({"sha256": "cd" * 32}, "is about no row"),
        ({"machine_grade": "4"}, "has the machine's grade '4', and .* has 1"),
        ({"machine_grade": "ungradable"}, "has the machine's grade 'ungradable'"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(grades: GradesCsv, changed: dict[str, str], told: str) -> None:
    assert machine_grade(grades.rows[0]) == "1"
    wrong = replace(decision(grades.rows[0], "2"), **{"job": grades.digest} | changed)  # type: ignore[arg-type]
    with pytest.raises(KerasdrError, match=told) as refused:
        merged(grades, wrong)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "changed", [{"image": "9_left.png"}, {"sha256": "cd" * 32}, {"machine_grade": "4"}, {"machine_grade": "failed"}]
)
def test_one_row_that_changed_since_costs_its_own_decision(grades: GradesCsv, changed: dict[str, str]) -> None:
    first, second = grades.rows[:2]
    old = replace(decision(first, "4"), line=7, **changed)  # type: ignore[arg-type]
    found = merged(grades, old, decision(second, "4"))
    assert [one.decided for one in found.rows[:2]] == ["", "4"]
    assert found.notes == (
        "d.csv: 1 decision of an earlier CSV left out, as photograph, machine grade or model has changed since: line 7",
    )


def test_to_agree_with_one_model_is_not_to_agree_with_the_next(grades: GradesCsv) -> None:
    first, second = grades.rows[:2]
    models = {(first.image, first.sha256): "demo@ba9876543210", (second.image, second.sha256): second.model}
    file = DecisionsFile(Path("d.csv"), "", (decision(first, "agree"), decision(second, "agree")))
    found = merge_decisions(grades, [file], {JOB: models})
    assert [bool(one.decisions) for one in found.rows[:2]] == [False, True]
    assert "1 decision of an earlier CSV left out" in found.notes[0]


def test_the_table_has_every_row_and_no_formula(grades: GradesCsv) -> None:
    row = grades.rows[0]
    found = merged(grades, decision(row, "3", "=Eve", note="@sum, and more"))
    lines = reviewed_csv(found).splitlines()
    assert len(lines) == 1 + len(grades.rows)
    assert (
        lines[0] == "image,sha256,machine_grade,decided,overruled_by,decision of =Eve,note of =Eve,decided_at of =Eve"
    )
    assert lines[1] == f"0_left.png,{row.sha256},1,3,'=Eve: 1 to 3,3,\"'@sum, and more\",2026-11-30T12:00:00+00:00"
    assert lines[2].endswith(",,,,,")


def counted(grades: GradesCsv, said: Sequence[str]) -> Reviewed:
    return merged(grades, *(decision(row, one) for row, one in zip(grades.rows, said, strict=True)))


def test_counts_and_figures_are_those_of_the_pairs(grades: GradesCsv) -> None:
    machine = [1, 0, 2, 1, 3, 2, 4, 3, 0, 4]
    assert [row.grade for row in grades.rows] == [*machine, None, None]
    said = ["agree", "2", "1", "agree", "agree", "2", "ungradable", "3", "0", "agree", "3", "agree"]
    (ada,) = against_machine(counted(grades, said))
    assert (ada.decided, ada.agreed, ada.up, ada.down, ada.ungradable, ada.graded) == (12, 8, 1, 1, 1, 1)
    both = ([1, 2, 1, 1, 3, 2, 3, 0, 4], [1, 0, 2, 1, 3, 2, 3, 0, 4])
    assert ada.figures["quadratic_kappa"].value == pytest.approx(quadratic_kappa(*both))
    # Referable to the reader: five of nine, of which the machine missed one; it called one of the other four.
    assert ada.figures["sensitivity_referable"].value == pytest.approx(4 / 5)
    assert ada.figures["specificity_referable"].value == pytest.approx(3 / 4)
    assert ada.figures["quadratic_kappa"].n_people == 5
    assert ada.figures["quadratic_kappa"].low < ada.figures["quadratic_kappa"].value


def test_one_that_failed_is_ungradable_to_a_reader(grades: GradesCsv) -> None:
    ungradable, failed = grades.rows[-2:]
    assert failed.status == "failed"
    found = merged(
        *(
            grades,
            decision(failed, "ungradable"),
            decision(failed, "agree", "Grace"),
            decision(ungradable, "ungradable"),
        )
    )
    assert [one.overruled_by for one in found.rows[-2:]] == [[], []]
    assert [one.decided for one in found.rows[-2:]] == ["ungradable", "ungradable"]
    ada, grace = against_machine(found)
    assert (ada.decided, ada.agreed, ada.ungradable, ada.graded, grace.agreed) == (2, 2, 0, 0, 1)
    assert between_readers(found)[0].same == 1


def test_names_that_tell_nobody_are_told_of_and_joined_by_partner(make_grades: MakeGrades) -> None:
    def rows(partner: Callable[[int], str]) -> GradesCsv:
        return make_grades(
            *(graded(f"IM{number:04}.dcm", number % 5, partner=partner(number)) for number in range(10)),
            graded("10_left.png", 1),
            graded("10_right.png", 1),
        )

    said = ["agree"] * 9 + ["0", "agree", "agree"]
    told = "of 10 photographs neither name nor partner tells whose it is"
    for partner, people in ((lambda number: "", 11), (lambda number: f"IM{number ^ 1:04}.dcm", 6)):
        reviewed = counted(rows(partner), said)
        (ada,) = against_machine(reviewed)
        assert ada.figures["quadratic_kappa"].n_people == people
        assert (told in review_text(reviewed, [ada], [])) is (people == 11)


def test_a_reader_who_always_agrees_gives_no_certainty(grades: GradesCsv) -> None:
    reviewed = counted(grades, ["agree"] * len(grades.rows))
    told = against_machine(reviewed)
    assert told[0].figures["sensitivity_referable"].low == 1.0
    assert "of an interval without width every resample agrees" in review_text(reviewed, told, [])


def test_readers_are_compared_on_what_both_decided(grades: GradesCsv) -> None:
    ada = [decision(row, "agree") for row in grades.rows]
    grace = [
        decision(row, said, "Grace") for row, said in zip(grades.rows[:4], ("1", "1", "2", "ungradable"), strict=True)
    ]
    (pair,) = between_readers(merged(grades, *ada, *grace))
    assert (pair.readers, pair.both, pair.same, pair.kappa.n_images) == (("Ada", "Grace"), 4, 2, 3)
    assert pair.kappa.value == pytest.approx(quadratic_kappa([1, 0, 2], [1, 1, 2]))


def test_pseudonyms_give_no_interval_and_say_why(make_grades: MakeGrades) -> None:
    grades = make_grades(*(graded(f"p_{number:016x}.png", number % 5) for number in range(10)))
    reviewed = counted(grades, ["agree"] * 9 + ["0"])
    (ada,) = against_machine(reviewed)
    assert all(figure.low != figure.low for figure in ada.figures.values())
    assert "pseudonyms" in review_text(reviewed, [ada], [])
    content = review_json(reviewed, [ada], [])
    assert content["readers"][0]["figures"]["quadratic_kappa"]["low"] is None
    assert content["readers"][0]["overruled"] == {"up": 0, "down": 1, "ungradable": 0, "graded": 0}


def test_that_readers_saw_the_grade_is_told(grades: GradesCsv) -> None:
    found = merged(grades, decision(grades.rows[0], "agree"))
    text = review_text(found, against_machine(found), between_readers(found))
    assert "Ada: 1 of 12 decided, 1 as the machine" in text and "saw the machine's grade" in text
    assert "too narrow" not in text  # of one person there is no interval


def test_few_people_are_told_of_wherever_there_is_an_interval(grades: GradesCsv) -> None:
    few = "over fewer than 20 people intervals are too narrow"
    both = [
        decision(row, said, name)
        for name in ("Ada", "Grace")
        for row, said in zip(grades.rows, "1020310402", strict=False)
    ]
    found = merged(grades, *both)
    assert few in review_text(found, [], between_readers(found))
    assert few in review_text(found, against_machine(found), [])
    assert few not in review_text(found, [], [])
