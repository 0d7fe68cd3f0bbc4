"""Explanations of photographs by real, small networks, and the panels that show them."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.ensembles import EnsembleSpec
from kerasdr.errors import KerasdrError
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.engine import scaled
from kerasdr.scoring.engine_keras import KerasEngine
from kerasdr.scoring.explaining import Explainer, Explanation, View, explain_inputs
from kerasdr.scoring.explanation_panel import draw_explanation
from kerasdr.scoring.grading import Request, make_batch, read_requests
from kerasdr.scoring.inputs import list_inputs
from kerasdr.scoring.overlay import DISPLAY_SIZE, blend

SIZE = 48


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A dual member with attention that crops, and a lighter single one that does not."""
    from kerasdr.models import build_classifier, get_weights

    members = []
    for name, recipe, model in (
        ("dual", "clahe-crop", {"mode": "dual", "attention": "spatial"}),
        ("single", "none", {"head": "linear"}),
    ):
        spec = ModelSpec(**{"trunk": "tiny", "weights": "none", "head_units": (16,), **model})
        network = build_classifier(spec, SIZE, seed=3)
        logits = network.get_layer("logits")
        logits.kernel.assign(logits.kernel * 30.0)  # untrained networks are near 0.2 for every grade
        members.append(BundleMember(name, spec, get_recipe(recipe, SIZE), get_weights(network)))
    folder = tmp_path_factory.mktemp("real") / "bundle"
    write_bundle(folder, name="real-1", members=members, ensemble=EnsembleSpec("weighted", (0.7, 0.3)), validation={})
    return load_bundle(folder)


@pytest.fixture
def folder(tmp_path: Path, good: list[bytes], bad: dict[str, bytes]) -> Path:
    """Both eyes of one person, one eye of another, and two files that cannot be graded."""
    for name, data in (
        ("1_left", good[0]),
        ("1_right", good[1]),
        ("2_left", good[2]),
        ("3_left", bad["cut"]),
        ("4_left", bad["dark"]),
    ):
        (tmp_path / f"{name}.png").write_bytes(data)
    return tmp_path


def requests(bundle: Bundle, folder: Path) -> list[Request]:
    return [item for item in read_requests(list_inputs([str(folder)]), bundle, ahead=2) if item.photograph.ready]


def test_probabilities_and_grade_are_those_of_predict(real: Bundle, folder: Path) -> None:
    found = requests(real, folder)
    output = KerasEngine(real, batch_size=3, gradcam=False).predict(make_batch(found, 2))
    explainer = Explainer(real)
    for request, probabilities in zip(found, output.probabilities, strict=True):
        explained = explainer.explain(request)
        assert explained.probabilities == pytest.approx(probabilities, abs=1e-5)
        assert explained.grade == probabilities.argmax()
        own = {view.member: view.probability for view in explained.views}
        together = 0.7 * own["dual"] + 0.3 * own["single"]
        assert together == pytest.approx(probabilities[explained.grade], abs=1e-5)


def test_partner_has_a_view_of_its_own_where_there_is_one(real: Bundle, folder: Path) -> None:
    explainer = Explainer(real)
    shown = [[(view.member, view.partner) for view in explainer.explain(item).views] for item in requests(real, folder)]
    both = [("dual", False), ("dual", True), ("single", False)]
    assert shown == [both, both, [("dual", False), ("single", False)]]


def test_views_of_a_pair_are_of_the_two_photographs(real: Bundle, folder: Path) -> None:
    left, right = (Explainer(real).explain(request, 2) for request in requests(real, folder)[:2])
    assert (left.views[1].picture == right.picture).all() and (left.views[0].picture == left.picture).all()
    assert np.abs(left.views[0].heat - left.views[1].heat).max() > 0.01


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "scorecam"])
def test_heat_is_the_methods_map_of_the_asked_grade(real: Bundle, folder: Path, method: Any) -> None:
    from kerasdr.models import build_classifier, set_weights
    from kerasdr.models.cam import HeatMaps

    request = requests(real, folder)[0]
    network = build_classifier(real.members[1].model, SIZE)
    set_weights(network, real.members[1].weights)
    maps = HeatMaps(network, method, "block3_relu", max_channels=9)
    heats = []
    for grade in (1, 4):
        explained = Explainer(real, method, "block3_relu", max_channels=9).explain(request, grade)
        assert (explained.grade, explained.method, explained.layer) == (grade, method, "block3_relu")
        heats.append(explained.views[-1].heat)
        expected = scaled(maps({"image": request.photograph.images[1][None]}, np.array([grade]))[0])
        assert heats[-1] == pytest.approx(expected, abs=1e-5) and heats[-1].max() in (0, 1)
    assert np.abs(heats[0] - heats[1]).max() > 1e-3


def test_each_view_has_the_frame_that_its_member_saw(real: Bundle, folder: Path) -> None:
    request = requests(real, folder)[2]
    explained = Explainer(real).explain(request)
    dual, single = explained.views
    assert dual.picture.shape == explained.picture.shape == (DISPLAY_SIZE, DISPLAY_SIZE, 3)
    # The picture for people is cropped; the single member saw the photograph whole.
    assert (single.picture == request.photograph.images[1]).all()


def test_member_without_the_layer_votes_and_is_not_shown(real: Bundle, folder: Path) -> None:
    explainer = Explainer(real, layer="attention")
    assert list(explainer.left_out) == ["single"]
    assert "'attention' is no layer of the network" in explainer.left_out["single"]
    request = requests(real, folder)[2]
    explained = explainer.explain(request)
    assert [view.member for view in explained.views] == ["dual"]
    assert explained.probabilities == pytest.approx(Explainer(real).explain(request).probabilities)


def test_layer_that_no_member_has_is_said_in_a_line(real: Bundle) -> None:
    with pytest.raises(
        KerasdrError, match=r"member dual: 'block3_rel' .*\(did you mean block3_relu\?\); take features"
    ):
        Explainer(real, layer="block3_rel")


def test_bad_files_have_a_reason_and_the_others_go_on(real: Bundle, folder: Path) -> None:
    inputs = list_inputs([str(folder), str(folder / "none.png")])
    given = dict(explain_inputs(inputs, Explainer(real), grade=3))
    assert sorted(given) == list(range(6))
    told = [item if isinstance(item, str) else item.grade for _, item in sorted(given.items())]
    assert told[:3] == [3, 3, 3]
    assert [str(reason).split(":")[0] for reason in told[3:]] == [
        "the file is cut off",
        "no retina to be seen",
        "file not found",
    ]


def test_importing_loads_no_keras() -> None:
    program = "import sys, kerasdr.scoring.explaining, kerasdr.scoring.explanation_panel; print('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


def explanation(views: Sequence[tuple[str, bool]], heat: float = 1.0, grade: int = 3) -> Explanation:
    random = np.random.default_rng(0)
    picture = random.integers(100, 200, (64, 64, 3), dtype=np.uint8)
    warm = np.zeros((4, 4), np.float32)
    warm[1, 2] = heat
    made = tuple(View(name, partner, picture, warm, 0.7) for name, partner in views)
    return Explanation(picture, grade, np.array([0.05, 0.05, 0.1, 0.7, 0.1]), made, "gradcam++", "block_13_project_BN")


FOOT = ("real-1@0123456789ab", "not a diagnosis")


def words_at(page: np.ndarray, tile: int, line: int) -> np.ndarray:
    """The strip of a page in which a tile's title (0) or one of its lines stands."""
    top = (0, 32, 52)[line]
    return page[top : top + 20, tile * 368 : tile * 368 + 360]


def test_panel_has_a_tile_for_the_photograph_and_for_each_view() -> None:
    page = draw_explanation(explanation([("dual", False), ("dual", True)]), FOOT)
    assert page.shape == (74 + 360 + 8 + 44, 3 * 368 + 78, 3) and page.dtype == np.uint8
    photograph, *views = (page[74:434, left : left + 360].astype(int) for left in (0, 368, 736))
    for view in views:
        changed = np.abs(view - photograph).max(axis=2) > 30
        rows, columns = np.nonzero(changed)
        # Heat stands in the second row and third column of four.
        assert abs(rows.mean() / 360 - 0.375) < 0.05 and abs(columns.mean() / 360 - 0.625) < 0.05


def test_panel_of_a_large_ensemble_wraps_after_four_tiles() -> None:
    page = draw_explanation(explanation([(f"member-{n}", False) for n in range(5)]), FOOT)
    assert page.shape == (2 * (74 + 360 + 8) + 44, 4 * 368 + 78, 3)
    last = page[442 + 74 : 442 + 434, 368:728]
    assert (last == page[74:434, 368:728]).all()  # all views are the same here
    assert (page[442:876, 2 * 368 : 4 * 368] == 255).all()


def test_long_names_stay_in_their_tile() -> None:
    page = draw_explanation(explanation([("m" * 64, False), ("n", False)]), ("x" * 300, "y" * 300))
    assert (page[:74, 360:368] == 255).all() and (page[:74, 728:736] == 255).all()
    assert (page[-44:, -8:] == 255).all()


def test_remark_and_what_is_said_without_one() -> None:
    plain = draw_explanation(explanation([("a", False)]), FOOT)
    assert (words_at(plain, 0, 2) == 255).all()  # the grade is the ensemble's own
    assert (words_at(draw_explanation(explanation([("a", False)]), FOOT, "true grade 3"), 0, 2) < 200).any()
    assert (words_at(draw_explanation(explanation([("a", False)], grade=1), FOOT), 0, 2) < 200).any()


def test_map_without_heat_says_so_and_shows_the_photograph() -> None:
    warm, cold = (draw_explanation(explanation([("a", False)], heat), FOOT) for heat in (1.0, 0.0))
    assert (cold[74:434, 368:728] == cold[74:434, :360]).all()
    assert (words_at(cold, 1, 2) < 200).sum() > (words_at(warm, 1, 2) < 200).sum()


def test_pictures_are_blended_in_their_own_size() -> None:
    one = explanation([("a", False)])
    view = replace(one.views[0], picture=np.full((360, 360, 3), 90, np.uint8))
    page = draw_explanation(replace(one, views=(view,)), FOOT)
    assert (page[74:434, 368:728] == blend(view.picture, view.heat)).all()
