"""What decoding at a fraction of the size changes, in grades of real photographs of a camera's full size."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.config import ModelSpec
from kerasdr.data.readers import read_table
from kerasdr.ensembles import EnsembleSpec
from kerasdr.imaging.prepare import prepare
from kerasdr.imaging.recipes import get_recipe
from kerasdr.scoring.bundle import Bundle, BundleMember, load_bundle, write_bundle
from kerasdr.scoring.job import score_photographs

SHARED = Path(__file__).resolve().parents[3] / "shared"
WEIGHTS = SHARED / "weights" / "mobilenet_v2_1.0_imagenet_notop.weights.h5"


@pytest.fixture(scope="module", params=["crop", "clahe-crop", "clahe"])
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """MobileNetV2 with ImageNet weights and a head that was fitted to photographs of every grade.

    The head is about as strongly regularised as that of the configuration ``eyepacs``. One that knows its training
    photographs by heart is sharper, and its probabilities move more with every pixel: by up to 0.08 here.
    """
    recipe = get_recipe(request.param, 224)
    if not WEIGHTS.is_file() or not (SHARED / "data" / "highres").is_dir():
        pytest.skip(f"no real photographs and weights in {SHARED}")
    import keras
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from kerasdr.models import build_classifier, get_weights

    spec = ModelSpec(
        trunk="mobilenetv2", trunk_end="block_13_expand_relu", weights=str(WEIGHTS), head="linear", dropout=0.0
    )
    network = build_classifier(spec, recipe.size, initial_weights=True, seed=1)
    table = read_table("eyepacs", SHARED / "data" / "eyepacs").table.groupby("grade").head(24)
    images = np.stack([prepare(Path(path).read_bytes(), recipe).image for path in table["path"]])
    features = keras.Model(network.input, network.get_layer("pooled").output).predict({"image": images}, verbose=0)
    scaler = StandardScaler().fit(features)
    fitted = LogisticRegression(C=1e-3, max_iter=2000).fit(scaler.transform(features), table["grade"].astype(int))
    kernel = (fitted.coef_ / scaler.scale_).T
    network.get_layer("logits").set_weights([kernel, fitted.intercept_ - scaler.mean_ @ kernel])
    member = BundleMember("only", spec, recipe, get_weights(network))
    folder = tmp_path_factory.mktemp("graded") / "bundle"
    write_bundle(folder, name="graded-1", members=[member], ensemble=EnsembleSpec("soft", (1.0,)), validation={})
    return load_bundle(folder)


def test_grades_are_those_of_a_full_decode(graded: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    photographs = sorted((SHARED / "data" / "highres").glob("*.jpeg"))
    reduced = score_photographs(photographs, graded)
    asked: list[Any] = []
    monkeypatch.setattr("kerasdr.imaging.prepare.decoding_side", lambda recipe: asked.append(recipe) or 10**6)
    full = score_photographs(photographs, graded)
    assert len(asked) >= len(photographs) == 6
    one, other = (np.array([row.probabilities for row in rows]) for rows in (reduced, full))
    assert [row.grade for row in reduced] == [row.grade for row in full]
    assert 0 < np.abs(one - other).max() < 0.02
    assert one.std(axis=0).max() > 0.02  # photographs differ by more than that
