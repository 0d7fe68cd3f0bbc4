"""Sections beside a part's figures: trainings, several runs compared, what else a run holds, published figures, gaps."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kerasdr.errors import KerasdrError
from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.page.about import data_words
from kerasdr.evaluation.page.chart import Figure
from kerasdr.evaluation.page.evidence_files import COMMANDS, FOLDER
from kerasdr.evaluation.page.figure_words import figure_rows
from kerasdr.evaluation.page.judged_part import JudgedPart
from kerasdr.evaluation.page.markup import Child, Markup, element, joined, prose
from kerasdr.evaluation.page.other_figures import curves_figure, forest_figure
from kerasdr.evaluation.page.run_files import RunFiles
from kerasdr.evaluation.page.tables import figure_cell, table
from kerasdr.evaluation.page.yardsticks import load_yardsticks
from kerasdr.evaluation.predictions import read_json
from kerasdr.files import printable_path

NO_RANKING = (
    "These figures cannot be compared as a ranking: each is of other people, judged by another reference standard, on "
    "photographs taken in another way, and looks for something else."
)
# What stands beside a run's figures, or `kerasdr evidence` puts below it; where a run has none of it, the page says so.
OPTIONAL = {
    "calibration": "calibration, an operating point and sets of grades",
    "subgroups": "figures of subgroups",
    "robustness": "figures under changes of the photographs",
    "explanations": "heat maps compared with marked lesions",
}


def training_section(run: RunFiles, level: int, stem: str) -> tuple[Markup, list[Figure], list[str]]:
    """Return learning curves, what each member says alone, and which methods were compared; figures; gaps."""
    of = run.name + (" (phantoms)" if run.phantoms else "")
    figures = curves_figure(f"{stem}-curves", of, run.histories)
    gaps = [] if figures else ["learning curves: the run kept no history of its training"]
    parts: list[Child] = [element(f"h{level}", "Training")]
    parts.append(
        element(
            "div",
            *(element("figure", one.svg, element("figcaption", f"{one.title}. {one.description}")) for one in figures),
            class_="figures",
        )
    )
    rows = [(f"network {name}", one) for name, one in (run.metrics.get("members") or {}).items()]
    rows += [(f"combined: {name}", one) for name, one in (run.metrics.get("methods") or {}).items()]
    if rows:
        cells = [[name, _kept(one, "quadratic_kappa", run), _kept(one, "auc_referable", run)] for name, one in rows]
        header = ["what", "quadratic weighted kappa", "AUC, referable"]
        parts.append(
            table("validation part, as the run wrote it down, with 95% intervals", header, cells, numbers=True)
        )
    return joined(*parts), figures, gaps


def folds_section(run: RunFiles, level: int, stem: str) -> tuple[Markup | None, list[Figure]]:
    """Return the kappas of a cross-validation's folds and repeats, as a forest plot and a table."""
    if not run.folds:
        return None, []
    rows = []
    for number, fold in enumerate(run.folds, start=1):
        if (fold / "metrics_test.json").is_file():
            rows.append((f"fold {number}", interval_of(read_json(fold / "metrics_test.json"), "quadratic_kappa", fold)))
    repeats = [
        (f"repeat {number}, all folds", _interval(figures.get("quadratic_kappa"), run))
        for number, figures in enumerate(run.metrics.get("repeats") or [], start=1)
    ]
    of = "phantoms, " if run.phantoms else ""
    figure = forest_figure(
        f"{stem}-folds",
        f"Kappa of each fold's test part, {of}{run.name}",
        [*rows, *repeats],
        "quadratic weighted kappa",
    )
    words = "Folds are of other people each, and of few: their spread is more than that of the whole."
    drawn = element("figure", figure.svg, element("figcaption", f"{figure.title}. {figure.description}"))
    return joined(element(f"h{level}", "Folds and repeats"), element("p", words), drawn), [figure]


def compared_section(
    judged: Sequence[tuple[RunFiles, Sequence[JudgedPart]]], level: int
) -> tuple[Markup, list[Figure]]:
    """Return kappa of several runs, one forest plot for each part of the data, never mixed."""
    parts: list[Child] = [element(f"h{level}", "Runs compared")]
    figures = []
    for key, title in (("test", "test part"), ("out of fold", "out of fold"), ("validation", "validation part")):
        rows = [
            (run, part.by_eye.figures["quadratic_kappa"])
            for run, several in judged
            for part in several
            if part.files.key == key
        ]
        if not rows:
            continue
        labels = [(run.name + (" (phantoms)" if run.phantoms else ""), figure) for run, figure in rows]
        figure = forest_figure(
            f"runs-{key.replace(' ', '-')}", f"Kappa of several runs, {title}", labels, "quadratic weighted kappa"
        )
        figures.append(figure)
        parts.append(element("figure", figure.svg, element("figcaption", f"{figure.title}. {figure.description}")))
        people = {str(run.data.get("sha256")) for run, _ in rows}
        if len(people) > 1:
            words = (
                "Not all of these runs have the same data and split, so some are judged on other people than others."
            )
            parts.append(element("p", words, class_="warn"))
        if key == "validation":
            parts.append(element("p", "Validation chose within each run: these figures are too good.", class_="warn"))
    words = (
        "Intervals that overlap are no test: `kerasdr compare RUN RUN` tests runs that are judged on the same people."
    )
    parts.append(element("p", prose(words)))
    rows_of_runs = [[run.name, data_words(run), str(run.data.get("sha256", ""))[:12]] for run, _ in judged]
    parts.append(table("the runs", ["run", "photographs", "data and split"], rows_of_runs))
    return joined(*parts), figures


def more_section(run: RunFiles, parts: Sequence[JudgedPart], level: int) -> tuple[Markup | None, list[str]]:
    """Return what other steps put beside a run's figures or below it, as it stands there, and what none has put there."""
    kept = [
        (name, f"{name.replace('_', ' ')}, {part.title}", content)
        for part in parts
        for name, content in part.files.more.items()
    ]
    kept += [(name, name, content) for name, content in run.evidence.items()]
    there, gaps = {name for name, _, _ in kept}, []
    for name in (name for name in OPTIONAL if name not in there):
        of = printable_path(run.path.resolve())
        command = f"`kerasdr evidence {name} {of} --out {of}/{FOLDER}/{name}`"
        how = f"; {command} puts them there" if name in COMMANDS and not run.folds else ""
        gaps.append(f"{OPTIONAL[name]}: the run has none{how}")
    if not kept:
        return None, gaps
    shown: list[Child] = [element(f"h{level}", "Also kept with the run's figures")]
    for _, title, content in kept:
        shown.append(element(f"h{level + 1}", title))
        # A single value has no name of its own.
        rows = [(what or title, text) for what, text in figure_rows(content)] or [(title, "nothing")]
        shown.append(table(title, ["what", "figure"], rows, numbers=True))
    return joined(*shown), gaps


def yardsticks_section(judged: Sequence[tuple[RunFiles, Sequence[JudgedPart]]], level: int) -> Markup:
    """Return published operating points beside those of runs on photographs of people, with what sets them apart."""
    header = [
        *("system", "where", "people", "looks for", "reference standard", "photographs"),
        *("sensitivity", "specificity", "not graded", "source"),
    ]
    rows: list[list[Child]] = []
    of_people = [(run, parts) for run, parts in judged if not run.phantoms]
    for run, parts in of_people:
        part = parts[0]
        found = part.by_person
        share = found.figures.get("share_not_graded")
        rows.append(
            [
                element("strong", f"this run: {run.name}"),
                f"layout {(run.config.get('data') or {}).get('layout')}",
                f"{len(part.people)}, {part.title}",
                "grade 2 or worse, by person",
                "the data set's own grades",
                f"{len(part.photographs)} of the data set",
                figure_cell(found.figures["sensitivity_referable"], found, "sensitivity_referable"),
                figure_cell(found.figures["specificity_referable"], found, "specificity_referable"),
                f"undefined: {part.screened_gap}" if share is None else f"{figure_cell(share)} of people have any",
                "this page",
            ]
        )
    for one in load_yardsticks():
        rows.append(
            [
                *(one.system, one.where, "not given" if one.people is None else one.people, one.calls_referable),
                *(
                    one.reference_standard,
                    one.photographs,
                    one.sensitivity,
                    one.specificity,
                    one.not_graded,
                    one.source,
                ),
            ]
        )
    words = [element("p", NO_RANKING, class_="warn")]
    if len(of_people) < len(judged):
        left_out = "Figures of phantoms say nothing beside figures of people: runs on phantoms are not in this table."
        words.append(element("p", left_out, class_="warn"))
    return joined(
        element(f"h{level}", "Published operating points, for perspective"),
        *words,
        table("operating points, " + ("ours and published" if of_people else "published"), header, rows),
    )


def gaps_section(gaps: Sequence[str], level: int) -> Markup:
    """Return what is not on the page, and why."""
    if not gaps:
        return joined(
            element(f"h{level}", "What is not here"), element("p", "Nothing is missing that this page knows of.")
        )
    return joined(
        element(f"h{level}", "What is not here"),
        element("ul", *(element("li", prose(gap)) for gap in dict.fromkeys(gaps))),
    )


def interval_of(metrics: Mapping[str, Any], name: str, path: Any) -> Interval:
    """Return a figure that a run wrote down for its ensemble.

    Raises:
        KerasdrError: if it is not there.
    """
    return _parse((metrics.get("ensemble") or {}).get(name), path)


def _interval(figure: Any, run: RunFiles) -> Interval:
    return _parse(figure, run.path)


def _kept(figures: Mapping[str, Any], name: str, run: RunFiles) -> str:
    return figure_cell(_interval(figures.get(name), run))


def _parse(figure: Any, path: Any) -> Interval:
    try:
        value, low, high = (math.nan if figure[key] is None else float(figure[key]) for key in ("value", "low", "high"))
        return Interval(value, low, high, float(figure["level"]), int(figure["n_images"]), int(figure["n_people"]))
    except (KeyError, TypeError, ValueError) as error:
        raise KerasdrError(f"the figures in {printable_path(path)} are not those of a run: train it anew") from error
