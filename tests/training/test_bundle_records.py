"""What a run writes into its bundle besides networks: golden photographs, where it comes from, what validation looked like."""

import json
from pathlib import Path

import numpy as np
import pytest

from kerasdr.config import resolve
from kerasdr.data.splits import read_split
from kerasdr.files import sha256_of_file
from kerasdr.reporting import Reporter
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.bundle_card import card_lines
from kerasdr.scoring.doubts import RULES
from kerasdr.scoring.drift import observe, reference_of
from kerasdr.scoring.engines import make_engine
from kerasdr.scoring.golden import compare_golden
from kerasdr.scoring.job import score_photographs
from kerasdr.scoring.photographs import person_keys
from kerasdr.training.experiment import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, phantom_root: Path) -> Path:
    raw = {
        "name": "small",
        "description": "for a test",
        "data": {"root": str(phantom_root), "split": {"train": 0.5, "validation": 0.5, "test": 0.0}},
        "imaging": {"size": 48},
        "model": {"trunk": "tiny", "weights": "none", "head_units": [8]},
        "stages": [{"name": "fit", "epochs": 1, "learning_rate": 2e-3}],
        "members": [{"name": "dual", "model": {"mode": "dual"}}],
    }
    return train(resolve(raw), tmp_path_factory.mktemp("work") / "runs", Reporter()).run


@pytest.fixture(scope="module")
def bundle(run: Path) -> Bundle:
    return load_bundle(run)


def test_both_engines_give_the_golden_answers(bundle: Bundle) -> None:
    for engine in ("openvino", "keras"):
        found = compare_golden(bundle, make_engine(bundle, engine=engine))  # type: ignore[arg-type]
        assert not any(one.wrong for one in found), engine
        assert max(one.largest.get("probability", 0.0) for one in found) < 1e-5


def test_reference_is_what_scoring_the_validation_part_gives(run: Path, bundle: Bundle, phantom_root: Path) -> None:
    split = read_split(run / "split.csv")
    names = split.loc[split["split"] == "validation", "image_id"]
    rows = score_photographs([next(phantom_root.rglob(f"{name}.*jp*g")) for name in names], bundle)
    assert {"graded", "ungradable"} >= {row.status for row in rows} and len(rows) == len(names)
    probabilities = [list(row.probabilities) or [float("nan")] * 5 for row in rows]
    scored = reference_of(
        observe(
            person_keys(row.image for row in rows),
            [row.status for row in rows],
            np.array(probabilities),
            [row.figures for row in rows],
        )
    )
    known = bundle.reference
    assert known is not None
    assert (known.people, known.photographs, known.graded_people) == (
        scored.people,
        scored.photographs,
        scored.graded_people,
    )
    assert known.grade_shares == pytest.approx(scored.grade_shares)
    assert known.ungradable_share == pytest.approx(scored.ungradable_share)
    assert list(known.distributions) == list(scored.distributions)
    for name, distribution in known.distributions.items():
        assert distribution.quantiles == pytest.approx(scored.distributions[name].quantiles, abs=1e-4), name


def test_bundle_knows_when_a_photograph_is_doubtful(bundle: Bundle) -> None:
    assert bundle.doubts is not None and bundle.doubts.share == 0.01
    assert bundle.doubts.photographs > 0 and set(bundle.doubts.limits) == set(RULES)
    assert bundle.doubts.reason({"sharpness": 0.0, "brightness": 255.0}).startswith("doubtful photograph, blurred: ")


def test_bundle_knows_how_its_photographs_show_eyes(bundle: Bundle) -> None:
    sides = bundle.eye_sides
    assert sides is not None and sides.photographs > 0 and sides.upright >= 0.9 * sides.photographs
    assert bundle.doubts is not None and sides.photographs <= bundle.doubts.photographs


def test_card_tells_what_the_run_knows(run: Path, bundle: Bundle) -> None:
    data = json.loads((run / "data.json").read_text())
    about = bundle.about
    assert about is not None and about.phantoms and about.description == "for a test"
    assert about.data_sha256 == data["sha256"] and about.config_sha256 == sha256_of_file(run / "config.yaml")
    card = dict(line.strip().split(": ", 1) for line in list(card_lines(bundle))[1:])
    assert card["data"] == f"phantoms (synthetic photographs), layout eyepacs; fingerprint {data['sha256']}"
    part = data["splits"]["validation"]
    grades = "/".join(str(count) for count in part["grades"].values())
    told = f"{part['photographs']} photographs of {part['people']} people, grades 0-4: {grades}"
    assert card["validation part"] == told
    kappa = json.loads((run / "metrics.json").read_text())["ensemble"]["quadratic_kappa"]
    low_high = f"({kappa['low']:.3f} to {kappa['high']:.3f})" if kappa["low"] is not None else "(no interval)"
    assert f"quadratic kappa {kappa['value']:.3f} {low_high}" in card["figures"]
    assert card["figures"].startswith("on validation, which chose the ensemble: ")
    assert "keras 3" in card["versions"] and card["precision"] == "weights and Keras float32, openvino float32"
    assert card["when"].startswith("training began 20")
    assert card["split"].endswith("train 0.5, validation 0.5, test 0; seed 40")
    assert "not recorded" not in " ".join(card.values())
