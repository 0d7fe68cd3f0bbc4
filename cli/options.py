"""Options that several commands have."""

import re
from pathlib import Path

import click


class Duration(click.ParamType):
    """Seconds, from a number with its unit."""

    name = "duration"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """Return the seconds that a text such as ``6h`` tells."""
        if isinstance(value, float):
            return value
        if not (match := re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", str(value))):
            self.fail(f"{value!r} is no time: give a number and s, m or h, such as 6h or 90m", parameter, context)
        return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


model_option = click.option(
    "--model",
    type=click.Path(path_type=Path),
    default=Path("runs/chosen"),
    show_default=True,
    help="A bundle, a run, or a pointer to one.",
)
engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "openvino", "onnxruntime", "keras"]),
    default="auto",
    show_default=True,
    help="What does the arithmetic; auto takes the fastest that the model and this machine have.",
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Cores to plan threads for; Keras decides for itself.  [default: all that this process may use]",
)
