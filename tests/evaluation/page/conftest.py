"""Folders of runs as training leaves them, with what a page needs of them; predictions from a random generator."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from kerasdr.evaluation.intervals import grade_metrics, to_json

MakeRun = Callable[..., Path]
COLUMNS = [f"prob_{grade}" for grade in range(5)]


def predictions(seed: int, people: int, probabilities: bool = True) -> pd.DataFrame:
    """Both eyes of some people; probabilities lean to the true grade."""
    random = np.random.default_rng(seed)
    names = np.repeat([f"p{number:03d}" for number in range(people)], 2)
    grades = random.choice(5, len(names), p=[0.4, 0.15, 0.2, 0.15, 0.1])
    scores = random.normal(0, 1, (len(names), 5))
    scores[np.arange(len(names)), grades] += 1.2
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    table = pd.DataFrame(
        {"image_id": [f"{name}_{eye}" for name, eye in zip(names, ["left", "right"] * people, strict=True)]}
    )
    table = table.assign(patient_id=names, eye=["left", "right"] * people, grade=grades, predicted=p.argmax(axis=1))
    return table.assign(**dict(zip(COLUMNS, p.T, strict=True))) if probabilities else table


def figures(table: pd.DataFrame, seed: int = 7) -> dict[str, Any]:
    p = table[COLUMNS] if COLUMNS[0] in table else np.eye(5)[table["predicted"]]
    return to_json(grade_metrics(table["grade"], p, table["patient_id"], seed=seed))


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes the folder of a run: ``make_run("a", test=True)``."""

    def make(
        name: str = "one",
        *,
        seed: int = 1,
        people: int = 40,
        test: bool = True,
        phantoms: bool = True,
        probabilities: bool = True,
        grades_kept: bool = True,
        description: str = "",
        status: str = "finished",
        change: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table,
        more: dict[str, Any] | None = None,
        folder: Path | None = None,
    ) -> Path:
        run = folder or tmp_path / "runs" / "eyes" / name
        (run / "members" / "net").mkdir(parents=True)
        member = {"name": "net", "seed": 7, "model": {"trunk": "tiny", "mode": "single", "weights": "none"}}
        member |= {"imaging": {"recipe": "clahe-crop", "size": 48}, "training": {"checkpoint": "kappa"}}
        member |= {"stages": [{"name": "fit", "epochs": 3}]}
        config = {
            "name": "eyes",
            "description": description,
            "seed": 7,
            "data": {"layout": "eyepacs"},
            "members": [member],
        }
        (run / "config.yaml").write_text(yaml.safe_dump(config))
        write_json(run / "status.json", {"status": status})
        write_json(run / "environment.json", {"kerasdr": "0.1.0", "python": "3.11", "packages": {"keras": "3.15"}})
        counts = {"photographs": 2 * people, "people": people, "grades": {str(grade): 10 for grade in range(5)}}
        write_json(
            run / "data.json", {"sha256": "ab" * 32, "photographs": 240, "people": 120, "splits": {"test": counts}}
        )
        history = pd.DataFrame(
            {"epoch": [1, 2, 3], "stage": "fit", "loss": [2.0, 1.5, 1.25], "val_loss": [2.0, 1.75, 1.5]}
        )
        history.assign(val_quadratic_kappa=[0.1, 0.2, 0.35]).to_csv(
            run / "members" / "net" / "history.csv", index=False
        )
        left_out = pd.DataFrame(
            {
                "image_id": ["x_left", "y_left", "z_left"],
                "patient_id": ["x", "y", "z"],
                "split": ["test", "test", "validation"],
                "path": "",
                "grade": ["3", "", "0"],
                "reason": ["too dark: <b>again</b>", "no grade", "too dark"],
            }
        )
        if not grades_kept:
            left_out = left_out.drop(columns="grade")
        left_out.to_csv(run / "left_out.csv", index=False)
        for part, number in (("validation", 100), ("test", 0)):
            table = change(predictions(seed + number, people, probabilities))
            if part == "test" and not test:
                continue
            table.to_csv(run / f"predictions_{part}.csv", index=False, float_format="%.6f")
            said = {"split": part, "ensemble": figures(table), **(more or {})}
            if part == "validation":
                choice = {"method": {"method": "soft"}, "reason": "there is one member"}
                write_json(run / "metrics.json", {**said, "phantoms": phantoms, "choice": choice})
            else:
                opened = {"opened": "2026-01-01 09:00:00", "photographs": len(table) + 1, "not_graded": 1}
                write_json(run / "metrics_test.json", {**said, **opened})
        return run

    return make


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))
