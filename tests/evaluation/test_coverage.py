"""How often 95% intervals hold the truth, over simulated studies of people with two eyes that err together.

Kappa and AUC alone, with more resamples than there is time for with all figures; test_standard_figures.py shows that all
have these very draws.
"""

import numpy as np
import pytest

from kerasdr.evaluation.interval_simulation import coverage_studies, simulate_eyes


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    table = coverage_studies(500, 200, n_resamples=800, alone_every=2, seed=1)
    print(table.to_string(index=False))
    over_people = table[table["interval"] != "percentile over eyes"]
    assert len(over_people) == 8 and (over_people["studies"] == 500).all()
    # The simulation's own error: two standard errors of a share of 95% in 500 are 2%.
    assert over_people["covered"].between(0.93 - 0.02, 0.97 + 0.02).all()
    alone = table[table["interval"] == "percentile over eyes"].iloc[0]
    assert (
        alone["studies"] == 250 and alone["covered"] < 0.93
    )  # eyes drawn as if each were a person of its own: too sure


def test_both_eyes_of_a_person_are_alike() -> None:
    eyes = simulate_eyes(np.random.default_rng(0), 4000)
    right, left = eyes.truth[::2], eyes.truth[1::2]
    assert np.corrcoef(right, left)[0, 1] > 0.6
    wrong = (eyes.predicted - eyes.truth).astype(float)
    assert 0.2 < np.corrcoef(wrong[::2], wrong[1::2])[0, 1] < 0.8
    assert eyes.people.tolist() == np.repeat(np.arange(4000), 2).tolist()


def test_a_study_without_an_interval_is_no_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasdr.evaluation.interval_simulation._EVERYBODY", 2000)
    table = coverage_studies(3, 1, n_resamples=20)
    bca = table[table["interval"] == "bca"]
    assert len(bca) == 4 and (bca["studies"] == 0).all()
    assert bca["covered"].isna().all() and bca["error"].isna().all()
