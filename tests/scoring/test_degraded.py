"""The same photographs at every kind and severity, through the scoring that `kerasdr predict` runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasdr.imaging.prepare import prepare_all
from kerasdr.scoring.bundle import Bundle, load_bundle
from kerasdr.scoring.degraded import MIRRORED, UNCHANGED, score_degraded
from kerasdr.scoring.job import score_photographs

FakeFactory = Any  # the class of the fixture ``factory``


@pytest.fixture
def bundle(tmp_path: Path, make_bundle: Callable[..., Path]) -> Bundle:
    return load_bundle(make_bundle(tmp_path / "bundle"))


@pytest.fixture
def paths(tmp_path: Path, good: list[bytes], bad: dict[str, bytes]) -> list[str]:
    """A person's two eyes, a single one, and a file that is no photograph."""
    made = []
    for name, data in (("1_left.png", good[0]), ("1_right.png", good[1]), ("x.png", good[2]), ("no.png", bad["text"])):
        (tmp_path / name).write_bytes(data)
        made.append(str(tmp_path / name))
    return made


def test_every_condition_has_every_photograph(bundle: Bundle, paths: list[str], factory: FakeFactory) -> None:
    done: list[tuple[int, int]] = []
    scored = score_degraded(
        paths, bundle, factory(bundle, 16, False), ["dust", "crop"], [1.0, 5.0], progress=lambda *at: done.append(at)
    )
    conditions = [(kind, severity) for kind in ("dust", "crop") for severity in (1.0, 5.0)]
    assert list(scored) == [UNCHANGED, MIRRORED, *conditions]
    assert done == [(number, 6) for number in range(1, 7)]
    assert scored[UNCHANGED] == score_photographs(paths, bundle, engine=factory(bundle, 16, False))
    for rows in scored.values():
        assert [row.image for row in rows] == [row.image for row in scored[UNCHANGED]]
        assert rows[3].status == "failed"
    graded = {condition: rows[2].probabilities for condition, rows in scored.items()}
    assert len(set(graded.values())) == len(graded)
    # The gate judges what is left, as it would if the camera had taken it so.
    assert any("only part of the retina is lit" in row.reason for row in scored["crop", 5.0])
    assert all(row.status == "graded" for row in scored["dust", 1.0][:3])


def test_what_is_drawn_hangs_on_seed_and_bytes(bundle: Bundle, paths: list[str], factory: FakeFactory) -> None:
    def dusty(chosen: list[str], seed: int) -> list[tuple[float, ...]]:
        scored = score_degraded(chosen, bundle, factory(bundle, 16, False), ["dust"], [3.0], seed=seed)
        return [row.probabilities for row in scored["dust", 3.0]]

    assert dusty(paths[:3], 1) == dusty(paths[:3], 1) == dusty(paths[2::-1], 1)[::-1]
    assert dusty(paths[:3], 1) != dusty(paths[:3], 2)


def test_mirrored_pairs_are_mirrored_together(bundle: Bundle, paths: list[str], factory: FakeFactory) -> None:
    score_degraded(paths[:2], bundle, factory(bundle, 16, False), [], [])
    plain, mirrored = factory.batches
    recipes = bundle.recipes

    def prepared(path: str) -> np.ndarray:
        sizes = [None] * len(recipes)
        made = prepare_all(
            Path(path).read_bytes(),
            recipes,
            max_megapixels=1,
            display_sizes=sizes,
            change=lambda rgb: rgb[:, ::-1].copy(),
        )
        return made[0].image

    left, right = map(prepared, paths[:2])
    np.testing.assert_array_equal(mirrored.images[0], np.stack([left, right]))
    np.testing.assert_array_equal(mirrored.partners["both-eyes"][0], np.stack([right, left]))
    assert mirrored.present["both-eyes"].all() and plain.present["both-eyes"].all()
    assert (mirrored.images[0] != plain.images[0]).any()


def test_a_photograph_named_twice_is_refused(bundle: Bundle, paths: list[str], factory: FakeFactory) -> None:
    with pytest.raises(ValueError, match="one is named twice"):
        score_degraded([paths[0], paths[0]], bundle, factory(bundle, 16, False), [], [])
