"""What a job lists: all that was named, but for its own pictures, under pseudonyms if it has any."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from kerasdr.errors import KerasdrError, MissingError
from kerasdr.files import printable_path
from kerasdr.scoring.inputs import Input, NoPhotographsError, list_inputs
from kerasdr.scoring.names import pictures_folder
from kerasdr.scoring.pseudonyms import WITHOUT_NAMES, Pseudonyms


def list_for_job(arguments: Sequence[str], out: Path, pseudonyms: Pseudonyms | None) -> list[Input]:
    """Return the inputs of a job.

    Args:
        arguments: files, folders or globs.
        out: its CSV.
        pseudonyms: shown and kept in the place of names, if any.

    Raises:
        MissingError: if there are no photographs and the CSV of an earlier job is there.
        KerasdrError: if there is nothing to score; names are told only without pseudonyms.
    """
    try:
        inputs = list_inputs(arguments, skip=[pictures_folder(out)])
    except KerasdrError as error:
        said = str(error)
        if pseudonyms is not None:
            said = WITHOUT_NAMES
        if isinstance(error, NoPhotographsError) and os.path.lexists(out):
            # A share that is away leaves an empty folder where it is connected.
            shown = printable_path(out)
            remedy = f"connect the share or disk, and run again; {shown} stays as it was, with --accept-missing too"
            raise MissingError(f"{said}, or {remedy}", f"no photographs in what was named: {remedy}") from error
        if pseudonyms is None:
            raise
        raise KerasdrError(said) from error
    return inputs if pseudonyms is None else pseudonyms.rename(inputs)


def path_names(paths: Iterable[str | Path] | str | Path) -> list[str]:
    """Return paths as texts; one path alone is a list of one."""
    # One path alone is a slip that is easily made, and a string of letters would be a list of names.
    return [os.fspath(paths)] if isinstance(paths, str | Path) else [os.fspath(path) for path in paths]
