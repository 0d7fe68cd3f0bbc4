"""Building and setting what stands between a program and its files; see shim.c."""

import ctypes
import shutil
import subprocess
from pathlib import Path

KILL_BEFORE, KILL_AFTER = 1, 2
"""What happens at an operation, beside the negative of an errno, with which it fails."""


def build(folder: Path) -> Path | None:
    """Compile the library, and return where it is; None where there is no C compiler or no LD_PRELOAD."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / "shim.so"
    source = Path(__file__).with_name("shim.c")
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-o", str(library), str(source), "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True)
    return library if done.returncode == 0 else None


class Shim:
    """The library, loaded into this process before all others with ``LD_PRELOAD``."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        self._library.fault_count.restype = ctypes.c_long
        self._library.fault_arm.argtypes = [
            ctypes.c_char_p,
            ctypes.c_long,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_char_p,
        ]

    def arm(self, folder: Path, at: int = 0, how: int = 0, *, stays: bool = False, trace: Path | None = None) -> None:
        """Count operations that change something below a folder, from 1, and let the ``at``-th fail."""
        record = None if trace is None else str(trace).encode()
        self._library.fault_arm(str(folder).encode(), at, how, int(stays), record)

    @property
    def count(self) -> int:
        """How many operations there were."""
        return int(self._library.fault_count())
