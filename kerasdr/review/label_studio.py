"""A job's grades as tasks of Label Studio, with each machine grade as a prediction that a person corrects there.

Format: Label Studio's guide, "Import pre-annotated data" (labelstud.io/guide/predictions).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from kerasdr.grades import GRADE_NAMES, GRADES
from kerasdr.review.decisions import UNGRADABLE
from kerasdr.review.order import worklist
from kerasdr.scoring.rows import Row

_LOCAL_FILES = "/data/local-files/?d="


def label_config() -> str:
    """Return the labelling interface that the tasks are for: the photograph, and one choice of five grades or ungradable."""
    choices = "".join(f'<Choice value="{_choice(grade)}"/>' for grade in GRADES)
    return (
        '<View><Image name="photograph" value="$image" zoom="true"/>'
        f'<Choices name="grade" toName="photograph" choice="single" required="true">{choices}<Choice value="{UNGRADABLE}"/>'
        '</Choices><Text name="said" value="$machine"/></View>'
    )


def label_studio_tasks(rows: Sequence[Row], pictures: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return tasks as plain data, in the order of the worklist.

    Args:
        rows: of a CSV of grades.
        pictures: by SHA-256 of a photograph, where its picture lies below the folder that Label Studio serves
            (``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT``). Rows without one make no task: there is nothing to look at.
    """
    return [
        _task(rows[place], pictures[rows[place].sha256]) for place in worklist(rows) if rows[place].sha256 in pictures
    ]


def _task(row: Row, picture: str) -> dict[str, Any]:
    chosen = UNGRADABLE if row.grade is None else _choice(row.grade)
    prediction: dict[str, Any] = {
        "model_version": row.model,
        "result": [
            {"from_name": "grade", "to_name": "photograph", "type": "choices", "value": {"choices": [chosen]}},
        ],
    }
    if row.grade is not None:  # it can sort by that, the least sure first; of ungradable ones there is no probability
        prediction["score"] = row.probabilities[row.grade]
    return {
        "data": {
            "image": _LOCAL_FILES + quote(picture),
            "name": row.image,
            "sha256": row.sha256,
            "machine": f"machine: {chosen}{f'; {row.reason}' if row.reason else ''}",
        },
        "predictions": [prediction],
    }


def _choice(grade: int) -> str:
    return f"{grade} {GRADE_NAMES[grade]}"
