import contextlib
import errno
import io
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.imaging.headers import UnreadablePhotograph
from kerasdr.scoring import inputs
from kerasdr.scoring.inputs import list_inputs, read_bytes
from kerasdr.scoring.reading import WaitingPhotograph

IS_FOLDER = "this is a folder, not a photograph: look inside, or rename it"
NOT_FOUND = "file not found: check the name"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")


def listed(*arguments: str, **options: Any) -> list[tuple[str, str]]:
    return [(entry.path, entry.problem) for entry in list_inputs(arguments, **options)]


def paths(*arguments: str, **options: Any) -> list[str]:
    found = listed(*arguments, **options)
    assert all(problem == "" for _, problem in found)
    return [path for path, _ in found]


def refusal(path: str) -> str:
    with pytest.raises(UnreadablePhotograph) as caught:
        read_bytes(path)
    return str(caught.value)


# Listing


def test_files_are_taken_in_the_order_given_whatever_they_are_called() -> None:
    touch("b.jpg", "a.png", "scan", "z.dat")
    assert paths("b.jpg", "a.png", "scan", "z.dat") == ["b.jpg", "a.png", "scan", "z.dat"]


def test_folder_is_searched_with_sub_folders_in_the_order_of_names() -> None:
    touch(
        "in/b.JPG", "in/a.tiff", "in/10.png", "in/9.bmp", "in/aa/z.jpeg", "in/aa/b/y.webp", "in/notes.txt", "in/l.csv"
    )
    expected = ["10.png", "9.bmp", "a.tiff", "aa/b/y.webp", "aa/z.jpeg", "b.JPG"]
    assert paths("in") == [f"in/{name}" for name in expected]
    assert paths("./in/") == [f"./in/{name}" for name in expected]


def test_order_of_a_folder_does_not_depend_on_the_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    touch(*(f"in/{n}.png" for n in range(20)))
    before = paths("in")
    scandir = os.scandir

    @contextlib.contextmanager
    def backwards(folder: str) -> Iterator[Any]:
        with scandir(folder) as entries:
            yield reversed(list(entries))

    monkeypatch.setattr(os, "scandir", backwards)
    assert paths("in") == before == sorted(before)


def test_glob_is_sorted_and_searches_the_folders_that_it_matches() -> None:
    touch("2_left.png", "1_left.png", "1_right.png", "dir_left/c.png", "dir_left/d.txt")
    assert paths("*_left*") == ["1_left.png", "2_left.png", "dir_left/c.png"]


def test_glob_with_two_stars_goes_down() -> None:
    touch("in/a.png", "in/deep/er/b.png", "in/deep/c.jpg")
    assert paths("in/**/*.png") == ["in/a.png", "in/deep/er/b.png"]


def test_name_with_brackets_that_exists_is_no_glob() -> None:
    touch("eye[1].png", "eye1.png")
    assert paths("eye[1].png") == ["eye[1].png"]


@pytest.mark.parametrize("name", ["gone.jpg", "*.jpg", "gone/", "gone/a.jpg", "a.txt/b.jpg", ""])
def test_what_is_not_there_has_a_row(name: str) -> None:
    touch("a.txt")
    assert listed(name, "a.txt") == [(name, NOT_FOUND), ("a.txt", "")]


def test_what_cannot_be_a_name() -> None:
    assert listed("x" * 5000) == [("x" * 5000, "")]
    assert (
        refusal("x" * 5000) == f"the file cannot be read ({os.strerror(errno.ENAMETOOLONG)}): check the disk or share"
    )
    with pytest.raises(KerasdrError, match=r"a name holds a NUL byte: .*--null"):
        list_inputs(["a.png\0b.png"])


def test_what_is_named_twice_has_one_entry_and_keeps_its_first_name() -> None:
    touch("in/a.png", "in/b.png")
    os.symlink("in", "alias")
    whole = str(Path("in/a.png").absolute())
    named = ("in/b.png", "in", "./in/a.png", "in//a.png", whole, "in/*.png", "alias/a.png", "alias", "in/../in/b.png")
    assert paths(*named) == ["in/b.png", "in/a.png"]


def test_link_to_a_file_is_a_file_of_its_own() -> None:
    touch("in/a.png")
    os.symlink("a.png", "in/1_left.png")
    assert paths("in") == ["in/1_left.png", "in/a.png"]


def test_hidden_files_and_folders_are_passed_over_in_folders_but_not_by_name() -> None:
    touch("in/.hidden.png", "in/.thumbs/a.png", "in/._b.jpg", "in/b.jpg")
    assert paths("in") == ["in/b.jpg"]
    assert paths("in/.hidden.png") == ["in/.hidden.png"]


def test_links_to_folders_are_not_followed_and_loops_end() -> None:
    touch("in/a.png", "elsewhere/b.png")
    os.symlink("..", "in/loop")
    os.symlink("../elsewhere", "in/other")
    os.symlink("..", "in/up.jpg")
    assert paths("in") == ["in/a.png", "in/up.jpg"]
    assert refusal("in/up.jpg") == IS_FOLDER


def test_skipped_folder_is_not_searched_however_it_is_reached() -> None:
    touch("in/a.png", "in/g_gradcam/000001_0123456789ab.png", "in/g_gradcam/other.png")
    for arguments in (["in"], ["in/*"], ["in/a.png", "in/g_gradcam"]):
        assert paths(*arguments, skip=[Path("in/g_gradcam")]) == ["in/a.png"]


def test_pictures_of_other_jobs_are_passed_over_but_not_by_name() -> None:
    picture = "in/old_gradcam/000001_0123456789ab.png"
    touch("in/a.png", picture, "in/old_gradcam/mine.png", "in/scans/000001_0123456789ab.png")
    assert paths("in") == ["in/a.png", "in/old_gradcam/mine.png", "in/scans/000001_0123456789ab.png"]
    assert paths(picture) == [picture]


@pytest.mark.parametrize("argument", ["in", "in/*.jpg"])
def test_folder_called_like_a_photograph(argument: str) -> None:
    touch("in/a.jpg")
    Path("in/x.jpg/deeper").mkdir(parents=True)
    assert listed(argument) == [("in/a.jpg", ""), ("in/x.jpg", IS_FOLDER)]
    touch("in/x.jpg/b.png")
    assert paths(argument) == ["in/a.jpg", "in/x.jpg/b.png"]


def test_empty_folder_called_like_a_photograph_by_name() -> None:
    Path("x.jpg").mkdir()
    assert listed("x.jpg") == [("x.jpg", IS_FOLDER)]


def test_folders_nested_deeper_than_pythons_calls() -> None:
    handle = os.open(".", os.O_RDONLY)
    for _ in range(1500):  # one at a time: the whole path is nearly as long as a path may be
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(os.open("a.png", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    try:
        assert paths("d") == ["d/" * 1500 + "a.png"]
    finally:
        subprocess.run(["rm", "-rf", "d"], check=True)  # Python's own way to remove folders would not get so deep


def test_nothing_to_score_is_an_error() -> None:
    Path("empty").mkdir()
    touch("texts/a.txt")
    for arguments in (["empty"], ["empty", "texts"], ["emp*"]):
        with pytest.raises(KerasdrError, match="no photographs in emp"):
            list_inputs(arguments)
    with pytest.raises(KerasdrError, match="no photographs in an empty list"):
        list_inputs([])


def test_empty_folder_beside_others_has_a_row() -> None:
    Path("empty").mkdir()
    touch("a.png")
    assert listed("empty", "a.png") == [("empty", "the folder holds no photographs: check the path"), ("a.png", "")]


def test_folder_that_cannot_be_opened_has_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    touch("in/a.png", "in/lost/b.png")
    scandir = os.scandir

    def refuse(folder: str) -> Any:
        if folder.endswith("lost"):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    problem = (
        f"the folder cannot be opened ({os.strerror(errno.ESTALE)}): connect the share or disk again, and run again"
    )
    assert listed("in") == [("in/a.png", ""), ("in/lost", problem)]
    assert listed("in/lost") == [("in/lost", problem)]
    assert [(entry.later, entry.listed) for entry in list_inputs(["in", "gone.png"])] == [
        *((False, True), (True, False)),
        (False, False),
    ]


@pytest.fixture
def locked() -> Iterator[str]:
    """A folder where permissions hold: a superuser becomes nobody meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        os.mkdir(f"{name}/closed")
        touch(*(f"{name}/{file}" for file in ("closed/in.jpg", "secret.jpg", "open.jpg")))
        os.chmod(f"{name}/secret.jpg", 0)
        os.chmod(f"{name}/closed", 0)
        superuser = os.geteuid() == 0
        if superuser:
            os.seteuid(65534)
        try:
            yield name
        finally:
            if superuser:
                os.seteuid(0)
            os.chmod(f"{name}/closed", 0o755)


def test_no_permission(locked: str) -> None:
    assert listed(locked) == [
        (f"{locked}/closed", "the folder cannot be opened (Permission denied): check its permissions"),
        (f"{locked}/open.jpg", ""),
        (f"{locked}/secret.jpg", ""),
    ]
    assert read_bytes(f"{locked}/open.jpg") == b"x"
    assert refusal(f"{locked}/secret.jpg") == "no permission to read the file: ask for access"
    # It may well be there, so to say that it is missing would be wrong.
    assert listed(f"{locked}/closed/in.jpg") == [(f"{locked}/closed/in.jpg", "")]
    assert refusal(f"{locked}/closed/in.jpg") == "no permission to read the file: ask for access"


# Reading


def test_bytes_are_read_whole() -> None:
    data = os.urandom(3_000_000)
    Path("a.png").write_bytes(data)
    assert read_bytes("a.png") == data
    os.symlink("a.png", "link.png")
    assert read_bytes("link.png") == data
    Path("empty.png").write_bytes(b"")
    assert read_bytes("empty.png") == b""


def test_refusals_say_what_to_do() -> None:
    os.symlink("nowhere.png", "broken.png")
    os.symlink("self.png", "self.png")
    os.mkfifo("pipe.png")
    Path("folder.png").mkdir()
    with open("huge.png", "wb") as file:
        file.truncate(inputs.MAX_BYTES + 1)  # sparse: it takes no space
    assert refusal("gone.png") == NOT_FOUND
    assert refusal("broken.png") == "the link points to nothing: link it again"
    assert refusal("self.png").startswith("the file cannot be read (")
    assert refusal("pipe.png") == "this is a pipe or a device, not a photograph: name the photograph's own file"
    assert refusal("/dev/zero") == refusal("pipe.png")
    assert refusal("folder.png") == IS_FOLDER
    assert refusal("huge.png") == "the file is larger than 512 MB: save the picture smaller"


def test_share_that_goes_away_while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    touch("a.png")
    opened: list[int] = []

    def refuse(descriptor: int, mode: str) -> Any:
        os.close(descriptor)
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    plain_open = os.open

    def remember(*arguments: Any) -> int:
        opened.append(plain_open(*arguments))
        return opened[-1]

    monkeypatch.setattr(os, "fdopen", refuse)
    monkeypatch.setattr(os, "open", remember)
    assert refusal("a.png") == f"the file cannot be read ({os.strerror(errno.ESTALE)}): check the disk or share"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


@pytest.mark.parametrize("change", ["grows", "shrinks", "is rewritten"])
def test_file_that_changes_while_it_is_read(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.png").write_bytes(b"first half")
    os.utime("a.png", ns=(1, 1))
    fdopen = os.fdopen

    def meddle(descriptor: int, mode: str) -> Any:
        file = fdopen(descriptor, mode)
        with open("a.png", "r+b") as other:
            if change == "shrinks":
                other.truncate(3)
            else:
                other.seek(0, os.SEEK_END if change == "grows" else os.SEEK_SET)
                other.write(b"other half")
        return file

    monkeypatch.setattr(os, "fdopen", meddle)
    assert refusal("a.png") == "the file is still being written: run again when it is whole"


@pytest.mark.parametrize("change", ["replaced", "removed", "rewritten"])
def test_file_that_is_replaced_while_it_is_read(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.png").write_bytes(b"first whole")
    os.utime("a.png", ns=(1, 1))
    fstat, looks = os.fstat, 0

    def meddle(descriptor: int) -> os.stat_result:
        nonlocal looks
        looks += 1
        found = fstat(descriptor)
        if looks == 2:  # what was read was read
            if change == "replaced":
                Path("new").write_bytes(b"other whole")
                os.utime("new", ns=(1, 1))
                os.replace("new", "a.png")
            elif change == "removed":
                os.unlink("a.png")
            else:
                Path("a.png").write_bytes(b"other whole")
        return found

    monkeypatch.setattr(os, "fstat", meddle)
    with pytest.raises(WaitingPhotograph, match=r"^the file was replaced while it was read: run again$"):
        read_bytes("a.png")


def test_what_may_be_had_later_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WaitingPhotograph, match="was there when the job began and is gone: connect the share"):
        read_bytes("gone.png", listed=True)
    os.symlink("nowhere", "link.png")
    for name, options in (("gone.png", {}), ("link.png", {"listed": True})):
        with pytest.raises(UnreadablePhotograph) as caught:
            read_bytes(name, **options)
        assert not isinstance(caught.value, WaitingPhotograph)
    touch("a.png")

    for code, waits in ((errno.ENOTCONN, True), (errno.ESTALE, True), (errno.EIO, False), (errno.ELOOP, False)):
        error = OSError(code, os.strerror(code))
        monkeypatch.setattr(os, "open", Mock(side_effect=error))
        with pytest.raises(UnreadablePhotograph, match="the file cannot be read") as caught:
            read_bytes("a.png")
        assert isinstance(caught.value, WaitingPhotograph) is waits


def test_handle_that_went_stale_is_looked_up_once_again(monkeypatch: pytest.MonkeyPatch) -> None:
    touch("a.png")
    opened, calls = os.open, 0

    def stale(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        if calls <= fail:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return opened(*arguments)

    monkeypatch.setattr(os, "open", stale)
    fail = 1
    assert read_bytes("a.png") == b"x"
    fail, calls = 9, 0
    with pytest.raises(WaitingPhotograph):
        read_bytes("a.png")
    assert calls == 2


def test_share_that_gives_less_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.png").write_bytes(b"whole picture")
    fdopen = os.fdopen

    def half(descriptor: int, mode: str) -> io.BytesIO:
        with fdopen(descriptor, mode) as file:
            return io.BytesIO(file.read(5))

    monkeypatch.setattr(os, "fdopen", half)
    assert refusal("a.png") == "the file is still being written: run again when it is whole"


def test_name_that_no_file_can_have() -> None:
    with pytest.raises(KerasdrError, match=r"'\\ud800.png' holds characters that no file's name can have"):
        list_inputs(["\ud800.png"])


def test_error_is_one_line_whatever_a_folder_is_called() -> None:
    for name in ("two\nlines", os.fsdecode(b"\xff")):
        os.mkdir(name)
    with pytest.raises(KerasdrError, match=r"^no photographs in two\\nlines, \\xff: check the path$"):
        list_inputs(["two\nlines", os.fsdecode(b"\xff")])


def test_glob_passes_over_pictures_of_earlier_jobs() -> None:
    touch("in/a.png", "in/g_gradcam/000001_0123456789ab.png")
    assert paths("in/**/*.png") == ["in/a.png"]
    with pytest.raises(KerasdrError, match="no photographs in"):
        list_inputs(["in/g_gradcam/*"])


def test_folder_that_breaks_off_keeps_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    touch("in/a.png", "in/b.png")
    scandir = os.scandir

    @contextlib.contextmanager
    def broken(folder: str) -> Iterator[Any]:
        def entries() -> Iterator[Any]:
            with scandir(folder) as found:
                yield next(found)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        yield entries()

    monkeypatch.setattr(os, "scandir", broken)
    (path, problem), (other, none) = listed("in")
    assert (path, problem) == ("in", f"the folder cannot be opened ({os.strerror(errno.EIO)}): check its permissions")
    assert other in ("in/a.png", "in/b.png") and none == ""


def test_socket_is_no_photograph() -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.png")
        assert refusal("s.png") == "this is a pipe or a device, not a photograph: name the photograph's own file"


def test_no_more_memory_than_the_file_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.png").write_bytes(b"12345")
    fdopen = os.fdopen
    asked: list[int | None] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(size)
            return super().read(size)

    def watch(descriptor: int, mode: str) -> Watched:
        with fdopen(descriptor, mode) as file:
            return Watched(file.read())

    monkeypatch.setattr(os, "fdopen", watch)
    assert read_bytes("a.png") == b"12345"
    assert asked == [6]


# DICOM of archives, which give no endings


def dicom_like(*names: str) -> None:
    touch(*names)
    for name in names:
        Path(name).write_bytes(bytes(128) + b"DICM" + bytes(40))


def test_dicom_is_found_by_its_ending_or_else_by_how_it_begins() -> None:
    names = ["1.2.840.113619.2.7", "IM0001", "OP.1.2.840.5", "a.dcm", "b.DICOM", "deep/1/2/IM0001", "name."]
    dicom_like(
        *(f"in/{name}" for name in names), "in/DICOMDIR", "in/dicomdir", "in/report.txt", "in/.hidden", "in/x.12a"
    )
    touch("in/notes", "in/1.2.3", "in/LICENSE", "in/c.dcm")
    os.mkfifo("in/pipe")
    os.symlink("nothing", "in/broken")
    assert paths("in") == [f"in/{name}" for name in sorted([*names, "c.dcm"])]
    assert paths("in/DICOMDIR", "in/notes") == ["in/DICOMDIR", "in/notes"]  # what is named is taken


def test_only_files_that_may_be_dicom_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    dicom_like("in/a.png", "in/b.txt", "in/c.dcm", "in/d", "in/7")
    opened = []
    real = os.open

    def spy(path: Any, *rest: Any, **options: Any) -> int:
        opened.append(os.path.basename(path))
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", spy)
    assert paths("in") == ["in/7", "in/a.png", "in/c.dcm", "in/d"]
    assert opened == ["7", "d"]


def test_what_may_not_be_opened_is_no_photograph_unless_its_name_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    dicom_like("in/IM1", "in/IM2.dcm")
    os.symlink("loop", "in/loop")
    real = os.open

    def fail(path: Any, *rest: Any, **options: Any) -> int:
        if path == "in/IM1":
            raise PermissionError(errno.EACCES, "no")
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", fail)
    assert paths("in") == ["in/IM2.dcm"]
    assert paths("in/IM1") == ["in/IM1"]


def test_a_file_that_cannot_be_looked_into_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    dicom_like("in/IM1", "in/IM2", "in/IM3")
    real = os.open

    def fail(path: Any, *rest: Any, **options: Any) -> int:
        if path in ("in/IM1", "in/IM2"):
            raise OSError(errno.ESTALE if path == "in/IM1" else errno.ENOENT, "away")
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", fail)
    assert paths("in") == ["in/IM1", "in/IM3"]
