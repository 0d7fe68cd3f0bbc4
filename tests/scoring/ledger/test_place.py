from pathlib import Path

import pytest

from kerasdr.errors import KerasdrError
from kerasdr.scoring.ledger import place
from kerasdr.scoring.ledger.place import check_place, file_system, is_network, ledger_path

MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv/share rw,relatime shared:9 master:3 - nfs4 nas:/eyes rw,vers=4.2,addr=10.0.0.2
31 30 0:41 / /srv/share/local rw - tmpfs tmpfs rw
32 22 0:42 / /mnt/two\040words rw - cifs //nas/eyes rw
33 22 0:43 / /home/a/ssh rw,nosuid - fuse.sshfs a@b:/ rw
34 22 0:44 / /home/a/crypt rw,nosuid - fuse.gocryptfs x rw
35 22 0:45 / /twice rw - 9p host rw
36 22 8:2 / /twice rw - xfs /dev/sda2 rw
37 22 0:46 / /mnt/tab\011here rw - smb3 //nas/x rw
38 22 0:47 / /auto rw - autofs systemd-1 rw
39 38 0:48 / /auto rw - nfs nas:/auto rw
"""


def test_ledger_lies_beside_its_csv() -> None:
    assert ledger_path(Path("a/grades.csv")) == Path("a/grades.ledger")
    assert ledger_path(Path("grades.2026.csv")) == Path("grades.2026.ledger")
    assert ledger_path(Path("grades")) == Path("grades.ledger")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/grades.ledger", ""),
        ("/srv/share/grades.ledger", "nfs4"),
        ("/srv/share", "nfs4"),
        ("/srv/shared/grades.ledger", ""),
        ("/srv/share/local/grades.ledger", ""),
        ("/mnt/two words/g.ledger", "cifs"),
        ("/mnt/two", ""),
        ("/mnt/tab\there/g.ledger", "smb3"),
        ("/home/a/ssh/g.ledger", "fuse.sshfs"),
        ("/home/a/crypt/g.ledger", ""),
        ("/twice/g.ledger", ""),
        ("/auto/g.ledger", "nfs"),
    ],
)
def test_file_system_of_a_path(path: str, kind: str) -> None:
    found = file_system(path, MOUNTS)
    assert found and (found if is_network(found) else "") == kind


@pytest.mark.parametrize("mounts", ["", "\n", "no table\n", "1 2 3 4 - nfs x\n", "1 2 3:4 / /a - \n"])
def test_what_is_no_table_of_mounts_says_nothing(mounts: str) -> None:
    assert file_system("/a/g.ledger", mounts) == ""


def test_root_on_a_share() -> None:
    assert file_system("/g.ledger", "22 1 0:1 / / rw - nfs nas:/root rw\n") == "nfs"


def test_refusal_names_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    share = tmp_path / "share"
    share.mkdir()
    mounts.write_text(f"22 1 8:1 / / rw - ext4 x rw\n30 22 0:40 / {share} rw - nfs4 nas:/eyes rw\n")
    monkeypatch.setattr(place, "_MOUNTS", mounts)
    check_place(tmp_path / "g.ledger")
    (tmp_path / "link").symlink_to(share)
    for folder in (share, tmp_path / "link"):
        with pytest.raises(KerasdrError, match=r"would lie on a network file system \(nfs4\).* with --ledger$"):
            check_place(folder / "g.ledger")
    monkeypatch.setattr(place, "_MOUNTS", tmp_path / "absent")
    check_place(share / "g.ledger")
