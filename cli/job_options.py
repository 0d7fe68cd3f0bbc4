"""The options by which `predict` and `watch` are told how to grade, and how to tell of it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kerasdr.cli.options import engine_option, jobs_option, model_option
from kerasdr.cli.terminal import load_keras_quietly
from kerasdr.cli.trust import expect_option, identity_option, load_trusted, signers_option

if TYPE_CHECKING:
    from kerasdr.cli.job_telling import Telling
    from kerasdr.scoring.bundle import Bundle
    from kerasdr.scoring.engine import Engine
    from kerasdr.scoring.eye_sides import Orientation

Command = Callable[..., Any]


def _finite(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    # Nothing is above NaN, so it would be no limit at all.
    if value is not None and not math.isfinite(value):
        what = "seconds" if parameter.name == "photo_timeout" else "megapixels"
        raise click.BadParameter(f"{value} is not a number of {what}")
    return value


def _together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


out_option = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The CSV to write; pictures go beside it."
)

max_megapixels_option = click.option(
    "--max-megapixels",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    help="Larger photographs fail.  [default: the model's own limit]",
)


def photo_timeout_option(then: str) -> Callable[[Command], Command]:
    """Return the option that limits the time of a photograph; ``then`` says what becomes of one that takes longer."""
    return click.option(
        "--photo-timeout",
        type=click.FloatRange(min=0, min_open=True, max=86400),
        callback=_finite,
        default=30.0,
        show_default=True,
        help=f"Seconds that reading one photograph may take; one that takes longer {then}.",
    )


grading_options = _together(
    model_option,
    click.option(
        "--pictures",
        type=click.Choice(["png", "webp"]),
        default="png",
        show_default=True,
        help="How Grad-CAM pictures are stored; webp takes a tenth of the room.",
    ),
    click.option(
        "--no-gradcam",
        is_flag=True,
        help="Write no Grad-CAM pictures; those of a job before are removed, but for those of other accepted models.",
    ),
    click.option(
        "--batch-size", type=click.IntRange(1, 1024), default=16, show_default=True, help="Photographs at a time."
    ),
    max_megapixels_option,
    photo_timeout_option("waits, and fails in the third run"),
    click.option(
        "--retry-failed",
        is_flag=True,
        help="Read again what failed before, though nothing that decides it has changed.",
    ),
    click.option(
        "--grade-anyway",
        is_flag=True,
        help="Grade what the quality gate refuses, too; each such row says so under reason and goes to a reader.",
    ),
    click.option(
        "--orientation",
        type=click.Choice(["upright", "inverted", "unknown"]),
        help="How the camera shows eyes: upright, with a right eye's optic disc on the right, or inverted. Photographs whose "
        "disc contradicts the eye in their name or header say so under reason.  [default: as the model learnt]",
    ),
    click.option("--pseudonymise", is_flag=True, help="Show keyed pseudonyms in the place of names; needs --key."),
    click.option(
        "--key",
        type=click.Path(path_type=Path),
        help="The key of the pseudonyms, made if it is not there. A list of the names is kept beside it: guard both.",
    ),
    engine_option,
    jobs_option,
    expect_option,
    signers_option,
    identity_option,
    click.option(
        "--ledger",
        type=click.Path(path_type=Path),
        help="What jobs keep, so that they can go on; on a local disk.  [default: grades.ledger beside grades.csv]",
    ),
)

telling_options = _together(
    click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors, and warnings to act on."),
    click.option("--log-json", is_flag=True, help="Write events to standard error, as JSON, one a line."),
    click.option("--log", type=click.Path(path_type=Path), help="Add the same events to this file."),
    click.option(
        "--metrics",
        type=click.Path(path_type=Path),
        help="A file for Prometheus, for node_exporter's textfile collector; its name ends in .prom.",
    ),
)


def job_arguments(
    told: "Telling",
    out: Path,
    *,
    model: Path,
    pictures: str,
    no_gradcam: bool,
    batch_size: int,
    max_megapixels: float | None,
    photo_timeout: float,
    retry_failed: bool,
    grade_anyway: bool,
    orientation: "Orientation | None",
    pseudonymise: bool,
    key: Path | None,
    engine: str,
    jobs: int | None,
    ledger: Path | None,
    expect: str | None,
    signers: Path | None,
    identity: str | None,
) -> dict[str, Any]:
    """Return arguments of :func:`kerasdr.scoring.job.run_job` from :data:`grading_options`; the model is loaded here.

    Raises:
        ModelRefusedError: if the model is damaged, none, another than expected or not signed as it should be.
        KerasdrError: if the engine cannot run it here.
    """
    if pseudonymise is not (key is not None):
        raise click.UsageError("--pseudonymise and --key go together")
    from kerasdr.errors import KerasdrError, ModelRefusedError
    from kerasdr.files import printable_path
    from kerasdr.scoring.doctor.output import check_cache
    from kerasdr.scoring.engines import choose_engine, make_engine
    from kerasdr.scoring.golden_host import PASSED, check_here, known_here
    from kerasdr.scoring.pseudonyms import open_pseudonyms

    try:
        bundle = load_trusted(model, expect, signers, identity)
    except KerasdrError as error:
        raise ModelRefusedError(str(error)) from error
    told.model(bundle)
    pseudonyms = None
    if key is not None:
        pseudonyms = open_pseudonyms(key, out, ledger)
        if pseudonyms.made:
            told.warn(
                f"made the key {printable_path(key)}: keep it and a copy, as under another one every pseudonym changes"
            )
    chosen = choose_engine(bundle, engine)  # type: ignore[arg-type]

    made: list[Engine] = []

    def factory(bundle: "Bundle", batch_size: int, gradcam: bool) -> "Engine":
        if not made:
            if chosen == "keras":
                load_keras_quietly()
            engine = make_engine(bundle, batch_size, gradcam, engine=chosen, cores=jobs)
            told.golden = check_here(bundle, engine, chosen, gradcam=gradcam, batch_size=batch_size)
            made.append(engine)
            # What is known of this machine was kept in the cache, now or by a job before.
            uses_cache = bundle.golden is not None or chosen == "openvino"
            if (
                uses_cache
                and not known_here(bundle, chosen, gradcam=gradcam)
                and (cache := check_cache()).state != "ok"
            ):
                told.note(f"the cache {cache.text}")
        return made[0]

    def check() -> None:
        # A machine that is known needs no engine before there is a photograph that can be graded.
        if bundle.golden is not None:
            told.golden = known_here(bundle, chosen, gradcam=not no_gradcam) or PASSED
            if told.golden == PASSED:  # now, or when the engine was made, where the cache takes no mark
                factory(bundle, batch_size, not no_gradcam)

    return {
        "bundle": bundle,
        "gradcam": not no_gradcam,
        "batch_size": batch_size,
        "max_megapixels": max_megapixels,
        "factory": factory,
        "check": check,
        "engine": chosen,
        "pictures_as": pictures,
        "jobs": jobs,
        "ledger": ledger,
        "photo_timeout": photo_timeout,
        "retry_failed": retry_failed,
        "grade_anyway": grade_anyway,
        "orientation": orientation,
        "pseudonyms": pseudonyms,
        "progress": told.progress,
        "listener": told,
    }
