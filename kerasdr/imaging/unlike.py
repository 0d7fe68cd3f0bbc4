"""Whether a picture is unlike any photograph of a retina: a document, a face, an X-ray, a screen, a landscape.

What is looked at is colour and frame, and never how much there is on the retina: an eye that is full of lesions or of a
laser's scars must not be turned away. A retina is red nearly everywhere and changes in colour, and a camera shows it round in a
dark frame. Where that round edge is found, colours have much room, as cameras balance white in their own ways; where it is not,
the picture has to have the colours of a retina: red above its share of white light, blue below, and not one and the same
everywhere. All limits lie beyond 711 screening photographs of EyePACS. Round pictures on black in such colours are let
through: planets, fruit, coins.
"""

from collections.abc import Mapping
from typing import Final, Literal

Side = Literal["below", "above"]
Rule = tuple[str, Side, float, str]

NOT_A_RETINA: Final = "does not look like a photograph of a retina: check what was sent, or take it again"
NO_COLOUR: Final = "the picture has no colour, and grades are of photographs in colour: send the colour photograph"
OTHER_COLOURS: Final = "the colours are not those of a retina: check what was sent, and the camera's white balance"
MORE_THAN_A_RETINA: Final = (
    "there is more in the picture than one retina: check what was sent, and export it without bars and panels"
)
NOTHING_TO_SEE: Final = "hardly anything can be seen: check what was sent, or take it again"

_ALWAYS: Final[tuple[Rule, ...]] = (
    ("hues", "below", 0.001, NO_COLOUR),
    ("outside", "above", 0.25, MORE_THAN_A_RETINA),
    ("red", "below", 0.30, OTHER_COLOURS),
    ("blue", "above", 0.40, OTHER_COLOURS),
)
# A third is what each colour has of white light.
_WITHOUT_EDGE: Final[tuple[Rule, ...]] = (
    ("red", "below", 0.335, NOT_A_RETINA),
    ("blue", "above", 0.335, NOT_A_RETINA),
    ("hues", "below", 0.004, NOT_A_RETINA),
)
_EVEN: Final[tuple[Rule, ...]] = (("even", "above", 0.5, NOTHING_TO_SEE),)


def unlike_a_retina(figures: Mapping[str, float], *, edge: bool) -> str:
    """Return why a picture is of no retina, or an empty string.

    Args:
        figures: of :func:`kerasdr.imaging.quality_figures.measure`.
        edge: whether the retina's round edge was found in a dark frame.
    """
    return _first(_ALWAYS if edge else (*_ALWAYS, *_WITHOUT_EDGE), figures)


def too_even(figures: Mapping[str, float]) -> str:
    """Return the reason if half of a picture has no structure at all, or an empty string."""
    return _first(_EVEN, figures)


def _first(rules: tuple[Rule, ...], figures: Mapping[str, float]) -> str:
    for name, side, limit, reason in rules:
        value = figures.get(name)
        if value is not None and (value < limit if side == "below" else value > limit):
            return reason
    return ""
