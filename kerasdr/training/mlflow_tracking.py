"""MLflow: one MLflow run for each run folder, for those who compare trainings there."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from kerasdr import __version__
from kerasdr.errors import KerasdrError
from kerasdr.extras import how_to_install
from kerasdr.files import printable_path, write_text_atomically
from kerasdr.no_telemetry import import_mlflow
from kerasdr.reporting import PassingReporter, Reporter

RECORD = "mlflow.json"
_ARTEFACTS = ("config.yaml", "environment.json", "data.json", "metrics.json")
# What one call takes, and how long a value may be (mlflow.utils.validation).
_PARAMS_AT_ONCE, _METRICS_AT_ONCE, _LONGEST_PARAM = 100, 1000, 6000
_NOT_OF_AN_EPOCH = ("epoch", "stage")


class MlflowReporter(PassingReporter):
    """Logs trainings to MLflow and passes everything on: parameters, figures of every epoch, results.

    A server that does not answer never stops a training: one line says so, and nothing more is logged. A run that is gone on
    with goes on in its MLflow run (``mlflow.json`` in the run's folder says which), and no epoch is logged twice.
    Photographs, predictions and weights are not sent.

    Args:
        inner: what all is passed on to.
        place: a tracking URI, or a folder for files.

    Raises:
        KerasdrError: if MLflow is not installed.
    """

    def __init__(self, inner: Reporter, place: str) -> None:
        super().__init__(inner)
        self._uri = tracking_uri(place)
        # MLflow's own patience is minutes for every call, in which no step of a training would be made.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        if self._uri.startswith("file:"):
            # Asked for by its folder: without this word MLflow 3 takes no files.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        try:
            self._mlflow = import_mlflow()
        except ModuleNotFoundError as error:
            raise KerasdrError(f"--mlflow needs MLflow: {how_to_install('mlflow')}") from error
        self._client: Any = None
        self._run_id = ""
        self._logged: dict[str, int] = {}

    def begin(self, run: Path) -> None:
        """Begin an MLflow run, or go on with the one that the folder names."""
        self._client, self._run_id, self._logged = None, "", {}
        self._attempt(lambda: self._begin(run))
        super().begin(run)

    def epochs(self, member: str, history: Sequence[Mapping[str, Any]]) -> None:
        """Log the epochs that are not logged yet."""
        if self._client is not None:
            self._attempt(lambda: self._epochs(member, history))
        super().epochs(member, history)

    def end(self, run: Path) -> None:
        """Log the results, and end the MLflow run."""
        if self._client is not None:
            self._attempt(lambda: self._end(run))
        self._client = None  # what comes after is no part of it
        super().end(run)

    def stop(self, run: Path) -> None:
        """End the MLflow run as a failed one, until the training is gone on with."""
        if self._client is not None:
            self._attempt(lambda: self._client.set_terminated(self._run_id, status="FAILED"))
        self._client = None
        super().stop(run)

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # whatever goes wrong there is no reason to lose a training here
            self._client = None
            reason = _without_password(" ".join(str(error).split()))[:200] or type(error).__name__
            self.note(f"warning: nothing more is logged to MLflow at {_without_password(self._uri)}: {reason}")

    def _begin(self, run: Path) -> None:
        config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
        data = json.loads((run / "data.json").read_text(encoding="utf-8"))
        client = self._mlflow.MlflowClient(tracking_uri=self._uri)
        self._run_id = self._known(run)
        if self._run_id:
            client.update_run(self._run_id, status="RUNNING")
        else:
            name = str(config["name"])
            found = client.get_experiment_by_name(name)
            experiment = found.experiment_id if found else client.create_experiment(name)
            tags = {
                "kerasdr": __version__,
                "run_folder": printable_path(run),
                "data_sha256": str(data.get("sha256", "")),
            }
            self._run_id = client.create_run(experiment, tags=tags, run_name=run.name).info.run_id
            write_text_atomically(
                run / RECORD, json.dumps({"tracking_uri": _without_password(self._uri), "run_id": self._run_id}) + "\n"
            )
        params = [self._mlflow.entities.Param(key, value[:_LONGEST_PARAM]) for key, value in flattened(config)]
        for start in range(0, len(params), _PARAMS_AT_ONCE):
            client.log_batch(self._run_id, params=params[start : start + _PARAMS_AT_ONCE])
        self._client = client

    def _known(self, run: Path) -> str:
        """Return the MLflow run that the folder names, if it is one of this place."""
        try:
            record = json.loads((run / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ""
        return str(record["run_id"]) if record.get("tracking_uri") == _without_password(self._uri) else ""

    def _epochs(self, member: str, history: Sequence[Mapping[str, Any]]) -> None:
        if member not in self._logged:
            known = self._client.get_metric_history(self._run_id, f"{member}/loss")
            self._logged[member] = max((metric.step for metric in known), default=0)
        now = int(time.time() * 1000)
        metrics = [
            self._mlflow.entities.Metric(f"{member}/{name}", float(value), now, int(row["epoch"]))
            for row in history
            if row["epoch"] > self._logged[member]
            for name, value in row.items()
            if name not in _NOT_OF_AN_EPOCH
        ]
        # More than one call where a long training that was begun without MLflow goes on with it.
        for start in range(0, len(metrics), _METRICS_AT_ONCE):
            self._client.log_batch(self._run_id, metrics=metrics[start : start + _METRICS_AT_ONCE])
        if metrics:
            self._logged[member] = int(history[-1]["epoch"])

    def _end(self, run: Path) -> None:
        results = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
        now = int(time.time() * 1000)
        metrics = [
            self._mlflow.entities.Metric(f"validation/{name}{ending}", float(figure[key]), now, 0)
            for name, figure in results["ensemble"].items()
            for key, ending in (("value", ""), ("low", "_low"), ("high", "_high"))
            if figure.get(key) is not None
        ]
        self._client.log_batch(self._run_id, metrics=metrics)
        self._client.set_tag(self._run_id, "phantoms", str(bool(results.get("phantoms"))).lower())
        for name in _ARTEFACTS:
            self._client.log_artifact(self._run_id, str(run / name))
        for curves in sorted(run.glob("members/*/curves.png")):
            self._client.log_artifact(self._run_id, str(curves), f"figures/{curves.parent.name}")
        self._client.set_terminated(self._run_id)


def tracking_uri(place: str) -> str:
    """Return what MLflow calls a place: a URI as it is, a folder as ``file:`` URI."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", place):  # of two letters and more: C: is a disk
        return place
    return Path(place).expanduser().resolve().as_uri()


def flattened(config: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield a resolved configuration as keys with dots and values as text; members and stages go by their names."""
    if isinstance(config, dict):
        items = [(str(key), value) for key, value in config.items()]
    elif isinstance(config, list) and config and all(isinstance(item, dict) and "name" in item for item in config):
        items = [(str(item["name"]), {key: value for key, value in item.items() if key != "name"}) for item in config]
    else:
        yield prefix, "null" if config is None else str(config)
        return
    for key, value in items:
        yield from flattened(value, f"{prefix}.{key}" if prefix else key)


def _without_password(uri: str) -> str:
    """Return text without the name and password in front of a host."""
    return re.sub(r"//[^/@\s]*@", "//", uri)
