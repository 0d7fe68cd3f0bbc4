"""TensorBoard's files follow the history of a training, whatever befalls it."""

from pathlib import Path
from typing import Any

import pytest

from kerasdr.reporting import Reporter
from kerasdr.training.event_files import EventReporter, read_scalars


def epochs(count: int) -> list[dict[str, Any]]:
    """Two epochs of a stage ``head``, then a stage ``fit``."""
    return [
        {
            "epoch": number,
            "stage": "head" if number <= 2 else "fit",
            "learning_rate": 0.5**number,
            "loss": 1.0 / number,
            "accuracy": 0.25,
            "val_loss": 2.0 / number,
            "val_accuracy": 0.5,
            "val_quadratic_kappa": number / 8,
        }
        for number in range(1, count + 1)
    ]


def tell(folder: Path, *counts: int) -> None:
    """One start of a training: told of so many epochs, one call after another, and cut off."""
    reporter = EventReporter(Reporter(), folder)
    for count in counts:
        reporter.epochs("net", epochs(count))
    reporter._close()


def steps(folder: Path, tag: str, part: str = "validation") -> dict[int, float]:
    read = [(step, value[tag]) for step, value in read_scalars(folder / "net", part) if tag in value]
    assert len(read) == len({step for step, _ in read}), "a point is there twice"
    return dict(sorted(read))


def test_every_epoch_is_there_once_with_its_figures(tmp_path: Path) -> None:
    tell(tmp_path, 0, 1, 2, 3, 4)
    assert steps(tmp_path, "quadratic_kappa") == {1: 0.125, 2: 0.25, 3: 0.375, 4: 0.5}
    assert steps(tmp_path, "loss") == {1: 2.0, 2: 1.0, 3: pytest.approx(2 / 3), 4: 0.5}
    assert steps(tmp_path, "loss", "train") == {1: 1.0, 2: 0.5, 3: pytest.approx(1 / 3), 4: 0.25}
    assert steps(tmp_path, "learning_rate", "train")[4] == 0.0625
    assert {path.name for path in (tmp_path / "net").iterdir()} == {"head", "fit"}
    assert [step for step, _ in read_scalars(tmp_path / "net" / "..", "train")] == []  # stages of a member, not members


def test_a_resumed_training_doubles_nothing_and_misses_nothing(tmp_path: Path) -> None:
    tell(tmp_path, 0, 1, 2, 3)
    tell(tmp_path, 3, 4)
    tell(tmp_path, 4)  # a member that is done is told of once more
    assert list(steps(tmp_path, "quadratic_kappa")) == [1, 2, 3, 4]
    tell(tmp_path, 5)  # an epoch whose checkpoint was written, and its events were not
    assert list(steps(tmp_path, "quadratic_kappa")) == [1, 2, 3, 4, 5]


def test_a_member_that_is_trained_anew_begins_anew(tmp_path: Path) -> None:
    tell(tmp_path, 0, 1, 2, 3)
    tell(tmp_path, 0, 1)
    assert steps(tmp_path, "quadratic_kappa") == {1: 0.125}


def test_a_file_that_was_cut_off_is_written_anew(tmp_path: Path) -> None:
    tell(tmp_path, 0, 1, 2, 3)
    for file in (tmp_path / "net").glob("fit/train/*"):
        file.write_bytes(file.read_bytes()[:-3])
    assert (-1, {}) in read_scalars(tmp_path / "net", "train")
    tell(tmp_path, 3, 4)
    assert list(steps(tmp_path, "loss", "train")) == list(steps(tmp_path, "loss")) == [1, 2, 3, 4]


def test_tensorboard_takes_them_for_scalars(tmp_path: Path) -> None:
    import tensorflow as tf

    tell(tmp_path, 0, 1)
    (file,) = (tmp_path / "net").glob("head/train/*tfevents*")
    events = list(tf.compat.v1.train.summary_iterator(str(file)))
    assert events[0].file_version.startswith("brain.Event:")
    for event in events[1:]:
        (value,) = event.summary.value
        assert value.metadata.plugin_data.plugin_name == "scalars" and value.tensor.dtype == tf.float32.as_datatype_enum
        assert value.metadata.data_class == 1 and event.wall_time > 1e9
