"""Event files for TensorBoard: what every epoch of every member gave, in the run's folder.

``<run>/tensorboard/<member>/<stage>/train`` and ``.../validation`` hold scalars by epoch, counted over all stages of the
member as in ``history.csv``: ``loss``, ``accuracy``, ``learning_rate`` of training, ``loss``, ``accuracy``,
``quadratic_kappa`` of validation. TensorBoard itself is not needed to write them.
"""

import importlib.util
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasdr.reporting import PassingReporter, Reporter

_PARTS = {
    "train": {"loss": "loss", "accuracy": "accuracy", "learning_rate": "learning_rate"},
    "validation": {"loss": "val_loss", "accuracy": "val_accuracy", "quadratic_kappa": "val_quadratic_kappa"},
}


class EventReporter(PassingReporter):
    """Writes each epoch of a run's training to event files and passes everything on.

    Each epoch is written once, also where training was interrupted and goes on: files that know of epochs that training no
    longer knows of, or were cut off while they were written, are written anew from the history.

    Args:
        inner: what all is passed on to.
        folder: where the files go, made when there is something to write.
    """

    def __init__(self, inner: Reporter, folder: Path) -> None:
        super().__init__(inner)
        self._folder = folder
        # With JAX, a machine that only trains may have no TensorFlow.
        self._able = importlib.util.find_spec("tensorflow") is not None
        self._written: dict[str, int] = {}
        self._writers: dict[Path, Any] = {}

    def epochs(self, member: str, history: Sequence[Mapping[str, Any]]) -> None:
        """Write the epochs that are not written yet; where TensorFlow is not installed, none are."""
        if not self._able:
            super().epochs(member, history)
            return
        if member not in self._written:
            self._close()  # of the member before: it is done
            self._written[member] = self._there(member, history)
        for row in history[self._written[member] :]:
            self._write(member, row)
        self._written[member] = len(history)
        super().epochs(member, history)

    def end(self, run: Path) -> None:
        """Close the files."""
        self._close()
        super().end(run)

    def _there(self, member: str, history: Sequence[Mapping[str, Any]]) -> int:
        """Return how many epochs the files of an earlier start hold; take the files away if they are not its beginning."""
        folder = self._folder / member
        written = {part: sorted(step for step, _ in read_scalars(folder, part)) for part in _PARTS}
        known = [int(row["epoch"]) for row in history]
        number = len({*written["train"]})
        for part, tags in _PARTS.items():
            if written[part] != [epoch for epoch in known[:number] for _ in tags]:
                shutil.rmtree(folder, ignore_errors=True)
                return 0
        return number

    def _write(self, member: str, row: Mapping[str, Any]) -> None:
        import tensorflow as tf

        for part, tags in _PARTS.items():
            place = self._folder / member / str(row["stage"]) / part
            if place not in self._writers:
                self._writers[place] = tf.summary.create_file_writer(str(place))
            with self._writers[place].as_default():
                for tag, column in tags.items():
                    value = tf.constant(row[column], tf.float32)
                    tf.summary.write(tag, value, step=int(row["epoch"]), metadata=_scalar_metadata())
            self._writers[place].flush()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


def _scalar_metadata() -> Any:
    """Return what tells TensorBoard that a value is a scalar: ``tf.summary.scalar`` writes the same, and needs TensorBoard."""
    import tensorflow as tf

    metadata = tf.compat.v1.Summary.Value().metadata
    metadata.plugin_data.plugin_name = "scalars"
    metadata.data_class = 1  # DATA_CLASS_SCALAR of TensorFlow's summary.proto
    return metadata


def read_scalars(folder: Path, part: str) -> list[tuple[int, dict[str, float]]]:
    """Return the scalars in a member's event files, one entry each: its step, and its value by its tag.

    Args:
        folder: of a member, ``<run>/tensorboard/<member>``.
        part: ``train`` or ``validation``.

    Returns:
        In the order in which they were written; an entry ``(-1, {})`` stands for a file that is cut off.
    """
    return [entry for file in sorted(folder.glob(f"*/{part}/*tfevents*")) for entry in _scalars(file)]


def _scalars(file: Path) -> Iterator[tuple[int, dict[str, float]]]:
    import tensorflow as tf

    try:
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                yield int(event.step), {value.tag: float(tf.make_ndarray(value.tensor))}
    except (tf.errors.DataLossError, tf.errors.OutOfRangeError):
        yield -1, {}
