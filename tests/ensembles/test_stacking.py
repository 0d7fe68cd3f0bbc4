import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from kerasdr.ensembles import EnsembleSpec, combine, fit_stacking
from kerasdr.ensembles.stacking import FLOOR, STRENGTH, stacking_features


def test_features_are_log_probabilities_member_after_member() -> None:
    p = np.array([[[0.5, 0.5, 0, 0, 0]], [[0, 0, 0.25, 0.75, 0]]])
    expected = np.log([0.5, 0.5, FLOOR, FLOOR, FLOOR, FLOOR, FLOOR, 0.25, 0.75, FLOOR])
    assert stacking_features(p) == pytest.approx(expected[None])


@pytest.mark.parametrize("present", [(0, 1, 2, 3, 4), (0, 1, 3), (1, 4)])
def test_applied_it_gives_what_scikit_learn_gives(present: tuple[int, ...], member: Any) -> None:
    grades = np.random.default_rng(1).choice(present, 200)
    p = np.stack([member(grades, 0.3, 1), member(grades, 0.5, 2), member(grades, 0.0, 3)])
    model = LogisticRegression(C=STRENGTH, solver="newton-cg", tol=1e-6, max_iter=500)
    model.fit(stacking_features(p), grades)
    other = np.random.default_rng(2).dirichlet(np.ones(5), (3, 100))
    expected = np.zeros((100, 5))
    expected[:, list(present)] = model.predict_proba(stacking_features(other))
    spec = EnsembleSpec.from_dict(json.loads(json.dumps(fit_stacking(p, grades).to_dict())))
    assert spec.parameters["classes"] == list(present)
    assert combine(spec, other) == pytest.approx(expected, abs=1e-9)


def test_the_fit_has_converged(grades: np.ndarray, member: Any) -> None:
    p = np.stack([member(grades, 0.3, 1), member(grades, 0.5, 2)])
    got = combine(fit_stacking(p, grades), p)
    slow = LogisticRegression(C=STRENGTH, tol=1e-9, max_iter=20000).fit(stacking_features(p), grades)
    assert got == pytest.approx(slow.predict_proba(stacking_features(p)), abs=1e-4)


def test_one_grade_alone_is_certain() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(5), (2, 6))
    spec = fit_stacking(p, np.full(6, 3))
    assert spec.weights == (0.5, 0.5)
    assert combine(spec, p) == pytest.approx(np.tile([0, 0, 0, 1.0, 0], (6, 1)))
    assert EnsembleSpec.from_dict(spec.to_dict()) == spec


def test_weights_follow_what_moves_the_outcome(grades: np.ndarray, member: Any) -> None:
    p = np.stack([member(grades, 0.0, 1), member(grades, 0.6, 2)])
    weights = fit_stacking(p, grades).weights
    assert sum(weights) == pytest.approx(1.0)
    assert weights[1] > 0.6
    # A member that says the same of everybody moves nothing.
    p[0] = 0.2
    assert fit_stacking(p, grades).weights == pytest.approx((0.0, 1.0))


def test_it_can_put_right_a_member_that_errs_always_alike(grades: np.ndarray, member: Any, kappa: Any) -> None:
    shifted = np.roll(member(grades, 0.6, 1), 1, axis=1)
    noise = member(grades, 0.0, 2)
    p = np.stack([shifted, noise])
    assert kappa(grades, combine(fit_stacking(p, grades), p)) > 0.8 > kappa(grades, shifted)


def test_applying_it_needs_no_scikit_learn() -> None:
    spec = fit_stacking(np.random.default_rng(0).dirichlet(np.ones(5), (2, 30)), np.arange(30) % 5)
    program = (
        "import json, sys, numpy as np\n"
        "from kerasdr.ensembles import EnsembleSpec, combine\n"
        f"spec = EnsembleSpec.from_dict(json.loads({json.dumps(spec.to_dict())!r}))\n"
        "combine(spec, np.full((2, 3, 5), 0.2))\n"
        "print(sorted({'sklearn', 'scipy', 'keras', 'pandas'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
