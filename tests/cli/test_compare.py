"""``kerasdr compare``: what it says of CSVs, runs and folders of folds, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

Kerasdr = Any  # the fixture, which runs the command

N = 60  # photographs, two of each person
NAMES = [f"{place // 2:03d}_{('left', 'right')[place % 2]}" for place in range(N)]
Study = tuple[np.ndarray, dict[str, np.ndarray]]


def csv_of(p: np.ndarray, rows: range | list[int], ungradable: tuple[int, ...] = ()) -> str:
    lines = ["image,status,grade,prob_0,prob_1,prob_2,prob_3,prob_4"]
    for row in rows:
        if row in ungradable:
            lines.append(f"in/{NAMES[row]}.jpeg,ungradable,,,,,,")
        else:
            cells = ",".join(f"{value:.6f}" for value in p[row])
            lines.append(f"in/{NAMES[row]}.jpeg,graded,{p[row].argmax()},{cells}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def study(kerasdr: Kerasdr) -> Study:
    """Writes ``labels.csv``, ``a.csv`` (one ungradable), ``b.csv`` (two ungradable, two photographs missing) and ``c.csv``."""
    random = np.random.default_rng(7)
    truth = np.clip(
        np.repeat(random.choice(5, N // 2, p=[0.3, 0.2, 0.2, 0.2, 0.1]), 2) + random.integers(0, 2, N), 0, 4
    )
    said = {}
    for name, noise in (("a", 1.4), ("b", 0.7), ("c", 1.0)):
        p = np.exp(-1.2 * np.abs(np.arange(5) - truth[:, None] - random.normal(0, noise, (N, 1))))
        said[name] = np.round(p / p.sum(axis=1, keepdims=True), 6)
    Path("labels.csv").write_text("image,level\n" + "".join(f"{n},{g}\n" for n, g in zip(NAMES, truth, strict=True)))
    Path("a.csv").write_text(csv_of(said["a"], range(N), (4,)) + "in/zzz_left.jpeg,graded,0,1,0,0,0,0\n")
    Path("b.csv").write_text(csv_of(said["b"], range(2, N), (4, 9)))
    Path("c.csv").write_text(csv_of(said["c"], range(N)))
    return truth, said


def test_two_files(kerasdr: Kerasdr, study: Study) -> None:
    truth, said = study
    ran = kerasdr("compare", "a.csv", "b.csv", "--labels", "labels.csv", "--json", "out.json")
    assert ran.code == 0
    assert ran.err == (
        "a.csv has 1 photograph without a label, compared nowhere: zzz_left\n"
        "b.csv lacks 2 photographs that another has, compared nowhere: 000_left, 000_right\n"
    )
    found = json.loads(Path("out.json").read_text())
    kept = [row for row in range(2, N) if row not in (4, 9)]
    assert (found["photographs"], found["people"]) == (N - 2, N // 2 - 1)
    assert (found["photographs_compared"], found["people_compared"]) == (len(kept), N // 2 - 1)
    assert [(one["name"], one["graded"], one["ungradable"]) for one in found["files"]] == [("A", 57, 1), ("B", 56, 2)]
    (comparison,) = found["comparisons"]
    figures = comparison["figures"]
    kappa = figures["quadratic_kappa"]
    for side, name in (("first", "a"), ("second", "b")):
        guess = said[name].argmax(axis=1)[kept]
        assert kappa[side] == pytest.approx(cohen_kappa_score(truth[kept], guess, weights="quadratic"))
        score = said[name][kept, 2:].sum(axis=1).round(12)
        assert figures["auc_referable"][side] == pytest.approx(roc_auc_score(truth[kept] >= 2, score))
        # By intention to screen all that both have count, ungradable ones as referred.
        referred = said[name].argmax(axis=1) >= 2
        referred[[4] if name == "a" else [4, 9]] = True
        expected = np.mean(referred[2:][truth[2:] >= 2])
        assert figures["sensitivity_referable_intention_to_screen"][side] == pytest.approx(expected)
    assert figures["sensitivity_referable_intention_to_screen"]["n_images"] == N - 2
    assert kappa["difference"] == pytest.approx(kappa["second"] - kappa["first"])
    assert kappa["low"] < kappa["difference"] < kappa["high"] and 0 < kappa["p"] <= kappa["p_holm"] <= 1
    assert "p_delong" not in kappa and figures["auc_referable"]["p_delong"] is not None
    assert "Obuchowski" in found["methods"]["p_delong"] and "10 permutation tests" in found["methods"]["p_holm"]
    assert found["methods"]["difference"].startswith("second less first; paired percentile bootstrap over people")

    lines = ran.out.splitlines()
    assert lines[0] == "A            a.csv, column grade: 57 graded, 1 ungradable, 0 failed"
    (row,) = [line for line in lines if line.startswith("quadratic weighted kappa")]
    assert row.split()[3:6] == [f"{kappa['first']:.3f}", f"{kappa['second']:.3f}", f"{kappa['difference']:+.3f}"]
    assert max(map(len, lines)) <= 120


def test_three_files_by_person_with_bca(kerasdr: Kerasdr, study: Study) -> None:
    truth, said = study
    files = ("a.csv", "c.csv", "b.csv")
    ran = kerasdr(
        "compare", *files, "--labels", "labels.csv", "--by", "person", "--interval", "bca", "--json", "o.json"
    )
    assert ran.code == 0
    found = json.loads(Path("o.json").read_text())
    assert [(one["first"], one["second"]) for one in found["comparisons"]] == [("A", "B"), ("A", "C")]
    assert "20 permutation tests" in found["methods"]["p_holm"] and "BCa" in found["methods"]["difference"]
    assert found["methods"]["p_delong"] == "of AUC, DeLong 1988; not adjusted"  # one entry a person
    kept = np.array([row for row in range(2, N) if row not in (4, 9)])
    worse = {who: kept[kept // 2 == who] for who in range(1, N // 2)}
    expected = np.mean([truth[rows].max() == said["c"].argmax(axis=1)[rows].max() for rows in worse.values()])
    assert found["comparisons"][0]["figures"]["accuracy"]["second"] == pytest.approx(expected)
    first = [one["figures"]["accuracy"]["first"] for one in found["comparisons"]]
    assert first[0] == first[1]
    assert "B less A" in ran.out and "C less A" in ran.out


def test_a_file_with_itself(kerasdr: Kerasdr, study: Study) -> None:
    for kind in ("percentile", "bca"):
        ran = kerasdr("compare", "c.csv", "c.csv", "--labels", "labels.csv", "--interval", kind, "--json", "o.json")
        assert (ran.code, ran.err) == (0, "")
        figures = json.loads(Path("o.json").read_text())["comparisons"][0]["figures"]
        for name, figure in figures.items():
            assert (figure["difference"], figure["low"], figure["high"], figure["p"]) == (0, 0, 0, 1), name
        assert figures["auc_referable"]["p_delong"] == 1
        assert "0.000 (0.000 to 0.000)        1.00     1.00      1.00" in ran.out


def test_no_probabilities_one_class_and_three_people(kerasdr: Kerasdr) -> None:
    names = [f"{who}_{eye}" for who in "abc" for eye in ("left", "right")]
    Path("p.csv").write_text("image,grade\n" + "".join(f"{name},{place % 2}\n" for place, name in enumerate(names)))
    Path("q.csv").write_text("image,grade\n" + "".join(f"{name},0\n" for name in names))
    Path("l.csv").write_text("image,level\n" + "".join(f"{name},{place // 4}\n" for place, name in enumerate(names)))
    ran = kerasdr("compare", "p.csv", "q.csv", "--labels", "l.csv", "--json", "o.json")
    assert ran.code == 0 and ran.err.startswith(
        "what all grade is of 3 people only: over fewer than 20 intervals are too"
    )
    figures = json.loads(Path("o.json").read_text())["comparisons"][0]["figures"]
    assert figures["auc_referable"]["undefined"] == "no probabilities (columns prob_0 to prob_4) in p.csv and q.csv"
    assert figures["sensitivity_referable"]["undefined"] == "no photograph is labelled grade 2 or worse"
    assert figures["sensitivity_referable"]["p"] is None and figures["sensitivity_referable"]["difference"] is None
    assert figures["accuracy"]["p_is_exact"] is True
    assert "undefined, because no photograph is labelled grade 2 or worse: referable: sensitivity as decided" in ran.out
    text = " ".join(ran.out.split())
    assert "all assignments" in text


def test_an_interval_without_width_is_told(kerasdr: Kerasdr) -> None:
    people = "abcdefgh"
    labels = [f"{who}_{eye},{2 * (who < 'd')}" for who in people for eye in ("left", "right")]
    Path("l.csv").write_text("\n".join(["image,level", *labels]) + "\n")
    Path("p.csv").write_text("\n".join(["image,grade", *labels]) + "\n")
    wrong = [line.replace(",2", ",3") if line.startswith("a_") else line for line in labels]
    Path("q.csv").write_text("\n".join(["image,grade", *wrong]) + "\n")
    ran = kerasdr("compare", "p.csv", "q.csv", "--labels", "l.csv")
    told = next(
        part
        for part in " ".join(ran.out.split()).split("interval without width, ")[1:]
        if "truth may still differ" in part
    )
    assert told.startswith("every resample agrees; the truth may still differ: ")
    assert "referable: specificity as decided" in told and "accuracy" not in told.split(" undefined")[0]


def test_nothing_that_all_grade(kerasdr: Kerasdr) -> None:
    Path("p.csv").write_text("image,grade\na_left,\na_right,2\nb_left,\nb_right,0\n")
    Path("q.csv").write_text("image,grade\na_left,1\na_right,\nb_left,0\nb_right,\n")
    Path("l.csv").write_text("image,level\na_left,2\na_right,2\nb_left,0\nb_right,0\n")
    ran = kerasdr("compare", "p.csv", "q.csv", "--labels", "l.csv", "--json", "o.json")
    assert (ran.code, ran.err) == (0, "no photograph is graded by all: all but intention to screen is undefined\n")
    figures = json.loads(Path("o.json").read_text())["comparisons"][0]["figures"]
    assert figures["accuracy"]["undefined"] == "no photograph has both a label and a grade"
    assert figures["specificity_referable_intention_to_screen"]["first"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.csv", "b.csv"], "CSVs of predictions are compared by labels: give --labels LABELS.csv"),
        (["a.csv", "absent.csv", "--labels", "labels.csv"], "absent.csv"),
        (["a.csv", "empty", "--labels", "labels.csv"], "empty is no run and no folder of folds"),
        (["a.csv", "running", "--labels", "labels.csv"], "was not opened: run `kerasdr evaluate running` first"),
        (["a.csv", "without", "--labels", "labels.csv"], "without has no test part: data.split gave it none"),
        (["a.csv", "some-5-folds", "--labels", "labels.csv"], "the folds of some-5-folds are not all tested"),
        (["a.csv", "early-5-folds"], "early-5-folds/out_of_fold.csv has no row of repeat 1 in a column repeat"),
        (["a.csv", "sums.csv", "--labels", "labels.csv"], "prob_0 to prob_4 sum to 0.5, not to 1"),
        (["a.csv", "nan.csv", "--labels", "labels.csv"], "must be a number from 0 to 1"),
        (["a.csv", "other.csv", "--labels", "labels.csv"], "have no photograph in common"),
        (["one.csv", "two.csv", "--labels", "labels.csv"], "no labelled photograph is in all of one.csv, two.csv"),
        (["who.csv", "whom.csv", "--labels", "labels.csv"], "say differently which photographs are of one person"),
    ],
)
def test_what_is_refused(kerasdr: Kerasdr, study: Study, arguments: list[str], words: str) -> None:
    head = "image,grade,prob_0,prob_1,prob_2,prob_3,prob_4\n"
    Path("sums.csv").write_text(f"{head}000_left,0,0.1,0.1,0.1,0.1,0.1\n")
    Path("nan.csv").write_text(f"{head}000_left,0,nan,0.1,0.1,0.1,0.1\n")
    Path("other.csv").write_text("image,grade\nx_left,0\n")
    Path("one.csv").write_text("image,grade\n000_left,0\n")
    Path("two.csv").write_text("image,grade\n001_left,0\n")
    Path("who.csv").write_text("image,grade,person\n000_left,0,x\n000_right,1,x\n")
    Path("whom.csv").write_text("image,grade,person\n000_left,0,x\n000_right,1,y\n")
    for folder in ("empty", "running", "without", "some-5-folds/repeat-1-fold-1", "early-5-folds"):
        Path(folder).mkdir(parents=True)
    Path("early-5-folds/out_of_fold.csv").write_text("image_id,grade,predicted\n000_left,0,0\n")
    Path("running/status.json").write_text('{"status": "finished"}')
    Path("without/status.json").write_text('{"status": "finished"}')
    Path("without/data.json").write_text('{"splits": {"train": {"photographs": 3}}}')
    Path("running/predictions_test.csv").write_text("image_id,grade,predicted\n000_left,0,0\n")  # figures come last
    before = sorted(Path("running").iterdir())
    assert words in kerasdr("compare", *arguments).error
    assert sorted(Path("running").iterdir()) == before


def test_one_file_is_wrong_usage(kerasdr: Kerasdr) -> None:
    assert "name two or more" in kerasdr("compare", "a.csv").usage


def run_csv(truth: np.ndarray, p: np.ndarray, more: str = "", end: str = "") -> str:
    lines = ["image_id,patient_id,eye,grade,predicted,prob_0,prob_1,prob_2,prob_3,prob_4" + more]
    for row, name in enumerate(NAMES):
        cells = ",".join(f"{value:.6f}" for value in p[row])
        who, eye = name.split("_")
        lines.append(f"{name},{who},{eye},{truth[row]},{p[row].argmax()},{cells}{end}")
    return "\n".join(lines) + "\n"


def test_runs_and_folds_hold_their_own_labels(kerasdr: Kerasdr, study: Study) -> None:
    truth, said = study
    for name in ("a", "c"):
        run = Path("runs") / name
        run.mkdir(parents=True)
        (run / "status.json").write_text('{"status": "finished"}')
        (run / "metrics_test.json").write_text("{}")
        (run / "predictions_test.csv").write_text(run_csv(truth, said[name]))
    Path("runs/chosen").write_text("c\n")
    ran = kerasdr("compare", "runs/a", "runs/chosen", "--json", "runs.json")
    assert (ran.code, ran.err) == (0, "")
    by_runs = json.loads(Path("runs.json").read_text())
    assert by_runs["people_from"] == "column patient_id of runs/a/predictions_test.csv"
    Path("full.csv").write_text(csv_of(said["a"], range(N)))
    assert kerasdr("compare", "full.csv", "c.csv", "--labels", "labels.csv", "--json", "csv.json").code == 0
    by_csv = json.loads(Path("csv.json").read_text())
    assert by_runs["comparisons"] == by_csv["comparisons"]

    # A folder of folds: the first repeat of two.
    folds = Path("runs/x-3-folds")
    for repeat in (1, 2):
        (folds / f"repeat-{repeat}-fold-1").mkdir(parents=True)
    first = run_csv(truth, said["c"], ",repeat,fold", ",1,1")
    second = run_csv(truth, said["b"], ",repeat,fold", ",2,1").partition("\n")[2]
    (folds / "out_of_fold.csv").write_text(first + second)
    ran = kerasdr("compare", "runs/a", "runs/x-3-folds", "--json", "folds.json")
    assert (ran.code, ran.err) == (0, "runs/x-3-folds holds 2 repeats of its cross-validation: the first is compared\n")
    assert json.loads(Path("folds.json").read_text())["comparisons"] == by_runs["comparisons"]

    # Other true grades are no longer the same labels.
    other = truth.copy()
    other[:2] = (other[:2] + 1) % 5
    Path("runs/a/predictions_test.csv").write_text(run_csv(other, said["a"]))
    assert kerasdr("compare", "runs/a", "runs/c").error == (
        "runs/a and runs/c hold different true grades of 2 photographs (000_left, 000_right): say which are right with "
        "--labels LABELS.csv"
    )
    assert kerasdr("compare", "runs/a", "runs/c", "--labels", "labels.csv").code == 0


def test_keras_is_not_loaded(kerasdr: Kerasdr, study: Study) -> None:
    program = (
        "import sys\nfrom kerasdr.cli.main import cli\n"
        "cli(['compare', 'a.csv', 'c.csv', '--labels', 'labels.csv'], standalone_mode=False)\n"
        "heavy = {'keras', 'tensorflow', 'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).returncode == 0
