"""What stands at the top of the page: what the job did, and what was published of others' ungradable photographs."""

from collections import Counter
from collections.abc import Sequence

from kerasdr.evaluation.page.markup import Markup, element, joined
from kerasdr.evaluation.page.yardsticks import load_yardsticks
from kerasdr.grades import GRADE_NAMES, GRADES, REFERABLE_FROM
from kerasdr.reporting import plural
from kerasdr.scoring.rows import Row

PROPOSAL = "For research, and no medical device. Machine grades are a proposal: the person who looks at a photograph grades it."
DEFINITION = f"Referable: grade {REFERABLE_FROM} or worse (more than mild retinopathy)."
_CAUTION = "Each is of other people, photographed in another way, and counts something else: for perspective, not as a ranking."


def not_graded_words(rows: Sequence[Row]) -> str:
    """Return the share of photographs that could not be graded, in words."""
    counted = Counter(row.status for row in rows)
    answered = len(rows) - counted["waiting"]
    if not answered:
        return "no photograph has an answer yet"
    lost = counted["ungradable"] + counted["failed"]
    return (
        f"{lost / answered:.1%} not graded ({counted['ungradable']} ungradable + {counted['failed']} failed of {answered} "
        f"{plural(answered, 'photograph')})"
    )


def opening(rows: Sequence[Row]) -> Markup:
    """Return what is to be known of a job before its grades are looked at."""
    counted = Counter(row.status for row in rows)
    graded = Counter(row.grade for row in rows if row.grade is not None)
    referable = sum(row.referable is True for row in rows)
    models = sorted({row.model for row in rows} - {""})
    published = [(one.system, one.where, one.not_graded) for one in load_yardsticks()]
    told = [f"{system}, {where}: {share}" for system, where, share in published if not share.startswith("not given")]
    statuses = ", ".join(f"{count} {status}" for status, count in counted.most_common())
    if doubtful := sum(row.doubtful for row in rows):
        statuses += f"; {doubtful} graded though doubtful"
    counts = [
        element("tr", element("th", f"{grade} {GRADE_NAMES[grade]}", scope="row"), element("td", graded[grade]))
        for grade in GRADES
    ]
    return joined(
        element("p", PROPOSAL, class_="note"),
        element(
            "div",
            element(
                "div",
                element("p", element("strong", f"{len(rows)} {plural(len(rows), 'photograph')}"), f": {statuses}"),
                element("p", f"{referable} referable. {DEFINITION}"),
                element("p", plural(len(models), "Model"), ": ", ", ".join(models) or "none has answered"),
            ),
            element(
                "table", element("caption", "Counts by machine grade"), element("tbody", *counts), class_="numbers"
            ),
            element(
                "div",
                element("p", element("strong", not_graded_words(rows)), ". Published of other systems:"),
                element("ul", *(element("li", one) for one in told)),
                element("p", _CAUTION, class_="soft"),
            ),
            class_="about",
        ),
    )
