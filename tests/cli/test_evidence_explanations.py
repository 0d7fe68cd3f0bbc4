"""``kerasdr evidence explanations`` with small networks, from phantoms to tables and pictures."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from kerasdr.config import ModelSpec, resolve, to_yaml
from kerasdr.data.phantom import write_phantoms
from kerasdr.ensembles import EnsembleSpec
from kerasdr.files import sha256_of_file
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import BundleMember, write_bundle

Kerasdr = Any  # the fixture, which runs the command
FILES = [
    "curves.png",
    "examples.png",
    "explanations.csv",
    "explanations.json",
    "explanations.txt",
    "per_photograph.csv",
]


def write_model(folder: Path, recipes: tuple[str, ...] = ("clahe-crop", "clahe-crop")) -> None:
    """A single and a dual network whose random weights give every photograph a grade of 2 or worse."""
    from kerasdr.models import build_classifier, get_weights

    members = []
    for number, (recipe, changes) in enumerate(zip(recipes, ({}, {"mode": "dual"}), strict=False)):
        spec = ModelSpec(**{"trunk": "tiny", "weights": "none", "head": "linear", **changes})
        weights = get_weights(build_classifier(spec, 48, seed=number))
        bias = next(key for key in weights if key.endswith("logits/bias"))
        weights[bias] = np.array([-9, -9, 1, 1, 1], np.float32)
        members.append(BundleMember(f"net-{number}", spec, get_recipe(recipe, 48), weights))
    spec = EnsembleSpec("soft", (1 / len(members),) * len(members))
    write_bundle(folder, name="small-1", members=members, ensemble=spec, validation={"phantoms": True})


@pytest.fixture
def run(kerasdr: Kerasdr) -> Path:
    """A run that was trained on phantoms of seed 5, in the folder of the command."""
    folder = Path("runs/small/one")
    data = {"layout": "eyepacs", "phantom": {"people": 10, "seed": 5, "size": 128}}
    raw = {"name": "small", "data": data, "model": {"trunk": "tiny", "weights": "none"}, "members": [{"name": "one"}]}
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(to_yaml(resolve(raw, "small")))
    (folder / "split.csv").write_text("image_id,patient_id,split,sha256\n")
    write_model(folder / "bundle")
    Path("runs/chosen").write_text("small/one\n")
    return folder


def test_evidence_from_phantoms(kerasdr: Kerasdr, run: Path) -> None:
    options = ("--phantoms", "8", "--methods", "gradcam,scorecam", "--sample", "3", "--max-channels", "4")
    ran = kerasdr("evidence", "explanations", *options)
    assert ran.code == 0, ran.err
    out = Path("evidence/explanations")
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == FILES
    assert (out / "explanations.txt").read_text() == ran.out
    for words in (
        "of 8 people that do not exist, seed 9001. Figures say nothing about people.",
        "gradcam, scorecam at features: 6 x 6 cells",
        "all photographs with lesions: ",
        "gradcam minus centre prior",
        "scorecam minus green contrast in cells",
        "lesions in cells",
        "Sanity checks of gradcam, 3 photographs",
        "random from the head down: logits to block1_conv",
        "with all weights random",
    ):
        assert words in ran.out, words
    found = json.loads((out / "explanations.json").read_text())
    counts = found["counts"]
    assert counts["photographs"] == counts["with_lesions"] + counts["without_lesions"] + counts["not_asked"]
    few = f"photographs with lesions are of {counts['people']} people only: over fewer than 20"
    assert any(note.startswith(few) for note in found["notes"]) and few in ran.out
    assert found["phantoms"] and len(found["verdicts"]) == 2 and len(found["sanity"]) == 12
    assert len(found["curves"]) == 4 * 5  # two methods and three maps that know nothing

    # Figures are those of the rows, each photograph once under each map.
    scores = pd.read_csv(out / "per_photograph.csv")
    assert set(scores.groupby("map").size()) == {counts["with_lesions"]}
    for name in ("gradcam", "random map"):
        (figure,) = [
            one
            for one in found["figures"]
            if (one["group"], one["map"], one["minus"], one["figure"]) == ("with_lesions", name, "", "auc")
        ]
        assert figure["value"] == pytest.approx(scores[scores["map"] == name]["auc"].mean(), abs=1e-5)
    means = scores.groupby("map")["auc"].mean()
    coarse = means.drop("green contrast")  # the others have no more than 6 x 6 cells, or no detail
    assert coarse.idxmax() == "lesions in cells" and 0.3 < means["random map"] < 0.7
    assert cv2.imread(str(out / "examples.png")).shape[0] > 3 * 384

    again = kerasdr("evidence", "explanations", *options)
    assert (again.code, again.out) == (0, ran.out)  # nothing is left to chance


def test_phantoms_and_photographs_that_the_model_has_seen(kerasdr: Kerasdr, run: Path) -> None:
    error = kerasdr("evidence", "explanations", "--seed", "5").error
    assert error == "the model was trained on phantoms of seed 5, the same people: choose another --seed"
    write_phantoms(Path("larger"), people=3, seed=5, size=160)  # the same people in other bytes
    error = kerasdr("evidence", "explanations", "--data", "larger").error
    assert error == "the model was trained on phantoms of seed 5, the same people: choose another --data"
    write_phantoms(Path("mine"), people=3, seed=6, size=128)
    photograph = next(Path("mine/train").iterdir())
    row = f"{photograph.stem},1,validation,{sha256_of_file(photograph)}\n"
    (run / "split.csv").write_text(f"image_id,patient_id,split,sha256\n{row}")
    ran = kerasdr("evidence", "explanations", "--data", "mine", "--sample", "0")
    assert ran.code == 1 and f"was chosen by the photograph {photograph.stem}: take photographs" in ran.err


def test_members_of_two_frames_and_no_sample(kerasdr: Kerasdr) -> None:
    write_model(Path("model"), ("clahe-crop", "none"))
    write_phantoms(Path("mine"), people=4, seed=6, size=128)
    options = ("--data", "mine", "--layout", "phantoms", "--methods", "gradcam", "--out", "found")
    ran = kerasdr("evidence", "explanations", "model", *options, "--sample", "2")
    assert ran.code == 0, ran.err
    assert "insertion (high is good): undefined, because members see different frames" in ran.out
    assert "member net-1 is not in the maps: it sees another frame" in ran.out
    assert "whether it has seen these photographs cannot be checked" in ran.out
    shutil.rmtree("found")
    write_model(Path("model"), ("clahe-crop",))
    bare = kerasdr("evidence", "explanations", "model", *options, "--sample", "0")
    assert bare.code == 0, bare.err
    assert "undefined, because no photograph was asked for" in bare.out
    assert json.loads(Path("found/explanations.json").read_text())["sanity"] == []


def test_photographs_without_lesions(kerasdr: Kerasdr) -> None:
    write_model(Path("model"), ("clahe-crop",))
    write_phantoms(Path("mine"), people=2, seed=6, size=128)
    for mask in Path("mine/masks").glob("*.png"):
        mask.write_bytes(cv2.imencode(".png", np.zeros((128, 128), np.uint8))[1].tobytes())
    ran = kerasdr("evidence", "explanations", "model", "--data", "mine")
    assert ran.code == 1 and "photographs can be graded and shows a lesion" in ran.err


def test_usage(kerasdr: Kerasdr) -> None:
    command = ("evidence", "explanations")
    assert "--layout is of --data ROOT" in kerasdr(*command, "--layout", "ddr").usage
    assert "give one of them" in kerasdr(*command, "--data", "x", "--phantoms", "5").usage
    assert "got 'gradcamm'" in kerasdr(*command, "--methods", "gradcam,gradcamm").usage
    assert "--max-channels is for" in kerasdr(*command, "--methods", "gradcam", "--max-channels", "5").usage
    assert "no model at runs/chosen" in kerasdr(*command).error
    assert "\n  explanations " in kerasdr("evidence", "--help").out
    assert "Exit code:" in kerasdr(*command, "--help").out


def test_methods_and_layouts_are_those_of_the_library() -> None:
    from kerasdr.cli.evidence_explanations import _METHODS, explanations_command
    from kerasdr.data.lesion_masks import MASK_LAYOUTS
    from kerasdr.models.cam import CAM_METHODS

    (layout,) = [option for option in explanations_command.params if option.name == "layout"]
    assert tuple(layout.type.choices) == MASK_LAYOUTS and _METHODS == CAM_METHODS
