from typing import Any

import numpy as np
import pytest

from kerasdr.config import EnsembleConfig
from kerasdr.ensembles import (
    DEFAULT_METHODS,
    EnsembleSpec,
    bagging_spec,
    boosting_spec,
    choose,
    combine,
    fit_stacking,
    fit_weights,
    permitted_methods,
    soft_spec,
)
from kerasdr.errors import KerasdrError

FREE = ("soft", "hard", "weighted", "stacking")


def test_choice_prefers_the_simpler_of_equals(grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any) -> None:
    same = member(grades, 0.3, 1)
    choice = choose(np.stack([same, same]), grades, kappa, ["a", "b"], people=people)
    assert choice.spec == soft_spec(2)
    assert set(choice.scores) == {"member a", "member b", "soft", "weighted"}
    assert choice.scores["member a"] == pytest.approx(kappa(grades, same))
    value = f"{choice.scores['soft']:.4f}"
    assert choice.reason == (
        f"soft has the highest validation score, {value}, as weighted has, and stands before in the list; "
        "weighted judged out of fold (5 folds by person)"
    )


def test_choice_takes_the_better_method(grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any) -> None:
    p = np.stack([member(grades, 0.0, 1), member(grades, 0.0, 3), member(grades, 0.55, 2)])
    choice = choose(p, grades, kappa, ["a", "b", "c"], people=people)
    assert choice.spec.method == "weighted"
    assert choice.scores["weighted"] > choice.scores["soft"]
    assert choice.reason.startswith("weighted has the highest validation score, ")
    assert f"against soft {choice.scores['soft']:.4f}" in choice.reason


def test_scores_judge_the_predictions_and_the_specs_are_fitted_on_all(
    grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any
) -> None:
    p = np.stack([member(grades, 0.2, 1), member(grades, 0.3, 3), member(grades, 0.25, 2)])
    choice = choose(p, grades, kappa, ["a", "b", "c"], FREE, people=people)
    assert tuple(choice.predictions) == tuple(choice.specs) == FREE
    for name, predicted in choice.predictions.items():
        assert predicted.shape == (120, 5)
        assert choice.scores[name] == pytest.approx(kappa(grades, predicted))
    assert choice.specs["weighted"].weights == fit_weights(p, grades, kappa)
    assert choice.specs["stacking"] == fit_stacking(p, grades)
    for name in ("soft", "hard"):
        assert choice.predictions[name] == pytest.approx(combine(choice.specs[name], p))
    for name in ("weighted", "stacking"):
        assert choice.predictions[name] != pytest.approx(combine(choice.specs[name], p))
    assert choice.spec == choice.specs[max(FREE, key=lambda name: choice.scores[name])]


def test_choice_is_repeatable_and_does_not_depend_on_the_order_of_photographs(
    grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any
) -> None:
    p = np.stack([member(grades, 0.2, 1), member(grades, 0.3, 3)])
    order = np.random.default_rng(1).permutation(120)
    first = choose(p, grades, kappa, ["a", "b"], FREE, people=people)
    second = choose(p[:, order], grades[order], kappa, ["a", "b"], FREE, people=people[order])
    assert second.spec.method == first.spec.method
    for name in FREE:
        assert second.predictions[name] == pytest.approx(first.predictions[name][order], abs=1e-3)
    other = choose(p, grades, kappa, ["a", "b"], FREE, people=people, seed=1)
    assert (other.predictions["stacking"] != first.predictions["stacking"]).any()


def test_fewer_people_give_fewer_folds(grades: np.ndarray, member: Any, kappa: Any) -> None:
    p = np.stack([member(grades, 0.2, 1), member(grades, 0.3, 3)])
    choice = choose(p, grades, kappa, ["a", "b"], FREE, people=np.repeat([1, 2, 3], 40))
    assert "3 folds by person" in choice.reason
    with pytest.raises(KerasdrError, match="weighted cannot be tried, since validation has one person only"):
        choose(p, grades, kappa, ["a", "b"], FREE, people=np.ones(120))
    noted = choose(p, grades, kappa, ["a", "b"], people=np.ones(120))
    assert noted.reason.endswith("; weighted was left out, since validation has one person only")


def test_a_grade_that_a_fold_alone_has_is_no_error(member: Any, kappa: Any) -> None:
    grades = np.array([0, 1] * 10 + [4])
    p = np.stack([member(grades, 0.2, 1), member(grades, 0.3, 3)])
    choice = choose(p, grades, kappa, ["a", "b"], FREE, people=np.arange(21))
    assert choice.predictions["stacking"][-1, 4] == 0.0
    assert np.isfinite(list(choice.scores.values())).all()


def test_one_member_is_an_ensemble_of_one(grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any) -> None:
    p = member(grades, 0.4, 1)[None]
    for methods in (DEFAULT_METHODS, ["soft"]):
        choice = choose(p, grades, kappa, ["only"], methods, people=people)
        assert choice.spec == soft_spec(1)
        assert choice.reason.startswith("soft was the only method to compare")
    assert "left out" not in choice.reason
    noted = choose(p, grades, kappa, ["only"], people=people).reason
    assert noted.endswith("; weighted was left out, since there is one member only")
    for method in ("hard", "weighted", "stacking"):
        with pytest.raises(KerasdrError, match=rf"{method} cannot be tried.*one member only.*to \[soft\]$"):
            choose(
                p, grades, kappa, ["only"], ["soft", "hard", "soft"] if method == "hard" else [method], people=people
            )


def test_the_default_is_the_configurations() -> None:
    assert EnsembleConfig().methods == DEFAULT_METHODS


def test_members_trained_for_a_method_permit_it(
    grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any
) -> None:
    p = np.stack([member(grades, 0.2, 1), member(grades, 0.3, 3)])
    for trained in (bagging_spec(2), boosting_spec([2.0, 1.0])):
        name = trained.method
        with pytest.raises(KerasdrError, match=rf"{name} combines members that were trained for it.*by {name}$"):
            choose(p, grades, kappa, ["a", "b"], ["soft", name], people=people)
        choice = choose(p, grades, kappa, ["a", "b"], [name], people=people, trained=trained)
        assert choice.spec == trained
        assert choice.predictions[name] == pytest.approx(combine(trained, p))
    with pytest.raises(KerasdrError, match="bagging combines"):
        choose(p, grades, kappa, ["a", "b"], ["bagging"], people=people, trained=boosting_spec([1.0, 1.0]))
    with pytest.raises(ValueError, match=r"\(3, N, 5\)"):
        choose(p, grades, kappa, ["a", "b"], ["bagging"], people=people, trained=bagging_spec(3))


def test_an_undefined_score_is_below_all(grades: np.ndarray, people: np.ndarray, member: Any) -> None:
    p = np.stack([member(grades, 0.2, 1), member(grades, 0.3, 3)])
    soft = combine(soft_spec(2), p)

    def score(truth: np.ndarray, predicted: np.ndarray) -> float:
        return float("nan") if np.allclose(predicted, soft) else -1.0

    assert choose(p, grades, score, ["a", "b"], ["soft", "hard"], people=people).spec.method == "hard"


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ([], "names no method: take from bagging"),
        (["vote"], "'vote' is not known; take from"),
        (["soft", "hard", "soft"], "names soft twice: name it once"),
    ],
)
def test_wrong_lists_are_refused_before_any_training(methods: list[str], message: str) -> None:
    with pytest.raises(KerasdrError, match=message):
        permitted_methods(methods, 3)


def test_what_does_not_fit_together_is_refused(grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any) -> None:
    p = np.stack([member(grades, 0.2, 1), member(grades, 0.3, 3)])
    for change in (
        {"grades": grades[:-1]},
        {"people": people[:-1]},
        {"names": ["a"]},
        {"probabilities": p[0]},
    ):
        given: dict[str, Any] = {"probabilities": p, "grades": grades, "names": ["a", "b"], "people": people} | change
        with pytest.raises(ValueError, match="expected probabilities"):
            choose(score=kappa, **given)
    for wrong in (-1, 5):
        with pytest.raises(ValueError, match="must have a grade"):
            choose(p, np.where(np.arange(120) == 7, wrong, grades), kappa, ["a", "b"], people=people)
    with pytest.raises(ValueError, match="there must be one"):
        choose(p[:, :0], grades[:0], kappa, ["a", "b"], people=people[:0])


def test_old_specs_are_what_soft_and_weighted_still_write(
    grades: np.ndarray, people: np.ndarray, member: Any, kappa: Any
) -> None:
    p = np.stack([member(grades, 0.2, 1), member(grades, 0.3, 3)])
    choice = choose(p, grades, kappa, ["a", "b"], people=people)
    for name in ("soft", "weighted"):
        assert set(choice.specs[name].to_dict()) == {"method", "weights"}
        assert EnsembleSpec.from_dict(choice.specs[name].to_dict()) == choice.specs[name]
