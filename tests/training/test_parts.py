"""Samples, weights, feeds, schedules, augmentation, checkpoints."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from kerasdr.config import AugmentConfig, MemberConfig, StageConfig, resolve
from kerasdr.data.records import make_table
from kerasdr.errors import KerasdrError
from kerasdr.training.augmentation import augmentation_layers
from kerasdr.training.checkpoint import TrainingState, load_state, restore, save_checkpoint
from kerasdr.training.feeds import FeatureFeed, PhotographFeed, epoch_order, training_dataset
from kerasdr.training.samples import Samples, grade_weights, take_samples
from kerasdr.training.schedules import make_optimizer, stage_schedule


def table() -> pd.DataFrame:
    rows = [
        ("1_left", "1", "left", 0, "train"),
        ("1_right", "1", "right", 3, "train"),
        ("2_left", "2", "left", 1, "train"),
        ("3_left", "3", "left", 2, "validation"),
        ("3_right", "3", "right", None, "validation"),
    ]
    keys = ("image_id", "patient_id", "eye", "grade", "split")
    return make_table({**dict(zip(keys, row, strict=True)), "path": f"/x/{row[0]}.jpg"} for row in rows)


def member(**model: Any) -> MemberConfig:
    return resolve({"name": "x", "model": {"trunk": "tiny", "weights": "none", **model}}).members[0]


def test_samples_of_a_split_with_partners() -> None:
    train = take_samples(table(), np.ones(5, bool), "train", member(mode="dual"), "eye")
    assert train.rows.tolist() == [0, 1, 2]
    assert train.partners.tolist() == [1, 0, -1]
    assert train.grades.tolist() == [0, 3, 1]
    assert train.people.tolist() == ["1", "1", "2"]


def test_photograph_without_a_grade_is_no_sample_but_a_partner() -> None:
    validation = take_samples(table(), np.ones(5, bool), "validation", member(mode="dual"), "eye")
    assert validation.rows.tolist() == [3]
    assert validation.partners.tolist() == [4]


def test_unusable_photograph_is_neither() -> None:
    usable = np.array([True, False, True, True, True])
    train = take_samples(table(), usable, "train", member(mode="dual"), "eye")
    assert train.rows.tolist() == [0, 2]
    assert train.partners.tolist() == [-1, -1]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_photograph_that_is_labelled_ungradable_is_neither(split: str) -> None:
    labelled = table().assign(split=split)
    labelled.loc[[1, 4], "quality"] = "ungradable"
    taken = take_samples(labelled, np.ones(5, bool), split, member(mode="dual"), "eye")
    assert taken.rows.tolist() == [0, 2, 3]
    assert taken.partners.tolist() == [-1, -1, -1]


def test_single_member_has_no_partners_and_person_target_is_the_worst_eye() -> None:
    train = take_samples(table(), np.ones(5, bool), "train", member(), "person")
    assert train.partners.tolist() == [-1, -1, -1]
    assert train.grades.tolist() == [3, 3, 1]


def test_person_target_counts_labels_whose_photographs_are_missing() -> None:
    of_person = table().assign(person_grade=pd.array([4, 4, None, None, None], "Int64"))
    assert take_samples(of_person, np.ones(5, bool), "train", member(), "person").grades.tolist() == [4, 4, 1]
    assert take_samples(of_person, np.ones(5, bool), "train", member(), "eye").grades.tolist() == [0, 3, 1]


def test_empty_split_is_explained() -> None:
    with pytest.raises(KerasdrError, match="in the test part"):
        take_samples(table(), np.ones(5, bool), "test", member(), "eye")


def test_grade_weights_by_hand() -> None:
    grades = np.array([0] * 8 + [1] * 2)
    assert grade_weights(grades, "none") == pytest.approx([1, 1, 0, 0, 0])
    assert grade_weights(grades, "balanced") == pytest.approx([0.625, 2.5, 0, 0, 0])
    root = grade_weights(grades, "sqrt")
    assert root[1] / root[0] == pytest.approx(2.0)
    assert root[grades].mean() == pytest.approx(1.0)


def samples(n: int = 10) -> Samples:
    rows = np.arange(n)
    return Samples(rows, rows[::-1].copy(), rows % 5, rows.astype(str))


def images(n: int = 10) -> np.ndarray:
    return np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)


def test_photograph_feed_blanks_what_is_absent() -> None:
    inputs = PhotographFeed(images(), dual=True).inputs(np.array([3, 4]), np.array([7, -1]))
    assert inputs["image"][:, 0, 0, 0].tolist() == [3, 4]
    assert inputs["partner"][:, 0, 0, 0].tolist() == [7, 0]
    assert inputs["partner_present"].tolist() == [[1.0], [0.0]]
    assert set(PhotographFeed(images(), dual=False).inputs(np.array([3]), np.array([-1]))) == {"image"}


def test_feature_feed_does_the_same_for_features() -> None:
    features = np.arange(10, dtype=np.float32)[:, None]
    inputs = FeatureFeed(features, features * 10).inputs(np.array([3, 4]), np.array([7, -1]))
    assert inputs["pooled"].tolist() == [[3.0], [4.0]]
    assert inputs["partner_pooled"].tolist() == [[70.0], [0.0]]
    assert inputs["partner_present"].tolist() == [[1.0], [0.0]]
    assert set(FeatureFeed(features, None).inputs(np.array([3]), np.array([-1]))) == {"pooled"}


def test_an_epochs_order_stands_alone() -> None:
    order, partners = epoch_order(samples(50), (40, 0), epoch=3, partner_dropout=0.3)
    again, same = epoch_order(samples(50), (40, 0), epoch=3, partner_dropout=0.3)
    assert (order == again).all() and (partners == same).all()
    assert sorted(order) == list(range(50))
    assert not (order == epoch_order(samples(50), (40, 0), epoch=4, partner_dropout=0.3)[0]).all()
    hidden = partners == -1
    assert 5 <= hidden.sum() <= 25
    assert (partners[~hidden] == samples(50).partners[order][~hidden]).all()


def test_dataset_goes_through_every_sample_once_an_epoch_from_the_first_asked() -> None:
    weights = np.arange(5, dtype=np.float32)
    dataset = training_dataset(
        PhotographFeed(images(), dual=True),
        samples(),
        weights,
        batch_size=4,
        first_epoch=1,
        epochs=3,
        seed=(1, 0),
        partner_dropout=0.0,
    )
    batches = list(dataset.as_numpy_iterator())
    assert [len(weight) for _, _, weight in batches] == [4, 4, 2, 4, 4, 2]
    for epoch, part in ((1, batches[:3]), (2, batches[3:])):
        seen = np.concatenate([inputs["image"][:, 0, 0, 0] for inputs, _, _ in part])
        assert (seen == epoch_order(samples(), (1, 0), epoch, 0.0)[0]).all()
    for inputs, one_hot, weight in batches:
        shown = inputs["image"][:, 0, 0, 0].astype(int)
        assert (one_hot.argmax(axis=1) == shown % 5).all()
        assert weight == pytest.approx(weights[shown % 5])
        assert (inputs["partner"][:, 0, 0, 0] == 9 - shown).all()


def rates(steps: list[int], **changes: Any) -> list[float]:
    stage = StageConfig(epochs=10, learning_rate=0.1, **changes)
    schedule = stage_schedule(stage, steps_per_epoch=5)
    return [float(schedule(step)) for step in steps]


def test_schedules_by_hand() -> None:
    assert rates([0, 49], schedule="constant") == pytest.approx([0.1, 0.1])
    assert rates([0, 14, 15, 30], schedule="step", step_size=3, gamma=0.5) == pytest.approx([0.1, 0.1, 0.05, 0.025])
    assert rates([0, 25, 50], schedule="cosine") == pytest.approx([0.1, 0.05, 0.0], abs=1e-7)
    assert rates([0, 4, 5, 9, 10], schedule="constant", warmup_epochs=2) == pytest.approx([0.01, 0.05, 0.06, 0.1, 0.1])


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_weight_decay_spares_biases(name: str) -> None:
    stage = StageConfig.model_validate(
        {"optimizer": name, "learning_rate": 0.1, "weight_decay": 0.5, "schedule": "constant"}
    )
    optimizer = make_optimizer(stage, 5)
    layer = keras.layers.Dense(2)
    layer.build((None, 2))
    layer.bias.assign([1.0, 1.0])
    before = np.asarray(layer.kernel)
    optimizer.build(layer.trainable_variables)
    optimizer.apply([keras.ops.zeros_like(v) for v in layer.trainable_variables])
    assert np.asarray(layer.kernel) == pytest.approx(before * (1 - 0.1 * 0.5), rel=1e-4)
    assert np.asarray(layer.bias) == pytest.approx([1.0, 1.0])


def test_sgd_is_nesterov_by_hand() -> None:
    optimizer = make_optimizer(StageConfig(optimizer="sgd", learning_rate=0.1, weight_decay=0, schedule="constant"), 5)
    weight = keras.Variable([1.0])
    optimizer.build([weight])
    value, speed = 1.0, 0.0
    for gradient in (1.0, -2.0, 0.5):
        optimizer.apply([keras.ops.convert_to_tensor([gradient])])
        speed = 0.9 * speed - 0.1 * gradient
        value += 0.9 * speed - 0.1 * gradient
    assert float(weight.numpy()[0]) == pytest.approx(value, rel=1e-5)


def test_augmentation_changes_training_only_and_follows_its_seed() -> None:
    config = AugmentConfig(rotation=20, zoom=0.2, shift=0.1, brightness=0.2, contrast=0.2)
    x = np.random.default_rng(0).uniform(0, 255, (4, 16, 16, 3)).astype(np.float32)

    def run(seed: int, training: bool) -> np.ndarray:
        y: Any = x
        for layer in augmentation_layers(config, seed):
            y = layer(y, training=training)
        return np.asarray(y)

    assert run(1, training=False) == pytest.approx(x)
    assert (run(1, training=True) == run(1, training=True)).all()
    assert np.abs(run(1, training=True) - run(2, training=True)).max() > 1
    assert run(1, training=True).min() >= 0 and run(1, training=True).max() <= 255
    nothing = AugmentConfig(
        horizontal_flip=False, vertical_flip=False, rotation=0, zoom=0, shift=0, brightness=0, contrast=0
    )
    assert augmentation_layers(nothing, 1) == []


def test_flips_are_what_they_say() -> None:
    off = {"rotation": 0, "zoom": 0, "shift": 0, "brightness": 0, "contrast": 0}
    x = np.random.default_rng(0).uniform(0, 255, (64, 4, 4, 3)).astype(np.float32)
    (layer,) = augmentation_layers(AugmentConfig(horizontal_flip=True, vertical_flip=False, **off), 1)
    y = np.asarray(layer(x, training=True))
    same, flipped = (np.abs(y - other).max(axis=(1, 2, 3)) < 1e-3 for other in (x, x[:, :, ::-1]))
    assert (same ^ flipped).all() and 16 < flipped.sum() < 48


def test_checkpoint_brings_everything_back(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    assert load_state(path).epoch == 0
    state = TrainingState(1, 2, 1, [0.5, -0.7], [{"epoch": 1}], {"0000:a/kernel": np.arange(3.0)})
    variables = [keras.Variable([1.0, 2.0]), keras.Variable(3)]
    save_checkpoint(path, state, variables, [keras.Variable(4.0)])
    back = load_state(path)
    assert (back.stage, back.epoch, back.waiting, back.best, back.history) == (1, 2, 1, [0.5, -0.7], [{"epoch": 1}])
    assert back.kept_weights["0000:a/kernel"].tolist() == [0.0, 1.0, 2.0]
    fresh = [keras.Variable([0.0, 0.0]), keras.Variable(0)]
    optimizer = [keras.Variable(0.0)]
    restore(path, fresh, optimizer)
    assert np.asarray(fresh[0]).tolist() == [1.0, 2.0] and int(fresh[1]) == 3 and float(optimizer[0]) == 4.0
    with pytest.raises(KerasdrError, match="another network"):
        restore(path, fresh[:1], optimizer)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(KerasdrError, match="remove it to train this member anew"):
        load_state(path)


def test_repeated_and_emphasised_samples() -> None:
    train = take_samples(table(), np.ones(5, bool), "train", member(mode="dual"), "eye")
    twice = train.repeated(np.array([2, 0, 1]))
    assert twice.rows.tolist() == [0, 0, 2]
    assert twice.partners.tolist() == [1, 1, -1]
    assert twice.grades.tolist() == [0, 0, 1]
    weighed = train.emphasised(np.array([0.1, 0.1, 0.4]))
    assert weighed.emphasis == pytest.approx([0.5, 0.5, 2.0])
    with pytest.raises(ValueError, match="cannot be repeated"):
        weighed.repeated(np.array([1, 1, 1]))


def test_emphasis_reaches_the_loss() -> None:
    samples = take_samples(table(), np.ones(5, bool), "train", member(), "eye")
    feed = PhotographFeed(np.zeros((5, 4, 4, 3), np.uint8), dual=False)

    def weights_of(part: Samples) -> dict[int, float]:
        dataset = training_dataset(
            feed,
            part,
            np.array([1, 2, 1, 3, 1], np.float32),
            batch_size=3,
            first_epoch=0,
            epochs=1,
            seed=(1,),
            partner_dropout=0,
        )
        ((_, grades, weights),) = list(dataset)
        return dict(zip(np.asarray(grades).argmax(axis=1).tolist(), np.asarray(weights).tolist(), strict=True))

    assert weights_of(samples) == {0: 1.0, 1: 2.0, 3: 3.0}
    emphasised = weights_of(samples.emphasised(np.array([1.0, 0.5, 1.5])))
    assert emphasised == pytest.approx({0: 1.0, 3: 1.5, 1: 3.0})


def test_kept_memory_is_used_again() -> None:
    """In a process of its own: blocks of 64 MB that are freed and asked for again cost no new pages."""
    import subprocess
    import sys

    script = """
import numpy as np, resource
from kerasdr.training.memory import keep_memory
kept = keep_memory()
np.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(2**23)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    kept, faults = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    if kept == "True":
        assert int(faults) < 20 * 1000  # a fresh block of 64 MB is 16,384 pages


def test_absent_partner_is_black_and_marked() -> None:
    images = np.full((3, 4, 4, 3), 9, np.uint8)
    inputs = PhotographFeed(images, dual=True).inputs(np.array([0, 1]), np.array([-1, 2]))
    assert inputs["partner"][0].max() == 0 and inputs["partner"][1].min() == 9
    assert inputs["partner_present"].tolist() == [[0.0], [1.0]]
    assert images.min() == 9
