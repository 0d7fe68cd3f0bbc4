"""The threshold, by hand."""

import numpy as np
import pytest

from kerasdr.calibration import UndefinedThreshold, choose_threshold, screened_positive


def photographs(scores: list[float], referable: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of referable, all of it on grade 2, and grades 0 or 2."""
    p = np.zeros((len(scores), 5))
    p[:, 2], p[:, 0] = scores, 1 - np.array(scores)
    return p, 2 * np.array(referable)


# Ten referable people at 0.95, 0.90 .. 0.50, ten others at 0.55, 0.50 .. 0.10.
SCORES = [0.95 - 0.05 * i for i in range(10)] + [0.55 - 0.05 * i for i in range(10)]
REFERABLE = [1] * 10 + [0] * 10
PEOPLE = np.arange(20)


@pytest.mark.parametrize(
    ("figure", "value", "threshold"),
    [
        ("sensitivity", 0.9, 0.525),  # nine of ten: down to 0.55, halfway to the next at 0.50
        ("sensitivity", 0.8, 0.575),
        ("sensitivity", 0.85, 0.525),
        ("specificity", 0.9, 0.525),  # one of ten is called, the one at 0.55
        ("specificity", 0.8, 0.475),  # two: those at 0.55 and 0.50
        ("specificity", 0.89, 0.525),
    ],
)
def test_threshold_by_hand(figure: str, value: float, threshold: float) -> None:
    p, grades = photographs(SCORES, REFERABLE)
    found = choose_threshold(grades, p, PEOPLE, figure, value)  # type: ignore[arg-type]
    assert found == pytest.approx(threshold)
    called = screened_positive(p, found)
    share = called[:10].mean() if figure == "sensitivity" else (~called[10:]).mean()
    assert share >= value - 1e-9


def test_ties_stay_together() -> None:
    p, grades = photographs([0.7] * 10 + [0.7] * 5 + [0.2] * 5, [1] * 10 + [0] * 10)
    found = choose_threshold(grades, p, PEOPLE, "sensitivity", 0.9)
    assert found == pytest.approx(0.45) and screened_positive(p, found).tolist() == [True] * 15 + [False] * 5
    assert choose_threshold(grades, p, PEOPLE, "specificity", 0.9) == pytest.approx(0.85)  # nobody


def test_ends_of_the_scale() -> None:
    p, grades = photographs([0.4] * 20, REFERABLE)
    assert choose_threshold(grades, p, PEOPLE, "sensitivity", 0.9) == pytest.approx(0.2)
    assert choose_threshold(grades, p, PEOPLE, "specificity", 0.9) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("scores", "referable", "people", "figure", "value", "complaint"),
    [
        (SCORES, [1] * 9 + [0] * 11, PEOPLE, "sensitivity", 0.9, "9 validation people have a referable photograph"),
        (SCORES, REFERABLE, PEOPLE // 2, "sensitivity", 0.9, "5 validation people have a referable .* needs 10"),
        (SCORES, REFERABLE, PEOPLE, "sensitivity", 0.95, "10 validation people .* sensitivity of 0.95 needs 20"),
        (SCORES, [1] * 11 + [0] * 9, PEOPLE, "specificity", 0.9, "9 validation people have a photograph that is not"),
        (SCORES, [1] * 20, PEOPLE, "sensitivity", 0.9, "every validation photograph is referable"),
        (SCORES, [0] * 20, PEOPLE, "specificity", 0.9, "every validation photograph is not referable"),
        ([1.0] * 20, REFERABLE, PEOPLE, "specificity", 0.9, "called so with certainty"),
    ],
)
def test_undefined_says_why(
    scores: list[float], referable: list[int], people: np.ndarray, figure: str, value: float, complaint: str
) -> None:
    p, grades = photographs(scores, referable)
    with pytest.raises(UndefinedThreshold, match=complaint):
        choose_threshold(grades, p, people, figure, value)  # type: ignore[arg-type]
