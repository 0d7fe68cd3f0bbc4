"""Evidence about heat maps as text: what it is of, one line a map, and what the checks say."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from kerasdr.evaluation.explanation_summary import GROUPS, MapFigure
from kerasdr.evaluation.intervals import Interval
from kerasdr.evaluation.sanity_checks import Stage, Verdict

TITLES: Final = {
    "pointing": "pointing game",
    "pointing_gain": "minus chance",
    "energy": "energy inside",
    "energy_ratio": "energy / area",
    "auc": "AUC of pixels",
    "average_precision": "average precision",
    "energy_outside": "energy off retina",
    "deletion_black": "deletion, black",
    "deletion_blur": "deletion, blur",
    "insertion_black": "insertion, black",
    "insertion_blur": "insertion, blur",
}
"""Of every figure."""

SHOWN: Final = ("pointing", "energy_ratio", "auc", "average_precision")
"""The figures of localisation that are printed; tables hold all."""

_NAME, _CELL = 42, 28


def figures_table(figures: Sequence[MapFigure], names: Sequence[str]) -> str:
    """Return figures as text, a line a map or difference, and a line for each reason why some are undefined.

    Args:
        figures: of one group.
        names: of the figures, in their columns' order.
    """
    lines: dict[tuple[str, str], dict[str, MapFigure]] = {}
    for one in figures:
        lines.setdefault((one.map, one.minus), {})[one.figure] = one
    text = [" " * _NAME + "".join(f"{TITLES[name]:<{_CELL}}" for name in names).rstrip()]
    for (name, minus), row in lines.items():
        title = f"{name} minus {minus}" if minus else name
        text.append(
            f"{title:<{_NAME}}" + "".join(f"{cell(row[figure].interval):<{_CELL}}" for figure in names).rstrip()
        )
    gaps = dict.fromkeys(one.gap for one in figures if one.gap and one.figure in names)
    return "\n".join([*text, *(f"undefined, because {gap}" for gap in gaps)])


def localisation_text(figures: Sequence[MapFigure]) -> str:
    """Return the figures of localisation of each group that has photographs."""
    parts = []
    for group, words in GROUPS.items():
        own = [one for one in figures if one.group == group]
        whole = own[0].interval
        if not whole.n_images:
            parts.append(f"{words}: undefined, because {own[0].gap}")
            continue
        head = f"{words}: {whole.n_images} photographs of {whole.n_people} people"
        parts.append(f"{head}\n{figures_table(own, SHOWN)}")
    return "\n\n".join(parts)


def sanity_text(stages: Sequence[Stage], verdicts: Sequence[Verdict]) -> str:
    """Return the sanity checks: a line a stage, then the verdicts."""
    titles = {"cascade": "random from the head down", "independent": "random alone"}
    lines = [f"{'':<60}{'layers':>8}   {'rank correlation':<{_CELL}}{'absolute'}"]
    for stage in stages:
        name = f"{titles[stage.kind]}: {stage.layers}"
        silent = f"{stage.silent} constant maps left out" if stage.silent else ""
        line = f"{name:<60}{stage.share:>8.0%}   {cell(stage.spearman):<{_CELL}}{cell(stage.absolute):<{_CELL}}{silent}"
        lines.append(line.rstrip())
    return "\n".join([*lines, *(verdict.text for verdict in verdicts)])


def counts_text(counts: Mapping[str, int], reasons: Mapping[str, int], silent: Mapping[str, int]) -> str:
    """Return how many photographs there were, and why some say nothing."""
    lines = [
        f"{counts['photographs']} photographs = {counts['with_lesions']} with lesions, of {counts['people']} people"
        f" + {counts['without_lesions']} without lesions in the frame, left out + {counts['not_asked']} not graded"
    ]
    lines += [f"not graded: {count}: {reason}" for reason, count in reasons.items()]
    lines += [
        f"{name}: {count} photographs have a map without heat on the retina and are left out of its figures"
        for name, count in silent.items()
        if count
    ]
    return "\n".join(lines)


def cell(one: Interval) -> str:
    """Return ``0.612 (0.541 to 0.683)``, or what is undefined."""
    if math.isnan(one.value):
        return "undefined"
    if math.isnan(one.low):
        return f"{one.value:.3f} (no interval)"
    return f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
