"""The pictures: repeatable, mirrored, and with lesions that follow the scale and their masks."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from kerasdr.data.phantom import KINDS, Phantom, draw_person
from kerasdr.data.phantom.draw import draw_eye
from kerasdr.data.phantom.lesions import Lesions
from kerasdr.data.phantom.painting import ON_TOP, label
from kerasdr.data.phantom.people import Eye, Person, make_person

ALWAYS = {
    0: set(),
    1: {"microaneurysm"},
    2: {"microaneurysm", "haemorrhage", "hard_exudate"},
    3: {"microaneurysm", "haemorrhage", "cotton_wool_spot", "venous_beading"},
    4: {"microaneurysm", "haemorrhage", "neovascularisation"},
}
SOMETIMES = {
    0: set(),
    1: set(),
    2: set(),
    3: {"hard_exudate"},
    4: {"hard_exudate", "cotton_wool_spot", "preretinal_haemorrhage"},
}


def eye_of(side: str, grade: int, seed: int = 1, number: int = 3, fault: str = "", size: int = 256) -> Phantom:
    return draw_eye(seed, make_person(seed, number), Eye(side, grade, fault), size)


def test_same_arguments_same_picture_and_mask() -> None:
    for first, second in zip(draw_person(5, 9, 128), draw_person(5, 9, 128), strict=True):
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.labels, second.labels)


def test_other_seed_other_person_other_eye_are_other_pictures() -> None:
    reference = eye_of("right", 2).image
    assert (reference != eye_of("right", 2, seed=2).image).mean() > 0.3
    assert (reference != eye_of("right", 2, number=4).image).mean() > 0.3
    # The left eye is no plain mirror image of the right one.
    assert (reference != cv2.flip(eye_of("left", 2).image, 1)).mean() > 0.3


def test_disc_lies_on_the_nasal_side(crowd: list[Phantom]) -> None:
    for phantom in crowd:
        to_the_right = phantom.disc[0] > phantom.macula[0]
        assert to_the_right == (phantom.eye == "right")


def test_disc_is_bright_and_macula_dark_where_they_are_said_to_be(crowd: list[Phantom]) -> None:
    def light(phantom: Phantom, place: tuple[float, float]) -> float:
        x, y = (round(value) for value in place)
        return float(phantom.image[y - 8 : y + 9, x - 8 : x + 9, :2].mean())

    chosen = [p for p in crowd if p.quality == "gradable" and p.grade <= 1]
    brighter = [light(p, p.disc) > light(p, p.macula) + 15 for p in chosen]
    assert len(chosen) > 80
    assert np.mean(brighter) > 0.98


def test_lesion_kinds_follow_the_scale_exactly(crowd: list[Phantom]) -> None:
    seen: dict[int, set[str]] = {grade: set() for grade in range(5)}
    for phantom in crowd:
        kinds = set(phantom.masks)
        assert ALWAYS[phantom.grade] <= kinds <= ALWAYS[phantom.grade] | SOMETIMES[phantom.grade]
        assert kinds == set(phantom.counts)
        seen[phantom.grade] |= kinds
    assert seen == {grade: ALWAYS[grade] | SOMETIMES[grade] for grade in range(5)}


def test_masks_are_the_labels_by_kind() -> None:
    phantom = eye_of("right", 4)
    assert phantom.labels.dtype == np.uint8
    for kind, mask in phantom.masks.items():
        np.testing.assert_array_equal(mask, phantom.labels == KINDS.index(kind) + 1)
    assert sum(mask.sum() for mask in phantom.masks.values()) == (phantom.labels > 0).sum()


def test_severe_has_haemorrhages_in_all_quadrants(crowd: list[Phantom]) -> None:
    severe = [p for p in crowd if p.grade == 3]
    assert len(severe) > 15
    for phantom in severe:
        assert phantom.counts["haemorrhage"] > 20
        mask = phantom.mask("haemorrhage")
        half = mask.shape[0] // 2
        assert all(
            part.any() for part in (mask[:half, :half], mask[:half, half:], mask[half:, :half], mask[half:, half:])
        )


def test_red_lesions_are_darker_and_pale_ones_brighter_than_around_them(crowd: list[Phantom]) -> None:
    differences: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for phantom in (p for p in crowd if p.quality == "gradable"):
        green = phantom.image[..., 1].astype(np.float32)
        retina = phantom.image.max(axis=2) > 20
        for kind, mask in phantom.masks.items():
            near = cv2.dilate(mask.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
            around = near & retina & (cv2.dilate((phantom.labels > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
            if around.any():
                differences[kind].append(float(green[mask].mean() - green[around].mean()))
    pale = {"hard_exudate", "cotton_wool_spot"}
    for kind, values in differences.items():
        signed = np.array(values) * (1 if kind in pale else -1)
        assert len(signed) >= 5, kind
        assert (signed > 3).mean() > 0.95, (kind, signed.min())


def test_mask_names_the_lesion_that_was_painted_last() -> None:
    everywhere = np.full((4, 4), 255, np.uint8)
    inside = np.ones((4, 4), bool)
    inside[0] = False
    for first, second in pairwise(ON_TOP):
        labels = label(Lesions(alpha={second: everywhere, first: everywhere}), inside)
        assert (labels[1:] == KINDS.index(second) + 1).all()
        assert (labels[0] == 0).all()
    assert set(ON_TOP) == set(KINDS)


@pytest.mark.parametrize("fault", ["dark", "out of focus", "half lit"])
def test_a_fault_spoils_the_picture_and_leaves_the_truth(fault: str) -> None:
    good, bad = eye_of("left", 3), eye_of("left", 3, fault=fault)
    assert (good.quality, bad.quality) == ("gradable", "ungradable")
    assert bad.grade == 3
    assert dict(bad.counts) == dict(good.counts)
    inside = cv2.erode((good.image.max(axis=2) > 20).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    detail = [cv2.Laplacian(p.image[..., 1], cv2.CV_32F)[inside].std() for p in (good, bad)]
    brightness = [p.image[inside].mean() for p in (good, bad)]
    if fault == "out of focus":
        assert detail[1] < 0.5 * detail[0]
    else:
        assert brightness[1] < (0.2 if fault == "dark" else 0.8) * brightness[0]


def test_frame_is_black_outside_the_retina_but_for_the_sign() -> None:
    phantom = eye_of("right", 0, size=512)
    corners = [phantom.image[:30, :30], phantom.image[:30, -30:], phantom.image[-30:, -30:]]
    assert all((corner == 0).all() for corner in corners)
    assert phantom.image[-16:, :60].max() > 40


def test_the_sign_tells_nothing_about_the_grade() -> None:
    signs = [eye_of("right", grade, size=512).image[-16:, :60] for grade in range(5)]
    for other in signs[1:]:
        np.testing.assert_array_equal(signs[0], other)


def test_distractors_are_in_every_grade() -> None:
    # A healthy eye with many drusen differs from the same eye without them, and neither has a mask.
    person: Person = replace(make_person(1, 3), drusen=12)
    spotted, clean = (draw_eye(1, who, Eye("right", 0, ""), 256) for who in (person, replace(person, drusen=0)))
    assert (spotted.image != clean.image).any()
    assert not spotted.labels.any()
    assert not clean.labels.any()


def test_every_grade_occurs(crowd: list[Phantom]) -> None:
    counts = Counter(p.grade for p in crowd)
    assert min(counts[grade] for grade in range(5)) >= 10
    assert counts[0] == max(counts.values())
