"""Whether a run's process is alive, training or opening its test part: it holds a lock on a file of the run's folder.

The lock ends with the process, so it takes no clock and no process numbers, which are given out anew. It is the operating
system's (flock). Over a network share it is known on other machines too where the share carries locks (NFS 4 does). Where there
are no such locks (Windows) nothing is known.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from kerasdr.errors import KerasdrError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = "training.lock"
_TRIES, _PAUSE_SECONDS = 20, 0.05  # somebody who only looks holds it for an instant


@contextlib.contextmanager
def hold(run: Path) -> Iterator[None]:
    """Hold a run's lock while the body runs.

    Args:
        run: its folder.

    Raises:
        KerasdrError: if another process holds it, or it cannot be written.
    """
    if fcntl is None:
        yield
        return
    try:
        # For adding: whoever finds it locked must not empty it.
        file = open(run / LOCK, "ab")  # noqa: SIM115
    except OSError as error:
        raise KerasdrError(f"cannot write {run / LOCK}: {error.strerror}; check the folder's permissions") from error
    with file:
        for left in reversed(range(_TRIES)):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if left == 0:
                    raise KerasdrError(f"another process trains or judges {run}: wait for it, or stop it") from error
                time.sleep(_PAUSE_SECONDS)
            except OSError:  # a file system without locks
                break
        yield


def is_held(run: Path) -> bool | None:
    """Return whether a living process holds a run's lock; None where that cannot be known.

    Args:
        run: its folder.
    """
    if fcntl is None:
        return None
    try:
        file = os.open(run / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(file)
    return False
