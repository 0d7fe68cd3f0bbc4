import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

import kerasdr as package

Kerasdr = Any  # the fixture, which runs the command


def test_version_and_help(kerasdr: Kerasdr) -> None:
    assert kerasdr("--version").out == f"kerasdr, version {package.__version__}\n"
    ran = kerasdr("--help")
    assert ran.code == 0
    for name in ("train", "predict", "jobs", "evaluate", "runs", "choose", "data", "preview", "probe", "models"):
        assert f"\n  {name} " in ran.out
    assert "Not a medical device" in ran.out


HEAVY = ("tensorflow", "keras", "pandas", "numpy", "cv2", "sklearn", "matplotlib", "scipy", "pydantic", "yaml")


def run_watched(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own; the last line on standard error lists what it imported."""
    program = (
        "import sys\nfrom kerasdr.cli.main import main\n"
        f"sys.argv = ['kerasdr', *{arguments}]\n"
        f"try:\n    main()\nfinally:\n    print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["predict", "--help"],
        ["train", "--help"],
        ["evidence", "explanations", "--help"],
        ["jobs", "verify", "--help"],
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    ran = run_watched(arguments, tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "[]\n")
    assert "kerasdr" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grade"], "No such command 'grade'"),
        (["data", "draw"], "No such command 'draw'"),
        (["data", "phantom", "new", "--people", "0"], "0 is not in the range"),
        (["data", "phantom", "new", "--size", "10"], "10 is not in the range"),
        (["data", "check"], "Missing argument 'ROOT'"),
        (["preview"], "Missing argument 'IMAGES...'"),
        (["preview", "a.png", "--size", "8"], "8 is not in the range"),
        (["choose"], "Missing argument 'RUN'"),
        (["train"], "name a configuration, or a run with --resume"),
        (["train", "demo", "--resume", "runs/demo/one"], "name a configuration, or a run with --resume"),
        (["train", "--resume", "runs/demo/one", "--set", "seed=1"], "--resume goes on with"),
        (["train", "--resume", "runs/demo/one", "--data", "d"], "--resume goes on with"),
        (["train", "--resume", "runs/demo/one", "--dry-run"], "--resume goes on with"),
        (["train", "--resume", "runs/demo/one", "--only", "row"], "--resume goes on with"),
        (["train", "--resume", "runs/demo/one", "--scale", "mini"], "--resume goes on with"),
        (["probe"], "Missing argument 'NAME_OR_YAML'"),
        (["probe", "demo", "--folds", "1"], "1 is not in the range"),
    ],
)
def test_wrong_usage(kerasdr: Kerasdr, arguments: list[str], words: str) -> None:
    assert words in kerasdr(*arguments).usage
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data", "check", "absent"], "absent"),
        (["data", "check", "absent", "--layout", "eyepacs"], "absent"),
        (["data", "check", "empty"], "empty"),
        (["data", "check", "empty", "--layout", "eyepac"], "eyepacs"),
        (["data", "check", "file"], "file"),
        (["data", "phantom", "file"], "file"),
        (["preview", "file", "--recipe", "clahe-corp"], "clahe-crop"),
        (["preview", "file", "--out", "file"], "cannot make the folder file"),
        (["choose", "absent"], "absent"),
        (["choose", "empty"], "empty"),
        (["evaluate"], "train"),
        (["evaluate", "absent"], "absent"),
        (["train", "dem"], "demo"),
        (["train", "absent.yaml"], "absent.yaml"),
        (["train", "file.yaml"], "file.yaml"),
        (["train", "demo", "--set", "model.trnk=tiny"], "trnk"),
        (["train", "demo", "--set", "nothing"], "nothing"),
        (["train", "--resume", "absent"], "absent"),
        (["probe", "dem"], "demo"),
    ],
)
def test_errors_are_one_line(kerasdr: Kerasdr, arguments: list[str], words: str) -> None:
    Path("file").write_text("hello")
    Path("file.yaml").write_text("a: [")
    Path("empty").mkdir()
    assert words in kerasdr(*arguments).error


@pytest.mark.parametrize(
    "arguments",
    [["evaluate"], ["train", "dem"], ["train", "--resume", "absent"], ["probe", "dem"], ["choose", "absent"]],
)
def test_mistakes_are_told_before_tensorflow_is_loaded(arguments: list[str], tmp_path: Path) -> None:
    ran = run_watched(arguments, tmp_path)
    lines = ran.stderr.splitlines()
    assert ran.returncode == 1 and len(lines) == 2, ran.stderr
    assert lines[0].startswith("error: ")
    assert "tensorflow" not in lines[1] and "keras'" not in lines[1]


def test_no_runs_is_no_error(kerasdr: Kerasdr) -> None:
    ran = kerasdr("runs")
    assert (ran.code, ran.out, ran.err) == (0, "", "no runs in runs: `kerasdr train demo` makes one\n")


def test_choose_refuses_a_damaged_bundle(kerasdr: Kerasdr, model: str) -> None:
    Path("runs/demo/one").mkdir(parents=True)
    Path(model).rename("runs/demo/one/bundle")
    Path("runs/demo/one/bundle/extra").write_text("x")
    assert "extra does not belong there" in kerasdr("choose", "runs/demo/one").refused
    assert not Path("runs/chosen").exists()


def test_phantoms_and_their_check(kerasdr: Kerasdr) -> None:
    ran = kerasdr("data", "phantom", "drawn", "--people", "3", "--size", "128", "--seed", "4")
    photographs = [path for path in Path("drawn").rglob("*") if path.suffix in (".jpg", ".png", ".jpeg")]
    count = int(ran.out.split()[0])
    assert (ran.code, ran.out) == (
        0,
        f"{count} synthetic photographs of 3 people in drawn, layout eyepacs; labels in drawn/trainLabels.csv\n",
    )
    assert 3 <= count <= 6 and count <= len(photographs)
    checked = kerasdr("data", "check", "drawn", "--json", "report.json", "--strict")
    assert (checked.code, checked.err) == (0, "")
    assert checked.out.startswith("layout       eyepacs\n")
    assert isinstance(json.loads(Path("report.json").read_text()), dict)


def test_strict_check_of_damaged_data(kerasdr: Kerasdr) -> None:
    kerasdr("data", "phantom", "drawn", "--people", "3", "--size", "128")
    labels = Path("drawn/trainLabels.csv").read_text().splitlines()
    name = labels[1].split(",")[0]
    damaged = next(path for path in Path("drawn").rglob(f"{name}.*"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert kerasdr("data", "check", "drawn").code == 0
    ran = kerasdr("data", "check", "drawn", "--strict")
    assert (ran.code, ran.err) == (3, "")
    assert "unreadable" in ran.out


@pytest.mark.skipif(os.name != "posix", reason="codecs are heard in processes of their own")
def test_check_names_what_decodes_though_it_is_damaged(kerasdr: Kerasdr) -> None:
    """Training would take it, and `predict` refuses it."""
    kerasdr("data", "phantom", "drawn", "--people", "3", "--size", "128")
    name = Path("drawn/trainLabels.csv").read_text().splitlines()[1].split(",")[0]
    path = next(Path("drawn").rglob(f"{name}.jpeg"))
    _, data = cv2.imencode(".jpg", cv2.imread(str(path)), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    path.write_bytes(data.tobytes()[: 2 * len(data) // 3] + b"\xff\xd9")
    assert cv2.imread(str(path)) is not None
    ran = kerasdr("data", "check", "drawn", "--strict", "--json", "report.json")
    assert (ran.code, ran.err) == (3, "")
    assert json.loads(Path("report.json").read_text())["unreadable"] == {
        name: "the picture's data are damaged or cut off: copy it again from the camera"
    }


def test_preview_goes_on_after_a_bad_photograph(kerasdr: Kerasdr, eye: bytes) -> None:
    Path("b.png").write_bytes(b"")
    Path("c.png").write_bytes(eye)
    ran = kerasdr("preview", "a.png", "b.png", "c.png", "--recipe", "crop", "--recipe", "clahe-crop")
    assert ran.code == 3
    assert ran.err.splitlines() == [
        "a.png: file not found: check the name",
        "b.png: the file is empty: copy it again from the camera",
    ]
    assert ran.out == f"{Path('preview/003_c.png')}\n"
    assert os.listdir("preview") == ["003_c.png"]
    assert cv2.imread("preview/003_c.png").std() > 10


def test_preview_of_names_that_are_long_or_odd(kerasdr: Kerasdr, eye: bytes) -> None:
    names = ["眼" * 83 + ".png", "two\nlines.png", os.fsdecode(b"\xff.png")]
    for name in names:
        Path(name).write_bytes(eye)
    ran = kerasdr("preview", *names)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"preview/001_{'眼' * 60}.png",
        r"preview/002_two\nlines.png",
        r"preview/003_\xff.png",
    ]
    assert len(os.listdir("preview")) == 3


def test_preview_goes_on_after_an_error_of_its_own(
    kerasdr: Kerasdr, eye: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasdr.imaging import prepare

    def fail(data: bytes, *arguments: object, **options: object) -> object:
        if data.endswith(b"odd"):
            raise IndexError("ours")
        return plain(data, *arguments, **options)  # type: ignore[arg-type]

    plain = prepare.prepare
    monkeypatch.setattr(prepare, "prepare", fail)
    Path("a.png").write_bytes(eye + b"odd")
    Path("b.png").write_bytes(eye)
    ran = kerasdr("preview", "a.png", "b.png")
    assert (ran.code, ran.out) == (3, "preview/002_b.png\n")
    assert ran.err == "a.png: could not be processed (IndexError): copy it again, or report this file\n"


def test_models_lists_what_can_be_named(kerasdr: Kerasdr) -> None:
    ran = kerasdr("models")
    assert (ran.code, ran.err) == (0, "")
    lines = dict(line.split(": ", 1) for line in ran.out.splitlines())
    assert "demo" in lines["experiments (kerasdr train NAME)"].split(", ")
    assert {"tiny", "mobilenetv2"} <= set(lines["trunks (model.trunk)"].split(", "))
    assert "clahe-crop" in lines["recipes (imaging.recipe)"].split(", ")
    assert {"eyepacs", "folder", "manifest"} <= set(lines["layouts (data.layout)"].split(", "))
    assert {"soft", "weighted"} <= set(lines["ensemble methods (ensemble.methods)"].split(", "))


def test_interruption_is_no_traceback(kerasdr: Kerasdr, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kerasdr.scoring.job.run_job", stop)
    ran = kerasdr("predict", "a.png", "--out", "out.csv", "--model", model)
    assert ran.code in (1, 130)
    assert ran.err.strip() in ("stopped", "Aborted!")
