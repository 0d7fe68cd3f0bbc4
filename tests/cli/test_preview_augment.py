"""``kerasdr preview --augment``: what training's random changes make of a photograph."""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

Kerasdr = Any  # the fixture, which runs the command

NOTHING = ("horizontal_flip=false", "vertical_flip=false", "rotation=0", "zoom=0", "brightness=0", "contrast=0")
ALONE = [part for setting in NOTHING for part in ("--set", f"augment.{setting}")]
SMALL = [*ALONE, "--set", "imaging.size=160"]


@pytest.fixture(autouse=True)
def photograph(kerasdr: Kerasdr, eye: bytes) -> None:
    """``a.png`` in the folder where commands run."""
    Path("a.png").write_bytes(eye)


def cells(path: str) -> NDArray[np.uint8]:
    """The twelve pictures of a grid of 160 px, below its caption: ``(12, 160, 160, 3)``."""
    page = cv2.imread(path)
    assert page.shape[1] == 4 * 168 + 8
    body = page[-3 * 168 :, 8:]
    return body.reshape(3, 168, 4, 168, 3).swapaxes(1, 2).reshape(12, 168, 168, 3)[:, :160, :160]


def test_darken_only_ever_darkens_and_balanced_does_both(kerasdr: Kerasdr) -> None:
    for jitter in ("darken", "balanced"):
        ran = kerasdr(
            "preview", "a.png", "--augment", "demo", *SMALL, "--set", f"augment.color_jitter={jitter}", "--out", jitter
        )
        assert (ran.code, ran.out, ran.err) == (0, f"{jitter}/001_a.png\n", "")
    first, *darkened = cells("darken/001_a.png").astype(int)
    assert all((cell <= first).all() and cell.mean() < first.mean() - 3 for cell in darkened)
    first, *balanced = cells("balanced/001_a.png").astype(int)
    means = [cell.mean() - first.mean() for cell in balanced]
    assert min(means) < -3 and max(means) > 3


def test_without_random_changes_all_cells_are_the_first(kerasdr: Kerasdr) -> None:
    assert kerasdr("preview", "a.png", "--augment", "demo", *SMALL).code == 0
    shown = cells("preview/001_a.png")
    assert (shown == shown[0]).all() and shown[0].std() > 10


def test_the_first_cell_is_what_the_network_sees(kerasdr: Kerasdr, eye: bytes) -> None:
    from kerasdr.imaging.prepare import prepare
    from kerasdr.imaging.recipes import get_recipe

    assert kerasdr("preview", "a.png", "--augment", "demo", *SMALL, "--set", "imaging.recipe=crop").code == 0
    seen = cv2.cvtColor(prepare(eye, get_recipe("crop", 160)).image, cv2.COLOR_RGB2BGR)
    assert np.array_equal(cells("preview/001_a.png")[0], seen)


def test_a_seed_decides_and_the_photographs_before_do_not(kerasdr: Kerasdr, eye: bytes) -> None:
    Path("b.png").write_bytes(eye)

    def grid(out: str, name: str, *arguments: str) -> bytes:
        assert kerasdr("preview", *arguments, "--augment", "demo", "--out", out).code == 0
        return (Path(out) / name).read_bytes()

    first = grid("one", "001_a.png", "a.png", "--seed", "5")
    assert grid("two", "002_a.png", "b.png", "a.png", "--seed", "5") == first
    assert grid("three", "001_a.png", "a.png", "--seed", "6") != first


def test_rows_of_tasks_and_members_have_recipes_and_changes_of_their_own(kerasdr: Kerasdr) -> None:
    arguments = ["preview", "a.png", "--augment", "task-d", "--set", "imaging.size=160", *ALONE]
    plain = [*arguments, "--row", "preprocessing-none", "--out", "plain"]
    crop = [*arguments, "--row", "preprocessing-clahe-crop", "--member", "resnet18", "--out", "crop"]
    assert kerasdr(*plain).code == kerasdr(*crop).code == 0
    assert not np.array_equal(cells("plain/001_a.png")[0], cells("crop/001_a.png")[0])


def test_a_bad_photograph_costs_its_own_grid_and_one_too_dark_says_what_training_does(
    kerasdr: Kerasdr, eye: bytes
) -> None:
    Path("empty.png").write_bytes(b"")
    dark = cv2.imdecode(np.frombuffer(eye, np.uint8), cv2.IMREAD_COLOR) // 40
    Path("dark.png").write_bytes(cv2.imencode(".png", dark)[1].tobytes())
    ran = kerasdr("preview", "empty.png", "dark.png", "a.png", "--augment", "demo")
    assert ran.code == 3
    unreadable, left_out = ran.err.splitlines()
    assert unreadable == "empty.png: the file is empty: copy it again from the camera"
    assert left_out.startswith("dark.png: training leaves it out: ")
    assert sorted(os.listdir("preview")) == ["002_dark.png", "003_a.png"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seed", "1"], "--seed goes with --augment NAME_OR_YAML"),
        (["--member", "x"], "--member goes with --augment"),
        (["--set", "seed=1"], "--set goes with --augment"),
        (["--row", "x"], "--row goes with --augment"),
        (["--augment", "demo", "--size", "256"], "--set imaging.size=PIXELS"),
        (["--augment", "demo", "--recipe", "crop"], "--set imaging.recipe=NAME"),
        (["--augment", "demo", "--row", "x"], "demo is one experiment: --row is for tasks"),
        (["--augment", "task-e"], "choose one with --row: curves-single, curves-dual"),
        (["--augment", "demo", "--seed", "-1"], "-1 is not in the range"),
    ],
)
def test_wrong_usage(kerasdr: Kerasdr, arguments: list[str], words: str) -> None:
    assert words in kerasdr("preview", "a.png", *arguments).usage
    assert os.listdir() == ["a.png"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--augment", "dem"], "demo"),
        (["--augment", "absent.yaml"], "absent.yaml"),
        (["--augment", "task-a", "--row", "single-resnet81"], "did you mean single-resnet18?"),
        (["--augment", "demo", "--member", "singel"], "did you mean single?); its members are dual-shared, single"),
        (["--augment", "demo", "--set", "augment.rotatoin=1"], "did you mean rotation?"),
        (["--augment", "demo", "--set", "imaging.recipe=crpo"], "did you mean crop?"),
    ],
)
def test_errors_are_one_line(kerasdr: Kerasdr, arguments: list[str], words: str) -> None:
    assert words in kerasdr("preview", "a.png", *arguments).error
    assert os.listdir() == ["a.png"]
