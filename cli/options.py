"""Options that several commands have."""

from pathlib import Path

import click

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
