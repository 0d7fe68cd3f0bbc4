import numpy as np
import pytest

from kerasdr.evaluation.decision_curve import decision_curve
from kerasdr.evaluation.graded import Graded, graded_photographs
from kerasdr.evaluation.intervals import bootstrap_people

# Probabilities of grades 0 and 2, so that the second is that of referable.
P_REFERABLE = np.array([0.9, 0.6, 0.4, 0.2, 0.8, 0.1, 0.3, 0.05, 0.7, 0.2])
GRADES = np.array([3, 2, 2, 2, 0, 0, 1, 0, 4, 0])
PEOPLE = np.array(["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"])


def graded(grades: np.ndarray = GRADES, p: np.ndarray = P_REFERABLE, people: np.ndarray = PEOPLE) -> Graded:
    probabilities = np.zeros((len(p), 5))
    probabilities[:, 0], probabilities[:, 2] = 1 - p, p
    return graded_photographs(grades, probabilities.argmax(axis=1), people, probabilities)


def test_by_hand() -> None:
    """At 0.5: 0.9, 0.6, 0.7 are found, 0.8 is needless; at 0.2 all five and two, and 0.2 itself is called."""
    found = decision_curve(graded(), np.array([0.2, 0.5, 0.95]))
    assert found is not None
    assert found.prevalence == 0.5 and found.n == 10 and found.unit == "photograph"
    assert found.model == pytest.approx([5 / 10 - 3 / 10 * 0.25, 3 / 10 - 1 / 10, 0.0])
    assert found.refer_all == pytest.approx([0.5 - 0.5 * 0.25, 0.0, 0.5 - 0.5 * 19])


def test_a_network_that_calls_everybody_is_worth_what_refer_all_is() -> None:
    found = decision_curve(graded(p=np.full(10, 0.999)))
    assert found is not None and len(found.thresholds) == 99
    assert found.model == pytest.approx(found.refer_all)


def test_the_band_is_the_bootstrap_over_people() -> None:
    at = 0.3

    def net_benefit(rows: np.ndarray) -> float:
        called, sick = P_REFERABLE[rows] >= at, GRADES[rows] >= 2
        return float((called & sick).mean() - (called & ~sick).mean() * at / (1 - at))

    expected = bootstrap_people(net_benefit, PEOPLE, n_resamples=300, seed=4)
    found = decision_curve(graded(), np.array([at]), n_resamples=300, seed=4)
    assert found is not None
    assert [found.model[0], found.low[0], found.high[0]] == pytest.approx([expected.value, expected.low, expected.high])


def test_what_cannot_be_said() -> None:
    assert decision_curve(graded_photographs(GRADES, GRADES, PEOPLE)) is None
    assert decision_curve(graded(GRADES[:0], P_REFERABLE[:0], PEOPLE[:0])) is None
    alone = decision_curve(graded(people=np.full(10, "a")))
    assert alone is not None and np.isnan(alone.low).all() and np.isfinite(alone.model).all()
    for threshold in (0.0, 1.0):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            decision_curve(graded(), np.array([threshold]))
