"""What is kept of an answer, and the key by which it is found again: all that decides it, and nothing else."""

import base64
import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from kerasdr.files import sha256_of
from kerasdr.scoring.bundle import Bundle
from kerasdr.scoring.ledger.chain import canonical
from kerasdr.scoring.names import PictureFormat, shown_path
from kerasdr.scoring.rows import Row

ANSWER_VERSION = 2
"""Raised whenever the same bytes, bundle and settings come to another answer or picture: older answers are then not used."""

# What a row says beside its answer: how the photograph, its partners and its picture are called this time.
_NAMES = ("image", "gradcam", "partner")


@dataclass(frozen=True)
class Question:
    """What decides answers beside the photographs.

    Attributes:
        bundle: its digest.
        engine: what does the arithmetic.
        precision: of the engine's graphs.
        max_megapixels: larger photographs fail.
        pictures: how Grad-CAM pictures are encoded; empty if there are none.
        grade_anyway: whether what the quality gate refuses is graded nevertheless.
        version: :data:`ANSWER_VERSION`.
    """

    bundle: str
    engine: str
    precision: str
    max_megapixels: float
    pictures: PictureFormat | str
    grade_anyway: bool = False
    version: int = ANSWER_VERSION

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        engine: str,
        max_megapixels: float,
        pictures: PictureFormat | str,
        grade_anyway: bool = False,
    ) -> "Question":
        """Return the question that a bundle is asked."""
        graphs = next((part for part in bundle.graphs.values() if part.engine == engine), None)
        precision = "float32" if graphs is None else graphs.precision
        return cls(bundle.digest, engine, precision, float(max_megapixels), pictures, grade_anyway)

    def content(self) -> dict[str, Any]:
        """Return it as plain data."""
        return dataclasses.asdict(self)

    @property
    def digest(self) -> str:
        """SHA-256 of it."""
        return sha256_of(canonical(self.content()).encode())


@dataclass(frozen=True)
class Seen:
    """The photographs that an answer is about.

    Attributes:
        sha256: of the bytes that were decoded.
        partners: pairing and SHA-256 of each partner that a dual network saw, in the order of pairings.
    """

    sha256: str
    partners: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Picture:
    """A Grad-CAM picture that was written.

    Attributes:
        name: in the folder of pictures.
        sha256: of its bytes.
    """

    name: str
    sha256: str


@dataclass(frozen=True)
class Answer:
    """One answer of a ledger.

    Attributes:
        sequence: number of its entry.
        seen: what it is about.
        row: the CSV's row without names.
        picture: its picture, or None.
    """

    sequence: int
    seen: Seen
    row: Row
    picture: Picture | None

    def named(self, image: str, partners: Sequence[str], folder: str) -> Row:
        """Return the row of a photograph.

        Args:
            image: its path.
            partners: paths of its partners.
            folder: name of the folder of pictures.
        """
        gradcam = "" if self.picture is None else shown_path(f"{folder}/{self.picture.name}")
        together = "; ".join(dict.fromkeys(map(shown_path, partners)))
        return dataclasses.replace(self.row, image=shown_path(image), partner=together, gradcam=gradcam)


def answer_key(question: str, seen: Seen) -> str:
    """Return the key of an answer, a SHA-256.

    Args:
        question: digest of a :class:`Question`.
        seen: the photographs.
    """
    return sha256_of(json.dumps([question, seen.sha256, seen.partners]).encode("ascii"))


def answer_content(question: str, seen: Seen, row: Row, picture: Picture | None) -> dict[str, Any]:
    """Return what an entry keeps of an answer."""
    cells = {item.name: getattr(row, item.name) for item in fields(Row) if item.name not in _NAMES}
    return {
        "key": answer_key(question, seen),
        "question": question,
        "sha256": seen.sha256,
        "partners": [list(partner) for partner in seen.partners],
        "row": cells,
        "picture": None if picture is None else dataclasses.asdict(picture),
    }


def read_answer(sequence: int, content: Mapping[str, Any]) -> Answer:
    """Return an answer from what its entry keeps."""
    cells = dict(content["row"])
    cells["probabilities"] = tuple(cells["probabilities"])
    seen = Seen(content["sha256"], tuple((pairing, digest) for pairing, digest in content["partners"]))
    picture = None if content["picture"] is None else Picture(**content["picture"])
    return Answer(sequence, seen, Row(image="", **cells), picture)


def write_name(path: str) -> str | dict[str, str]:
    """Return a path as plain data from which :func:`read_name` makes it again, byte for byte."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:  # bytes that are no text, which Python keeps as what no JSON should hold
        return {"base64": base64.b64encode(os.fsencode(path)).decode("ascii")}
    return path


def read_name(written: str | Mapping[str, str]) -> str:
    """Return the path that :func:`write_name` wrote."""
    return written if isinstance(written, str) else os.fsdecode(base64.b64decode(written["base64"]))
