import csv
import hashlib
import hmac
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.scoring.inputs import Input
from kerasdr.scoring.pseudonyms import Pseudonyms, open_pseudonyms

OUT = Path("out/grades.csv")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("keys").mkdir()
    Path("out").mkdir()


def refusal(key: str, out: Path = OUT) -> str:
    with pytest.raises(KerasdrError) as caught:
        open_pseudonyms(Path(key), out)
    return str(caught.value)


def test_a_key_is_made_once_and_only_its_owner_can_read_it() -> None:
    before = os.umask(0)
    try:
        first = open_pseudonyms(Path("keys/a"), OUT)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat("keys/a").st_mode) == 0o600
    assert len(first.key) == 32 and Path("keys/a").read_text() == first.key.hex() + "\n"
    again, other = open_pseudonyms(Path("keys/a"), OUT), open_pseudonyms(Path("keys/b"), OUT)
    assert again == first and other.key != first.key
    assert (first.made, again.made, other.made) == (True, False, True)
    assert again.fingerprint == first.fingerprint != other.fingerprint
    assert len(first.fingerprint) == 16 and first.fingerprint not in first.key.hex()
    assert os.listdir("keys") == ["a", "b"] or os.listdir("keys") == ["b", "a"]


def test_the_folder_of_a_key_is_its_owners() -> None:
    before = os.umask(0)
    try:
        open_pseudonyms(Path("new/a"), OUT)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat("new").st_mode) == 0o700


def test_two_that_start_at_once_have_one_key() -> None:
    program = (
        "import sys; from pathlib import Path; from kerasdr.scoring.pseudonyms import open_pseudonyms; sys.stdin.read();"
        "made = open_pseudonyms(Path('new/a'), Path('out/grades.csv')); print(made.key.hex(), made.made)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in started:  # all have loaded by now, or will find a key that is there
        assert process.stdin is not None
        process.stdin.close()
    said = []
    for process in started:
        assert process.stdout is not None
        said.append(process.stdout.read().split())
        assert process.wait() == 0
    assert len({key for key, _ in said}) == 1 and Path("new/a").read_text().strip() == said[0][0]
    assert [made for _, made in said].count("True") == 1 and os.listdir("new") == ["a"]


def test_a_key_that_another_was_first_to_make_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(made: str, path: Path) -> None:
        os.rename(made, path.with_name("theirs"))
        Path(path).write_text("0" * 64)
        os.chmod(path, 0o600)
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr("kerasdr.scoring.pseudonyms.os.link", link)
    found = open_pseudonyms(Path("keys/a"), OUT)
    assert found.key == bytes(32) and not found.made


def test_a_key_that_cannot_be_written_whole_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kerasdr.scoring.pseudonyms.sync_file", full)
    assert refusal("keys/a") == "cannot use the key keys/a: No space left on device; name another file with --key"
    assert os.listdir("keys") == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(mode: int) -> None:
    open_pseudonyms(Path("keys/a"), OUT)
    os.chmod("keys/a", mode)
    assert refusal("keys/a") == "others can read the key keys/a: chmod 600 it, or make a new one"


def test_what_is_no_key_is_refused() -> None:
    for content in (b"", b"secret\n", b"0" * 63, b"0" * 65, b"g" * 64, b"0" * 64 + b"\n\n"):
        Path("keys/a").write_bytes(content)
        os.chmod("keys/a", 0o600)
        assert refusal("keys/a") == "keys/a is no key of 64 hexadecimal digits: name another file with --key"
    os.symlink("a", "keys/link")
    os.mkfifo("keys/pipe", 0o600)
    for name, words in (
        ("keys/link", "cannot use the key"),
        ("keys/pipe", "no ordinary"),
        ("keys", "cannot use"),
        ("no/no/key", "cannot use"),
    ):
        assert words in refusal(name)


def test_a_key_beside_the_csv_is_refused() -> None:
    os.symlink("out", "other")
    for key in ("out/a", "other/a"):
        assert "lies beside the CSV" in refusal(key)
    assert os.listdir("out") == []


def test_pseudonyms_are_keyed_digests_of_whole_paths() -> None:
    key = bytes(range(32))
    inputs = [
        Input("in/Doe_left.JPG"),
        Input("in/../in/Doe_left.JPG"),
        Input("Doe_left.JPG"),
        Input("in/Doe.Jane"),
        Input("in/x", "gone"),
    ]
    in_order = Pseudonyms(key, Path("keys")).rename(inputs)
    assert [entry.shown for entry in in_order] == sorted(entry.shown for entry in in_order)
    renamed = sorted(in_order, key=lambda entry: [one.path for one in inputs].index(entry.path))
    path = os.path.realpath(".") + "/in/Doe_left.JPG"
    assert renamed[0].shown == "p_" + hmac.new(key, path.encode(), hashlib.sha256).hexdigest()[:16] + ".jpg"
    assert renamed[1].shown == renamed[0].shown != renamed[2].shown
    assert renamed[3].shown.startswith("p_") and "." not in renamed[3].shown  # an ending may be a name
    assert [(entry.path, entry.problem) for entry in renamed] == [(entry.path, entry.problem) for entry in inputs]
    assert Pseudonyms(bytes(32), Path("keys")).rename(inputs[:1])[0].shown != renamed[0].shown


def test_the_list_of_names_grows_and_stays_private() -> None:
    pseudonyms = Pseudonyms(bytes(32), Path("keys"))
    odd = os.fsdecode(b'=\xff",\n.png')
    first, second = pseudonyms.rename([Input("a.png"), Input(odd)]), pseudonyms.rename([Input("b.png")])
    first.sort(key=lambda entry: entry.path != "a.png")
    pseudonyms.keep_names(first, OUT)
    pseudonyms.keep_names(second, OUT)
    pseudonyms.keep_names(first, OUT)
    with open(pseudonyms.names_file(OUT), encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["pseudonym", "image"]
    here = os.path.abspath(".")
    expected = {
        first[0].pseudonym: f"{here}/a.png",
        first[1].pseudonym: f'{here}/=\\xff",\n.png',
        second[0].pseudonym: f"{here}/b.png",
    }
    assert rows[1:] == sorted([name, path] for name, path in expected.items())
    assert stat.S_IMODE(os.stat(pseudonyms.names_file(OUT)).st_mode) == 0o600
    assert os.listdir("out") == []


def test_what_is_no_list_of_names_is_not_overwritten() -> None:
    pseudonyms = Pseudonyms(bytes(32), Path("keys"))
    names = pseudonyms.names_file(OUT)
    for content in (
        b"image,grade\na.png,3\n",
        b"pseudonym,image\nJane,a.png\n",
        b"\xff\xfe",
        b"pseudonym,image\np_0123456789abcdef.png\n",
    ):
        names.write_bytes(content)
        with pytest.raises(KerasdrError, match="move it away and run again"):
            pseudonyms.keep_names(pseudonyms.rename([Input("a.png")]), OUT)
        assert names.read_bytes() == content


def test_one_pseudonym_for_two_names_is_refused() -> None:
    pseudonyms = Pseudonyms(bytes(32), Path("keys"))
    (entry,) = pseudonyms.rename([Input("a.png")])
    pseudonyms.keep_names([entry], OUT)
    with pytest.raises(KerasdrError, match="stands for two names"):
        pseudonyms.keep_names([Input("b.png", pseudonym=entry.pseudonym)], OUT)


def test_outputs_of_one_name_in_two_folders_have_a_list_each() -> None:
    pseudonyms = Pseudonyms(bytes(32), Path("keys"))
    one, two = pseudonyms.names_file(Path("a/grades.csv")), pseudonyms.names_file(Path("b/grades.csv"))
    assert one != two and one == pseudonyms.names_file(Path("a/../a/grades.csv"))
    assert one.name.startswith("grades.") and one.name.endswith(".names.csv")


def test_a_photograph_reached_through_a_link_has_one_name() -> None:
    Path("in").mkdir()
    Path("link").symlink_to("in")
    pseudonyms = Pseudonyms(bytes(32), Path("keys"))
    for folder in ("in", "link"):
        pseudonyms.keep_names(pseudonyms.rename([Input(f"{folder}/a.png")]), OUT)
