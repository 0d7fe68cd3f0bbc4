import csv
import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import ExitCode
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import BundleMember, write_bundle

Kerasdr = Any  # the fixture, which runs the command

BLACK = cv2.imencode(".png", np.zeros((128, 128, 3), np.uint8))[1].tobytes()
pytestmark = pytest.mark.usefixtures("kerasdr")  # which also makes an empty folder the current one


def column(name: str, path: str = "out.csv") -> list[str]:
    with open(path, encoding="utf-8", newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def files() -> set[str]:
    return {name for name in os.listdir() if name != "model"}


# Exit codes and what is said


def test_model_of_synthetic_photographs_says_so(
    kerasdr: Kerasdr, engines: list[tuple[str, int, bool]], eye: bytes, tmp_path: Path
) -> None:
    spec = ModelSpec(trunk="tiny", weights="none")
    member = BundleMember("only", spec, get_recipe("clahe-crop", 48), {"0000:a": np.zeros(2, np.float32)})
    for name, phantoms in (("drawn", True), ("real", False)):
        write_bundle(
            tmp_path / name,
            name=name,
            members=[member],
            ensemble=EnsembleSpec("soft", (1.0,)),
            validation={"phantoms": phantoms},
        )
    (tmp_path / "a.png").write_bytes(eye)
    drawn = kerasdr("predict", "a.png", "--out", "g.csv", "--model", "drawn")
    assert drawn.code == 0
    assert drawn.err.startswith("warning: drawn@")
    assert "was trained on synthetic photographs: its grades say nothing about people" in drawn.err
    (picture,) = (tmp_path / "g_gradcam").iterdir()
    with_note = picture.read_bytes()
    real = kerasdr("predict", "a.png", "--out", "h.csv", "--model", "real")
    assert real.code == 0 and "synthetic" not in real.err
    (picture,) = (tmp_path / "h_gradcam").iterdir()
    assert picture.read_bytes() != with_note


def test_all_graded(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("in").mkdir()
    Path("in/a.png").write_bytes(eye)
    Path("in/b.png").write_bytes(eye)
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", model)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(
        "2 listed = 2 graded + 0 ungradable + 0 failed + 0 waiting; 2 referable (grade 2 or worse); wrote out.csv, "
    )
    assert re.search(r", Grad-CAM pictures in out_gradcam/; ledger 5:[0-9a-f]{32}\n$", ran.out)
    assert column("grade") == ["3", "3"]
    assert column("image") == ["in/a.png", "in/b.png"]
    assert all(Path(picture).is_file() for picture in column("gradcam"))
    assert engines == [("fake-1", 16, True, "keras", None)]


def test_ungradable_is_no_failure(kerasdr: Kerasdr, engines: list[Any], model: str) -> None:
    Path("a.png").write_bytes(BLACK)
    ran = kerasdr("predict", "a.png", "--out", "out.csv", "--model", model)
    assert (ran.code, ran.err) == (0, "")
    assert column("status") == ["ungradable"]


def test_failed_photographs_have_a_code_of_their_own(
    kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes
) -> None:
    Path("a.png").write_bytes(eye)
    Path("b.png").write_bytes(b"text")
    ran = kerasdr("predict", "a.png", "b.png", "gone.png", "--out", "out.csv", "--model", model)
    assert (ran.code, ran.err) == (3, "")
    assert ran.out.startswith("3 listed = 1 graded + 0 ungradable + 2 failed + 0 waiting; 1 referable")
    assert column("status") == ["graded", "failed", "failed"]
    assert column("reason")[2] == "file not found: check the name"


def test_options_reach_the_engine(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    ran = kerasdr(
        "predict", "a.png", "--out", "o.csv", "--model", model, "--no-gradcam", "--batch-size", "5", "-q", "--jobs", "3"
    )
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert engines == [("fake-1", 5, False, "keras", 3)]
    assert files() == {"a.png", "o.csv", "o.ledger", "o.summary.json"}


def test_pictures_may_be_webp_and_replace_those_of_the_other_kind(
    kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes
) -> None:
    Path("a.png").write_bytes(eye)
    shapes = set()
    for kind in ("png", "webp", "png"):
        ran = kerasdr("predict", "a.png", "--out", "out.csv", "--model", model, "--pictures", kind)
        assert ran.code == 0
        (picture,) = Path("out_gradcam").iterdir()
        assert picture.suffix == f".{kind}" and column("gradcam") == [str(picture)]
        shapes.add(cv2.imread(str(picture)).shape)
    assert len(shapes) == 1


def test_larger_photographs_than_asked_for_fail(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    ran = kerasdr("predict", "a.png", "--out", "out.csv", "--model", model, "--max-megapixels", "0.01")
    assert ran.code == 3
    assert column("reason")[0].startswith("the picture is 128 x 128 px, more than 0.01 megapixels")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "out.csv"], "Missing argument 'INPUTS...'"),
        (["a.png"], "Missing option '--out'"),
        (["a.png", "--out", "out.csv", "--batch-size", "0"], "0 is not in the range"),
        (["a.png", "--out", "out.csv", "--batch-size", "many"], "'many' is not a valid integer"),
        (["a.png", "--out", "out.csv", "--gradcam"], "No such option"),
        (["a.png", "--out", "out.csv", "--max-megapixels", "0"], "0.0 is not in the range"),
        (["a.png", "--out", "out.csv", "--max-megapixels", "nan"], "nan is not a number of megapixels"),
        (["a.png", "--out", "out.csv", "--max-megapixels", "inf"], "inf is not a number of megapixels"),
        (["a.png", "--out", "out.csv", "--photo-timeout", "0"], "0.0 is not in the range"),
        (["a.png", "--out", "out.csv", "--photo-timeout", "nan"], "nan is not a number of seconds"),
        (["a.png", "--out", "out.csv", "--pseudonymise"], "--pseudonymise and --key go together"),
        (["a.png", "--out", "out.csv", "--key", "k"], "--pseudonymise and --key go together"),
        (["-", "a.png", "--out", "out.csv"], "stands alone"),
        (["a.png", "--out", "out.csv", "--null"], "--null"),
    ],
)
def test_wrong_usage(kerasdr: Kerasdr, engines: list[Any], model: str, arguments: list[str], words: str) -> None:
    assert words in kerasdr("predict", "--model", model, *arguments).usage
    assert files() == set()
    assert engines == []


def test_help_says_what_the_exit_codes_mean(kerasdr: Kerasdr) -> None:
    ran = kerasdr("predict", "--help")
    assert ran.code == 0
    told = dict(re.findall(r"\n +(\d+) +(\w+)", ran.out.split("Exit code:")[1]))
    assert told == {
        **{"0": "every", "3": "some", "4": "not", "5": "another", "6": "the", "2": "wrong", "1": "the"},
        "130": "interrupted",
    }
    assert {int(code) for code in told} == set(ExitCode)


# What is listed


def test_no_photographs(kerasdr: Kerasdr, engines: list[Any], model: str) -> None:
    Path("in").mkdir()
    assert (
        kerasdr("predict", "in", "--out", "out.csv", "--model", model).error == "no photographs in in: check the path"
    )
    assert files() == {"in"}
    assert engines == []


@pytest.mark.parametrize(("options", "separator"), [([], b"\n"), ([], b"\r\n"), (["--null"], b"\0"), (["-0"], b"\0")])
def test_list_on_standard_input(
    kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes, options: list[str], separator: bytes
) -> None:
    names = [b"b c.png", b"a.png", b"\xff.png", "ä.png".encode()]
    for name in names:
        Path(os.fsdecode(name)).write_bytes(eye)
    stdin = separator.join([*names, b"a.png", b""])
    ran = kerasdr("predict", "-", *options, "--out", "out.csv", "--model", model, stdin=stdin)
    assert (ran.code, ran.err) == (0, "")
    assert column("image") == ["b c.png", "a.png", "\\xff.png", "ä.png"]


def test_names_with_line_ends_on_standard_input(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    names = ["two\nlines.png", "two\rreturns.png", "-dash.png"]
    for name in names:
        Path(name).write_bytes(eye)
    ran = kerasdr("predict", "-", "--null", "--out", "o.csv", "--model", model, stdin="\0".join(names).encode())
    assert (ran.code, ran.err) == (0, "")
    assert column("image", "o.csv") == ["two\nlines.png", "two\rreturns.png", "./-dash.png"]


def test_carriage_return_inside_a_name_on_standard_input(
    kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes
) -> None:
    Path("two\rreturns.png").write_bytes(eye)
    ran = kerasdr("predict", "-", "--out", "out.csv", "--model", model, stdin=b"two\rreturns.png\n")
    assert (ran.code, ran.err) == (0, "")
    assert column("image") == ["two\rreturns.png"]


def test_forgotten_null(kerasdr: Kerasdr, engines: list[Any], model: str) -> None:
    ran = kerasdr("predict", "-", "--out", "out.csv", "--model", model, stdin=b"a.png\0b.png\0")
    assert "--null" in ran.error
    assert files() == set()


@pytest.mark.parametrize("stdin", [b"", b"\n\n"])
def test_empty_list_on_standard_input(kerasdr: Kerasdr, engines: list[Any], model: str, stdin: bytes) -> None:
    ran = kerasdr("predict", "-", "--out", "out.csv", "--model", model, stdin=stdin)
    assert ran.error == "no photographs in an empty list: check the path"
    assert files() == set()


def test_dash_file_by_its_path(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("-1_left.png").write_bytes(eye)
    ran = kerasdr("predict", "--out", "out.csv", "--model", model, "--", "-1_left.png")
    assert ran.code == 0
    assert column("image") == ["./-1_left.png"]


# Where results go


@pytest.mark.parametrize("out", ["in", ".", "in/", "no/such/folder/out.csv", "a.png/out.csv", "a.png", "pipe"])
def test_output_that_cannot_be(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes, out: str) -> None:
    Path("in").mkdir()
    Path("a.png").write_bytes(eye)
    os.mkfifo("pipe")
    ran = kerasdr("predict", "a.png", "--out", out, "--model", model)
    assert ran.error.startswith("cannot write ")
    assert files() == {"in", "a.png", "pipe"}
    assert Path("pipe").is_fifo()
    assert Path("a.png").read_bytes() == eye
    assert engines == []


def test_photograph_is_never_overwritten(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("scan").write_bytes(eye)
    ran = kerasdr("predict", "scan", "--out", "scan", "--model", model)
    assert "scan is named both as a photograph and as --out" in ran.error
    assert Path("scan").read_bytes() == eye


def test_output_whose_name_is_no_text(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    out = os.fsdecode(b"\xff.csv")
    ran = kerasdr("predict", "a.png", "--out", out, "--model", model)
    assert (ran.code, ran.err) == (0, "")
    assert column("gradcam", out)[0].startswith("\\xff_gradcam/")


@pytest.mark.parametrize(("code", "left"), [(errno.ENOSPC, 4), (errno.EROFS, 1), (errno.EDQUOT, 4)])
def test_disk_that_takes_nothing(
    kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes, code: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.png").write_bytes(eye)

    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    ran = kerasdr("predict", "a.png", "--out", "out.csv", "--model", model)
    assert ran.left(left).startswith("cannot write") and os.strerror(code) in ran.err
    assert files() == {"a.png"}


# Which model


def test_no_model_chosen(kerasdr: Kerasdr, engines: list[Any], eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    assert "kerasdr train demo" in kerasdr("predict", "a.png", "--out", "out.csv").left(6)
    assert files() == {"a.png"}


def test_chosen_run_is_the_default(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    shutil.copytree(model, "runs/demo/one/bundle")
    Path("runs/chosen").write_text("demo/one\n")
    assert kerasdr("predict", "a.png", "--out", "out.csv").code == 0
    assert column("model")[0].startswith("fake-1@")


@pytest.mark.parametrize("named", ["absent", "empty", "text", "binary"])
def test_model_that_is_none(kerasdr: Kerasdr, engines: list[Any], eye: bytes, named: str) -> None:
    Path("a.png").write_bytes(eye)
    Path("empty").mkdir()
    Path("text").write_text("hello")
    Path("binary").write_bytes(b"\0\xff\n")
    assert named in kerasdr("predict", "a.png", "--out", "out.csv", "--model", named).left(6)
    assert not Path("out.csv").exists()


def test_damaged_model(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("a.png").write_bytes(eye)
    weights = Path(model, "weights", "only.npz")
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    ran = kerasdr("predict", "a.png", "--out", "out.csv", "--model", model)
    assert "weights/only.npz was changed" in ran.left(6) and "copy the bundle again" in ran.err
    assert files() == {"a.png"}
    assert engines == []


# The real thing, in processes of its own


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "kerasdr", *arguments], capture_output=True, text=True)


def test_errors_of_a_process(model: str) -> None:
    Path("in").mkdir()
    ran = command("predict", "in", "--out", "out.csv", "--model", model)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "error: no photographs in in: check the path\n")
    assert command("predict", "in").returncode == 2


def test_keras_in_a_process(tmp_path: Path, eye: bytes) -> None:
    from kerasdr.config import ModelSpec
    from kerasdr.ensembles import EnsembleSpec
    from kerasdr.imaging.recipes import get_recipe
    from kerasdr.models import build_classifier, get_weights
    from kerasdr.scoring.build import rebuild
    from kerasdr.scoring.bundle import BundleMember, write_bundle

    spec = ModelSpec(trunk="tiny", weights="none", head_units=(8,), mode="dual")
    weights = get_weights(build_classifier(spec, 64, seed=1))
    member = BundleMember("only", spec, get_recipe("clahe-crop", 64), weights)
    ensemble = EnsembleSpec("soft", (1.0,))
    write_bundle(tmp_path / "real", name="real-1", members=[member], ensemble=ensemble, validation={})
    rebuild(tmp_path / "real", [])  # with golden photographs, so that the machine is checked too
    Path("1_left.png").write_bytes(eye)
    Path("1_right.png").write_bytes(eye[:5000])
    ran = command("predict", "1_left.png", "1_right.png", "--out", "out.csv", "--model", "real")
    assert ran.returncode == 3
    # Progress may be told on a slow machine; the libraries' own chatter must not come through.
    assert all(re.match(r"grading: \d of 2", line) for line in ran.stderr.splitlines()), ran.stderr
    assert ran.stdout.startswith("2 listed = 1 graded + 0 ungradable + 1 failed + 0 waiting; ")
    assert column("status") == ["graded", "failed"]
    assert sum(float(column(f"prob_{grade}")[0]) for grade in range(5)) == pytest.approx(1.0, abs=5e-6)
    assert cv2.imread(column("gradcam")[0]).shape == (600, 1118, 3)
