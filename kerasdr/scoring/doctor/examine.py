"""All points of a machine, in the order in which they are told."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kerasdr.scoring.doctor.host import (
    check_backend,
    check_clock,
    check_cores,
    check_fonts,
    check_memory,
    check_open_files,
    check_processor,
)
from kerasdr.scoring.doctor.output import check_cache, check_output, check_temporary
from kerasdr.scoring.doctor.packages import check_packages, check_python
from kerasdr.scoring.doctor.point import Point, problem, warning

if TYPE_CHECKING:
    from kerasdr.scoring.engines import EngineName


def examine(
    model: Path | None, out: Path, engine: "EngineName" = "auto", before_keras: Callable[[], None] = lambda: None
) -> list[Point]:
    """Look at a machine.

    Args:
        model: a bundle, a run, or a pointer to one; nothing is told of a model if None.
        out: the folder for results.
        engine: that a job would take.
        before_keras: called before Keras is loaded, if it is.
    """
    points = [check_python(), *check_packages(), check_processor(), check_cores()]
    try:
        points += _of_model(model, engine, before_keras)
    except ImportError as error:  # as of a package that is missing, or was badly installed: all else can be looked at
        what = error.name or str(error).split("\n")[0]
        points.append(problem("model", f"cannot be looked at without {what}: pip install -c constraints.txt ."))
    points += check_output(out)
    return [
        *points,
        check_cache(),
        check_temporary(),
        check_fonts(),
        check_clock(),
        check_open_files(),
        check_backend(),
    ]


def _of_model(model: Path | None, engine: "EngineName", before_keras: Callable[[], None]) -> list[Point]:
    # Imported here, so that the points above are told where these do not load.
    from kerasdr.scoring.doctor.model import check_answers, check_bundle, check_engine, needed_memory

    bundle, name = None, engine
    points = [warning("model", "none is named and there is no runs/chosen: name one with --model")]
    if model is not None:
        points, bundle = check_bundle(model)
        if bundle is not None:
            point, made, name = check_engine(bundle, engine, before_keras)
            points.append(point)
            if made is not None:
                points.append(check_answers(bundle, made, name))
    return [check_memory(needed_memory(bundle, name)), *points]
