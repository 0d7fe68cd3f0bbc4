"""Simulated studies of one grader: how often 95% intervals hold the truth.

Both eyes of a person share most of the disease and most of the grader's error, so an interval that draws eyes as if each were
a person of its own is too narrow; that one is simulated as well, to show what it costs.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kerasdr.evaluation import counts
from kerasdr.evaluation.bca import jackknife_weights
from kerasdr.evaluation.graded import Graded, graded_people, graded_photographs
from kerasdr.evaluation.intervals import kappa_interval, people_draws, resample_interval
from kerasdr.evaluation.metrics import quadratic_kappa
from kerasdr.evaluation.ranking import Roc, roc
from kerasdr.evaluation.simulation import SEEN_CUTS, TRUE_CUTS
from kerasdr.grades import N_GRADES, REFERABLE_FROM

if TYPE_CHECKING:
    import pandas as pd

# People of whom the true figures are taken: their own error is a thousandth.
_EVERYBODY = 400_000


def simulate_eyes(random: np.random.Generator, n_people: int) -> Graded:
    """Return what a grader says of both eyes of some people.

    Args:
        random: where all chance is from.
        n_people: how many.
    """

    def eyes(share: float, spread: float) -> NDArray[np.float64]:
        """A normal quantity of both eyes, ``(people, 2)``: a share of its variance is the person's."""
        own = random.normal(0, spread, (n_people, 2))
        return np.sqrt(share) * random.normal(0, spread, (n_people, 1)) + np.sqrt(1.0 - share) * own

    disease = eyes(0.8, 1.0)
    seen = disease + eyes(0.6, 0.7)
    logits = -2.0 * np.abs(np.arange(N_GRADES) - 2.5 * (seen[..., None] + 0.6))
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    people = np.repeat(np.arange(n_people), 2)
    truth, guess = (np.digitize(one, cuts).ravel() for one, cuts in ((disease, TRUE_CUTS), (seen, SEEN_CUTS)))
    return graded_photographs(truth, guess, people, p.reshape(-1, N_GRADES))


def coverage_studies(
    n_studies: int = 500, n_people: int = 200, *, n_resamples: int = 1000, alone_every: int = 5, seed: int = 0
) -> "pd.DataFrame":
    """Return how often 95% intervals of quadratic kappa and of the AUC of referable hold the true figure.

    Args:
        n_studies: how many are simulated.
        n_people: of each, with two eyes.
        n_resamples: of each bootstrap.
        alone_every: every so many studies the interval over eyes, each as a person of its own, is looked at too.
        seed: of everything.

    Returns:
        One row a figure, unit and kind of interval: ``figure``, ``by`` (``eye``, ``person``), ``interval`` (``percentile`` or
        ``bca`` over people, ``percentile over eyes``), ``people``, ``studies`` (in which there is an interval), ``covered``
        (share of these; nan of none), ``nominal`` and ``error``, the simulation's own standard error of a share that is as
        nominal.
    """
    import pandas as pd

    everybody = simulate_eyes(np.random.default_rng([seed, 1]), _EVERYBODY)
    true = {
        (by, figure): value
        for by, entries in (("eye", everybody), ("person", graded_people(everybody)))
        for figure, value in (
            ("quadratic_kappa", quadratic_kappa(entries.truth, entries.predicted)),
            ("auc_referable", float(_roc(entries).auc())),
        )
    }
    random = np.random.default_rng([seed, 2])
    held: dict[tuple[str, str, str], list[bool]] = {}
    for study in range(n_studies):
        photographs = simulate_eyes(random, n_people)
        draws = np.concatenate(list(people_draws(n_people, n_resamples=n_resamples, seed=study)))
        weights = np.concatenate(list(jackknife_weights(n_people)))
        for by, entries in (("eye", photographs), ("person", graded_people(photographs))):
            whole, drawn, left_out = (_figures(entries, one) for one in (np.ones((1, n_people)), draws, weights))
            for figure, values in drawn.items():
                for kind, without in (("percentile", None), ("bca", left_out[figure])):
                    ends = resample_interval(float(whole[figure][0]), values, 0.95, len(entries), n_people, without)
                    answers = held.setdefault((figure, by, kind), [])
                    answers.extend([] if np.isnan(ends.low) else [ends.low <= true[by, figure] <= ends.high])
        if study % alone_every == 0:
            each = np.arange(len(photographs))
            ends = kappa_interval(photographs.truth, photographs.predicted, each, n_resamples=n_resamples, seed=study)
            own = held.setdefault(("quadratic_kappa", "eye", "percentile over eyes"), [])
            own.extend([] if np.isnan(ends.low) else [ends.low <= true["eye", "quadratic_kappa"] <= ends.high])
    return pd.DataFrame(
        [
            {
                "figure": figure,
                "by": by,
                "interval": kind,
                "people": n_people,
                "studies": len(answers),
                "covered": float(np.mean(answers)) if answers else float("nan"),
                "nominal": 0.95,
                "error": float(np.sqrt(0.05 * 0.95 / len(answers))) if answers else float("nan"),
            }
            for (figure, by, kind), answers in held.items()
        ]
    )


def _figures(entries: Graded, draws: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    owner = np.unique(entries.people, return_inverse=True)[1]
    cells = np.zeros((draws.shape[1], N_GRADES**2))
    np.add.at(cells, (owner, entries.truth * N_GRADES + entries.predicted), 1.0)
    return {
        "quadratic_kappa": counts.kappa((draws @ cells).reshape(-1, N_GRADES, N_GRADES)),
        "auc_referable": _roc(entries, draws[:, owner]).auc(),
    }


def _roc(entries: Graded, weights: NDArray[np.float64] | None = None) -> Roc:
    assert entries.p_referable is not None
    return roc(entries.truth >= REFERABLE_FROM, entries.p_referable, weights)
