"""What ``kerasdr evidence`` has put below a run, in ``evidence/``: robustness and heat maps, the figures that sum them up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.explanation_text import SHOWN
from kerasdr.evaluation.intervals import few_people
from kerasdr.evaluation.predictions import read_json
from kerasdr.evaluation.robustness_report import MIRROR_TITLES, TITLES
from kerasdr.evaluation.severity_limit import between_text
from kerasdr.files import printable_path, sha256_of_file

FOLDER = "evidence"
_SUMS = Path("bundle", "SHA256SUMS")
_DIGITS = 12  # of the bundle's digest, in its label


def read_evidence(run: Path) -> dict[str, Any]:
    """Return what stands in ``evidence/<name>/<name>.json`` of a run, in short, as plain data by name.

    What is not there is left out, and so is what another model said: a run's bundle may have been built anew.

    Args:
        run: its folder.

    Raises:
        KerasdrError: if a file is broken.
    """
    found: dict[str, Any] = {}
    if not (run / _SUMS).is_file():  # then nobody can tell whose figures they are
        return found
    for name, in_short in _IN_SHORT.items():
        path = run / FOLDER / name / f"{name}.json"
        if not path.is_file():
            continue
        content = read_json(path)
        try:
            if str(content["model"]).rpartition("@")[2] == sha256_of_file(run / _SUMS)[:_DIGITS]:
                found[name] = {"of": _of(content), **in_short(content)}
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise KerasdrError(
                f"{printable_path(path)} is damaged: make it again with "
                f"`kerasdr evidence {name} {printable_path(run)} --out {printable_path(path.parent)}`"
            ) from error
    return found


def _of(content: dict[str, Any]) -> str:
    data = content["data"]
    if isinstance(data, dict):
        words, phantoms = (
            f"{data['what']}: {data['photographs']} photographs of {data['people']} people",
            data["phantoms"],
        )
    else:
        words, phantoms = data, content["phantoms"]
    return f"{words} (phantoms: figures of them say nothing about people)" if phantoms else words


def _robustness(content: dict[str, Any]) -> dict[str, Any]:
    """Where kappa has fallen by what is too much and what is at the last step, by kind; how alike mirrored ones are graded."""
    told: dict[str, Any] = _note(content["data"]["people"])
    for curve in content["curves"]:
        limit, a_step = curve["severity_of_fall"], curve["a_step"]
        name = f"severity at which kappa has fallen by {limit['fall']:g}: {curve['kind']} (a step is {a_step})"
        if limit["not_reached"]:
            told[name] = f"not reached up to {limit['last_severity']:g}"
        elif limit.get("between"):
            told[name] = between_text(limit["between"])
        elif limit["value"] is None:
            told[name] = "undefined"
        else:
            high = "not reached" if limit["high_not_reached"] else limit["high"]
            told[name] = {"value": limit["value"], "low": limit["low"], "high": high}
        for worst in curve["steps"][-1:]:
            for figure, interval in worst["figures"].items():
                told[f"{TITLES[figure]} at severity {worst['severity']:g}: {curve['kind']}"] = interval
    if content["mirror"]:
        for figure, interval in content["mirror"]["figures"].items():
            told[f"mirrored left to right: {MIRROR_TITLES[figure]}"] = interval
    return told


def _explanations(content: dict[str, Any]) -> dict[str, Any]:
    """What maps and differences say of photographs rightly called referable, and the verdicts of the sanity checks."""
    shown = [one for one in content["figures"] if one["group"] == "rightly_referable" and one["figure"] in SHOWN]
    told: dict[str, Any] = _note(max((one["n_people"] for one in shown), default=0))
    for one in shown:
        name = one["map"] + (f" minus {one['minus']}" if one["minus"] else "")
        interval = {key: one[key] for key in ("value", "low", "high", "n_people")} | {"n_images": one["n_photographs"]}
        told.setdefault("rightly called referable", {}).setdefault(name, {})[one["figure"]] = (
            one["undefined"] or interval
        )
    for verdict in content["verdicts"]:
        told[f"sanity check, {verdict['check']}"] = verdict["text"]
    return told


def _note(people: int) -> dict[str, Any]:
    notes = few_people("these figures are", people)
    return {"note": notes[0]} if notes else {}


_IN_SHORT: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "robustness": _robustness,
    "explanations": _explanations,
}

COMMANDS = tuple(_IN_SHORT)
"""Of ``kerasdr evidence``, whose results a page shows."""
