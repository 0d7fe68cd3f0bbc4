"""What ``kerasdr train --folds --repeat`` says where a figure is undefined."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kerasdr.cli.train import _cross_validate
from kerasdr.evaluation.intervals import grade_metrics
from kerasdr.reporting import Reporter
from kerasdr.training.cross_validation import CrossValidation


def test_a_figure_that_is_undefined_is_no_nan(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    p = [[0.6, 0.4, 0.0, 0.0, 0.0], [0.4, 0.6, 0.0, 0.0, 0.0]] * 3
    figures = grade_metrics([0, 1] * 3, p, list("abcdef"), n_resamples=20)
    result = CrossValidation(Path("folds"), (figures, figures), (1, 2), figures, 6, 0, (None, None))
    monkeypatch.setattr("kerasdr.training.cross_validation.cross_validate", lambda *_, **__: result)
    _cross_validate(SimpleNamespace(name="small"), Path("runs"), 3, 2, Reporter())  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert "auc_referable over 2 repeats: undefined, because it is in one of them" in said
    assert "quadratic_kappa over 2 repeats: mean 1.000" in said and "nan" not in said

    defined = replace(result, repeats=(figures | {"auc_referable": figures["accuracy"]},) * 2)
    monkeypatch.setattr("kerasdr.training.cross_validation.cross_validate", lambda *_, **__: defined)
    _cross_validate(SimpleNamespace(name="small"), Path("runs"), 3, 2, Reporter())  # type: ignore[arg-type]
    assert "auc_referable over 2 repeats: mean 1.000" in capsys.readouterr().out
