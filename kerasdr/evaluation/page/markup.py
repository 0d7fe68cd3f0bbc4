"""HTML and SVG built from elements; the one place where text is escaped.

Only :func:`element`, :func:`css`, :func:`script` and :func:`data` make :class:`Markup`. Whatever else is put into an element is
text, and is escaped.
"""

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from typing import Any

_VOID = frozenset({"br", "img", "meta", "hr", "input"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = Any
"""Markup, text, a number, None for nothing, or several of these."""


def element(name: str, /, *children: Child, **attributes: object) -> Markup:
    """Return an element.

    Args:
        name: of the element.
        children: what is in it, in order; text is escaped.
        attributes: escaped too; ``class_`` and ``for_`` are ``class`` and ``for``, an underscore inside a name is a hyphen,
            and one that is None is left out.
    """
    opening = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{opening}>")
    return Markup(f"<{name}{opening}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Markup:
    """Return children one after another."""
    return Markup("".join(_rendered(child) for child in children))


def prose(text: str) -> list[Child]:
    """Return text that names commands between backticks, as messages do, with these as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one that has no other is itself
        return [text]
    return [element("code", part) if place % 2 else part for place, part in enumerate(parts)]


def css(text: str) -> Markup:
    """Return a style element.

    Raises:
        ValueError: if the text could end the element or fetch something.
    """
    if "<" in text or "url(" in text or "@import" in text:
        raise ValueError("a style sheet of the page holds neither markup nor addresses")
    return Markup(f"<style>{text}</style>")


def script(text: str) -> Markup:
    """Return a script element, of the product's own code.

    Raises:
        ValueError: if the text could end the element.
    """
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError("a script of the page holds no markup")
    return Markup(f"<script>{text}</script>")


def policy_hash(text: str) -> str:
    """Return how a Content-Security-Policy names a script or a style sheet, so that the page runs this one and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def data(name: str, value: object) -> Markup:
    """Return an element that holds plain data as JSON for the page's script, under an id.

    ``<``, ``>`` and ``&`` are written as JSON's own escapes: no text can end the element or begin another.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(f'<script type="application/json" id="{_escaped(name)}">{text}</script>')


def _rendered(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return str(child)
    if isinstance(child, str) or not isinstance(child, Iterable):
        return _escaped(child)
    return "".join(_rendered(one) for one in child)


def _escaped(value: object) -> str:
    # File names may hold bytes that are no UTF-8 and characters that no HTML may hold.
    text = str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    shown = "".join(char if char.isprintable() or char in "\n\t" else repr(char)[1:-1] for char in text)
    return html.escape(shown, quote=True)
