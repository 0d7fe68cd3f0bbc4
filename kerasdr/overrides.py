"""Settings ``a.b.c=value`` laid over a raw configuration, and the nearest known word for a misspelt one."""

import copy
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from kerasdr.errors import KerasdrError

MEMBER_SECTIONS = ("model", "imaging", "augment", "training")
"""Sections that hold defaults of every member."""
_LISTS = ("members", "stages")


class NoSuchItem(KerasdrError):
    """A setting that goes through a member, a stage or another item of a list which is not there."""


def override(raw: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return a copy of ``raw`` with each ``a.b.c=value`` of ``settings`` put in; values are read as YAML.

    A setting on a section (``model.dropout=0.4``) is the default of every member that does not set that key itself.
    Members and stages are addressed by name or by position from 0: ``members.dual.model.dropout=0.4``.

    Raises:
        NoSuchItem: if a setting names a member or a stage that the configuration does not list.
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


def fit_settings(raw: Mapping[str, Any], settings: Iterable[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Tell settings that a configuration has a place for from those that would change nothing in it.

    Args:
        raw: as for :func:`override`.
        settings: as for :func:`override`.

    Returns:
        The settings that have a place, in their order, for :func:`override`; and for each of the others one line that
        says why not: it names a member or a stage that is not there, or is a default that every member overrides.

    Raises:
        KerasdrError: as :func:`override` for settings that are wrong in any configuration.
    """
    result: Mapping[str, Any] = raw
    fitting, why = [], {}
    for setting in settings:
        try:
            result = override(result, [setting])
        except NoSuchItem as error:
            why[setting] = str(error)
        else:
            fitting.append(setting)
    # Asked at the end, since a later setting may replace the members.
    why |= {setting: reason for setting in fitting if (reason := _unheard(result, setting))}
    return tuple(setting for setting in fitting if setting not in why), why


def _unheard(raw: Mapping[str, Any], setting: str) -> str:
    """Say that no member hears a setting of a section, as each sets that key itself; an empty text if one does."""
    key = setting.partition("=")[0].strip()
    parts = key.split(".")
    members = raw.get("members")
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        return ""  # without a list there is one member, of the sections alone
    if parts[0] == "stages":
        own = ["stages" in member for member in members]
    elif parts[0] in MEMBER_SECTIONS and len(parts) > 1:
        own = [isinstance(of := member.get(parts[0]), dict) and parts[1] in of for member in members]
    else:
        return ""
    if not members or not all(own):
        return ""
    example = f"members.{members[0].get('name', 0)}.{key}"
    return f"--set {setting!r} changes nothing, since every member sets that itself: name one, as {example}=VALUE"


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
                if part in _LISTS:
                    raise NoSuchItem(
                        f"--set {setting!r}: there is no {parts[position + 1]!r}, as no {part} are listed there; "
                        "set what holds for all, such as model.dropout=0.4 or stages=[...]"
                    )
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
    raise NoSuchItem(f"--set {setting!r}: there is no {part!r} in that list; it has {known}")
