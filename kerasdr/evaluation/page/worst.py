"""The worst errors of a run: which they are, and how they are shown."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from kerasdr.evaluation.page.markup import Markup, element
from kerasdr.evaluation.page.run_files import PartFiles, RunFiles
from kerasdr.grades import GRADE_NAMES


@dataclass(frozen=True)
class Thumbnail:
    """A small picture of a photograph.

    Attributes:
        data: the file.
        media: its media type, such as ``image/webp``.
        heat: whether a heat map is beside the photograph.
    """

    data: bytes
    media: str
    heat: bool


@dataclass(frozen=True)
class Thumbnails:
    """Pictures of some photographs.

    Attributes:
        by_image: by ``image_id``, as far as there are any.
        gaps: why others are not there, or have no heat map, one line each.
    """

    by_image: Mapping[str, Thumbnail] = field(default_factory=dict)
    gaps: Sequence[str] = ()


MakeThumbnails = Callable[[RunFiles, pd.DataFrame], Thumbnails]
"""Takes a run and rows of its predictions, and returns pictures of these photographs."""


def worst_errors(part: PartFiles, count: int = 12) -> pd.DataFrame:
    """Return the photographs that are most wrong: by the distance of grades, then by the probability of the wrong grade.

    Args:
        part: of a run.
        count: how many at most.

    Returns:
        Rows of its predictions, with ``error`` in grades and ``sure``, the probability of the predicted grade (nan without
        probabilities); of equal errors, by name.
    """
    table = part.predictions.assign(error=(part.predictions["predicted"] - part.predictions["grade"]).abs())
    columns = [f"prob_{grade}" for grade in range(5)]
    sure = float("nan")
    if columns[0] in table:
        values = table[columns].to_numpy(dtype=float)
        sure = values[range(len(table)), table["predicted"].to_numpy()]
    table = table.assign(sure=sure)
    wrong = table[table["error"] > 0]
    ordered = wrong.sort_values(["error", "sure", "image_id"], ascending=[False, False, True], kind="stable")
    return ordered.head(count).reset_index(drop=True)


def worst_list(worst: pd.DataFrame, thumbnails: Mapping[str, Thumbnail]) -> Markup:
    """Return the worst errors as a list, with pictures where there are any."""
    items = []
    for row in worst.to_dict("records"):
        grade, said = int(row["grade"]), int(row["predicted"])
        words = f"true {grade} ({GRADE_NAMES[grade]}), predicted {said} ({GRADE_NAMES[said]})"
        sure = "" if pd.isna(row["sure"]) else f", with probability {row['sure']:.2f}"
        shown = thumbnails.get(str(row["image_id"]))
        picture = None
        if shown is not None:
            beside = " and, beside it, what spoke for the predicted grade (Grad-CAM)" if shown.heat else ""
            picture = element(
                "img",
                src=f"data:{shown.media};base64,{base64.b64encode(shown.data).decode('ascii')}",
                alt=f"Photograph {row['image_id']}{beside}; {words}",
            )
        items.append(element("li", picture, element("strong", str(row["image_id"])), f": {words}{sure}"))
    return element("ol", *items, class_="worst")
