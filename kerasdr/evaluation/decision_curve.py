"""Decision-curve analysis: is it better to refer by the network than to refer everybody, or nobody?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation.graded import Graded
from kerasdr.evaluation.intervals import people_draws
from kerasdr.grades import REFERABLE_FROM


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit by threshold probability, as a share of all who are judged.

    Attributes:
        thresholds: threshold probabilities ``(k,)``, above 0 and below 1.
        model: net benefit of referring those whose probability is at least the threshold, ``(k,)``.
        low, high: ends of its interval over people, ``(k,)``; nan with a single person.
        refer_all: net benefit of referring everybody, ``(k,)``; of nobody it is 0.
        level: nominal coverage at each threshold by itself.
        prevalence: share of those judged that is referable.
        n: how many are judged.
        unit: what each is, ``photograph`` or ``person``.
    """

    thresholds: NDArray[np.float64]
    model: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    refer_all: NDArray[np.float64]
    level: float
    prevalence: float
    n: int
    unit: str


def decision_curve(
    graded: Graded,
    thresholds: NDArray[np.float64] | None = None,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> DecisionCurve | None:
    """Return net benefit over threshold probabilities (Vickers and Elkin, Medical Decision Making 26(6), 2006).

    With ``TP`` and ``FP`` counted among ``n`` at threshold ``t``, net benefit is ``TP / n - FP / n * t / (1 - t)``: the odds
    of the threshold say how many needless referrals one found case is worth. It takes probabilities at their word, so it
    says little of a network that is not calibrated. Referable is grade 2 or worse.

    Args:
        graded: photographs, or people, since it is people that are referred.
        thresholds: ``(k,)``, each above 0 and below 1; 0.01, 0.02 ... 0.99 if None.
        n_resamples, seed, level: of the bootstrap over people, whose draws are those of
            :func:`~kerasdr.evaluation.intervals.bootstrap_people`.

    Returns:
        None where there are no probabilities or nobody is judged.

    Raises:
        ValueError: if a threshold is not between 0 and 1.
    """
    at = np.arange(1, 100) / 100 if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    if not ((at > 0) & (at < 1)).all():
        raise ValueError("threshold probabilities must be above 0 and below 1")
    if graded.p_referable is None or not len(graded):
        return None
    positive = graded.truth >= REFERABLE_FROM
    called = graded.p_referable[:, None] >= at
    names, owner = np.unique(graded.people, return_inverse=True)
    found, needless = np.zeros((len(names), len(at))), np.zeros((len(names), len(at)))
    np.add.at(found, owner, (called & positive[:, None]).astype(np.float64))
    np.add.at(needless, owner, (called & ~positive[:, None]).astype(np.float64))
    size = np.bincount(owner, minlength=len(names)).astype(np.float64)
    odds = at / (1.0 - at)

    def net_benefit(draws: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((draws @ found - draws @ needless * odds) / (draws @ size)[:, None])

    low = high = np.full(len(at), np.nan)
    if len(names) > 1:
        drawn = np.concatenate(
            [net_benefit(some) for some in people_draws(len(names), n_resamples=n_resamples, seed=seed)]
        )
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    prevalence = float(positive.mean())
    model = net_benefit(np.ones((1, len(names))))[0]
    refer_all = prevalence - (1.0 - prevalence) * odds
    return DecisionCurve(at, model, low, high, refer_all, level, prevalence, len(graded), graded.unit)
