import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from kerasdr.evaluation.graded import Graded, graded_photographs
from kerasdr.evaluation.roc_band import roc_band, sensitivities_at


def drawn(seed: int, people: int = 30, decimals: int = 1) -> Graded:
    """Two photographs of each person; rounded, so that there are ties."""
    random = np.random.default_rng(seed)
    owner = np.repeat([f"p{number:02d}" for number in range(people)], 2)
    grades = random.integers(0, 5, 2 * people)
    p = np.clip(0.5 + 0.15 * (grades - 2) + random.normal(0, 0.3, len(grades)), 0, 1).round(decimals)
    probabilities = np.zeros((len(p), 5))
    probabilities[:, 0], probabilities[:, 3] = 1 - p, p
    return graded_photographs(grades, probabilities.argmax(axis=1), owner, probabilities)


def test_a_curve_is_read_on_its_lines_and_at_the_top_of_its_steps() -> None:
    # Up to half of the positives at once, a tie of one positive and one negative, then the rest.
    tp, fp = np.array([0.0, 2, 3, 3, 4]), np.array([0.0, 0, 1, 2, 2])
    read = sensitivities_at(tp, fp, np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    assert read == pytest.approx([0.5, 0.625, 0.75, 0.75, 1.0])


def test_the_curve_is_scikit_learns() -> None:
    graded = drawn(1)
    band = roc_band(graded, n_resamples=50)
    assert band is not None and graded.p_referable is not None
    sick = graded.truth >= 2
    assert float(band.roc.auc()) == pytest.approx(roc_auc_score(sick, graded.p_referable))
    across, up, _ = roc_curve(sick, graded.p_referable, drop_intermediate=False)
    assert band.roc.false_positives / band.roc.negatives == pytest.approx(across)
    assert band.roc.true_positives / band.roc.positives == pytest.approx(up)


def test_the_band_is_that_of_resampled_curves() -> None:
    """Against scikit-learn's curves of the same resamples, read by numpy between steps."""
    graded = drawn(2, people=12)
    assert graded.p_referable is not None
    band = roc_band(graded, points=8, n_resamples=200, seed=3)
    assert band is not None
    names, owner = np.unique(graded.people, return_inverse=True)
    random = np.random.default_rng(3)
    curves = []
    for _ in range(200):
        rows = np.concatenate([np.flatnonzero(owner == one) for one in random.integers(0, len(names), len(names))])
        across, up, _ = roc_curve(graded.truth[rows] >= 2, graded.p_referable[rows], drop_intermediate=False)
        tops = [(x, up[across == x].max()) for x in np.unique(across)]
        lefts = [(x, up[across == x].min()) for x in np.unique(across)]
        # Just right of a step numpy starts at its top, just left of one it ends at its foot.
        xs = np.array([end for (x, _) in tops for end in (x - 1e-12, x)])
        ys = np.array([y for (_, low), (_, top) in zip(lefts, tops, strict=True) for y in (low, top)])
        curves.append(np.interp(band.at, xs, ys))
    low, high = np.quantile(np.stack(curves), [0.025, 0.975], axis=0)
    assert band.low == pytest.approx(low, abs=1e-9) and band.high == pytest.approx(high, abs=1e-9)
    assert band.left_out == 0 and band.resamples == 200


def test_resamples_of_one_class_are_left_out() -> None:
    one_sick = graded_photographs([3, 0, 0], [2, 0, 0], ["a", "b", "c"], np.eye(5)[[2, 0, 0]])
    band = roc_band(one_sick, n_resamples=400, seed=1)
    assert band is not None
    # Nobody sick in (2/3)^3 of the draws, nobody healthy in (1/3)^3.
    assert band.left_out / 400 == pytest.approx((8 + 1) / 27, abs=0.08)


def test_there_is_none_of_one_class_or_without_probabilities() -> None:
    assert roc_band(graded_photographs([0, 1], [0, 2], ["a", "b"], np.eye(5)[[0, 2]])) is None
    assert roc_band(graded_photographs([0, 3], [0, 2], ["a", "b"])) is None
    alone = roc_band(graded_photographs([0, 3], [0, 2], ["a", "a"], np.eye(5)[[0, 2]]), n_resamples=10)
    assert alone is not None and np.isnan(alone.low).all()
