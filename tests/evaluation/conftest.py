"""Folders of runs as training leaves them, with predictions from a random generator, and a small task."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from kerasdr.evaluation.intervals import grade_metrics, to_json
from kerasdr.tasks import Task, load_task

MakeRun = Callable[..., Path]

TASK: dict[str, Any] = {
    "task": "task-x",
    "title": "A task of tests",
    "seeds": [40, 41],
    "defaults": {"data": {"layout": "deepdrid"}},
    "rows": [
        {"name": "first"},
        {"name": "second"},
        {"name": "aptos", "set": {"data": {"layout": "aptos"}}},
        {"name": "ensemble"},
    ],
    "tables": [
        {
            "number": "2",
            "title": "Experiments & details_100%",
            "columns": ["average_test", "best_test", "best_validation"],
            "note": "A note on the print.",
            "entries": [
                {
                    "label": "First (k=7) | 50%",
                    "row": "first",
                    "published": {"average_test": 0.7793, "best_test": 0.7966, "best_validation": 0.8365},
                },
                {"label": "Second_one", "row": "second", "published": {"average_test": 0.7968, "best_test": 0.7991}},
            ],
        },
        {
            "number": "4",
            "title": "On APTOS",
            "columns": ["best_validation"],
            "entries": [{"label": "ResNet34", "row": "aptos", "published": {"best_validation": 0.8925}}],
        },
        {
            "number": "8",
            "title": "Ensembles",
            "columns": ["best_test"],
            "entries": [
                {"label": "Soft", "row": "ensemble", "method": "soft", "published": {"best_test": 0.8644}},
                {"label": "Hard", "row": "ensemble", "method": "hard", "published": {"best_test": 0.8627}},
            ],
        },
    ],
}


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    path = tmp_path / "task-x.yaml"
    path.write_text(yaml.safe_dump(TASK, sort_keys=False))
    return path


@pytest.fixture
def task(task_file: Path) -> Task:
    return load_task(str(task_file))


def predictions(noise: int, people: Sequence[str], truth_seed: int = 1) -> pd.DataFrame:
    """Four photographs of each person; grades follow from the person, errors from ``noise``."""
    rng = np.random.default_rng(truth_seed)
    names = np.repeat(np.array(people, dtype=object), 4)
    views = np.tile(["l1", "l2", "r1", "r2"], len(people))
    grades = np.clip(np.repeat(rng.integers(0, 5, len(people)), 4) - rng.integers(0, 2, len(names)), 0, 4)
    said = np.clip(grades + np.random.default_rng(noise).integers(-1, 2, len(names)), 0, 4)
    table = pd.DataFrame(
        {
            "image_id": [f"{name}_{view}" for name, view in zip(names, views, strict=True)],
            "patient_id": names,
            "eye": [view[0] for view in views],
            "grade": grades,
            "predicted": said,
        }
    )
    for grade in range(5):
        table[f"prob_{grade}"] = np.where(said == grade, 0.6, 0.1)
    return table


def metrics(table: pd.DataFrame) -> dict[str, Any]:
    """A run's own figures of its predictions."""
    probabilities = table[[f"prob_{grade}" for grade in range(5)]]
    return to_json(grade_metrics(table["grade"], probabilities, table["patient_id"], n_resamples=20))


def history(epochs: int, seed: int) -> pd.DataFrame:
    steps = np.arange(1, epochs + 1)
    waver = np.random.default_rng(seed).normal(0, 0.05, epochs)
    return pd.DataFrame(
        {
            "epoch": steps,
            "stage": "fit",
            "learning_rate": 1e-4,
            "loss": 1.5 / steps**0.5,
            "accuracy": 1 - 0.7 / steps**0.5,
            "val_loss": 1.6 / steps**0.4 + waver,
            "val_accuracy": 1 - 0.8 / steps**0.4 + waver,
            "val_quadratic_kappa": 1 - 1 / steps**0.5 + waver,
        }
    )


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes the folder of a run: ``make_run("first", 40, phantoms=True)``; what is random follows from the seed."""

    def make(
        row: str,
        seed: int,
        *,
        runs: str = "runs",
        scale: str = "full",
        phantoms: bool = False,
        layout: str = "deepdrid",
        settings: Sequence[str] = (),
        status: str = "finished",
        test: bool = True,
        methods: Sequence[str] = ("soft",),
        people: Sequence[str] = tuple(f"{number:03d}" for number in range(30)),
        members: Sequence[str] = ("net",),
        sha256: str = "0123456789abcdef" * 4,
        photographs: str | None = "fedcba9876543210" * 4,
        panels: Sequence[str] = (),
        task: str = "task-x",
    ) -> Path:
        run = tmp_path / runs / f"{task}.{row}" / f"seed-{seed}"
        (run / "members").mkdir(parents=True)
        record = {"task": task, "row": row, "seed": seed, "scale": scale, "phantoms": phantoms, "layout": layout}
        write_json(run / "task.json", {**record, "settings": list(settings)})
        data = {"sha256": sha256, "splits": {}}
        write_json(run / "data.json", data if photographs is None else {**data, "photographs_sha256": photographs})
        write_json(run / "status.json", {"status": status})
        if status != "finished":  # tests/training/test_task_runs.py shows that an interrupted training leaves these
            return run
        for member in members:
            (run / "members" / member).mkdir()
            history(12, seed).to_csv(run / "members" / member / "history.csv", index=False)
        tables = {method: predictions(1000 + seed + index, people) for index, method in enumerate(methods)}
        said = {method: metrics(table) for method, table in tables.items()}
        first = methods[0]
        choice = {
            "method": {"method": first, "parameters": {}},
            "reason": f"{first} has the highest score, seed {seed}",
        }
        tables[first].to_csv(run / "predictions_validation.csv", index=False)
        write_json(run / "metrics.json", {"ensemble": said[first], "methods": said, "choice": choice})
        if test:
            tables = {method: predictions(seed + index, people, 2) for index, method in enumerate(methods)}
            said = {method: metrics(table) for method, table in tables.items()}
            tables[first].to_csv(run / "predictions_test.csv", index=False)
            for method, table in tables.items():
                table.to_csv(run / f"predictions_test_{method}.csv", index=False)
            write_json(
                run / "metrics_test.json",
                {"split": "test", "opened": "2026-01-01 09:00:00", "ensemble": said[first], "methods": said},
            )
        for name in panels:
            (run / "figures").mkdir(exist_ok=True)
            cv2.imwrite(str(run / "figures" / name), np.full((8, 12, 3), 90, np.uint8))
        return run

    return make


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))
