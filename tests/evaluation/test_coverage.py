"""How often 95% intervals hold the truth, over simulated studies of people with two eyes that err together.

Kappa and AUC alone, with more resamples than there is time for with all figures; test_standard_figures.py shows that all
have these very draws.
"""

import numpy as np
import pytest

from kerasdr.evaluation import counts
from kerasdr.evaluation.graded import Graded, graded_people, graded_photographs
from kerasdr.evaluation.intervals import Interval, kappa_interval, people_draws, resample_interval
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.evaluation.ranking import roc

STUDIES, PEOPLE, RESAMPLES = 500, 200, 800


def study(random: np.random.Generator, people: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Both eyes share most of the person's disease and most of the grader's error."""

    def eyes(share: float, spread: float) -> np.ndarray:
        own = random.normal(0, spread, (people, 2))
        return np.sqrt(share) * random.normal(0, spread, (people, 1)) + np.sqrt(1 - share) * own

    disease = eyes(0.8, 1.0)
    truth = np.digitize(disease, [-0.2, 0.3, 0.9, 1.5])
    seen = disease + eyes(0.6, 0.7)
    guess = np.digitize(seen, [-0.2, 0.4, 1.1, 1.8])
    logits = -2.0 * np.abs(np.arange(5) - 2.5 * (seen[..., None] + 0.6))
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return truth.ravel(), guess.ravel(), np.repeat(np.arange(people), 2), p.reshape(-1, 5)


def intervals(entries: Graded, draws: np.ndarray) -> dict[str, Interval]:
    owner = np.unique(entries.people, return_inverse=True)[1]
    assert entries.p_referable is not None
    cells = np.zeros((PEOPLE, 25))
    np.add.at(cells, (owner, entries.truth * 5 + entries.predicted), 1.0)
    values = {
        "kappa": counts.kappa((draws @ cells).reshape(-1, 5, 5)),
        "auc": roc(entries.truth >= 2, entries.p_referable, draws[:, owner]).auc(),
    }
    return {name: resample_interval(np.nan, value, 0.95, len(owner), PEOPLE) for name, value in values.items()}


def true_auc(entries: Graded) -> float:
    assert entries.p_referable is not None
    return float(roc(entries.truth >= 2, entries.p_referable).auc())


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    everybody = graded_photographs(*study(np.random.default_rng(1), 400_000))
    true: dict[tuple[str, str], float] = {}
    for by, entries in (("eye", everybody), ("person", graded_people(everybody))):
        true[by, "kappa"] = quadratic_kappa(entries.truth, entries.predicted)
        true[by, "auc"] = true_auc(entries)
    random = np.random.default_rng(2)
    covered = dict.fromkeys(true, 0)
    alone = 0
    for seed in range(STUDIES):
        eyes = graded_photographs(*study(random, PEOPLE))
        draws = np.concatenate(list(people_draws(PEOPLE, n_resamples=RESAMPLES, seed=seed)))
        for by, entries in (("eye", eyes), ("person", graded_people(eyes))):
            for name, found in intervals(entries, draws).items():
                covered[by, name] += found.low <= true[by, name] <= found.high
        if seed % 5 == 0:
            each = np.arange(len(eyes))
            too_sure = kappa_interval(eyes.truth, eyes.predicted, each, n_resamples=200, seed=seed)
            alone += too_sure.low <= true["eye", "kappa"] <= too_sure.high
    print({key: count / STUDIES for key, count in covered.items()}, "eyes drawn alone:", alone / (STUDIES // 5))
    # The simulation's own error: two standard errors of a share of 95% in 500 are 2%.
    for key, count in covered.items():
        assert 0.93 - 0.02 <= count / STUDIES <= 0.97 + 0.02, key
    assert alone / (STUDIES // 5) < 0.91  # eyes drawn as if each were a person of its own: too sure
