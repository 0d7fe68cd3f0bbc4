"""What a ledger keeps of models: that a new one was compared with the one in use, and that a named person accepted one."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from kerasdr import __version__
from kerasdr.reporting import plural
from kerasdr.scoring.ledger.begun import system_user, time_now


@dataclass(frozen=True)
class ModelEntry:
    """One comparison, or one acceptance.

    Attributes:
        sequence: number of its entry.
        kind: ``compared`` or ``accepted``.
        model: label of the new model.
        bundle: its digest.
        old_model, old_bundle: the same of the model in use that it was compared with; empty if there was no comparison.
        photographs: how many were compared.
        gone: how many newer ones could not be had as they were.
        table: SHA-256 of the table that shows each of them; empty if there was no comparison.
        by: the name of whoever accepted; empty of a comparison.
        user, host, process, kerasdr, time: the system's user that ran the command, where, with which version, and when.
        engine, precision, max_megapixels: how the new model graded for the table; empty and 0 if there was no comparison, or
            it was made by a version that did not keep it.
    """

    sequence: int
    kind: str
    model: str
    bundle: str
    old_model: str
    old_bundle: str
    photographs: int
    gone: int
    table: str
    by: str
    user: str
    host: str
    process: int
    kerasdr: str
    time: str
    engine: str = ""
    precision: str = ""
    max_megapixels: float = 0.0

    def sentence(self) -> str:
        """Return what people are told of it beside the model, the user and the time."""
        more = f", {self.gone} more not to be had" if self.gone else ""
        seen = f"{self.photographs} {plural(self.photographs, 'photograph')} against {self.old_model}{more}"
        if self.kind == "compared":
            return f"{seen}; table {self.table}"
        return f"by {self.by}, " + (
            f"after {seen}; table {self.table}" if self.table else "as the first, without a table"
        )


def model_content(
    model: tuple[str, str],
    old: tuple[str, str] = ("", ""),
    *,
    photographs: int = 0,
    gone: int = 0,
    table: str = "",
    by: str = "",
    engine: str = "",
    precision: str = "",
    max_megapixels: float = 0.0,
) -> dict[str, Any]:
    """Return what an entry keeps; see :class:`ModelEntry`.

    Args:
        model, old: label and digest of the new model and of the one in use.
        photographs, gone, table, by, engine, precision, max_megapixels: as there.
    """
    return {
        "model": model[0],
        "bundle": model[1],
        "old_model": old[0],
        "old_bundle": old[1],
        "photographs": photographs,
        "gone": gone,
        "table": table,
        "by": by,
        "engine": engine,
        "precision": precision,
        "max_megapixels": max_megapixels,
        "user": system_user(),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "kerasdr": __version__,
        "time": time_now(),
    }


def read_model_entry(sequence: int, kind: str, content: Mapping[str, Any]) -> ModelEntry:
    """Return a comparison or an acceptance from what its entry keeps; what a later version keeps beside it is passed over."""
    known = {item.name for item in fields(ModelEntry)}
    return ModelEntry(sequence, kind, **{name: value for name, value in content.items() if name in known})
