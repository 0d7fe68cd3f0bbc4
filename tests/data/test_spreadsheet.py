"""Workbooks: what is written is read, what other programs write is read, and what is no workbook is refused."""

import zipfile
from pathlib import Path

import pytest

from kerasdr.data import spreadsheet
from kerasdr.data.spreadsheet import read_rows, write_rows
from kerasdr.errors import KerasdrError

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def workbook(path: Path, rows: str, texts: str = "", target: str = "worksheets/sheet1.xml", **more: str) -> Path:
    """Write a workbook as spreadsheet programs do: shared texts, and cells that say where they are."""
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        '<sheet name="Grades" sheetId="4" r:id="rId9"/><sheet name="Other" sheetId="1" r:id="rId1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">'
        '<Relationship Id="rId1" Target="worksheets/other.xml"/>'
        f'<Relationship Id="rId9" Target="{target}"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{texts}</sst>',
        **more,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_what_is_written_is_read_and_the_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    rows = [("image_id", "DR_Levels"), ("347_l1", 4), ("<&>", 0), ("007", 12)]
    write_rows(tmp_path / "a.xlsx", rows)
    write_rows(tmp_path / "b.xlsx", rows)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    expected = [["image_id", "DR_Levels"], ["347_l1", "4"], ["<&>", "0"], ["007", "12"]]
    assert read_rows(tmp_path / "a.xlsx") == list(enumerate(expected, start=1))


def test_other_programs_read_what_is_written_and_are_read(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, which writes the file, is not installed")
    write_rows(tmp_path / "ours.xlsx", [("image_id", "DR_Levels"), ("1_l1", 3)])
    assert list(openpyxl.load_workbook(tmp_path / "ours.xlsx").active.values) == [
        ("image_id", "DR_Levels"),
        ("1_l1", 3),
    ]
    theirs = openpyxl.Workbook()
    for row in (["image_id", "DR_Levels", None], ["1_l1", None, "x"], ["2_l1", 2.5]):
        theirs.active.append(row)
    theirs.save(tmp_path / "theirs.xlsx")
    expected = [(1, ["image_id", "DR_Levels"]), (2, ["1_l1", "", "x"]), (3, ["2_l1", "2.5"])]
    assert [(line, cells[:3]) for line, cells in read_rows(tmp_path / "theirs.xlsx")] == expected


def test_shared_texts_left_out_cells_formulas_and_row_numbers(tmp_path: Path) -> None:
    texts = (
        "<si><t>image_id</t></si>"
        "<si><r><t>DR</t></r><r><rPr><b/></rPr><t xml:space='preserve'> level</t></r>"
        "<rPh sb='0' eb='1'><t>no</t></rPh></si>"
    )
    rows = (
        '<row r="2"><c r="B2" t="s"><v>0</v></c><c r="D2" t="s"><v>1</v></c></row>'
        '<row r="5"><c r="B5" t="str"><f>A1&amp;B1</f><v>1_l1</v></c><c r="C5"/><c r="D5"><v>2.0</v></c></row>'
        '<row r="6"><c r="AA6"><v>1</v></c></row>'
    )
    expected = [(2, ["", "image_id", "", "DR level"]), (5, ["", "1_l1", "", "2.0"]), (6, [*[""] * 26, "1"])]
    assert read_rows(workbook(tmp_path / "a.xlsx", rows, texts)) == expected
    assert read_rows(workbook(tmp_path / "b.xlsx", rows, texts, target="/xl/worksheets/sheet1.xml")) == expected


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ('<row><c t="s"><v>3</v></c></row>', {}, "it is damaged, or not an .xlsx file; save it again as .xlsx"),
        ('<row><c t="s"><v>x</v></c></row>', {}, "it is damaged"),
        ('<row r="x"/>', {}, "it is damaged"),
        ("<row>", {}, "it is damaged"),
        ('<row><c r="XFD1"/></row>', {}, "cell XFD1 is out of order or beyond column 1000"),
        ('<row><c r="B1"/><c r="A1"/></row>', {}, "cell A1 is out of order"),
        ("", {"xl/workbook.xml": f'<workbook xmlns="{MAIN}"/>'}, "it has no sheet"),
        ("", {"xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}"/>'}, "its first sheet is not there"),
        (
            "",
            {"xl/sharedStrings.xml": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><x>&a;</x>'},
            "holds a document type",
        ),
    ],
)
def test_a_workbook_that_cannot_be_used_is_said(tmp_path: Path, rows: str, more: dict[str, str], said: str) -> None:
    with pytest.raises(KerasdrError) as caught:
        read_rows(workbook(tmp_path / "a.xlsx", rows, **more))
    message = str(caught.value)
    assert f"cannot read the workbook {tmp_path / 'a.xlsx'}: " in message
    assert said in message and "\n" not in message


@pytest.mark.parametrize("content", [b"", b"image_id,DR_Levels\n", b"PK\x03\x04 cut off"])
def test_what_is_no_workbook_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(KerasdrError, match=r"it is damaged, or not an \.xlsx file"):
        read_rows(tmp_path / "a.xlsx")


def test_every_cut_and_many_changed_bytes_are_read_or_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.xlsx", [("image_id", "DR_Levels"), ("1_l1", 3)])
    whole = (tmp_path / "a.xlsx").read_bytes()
    broken = [whole[:length] for length in range(0, len(whole), 7)]
    broken += [whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :] for place in range(0, len(whole), 3)]
    refused = 0
    for content in broken:
        (tmp_path / "b.xlsx").write_bytes(content)
        try:
            read_rows(tmp_path / "b.xlsx")
        except KerasdrError:
            refused += 1
    assert refused > 0.5 * len(broken)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "_LARGEST", 2**20)
    bomb = workbook(tmp_path / "a.xlsx", "<row/>" * 400_000)
    assert bomb.stat().st_size < 20_000
    with pytest.raises(KerasdrError, match=r"xl/worksheets/sheet1\.xml in it unpacks to more than 1 MiB"):
        read_rows(bomb)
