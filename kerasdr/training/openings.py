"""The ledger of a run's test part: ``openings.jsonl``, one line each time that its labels were compared with grades.

Lines are only ever added. That an answer is gone does not make the test part unopened: the ledger still says when it was, and
opening it again needs a reason, which the ledger keeps. It tells those who are honest; whoever removes the ledger as well
leaves no trace here.
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kerasdr import __version__
from kerasdr.errors import KerasdrError
from kerasdr.files import sync_folder

LEDGER = "openings.jsonl"


@dataclass(frozen=True)
class Opening:
    """One line of the ledger.

    Attributes:
        part: what was opened, ``test``.
        time: when, UTC, as in 2026-01-31T09:30:00Z.
        command: by what.
        kerasdr: its version.
        bundle: digest of the model.
        predictions_sha256: of the file of its predictions.
        reason: why it was opened again; empty the first time.
    """

    part: str
    time: str
    command: str
    kerasdr: str
    bundle: str
    predictions_sha256: str
    reason: str = ""


def read_openings(run: Path) -> tuple[Opening, ...]:
    """Return the openings of a run's test part, the first one first; none if it was not opened, or by an early version.

    Raises:
        KerasdrError: if the ledger cannot be read.
    """
    path = run / LEDGER
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise KerasdrError(f"cannot read {path}: check its permissions, or restore it from a copy") from error
    openings = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            openings.append(Opening(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise KerasdrError(f"line {number} of {path} is damaged: restore it from a copy") from error
    return tuple(openings)


def note_opening(run: Path, *, command: str, bundle: str, predictions_sha256: str, reason: str = "") -> Opening:
    """Add a line to the ledger, down to the disk.

    Args:
        run: the run's folder.
        command: by what the test part is opened.
        bundle: digest of the model.
        predictions_sha256: of the file of its predictions.
        reason: why it is opened again, if it is.

    Raises:
        KerasdrError: if it cannot be written.
    """
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    opening = Opening("test", when, command, __version__, bundle, predictions_sha256, reason)
    path = run / LEDGER
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(opening)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(run)
    except OSError as error:
        raise KerasdrError(f"cannot write {path}: {error.strerror}; check its permissions and the disk") from error
    return opening
