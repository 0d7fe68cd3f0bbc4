"""How a job tells what it does, without knowing who listens."""

from collections.abc import Sequence

from kerasdr.scoring.grading import Outcome


class JobListener:
    """Hears of a job and does nothing; those that tell people or machines begin here."""

    def begun(self, listed: int) -> None:
        """Take that a job has the output for itself, and how many photographs it is about."""

    def kept(self, outcomes: Sequence[Outcome]) -> None:
        """Take what is in the ledger now. Photographs whose answer was known, or which were not come to, are not told."""
