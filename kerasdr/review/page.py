"""The page for whoever looks at a job's grades: one file of HTML that asks nobody for anything."""

import base64
import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kerasdr import __version__
from kerasdr.errors import KerasdrError
from kerasdr.evaluation.page.markup import Child, Markup, css, data, element, policy_hash, script
from kerasdr.files import write_text_atomically
from kerasdr.reporting import Progress
from kerasdr.review import PAGE_BEGINS
from kerasdr.review.grades_csv import GradesCsv, read_grades
from kerasdr.review.opening import not_graded_words, opening
from kerasdr.review.page_data import address, has_photograph, heat_files, page_data
from kerasdr.review.photographs import Shown, named_pictures, show_photographs, tidy_pictures
from kerasdr.scoring.names import page_folder
from kerasdr.scoring.overlay import encode_webp

_SCRIPTS = (
    "elements.js",
    "eyes.js",
    "decisions.js",
    "earlier.js",
    "choosing.js",
    "worklist.js",
    "looking.js",
    "printing.js",
    "start.js",
)


@dataclass(frozen=True)
class ReviewPage:
    """A page that was written.

    Attributes:
        path: of the HTML.
        rows: of the CSV.
        heat: rows with a Grad-CAM picture.
        wanted: rows whose photograph can be shown if it is found.
        photographs: those of them that are shown.
        refused: those of them whose photograph was found and cannot be shown.
    """

    path: Path
    rows: int
    heat: int
    wanted: int
    photographs: int
    refused: int


def write_review(
    csv: Path, path: Path, roots: Sequence[str] = (), *, embed: bool = False, progress: Progress | None = None
) -> ReviewPage:
    """Write the page of a CSV.

    Args:
        csv: that `kerasdr predict` wrote; its Grad-CAM pictures stay where they are.
        path: of the HTML; photographs go into a folder beside it.
        roots: files, folders or globs that hold the photographs; they are known by their bytes. Without any the page shows what
            Grad-CAM pictures show.
        embed: put all pictures into the HTML.
        progress: told how many files were looked at.

    Raises:
        KerasdrError: if the CSV cannot be read, or the page cannot be written.
    """
    grades = read_grades(csv)
    if path.absolute() == csv.absolute():
        raise KerasdrError(f"{path} is the CSV: name another file for the page, such as review.html")
    folder, before = page_folder(path), named_pictures(path)
    files = heat_files(grades)
    wanted = {row.sha256 for row in grades.rows if has_photograph(row)}
    skip = list({file.parent for file in files.values()})
    shown = show_photographs(roots, wanted, None if embed else folder, skip, progress)
    heat = {said: _as_data(file) if embed else address(file, path) for said, file in files.items() if file.is_file()}
    write_text_atomically(path, _document(grades, _photographs(shown, path, folder), heat))
    if not embed:
        tidy_pictures(path, before, shown)
    rows = [row for row in grades.rows if has_photograph(row)]
    return ReviewPage(
        path,
        len(grades.rows),
        sum(row.gradcam in heat for row in grades.rows),
        len(rows),
        sum(row.sha256 in shown.pictures for row in rows),
        sum(row.sha256 in shown.refused for row in rows),
    )


def _photographs(shown: Shown, path: Path, folder: Path) -> dict[str, str]:
    if shown.data:
        return {digest: _data_url(picture, "jpeg") for digest, picture in shown.data.items()}
    return {digest: address(folder / name, path) for digest, name in shown.pictures.items()}


def _as_data(file: Path) -> str:
    """Return a Grad-CAM picture as an address that holds it, in a tenth of the room that a PNG takes."""
    content = file.read_bytes()
    pixels = None if file.suffix == ".webp" else cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    return _data_url(content if pixels is None else encode_webp(np.asarray(pixels, np.uint8)), "webp")


def _data_url(picture: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}"


def _document(grades: GradesCsv, photographs: dict[str, str], heat: dict[str, str]) -> str:
    style = "".join(_text("kerasdr.evaluation.page", "page.css") + _text("kerasdr.review", "review.css"))
    # One function around all of it: nothing of the page is in reach of anything else, and each file stays plain.
    code = '(() => {\n"use strict";\n' + "".join(_text("kerasdr.review", name) for name in _SCRIPTS) + "})();\n"
    # What a CSV holds can be no script here, and nothing is fetched but the pictures.
    policy = (
        f"default-src 'none'; script-src {policy_hash(code)}; style-src {policy_hash(style)}; img-src 'self' file: data:; "
        "base-uri 'none'; form-action 'none'"
    )
    title = f"Review of {grades.path.name}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        css(style),
    )
    body = element("body", *_body(grades, title), data("data", page_data(grades, photographs, heat)), script(code))
    return f"{PAGE_BEGINS}\n" + element("html", head, body, lang="en") + "\n"


def _text(package: str, name: str) -> str:
    return (importlib.resources.files(package) / name).read_text(encoding="utf-8")


def _body(grades: GradesCsv, title: str) -> list[Child]:
    top = element(
        "header",
        element("h1", title),
        element("p", id="progress"),
        element(
            "div",
            element("button", "Reader: nobody yet", type="button", id="reader"),
            element("button", "Export decisions", type="button", id="export"),
            _labelled("Colours", element("select", *_options("as the system", "light", "dark"), id="theme")),
            element(
                "label", element("input", type="checkbox", id="shortcuts", checked="checked"), " keyboard shortcuts"
            ),
            class_="tools",
        ),
    )
    about = element(
        "details",
        element("summary", "About this job: ", not_graded_words(grades.rows)),
        opening(grades.rows),
        id="about",
        open="open",
    )
    return [
        element("a", "To the worklist", href="#list", class_="skip"),
        top,
        element("p", id="unkept", class_="warn", hidden="hidden", role="alert"),
        element("p", id="earlier", class_="warn", hidden="hidden", role="status"),
        element(
            "p", "This page needs JavaScript, which is in it: allow it to see the grades.", class_="warn", id="without"
        ),
        about,
        element(
            "main",
            element("section", _filters(), element("p", id="found", role="status"), _list(), aria_label="worklist"),
            element("section", id="eyes", aria_label="the person's eyes"),
        ),
        element("p", id="said", aria_live="polite", class_="unseen"),
        _dialog(),
        element("table", id="printed"),
        element(
            "footer", element("p", f"Made by kerasdr {__version__} from {grades.path.name}, SHA-256 {grades.digest}.")
        ),
    ]


def _filters() -> Markup:
    return element(
        "div",
        _labelled("Search by name", element("input", type="search", id="search", autocomplete="off")),
        *(
            _labelled(words, element("select", element("option", "all", value=""), id=name))
            for words, name in (
                ("Urgency", "group"),
                ("Status", "status"),
                ("Machine grade", "grade"),
                ("Reason", "reason"),
                ("To a reader", "refer"),
                ("Decision", "decided"),
            )
        ),
        class_="filters",
        role="search",
    )


def _list() -> Markup:
    return element(
        "div",
        element("div", id="rows", role="presentation"),
        id="list",
        role="listbox",
        tabindex="0",
        aria_label="photographs, the most urgent first",
    )


def _dialog() -> Markup:
    return element(
        "dialog",
        element("p", element("strong", "Who decides?")),
        element("p", "Your name stands beside each of your decisions. Others' decisions are not shown to you."),
        _labelled("Name of the reader", element("input", type="text", id="name", maxlength="100", autocomplete="off")),
        element(
            "div",
            element("button", "That is me", type="button", id="named"),
            element("button", "Cancel", type="button", id="unnamed"),
            class_="tools",
        ),
        id="who",
        aria_label="name of the reader",
    )


def _labelled(words: str, control: Markup) -> Markup:
    return element("label", element("span", words), control)


def _options(*names: str) -> list[Markup]:
    return [element("option", name) for name in names]
