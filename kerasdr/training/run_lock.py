"""Whether a run's process is alive, training or opening its test part: it holds a lock on a file of the run's folder.

The lock ends with the process. Where the file system has no locks nothing is known.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from kerasdr import file_lock
from kerasdr.errors import KerasdrError

LOCK = "training.lock"


@contextlib.contextmanager
def hold(run: Path) -> Iterator[None]:
    """Hold a run's lock while the body runs.

    Args:
        run: its folder.

    Raises:
        KerasdrError: if another process holds it, or it cannot be written.
    """
    descriptor = None
    try:
        descriptor = file_lock.take(run / LOCK)
    except file_lock.HeldError as error:
        raise KerasdrError(f"another process trains or judges {run}: wait for it, or stop it") from error
    except file_lock.NoLocksError:
        pass
    except OSError as error:
        raise KerasdrError(f"cannot write {run / LOCK}: {error.strerror}; check the folder's permissions") from error
    try:
        yield
    finally:
        if descriptor is not None:
            file_lock.let_go(descriptor)


def is_held(run: Path) -> bool | None:
    """Return whether a living process holds a run's lock; None where that cannot be known.

    Args:
        run: its folder.
    """
    try:
        return file_lock.look(run / LOCK) is not None
    except FileNotFoundError:
        return False
    except OSError:
        return None
