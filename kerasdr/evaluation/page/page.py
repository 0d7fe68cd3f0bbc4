"""The page: one file of HTML about one run or several, and its charts as files."""

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasdr import __version__
from kerasdr.evaluation.page import PAGE_BEGINS
from kerasdr.evaluation.page.about import about_section, data_section
from kerasdr.evaluation.page.chart import Figure, chart_style
from kerasdr.evaluation.page.figures_section import figures_section
from kerasdr.evaluation.page.judged_part import JudgedPart, judge_part, run_threshold
from kerasdr.evaluation.page.markup import Child, Markup, css, element, joined
from kerasdr.evaluation.page.other_sections import (
    compared_section,
    folds_section,
    gaps_section,
    more_section,
    training_section,
    yardsticks_section,
)
from kerasdr.evaluation.page.run_files import RunFiles, find_runs, read_run
from kerasdr.evaluation.page.worst import MakeThumbnails
from kerasdr.files import make_folder, printable_path, write_text_atomically
from kerasdr.reporting import Reporter


@dataclass(frozen=True)
class Page:
    """A page that was written.

    Attributes:
        path: of the HTML.
        runs: what it is about.
        figures: files of its charts, if they were asked for.
        not_opened: runs whose test part has not been opened.
    """

    path: Path
    runs: tuple[Path, ...]
    figures: tuple[Path, ...]
    not_opened: tuple[Path, ...]


@dataclass(frozen=True)
class _Told:
    """A run's sections."""

    run: RunFiles
    parts: tuple[JudgedPart, ...]
    markup: Markup
    figures: tuple[Figure, ...]


def write_page(
    places: Sequence[Path],
    path: Path,
    reporter: Reporter,
    *,
    figures: Path | None = None,
    thumbnails: MakeThumbnails | None = None,
) -> Page:
    """Write a page about some runs. Nothing but their folders is read, and no test part is opened.

    Args:
        places: runs, cross-validations, folders of runs or pointers; see :func:`~kerasdr.evaluation.page.run_files.find_runs`.
        path: of the HTML.
        reporter: hears of progress.
        figures: a folder for the charts as SVG files; none are written if None.
        thumbnails: draws the photographs of the worst errors; none are shown if None.

    Raises:
        KerasdrError: if a place is no run, a run cannot be read, or the page cannot be written.
    """
    runs = [read_run(place) for place in find_runs(places)]
    progress = reporter.progress("judging runs")
    told = []
    for number, run in enumerate(runs, start=1):
        told.append(_tell(run, f"run{number}" if len(runs) > 1 else "run", 2 if len(runs) == 1 else 3, thumbnails))
        progress(number, len(runs))
    judged = [(one.run, one.parts) for one in told]
    title = f"Report on {runs[0].name}" if len(runs) == 1 else f"Report on {len(runs)} runs"
    body: list[Child] = [element("h1", title), _opening(runs)]
    drawn = [figure for one in told for figure in one.figures]
    if len(told) == 1:
        body += [told[0].markup]
    else:
        compared, forest = compared_section(judged, 2)
        drawn = [*forest, *drawn]
        links = [
            element("li", element("a", one.run.name, href=f"#run{place}")) for place, one in enumerate(told, start=1)
        ]
        body += [element("nav", element("ul", *links), aria_label="runs"), compared]
        for place, one in enumerate(told, start=1):
            body += [element("h2", one.run.name, id=f"run{place}"), one.markup]
    body.append(yardsticks_section(judged, 2))
    body.append(_foot())
    # Figures first, the page that shows the same last.
    files = _write_figures(drawn, figures)
    write_text_atomically(path, _document(title, body))
    not_opened = tuple(run.path for run in runs if _not_opened(run))
    return Page(path, tuple(run.path for run in runs), files, not_opened)


def _not_opened(run: RunFiles) -> bool:
    return not run.folds and run.has_test_part and run.part("test") is None


def _tell(run: RunFiles, stem: str, level: int, thumbnails: MakeThumbnails | None) -> _Told:
    seed = int(run.config.get("seed", 0))
    threshold = run_threshold(run)
    parts = tuple(judge_part(part, seed, threshold) for part in run.parts)
    markup: list[Child] = [about_section(run, level), data_section(run, level)]
    figures: list[Figure] = []
    gaps: list[str] = []
    if _not_opened(run):
        command = f"kerasdr evaluate {printable_path(run.path)}"
        words = "The test part of this run has not been opened, and this page does not open it: all figures are of validation."
        markup.append(element("p", words, " To open it, once: ", element("code", command), ".", class_="warn"))
        gaps.append(f"figures of the test part: it has not been opened; `{command}` opens it, once")
    elif not run.folds and not run.has_test_part:
        gaps.append("figures of a test part: the data were split without one, so all are of validation")
    for place, part in enumerate(parts):
        key = part.files.key.replace(" ", "-")
        section = figures_section(
            run, part, level, f"{stem}-{key}", seed, thumbnails=thumbnails if place == 0 else None, whole=place == 0
        )
        markup.append(section.markup)
        figures += section.figures
        gaps += section.gaps
    folds, drawn = folds_section(run, level, stem)
    training, curves, missing = training_section(run, level, stem)
    more, absent = more_section(run, parts, level)
    markup += [folds, training, more, gaps_section([*gaps, *missing, *absent], level)]
    return _Told(run, parts, joined(*markup), (*figures, *drawn, *curves))


def _opening(runs: Sequence[RunFiles]) -> Markup:
    text = (
        "For research. This is no medical device, and a grade is no diagnosis. Every figure says which part of the data, how "
        "many photographs and how many people it is of; validation and test never stand in one figure."
    )
    people = (
        ""
        if all(run.phantoms for run in runs)
        else " It may name or show photographs of people: treat it as you treat them."
    )
    return element("p", text + people, class_="note")


def _foot() -> Markup:
    return element(
        "footer",
        element(
            "p",
            f"Made by kerasdr {__version__} from the runs' folders. Grades: Wilkinson et al., Ophthalmology 110(9), 2003. "
            "Decision curves: Vickers and Elkin, Medical Decision Making 26(6), 2006.",
            class_="soft",
        ),
    )


def _document(title: str, body: Sequence[Child]) -> str:
    style = (importlib.resources.files("kerasdr.evaluation.page") / "page.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        # A page that is opened with photographs in it fetches nothing, whatever is written in a run.
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content="default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        ),
        element("title", title),
        css(style + chart_style()),
    )
    return f"{PAGE_BEGINS}\n" + element("html", head, element("body", element("main", *body)), lang="en") + "\n"


def _write_figures(drawn: Sequence[Figure], folder: Path | None) -> tuple[Path, ...]:
    if folder is None:
        return ()
    make_folder(folder)
    files = []
    for figure in drawn:
        files.append(folder / f"{figure.name}.svg")
        write_text_atomically(files[-1], figure.file())
    return tuple(files)
