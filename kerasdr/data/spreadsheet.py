"""The little of ``.xlsx`` that label files need: cells of the first sheet as text, and writing such a sheet.

A workbook is a zip archive of XML files (ECMA-376). DeepDRiD's labels are one sheet of a few hundred rows, so the
standard library does, and no spreadsheet package is needed to read them.
"""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from kerasdr.errors import KerasdrError

_LARGEST = 64 * 2**20
_MAX_COLUMNS = 1000
_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_MAIN = f"{{{_SHEETS}}}"
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")


class _Wrong(Exception):
    """What is wrong with a workbook."""


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Read the first sheet of a workbook.

    Numbers come as they are written there (``2``, ``2.0``), formulas as their last value, empty cells as empty texts.

    Returns:
        Each row's number as the spreadsheet shows it, and its cells from the first column on.

    Raises:
        OSError: if the file cannot be read.
        KerasdrError: if it is no ``.xlsx`` workbook, or unpacks to more than 64 MiB.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            texts = _shared_texts(archive)
            rows = _parse(archive, _first_sheet(archive)).iter(f"{_MAIN}row")
            return [(int(row.get("r", place)), _cells(row, texts)) for place, row in enumerate(rows, start=1)]
    except (
        _Wrong,
        zipfile.BadZipFile,
        zlib.error,
        ElementTree.ParseError,
        EOFError,
        IndexError,
        KeyError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        reason = error if isinstance(error, _Wrong) else "it is damaged, or not an .xlsx file"
        raise KerasdrError(f"cannot read the workbook {path}: {reason}; save it again as .xlsx") from error


def write_rows(path: Path, rows: Sequence[Sequence[str | int]]) -> None:
    """Write a workbook of one sheet; the same rows give the same bytes.

    Raises:
        OSError: if it cannot be written.
    """
    parts = {
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/></Types>'
        ),
        "_rels/.rels": _relations("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": (
            f'<workbook xmlns="{_SHEETS}" xmlns:r="{_RELATIONS}">'
            '<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": _relations("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SHEETS}"><sheetData>{_sheet(rows)}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            # The time is fixed (the earliest that zip knows), so that the bytes are.
            archive.writestr(zipfile.ZipInfo(name), f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{content}')


def _relations(kind: str, target: str) -> str:
    return (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/{kind}" Target="{target}"/></Relationships>'
    )


def _sheet(rows: Sequence[Sequence[str | int]]) -> str:
    def cell(value: str | int) -> str:
        if isinstance(value, int):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'

    return "".join(f"<row>{''.join(cell(value) for value in row)}</row>" for row in rows)


def _parse(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    if archive.getinfo(name).file_size > _LARGEST:
        raise _Wrong(f"{name} in it unpacks to more than {_LARGEST // 2**20} MiB")
    with archive.open(name) as file:
        data = file.read(_LARGEST + 1)  # the size that an archive states may be untrue
    if len(data) > _LARGEST:
        raise _Wrong(f"{name} in it unpacks to more than {_LARGEST // 2**20} MiB")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:  # no spreadsheet has any, and entities can grow without bound
        raise _Wrong(f"{name} in it holds a document type")
    return ElementTree.fromstring(data)


def _first_sheet(archive: zipfile.ZipFile) -> str:
    sheet = next(_parse(archive, "xl/workbook.xml").iter(f"{_MAIN}sheet"), None)
    if sheet is None:
        raise _Wrong("it has no sheet")
    for relation in _parse(archive, "xl/_rels/workbook.xml.rels"):
        if relation.get("Id") == sheet.get(f"{{{_RELATIONS}}}id"):
            # A target is relative to the workbook's folder, or begins with a slash.
            return posixpath.normpath(posixpath.join("/xl", relation.get("Target", ""))).lstrip("/")
    raise _Wrong("its first sheet is not there")


def _shared_texts(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    return ["".join(_texts(item)) for item in _parse(archive, "xl/sharedStrings.xml").iter(f"{_MAIN}si")]


def _texts(item: ElementTree.Element) -> Iterator[str]:
    # Plain text stands in t, formatted text in the t of runs; phonetic runs (rPh) are no part of the text.
    for child in item:
        if child.tag == f"{_MAIN}t":
            yield child.text or ""
        elif child.tag == f"{_MAIN}r":
            yield child.findtext(f"{_MAIN}t") or ""


def _cells(row: ElementTree.Element, texts: list[str]) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(f"{_MAIN}c"):
        column = len(cells)
        match = _REFERENCE.fullmatch(cell.get("r", ""))
        if match:  # empty cells may be left out
            column = 0
            for letter in match[1]:
                column = 26 * column + ord(letter) - ord("A") + 1
            column -= 1
        if not len(cells) <= column < _MAX_COLUMNS:
            raise _Wrong(f"cell {cell.get('r') or column + 1} is out of order or beyond column {_MAX_COLUMNS}")
        cells += [""] * (column - len(cells))
        cells.append(_value(cell, texts))
    return cells


def _value(cell: ElementTree.Element, texts: list[str]) -> str:
    kind = cell.get("t")
    if kind == "inlineStr":
        inline = cell.find(f"{_MAIN}is")
        return "" if inline is None else "".join(_texts(inline))
    value = cell.findtext(f"{_MAIN}v") or ""
    return texts[int(value)] if kind == "s" else value
