"""Files of the same bytes, found without reading those that can have no double."""

from collections.abc import Iterable
from pathlib import Path

from kerasdr.files import sha256_of_file


def first_of_same_bytes(paths: Iterable[Path]) -> dict[Path, Path]:
    """Return for each file the first one that has its bytes, which is mostly itself.

    Only files of one length are read. A file that cannot be read has no double.
    """
    by_size: dict[int, list[Path]] = {}
    first: dict[Path, Path] = {}
    for path in paths:
        first[path] = path
        try:
            by_size.setdefault(path.stat().st_size, []).append(path)
        except OSError:
            continue
    for group in by_size.values():
        seen: dict[str, Path] = {}
        for path in group if len(group) > 1 else ():
            try:
                first[path] = seen.setdefault(sha256_of_file(path), path)
            except OSError:
                continue
    return first
