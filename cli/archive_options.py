"""The options by which `predict` also writes for an archive and a record, and what they make of a job that has ended."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kerasdr.archive.writing import Wanted
    from kerasdr.cli.job_telling import Telling
    from kerasdr.scoring.outcome import Summary

Command = Callable[..., Any]


def archive_options(command: Command) -> Command:
    """Add ``--dicom-out``, ``--fhir-out`` and ``--codes`` to a command."""
    for option in (
        click.option(
            "--codes",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE.json",
            help="A site's own codes for --dicom-out and --fhir-out; see docs/archive.md.",
        ),
        click.option(
            "--fhir-out",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE.json",
            help="Also write a FHIR R4 bundle: an Observation for each photograph, a DiagnosticReport for each person and "
            "study.",
        ),
        click.option(
            "--dicom-out",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="FOLDER",
            help="Also write, for each DICOM photograph, a structured report and the Grad-CAM picture as DICOM files. They "
            "hold the person's name and number.",
        ),
    ):
        command = option(command)
    return command


@contextlib.contextmanager
def room_for_archive(
    dicom: Path | None, fhir: Path | None, codes: Path | None, *, pseudonymise: bool
) -> Iterator["Wanted | None"]:
    """Find out before the night that all can be written, and give what is wanted, or None.

    Raises:
        UsageError: if options do not go together.
        KerasdrError: if a package is missing, a place cannot be written to, or the codes cannot be read.
    """
    if dicom is None and fhir is None:
        if codes is not None:
            raise click.UsageError("--codes is for --dicom-out and --fhir-out: give one of them")
        yield None
        return
    if pseudonymise:
        raise click.UsageError(
            "--dicom-out and --fhir-out name people, and --pseudonymise names none: leave out one of them"
        )
    from kerasdr.archive.codes import read_codes
    from kerasdr.archive.writing import Wanted, check_installed
    from kerasdr.scoring.results import room_for

    wanted = Wanted(dicom, fhir, read_codes(codes))
    with contextlib.ExitStack() as stack:
        if dicom is not None:
            check_installed()
            stack.enter_context(room_for(dicom, "--dicom-out"))
        if fhir is not None:
            stack.enter_context(room_for(fhir.parent, "--fhir-out"))
        yield wanted


def then_archive(
    finish: "Callable[[Summary], None]",
    wanted: "Wanted | None",
    arguments: dict[str, Any],
    told: "Telling",
    lines: list[str],
) -> "Callable[[Summary], None]":
    """Return what a job calls at its end: what it called anyway, and then the writing of what is wanted.

    Args:
        finish: what it called anyway.
        wanted: from :func:`room_for_archive`.
        arguments: of :func:`kerasdr.cli.job_options.job_arguments`.
        told: warns of what was not written, however quiet it is to be.
        lines: takes what people are told at the end.
    """

    def then(summary: "Summary") -> None:
        finish(summary)
        if wanted is not None:
            from kerasdr.archive.writing import write_archive

            bundle = arguments["bundle"]
            limit = arguments["max_megapixels"] or bundle.max_megapixels
            for line, look in write_archive(summary, bundle, wanted, limit):
                if look:
                    told.warn(line)
                else:
                    lines.append(line)

    return then
