"""Which methods may be tried on given members: asked before a long training, and again by the choice after it."""

from collections.abc import Sequence

from kerasdr.ensembles.registry import Method, find_method, method_names
from kerasdr.errors import KerasdrError

DEFAULT_METHODS = ("soft", "weighted")
"""What a configuration that says nothing compares."""


def permitted_methods(
    methods: Sequence[str], n_members: int, *, trained: str | None = None, n_people: int | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Check a list of methods against the members that there are.

    Every method but ``soft`` needs two members, and one that is fitted needs two people on validation. Somebody who
    named a method that cannot be had is told so; from the list that nobody wrote, :data:`DEFAULT_METHODS`, it is left
    out and noted, so that a single network can be trained as it is.

    Args:
        methods: names, as ``ensemble.methods`` gives them.
        n_members: how many members are combined.
        trained: ``bagging`` or ``boosting`` if the members were trained for that, None if independently of one another.
        n_people: people on validation; None if not known yet.

    Returns:
        The methods to try, in order, and a note on each that was left out.

    Raises:
        KerasdrError: if the list is empty, names a method twice, or names one that is not known or cannot be had.
    """
    known = ", ".join(method_names())
    if not methods:
        raise KerasdrError(f"ensemble.methods names no method: take from {known}")
    allowed, notes = [], []
    for name in methods:
        if name not in method_names():
            raise KerasdrError(f"ensemble.methods: {name!r} is not known; take from {known}")
        if name in allowed:
            raise KerasdrError(f"ensemble.methods names {name} twice: name it once")
        method = find_method(name)
        if method.own_training and trained != name:
            raise KerasdrError(
                f"ensemble.methods: {name} combines members that were trained for it, and these were not: "
                f"leave {name} out, or train members by {name}"
            )
        lack, remedy = _lack(method, n_members, n_people)
        if not lack:
            allowed.append(name)
        elif tuple(methods) == DEFAULT_METHODS:
            notes.append(f"{name} was left out, since {lack}")
        else:
            raise KerasdrError(f"ensemble.methods: {name} cannot be tried, since {lack}: {remedy}")
    return tuple(allowed), tuple(notes)


def _lack(method: Method, n_members: int, n_people: int | None) -> tuple[str, str]:
    if n_members < 2 and method.name != "soft":
        return "there is one member only", "add a member, or set ensemble.methods to [soft]"
    if method.fit is not None and n_people is not None and n_people < 2:
        return "validation has one person only", f"give data.split.validation more people, or leave {method.name} out"
    return "", ""
