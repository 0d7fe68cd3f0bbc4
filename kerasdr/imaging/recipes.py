"""Named preprocessings: how a decoded photograph becomes the network's input."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasdr.errors import KerasdrError
from kerasdr.imaging import steps
from kerasdr.imaging.retina import Disc

_GEOMETRY: Final[Mapping[str, Callable[..., NDArray[np.uint8]]]] = {
    "resize": steps.resize,
    "circular-crop": steps.circular_crop,
}
_ENHANCEMENTS: Final[Mapping[str, Callable[..., NDArray[np.uint8]]]] = {
    "clahe": steps.clahe,
    "ben-graham": steps.ben_graham,
    "gaussian-blur": steps.gaussian_blur,
}

# Table 10 of the report compares none, clahe-crop, clahe-crop-graham and clahe-crop-blur.
_RECIPES: Final[Mapping[str, tuple[str, ...]]] = {
    "none": ("resize",),
    "crop": ("circular-crop",),
    "clahe": ("resize", "clahe"),
    "clahe-crop": ("circular-crop", "clahe"),
    "graham-crop": ("circular-crop", "ben-graham"),
    "clahe-crop-graham": ("circular-crop", "clahe", "ben-graham"),
    "clahe-crop-blur": ("circular-crop", "clahe", "gaussian-blur"),
}


@dataclass(frozen=True)
class Step:
    """One step of a recipe: its name and the options that differ from the defaults."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A named preprocessing.

    Attributes:
        name: for people.
        size: side of the square that comes out, in pixels.
        steps: one geometric step, then any enhancements, in order.
    """

    name: str
    size: int
    steps: tuple[Step, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data, to travel with a model."""
        return {
            "name": self.name,
            "size": self.size,
            "steps": [{"name": step.name, "options": dict(step.options)} for step in self.steps],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Recipe":
        """Read a recipe from plain data.

        Raises:
            KerasdrError: if a key, step or option is missing, unknown or of the wrong kind.
        """
        if not isinstance(content, Mapping) or set(content) != {"name", "size", "steps"}:
            raise KerasdrError(f"a recipe has the keys name, size and steps, got {content!r}")
        size, listed = content["size"], content["steps"]
        if not isinstance(size, int) or isinstance(size, bool) or not 8 <= size <= 4096:
            raise KerasdrError(f"a recipe's size is between 8 and 4096 px, got {size!r}")
        if not isinstance(listed, list) or not listed:
            raise KerasdrError(f"a recipe has a list of steps, got {listed!r}")
        made = []
        for index, step in enumerate(listed):
            if (
                not isinstance(step, Mapping)
                or set(step) != {"name", "options"}
                or not isinstance(step["options"], Mapping)
            ):
                raise KerasdrError(f"a step has the keys name and options, got {step!r}")
            known = _GEOMETRY if index == 0 else _ENHANCEMENTS
            if step["name"] not in known:
                raise KerasdrError(f"step {index + 1} is one of {', '.join(known)}, got {step['name']!r}")
            allowed = set(inspect.signature(known[step["name"]]).parameters) - {"rgb", "size", "disc"}
            for option, value in step["options"].items():
                if option not in allowed or isinstance(value, bool) or not isinstance(value, int | float):
                    raise KerasdrError(
                        f"step {step['name']} takes numbers for {sorted(allowed)}, got {option}={value!r}"
                    )
            made.append(Step(step["name"], dict(step["options"])))
        return cls(str(content["name"]), size, tuple(made))


def recipe_names() -> tuple[str, ...]:
    """Return the names of all recipes."""
    return tuple(_RECIPES)


def get_recipe(name: str, size: int) -> Recipe:
    """Return a named recipe for pictures of ``size`` pixels.

    Raises:
        KerasdrError: if there is no such recipe; the message lists those that exist.
    """
    if name not in _RECIPES:
        from kerasdr.overrides import suggestion  # which reads YAML; those that only prepare photographs do not

        raise KerasdrError(
            f"no recipe is called {name!r}{suggestion(name, _RECIPES)}; imaging.recipe is one of {', '.join(_RECIPES)}"
        )
    return Recipe(name, size, tuple(Step(step) for step in _RECIPES[name]))


def apply_recipe(recipe: Recipe, rgb: NDArray[np.uint8], disc: Disc | None = None) -> NDArray[np.uint8]:
    """Apply a recipe to ``(H, W, 3)`` uint8 RGB, giving ``(size, size, 3)`` uint8 RGB; the input is left as it is.

    Args:
        recipe: what to do.
        rgb: the decoded photograph.
        disc: where its retina is, if that is known already (:func:`kerasdr.imaging.retina.find_retina`).
    """
    picture = apply_geometry(recipe, rgb, recipe.size, disc)
    for step in recipe.steps[1:]:
        picture = _ENHANCEMENTS[step.name](picture, **step.options)
    return picture


def apply_geometry(recipe: Recipe, rgb: NDArray[np.uint8], size: int, disc: Disc | None = None) -> NDArray[np.uint8]:
    """Apply a recipe's geometric step alone, at any size: the frame on which its heat maps lie."""
    return _GEOMETRY[recipe.steps[0].name](rgb, size, disc=disc, **recipe.steps[0].options)
