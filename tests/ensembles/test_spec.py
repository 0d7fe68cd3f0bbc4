import json
from typing import Any

import numpy as np
import pytest

from kerasdr.ensembles import EnsembleSpec, combine, fit_stacking, method_names, soft_spec
from kerasdr.errors import KerasdrError

STACKING: dict[str, Any] = {
    "classes": [0, 2],
    "coefficients": [[[0.0] * 5, [0.0] * 5], [[1.0, 0, 0, 0, 0], [0, 0, 2, 0, 0]]],
    "intercepts": [0.0, 0.5],
}


def test_the_six_methods_are_registered() -> None:
    assert method_names() == ("bagging", "boosting", "hard", "soft", "stacking", "weighted")
    assert method_names(own_training=True) == ("bagging", "boosting")
    assert method_names(own_training=False) == ("hard", "soft", "stacking", "weighted")


def test_spec_travels_as_plain_data() -> None:
    spec = EnsembleSpec("weighted", (0.25, 0.75))
    assert spec.to_dict() == {"method": "weighted", "weights": [0.25, 0.75]}
    assert EnsembleSpec.from_dict(spec.to_dict()) == spec
    stacking = EnsembleSpec("stacking", (0.5, 0.5), STACKING)
    assert EnsembleSpec.from_dict(json.loads(json.dumps(stacking.to_dict()))) == stacking


def test_specs_can_be_put_in_sets() -> None:
    assert len({soft_spec(2), soft_spec(2), EnsembleSpec("stacking", (0.5, 0.5), STACKING)}) == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "vote", "weights": [1.0]}, "called 'vote': take one of .*soft"),
        ({"method": ["soft"], "weights": [1.0]}, "take one of"),
        ({"method": "soft", "weights": [0.5, 0.6]}, "sum to 1"),
        ({"method": "soft", "weights": [1.5, -0.5]}, "at least 0"),
        ({"method": "soft", "weights": []}, "sum to 1"),
        ({"method": "soft", "weights": [True]}, "sum to 1"),
        ({"method": "soft", "weights": [float("nan")]}, "sum to 1"),
        ({"method": "soft", "weights": [10**400]}, "sum to 1"),
        ({"method": "soft", "weights": "1"}, "sum to 1"),
        ({"method": "soft"}, "keys method and weights"),
        ({"method": "soft", "weights": [1.0], "extra": 1}, "keys method and weights"),
        ({"method": "soft", "weights": [1.0], "parameters": {"a": 1}}, "soft takes no parameters"),
        ({"method": "soft", "weights": [1.0], "parameters": [1]}, "must be keys and values"),
    ],
)
def test_wrong_specs_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(KerasdrError, match=message) as caught:
        EnsembleSpec.from_dict(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": []}, "classes must be grades in ascending order"),
        ({"classes": [2, 0]}, "ascending"),
        ({"classes": [0, 0]}, "ascending"),
        ({"classes": [0, 7]}, "ascending"),
        ({"classes": [False, 2]}, "ascending"),
        ({"classes": 3}, "ascending"),
        ({"classes": [0, 1, 2]}, "3 classes x 2 members x 5 grades"),
        ({"coefficients": [[[0.0] * 5], [[0.0] * 5]]}, "2 classes x 2 members x 5 grades"),
        ({"coefficients": [[[0.0] * 4] * 2] * 2}, "2 classes x 2 members x 5 grades"),
        ({"coefficients": [[[float("inf")] * 5] * 2] * 2}, "finite"),
        ({"coefficients": [[["0"] * 5] * 2] * 2}, "finite numbers"),
        ({"intercepts": [0.0]}, "2 finite numbers, one a class"),
        ({"intercepts": [0.0, float("nan")]}, "finite numbers"),
        ({"more": 1}, "got .*'more'"),
    ],
)
def test_wrong_coefficients_are_refused(change: dict[str, Any], message: str) -> None:
    content = {"method": "stacking", "weights": [0.5, 0.5], "parameters": STACKING | change}
    with pytest.raises(KerasdrError, match=message) as caught:
        EnsembleSpec.from_dict(content)
    assert str(caught.value).endswith(": make the bundle again")


def test_stacking_needs_its_parameters_and_as_many_members() -> None:
    with pytest.raises(KerasdrError, match="has classes, coefficients and intercepts, got"):
        EnsembleSpec.from_dict({"method": "stacking", "weights": [0.5, 0.5]})
    with pytest.raises(KerasdrError, match="3 members"):
        EnsembleSpec.from_dict({"method": "stacking", "weights": [0.5, 0.5, 0.0], "parameters": STACKING})


def test_wrong_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, N, 5\), got \(1, 3, 5\)"):
        combine(soft_spec(2), np.ones((1, 3, 5)))
    with pytest.raises(ValueError, match="not a finite"):
        combine(soft_spec(1), np.full((1, 2, 5), np.nan))


def test_every_method_gives_probabilities_whatever_stands_beside() -> None:
    random = np.random.default_rng(3)
    p = random.dirichlet(np.ones(5), (3, 40))
    p[:, 0] = np.eye(5)[2]  # exact zeros and ones
    stacking = fit_stacking(p, random.integers(0, 5, 40))
    for method in method_names():
        spec = stacking if method == "stacking" else EnsembleSpec(method, (0.5, 0.3, 0.2))
        whole = combine(spec, p)
        assert whole.shape == (40, 5)
        assert np.isfinite(whole).all() and (whole >= 0).all()
        assert whole.sum(axis=1) == pytest.approx(np.ones(40))
        alone = np.concatenate([combine(spec, p[:, [row]]) for row in range(40)])
        assert alone == pytest.approx(whole, abs=1e-12)
