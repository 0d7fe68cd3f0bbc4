"""The page holds what the CSV says, and nothing that the CSV says can do anything on it."""

import json
import os
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

import cv2
import numpy as np
import pytest

from kerasdr.data.phantom.draw import draw_person
from kerasdr.errors import KerasdrError, StorageError
from kerasdr.files import sha256_of
from kerasdr.review.opening import not_graded_words
from kerasdr.review.page import write_review
from kerasdr.review.page_data import address, page_data
from kerasdr.scoring.names import page_folder, pictures_folder, shown_path
from kerasdr.scoring.overlay import draw_overlay, frame
from kerasdr.scoring.png import encode_png
from tests.review.conftest import MakeGrades, graded, lost

EVIL = "</script><script>alert(1)</script><!--"


def read_data(page: Path) -> dict[str, object]:
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    content: dict[str, object] = json.loads(found)
    return content


def test_no_name_or_reason_is_markup(make_grades: MakeGrades, tmp_path: Path) -> None:
    grades = make_grades(graded(f"{EVIL}.png", 3), lost("b.png", "failed", f"{EVIL}\u2028"))
    page = tmp_path / "review.html"
    write_review(grades.path, page)
    text = page.read_text(encoding="utf-8")
    assert text.lower().count("<script") == text.lower().count("</script") == 2
    assert text.startswith("<!DOCTYPE html><!-- kerasdr review -->\n<html") and text.count("<!--") == 1
    assert "alert(1)</script>" not in text
    assert read_data(page)["rows"][0][0] == f"{EVIL}.png"  # type: ignore[index]


def test_the_page_may_fetch_nothing(make_grades: MakeGrades, tmp_path: Path) -> None:
    page = tmp_path / "review.html"
    write_review(make_grades(graded("a.png", 3)).path, page)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page.read_text(encoding="utf-8"))
    assert policy.startswith("default-src &#x27;none&#x27;; script-src &#x27;sha256-")
    assert "unsafe" not in policy and "http" not in policy
    assert not re.search(r"https?://|url\(|@import", page.read_text(encoding="utf-8"))


def test_rows_are_in_the_order_of_the_worklist(make_grades: MakeGrades) -> None:
    data = page_data(
        make_grades(graded("1_left.png", 0), lost("2_left.png", "ungradable"), graded("1_right.png", 4)), {}, {}
    )
    named = [dict(zip(data["columns"], row, strict=True)) for row in data["rows"]]
    assert [one["image"] for one in named] == ["1_right.png", "1_left.png", "2_left.png"]
    assert [one["person"] for one in named] == [0, 0, 1]
    assert [one["eye"] for one in named] == ["right", "left", "left"]
    assert data["referable_from"] == 2


def test_only_a_job_s_own_pictures_beside_the_csv_are_shown(make_grades: MakeGrades, tmp_path: Path) -> None:
    own = f"grades_gradcam/{'a' * 12}_{'b' * 12}.png"
    others = ["/etc/passwd", f"../{own}", "https://example.org/x.png", f"sub/{own}"]
    for path in (tmp_path / own, tmp_path / "sub" / own, tmp_path.parent / own):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    grades = make_grades(*(graded(f"{n}.png", 2, gradcam=said) for n, said in enumerate([own, *others])))
    (tmp_path / "pages").mkdir()
    page = write_review(grades.path, tmp_path / "pages" / "review.html")
    assert page.heat == 1
    shown = {row[0]: row[8] for row in read_data(page.path)["rows"]}  # type: ignore[attr-defined]
    assert shown == {"0.png": f"../{own}", **{f"{n}.png": "" for n in range(1, 5)}}


def test_shares_are_of_what_was_answered() -> None:
    rows = [graded("a", 0), graded("b", 1), lost("c", "ungradable"), lost("d", "failed"), lost("e", "waiting")]
    assert not_graded_words(rows) == "50.0% not graded (1 ungradable + 1 failed of 4 photographs)"
    assert not_graded_words(rows[-1:]) == "no photograph has an answer yet"


def test_published_shares_stand_beside(make_grades: MakeGrades, tmp_path: Path) -> None:
    page = tmp_path / "review.html"
    write_review(make_grades(graded("a.png", 3), lost("b.png", "failed")).path, page)
    text = page.read_text(encoding="utf-8")
    for published in (
        "3.9% of people",
        "26.1% could not be analysed",
        "21% of photographs refused",
        "Machine grades are a proposal",
    ):
        assert published in text
    assert "Referable: grade 2 or worse" in text


def test_the_frame_is_that_of_the_picture() -> None:
    photograph = np.full((512, 512, 3), 90, np.uint8)
    picture = draw_overlay(photograph, np.ones((4, 4), np.float32), np.array([0, 0, 1, 0, 0.0]), "foot")
    at = frame()
    assert picture.shape == (at.height, at.width, 3)
    square = slice(at.top, at.top + at.side)
    assert (picture[square, at.photograph : at.photograph + at.side] == 90).all()
    heated = picture[square, at.heat : at.heat + at.side]
    assert not (heated == 90).all(axis=2).any() and not (heated == 255).all(axis=2).any()


@pytest.fixture
def eyes(tmp_path: Path) -> list[bytes]:
    """Two photographs, 1 MP and small, in the folder ``in``; under names that say nothing."""
    (tmp_path / "in").mkdir()
    drawn = [cv2.cvtColor(one.image, cv2.COLOR_RGB2BGR) for one in draw_person(5, 0, 1300)[:2]]
    files = [cv2.imencode(".jpg", drawn[0])[1].tobytes(), cv2.imencode(".png", drawn[1][:300, :200])[1].tobytes()]
    for place, content in enumerate(files):
        (tmp_path / "in" / f"secret {place}.jpg").write_bytes(content)
    return files


def test_photographs_are_found_by_their_bytes_and_named_by_them(
    make_grades: MakeGrades, tmp_path: Path, eyes: list[bytes]
) -> None:
    large, small = map(sha256_of, eyes)
    (tmp_path / "in" / "broken.jpg").write_bytes(eyes[0][:2000])
    broken = sha256_of(eyes[0][:2000])
    grades = make_grades(
        graded("1_left.png", 2, sha256=large),
        lost("1_right.png", "ungradable"),
        graded("2_left.png", 2, sha256=small),
        graded("3_left.png", 2, sha256=broken),
        graded("3_left copy.png", 2, sha256=broken),
    )
    page = write_review(grades.path, tmp_path / "review.html", [str(tmp_path / "in")])
    assert (page.wanted, page.photographs, page.refused) == (5, 2, 2)
    files = {path.name: cv2.imread(str(path)).shape for path in (tmp_path / "review.html_files").iterdir()}
    assert set(files) == {f"{large[:16]}.jpg", f"{small[:16]}.jpg"}
    assert max(files[f"{large[:16]}.jpg"][:2]) == 1024 and files[f"{small[:16]}.jpg"] == (300, 200, 3)
    shown = {row[0]: row[9] for row in read_data(page.path)["rows"]}  # type: ignore[attr-defined]
    assert (
        shown["1_left.png"] == f"review.html_files/{large[:16]}.jpg"
        and shown["1_right.png"] == shown["3_left.png"] == ""
    )
    assert "secret" not in page.path.read_text(encoding="utf-8")


def test_a_page_made_again_makes_no_picture_again_and_leaves_none_behind(
    make_grades: MakeGrades, tmp_path: Path, eyes: list[bytes]
) -> None:
    rows = [graded(f"{place}.png", 2, sha256=sha256_of(content)) for place, content in enumerate(eyes)]
    folder = tmp_path / "review.html_files"
    roots = [str(tmp_path / "in")]
    write_review(make_grades(*rows).path, tmp_path / "review.html", roots)
    kept = folder / f"{rows[0].sha256[:16]}.jpg"
    os.utime(kept, (1, 1))
    (folder / "mine.txt").write_text("not a picture of the page")
    write_review(make_grades(rows[0]).path, tmp_path / "review.html", roots)
    assert sorted(path.name for path in folder.iterdir()) == [kept.name, "mine.txt"]
    assert kept.stat().st_mtime == 1


def test_nothing_goes_that_no_page_named(make_grades: MakeGrades, tmp_path: Path, eyes: list[bytes]) -> None:
    folder = tmp_path / "review.html_files"
    folder.mkdir()
    (folder / f"{'0' * 16}.jpg").write_bytes(b"somebody's")
    grades = make_grades(graded("1_left.png", 2, sha256=sha256_of(eyes[0])))
    page, roots = tmp_path / "review.html", [str(tmp_path / "in")]
    write_review(grades.path, page, roots)
    everything = sorted(folder.iterdir())
    assert len(everything) == 2
    (tmp_path / "away").mkdir()
    for away in ([], [str(tmp_path / "away")]):  # a share that is not there today
        write_review(grades.path, page, roots)
        assert write_review(grades.path, page, away).photographs == 0
        assert sorted(folder.iterdir()) == everything
    (folder / "sub").mkdir()
    for root in (folder, folder / "sub", f"{folder}/*.jpg"):
        with pytest.raises(KerasdrError, match=r"is where pictures for review\.html go: name another") as refused:
            write_review(grades.path, page, [str(root)])
        assert "\n" not in str(refused.value)


def test_pictures_of_a_page_before_stay_until_the_new_one_is_written(
    make_grades: MakeGrades, tmp_path: Path, eyes: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [graded(f"{place}.png", 2, sha256=sha256_of(content)) for place, content in enumerate(eyes)]
    page, roots = tmp_path / "n\xe4 & 1.html", [str(tmp_path / "in")]
    write_review(make_grades(*rows).path, page, roots)

    def full(*arguments: object) -> None:
        raise StorageError("no space")

    with monkeypatch.context() as patched, pytest.raises(StorageError):
        patched.setattr("kerasdr.review.page.write_text_atomically", full)
        write_review(make_grades(rows[0]).path, page, roots)
    assert len(list(page_folder(page).iterdir())) == 2
    write_review(make_grades(rows[0]).path, page, roots)
    assert len(list(page_folder(page).iterdir())) == 1


def test_a_photograph_of_any_size_that_a_job_graded_is_shown(make_grades: MakeGrades, tmp_path: Path) -> None:
    content = cv2.imencode(".png", np.full((10_001, 10_001), 9, np.uint8))[1].tobytes()
    (tmp_path / "large.png").write_bytes(content)
    grades = make_grades(graded("large.png", 0, sha256=sha256_of(content)))
    assert write_review(grades.path, tmp_path / "review.html", [str(tmp_path / "large.png")]).photographs == 1


@pytest.mark.parametrize("name", ["+x.csv", os.fsdecode(b"n\xff.csv")])
def test_heat_maps_are_found_whatever_the_csv_is_called(make_grades: MakeGrades, tmp_path: Path, name: str) -> None:
    picture = f"{'a' * 12}_{'b' * 12}.png"
    folder = pictures_folder(tmp_path / name)
    folder.mkdir()
    (folder / picture).write_bytes(b"")
    csv = make_grades(graded("1.png", 2, gradcam=shown_path(f"{folder.name}/{picture}"))).path.rename(tmp_path / name)
    page = write_review(csv, tmp_path / "review.html")
    assert page.heat == 1
    (row,) = read_data(page.path)["rows"]  # type: ignore[misc]
    assert (tmp_path / os.fsdecode(unquote_to_bytes(row[8]))).is_file()


def test_on_another_drive_an_address_is_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def apart(*arguments: object) -> str:
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    monkeypatch.setattr("os.path.relpath", apart)
    assert address(tmp_path / "a b.png", tmp_path / "review.html") == f"{tmp_path.as_uri()}/a%20b.png"


def test_one_file_can_hold_everything(make_grades: MakeGrades, tmp_path: Path, eyes: list[bytes]) -> None:
    heat = tmp_path / "grades_gradcam" / f"{'a' * 12}_{'b' * 12}.png"
    heat.parent.mkdir()
    heat.write_bytes(encode_png(np.zeros((600, 1118, 3), np.uint8)))
    grades = make_grades(graded("1_left.png", 2, sha256=sha256_of(eyes[0]), gradcam=f"grades_gradcam/{heat.name}"))
    page = write_review(grades.path, tmp_path / "review.html", [str(tmp_path / "in")], embed=True)
    (row,) = read_data(page.path)["rows"]  # type: ignore[misc]
    assert row[8].startswith("data:image/webp;base64,") and row[9].startswith("data:image/jpeg;base64,")
    assert not (tmp_path / "review.html_files").exists()


def test_without_photographs_there_is_a_page_all_the_same(make_grades: MakeGrades, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    page = write_review(make_grades(graded("a.png", 1)).path, tmp_path / "review.html", [str(tmp_path / "empty")])
    assert (page.wanted, page.photographs) == (1, 0)
    assert not (tmp_path / "review.html_files").exists()
