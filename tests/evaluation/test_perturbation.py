"""Deletion and insertion with a score that is known: the share of white among four pixels."""

import numpy as np
import pytest

from kerasdr.evaluation.perturbation import area, curve, filled, perturbed

WHERE = np.ones((4, 4), bool)


@pytest.fixture
def picture() -> np.ndarray:
    """White in the top row, black elsewhere."""
    made = np.zeros((4, 4, 3), np.uint8)
    made[0] = 255
    return made


def share(pictures: np.ndarray) -> np.ndarray:
    return pictures[:, 0, :, 0].mean(axis=1) / 255


def rows(*values: float) -> np.ndarray:
    return np.repeat(np.array(values)[:, None], 4, axis=1)


def test_deleting_what_counts_first(picture: np.ndarray) -> None:
    good, bad = rows(1, 0, 0, 0), rows(0, 1, 2, 3)
    assert curve(share, picture, good, WHERE, "deletion", "black", 4) == pytest.approx([1, 0, 0, 0, 0])
    assert curve(share, picture, bad, WHERE, "deletion", "black", 4) == pytest.approx([1, 1, 1, 1, 0])
    assert curve(share, picture, good, WHERE, "insertion", "black", 4) == pytest.approx([0, 1, 1, 1, 1])
    assert curve(share, picture, bad, WHERE, "insertion", "black", 4) == pytest.approx([0, 0, 0, 0, 1])


def test_area_is_trapezoidal() -> None:
    assert area(np.array([1.0, 0, 0, 0, 0])) == pytest.approx(1 / 8)
    assert area(np.array([0.0, 1])) == pytest.approx(0.5)


def test_ends_are_the_picture_and_what_fills_it(picture: np.ndarray) -> None:
    heat = np.random.default_rng(0).random((4, 4))
    blurred = filled(picture, "blur")
    assert 0 < blurred[1, 1, 0] < 255 and not filled(picture, "black").any()
    stack = perturbed(picture, heat, WHERE, "insertion", "blur", 5)
    assert stack.shape == (6, 4, 4, 3)
    assert (stack[0] == blurred).all() and (stack[-1] == picture).all()
    stack = perturbed(picture, heat, WHERE, "deletion", "blur", 5)
    assert (stack[0] == picture).all() and (stack[-1] == blurred).all()


def test_pixels_elsewhere_stay(picture: np.ndarray) -> None:
    where = WHERE.copy()
    where[0, 3] = False
    for way in ("deletion", "insertion"):
        stack = perturbed(picture, rows(3, 2, 1, 0), where, way, "black", 3)
        assert (stack[:, 0, 3] == 255).all()
    assert not perturbed(picture, rows(3, 2, 1, 0), where, "deletion", "black", 3)[-1, 0, :3].any()


def test_each_step_changes_as_many(picture: np.ndarray) -> None:
    white = np.full((4, 4, 3), 255, np.uint8)
    stack = perturbed(white, np.arange(16.0).reshape(4, 4), WHERE, "deletion", "black", 8)
    assert [(part == 0).all(axis=2).sum() for part in stack] == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    assert not stack[1, 3, 3].any() and not stack[1, 3, 2].any()  # the hottest went first


def test_refusals(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a step and a pixel"):
        perturbed(picture, WHERE, WHERE, "deletion", "black", 0)
    with pytest.raises(ValueError, match="a step and a pixel"):
        perturbed(picture, WHERE, ~WHERE, "deletion", "black", 2)
