"""The codes by which grades and what belongs to them are named: a table that a site can overrule line by line."""

import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, ValidationError, model_validator

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path
from kerasdr.section import Section


def _meaning(text: str) -> str:
    # A backslash would make two values of one in DICOM, and what cannot be printed is in no value.
    if "\\" in text or not text.isprintable():
        raise ValueError("backslashes and what cannot be printed stand in no code")
    return text


_Short = Annotated[str, Field(min_length=1, max_length=16), AfterValidator(_meaning)]


class Code(NamedTuple):
    """A code with its scheme's name in DICOM and what it means, within the lengths of DICOM's SH and LO."""

    value: _Short
    scheme: _Short
    meaning: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_meaning)]


_Five = Annotated[tuple[Code, ...], Field(min_length=5, max_length=5)]


class Codes(Section):
    """The table; see ``codes.json`` beside this module for what each means."""

    # 39 digits and a dot are left of the 64 characters that a UID may have.
    uid_root: Annotated[str, Field(pattern=r"^([0-2](\.(0|[1-9]\d*))+)?$", max_length=24)]
    """What UIDs of what is written begin with; ``2.25`` if empty."""
    patient_id_systems: dict[str, Annotated[str, Field(min_length=1)]]
    """For each issuer of DICOM's patient IDs the URI that tells in FHIR whose numbers they are; that of files without an issuer
    under an empty name. An issuer that is not there has none, so that nobody's results are filed by a number alone."""
    file_name_system: str
    """URI that tells whose numbers are what the names of files say of people; none if empty."""
    schemes: dict[str, Annotated[str, Field(min_length=1)]]
    """FHIR's URI of each scheme."""
    grades: _Five
    probabilities: _Five
    grade: Code
    grade_set: Code
    referable: Code
    prob_referable: Code
    screen_positive: Code
    to_reader: Code
    gradable: Code
    reason: Code
    report: Code
    procedure: Code
    yes: Code
    no: Code
    eye: Code
    right: Code
    left: Code
    right_eye: Code
    left_eye: Code
    no_unit: Code

    @model_validator(mode="after")
    def _schemes_are_known(self) -> "Codes":
        for value in (getattr(self, name) for name in type(self).model_fields):
            for code in [value] if isinstance(value, Code) else value:
                if isinstance(code, Code) and code.scheme not in self.schemes:
                    raise ValueError(f"schemes has no URI of {code.scheme}")
        return self


def read_codes(path: Path | None = None) -> Codes:
    """Return the table of codes.

    Args:
        path: a JSON file of the lines that a site has otherwise; none if None. Schemes are added to those that are known.

    Raises:
        KerasdrError: if the file cannot be read, or is no such table.
    """
    place = importlib.resources.files("kerasdr.archive") / "codes.json"
    content: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    if path is None:
        return Codes.model_validate(content)
    shown = printable_path(path)
    try:
        own = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise KerasdrError(f"cannot read {shown}: {error.strerror}; name a table of codes with --codes") from error
    except ValueError as error:
        raise KerasdrError(f"{shown} is no JSON ({error}): mend it, or name another with --codes") from error
    if not isinstance(own, Mapping):
        raise KerasdrError(f'{shown} is no table of codes: write an object, such as {{"uid_root": "1.2.3"}}')
    try:
        schemes = own.get("schemes", {})
        return Codes.model_validate({**content, **own, "schemes": {**content["schemes"], **schemes}})
    except (ValidationError, TypeError) as error:
        raise KerasdrError(f"{shown}: {_first(error)}; a code is [value, scheme, meaning]") from error


def _first(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return "schemes is no object of names and URIs"
    fault = error.errors(include_url=False)[0]
    where = ".".join(map(str, fault["loc"]))
    return f"{where}: {fault['msg']}" if where else str(fault["msg"])
