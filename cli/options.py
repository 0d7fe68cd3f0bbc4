"""Options that several commands have."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kerasdr.files import may_be_replaced


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


class OutputFile(click.Path):
    """A file to write, over nothing else than what the same command wrote there before.

    Args:
        begins: how files of its kind begin; what begins otherwise is kept.
    """

    def __init__(self, *begins: bytes) -> None:
        super().__init__(path_type=Path, dir_okay=False)
        self._begins = begins

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Path:
        """Return the path, once it is found that nothing is lost."""
        path = Path(os.fsdecode(super().convert(value, parameter, context)))
        if not may_be_replaced(path, lambda begin: begin.startswith(self._begins)):
            self.fail(f"{str(path)!r} holds something else and would be lost: name another file", parameter, context)
        return path


model_option = click.option(
    "--model",
    type=click.Path(path_type=Path),
    default=Path("runs/chosen"),
    show_default=True,
    help="A bundle, a run, or a pointer to one.",
)


def images_option(*, required: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option that says where the photographs of a CSV lie."""
    return click.option(
        "--images",
        "roots",
        multiple=True,
        required=required,
        metavar="ROOT",
        help="A folder, file or glob that holds the photographs; may be given many times. They are known by their bytes.",
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
