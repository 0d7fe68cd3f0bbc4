"""Names that a job gives: to photographs in the CSV, to its pictures, and to the folder that these lie in."""

import os
import re
from pathlib import Path
from typing import Literal

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path, sha256_of

PictureFormat = Literal["png", "webp"]

# The first form is that of versions that named pictures by their place in the list.
_PICTURE = r"(?:\d{6,}|[0-9a-f]{12})_[0-9a-f]{12}\.(?:png|webp)"
# The second form is what a job that was killed leaves of a picture: see kerasdr.files.open_atomically.
_OWN_NAME = re.compile(rf"{_PICTURE}|\.{_PICTURE}\.[^./]+\.part")
_PSEUDONYM = re.compile(r"p_[0-9a-f]{16}(?:\.[a-z]{3,5})?")
_PICTURES_ENDING = "_gradcam"
_ARCHIVED = re.compile(r"kerasdr-[0-9a-f]{20}-s[cr]\.dcm")
_PAGE_PICTURE = re.compile(r"[0-9a-f]{16}\.jpg")
# A browser gives such a name too, to what it saves with a page.
_PAGE_FOLDER = re.compile(r".*\.(?:html?|json)_files", re.IGNORECASE | re.DOTALL)
_LIKE_AN_ESCAPE = re.compile(r"\\(?=x[0-9a-f]{2})")
# Characters of a photograph's name that its panel keeps: with number and ending they fit into the 255 bytes of a name.
_KEPT_NAME = 60
# In some languages spreadsheets take the wide forms for the plain ones.
_FORMULA_STARTS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def shown_path(path: str) -> str:
    """Return a path as the CSV shows it: with ``/``, bytes that are no UTF-8 as ``\\xNN``, never a spreadsheet's formula.

    Different paths look different, and each can be had back: whatever reads ``\\xNN`` stands for one byte. So a backslash
    of a name that would read like that is itself shown as ``\\x5c``.
    """
    literal = _LIKE_AN_ESCAPE.sub(r"\\x5c", path.replace(os.sep, "/"))
    text = os.fsencode(literal).decode("utf-8", "backslashreplace")
    # A spreadsheet runs a cell that begins like this as a formula; with ``./`` in front it is still the same path.
    # So it may after blanks and marks that cannot be seen.
    hidden = text[:1].isspace() or not text[:1].isprintable()
    return f"./{text}" if hidden or text.startswith(_FORMULA_STARTS) else text


def picture_name(digest: str, key: str, kind: PictureFormat = "png") -> str:
    """Return the name of a picture, by the SHA-256 of its photograph and the key of the answer that it shows.

    Never the photograph's own name: two folders may have the same one, and a name may say who it is. Nor its place in a
    list: a folder to which one is added would have all others renamed.
    """
    return f"{digest[:12]}_{key[:12]}.{kind}"


def is_pseudonym(name: str) -> bool:
    """Whether a photograph is known by a pseudonym; see :mod:`kerasdr.scoring.pseudonyms`."""
    return _PSEUDONYM.fullmatch(name) is not None


def panel_name(number: int, path: str) -> str:
    """Return the name of the panel that a command drew of the photograph named as its ``number``-th, from 1."""
    return f"{number:03d}_{Path(path).stem[:_KEPT_NAME]}.png"


def pictures_folder(out: Path) -> Path:
    """Return where the pictures of a CSV lie: ``grades_gradcam`` beside ``grades.csv``."""
    return out.with_name(f"{out.stem}{_PICTURES_ENDING}")


def page_folder(page: Path) -> Path:
    """Return where the photographs of a page, or of tasks, lie: ``review.html_files`` beside ``review.html``.

    Its whole name, so that ``night.html`` and ``night.json`` share none.

    Raises:
        KerasdrError: if the page has another ending, by which no job would know the pictures for a page's.
    """
    folder = page.with_name(f"{page.name}_files")
    if not _PAGE_FOLDER.fullmatch(folder.name):
        raise KerasdrError(f"{printable_path(page)} ends in neither .html nor .json: give it a name that does")
    return folder


def page_picture_name(digest: str) -> str:
    """Return the name of a photograph's picture for a page, by the photograph's SHA-256."""
    return f"{digest[:16]}.jpg"


def archived_name(instance: str, kind: str) -> str:
    """Return the name of a DICOM file that is written about a photograph, by its own UID.

    Args:
        instance: the UID.
        kind: ``sc``, a secondary capture, or ``sr``, a structured report.
    """
    return f"kerasdr-{sha256_of(instance.encode('ascii'))[:20]}-{kind}.dcm"


def summary_file(out: Path) -> Path:
    """Return where the summary of a CSV lies: ``grades.summary.json`` beside ``grades.csv``."""
    return out.with_name(f"{out.stem}.summary.json")


def is_own_name(name: str) -> bool:
    """Whether a file in a job's picture folder was named by a job: a picture, or the rest of one."""
    return _OWN_NAME.fullmatch(name) is not None


def is_own_picture(path: str) -> bool:
    """Whether a path is that of a picture that some job, or a page, wrote, or of its DICOM files, and so no photograph."""
    folder, name = os.path.split(path)
    if _ARCHIVED.fullmatch(name):
        return True
    beside = os.path.basename(folder)
    if _PAGE_PICTURE.fullmatch(name):
        return _PAGE_FOLDER.fullmatch(beside) is not None
    return beside.endswith(_PICTURES_ENDING) and is_own_name(name)
