"""MLflow, read back from a store of files; skipped where mlflow-skinny is not installed."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from kerasdr.errors import KerasdrError
from kerasdr.reporting import Reporter
from kerasdr.training.mlflow_tracking import MlflowReporter, flattened, tracking_uri
from tests.training.test_event_files import epochs


class Listening(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder, as far as MLflow is told of it."""
    folder = tmp_path / "runs" / "eyes" / "20260101-090000"
    (folder / "members" / "net").mkdir(parents=True)
    (folder / "members" / "net" / "curves.png").write_bytes(b"png")
    config = {"name": "eyes", "seed": 7, "members": [{"name": "net", "stages": [{"name": "fit", "epochs": 3}]}]}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    figure = {"value": 0.5, "low": 0.25, "high": None, "level": 0.95, "n_images": 4, "n_people": 2}
    for name, content in (
        ("data.json", {"sha256": "ab" * 32}),
        ("environment.json", {}),
        ("metrics.json", {"phantoms": True, "ensemble": {"quadratic_kappa": figure}}),
    ):
        (folder / name).write_text(json.dumps(content))
    return folder


def logged(place: Path, run: Path) -> Any:
    """Return MLflow's client and the MLflow run of a run."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=place.as_uri())
    return client, client.get_run(json.loads((run / "mlflow.json").read_text())["run_id"])


@pytest.fixture
def mlflow() -> None:
    pytest.importorskip("mlflow", reason="mlflow-skinny is not installed: pip install '.[mlflow]'")


@pytest.mark.usefixtures("mlflow")
def test_one_run_with_params_epochs_and_results(run: Path, tmp_path: Path) -> None:
    listening, place = Listening(), tmp_path / "ml"
    reporter = MlflowReporter(listening, str(place))
    reporter.begin(run)
    for count in range(4):
        reporter.epochs("net", epochs(count))
    reporter.end(run)
    reporter.stop(run)  # of something that comes after
    assert listening.lines == []
    client, found = logged(place, run)
    assert found.info.status == "FINISHED" and found.info.run_name == "20260101-090000"
    assert client.get_experiment(found.info.experiment_id).name == "eyes"
    assert found.data.params["members.net.stages.fit.epochs"] == "3" and found.data.params["seed"] == "7"
    kappas = client.get_metric_history(found.info.run_id, "net/val_quadratic_kappa")
    assert sorted((metric.step, metric.value) for metric in kappas) == [(1, 0.125), (2, 0.25), (3, 0.375)]
    results = {name: value for name, value in found.data.metrics.items() if name.startswith("validation/")}
    assert results == {"validation/quadratic_kappa": 0.5, "validation/quadratic_kappa_low": 0.25}
    assert found.data.tags["phantoms"] == "true" and found.data.tags["data_sha256"] == "ab" * 32
    files = {file.path for file in client.list_artifacts(found.info.run_id)}
    assert files == {"config.yaml", "environment.json", "data.json", "metrics.json", "figures"}


@pytest.mark.usefixtures("mlflow")
def test_a_resumed_run_goes_on_in_its_mlflow_run(run: Path, tmp_path: Path) -> None:
    place = tmp_path / "ml"
    for counts in ((0, 1, 2), (2, 3)):
        reporter = MlflowReporter(Listening(), str(place))
        reporter.begin(run)
        assert logged(place, run)[1].info.status == "RUNNING"
        for count in counts:
            reporter.epochs("net", epochs(count))
        reporter.stop(run)
        assert logged(place, run)[1].info.status == "FAILED"
    client, found = logged(place, run)
    assert len(client.search_runs([found.info.experiment_id])) == 1
    steps = [metric.step for metric in client.get_metric_history(found.info.run_id, "net/loss")]
    assert sorted(steps) == [1, 2, 3]


def test_a_long_training_that_was_begun_without_mlflow(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow takes 1000 figures in one call (mlflow.utils.validation.MAX_METRICS_PER_BATCH) and refuses more."""
    sent: list[tuple[str, float, int, int]] = []

    class Client:
        def __init__(self, tracking_uri: str) -> None:
            self.tracking_uri = tracking_uri

        def get_experiment_by_name(self, name: str) -> Any:
            return SimpleNamespace(experiment_id="1")

        def create_run(self, *args: object, **kwargs: object) -> Any:
            return SimpleNamespace(info=SimpleNamespace(run_id="r"))

        def get_metric_history(self, run_id: str, name: str) -> list[Any]:
            return []

        def log_batch(self, run_id: str, metrics: Sequence[Any] = (), params: Sequence[Any] = ()) -> None:
            if len(metrics) > 1000:
                raise ValueError("a batch can contain at most 1000 metrics")
            sent.extend(metrics)

    entities = SimpleNamespace(Metric=lambda *values: values, Param=lambda *values: values)
    stand_in = SimpleNamespace(MlflowClient=Client, entities=entities)
    monkeypatch.setattr("kerasdr.training.mlflow_tracking.import_mlflow", lambda: stand_in)
    listening = Listening()
    reporter = MlflowReporter(listening, "http://127.0.0.1:9")
    reporter.begin(run)
    history = [{**row, "epoch": number} for number, row in enumerate(epochs(1) * 250, start=1)]
    reporter.epochs("net", history)
    assert listening.lines == []
    assert len(sent) == 250 * (len(history[0]) - 2) > 1000
    for name in ("net/loss", "net/val_quadratic_kappa"):
        assert [step for key, _, _, step in sent if key == name] == list(range(1, 251))


@pytest.mark.usefixtures("mlflow")
def test_a_server_that_is_not_there_costs_one_line(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    listening = Listening()
    reporter = MlflowReporter(listening, "http://user:secret@127.0.0.1:9")
    started = time.monotonic()
    reporter.begin(run)
    reporter.epochs("net", epochs(1))
    reporter.end(run)
    assert time.monotonic() - started < 30
    (line,) = listening.lines
    assert line.startswith("warning: nothing more is logged to MLflow at http://127.0.0.1:9: ") and "\n" not in line
    assert "secret" not in line


@pytest.mark.usefixtures("mlflow")
def test_a_server_that_dies_in_the_middle_costs_one_line(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = Listening()
    reporter = MlflowReporter(listening, str(tmp_path / "ml"))
    reporter.begin(run)

    def die(*args: object, **kwargs: object) -> None:
        raise ConnectionError("gone\naway")

    monkeypatch.setattr(reporter._client, "log_batch", die)
    for count in (1, 2):
        reporter.epochs("net", epochs(count))
    reporter.end(run)
    assert len(listening.lines) == 1 and listening.lines[0].endswith(": gone away")


def test_without_mlflow_training_does_not_begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'mlflow'", name="mlflow")

    monkeypatch.setattr("kerasdr.training.mlflow_tracking.import_mlflow", missing)
    with pytest.raises(KerasdrError, match=r"--mlflow needs MLflow: pip install 'kerasdr\[mlflow\]'"):
        MlflowReporter(Reporter(), str(tmp_path))


def test_places(tmp_path: Path) -> None:
    for uri in ("http://host:5000", "sqlite:///a.db", "databricks://x", "file:/a"):
        assert tracking_uri(uri) == uri
    assert tracking_uri(str(tmp_path / "ml")) == (tmp_path / "ml").as_uri()
    assert tracking_uri("C:\\ml").startswith("file:")


def test_a_configuration_is_flattened_by_names() -> None:
    config = {"a": {"b": None, "c": [1, 2]}, "members": [{"name": "x", "d": 1.5}], "empty": [], "none": {}}
    assert dict(flattened(config)) == {"a.b": "null", "a.c": "[1, 2]", "members.x.d": "1.5", "empty": "[]"}
