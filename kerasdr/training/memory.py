"""How the C library hands out memory while networks are fitted."""

import ctypes
import sys

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8


def keep_memory() -> bool:
    """Let the process keep the memory that it frees, and use it again; where the C library is not glibc, do nothing.

    A training step frees and asks again for the same hundreds of megabytes. By default glibc takes large blocks from the
    kernel and gives them back at once, and the kernel has to clear every page again: that is up to half of a step. One
    arena for all threads, no blocks of their own and no trimming stop that; the process then stays as large as it was at
    its largest. It works best before TensorFlow has started threads.

    Returns:
        Whether it was done.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library, such as musl
        return False
    settings = ((_M_ARENA_MAX, 1), (_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1))
    done = [mallopt(name, value) == 1 for name, value in settings]  # each is tried, whatever the others say
    return all(done)
