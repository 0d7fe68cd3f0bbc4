"""``kerasdr explain`` with a small network, from files to panels."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import BundleMember, write_bundle

Kerasdr = Any  # the fixture, which runs the command


def write_model(folder: Path, members: Sequence[dict[str, Any]], **validation: Any) -> str:
    from kerasdr.models import build_classifier, get_weights

    made = []
    for number, changes in enumerate(members):
        spec = ModelSpec(**{"trunk": "tiny", "weights": "none", "head": "linear", **changes})
        weights = get_weights(build_classifier(spec, 48, seed=number))
        made.append(BundleMember(f"net-{number}", spec, get_recipe("clahe-crop", 48), weights))
    ensemble = EnsembleSpec("soft", (1 / len(made),) * len(made))
    write_bundle(folder, name="small-1", members=made, ensemble=ensemble, validation=validation)
    return str(folder)


@pytest.fixture
def chosen(kerasdr: Kerasdr) -> Kerasdr:
    """The command, in a folder whose chosen run has a single and a dual member."""
    run = Path("runs/small/one")
    run.mkdir(parents=True)
    write_model(run / "bundle", [{}, {"mode": "dual", "attention": "spatial"}])
    Path("runs/chosen").write_text("small/one\n")
    return kerasdr


def widths(*paths: str) -> list[int]:
    """How many tiles each panel has."""
    return [(cv2.imread(path).shape[1] - 78) // 368 for path in paths]


def test_panels_of_the_chosen_run(chosen: Kerasdr, eye: bytes) -> None:
    for name in ("1_left.png", "1_right.png", "alone.png"):
        Path(name).write_bytes(eye)
    ran = chosen("explain", "1_left.png", "1_right.png", "alone.png")
    names = ["explained/001_1_left.png", "explained/002_1_right.png", "explained/003_alone.png"]
    assert (ran.code, ran.out.splitlines(), ran.err) == (0, names, "")
    assert widths(*names) == [4, 4, 3]  # the dual network has seen a partner of the first two
    assert cv2.imread(names[0]).std() > 10


def test_a_bad_file_is_a_line_and_the_others_go_on(chosen: Kerasdr, eye: bytes) -> None:
    Path("b.png").write_bytes(b"")
    Path("c.png").write_bytes(eye)
    Path("d.png").write_bytes(cv2.imencode(".png", np.zeros((128, 128, 3), np.uint8))[1].tobytes())
    ran = chosen("explain", "a.png", "b.png", "c.png", "d.png", "--out", "panels")
    assert (ran.code, ran.out) == (3, "panels/003_c.png\n")
    assert ran.err.splitlines()[:2] == [
        "a.png: file not found: check the name",
        "b.png: the file is empty: copy it again from the camera",
    ]
    assert ran.err.splitlines()[2].startswith("d.png: ") and len(ran.err.splitlines()) == 3
    assert os.listdir("panels") == ["003_c.png"]


def test_panels_of_earlier_calls_are_no_photographs(chosen: Kerasdr, eye: bytes) -> None:
    Path("in").mkdir()
    Path("in/c.png").write_bytes(eye)
    for _ in range(2):
        assert chosen("explain", "in", "--out", "in/explained").out == "in/explained/001_c.png\n"


def test_panels_of_names_that_are_long_or_odd(chosen: Kerasdr, eye: bytes) -> None:
    names = ["眼" * 83 + ".png", "two\nlines.png"]
    for name in names:
        Path(name).write_bytes(eye)
    ran = chosen("explain", *names)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [f"explained/001_{'眼' * 60}.png", r"explained/002_two\nlines.png"]
    assert len(os.listdir("explained")) == 2


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "scorecam"])
def test_method_layer_and_grade(chosen: Kerasdr, eye: bytes, method: str) -> None:
    Path("c.png").write_bytes(eye)
    panels = []
    for layer, grade in (("features", "4"), ("block3_relu", "4"), ("block3_relu", "1")):
        options = ["--method", method, "--layer", layer, "--grade", grade]
        options += ["--max-channels", "5"] if method == "scorecam" else []
        assert chosen("explain", "c.png", "--out", f"{layer}-{grade}", *options).code == 0
        panels.append(Path(f"{layer}-{grade}/001_c.png").read_bytes())
    assert len(set(panels)) == 3


def test_another_model_and_other_runs(chosen: Kerasdr, eye: bytes) -> None:
    Path("c.png").write_bytes(eye)
    os.rename("runs", "elsewhere")
    assert "no model at runs/chosen" in chosen("explain", "c.png").error
    assert chosen("explain", "c.png", "--runs", "elsewhere", "--out", "a").code == 0
    single = write_model(Path("other"), [{}], phantoms=True)
    ran = chosen("explain", "c.png", "--model", single, "--out", "b")
    assert ran.code == 0 and widths("a/001_c.png", "b/001_c.png") == [3, 2]
    assert ran.err.startswith("warning: small-1@") and "trained on synthetic photographs" in ran.err


def test_layers_that_are_not_there(chosen: Kerasdr, eye: bytes) -> None:
    Path("c.png").write_bytes(eye)
    error = chosen("explain", "c.png", "--layer", "block3_rel").error
    assert error.startswith("member net-0: 'block3_rel' is no layer of the network (did you mean block3_relu?); take")
    ran = chosen("explain", "c.png", "--layer", "attention")
    assert (ran.code, widths("explained/001_c.png")) == (0, [2])
    assert ran.err.startswith("member net-0 is not shown: 'attention' is no layer of the network")


def test_folder_that_cannot_be_made(chosen: Kerasdr, eye: bytes) -> None:
    Path("c.png").write_bytes(eye)
    assert "cannot make the folder c.png" in chosen("explain", "c.png", "--out", "c.png").error


def test_usage(kerasdr: Kerasdr) -> None:
    assert "Missing argument 'IMAGES...'" in kerasdr("explain").usage
    assert "5 is not in the range" in kerasdr("explain", "a.png", "--grade", "5").usage
    assert "'layercam' is not one of" in kerasdr("explain", "a.png", "--method", "layercam").usage
    assert "\n  explain " in kerasdr("--help").out
    ran = kerasdr("explain", "--help")
    assert "kerasdr explain a_left.jpg a_right.jpg" in ran.out and "Exit code:" in ran.out


def test_methods_are_those_of_the_library() -> None:
    from kerasdr.cli.explain import explain_command
    from kerasdr.models.cam import CAM_METHODS

    (method,) = [option for option in explain_command.params if option.name == "method"]
    assert isinstance(method.type, click.Choice) and tuple(method.type.choices) == CAM_METHODS


def test_channels_are_score_cams(chosen: Kerasdr, eye: bytes) -> None:
    assert "--max-channels is for --method scorecam" in chosen("explain", "c.png", "--max-channels", "5").usage


def test_panels_do_not_go_among_the_photographs(chosen: Kerasdr, eye: bytes) -> None:
    Path("scans").mkdir()
    Path("scans/c.png").write_bytes(eye)
    assert "--out scans is the folder of the photographs" in chosen("explain", "scans", "--out", "scans").usage
    assert os.listdir("scans") == ["c.png"]
