"""A job's findings as one FHIR Bundle of the type ``collection``, written as they come."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from kerasdr.archive import FHIR_BEGINS
from kerasdr.archive.codes import Codes
from kerasdr.archive.fhir import Finding, Resource, finding_of, report_of
from kerasdr.archive.photographs import Photograph
from kerasdr.files import open_atomically, printable_path
from kerasdr.reporting import plural
from kerasdr.scoring.bundle import Bundle


class FhirBundle:
    """Takes photographs one after the other; of each little more is kept than its Observation's number.

    Args:
        file: open for writing.
        path: of the file, as people are told.
        bundle: what graded.
        codes: how things are named.
    """

    def __init__(self, file: IO[bytes], path: Path, bundle: Bundle, codes: Codes) -> None:
        self._file, self._path = file, path
        self._bundle, self._codes = bundle, codes
        self._studies: dict[str, list[Finding]] = {}
        self._ids: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._first = True
        file.write(FHIR_BEGINS)

    def take(self, photograph: Photograph) -> None:
        """Write the Observation of a photograph, unless it waits, or its header is not what was graded any more."""
        if photograph.row.status == "waiting":
            self._counts["waiting"] += 1
            return
        if photograph.kind in ("lost", "odd"):
            self._counts[photograph.kind] += 1
            return
        finding = finding_of(photograph, self._bundle.label, self._bundle.digest, self._codes)
        if finding.id in self._ids:  # a copy
            return
        self._ids.add(finding.id)
        self._entry(finding.resource)
        short = Finding({"id": finding.id}, finding.subject, finding.said, finding.date, finding.study)
        # People without names share a number, and visits of years apart are no one report.
        self._studies.setdefault(json.dumps([finding.subject, finding.study]), []).append(short)

    def end(self) -> tuple[str, bool]:
        """Write the reports and the end, and return what people are told, and whether something is left out unasked."""
        for findings in self._studies.values():
            self._entry(report_of(findings, self._codes))
        self._file.write(b"\n}\n" if self._first else b"\n ]\n}\n")
        reports, found = len(self._studies), len(self._ids)
        text = f"{printable_path(self._path)}: {found} {plural(found, 'observation')} in {reports} "
        text += plural(reports, "report")
        for kind, said in (
            ("waiting", "waiting"),
            ("lost", "gone or changed since graded"),
            ("odd", "without a header to refer to"),
        ):
            if self._counts[kind]:
                text += f"; {self._counts[kind]} {said}, not in it"
        return text, bool(self._counts["lost"] or self._counts["odd"])

    def _entry(self, resource: Resource) -> None:
        self._file.write(b',\n "entry": [\n  ' if self._first else b",\n  ")
        self._first = False
        entry = {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
        self._file.write(json.dumps(entry, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"))


@contextlib.contextmanager
def fhir_bundle(path: Path, bundle: Bundle, codes: Codes) -> Iterator[FhirBundle]:
    """Open a bundle for writing; on a clean exit it becomes ``path`` in one step.

    Raises:
        StorageError: if it cannot be written.
    """
    with open_atomically(path, mode=0o600) as file:  # it names people
        yield FhirBundle(file, path, bundle, codes)
