"""Settings ``a.b.c=value`` laid over a raw configuration, and the nearest known word for a misspelt one."""

import copy
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from kerasdr.errors import KerasdrError


def override(raw: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return a copy of ``raw`` with each ``a.b.c=value`` of ``settings`` put in; values are read as YAML.

    A setting on a section (``model.dropout=0.4``) is the default of every member that does not set that key itself.
    Members and stages are addressed by name or by position from 0: ``members.dual.model.dropout=0.4``.

    Raises:
        KerasdrError: if a setting has no ``=``, an empty key, a value that is no YAML, or goes through something that is
            not a section.
    """
    result = copy.deepcopy(dict(raw))
    for setting in settings:
        key, equals, value = setting.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts):
            raise KerasdrError(f"--set takes key=value, for instance training.batch_size=16; got {setting!r}")
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise KerasdrError(f"the value of --set {setting!r} cannot be read: put it in quotes") from error
        _put(result, parts, parsed, setting)
    return result


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``" (did you mean ...?)"`` for a misspelt word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def _put(node: Any, parts: list[str], value: Any, setting: str) -> None:
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if isinstance(node, list):
            index = _position(node, part, setting)
            if last:
                node[index] = value
                return
            node = node[index]
        elif isinstance(node, dict):
            if last:
                node[part] = value
                return
            if node.get(part) is None:
                node[part] = {}
            node = node[part]
        else:
            raise KerasdrError(f"--set {setting!r}: {'.'.join(parts[:position])} is a value, not a section")


def _position(items: list[Any], part: str, setting: str) -> int:
    named = {item["name"]: index for index, item in enumerate(items) if isinstance(item, dict) and "name" in item}
    if part in named:
        return named[part]
    if part.isdigit() and int(part) < len(items):
        return int(part)
    known = ", ".join([*named, *map(str, range(len(items)))])
    raise KerasdrError(f"--set {setting!r}: there is no {part!r} in that list; it has {known}")
