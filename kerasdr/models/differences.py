"""How the arrays that a file holds differ from those that a network has, in a line."""

from collections.abc import Mapping, Sequence

Shapes = Mapping[str, Sequence[int]]


def describe_differences(expected: Shapes, given: Shapes, *, extra_matters: bool = True, limit: int = 5) -> str:
    """Say which arrays of a file and of a network differ, and what to do.

    Args:
        expected: shapes of the network's arrays by name.
        given: shapes of the file's.
        extra_matters: whether arrays that the network lacks are a difference by themselves.
        limit: how many differences of each kind to name.

    Returns:
        One line, empty if the file has every array of the network in its shape (and no other, if that matters).
    """
    missing = sorted(set(expected) - set(given))
    extra = sorted(set(given) - set(expected))
    differing = sorted(name for name in set(given) & set(expected) if tuple(given[name]) != tuple(expected[name]))
    if not missing and not differing and not (extra and extra_matters):
        return ""
    parts = []
    if missing:
        parts.append(f"{len(missing)} arrays are missing in the file ({_few(missing, limit)})")
    if extra:
        parts.append(f"{len(extra)} are not in the network ({_few(extra, limit)})")
    if differing:
        named = [f"{name}: file {tuple(given[name])}, network {tuple(expected[name])}" for name in differing]
        parts.append(f"{len(differing)} have another shape ({_few(named, limit)})")
    return "; ".join(parts) + ": give a file of this trunk, or set model.trunk to the file's"


def _few(names: list[str], limit: int) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
