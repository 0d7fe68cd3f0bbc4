"""What a run's folder knows of each topic of a card: lines of plain text, none where it knows nothing."""

from collections.abc import Callable, Sequence
from typing import Any

from kerasdr.evaluation.judged import describe_interval
from kerasdr.evaluation.judged_text import TITLES
from kerasdr.evaluation.page.about import PHANTOMS, data_words, member_words
from kerasdr.evaluation.page.figure_words import figure_rows
from kerasdr.evaluation.page.judged_part import JudgedPart
from kerasdr.evaluation.page.other_sections import NO_RANKING
from kerasdr.evaluation.page.run_files import RunFiles
from kerasdr.evaluation.page.tables import figure_cell, plain_rows
from kerasdr.evaluation.page.worst import worst_errors
from kerasdr.grades import GRADE_NAMES, GRADES

Lines = list[str]
_HEADLINE = (
    *("quadratic_kappa", "accuracy", "auc_referable", "sensitivity_referable", "specificity_referable"),
    *("share_not_graded", "sensitivity_referable_intention_to_screen", "specificity_referable_intention_to_screen"),
    *("sensitivity_at_90_specificity", "specificity_at_90_sensitivity"),
)
_SCALE = ", ".join(f"{grade} {name}" for grade, name in zip(GRADES, GRADE_NAMES, strict=True))


def known_of(run: RunFiles, parts: Sequence[JudgedPart]) -> dict[str, Lines]:
    """Return what a run knows, by the topic's key.

    Args:
        run: the run.
        parts: it is judged on, the one that says most first.
    """
    known: dict[str, Lines] = {topic: tell(run) for topic, tell in _OF_FILES.items()}
    known |= {topic: tell(run, parts) for topic, tell in _OF_PARTS.items()}
    for topic, name in (("subgroups", "subgroups"), ("robustness", "robustness"), ("explanations", "explanations")):
        known.setdefault(topic, []).extend(_more(run, parts, name))
    return known


def _objectives(run: RunFiles) -> Lines:
    kind = "development of a network, judged by cross-validation" if run.folds else "development of a network"
    return [f"Experiment {run.config.get('name')}: {kind}. {run.config.get('description') or ''}".strip()]


def _sources(run: RunFiles) -> Lines:
    return [f"{data_words(run)}.", *([PHANTOMS] if run.phantoms else [])]


def _dates(run: RunFiles) -> Lines:
    begun = run.environment.get("begun")
    return [f"Training began at {begun}; this is no date of the photographs."] if begun else []


def _preprocessing(run: RunFiles) -> Lines:
    lines = ["The networks see photographs alone, decoded to RGB; nothing else is a predictor, and none was selected."]
    for member in _members(run):
        imaging = member.get("imaging") or {}
        lines.append(
            f"Network {member.get('name')}: recipe {imaging.get('recipe')} at {imaging.get('size')} px; settings: "
            + "; ".join(f"{name} {value}" for name, value in plain_rows(imaging) if name not in ("recipe", "size"))
        )
    lines.append(
        "A quality gate refuses photographs without a retina, too dark, too blurred or unreadable, each with a reason."
    )
    return lines


def _missing(run: RunFiles) -> Lines:
    lines = [f"Not used, {part}: {count}, {reason}." for (part, reason), count in sorted(run.left_out.items())]
    return [
        *(lines or ["No photograph was left out."]),
        "Photographs without a grade are not used; nothing is imputed. By intention to screen, what could not be graded counts "
        "as called referable.",
    ]


def _reference(run: RunFiles) -> Lines:
    target = (run.config.get("data") or {}).get("target", "eye")
    lines = [
        f"Grades of the international scale (Wilkinson et al., 2003): {_SCALE}. Referable is grade 2 or worse. Learned and "
        f"judged is the grade of the {target}."
    ]
    if run.phantoms:
        lines.append("The program that drew the photographs gave the grades.")
    return lines


def _partition(run: RunFiles) -> Lines:
    lines = ["People, not photographs, are dealt into the parts; the same bytes in two parts are refused."]
    data = run.config.get("data") or {}
    if run.folds:
        lines.append(
            f"{run.metrics.get('split')}: one fold is the test part, the next validation, the others train, in turn."
        )
    else:
        shares = data.get("split") or {}
        lines.append(
            "By the data set's own split where it has one, else shares of the people, stratified by the grade of the worse "
            "eye: "
            + ", ".join(f"{name} {share}" for name, share in shares.items())
            + f"; seed {run.config.get('seed')}."
        )
    for name, part in (run.data.get("splits") or {}).items():
        lines.append(f"{name}: {part.get('photographs')} photographs of {part.get('people')} people.")
    return lines


def _characteristics(run: RunFiles) -> Lines:
    return [
        f"{name}, grades 0-4 of the photographs: "
        + " / ".join(str((part.get("grades") or {}).get(str(g), 0)) for g in GRADES)
        for name, part in (run.data.get("splits") or {}).items()
    ]


def _model(run: RunFiles) -> Lines:
    lines = [f"Network {member.get('name')}: {member_words(member)}." for member in _members(run)]
    for member in _members(run):
        settings = "; ".join(f"{name} {value}" for name, value in plain_rows(member.get("model") or {}))
        lines.append(f"Settings of {member.get('name')}: {settings}.")
    return lines


def _training(run: RunFiles) -> Lines:
    lines = []
    for member in _members(run):
        for section in ("training", "augment"):
            settings = "; ".join(f"{name} {value}" for name, value in plain_rows(member.get(section) or {}))
            lines.append(f"{member.get('name')}, {section}: {settings}.")
        for stage in member.get("stages") or []:
            settings = "; ".join(f"{name} {value}" for name, value in plain_rows(stage) if name != "name")
            lines.append(f"{member.get('name')}, stage {stage.get('name')}: {settings}.")
    return lines


def _choice(run: RunFiles) -> Lines:
    lines = []
    for member in _members(run):
        kept = (member.get("training") or {}).get("checkpoint")
        rule = "the best quadratic kappa on validation" if kept == "kappa" else "the last epoch"
        lines.append(f"{member.get('name')}: the weights of {rule} were kept.")
    choice = run.metrics.get("choice") or {}
    if choice:
        lines.append(f"Combined by {(choice.get('method') or {}).get('method')}: {choice.get('reason')}.")
    elif run.folds:
        lines.append("In each fold, validation chose epochs and the ensemble, apart from that fold's test part.")
    return lines


def _imbalance(run: RunFiles) -> Lines:
    return [
        f"{member.get('name')}: weights of grades in the loss: {(member.get('training') or {}).get('class_weights')}."
        for member in _members(run)
    ]


def _software(run: RunFiles) -> Lines:
    environment = run.environment
    packages = ", ".join(f"{name} {version}" for name, version in (environment.get("packages") or {}).items())
    return [
        f"kerasdr {environment.get('kerasdr')}, Python {environment.get('python')}, {packages}; {environment.get('platform')}.",
        f"Configuration SHA-256 {run.config_sha256}; data and split SHA-256 {run.data.get('sha256')}.",
        "The run's bundle holds the networks as plain data under checksums; `kerasdr predict PHOTOGRAPHS --model RUN` computes "
        "predictions with it.",
    ]


def _measures(run: RunFiles) -> Lines:
    return [
        "Quadratic, linear and unweighted kappa, accuracies, mean absolute error, sensitivity and precision of each grade, "
        "AUC, average precision, sensitivity and specificity at 90% and 95%, by the grade and by intention to screen, "
        "reliability, and net benefit (decision curve); by eye and by person (worse eye).",
        f"Intervals: {describe_interval('percentile')}; seed {run.config.get('seed')}. No p-values.",
    ]


def _audit(run: RunFiles) -> Lines:
    return [
        "The run's folder keeps configuration, versions, data fingerprint, split, history, every prediction on validation and, "
        "once opened, test. `kerasdr predict` writes each grade with the model's digest and the photograph's SHA-256."
    ]


def _blinding(run: RunFiles) -> Lines:
    return ["The networks see photographs alone; no grade of a test photograph is read before the test part is opened."]


def _output(run: RunFiles, parts: Sequence[JudgedPart]) -> Lines:
    lines = ["Five probabilities that sum to 1; the grade is the most probable one, referable if it is 2 or worse."]
    calibration = run.metrics.get("calibration")
    if isinstance(calibration, dict):
        lines.append(f"Calibrated on validation: {calibration.get('method')}, {calibration.get('reason')}.")
        at = (
            ""
            if parts[0].threshold is None
            else f": positive from a probability of referable of {parts[0].threshold:.3f} on"
        )
        why = calibration.get("undefined_threshold")
        lines.append(f"Operating point: {calibration.get('target')}{f', undefined: {why}' if why else at}.")
        lines.append(
            f"Beside the grade a set of grades, made to hold the true one at a coverage of {calibration.get('level')}."
        )
    lines.append("A photograph that is too poor gets no grade but a reason, and is to be taken again.")
    return lines


def _size(run: RunFiles, parts: Sequence[JudgedPart]) -> Lines:
    return [
        f"{part.title}: {len(part.photographs)} photographs of {len(part.people)} people were graded, "
        f"{int((part.photographs.truth >= 2).sum())} photographs and {int((part.people.truth >= 2).sum())} people referable."
        for part in parts
    ]


def _flow(run: RunFiles, parts: Sequence[JudgedPart]) -> Lines:
    lines = [f"In the data set: {run.data.get('photographs')} photographs of {run.data.get('people')} people."]
    for part in parts:
        asked = part.files.asked
        if asked is not None:
            graded = len(part.photographs)
            lines.append(f"{part.title}: {asked} with a known grade = {graded} graded + {asked - graded} not graded.")
    return lines


def _performance(run: RunFiles, parts: Sequence[JudgedPart]) -> Lines:
    lines = []
    if not run.folds and run.part("test") is None:
        lines.append(
            "The test part has not been opened; what follows is of validation, which chose the model, and too good."
        )
    for part in parts:
        for unit, found in (("by eye", part.by_eye), ("by person", part.by_person)):
            for name in _HEADLINE:
                figure = found.figures.get(name)
                text = f"undefined: {part.screened_gap}" if figure is None else figure_cell(figure, found, name)
                lines.append(f"{part.title}, {unit}, {TITLES[name]}: {text}")
        for name in ("sensitivity_referable", "specificity_referable"):
            if (at_point := part.at_point_by_eye) is not None:
                text = figure_cell(at_point.figures[name], at_point, name)
                lines.append(f"{part.title}, by eye, {name.partition('_')[0]} at the run's operating point: {text}")
    return lines


def _errors(run: RunFiles, parts: Sequence[JudgedPart]) -> Lines:
    part = parts[0]
    rows = "; ".join(
        f"{grade}: {' '.join(map(str, row))}" for grade, row in zip(GRADES, part.confusion.tolist(), strict=True)
    )
    worst = worst_errors(part.files, len(part.photographs))
    far = int((worst["error"] >= 2).sum())
    return [
        f"{part.title}, confusion matrix of photographs, a row for each true grade: {rows}.",
        f"{len(worst)} of {len(part.photographs)} photographs have a wrong grade, {far} by two grades or more; `kerasdr report "
        "RUN --html FILE.html` shows the worst.",
    ]


def _external(run: RunFiles, parts: Sequence[JudgedPart]) -> Lines:
    return ["The run was judged on people of its own data set alone; it was not updated or calibrated on others."]


def _limitations(run: RunFiles, parts: Sequence[JudgedPart]) -> Lines:
    lines = [PHANTOMS] if run.phantoms else []
    if len(parts[0].people) < 100:
        lines.append(f"Few people: the {parts[0].title} has {len(parts[0].people)}. Look at the intervals.")
    lines.append("Look at the reliability diagram before probabilities are taken at their word.")
    lines.append(f"Beside published figures: {NO_RANKING}")
    return lines


def _more(run: RunFiles, parts: Sequence[JudgedPart], name: str) -> Lines:
    kept = [(f"{part.title}, ", part.files.more.get(name, {})) for part in parts] + [("", run.evidence.get(name, {}))]
    return [f"{where}{what}: {value}" for where, content in kept for what, value in figure_rows(content, name)]


def _members(run: RunFiles) -> list[dict[str, Any]]:
    return list(run.config.get("members") or [])


_OF_FILES: dict[str, Callable[[RunFiles], Lines]] = {
    "objectives": _objectives,
    "data_sources": _sources,
    "dates_setting": _dates,
    "preprocessing": _preprocessing,
    "missing": _missing,
    "reference": _reference,
    "blinding": _blinding,
    "partition": _partition,
    "characteristics": _characteristics,
    "model": _model,
    "training": _training,
    "choice": _choice,
    "imbalance": _imbalance,
    "software": _software,
    "measures": _measures,
    "audit": _audit,
}
_OF_PARTS: dict[str, Callable[[RunFiles, Sequence[JudgedPart]], Lines]] = {
    "output": _output,
    "size": _size,
    "flow": _flow,
    "performance": _performance,
    "errors": _errors,
    "external": _external,
    "limitations": _limitations,
}
