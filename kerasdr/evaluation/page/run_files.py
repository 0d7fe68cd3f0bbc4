"""What a page says of a run, read from its folder and from nothing else; no test part is opened."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml

from kerasdr.data.fingerprint import has_test_part
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.fold_folders import folds_of_first_repeat
from kerasdr.evaluation.page.evidence_files import read_evidence
from kerasdr.evaluation.predictions import cannot_read, read_json, read_predictions
from kerasdr.files import printable_path, sha256_of_file
from kerasdr.grades import GRADES

_LEDGER = "openings.jsonl"
_HISTORY = ("epoch", "loss", "val_loss", "val_quadratic_kappa")

PartKey = Literal["test", "out of fold", "validation"]
# What the page has a place of its own for; whatever else stands in a run's figures is shown as it is.
_KNOWN = frozenset(
    {
        *("split", "phantoms", "ensemble", "members", "methods", "choice"),
        *("opened", "bundle", "photographs", "not_graded", "repeats"),
    }
)


@dataclass(frozen=True, eq=False)
class PartFiles:
    """What a run says of one part of its data.

    Attributes:
        key: which part.
        predictions: one row a graded photograph: ``image_id, patient_id, grade, predicted, prob_0 .. prob_4``; of several
            repeats of a cross-validation, the first.
        left_out: photographs of the part with a known grade that were not graded: ``image_id, patient_id, grade, reason``;
            None where the run did not keep their grades.
        asked: photographs of the part with a known grade, graded or not, those labelled ungradable too; None where the run
            did not keep it.
        asked_by_run: the same as the run counted them when the part was opened, which asks nothing of photographs that are
            labelled ungradable; None of validation.
        opened: when, of a test part, and how often if more than once; an empty text otherwise.
        more: what other steps have put beside the figures, as plain data.
    """

    key: PartKey
    predictions: pd.DataFrame
    left_out: pd.DataFrame | None
    asked: int | None
    asked_by_run: int | None
    opened: str
    more: dict[str, Any]


@dataclass(frozen=True, eq=False)
class RunFiles:
    """A run, or the folds of a cross-validation, as its folder has it.

    Attributes:
        path: the folder.
        folds: the runs of its folds; empty for a single run.
        config: the resolved configuration; of folds, that of the first.
        config_sha256: of its file.
        environment, data: ``environment.json`` and ``data.json``; of folds, those of the first.
        phantoms: whether the photographs are synthetic.
        metrics: ``metrics.json``.
        parts: what it was judged on, the one that says most first: test or out of fold, then validation.
        histories: of each member's trainings, one a fold.
        left_out: photographs that were not used, by part and reason.
        pictures: that the run holds, PNG.
        evidence: what ``kerasdr evidence`` has put below the run, by name.
    """

    path: Path
    folds: tuple[Path, ...]
    config: dict[str, Any]
    config_sha256: str
    environment: dict[str, Any]
    data: dict[str, Any]
    phantoms: bool
    metrics: dict[str, Any]
    parts: tuple[PartFiles, ...]
    histories: dict[str, tuple[pd.DataFrame, ...]]
    left_out: dict[tuple[str, str], int]
    pictures: tuple[Path, ...]
    evidence: dict[str, Any]

    @property
    def name(self) -> str:
        """What the run is called: its folder, and the one above."""
        path = self.path.resolve()
        return printable_path(path.name if self.folds else f"{path.parent.name}/{path.name}")

    @property
    def has_test_part(self) -> bool:
        """Whether there is a test part to be opened."""
        return has_test_part(self.data)

    def part(self, key: PartKey) -> PartFiles | None:
        """Return a part, if the run was judged on it."""
        return next((part for part in self.parts if part.key == key), None)


def find_runs(places: Sequence[Path]) -> list[Path]:
    """Return runs and cross-validations: those named, and of a folder of runs all that are finished.

    Args:
        places: folders of runs, of folds (``<name>-<k>-folds``), of all runs; or a pointer such as ``runs/chosen``.

    Raises:
        KerasdrError: if one is none of these, is not finished, or holds no finished run.
    """
    found: dict[Path, Path] = {}
    for place in places:
        if place.is_file():
            place = _pointed_to(place)
        if not place.is_dir():
            raise KerasdrError(f"there is no run {printable_path(place)}: `kerasdr runs` lists them")
        if _is_folds(place) or (place / "status.json").is_file():
            own = [place]
            if not _is_folds(place) and not _is_finished(place):
                shown = printable_path(place)
                raise KerasdrError(f"{shown} is not finished: go on with `kerasdr train --resume {shown}` first")
        else:
            inside = sorted({file.parent for pattern in ("*", "*/*") for file in place.glob(f"{pattern}/metrics.json")})
            own = [run for run in inside if _is_folds(run) or (not _is_folds(run.parent) and _is_finished(run))]
        if not own:
            raise KerasdrError(f"there is no finished run in {printable_path(place)}: train one, or name its folder")
        for run in own:
            found.setdefault(run.resolve(), run)
    return list(found.values())


def read_run(path: Path) -> RunFiles:
    """Read a finished run, or a cross-validation.

    Raises:
        KerasdrError: if a file that it must hold is missing or broken.
    """
    if _is_folds(path):
        return _read_folds(path)
    metrics = read_json(path / "metrics.json")
    left_out = _read_left_out(path / "left_out.csv")
    parts = []
    if (path / "metrics_test.json").is_file():
        tested = read_json(path / "metrics_test.json")
        said = _read_predictions(path / "predictions_test.csv")
        part = _part("test", said, _not_graded(left_out, "test"), tested)
        parts.append(replace(part, opened=_opened(path, part.opened)))
    said = _read_predictions(path / "predictions_validation.csv")
    parts.append(_part("validation", said, _not_graded(left_out, "validation"), metrics))
    return RunFiles(
        path,
        (),
        _read_yaml(path / "config.yaml"),
        _sha256(path / "config.yaml"),
        read_json(path / "environment.json") if (path / "environment.json").is_file() else {},
        read_json(path / "data.json"),
        bool(metrics.get("phantoms")),
        metrics,
        tuple(parts),
        {member: (history,) for member, history in _histories(path).items()},
        {} if left_out is None else left_out.groupby(["split", "reason"]).size().to_dict(),
        tuple(sorted((path / "figures").glob("*.png"))),
        read_evidence(path),
    )


def _read_folds(path: Path) -> RunFiles:
    metrics = read_json(path / "metrics.json")
    table = _read_predictions(path / "out_of_fold.csv")
    if "repeat" in table:
        table = table[table["repeat"] == table["repeat"].min()].reset_index(drop=True)
    folds = folds_of_first_repeat(path)
    if not folds:
        raise KerasdrError(f"{printable_path(path)} holds none of its folds' runs: cross-validate anew")
    tables = [_read_left_out(fold / "left_out.csv") for fold in folds]
    parts = [_not_graded(one, "test") for one in tables]
    missing = None if any(one is None for one in parts) else pd.concat([one for one in parts if one is not None])
    histories: dict[str, list[pd.DataFrame]] = {}
    for fold in folds:
        for member, history in _histories(fold).items():
            histories.setdefault(member, []).append(history)
    reasons: dict[tuple[str, str], int] = {}
    if tables[0] is not None:  # the same photographs in every fold, in another part
        for reason, count in tables[0].groupby("reason").size().items():
            reasons[("all folds", str(reason))] = int(count)
    part = _part("out of fold", table, missing, metrics)
    first = folds[0]
    return RunFiles(
        path,
        tuple(folds),
        _read_yaml(first / "config.yaml"),
        _sha256(first / "config.yaml"),
        read_json(first / "environment.json") if (first / "environment.json").is_file() else {},
        read_json(first / "data.json"),
        bool(metrics.get("phantoms")),
        metrics,
        (part,),
        {member: tuple(several) for member, several in histories.items()},
        reasons,
        (),
        {},
    )


def _part(key: PartKey, said: pd.DataFrame, missing: pd.DataFrame | None, metrics: dict[str, Any]) -> PartFiles:
    by_run = _count(metrics.get("photographs"))
    asked = by_run if missing is None else len(said) + len(missing)
    return PartFiles(key, said, missing, asked, by_run, str(metrics.get("opened", "")), _more(metrics))


def _opened(run: Path, when: str) -> str:
    """Say when a test part was opened, and how often if its ledger (``openings.jsonl``) has more than one line."""
    try:
        times = len((run / _LEDGER).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:  # of an early version
        times = 0
    except (OSError, UnicodeDecodeError) as error:
        raise KerasdrError(cannot_read(run / _LEDGER, error)) from error
    return f"{when}, {times} times in all ({_LEDGER} says why)" if times > 1 else when


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise KerasdrError(cannot_read(path, error)) from error
    members = content.get("members") or [] if isinstance(content, dict) else None
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise KerasdrError(cannot_read(path, "no configuration"))
    return content


def _read_predictions(path: Path) -> pd.DataFrame:
    table = read_predictions(path)
    lacking = [f"prob_{grade}" for grade in range(5) if f"prob_{grade}" not in table]
    if lacking and len(lacking) < 5:
        raise KerasdrError(cannot_read(path, f"column {lacking[0]} is missing"))
    return table


def _read_left_out(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise KerasdrError(cannot_read(path, error)) from error
    _require(path, table, ("image_id", "patient_id", "split", "reason"))
    if "grade" in table and not table["grade"].isin(("", *map(str, GRADES))).all():
        raise KerasdrError(cannot_read(path, f"column grade holds something else than the grades 0 to {max(GRADES)}"))
    return table


def _not_graded(left_out: pd.DataFrame | None, split: str) -> pd.DataFrame | None:
    """Return what of a part has a grade and was left out; None of an early run, which kept no grades of these."""
    if left_out is None or "grade" not in left_out:
        return None
    own = left_out[(left_out["split"] == split) & (left_out["grade"] != "")]
    return own[["image_id", "patient_id", "grade", "reason"]].astype({"grade": "int64"})


def _histories(run: Path) -> dict[str, pd.DataFrame]:
    found = {}
    for path in sorted(run.glob("members/*/history.csv")):
        try:
            history = pd.read_csv(path)
        except (OSError, ValueError) as error:
            raise KerasdrError(cannot_read(path, error)) from error
        _require(path, history, _HISTORY)
        if history.empty:
            raise KerasdrError(cannot_read(path, "it holds no epoch"))
        try:
            found[path.parent.name] = history.astype(dict.fromkeys(_HISTORY, float))
        except ValueError as error:
            raise KerasdrError(cannot_read(path, error)) from error
    return found


def _require(path: Path, table: pd.DataFrame, columns: Sequence[str]) -> None:
    lacking = [column for column in columns if column not in table]
    if lacking:
        raise KerasdrError(cannot_read(path, f"column {lacking[0]} is missing"))


def _more(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: content for name, content in metrics.items() if name not in _KNOWN}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _sha256(path: Path) -> str:
    try:
        return sha256_of_file(path)
    except OSError as error:
        raise KerasdrError(cannot_read(path, error)) from error


def _is_folds(path: Path) -> bool:
    return (path / "out_of_fold.csv").is_file()


def _is_finished(run: Path) -> bool:
    path = run / "status.json"
    return path.is_file() and read_json(path).get("status") == "finished"


def _pointed_to(pointer: Path) -> Path:
    try:
        text = pointer.read_text(encoding="utf-8")[:4096].strip()
    except (OSError, ValueError) as error:
        raise KerasdrError(cannot_read(pointer, error)) from error
    return pointer.parent / text
