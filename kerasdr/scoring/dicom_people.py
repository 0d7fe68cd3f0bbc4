"""Pairs of DICOM files by what their headers say of person and eye, as archives give files no names that tell it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from kerasdr.data.names import PhotoName
from kerasdr.scoring.inputs import Input, may_be_called_dicom
from kerasdr.scoring.reading import read_begin

WhoseOf = Callable[[Sequence[Input]], Sequence[str]]
"""Takes inputs and returns what :func:`whose_of` says of each."""


def whose_of(entry: Input) -> str:
    """Return person, eye and picture of a DICOM file as one line of digests; empty where its header does not tell.

    Only its beginning is read and parsed here, and no pixel is decoded.
    """
    try:
        from kerasdr.imaging.dicom_person import HEADER_BYTES, whose_eye

        found = whose_eye(read_begin(entry.path, HEADER_BYTES))
    except Exception:  # no pydicom, or no file: reading it for its pixels will tell what is wrong
        return ""
    return "" if found is None else " ".join(found)


def told_by_headers(inputs: Sequence[Input], read: WhoseOf | None = None) -> list[Input]:
    """Return inputs, those of DICOM files with what their headers say in the place of their names.

    Args:
        inputs: of a job or a command.
        read: looks into the headers; one after the other in this thread if None.
    """
    told = list(inputs)
    places = [
        place
        for place, entry in enumerate(inputs)
        if entry.told is None and not entry.problem and may_be_called_dicom(entry.path)
    ]
    if not places:
        return told
    asked = [inputs[place] for place in places]
    for place, line in zip(places, list(map(whose_of, asked)) if read is None else read(asked), strict=True):
        if line:
            told[place] = replace(inputs[place], told=PhotoName(*line.split(" ")))
    return told
