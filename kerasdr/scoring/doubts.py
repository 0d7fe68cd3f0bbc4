"""When a photograph is doubtful: its figures lie beyond those of nearly all photographs that a bundle learnt from.

The quality gate refuses what nobody could grade. Between that and a good photograph lies what can be graded and had better be
seen by a person: networks answer to blur, haze or darkness with "no lesions", and nothing in the answer tells. What is blurred
hangs on the camera, so limits are quantiles of the figures of the run's own photographs, one side each: the side on which a
photograph is worse.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from kerasdr.scoring.rows import DOUBTFUL
from kerasdr.section import Section

Side = Literal["below", "above"]

RULES: Final[Mapping[str, tuple[str, Side, str]]] = {
    "soft": ("sharpness", "below", "blurred"),
    "hazy": ("contrast", "below", "hazy"),
    "dark": ("brightness", "below", "dark"),
    "flat": ("shading", "below", "flat"),
    "grainy": ("grain", "above", "grainy"),
    "smoothed": ("grain", "below", "smoothed or strongly compressed"),
    "reflex": ("highlight", "above", "with a bright reflex"),
    "partial": ("field", "below", "lit in part"),
}
"""By name: the figure of :data:`kerasdr.imaging.quality_figures.MEANINGS`, where it is worse, and the word for that."""


class Doubts(Section):
    """Limits beyond which a photograph is doubtful, and what they were taken from."""

    share: Annotated[float, Field(gt=0.0, lt=0.5)]
    """Of the photographs, at most this share lies beyond each limit."""
    photographs: Annotated[int, Field(ge=1)]
    """How many they were: of training and validation, let through by the gate."""
    doubtful: Annotated[int, Field(ge=0)]
    """How many of them lie beyond one limit or more."""
    limits: dict[str, float]
    """By name of :data:`RULES`."""

    @model_validator(mode="after")
    def _known(self) -> "Doubts":
        unknown = sorted(set(self.limits) - set(RULES))
        if unknown:
            raise ValueError(f"no doubt is called {unknown[0]!r}; known are {', '.join(RULES)}")
        return self

    def reason(self, figures: Mapping[str, float]) -> str:
        """Return what makes a photograph doubtful and what to do, or an empty string if it is not."""
        words = [RULES[name][2] for name in RULES if name in self.limits and _beyond(name, self.limits[name], figures)]
        if not words:
            return ""
        listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
        return f"{DOUBTFUL}, {listed}: have a person look at it, or take it again"


def find_doubts(figures: Sequence[Mapping[str, float]], share: float) -> Doubts | None:
    """Return limits beyond which at most a share of some photographs lies, for each rule.

    Args:
        figures: of photographs that the gate lets through.
        share: above 0, below 0.5.

    Returns:
        None if no photograph has figures.
    """
    limits = {}
    for name, (figure, side, _) in RULES.items():
        known = sorted(found[figure] for found in figures if figure in found)
        if known:
            # A value that was seen, so that with few photographs none of them lies beyond.
            beyond = int(share * len(known))
            limits[name] = known[beyond] if side == "below" else known[-1 - beyond]
    if not limits:
        return None
    doubtful = sum(any(_beyond(name, limit, found) for name, limit in limits.items()) for found in figures)
    return Doubts(share=share, photographs=len(figures), doubtful=doubtful, limits=limits)


def _beyond(name: str, limit: float, figures: Mapping[str, float]) -> bool:
    figure, side, _ = RULES[name]
    # What hardly shows anything has no figures of its structure; the gate judges that.
    value = figures.get(figure)
    return value is not None and (value < limit if side == "below" else value > limit)
