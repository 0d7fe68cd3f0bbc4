from dataclasses import dataclass

import numpy as np
import pytest

from kerasdr.evaluation.agreement import agreement_text, cross_table


@dataclass(frozen=True)
class One:
    """What a model said of a photograph."""

    grade: int | None
    prob_referable: float | None = None
    status: str = "graded"


DARK, FAILED = One(None, status="ungradable"), One(None, status="failed")

# Old before new.
PAIRS = [
    (One(0, 0.10), One(0, 0.20)),
    (One(0, 0.10), One(2, 0.60)),
    (One(2, 0.70), One(1, 0.40)),
    (One(2, 0.70), One(2, 0.70)),
    (One(4, 0.95), One(3, 0.90)),
    (One(3, 0.80), DARK),
    (One(3, 0.80), FAILED),
    (DARK, One(4, 0.99)),
    (DARK, DARK),
]


def test_every_photograph_is_in_the_table_once() -> None:
    expected = np.zeros((7, 7), int)
    for old, new in ((0, 0), (0, 2), (2, 1), (2, 2), (4, 3), (3, 5), (3, 6), (5, 4), (5, 5)):
        expected[old, new] += 1
    assert (cross_table(PAIRS) == expected).all()


def test_figures_by_hand() -> None:
    lines = agreement_text(PAIRS).splitlines()
    assert lines[0].split() == ["old", "|", "new", "0", "1", "2", "3", "4", "ungradable", "failed"]
    assert [line.split()[0] for line in lines[1:7]] == ["0", "1", "2", "3", "4", "ungradable"]
    assert lines[4].split()[1:] == ["0", "0", "0", "0", "0", "1", "1"]
    # Of the five pairs of grades: squares of their distances sum to 4 + 1 + 1; of all 25 pairings of an old with a new grade:
    # old 0, 0, 2, 2, 4 against new 0, 2, 1, 2, 3: 18 + 18 + 6 + 6 + 34.
    kappa = 1 - 6 * 5 / (18 + 18 + 6 + 6 + 34)
    assert lines[7:] == [
        f"agreement        quadratic kappa {kappa:.4f} of 5 graded by both",
        f"prob_referable   changes by {(0.1 + 0.5 - 0.3 + 0.0 - 0.05) / 5:+.4f} on average, by +0.5000 at most",
    ]


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([(One(3, 0.8), One(3, 0.9))] * 2, "undefined of 2 graded by both: both give all one and the same grade"),
        ([(DARK, One(3, 0.8))], "undefined of 0 graded by both: there is none"),
    ],
)
def test_what_is_undefined_says_so(pairs: list[tuple[One, One]], why: str) -> None:
    text = agreement_text(pairs)
    assert f"quadratic kappa {why}\n" in text and "nan" not in text
    assert ("undefined: no photograph was graded by both" in text) is ("of 0" in why)
