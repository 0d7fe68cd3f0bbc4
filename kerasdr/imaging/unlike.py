"""Whether a picture is unlike any photograph of a retina: a document, a face, an X-ray, a screen, a landscape, a drawing.

Retinas differ little in what they are made of: vessels and nothing sharper, on a ground that is red everywhere and even
nowhere, within a dark frame. Each limit lies beyond all of 711 screening photographs of EyePACS, those of colour by little,
as they are what white light has and a retina is redder. Those of structure are twice the largest of these: lesions are
structure too, and an eye that is full of them must not be turned away. So pictures with nothing that a retina has not are
let through: planets, fruit, coins.
"""

from collections.abc import Mapping
from typing import Final, Literal

Side = Literal["below", "above"]

NOT_A_RETINA: Final = "does not look like a photograph of a retina: check what was sent, or take it again"
NOTHING_TO_SEE: Final = "hardly anything can be seen: check what was sent, or take it again"
NO_COLOUR: Final = "the picture has no colour, and grades are of photographs in colour: send the colour photograph"

# No photograph of a retina gets like this by being a bad one.
_NEVER: Final[tuple[tuple[str, Side, float, str], ...]] = (
    ("hues", "below", 0.001, NO_COLOUR),
    ("red", "below", 0.335, NOT_A_RETINA),
    ("blue", "above", 0.335, NOT_A_RETINA),
    ("outside", "above", 0.06, NOT_A_RETINA),
)
# Half a retina, beside black, has sharper edges, and strong compression or haze makes one even: such have other reasons first.
_EDGES: Final[tuple[tuple[str, Side, float, str], ...]] = (
    ("relief", "above", 7.0, NOT_A_RETINA),
    ("coarse", "above", 6.5, NOT_A_RETINA),
)
_EVEN: Final[tuple[tuple[str, Side, float, str], ...]] = (("even", "above", 0.33, NOTHING_TO_SEE),)


def never_a_retina(figures: Mapping[str, float]) -> str:
    """Return why figures of :func:`kerasdr.imaging.quality_figures.measure` are of no retina, or an empty string."""
    return _first(_NEVER, figures)


def too_sharp(figures: Mapping[str, float]) -> str:
    """Return the reason if there is structure that no whole retina has, or an empty string."""
    return _first(_EDGES, figures)


def too_even(figures: Mapping[str, float]) -> str:
    """Return the reason if there is less structure than any sharp photograph of a retina has, or an empty string."""
    return _first(_EVEN, figures)


def _first(rules: tuple[tuple[str, Side, float, str], ...], figures: Mapping[str, float]) -> str:
    for name, side, limit, reason in rules:
        value = figures.get(name)
        if value is not None and (value < limit if side == "below" else value > limit):
            return reason
    return ""
