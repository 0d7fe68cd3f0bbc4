"""``kerasdr evaluate PREDICTIONS.csv --labels LABELS.csv``: what it writes of a tool's CSV, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, cohen_kappa_score, roc_auc_score

from kerasdr.evaluation.intervals import kappa_interval

Kerasdr = Any  # the fixture, which runs the command

KEYS = {"value", "low", "high", "n_images", "n_people"}


@pytest.fixture
def study(kerasdr: Kerasdr) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Writes ``grades.csv`` as `kerasdr predict` does and ``labels.csv``; returns truth, prediction and probabilities.

    Of 40 people both eyes; six photographs were not graded, of which the truth is kept too.
    """
    random = np.random.default_rng(5)
    truth = random.choice(5, 80, p=[0.4, 0.2, 0.2, 0.1, 0.1])
    p = np.exp(-1.2 * np.abs(np.arange(5) - truth[:, None] - random.normal(0, 1, (80, 1))))
    p = np.round(p / p.sum(axis=1, keepdims=True), 6)
    guess = p.argmax(axis=1)
    rows = ["image,status,grade,grade_name,prob_0,prob_1,prob_2,prob_3,prob_4,referable,reason"]
    labels = []
    for index in range(80):
        name = f"{index // 2:03d}_{('left', 'right')[index % 2]}"
        labels.append(f"{name},{truth[index]}")
        if index < 6:
            status = "failed" if index < 2 else "ungradable"
            rows.append(f"in/{name}.jpeg,{status},,,,,,,,,take it again")
        else:
            cells = ",".join(f"{value:.6f}" for value in p[index])
            referable = "true" if guess[index] >= 2 else "false"
            rows.append(f"in/{name}.jpeg,graded,{guess[index]},x,{cells},{referable},")
    Path("grades.csv").write_text("\n".join([*rows, "in/900_left.jpeg,graded,0,x,1,0,0,0,0,false,"]) + "\n")
    lines = ["image,level", *reversed(labels), "901_left,0", "902_left,"]
    Path("labels.csv").write_text("\n".join(lines) + "\n")
    return truth, guess, p


def test_figures_of_a_csv(kerasdr: Kerasdr, study: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    truth, guess, p = study
    ran = kerasdr("evaluate", "grades.csv", "--labels", "labels.csv", "--json", "figures.json")
    assert ran.code == 0
    assert ran.err == (
        "2 photographs of labels.csv are not in grades.csv, counted nowhere: 901_left, 902_left\n"
        "1 photograph of grades.csv is not in labels.csv, counted nowhere: 900_left\n"
    )
    found = json.loads(Path("figures.json").read_text())
    kept = slice(6, None)
    score = p[kept, 2:].sum(axis=1).round(12)
    kappa = kappa_interval(truth[kept], guess[kept], [f"{index // 2:03d}" for index in range(6, 80)])
    assert set(found["quadratic_kappa"]) == KEYS
    assert found["quadratic_kappa"] == {
        "value": pytest.approx(cohen_kappa_score(truth[kept], guess[kept], weights="quadratic"), abs=1e-9),
        "low": pytest.approx(kappa.low, abs=1e-9),
        "high": pytest.approx(kappa.high, abs=1e-9),
        "n_images": 74,
        "n_people": 37,
    }
    assert found["auc_referable"]["value"] == pytest.approx(roc_auc_score(truth[kept] >= 2, score), abs=1e-9)
    average = average_precision_score(truth[kept] >= 2, score)
    assert found["average_precision_referable"]["value"] == pytest.approx(average, abs=1e-9)
    assert found["interval"] == "percentile bootstrap over people, 2000 resamples, 95%"
    assert np.sum(found["confusion_matrix"]) == 74

    # By person: the worse eye.
    worse_truth, worse_guess = truth[kept].reshape(-1, 2).max(axis=1), guess[kept].reshape(-1, 2).max(axis=1)
    person = found["by_person"]
    assert person["quadratic_kappa"]["value"] == pytest.approx(
        cohen_kappa_score(worse_truth, worse_guess, weights="quadratic"), abs=1e-9
    )
    worse_score = score.reshape(-1, 2).max(axis=1)
    assert person["auc_referable"]["value"] == pytest.approx(roc_auc_score(worse_truth >= 2, worse_score), abs=1e-9)
    assert (person["auc_referable"]["n_images"], person["auc_referable"]["n_people"]) == (74, 37)
    assert np.sum(person["confusion_matrix"]) == 37

    # Intention to screen: what was not graded is referred.
    referred = np.where(np.arange(80) < 6, True, guess >= 2)
    assert found["sensitivity_referable"]["value"] == pytest.approx(np.mean(guess[kept][truth[kept] >= 2] >= 2))
    for name, expected in (
        ("sensitivity_referable_intention_to_screen", np.mean(referred[truth >= 2])),
        ("specificity_referable_intention_to_screen", np.mean(~referred[truth < 2])),
        ("share_not_graded", 6 / 80),
    ):
        assert found[name]["value"] == pytest.approx(expected) and found[name]["n_images"] == 80, name
    assert person["share_not_graded"]["value"] == pytest.approx(3 / 40)
    counts = found["counts"]
    assert (counts["photographs"], counts["graded"], counts["ungradable"], counts["failed"]) == (80, 74, 4, 2)
    assert (counts["labels_without_prediction"], counts["predictions_without_label"]) == (2, 1)
    for part in (found, person):
        for name, figure in part.items():
            if isinstance(figure, dict) and set(figure) == KEYS:
                assert (figure["value"] is None) == (name in part["undefined"]), name
                if figure["value"] is not None:
                    assert figure["low"] <= figure["high"]


def test_the_table(kerasdr: Kerasdr, study: Any) -> None:
    out = kerasdr("evaluate", "grades.csv", "--labels", "labels.csv").out
    assert "photographs  80 labelled = 74 graded + 6 not graded (4 ungradable, 2 failed)\n" in out
    assert "referable    grade 2 or worse; decided by column referable. Sight-threatening: grade 3 or worse\n" in out
    lines = out.splitlines()
    (head,) = [line for line in lines if "by eye" in line and "photographs  people" in line]
    assert "by person (worse eye)" in head
    (kappa,) = [line for line in lines if line.startswith("quadratic weighted kappa")]
    assert kappa.count(" to ") == 2 and kappa.split()[-2:] == ["74", "37"]
    share = next(index for index, line in enumerate(lines) if line.startswith("share not graded"))
    assert "sensitivity, intention to screen" in lines[share + 1] and lines[share + 1].split()[-2:] == ["80", "40"]
    assert max(map(len, lines)) <= 120


def test_missing_rows_count_as_ungradable_if_asked(kerasdr: Kerasdr, study: Any) -> None:
    truth, guess, _ = study
    rows = Path("grades.csv").read_text().splitlines()
    # Of 40 people both eyes: the last 30 photographs have no row, nor has 901_left.
    Path("short.csv").write_text("\n".join([*rows[:51], rows[-1]]) + "\n")
    asked = ("evaluate", "short.csv", "--labels", "labels.csv", "--groups", "eye", "--json", "figures.json")
    plain = kerasdr(*asked)
    assert "32 photographs of labels.csv are not in short.csv, counted nowhere: " in plain.err
    found = json.loads(Path("figures.json").read_text())
    assert len(found["labels_without_prediction"]) == 32 and found["counts"]["photographs"] == 50
    assert found["counts"]["missing_as_ungradable"] == 0

    ran = kerasdr(*asked, "--missing-as-ungradable")
    assert ran.code == 0
    assert "31 photographs of labels.csv are not in short.csv, counted as ungradable: " in ran.err
    assert "1 photograph of labels.csv is not in short.csv, counted nowhere: 902_left\n" in ran.err
    assert "81 labelled = 44 graded + 37 not graded (35 ungradable of which 31 without a row, 2 failed)\n" in ran.out
    counted = json.loads(Path("figures.json").read_text())
    assert counted["counts"]["missing_as_ungradable"] == 31 and counted["counts"]["people"] == 41
    assert counted["labels_without_prediction"] == found["labels_without_prediction"]
    assert counted["quadratic_kappa"] == found["quadratic_kappa"]
    every = np.append(truth, 0)
    referred = np.array([not 6 <= place < 50 or guess[place] >= 2 for place in range(81)])
    figure = counted["sensitivity_referable_intention_to_screen"]
    assert figure["value"] == pytest.approx(np.mean(referred[every >= 2])) and figure["n_images"] == 81
    (left, _) = counted["subgroups"]["eye"]["groups"]
    assert (left["counts"]["photographs"], left["counts"]["graded"]) == (41, 22)


def test_nobody_knows_whose_photographs_are_missing(kerasdr: Kerasdr) -> None:
    Path("p.csv").write_text("image,grade,person\n1_left,2,Ada\n2_left,0,Bob\n")
    Path("l.csv").write_text("image,grade\n1_left,2\n2_left,0\n3_left,1\n")
    ran = kerasdr("evaluate", "p.csv", "--labels", "l.csv", "--missing-as-ungradable")
    assert ran.code == 1
    assert (
        "l.csv does not say whose photographs are that p.csv lacks, such as 3_left: put the column person into"
        in ran.err
    )
    assert kerasdr("evaluate", "--missing-as-ungradable").code == 2


def test_by(kerasdr: Kerasdr, study: Any) -> None:
    whole = kerasdr("evaluate", "grades.csv", "--labels", "labels.csv", "--json", "both.json")
    assert whole.code == 0
    both = json.loads(Path("both.json").read_text())
    eye = kerasdr("evaluate", "grades.csv", "--labels", "labels.csv", "--by", "eye", "--json", "eye.json")
    assert "by person" not in eye.out.lower().replace("over people", "")
    only = json.loads(Path("eye.json").read_text())
    assert "by_person" not in only and only["accuracy"] == both["accuracy"]
    person = kerasdr("evaluate", "grades.csv", "--labels", "labels.csv", "--by", "person", "--json", "person.json")
    assert "by eye" not in person.out
    only = json.loads(Path("person.json").read_text())
    assert "accuracy" not in only and only["by_person"] == both["by_person"]


def test_another_tools_csv(kerasdr: Kerasdr) -> None:
    Path("tool.csv").write_text("Filename,Prediction\n" + "".join(f"x{i}.png,{i % 5}\n" for i in range(50)))
    Path("l.csv").write_text("id_code,diagnosis,person_id\n" + "".join(f"x{i},{i % 4},{i // 2}\n" for i in range(50)))
    ran = kerasdr("evaluate", "tool.csv", "--labels", "l.csv", "--json", "f.json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(Path("f.json").read_text())
    assert found["people_from"] == "column person_id of l.csv" and found["accuracy"]["n_people"] == 25
    reason = "the predictions have no probabilities (columns prob_0 to prob_4)"
    assert found["auc_referable"] == {"value": None, "low": None, "high": None, "n_images": 50, "n_people": 25}
    assert found["undefined"]["auc_referable"] == found["undefined"]["sensitivity_at_90_specificity"] == reason
    assert f"undefined by eye: {reason}: AUC, referable;" in ran.out
    assert found["sensitivity_referable"]["value"] is not None
    assert found["undefined"]["sensitivity_grade_4"] == "no photograph is labelled grade 4"


def test_one_class_and_constant_answers(kerasdr: Kerasdr) -> None:
    Path("p.csv").write_text("image,grade\n" + "".join(f"{i}_left,0\n" for i in range(30)))
    Path("l.csv").write_text("image,level\n" + "".join(f"{i}_left,0\n" for i in range(30)))
    ran = kerasdr("evaluate", "p.csv", "--labels", "l.csv", "--json", "f.json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(Path("f.json").read_text())
    assert found["quadratic_kappa"]["value"] is None
    assert (
        found["undefined"]["quadratic_kappa"] == "labels and predictions are all grade 0: agreement by chance is full"
    )
    assert found["undefined"]["sensitivity_referable"] == "no photograph is labelled grade 2 or worse"
    assert "specificity_referable" in found["no_width"]
    assert "quadratic weighted kappa                     undefined" in ran.out
    assert "interval without width by eye, every resample agrees; the truth may still differ: accuracy;" in ran.out


def test_three_people(kerasdr: Kerasdr) -> None:
    names = [f"{person}_{eye}" for person in "abc" for eye in ("left", "right")]
    Path("p.csv").write_text("image,grade\n" + "".join(f"{name},{i % 3}\n" for i, name in enumerate(names)))
    Path("l.csv").write_text("image,level\n" + "".join(f"{name},{i % 5}\n" for i, name in enumerate(names)))
    ran = kerasdr("evaluate", "p.csv", "--labels", "l.csv")
    assert ran.code == 0
    assert ran.err == (
        "graded photographs are of 3 people only: over fewer than 20 these intervals are too narrow; label more\n"
    )
    # Grade 4 is one person's, who is absent from 8 of 27 resamples: said, not lost.
    assert (
        "left out of intervals by eye, resamples where undefined:" in ran.out and "sensitivity of grade 4 (" in ran.out
    )
    assert kerasdr("evaluate", "p.csv", "--labels", "l.csv").out == ran.out


def test_nothing_graded(kerasdr: Kerasdr) -> None:
    Path("p.csv").write_text("image,status,grade\na_left,ungradable,\nb_left,failed,\n")
    Path("l.csv").write_text("image,level\na_left,0\nb_left,3\n")
    ran = kerasdr("evaluate", "p.csv", "--labels", "l.csv")
    assert ran.err == "p.csv grades none of the labelled photographs: all but intention to screen is undefined\n"
    assert "no photograph has both a label and a grade: quadratic weighted kappa;" in ran.out
    assert "share not graded                             1.000" in ran.out


@pytest.mark.parametrize(
    ("predictions", "labels", "words"),
    [
        ("image,grade\na,1\n", "image,level\nb,1\n", "no photograph in common: the first names a, the second b; write"),
        (
            "image,grade\na,1\n",
            "image,level\na,\n",
            "no photograph that p.csv grades has a grade in l.csv: fill in the column",
        ),
        ("image,grade\na,1\n", "image,level\na,7\n", "l.csv line 2: grade '7' must be 0, 1, 2, 3 or 4"),
        ("image,grade\na,9\n", "image,level\na,1\n", "p.csv line 2: grade '9' must be 0, 1, 2, 3 or 4"),
        ("image,grade\na,1\n", "", "the labels l.csv hold no rows"),
        ("", "image,level\na,1\n", "the predictions p.csv hold no rows"),
        ("image,grade\nx/a.png,1\ny/a.png,1\n", "image,level\na,1\n", "several photographs called a (x/a, y/a)"),
        ("image,grade\na,1\n", "image;level\na;1\n", "l.csv has no column for the photograph"),
    ],
)
def test_bad_input_is_one_line(kerasdr: Kerasdr, predictions: str, labels: str, words: str) -> None:
    Path("p.csv").write_text(predictions)
    Path("l.csv").write_text(labels)
    assert words in kerasdr("evaluate", "p.csv", "--labels", "l.csv", "--json", "f.json").error
    assert not Path("f.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["p.csv"], "p.csv is judged by labels: give --labels LABELS.csv as well"),
        (["--labels", "l.csv"], "--labels judges a CSV of predictions: give PREDICTIONS.csv as well"),
        (["run", "--labels", "l.csv"], "--labels judges a CSV of predictions"),
        (["run", "--json", "f.json"], "--missing-as-ungradable are for PREDICTIONS.csv with --labels LABELS.csv"),
        (["run", "--by", "eye"], "--json, --by, --interval and --missing-as-ungradable are for PREDICTIONS"),
        (["run", "--missing-as-ungradable"], "--json, --by, --interval and --missing-as-ungradable are for"),
        (
            ["p.csv", "--labels", "l.csv", "--submission", "s.csv"],
            "--submission is for a run, --labels for PREDICTIONS.csv",
        ),
        (["p.csv", "--submission", "s.csv"], "p.csv is judged by labels"),
        (["p.csv", "--labels", "l.csv", "--reopen", "why"], "--reopen is for the test part of a run"),
        (["run", "--submission", "s.csv", "--reopen", "why"], "--reopen is for the test part of a run"),
        (["p.csv", "--labels", "l.csv", "--by", "image"], "'image' is not one of 'eye', 'person', 'both'"),
    ],
)
def test_wrong_usage(kerasdr: Kerasdr, arguments: list[str], words: str) -> None:
    assert words in kerasdr("evaluate", *arguments).usage


def test_neither_keras_nor_tensorflow_is_loaded(study: Any, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom kerasdr.cli.main import main\n"
        "sys.argv = ['kerasdr', 'evaluate', 'grades.csv', '--labels', 'labels.csv']\n"
        "try:\n    main()\nfinally:\n    print({'keras', 'tensorflow', 'sklearn'} & set(sys.modules), file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert (ran.returncode, ran.stderr.splitlines()[-1]) == (0, "set()")


def test_bca_intervals(kerasdr: Kerasdr, study: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    truth, guess, _ = study
    ran = kerasdr("evaluate", "grades.csv", "--labels", "labels.csv", "--interval", "bca", "--json", "bca.json")
    assert ran.code == 0
    found = json.loads(Path("bca.json").read_text())
    words = "BCa (bias-corrected and accelerated) bootstrap over people, 2000 resamples, 95%"
    assert found["interval"] == words and f"intervals    {words}\n" in ran.out
    kept = slice(6, None)
    kappa = kappa_interval(truth[kept], guess[kept], [f"{index // 2:03d}" for index in range(6, 80)], kind="bca")
    assert found["quadratic_kappa"]["low"] == pytest.approx(kappa.low, abs=1e-9)
    assert found["quadratic_kappa"]["high"] == pytest.approx(kappa.high, abs=1e-9)
    kerasdr("evaluate", "grades.csv", "--labels", "labels.csv", "--json", "plain.json")
    plain = json.loads(Path("plain.json").read_text())
    assert plain["quadratic_kappa"]["low"] != pytest.approx(kappa.low, abs=1e-6)
    assert plain["quadratic_kappa"]["value"] == found["quadratic_kappa"]["value"]


def test_brier_calibration_error_and_coverage_of_sets(
    kerasdr: Kerasdr, study: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    truth, guess, p = study
    lines = Path("grades.csv").read_text().splitlines()
    # One grade less than the most probable one and it; every fourth photograph has no set.
    sets = [f"{max(grade - 1, 0)}-{grade}" if grade else "0" for grade in guess]
    texts = ["" if index < 6 or index % 4 == 0 else sets[index] for index in range(80)]
    rows = [f"{line},{text},," for line, text in zip(lines[1:], [*texts, "0"], strict=True)]
    new = "grade_set,screen_positive,refer_to_reader"
    Path("grades.csv").write_text("\n".join([f"{lines[0]},{new}", *rows]) + "\n")
    ran = kerasdr("evaluate", "grades.csv", "--labels", "labels.csv", "--json", "figures.json")
    assert ran.code == 0
    found = json.loads(Path("figures.json").read_text())
    kept = np.arange(6, 80)
    brier = np.square(p[kept] - np.eye(5)[truth[kept]]).sum(axis=1).mean()
    assert found["brier_grades"]["value"] == pytest.approx(brier)
    assert found["brier_grades"]["low"] < brier < found["brier_grades"]["high"]
    assert found["brier_referable"]["value"] == pytest.approx(
        brier_score_loss(truth[kept] >= 2, p[kept, 2:].sum(axis=1).round(12))
    )
    assert 0 < found["ece_referable"]["value"] < 0.5
    covered: dict[int, list[bool]] = {}
    for index in kept[kept % 4 != 0]:
        covered.setdefault(index // 2, []).append(bool(max(guess[index] - 1, 0) <= truth[index] <= guess[index]))
    expected = np.mean([np.mean(own) for own in covered.values()])
    assert found["coverage_of_grade_set"]["value"] == pytest.approx(expected)
    assert "coverage of grade_set, over people" in ran.out and "Brier score, referable (0 to 1)" in ran.out
    # Of people there is none: a person's highest probability is no forecast.
    assert found["by_person"]["undefined"]["brier_grades"].startswith("of photographs alone")
    assert "coverage_of_grade_set" not in found["by_person"]
    person = kerasdr("evaluate", "grades.csv", "--labels", "labels.csv", "--by", "person")
    assert person.code == 0 and "coverage of grade_set" not in person.out


def test_groups(kerasdr: Kerasdr, study: Any) -> None:
    lines = Path("labels.csv").read_text().splitlines()
    person = [line.split("_")[0] for line in lines[1:]]
    cells = [f"{line},{'AB'[int(name) % 2]},{20 + int(name)}" for line, name in zip(lines[1:], person, strict=True)]
    Path("labels.csv").write_text("\n".join(["image,level,Camera,age", *cells]) + "\n")
    asked = ["--groups", "camera", "--groups", "age:30,50", "--groups", "eye", "--json", "f.json"]
    ran = kerasdr("evaluate", "grades.csv", "--labels", "labels.csv", *asked)
    assert ran.code == 0
    found = json.loads(Path("f.json").read_text())
    assert list(found["subgroups"]) == ["camera", "age", "eye"]
    camera = found["subgroups"]["camera"]
    assert camera["source"] == "column camera of labels.csv" and camera["people_in_several_groups"] == 0
    assert [group["name"] for group in camera["groups"]] == ["A", "B"]
    assert sum(group["counts"]["photographs"] for group in camera["groups"]) == found["counts"]["photographs"] == 80
    assert [g["counts"]["people"] for g in found["subgroups"]["age"]["groups"]] == [10, 20, 10]
    eye = found["subgroups"]["eye"]
    assert eye["source"] == "the photographs' names" and eye["people_in_several_groups"] == 40
    for column in found["subgroups"].values():
        for group in column["groups"]:
            for name, figure in group["figures"].items():
                assert (figure["value"] is None) == (name in group["undefined"])
            assert set(group["difference_from_all_others"]) | set(group["no_difference"]) == {
                *("quadratic_kappa", "sensitivity_referable", "specificity_referable", "auc_referable"),
                *("share_not_graded", "calibration_gap"),
            }
    assert "Groups by camera: column camera of labels.csv; by photograph, percentile intervals over people" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 120
    plain = kerasdr("evaluate", "grades.csv", "--labels", "labels.csv", "--json", "g.json")
    assert ran.out.startswith(plain.out.rstrip("\n"))
    del found["subgroups"]
    assert found == json.loads(Path("g.json").read_text())


def test_groups_of_a_runs_own_predictions(kerasdr: Kerasdr) -> None:
    """A file that holds true and predicted grades is judged by itself; of what was not graded it says nothing."""
    rows = [f"{i}_{eye},{i},{eye},{i % 5},{(i + (i % 3 == 0)) % 5}" for i in range(30) for eye in ("left", "right")]
    Path("predictions_test.csv").write_text("\n".join(["image_id,patient_id,eye,grade,predicted", *rows]) + "\n")
    same = "predictions_test.csv"
    ran = kerasdr("evaluate", same, "--labels", same, "--groups", "eye", "--json", "f.json")
    assert ran.code == 0
    left = json.loads(Path("f.json").read_text())["subgroups"]["eye"]["groups"][0]
    assert left["counts"]["photographs"] == 30
    assert left["undefined"]["share_not_graded"] == "photographs that were not graded are not in the predictions"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            "camra",
            "neither l.csv nor p.csv has a column 'camra' (did you mean camera?); there are image, level, camera",
        ),
        ("camera:1,2", "column camera of l.csv line 2: x is no number, so the column cannot be cut"),
        ("age:", "--groups age: is not read: give COLUMN"),
    ],
)
def test_bad_groups_are_one_line(kerasdr: Kerasdr, asked: str, words: str) -> None:
    Path("p.csv").write_text("image,grade\na,1\nb,0\n")
    Path("l.csv").write_text("image,level,camera\na,1,x\nb,0,y\n")
    assert words in kerasdr("evaluate", "p.csv", "--labels", "l.csv", "--groups", asked).error


def test_groups_that_are_out_of_place(kerasdr: Kerasdr) -> None:
    assert (
        "--min-people is for --groups COLUMN"
        in kerasdr("evaluate", "p.csv", "--labels", "l", "--min-people", "5").usage
    )
    assert (
        "--submission opens no labels" in kerasdr("evaluate", "run", "--submission", "s.csv", "--groups", "eye").usage
    )
