"""Phantoms must not be trivially easy: their mean colour says next to nothing about the grade."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kerasdr.data.phantom import draw_person
from kerasdr.imaging.retina import find_retina

Means = NDArray[np.float64]


@pytest.fixture(scope="module")
def crowd_colours() -> tuple[dict[str, Means], NDArray[np.int64], list[int]]:
    """Mean colour of the picture and of the retina, each ``(n, 3)``, with grade and person, of 200 people."""
    means: dict[str, list[Means]] = {"picture": [], "retina": []}
    grades, people = [], []
    for number in range(1, 201):
        for phantom in draw_person(6, number, 96):
            retina = find_retina(phantom.image)
            rows, columns = np.mgrid[:96, :96]
            inside = np.hypot(columns - retina.x, rows - retina.y) < 0.95 * retina.radius
            means["picture"].append(phantom.image.reshape(-1, 3).mean(axis=0))
            means["retina"].append(phantom.image[inside].mean(axis=0))
            grades.append(phantom.grade)
            people.append(number)
    return {where: np.array(rows) for where, rows in means.items()}, np.array(grades), people


@pytest.mark.parametrize("kind", ["logistic", "forest"])
@pytest.mark.parametrize("where", ["picture", "retina"])
def test_mean_colour_alone_stays_under_kappa_0_3(
    crowd_colours: tuple[dict[str, Means], NDArray[np.int64], list[int]], where: str, kind: str
) -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import cohen_kappa_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    linear = LogisticRegression(class_weight="balanced", max_iter=300)
    model = {
        "logistic": make_pipeline(StandardScaler(), PolynomialFeatures(2), linear),
        "forest": RandomForestClassifier(60, min_samples_leaf=5, class_weight="balanced", random_state=0),
    }[kind]
    colours, grades, people = crowd_colours

    def kappa(features: Means) -> float:
        predicted = cross_val_predict(model, features, grades, groups=people, cv=GroupKFold(5))
        return float(cohen_kappa_score(grades, predicted, weights="quadratic"))

    assert kappa(colours[where]) < 0.3
    # The same classifier does learn where colour tells the grade.
    assert kappa(colours[where] + 15.0 * grades[:, None] * (1, -1, 0)) > 0.5
