"""Limits that a reading process sets itself, as far as its platform has them."""

import contextlib
import os
import select
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

_STATM = Path("/proc/self/statm")
_AFTER_THE_PARENT = 5.0


def limit_memory(more: int) -> bool:
    """Let this process have some bytes of address space more than it has now, write no file and leave no core.

    Args:
        more: bytes.

    Returns:
        Whether memory is limited: only where the process can see how much it has, which is Linux.
    """
    import resource  # POSIX

    # A core would hold a photograph.
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (0, 0))
    try:
        used = int(_STATM.read_text(encoding="utf-8").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return False
    set_before = [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit != resource.RLIM_INFINITY]
    wanted = min([used + more, *set_before])
    resource.setrlimit(resource.RLIMIT_AS, (wanted, wanted))
    return True


def end_with_the_parent(descriptor: int) -> None:
    """End this process as soon as the other end of a socket is closed, whatever it is doing then."""

    def watch() -> None:
        hung_up = select.poll()
        hung_up.register(descriptor, select.POLLHUP)
        hung_up.poll()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """End this process if the work takes a little longer than the parent waits for it.

    The parent ends it sooner. If the parent is gone and the work does not even let another thread run, this is what ends it:
    the signal is not handled, so no Python is needed.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds + _AFTER_THE_PARENT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
