"""Where a ledger lies, and where it must not lie: locks and syncs of a network file system keep no promise."""

import os
import re
import sys
from pathlib import Path

from kerasdr.errors import KerasdrError
from kerasdr.files import printable_path

_MOUNTS = Path("/proc/self/mountinfo")

# As systemd (src/basic/mountpoint-util.c, fstype_is_network) and util-linux list them, with those of FUSE by the name behind
# ``fuse.``, and 9p, by which virtual machines and WSL show folders of their host.
_NETWORK = frozenset(
    {
        *("9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre"),
        *("ncp", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs", "sshfs"),
        *("curlftpfs", "gcsfuse", "grpcfuse", "gvfsd-fuse", "juicefs", "rclone", "s3fs", "smbnetfs"),
    }
)
_OCTAL = re.compile(r"\\([0-7]{3})")


def ledger_path(out: Path) -> Path:
    """Return where the ledger of a CSV lies unless it is named: ``grades.ledger`` beside ``grades.csv``."""
    return out.with_name(f"{out.stem}.ledger")


def file_system(path: str, mounts: str) -> str:
    """Return the type of the file system that a path lies on; nothing if that is not told.

    Args:
        path: absolute, without links; ``os.path.realpath`` makes it so.
        mounts: the text of ``/proc/self/mountinfo``; see proc_pid_mountinfo(5).
    """
    found, kind = "", ""
    for line in mounts.splitlines():
        mounted, separator, device = line.partition(" - ")
        fields = mounted.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]).rstrip("/")
        # Of two in one place the later covers the earlier.
        if (path == point or path.startswith(f"{point}/")) and len(point) >= len(found):
            found, kind = point, device.split(" ")[0]
    return kind


def is_network(kind: str) -> bool:
    """Whether a type of file system is one of those that go over a network."""
    return kind.removeprefix("fuse.") in _NETWORK


def file_system_here(path: Path) -> str:
    """Return the type of the file system that a path lies on, as far as the platform tells; see :func:`file_system`."""
    try:
        return file_system(os.path.realpath(path), os.fsdecode(_MOUNTS.read_bytes()))
    except OSError:  # no such list on this platform
        return ""


def check_place(ledger: Path) -> None:
    """Refuse a ledger on a network file system, as far as the platform tells.

    Raises:
        KerasdrError: that says to name another place.
    """
    if sys.platform == "win32":
        kind = "a network share" if os.path.realpath(ledger).startswith("\\\\") else ""
    else:
        kind = file_system_here(ledger)
        kind = kind if is_network(kind) else ""
    if kind:
        raise KerasdrError(
            f"the ledger {printable_path(ledger)} would lie on a network file system ({kind}), where it is not safe: "
            "name a place on a local disk with --ledger"
        )
