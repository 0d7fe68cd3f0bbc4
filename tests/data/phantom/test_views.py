"""Two views of one eye: another part of the same retina, lesions where they lie."""

from dataclasses import replace

import numpy as np
import pytest

from kerasdr.data.phantom import Phantom
from kerasdr.data.phantom.draw import draw_views
from kerasdr.data.phantom.people import Eye, make_person
from kerasdr.imaging.retina import find_retina

SIZE = 256


def views_of(side: str, grade: int, number: int = 3, fault: str = "", size: int = SIZE) -> list[Phantom]:
    return draw_views(1, make_person(1, number), Eye(side, grade, fault), size)


def test_the_same_each_time_and_each_eye_its_own() -> None:
    for first, second in zip(views_of("left", 2), views_of("left", 2), strict=True):
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.labels, second.labels)
    assert (views_of("left", 2)[0].image != views_of("right", 2)[0].image).mean() > 0.3


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_first_view_shows_the_macula_in_its_middle_the_second_the_disc(side: str) -> None:
    for number in range(1, 9):
        first, second = views_of(side, 0, number)
        assert [first.view, second.view] == ["1", "2"]
        assert first.image.shape == second.image.shape == (SIZE, SIZE, 3)
        middle = (SIZE - 1) / 2
        assert abs(first.macula[0] - middle) < 0.06 * SIZE
        assert abs(second.disc[0] - middle) < 0.06 * SIZE
        nasal = 1 if side == "right" else -1
        assert nasal * (first.disc[0] - middle) > 0.2 * SIZE
        assert nasal * (second.macula[0] - middle) < -0.2 * SIZE
        # Only the field of view has moved.
        shift = [first.disc[axis] - second.disc[axis] for axis in (0, 1)]
        assert shift == pytest.approx([first.macula[axis] - second.macula[axis] for axis in (0, 1)], abs=1e-6)
        assert shift[1] == pytest.approx(0.0)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("grade", [2, 3, 4])
def test_lesions_stay_with_the_retina(side: str, grade: int) -> None:
    first, second = views_of(side, grade)
    shift = round(first.disc[0] - second.disc[0])
    moved = np.roll(second.labels, shift, axis=1)
    columns = slice(shift, None) if shift > 0 else slice(None, shift)
    # Where both show the retina, they show the same lesions.
    masks = first.labels[:, columns], moved[:, columns]
    both = (masks[0] > 0) & (masks[1] > 0)
    assert both.sum() > 100
    np.testing.assert_array_equal(masks[0][both], masks[1][both])
    shown = [picture.max(axis=2) > 20 for picture in (first.image, np.roll(second.image, shift, axis=1))]
    seen = shown[0][:, columns] & shown[1][:, columns]
    np.testing.assert_array_equal(masks[0] * seen, masks[1] * seen)
    # Each misses some that the other has.
    assert (first.labels > 0).sum() != (second.labels > 0).sum()
    assert dict(first.counts) == dict(second.counts)


def test_each_view_is_a_photograph_of_its_own() -> None:
    first, second = views_of("right", 0)
    shift = round(first.disc[0] - second.disc[0])
    assert (first.image != np.roll(second.image, shift, axis=1)).mean() > 0.3
    for view in (first, second):
        assert find_retina(view.image).kind == "disc"
        assert view.image[-16:, :60].max() > 40, "signed"


def test_a_fault_spoils_both_views() -> None:
    good, bad = views_of("right", 3), views_of("right", 3, fault="dark")
    for clear, dark in zip(good, bad, strict=True):
        assert (clear.quality, dark.quality) == ("gradable", "ungradable")
        assert dark.image.mean() < 0.3 * clear.image.mean()


def test_an_extreme_eye_lies_on_the_canvas() -> None:
    # Whatever chance places, both landmarks are on both views.
    for number in range(1, 60):
        person = replace(make_person(5, number), disc_size=0.19)
        for view in draw_views(5, person, Eye("left", 1, ""), 64):
            for place in (view.disc, view.macula):
                assert all(0 <= value < 64 for value in place)


def test_people_with_both_eyes_are_the_same_people() -> None:
    for number in range(1, 200):
        some, all_eyes = make_person(2, number), make_person(2, number, both_eyes=True)
        assert len(all_eyes.eyes) == 2
        assert set(some.eyes) <= set(all_eyes.eyes)
        assert replace(some, eyes=()) == replace(all_eyes, eyes=())
