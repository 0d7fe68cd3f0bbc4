"""`watch` with pseudonyms: what it lists by itself shows no name either."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from kerasdr.scoring import job, pseudonyms
from tests.cli.conftest import Kerasdr


def test_watch_keeps_names_out(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    for folder in ("in", "keys", "results"):
        Path(folder).mkdir()
    for name in ("Mustermann_left.png", "Mustermann_right.png"):
        Path("in", name).write_bytes(eye + name.encode())
    way = ("--out", "results/out.csv", "--model", model, "--pseudonymise", "--key", "keys/site.key")
    ran = kerasdr("watch", "in", "--once", "--every", "1s", *way)
    assert ran.code == 0, ran.err
    kept = b"".join(path.read_bytes() for path in Path("results").rglob("*") if path.is_file())
    assert kept.count(b"p_") >= 2 and b"Mustermann" not in kept and "Mustermann" not in ran.out + ran.err


def test_pseudonyms_do_not_go_where_names_are_kept(
    kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes
) -> None:
    Path("in").mkdir()
    Path("keys").mkdir()
    Path("in/Mustermann_left.png").write_bytes(eye)
    assert kerasdr("predict", "in", "--out", "out.csv", "--model", model).code == 0
    ran = kerasdr("predict", "in", "--out", "out.csv", "--model", model, "--pseudonymise", "--key", "keys/site.key")
    assert ran.code == 1 and "an earlier job kept names in this ledger" in ran.err


def test_pseudonyms_are_of_one_key_and_beside_no_names(
    kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes
) -> None:
    Path("in").mkdir()
    Path("in/Mustermann_left.png").write_bytes(eye)
    plain = ("predict", "in", "--out", "out.csv", "--model", model, "--quiet")
    way = (*plain, "--pseudonymise", "--key", "keys/site.key")
    ran = kerasdr(*way)
    assert (ran.code, ran.out) == (0, "") and ran.err.startswith("warning: made the key keys/site.key: keep it and a")
    assert kerasdr(*way).err == ""
    before = Path("out.csv").read_bytes(), Path("out.ledger").read_bytes()
    assert "and names would come beside them: give --pseudonymise" in kerasdr(*plain).error
    Path("keys/site.key").rename("kept")
    assert (
        "there is no key keys/site.key, and out.ledger was written with one: check the name, put" in kerasdr(*way).error
    )
    assert not Path("keys/site.key").exists()
    Path("keys/site.key").write_text("0" * 64)
    Path("keys/site.key").chmod(0o600)
    assert "made the pseudonyms in this ledger with another key: name theirs" in kerasdr(*way).error
    assert (Path("out.csv").read_bytes(), Path("out.ledger").read_bytes()) == before
    Path("kept").rename("keys/site.key")
    assert kerasdr(*way).code == 0 and Path("out.csv").read_bytes() == before[0]


def test_names_do_not_go_where_a_version_that_did_not_say_so_kept_pseudonyms(
    kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("in").mkdir()
    Path("in/Mustermann_left.png").write_bytes(eye)
    plain = ("predict", "in", "--out", "out.csv", "--model", model)
    with monkeypatch.context() as patch:
        before = job.begun_content
        patch.setattr(job, "begun_content", lambda *given: {**before(*given), "pseudonyms": ""})
        assert kerasdr(*plain, "--pseudonymise", "--key", "keys/site.key").code == 0
    assert "and names would come beside them" in kerasdr(*plain).error
    assert kerasdr(*plain, "--pseudonymise", "--key", "keys/site.key").code == 0


def test_health_looks_at_the_csv(kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes) -> None:
    Path("in").mkdir()
    Path("in/1_left.png").write_bytes(eye)
    assert kerasdr("predict", "in", "--out", "out.csv", "--model", model).code == 0
    assert kerasdr("jobs", "health", "out.csv").code == 0
    Path("out.csv").unlink()
    ran = kerasdr("jobs", "health", "out.csv")
    assert ran.code == 1 and "is not what its last job made of it" in ran.err


def test_a_disk_that_is_full_when_the_names_are_written_is_like_any_full_disk(
    kerasdr: Kerasdr, engines: list[Any], model: str, eye: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("in").mkdir()
    Path("keys").mkdir()
    Path("in/1_left.png").write_bytes(eye)
    real = pseudonyms.open_atomically

    @contextlib.contextmanager
    def full(path: Path, **options: Any) -> Iterator[IO[bytes]]:
        with real(path, **options) as file:
            yield file
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pseudonyms, "open_atomically", full)
    way = ("--out", "out.csv", "--model", model, "--pseudonymise", "--key", "keys/site.key")
    for command in (("predict", "in"), ("watch", "in", "--once", "--every", "0s")):
        said = kerasdr(*command, *way).left(4)
        assert said.startswith("cannot write keys/out.") and "No space left on device; " in said
        assert said.endswith("; what was kept stands: run the same command again") and not Path("out.csv").exists()
