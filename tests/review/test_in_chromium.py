"""The page in a real browser, from a file: filtered, overruled by keys, exported by a download, and merged again."""

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kerasdr.files import sha256_of
from kerasdr.review.decisions import read_decisions
from kerasdr.review.grades_csv import read_grades
from kerasdr.review.merge import merge_decisions
from kerasdr.review.page import write_review
from kerasdr.scoring.overlay import draw_overlay
from kerasdr.scoring.png import encode_png
from kerasdr.scoring.rows import DOUBTFUL, to_csv
from tests.review.browser import CHROMIUM, Browser, browser
from tests.review.conftest import MakeGrades, graded, lost

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: the page is looked at in one where there is"
)

NOTE = '=1+1, "quoted" \u00e9'


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def page(make_grades: MakeGrades, tmp_path: Path) -> Path:
    """A page about seven photographs of five people, two with a picture whose photograph is grey and whose heat is not."""
    folder = tmp_path / "grades_gradcam"
    folder.mkdir()
    heat = np.linspace(0.0, 1.0, 16, dtype=np.float32).reshape(4, 4)
    picture = draw_overlay(np.full((512, 512, 3), 90, np.uint8), heat, np.array([0, 0, 0, 1, 0.0]), "foot")
    name = f"{'a' * 12}_{'b' * 12}.png"
    (folder / name).write_bytes(encode_png(picture))
    shown = f"{folder.name}/{name}"
    grades = make_grades(
        graded("in/1_left.png", 0, refer_to_reader=False, screen_positive=False, grade_set="0", gradcam=shown),
        graded("in/1_right.png", 3, refer_to_reader=True, screen_positive=True, grade_set="1 to 3", gradcam=shown),
        lost("in/2_left.png", "ungradable"),
        lost("in/3_left.png", "failed", "the file is cut off: copy it again from the camera"),
        lost("in/4_left.png", "waiting"),
        graded("in/5_left.png", 1, 0.5, refer_to_reader=True, screen_positive=False),
        graded("in/<img src=x onerror=document.title=1>_left.png", 2, refer_to_reader=False, screen_positive=True),
    )
    write_review(grades.path, tmp_path / "review.html")
    return tmp_path / "review.html"


def rows(tab: Browser) -> list[str]:
    """Names of the rows that the list shows."""
    return list(tab.ask("[...document.querySelectorAll('#rows .name')].map(e => e.textContent)"))


def selected(tab: Browser) -> str:
    return str(tab.ask("document.querySelector('[aria-selected=true] .name')?.textContent ?? ''"))


def fresh(tab: Browser, page: Path) -> None:
    tab.open(page)
    tab.ask("localStorage.clear(); sessionStorage.clear()")
    tab.open(page)
    tab.requests.clear()
    tab.said.clear()
    tab.ask("document.getElementById('list').focus()")


def give_name(tab: Browser, name: str) -> None:
    tab.wait_for("document.getElementById('who').open")
    tab.type(name)
    tab.press("Enter")
    tab.wait_for("!document.getElementById('who').open")


def progress(tab: Browser) -> str:
    return str(tab.ask("document.getElementById('progress').textContent"))


def told(tab: Browser) -> str:
    """What is told of the decision about the photograph that is looked at."""
    return str(tab.ask("document.querySelector('.eye.current .told').textContent"))


@pytest.fixture
def downloads(tab: Browser, tmp_path: Path) -> Path:
    """Where the browser puts what the page exports."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    return folder


def downloaded(folder: Path) -> Path:
    """Wait for a download and take it out of the folder."""
    for _ in range(500):
        if found := list(folder.glob("*.csv")):
            return found[0].rename(folder / f"{len(list(folder.iterdir()))}_{found[0].name}.taken")
        time.sleep(0.02)
    raise AssertionError("no download")


def test_keys_go_on_at_once_after_the_name(tab: Browser, page: Path) -> None:
    fresh(tab, page)
    tab.ask("document.activeElement.blur()")
    tab.press("4")
    tab.wait_for("document.getElementById('who').open")
    tab.type("Ada")
    tab.press("Enter", "j", "a")
    assert selected(tab) == "1_left.png"
    assert progress(tab) == "2 of 7 decided, 1 overruled"


def test_it_is_read_from_a_file_and_asks_nobody(tab: Browser, page: Path) -> None:
    fresh(tab, page)
    tab.requests.clear()
    tab.open(page)
    tab.wait_for("[...document.images].every(image => image.complete)")
    assert rows(tab) == [
        *("1_right.png", "1_left.png", "5_left.png", "2_left.png", "3_left.png"),
        *("<img src=x onerror=document.title=1>_left.png", "4_left.png"),
    ]
    assert tab.ask("document.title") == "Review of grades.csv"
    assert tab.requests and all(url.startswith("file://") for url in tab.requests)
    assert tab.said == []
    assert tab.ask("[...document.images].map(image => image.naturalWidth)") == [1118] * 4  # two eyes, twice each


def test_photograph_and_heat_map_lie_on_one_another(tab: Browser, page: Path) -> None:
    fresh(tab, page)
    tab.wait_for("document.images.length === 4 && [...document.images].every(image => image.complete)")
    # Of each window: which part of the picture it shows, in the picture's own pixels.
    found = tab.ask(
        "[...document.querySelectorAll('.pane')][0].querySelectorAll('.window').values().map(w => { "
        "const i = w.querySelector('img').getBoundingClientRect(), r = w.getBoundingClientRect(), f = 1118 / i.width; "
        "return [(r.x - i.x) * f, (r.y - i.y) * f, r.width * f, r.height * f].map(Math.round); }).toArray()"
    )
    assert found == [[0, 58, 512, 512], [520, 58, 512, 512]]
    opacity = "getComputedStyle(document.querySelector('.heatmap')).opacity"
    assert tab.ask(opacity) == "0"
    tab.press("h")
    assert tab.ask(opacity) == "1"
    tab.ask(
        "const r = document.getElementById('heat'); r.value = 40; r.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert tab.ask(opacity) == "0.4"


def test_filters_leave_what_they_say(tab: Browser, page: Path) -> None:
    fresh(tab, page)
    tab.choose("status", "graded")
    tab.choose("refer", "yes")
    assert rows(tab) == ["1_right.png", "5_left.png"]
    assert tab.ask("document.getElementById('found').textContent") == "2 of 7 photographs"
    tab.choose("status", "")
    tab.choose("refer", "")
    tab.choose("reason", "out of focus")
    assert rows(tab) == ["2_left.png", "4_left.png"]
    tab.choose("reason", "")
    tab.ask("document.getElementById('search').focus()")
    tab.type("5_LEFT")
    assert rows(tab) == ["5_left.png"]
    tab.press("Escape")
    assert tab.ask("document.activeElement.id") == "list"


def test_keys_decide_and_the_export_is_what_merging_takes(
    tab: Browser, page: Path, downloads: Path, tmp_path: Path
) -> None:
    fresh(tab, page)
    assert selected(tab) == "1_right.png"
    tab.press("4")
    give_name(tab, "-Ada Reader")
    assert "overruled: grade 4 PDR" in tab.ask("document.querySelector('.eye.current .told').textContent")
    tab.press("j")
    assert selected(tab) == "1_left.png"
    tab.press("a", "n")
    tab.type(NOTE)
    tab.press("4")  # typed into the note, and no grade
    tab.press("Escape", "j", "u", "j", "2", "k", "x", "j", "j", "a")
    assert selected(tab) == "3_left.png"
    assert tab.ask("document.getElementById('said').textContent") == "3_left.png: agree"
    tab.press("j", "j", "3")  # one that waits cannot be decided on
    tab.open(page)  # all is kept, the name for this tab too
    assert progress(tab) == "4 of 7 decided, 2 overruled"
    tab.choose("decided", "overruled")
    assert rows(tab) == ["1_right.png", "2_left.png"]
    tab.click("#export")
    file = read_decisions(downloaded(downloads))
    assert file.path.name == "1_decisions-grades-ada-reader.csv.taken"
    assert {(one.image, one.decision, one.note) for one in file.decisions} == {
        ("in/1_right.png", "4", ""),
        ("in/1_left.png", "agree", f"{NOTE}4"),
        ("in/2_left.png", "2", ""),
        ("in/3_left.png", "agree", ""),
        ("in/5_left.png", "", ""),  # withdrawn
    }
    assert {one.reader for one in file.decisions} == {"-Ada Reader"}
    lines = list(csv.reader(file.path.read_text(encoding="utf-8").splitlines()))
    assert not any(cell.startswith(("=", "+", "-", "@")) for line in lines for cell in line)
    grades = read_grades(tmp_path / "grades.csv")
    found = merge_decisions(grades, [file], {grades.digest: {}})
    assert [one.decided for one in found.rows] == ["0", "4", "2", "ungradable", "", "", ""]


def test_buttons_do_what_keys_do_and_letters_can_be_switched_off(tab: Browser, page: Path) -> None:
    fresh(tab, page)
    tab.click("#shortcuts")
    tab.ask("document.getElementById('list').focus()")
    tab.press("4", "j")
    assert not tab.ask("document.getElementById('who').open") and selected(tab) == "1_right.png"
    tab.press("ArrowDown")  # the list's own
    assert selected(tab) == "1_left.png"
    tab.press("End")
    assert selected(tab) == "4_left.png"
    tab.press("Home", "ArrowDown")
    tab.click(".eye:not(.current) .decide button:nth-child(2)")
    give_name(tab, "Ada")
    assert selected(tab) == "1_right.png"  # whose button it is
    assert tab.ask("document.querySelector('.eye.current [aria-pressed=true]').title") == "grade 1 mild NPDR"


def test_another_reader_sees_none_of_the_first_one_s_decisions(tab: Browser, page: Path) -> None:
    fresh(tab, page)
    tab.press("4")
    give_name(tab, "Ada")
    tab.click("#reader")
    give_name(tab, "Grace")
    assert progress(tab) == "0 of 7 decided"
    tab.click("#reader")
    give_name(tab, "Ada")
    assert progress(tab) == "1 of 7 decided, 1 overruled"


def test_a_browser_that_keeps_nothing_is_told_of_and_decisions_count_all_the_same(
    tab: Browser, page: Path, downloads: Path
) -> None:
    refuse = (
        "for (const name of ['localStorage', 'sessionStorage']) "
        "Object.defineProperty(window, name, {get() { throw new DOMException('denied', 'SecurityError'); }});"
    )
    script = tab.call("Page.addScriptToEvaluateOnNewDocument", source=refuse)["identifier"]
    try:
        tab.open(page)
        assert "keeps nothing" in tab.ask("document.getElementById('unkept').textContent")
        assert tab.ask("document.getElementById('unkept').hidden") is False
        tab.ask("document.getElementById('list').focus()")
        tab.press("4")
        give_name(tab, "Ada")
        assert progress(tab) == "1 of 7 decided, 1 overruled"
        for name, count in (("Grace", "0 of 7 decided"), ("Ada", "1 of 7 decided, 1 overruled")):
            tab.click("#reader")
            give_name(tab, name)
            assert progress(tab) == count
        tab.click("#export")
        (one,) = read_decisions(downloaded(downloads)).decisions
        assert (one.image, one.decision, one.reader) == ("in/1_right.png", "4", "Ada")
    finally:
        tab.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


def test_what_a_full_browser_kept_before_never_comes_back(tab: Browser, page: Path) -> None:
    fresh(tab, page)
    tab.press("4")
    give_name(tab, "Ada")
    tab.press("j", "4")
    tab.ask("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }")
    tab.press("x", "k", "2", "j", "j", "u")
    assert progress(tab) == "2 of 7 decided, 2 overruled"
    tab.press("k", "k")
    assert told(tab) == "You overruled: grade 2 moderate NPDR"
    assert tab.ask("document.getElementById('unkept').hidden") is False


def test_what_is_withdrawn_after_an_export_is_withdrawn_by_the_next(
    tab: Browser, page: Path, downloads: Path, tmp_path: Path
) -> None:
    fresh(tab, page)
    tab.press("4")
    give_name(tab, "Ada")
    tab.click("#export")
    first = read_decisions(downloaded(downloads))
    tab.press("x")
    tab.click("#export")
    second = read_decisions(downloaded(downloads))
    grades = read_grades(tmp_path / "grades.csv")
    assert [one.decided for one in merge_decisions(grades, [first], {grades.digest: {}}).rows][1] == "4"
    for files in ([first, second], [second, first]):
        assert {one.decided for one in merge_decisions(grades, files, {grades.digest: {}}).rows} == {""}


def test_leaving_with_decisions_that_were_not_exported_is_asked_about(
    tab: Browser, page: Path, downloads: Path
) -> None:
    fresh(tab, page)
    tab.press("4")
    give_name(tab, "Ada")
    tab.dialogs.clear()
    tab.open(page)
    assert tab.dialogs == ["beforeunload"]
    tab.click("#export")
    downloaded(downloads)
    tab.press("j")
    tab.open(page)
    tab.press("j")
    tab.open(page)
    assert tab.dialogs == ["beforeunload"]


def test_decisions_of_the_page_before_are_told_of_until_they_are_exported(
    tab: Browser, make_grades: MakeGrades, downloads: Path, tmp_path: Path
) -> None:
    page = tmp_path / "review.html"
    row = graded("in/1_left.png", 0)
    before = make_grades(row)
    write_review(before.path, page)
    fresh(tab, page)
    assert tab.ask("document.getElementById('earlier').hidden") is True
    tab.press("4")
    give_name(tab, "Ada")
    after = make_grades(row, graded("in/2_left.png", 1))
    write_review(after.path, page)
    tab.open(page)
    assert progress(tab) == "0 of 2 decided"
    assert tab.ask("document.getElementById('earlier').firstChild.textContent") == (
        "1 decision by Ada on another page of this browser, about grades.csv "
        f"(SHA-256 {before.digest[:8]}), was never exported. "
    )
    tab.click("#reader")
    give_name(tab, "Grace")
    assert tab.ask("document.getElementById('earlier').hidden") is True  # they are another's
    tab.click("#reader")
    give_name(tab, "Ada")
    tab.click("#earlier button")
    file = read_decisions(downloaded(downloads))
    assert file.path.name == f"1_decisions-grades-{before.digest[:8]}-ada.csv.taken"
    assert {(one.job, one.reader) for one in file.decisions} == {(before.digest, "Ada")}
    found = merge_decisions(after, [file], {before.digest: {}, after.digest: {}})
    assert [one.decided for one in found.rows] == ["4", ""]
    assert tab.ask("document.getElementById('earlier').hidden") is True
    tab.open(page)
    assert tab.ask("document.getElementById('earlier').hidden") is True


def test_a_picture_that_is_gone_takes_no_other_with_it(tab: Browser, page: Path, tmp_path: Path) -> None:
    content = encode_png(np.full((40, 60, 3), 90, np.uint8))
    (tmp_path / "1_right.png").write_bytes(content)
    grades = read_grades(tmp_path / "grades.csv")
    rows = [replace(row, sha256=sha256_of(content)) if row.image == "in/1_right.png" else row for row in grades.rows]
    grades.path.write_text(to_csv(rows), encoding="utf-8")
    assert write_review(grades.path, page, [str(tmp_path / "1_right.png")]).photographs == 1
    for file in (tmp_path / "review.html_files").iterdir():
        file.unlink()
    fresh(tab, page)
    tab.click(".current .whole")
    tab.wait_for("document.querySelector('.current .pane > p') !== null")
    assert "not beside the page" in tab.ask("document.querySelector('.current .pane > p').textContent")
    tab.click(".current .whole")
    assert tab.ask("document.querySelector('.current .pane').querySelectorAll('.window img').length") == 2
    assert tab.ask("document.querySelector('.current .pane > p') === null")
    assert not [one for one in tab.said if "TypeError" in one]


def test_a_doubt_stands_beside_the_grade(tab: Browser, make_grades: MakeGrades, tmp_path: Path) -> None:
    doubts = [f"{DOUBTFUL}, {why}: take it again" for why in ("too dark", "out of focus")]
    grades = make_grades(
        graded("1_left.png", 0, reason=doubts[0]),
        graded("2_left.png", 1, reason=doubts[1]),
        graded("3_left.png", 1, reason="text is burned into it"),
    )
    write_review(grades.path, tmp_path / "review.html")
    fresh(tab, tmp_path / "review.html")
    tab.choose("reason", DOUBTFUL)
    assert sorted(rows(tab)) == ["1_left.png", "2_left.png"]
    assert tab.ask("document.querySelector('.said + .doubt').textContent") in doubts
    assert "3 graded; 2 graded though doubtful" in tab.ask("document.querySelector('.about p').textContent")
    tab.choose("reason", "text is burned into it")
    assert tab.ask("document.querySelector('.said').textContent").endswith(
        "not referable \u00b7 text is burned into it"
    )
    assert tab.ask("document.querySelector('.doubt') === null")


def test_what_is_decided_leaves_those_not_yet_decided(tab: Browser, page: Path) -> None:
    fresh(tab, page)
    tab.choose("decided", "not yet")
    tab.press("j", "4")
    give_name(tab, "Ada")
    assert selected(tab) == "" and told(tab).startswith("You overruled")  # still looked at, for a note
    assert rows(tab)[:2] == ["1_right.png", "5_left.png"]
    tab.ask("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.ask("document.querySelectorAll('#printed tbody tr').length") == 6
    tab.press("j")
    assert selected(tab) == "5_left.png"
    tab.press("a", "k")
    assert selected(tab) == "1_right.png"
    tab.click("#reader")
    give_name(tab, "Grace")
    assert len(rows(tab)) == 7


def test_what_is_printed_is_what_is_chosen(tab: Browser, page: Path) -> None:
    fresh(tab, page)
    tab.press("4")
    give_name(tab, "Ada")
    tab.choose("status", "graded")
    tab.ask("window.dispatchEvent(new Event('beforeprint'))")
    cells = tab.ask(
        "[...document.querySelectorAll('#printed tbody tr')].map(r => [r.cells[0].textContent, r.cells[4].textContent])"
    )
    assert cells[:2] == [["in/1_right.png", "grade 4 PDR"], ["in/1_left.png", ""]] and len(cells) == 4
    assert "Filters: graded; 4 of 7 photographs; reader: Ada" in tab.ask(
        "document.querySelector('#printed caption').textContent"
    )


def test_of_thousands_only_those_in_sight_exist(tab: Browser, make_grades: MakeGrades, tmp_path: Path) -> None:
    grades = make_grades(*(graded(f"in/{number}_left.png", number % 5) for number in range(3000)))
    write_review(grades.path, tmp_path / "many.html")
    fresh(tab, tmp_path / "many.html")
    assert 0 < len(rows(tab)) < 60
    tab.ask("document.getElementById('list').scrollTop = 1e9")
    tab.wait_for("document.querySelector('#rows .row:last-child').getAttribute('aria-posinset') === '3000'")
    assert len(rows(tab)) < 60
    assert json.loads(tab.ask("document.getElementById('data').textContent"))["job"] == grades.digest
