"""Maps are fitted to where libraries put them, and do what their definitions say."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from kerasdr.calibration import calibrated, log_losses
from kerasdr.calibration.fitting import fit_calibration, fit_isotonic, fit_temperature, fit_vector
from kerasdr.calibration.maps import IsotonicCalibration, NoCalibration, Steps, TemperatureScaling, VectorScaling
from kerasdr.evaluation.conformal_simulation import SimulatedPeople
from tests.calibration.conftest import as_often_as_said

P = np.array([[0.5, 0.2, 0.1, 0.1, 0.1], [0.04, 0.16, 0.64, 0.16, 0.0]])
KINDS = ("temperature", "vector", "isotonic")


def loss(mapping: object, known: SimulatedPeople) -> float:
    return float(log_losses(known.grades, calibrated(mapping, known.probabilities)).mean())  # type: ignore[arg-type]


def test_none_changes_nothing() -> None:
    assert np.array_equal(calibrated(NoCalibration(), P), P)


def test_temperature_by_hand() -> None:
    halved = calibrated(TemperatureScaling(temperature=2.0), P)
    roots = np.sqrt(np.clip(P, 1e-6, 1.0))
    assert halved == pytest.approx(roots / roots.sum(axis=1, keepdims=True))
    assert calibrated(TemperatureScaling(temperature=1.0), P[:1]) == pytest.approx(P[:1])


def test_vector_by_hand() -> None:
    doubled = calibrated(VectorScaling(slopes=(2, 1, 1, 1, 1), offsets=(0, 0, 0, 0, np.log(3))), P[:1])
    shares = np.array([0.25, 0.2, 0.1, 0.1, 0.3])
    assert doubled[0] == pytest.approx(shares / 0.95)


def test_isotonic_by_hand() -> None:
    # P(>= 1) goes to 0.4, P(>= 2) to 0.6, P(>= 3) to 0.2, P(>= 4) to 0: put in order 0.6, 0.4, 0.2, 0.
    steps = tuple(Steps(x=(0.0, 1.0), y=(value, value)) for value in (0.4, 0.6, 0.2, 0.0))
    alone = calibrated(IsotonicCalibration(steps=steps, share_kept=0.0), P)
    assert alone == pytest.approx(np.tile([0.4, 0.2, 0.2, 0.2, 0.0], (2, 1)))
    mixed = calibrated(IsotonicCalibration(steps=steps, share_kept=0.25), P[:1])
    assert mixed[0] == pytest.approx([0.425, 0.2, 0.175, 0.175, 0.025])


def test_between_knots_lines_are_straight_and_outside_them_level() -> None:
    flat = Steps(x=(0.5,), y=(0.0,))
    steps = (Steps(x=(0.2, 0.4), y=(0.3, 0.7)), flat, flat, flat)
    p = np.array([[0.9, 0.1, 0, 0, 0], [0.7, 0.3, 0, 0, 0], [0.5, 0.5, 0, 0, 0]])
    said = calibrated(IsotonicCalibration(steps=steps, share_kept=0.0), p)
    assert said[:, 1] == pytest.approx([0.3, 0.5, 0.7])


def test_the_known_temperature_is_found(sharp: SimulatedPeople, honest: SimulatedPeople) -> None:
    assert fit_temperature(sharp.probabilities, sharp.grades).temperature == pytest.approx(2.0, abs=0.15)
    assert fit_temperature(honest.probabilities, honest.grades).temperature == pytest.approx(1.0, abs=0.08)


def test_temperature_is_where_another_optimizer_puts_it(sharp: SimulatedPeople) -> None:
    logs = np.log(np.clip(sharp.probabilities, 1e-6, 1.0))

    def plain(values: np.ndarray) -> float:
        p = np.exp(logs / values[0])
        p /= p.sum(axis=1, keepdims=True)
        return float(-np.log(p[np.arange(len(p)), sharp.grades]).mean())

    found = minimize(plain, [1.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-14}).x[0]
    assert fit_temperature(sharp.probabilities, sharp.grades).temperature == pytest.approx(found, abs=1e-5)


def test_vector_is_where_another_optimizer_puts_it(few: SimulatedPeople) -> None:
    logs, truth = np.log(np.clip(few.probabilities, 1e-6, 1.0)), np.eye(5)[few.grades]

    def plain(values: np.ndarray) -> float:
        logits = logs * values[:5] + values[5:]
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        away = values - [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
        return float(-np.log((p * truth).sum(axis=1)).sum() + 0.5 * (away**2).sum())

    found = minimize(plain, [1.0] * 5 + [0.0] * 5, method="Powell", options={"xtol": 1e-9, "ftol": 1e-14})
    fitted = fit_vector(few.probabilities, few.grades)
    assert min(found.x[:5]) > 0  # so that the bound plays no part
    assert plain(np.array([*fitted.slopes, *fitted.offsets])) == pytest.approx(found.fun, abs=1e-6)
    assert [*fitted.slopes, *fitted.offsets] == pytest.approx(found.x, abs=1e-3)


def test_isotonic_is_scikit_learns(few: SimulatedPeople) -> None:
    cumulative = []
    for k in range(1, 5):
        model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        x = few.probabilities[:, k:].sum(axis=1)
        cumulative.append(model.fit(x, few.grades >= k).predict(x))
    edges = [np.ones(len(few.grades)), *np.sort(cumulative, axis=0)[::-1], np.zeros(len(few.grades))]
    alone = -np.diff(edges, axis=0).T
    expected = 40 / 41 * alone + 1 / 41 * few.probabilities
    assert calibrated(fit_isotonic(few.probabilities, few.grades, 40), few.probabilities) == pytest.approx(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_helps_where_there_is_something_to_mend_and_does_no_harm_elsewhere(
    kind: str, sharp: SimulatedPeople, honest: SimulatedPeople
) -> None:
    fitted = {name: fit_calibration(kind, d.probabilities, d.grades, d.people) for name, d in _both(sharp, honest)}  # type: ignore[arg-type]
    assert loss(fitted["sharp"], sharp) < loss(NoCalibration(), sharp) - 0.05
    # Of its own photographs a step function believes too much; of the others there is little to believe.
    assert 0 <= loss(NoCalibration(), honest) - loss(fitted["honest"], honest) < (0.08 if kind == "isotonic" else 0.01)


def test_perfect_calibration_is_left_alone() -> None:
    p, grades = as_often_as_said()
    assert fit_temperature(p, grades).temperature == pytest.approx(1.0, abs=1e-4)
    vector = fit_vector(p, grades)
    assert [*vector.slopes, *vector.offsets] == pytest.approx([1.0] * 5 + [0.0] * 5, abs=1e-4)
    isotonic = fit_isotonic(p, grades, len(p))
    assert calibrated(isotonic, p) == pytest.approx(p, abs=1e-9)


def _both(sharp: SimulatedPeople, honest: SimulatedPeople) -> list[tuple[str, SimulatedPeople]]:
    return [("sharp", sharp), ("honest", honest)]


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_stay_probabilities_and_rows_apart(kind: str, few: SimulatedPeople) -> None:
    fitted = fit_calibration(kind, few.probabilities, few.grades, few.people)  # type: ignore[arg-type]
    p = np.concatenate([np.eye(5), P, few.probabilities])
    said = calibrated(fitted, p)
    assert said.min() >= 0 and said.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    for row in range(len(p)):
        assert np.array_equal(calibrated(fitted, p[row : row + 1])[0], said[row])


def test_temperature_keeps_every_grade(sharp: SimulatedPeople) -> None:
    fitted = fit_temperature(sharp.probabilities, sharp.grades)
    after = calibrated(fitted, sharp.probabilities)
    assert np.array_equal(after.argmax(axis=1), sharp.probabilities.argmax(axis=1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grades", [[0, 0, 0, 0], [4, 4, 4, 4], [0, 1, 2, 4]])
def test_few_photographs_of_few_grades_give_finite_maps(kind: str, grades: list[int]) -> None:
    p = np.concatenate([P, P[::-1]])
    fitted = fit_calibration(kind, p, np.array(grades), np.arange(4))  # type: ignore[arg-type]
    said = calibrated(fitted, p)
    assert np.isfinite(said).all()
    # Nobody of a grade was seen; that does not make it impossible.
    assert (said[P.min() < p] > 0).all()


def test_all_right_and_all_wrong_stop_at_the_bounds() -> None:
    right = fit_temperature(P, np.array([0, 2]))
    assert right.temperature == pytest.approx(0.1, rel=1e-3)
    assert fit_temperature(P[:1], np.array([4])).temperature == pytest.approx(10.0, rel=1e-3)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: TemperatureScaling(temperature=0.0), "greater than 0"),
        (lambda: TemperatureScaling(temperature=float("nan")), "finite"),
        (lambda: VectorScaling(slopes=(1, 1, 1, 1), offsets=(0,) * 5), "at least 5"),
        (lambda: VectorScaling(slopes=(-1, 1, 1, 1, 1), offsets=(0,) * 5), "greater than or equal to 0"),
        (lambda: Steps(x=(0.1, 0.2), y=(0.3, 0.2)), "must ascend"),
        (lambda: Steps(x=(0.1, 0.2), y=(0.3,)), "must ascend"),
    ],
)
def test_maps_that_are_none_are_refused(make: object, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        make()  # type: ignore[operator]


def test_what_is_no_probabilities_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \(N, 5\), got \(5,\)"):
        calibrated(NoCalibration(), P[0])
    with pytest.raises(ValueError, match="not a finite number"):
        calibrated(NoCalibration(), np.where(P == 0.5, np.nan, P))
