"""What a run keeps beside its figures, as rows of words: files have plain names, people read sentences."""

from typing import Any

from kerasdr.evaluation import calibration_report, explanation_text, judged_text
from kerasdr.evaluation.page.tables import plain_rows

_WORDS = {
    **explanation_text.TITLES,
    **calibration_report.TITLES,
    **judged_text.TITLES,
    "before": "before calibration",
    "after": "after calibration",
    "decisions": "sets of grades and operating point",
    "level": "coverage that the sets are made for",
    "target": "target of the operating point",
    "undefined_threshold": "why there is no operating point",
    "judged": "how it was judged",
}


def figure_rows(content: Any, name: str = "") -> list[tuple[str, str]]:
    """Return what a step kept as rows of name and text, without those that say nothing.

    Args:
        content: plain data.
        name: of the whole, in words.
    """
    return [(what, text) for what, text in plain_rows(content, name, _WORDS) if text]
