"""The entry point: sub-commands that are imported only when they run, and errors in one line."""

import sys

import click

from kerasdr import __version__
from kerasdr.cli.lazy_group import LazyGroup
from kerasdr.errors import ExitCode, KerasdrError
from kerasdr.extras import how_to_install

# name: (module, attribute, help for the list). Naming help here keeps `kerasdr --help` from importing anything else.
COMMANDS = {
    "train": ("kerasdr.cli.train", "train_command", "Train an experiment: data, members, ensemble, bundle."),
    "predict": ("kerasdr.cli.predict", "predict_command", "Grade photographs into a CSV, with Grad-CAM pictures."),
    "watch": ("kerasdr.cli.watch", "watch_command", "Grade photographs as they come into a folder."),
    "merge": ("kerasdr.cli.merge", "merge_command", "Make one CSV of the parts of `predict --part`."),
    "jobs": ("kerasdr.cli.jobs", "jobs_group", "Show and check what jobs of `predict` have done."),
    "review": (
        "kerasdr.cli.review",
        "review_group",
        "Look at a job's grades on a page, and merge what readers decide.",
    ),
    "evaluate": (
        "kerasdr.cli.evaluate",
        "evaluate_command",
        "Report on a run's test part, opened once, or on a CSV of grades.",
    ),
    "compare": ("kerasdr.cli.compare", "compare_command", "Compare sets of grades of the same photographs."),
    "report": ("kerasdr.cli.report", "report_command", "Write the tables and figures of the tasks from their runs."),
    "runs": ("kerasdr.cli.runs", "runs_command", "List runs."),
    "choose": ("kerasdr.cli.runs", "choose_command", "Choose the run that `predict` uses."),
    "bundle": (
        "kerasdr.cli.bundle",
        "bundle_group",
        "Show, check or sign a model, make its graphs, or take a new one.",
    ),
    "data": ("kerasdr.cli.data", "data_group", "Look at a data set, or draw a synthetic one."),
    "preview": ("kerasdr.cli.preview", "preview_command", "Show what recipes make of photographs."),
    "explain": ("kerasdr.cli.explain", "explain_command", "Draw what the networks looked at, by method and layer."),
    "evidence": ("kerasdr.cli.evidence", "evidence_group", "Test what is claimed about a model."),
    "probe": ("kerasdr.cli.probe", "probe_command", "Cross-validate a linear probe on a trunk's features."),
    "doctor": ("kerasdr.cli.doctor", "doctor_command", "Look whether this machine is fit to grade."),
    "bench": ("kerasdr.cli.bench", "bench_command", "Measure how fast a model grades on this machine."),
    "models": ("kerasdr.cli.models", "models_command", "List trunks, recipes, layouts and configurations."),
}


# Modules of packages that a lean installation leaves out, and of extras.
_REQUIRED = frozenset(
    {
        *("keras", "tensorflow", "keras_cv", "sklearn", "pandas", "tf_keras_vis", "matplotlib", "PIL", "h5py", "scipy"),
        *("openvino", "onnxruntime", "onnx", "tf2onnx", "nncf", "jax", "isal", "cv2", "numpy", "pydantic", "yaml"),
    }
)


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="kerasdr")
def cli() -> None:
    """Grade diabetic retinopathy from photographs of the retina.

    For research. Not a medical device: a grade is no diagnosis and needs a qualified reader.
    """


def _declared(module: str) -> str:
    """Return the top name of a module if it is of a package that kerasdr requires or names in an extra, else nothing."""
    root = module.split(".")[0]
    return root if root in _REQUIRED else ""


def main() -> None:
    """Run the command line; what people can mend is one line on standard error, with the exit code of its kind."""
    try:
        # Left to itself, click turns an interruption into exit code 1, which is that of a job that cannot be done.
        code = cli.main(prog_name="kerasdr", standalone_mode=False)
    except KerasdrError as error:
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    except ModuleNotFoundError as error:
        if not (missing := _declared(error.name or "")):
            raise
        click.echo(
            f"error: this needs {missing}, which is not installed here, as in a lean installation: {how_to_install(missing)}",
            err=True,
        )
        code = ExitCode.FAILED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        code = ExitCode.INTERRUPTED
    sys.exit(int(code or 0))
