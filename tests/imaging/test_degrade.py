"""Degradations: nothing at 0, worse with every step, the same again with the same seed, alike at every size."""

import cv2
import numpy as np
import pytest

from kerasdr.data.phantom.draw import draw_person
from kerasdr.errors import KerasdrError
from kerasdr.imaging.degrade import A_STEP, DEGRADATIONS, degrade, mirror
from kerasdr.imaging.degrade_blur import _kernel
from kerasdr.imaging.field import find_field, from_light, to_light
from kerasdr.imaging.retina import find_retina

KINDS = list(DEGRADATIONS)


@pytest.fixture(scope="module")
def eye() -> np.ndarray:
    """A gradable phantom, 384 px."""
    return next(eye.image for person in range(9) for eye in draw_person(5, person, 384) if eye.quality == "gradable")


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(cv2.PSNR(a, b))


def sharpness(rgb: np.ndarray) -> float:
    return float(cv2.Laplacian(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def seen(rgb: np.ndarray) -> np.ndarray:
    return find_field(rgb).inside


@pytest.mark.parametrize("kind", KINDS)
def test_unchanged_at_0_and_worse_with_every_step(eye: np.ndarray, kind: str) -> None:
    before = eye.copy()
    same = degrade(eye, kind, 0, seed=1)
    np.testing.assert_array_equal(same, eye)
    assert same is not eye
    # A photograph with fewer pixels than the first step of `small` has is left alone by it, so steps start at 2 there.
    severities = (2, 3, 4, 5) if kind == "small" else (0.5, 1, 2, 3, 4, 5)
    steps = [degrade(eye, kind, severity, seed=1) for severity in severities]
    assert all(step.shape == eye.shape and step.dtype == np.uint8 for step in steps)
    quality = [psnr(eye, step) for step in steps]
    assert quality == sorted(quality, reverse=True) and len(set(quality)) == len(quality), quality
    assert quality[-1] < 37
    np.testing.assert_array_equal(eye, before)  # the input is left as it is


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides(eye: np.ndarray, kind: str) -> None:
    first = degrade(eye, kind, 3, seed=[4, 7])
    np.testing.assert_array_equal(first, degrade(eye, kind, 3, seed=[4, 7]))
    drawn = any((degrade(eye, kind, 3, seed=[4, other]) != first).any() for other in range(8, 14))
    assert drawn == (kind not in ("blur", "haze", "jpeg", "small"))  # where nothing is drawn


@pytest.mark.parametrize("kind", KINDS)
def test_the_retina_stays_where_it_is(eye: np.ndarray, kind: str) -> None:
    disc, worse = find_retina(eye), find_retina(degrade(eye, kind, 2, seed=3))
    assert worse.kind == "disc"
    assert np.hypot(worse.x - disc.x, worse.y - disc.y) < 0.04 * disc.radius
    assert worse.radius == pytest.approx(disc.radius, rel=0.04)
    if kind not in ("jpeg", "small", "crop", "rotate"):  # these are of the whole picture
        outside = ~seen(eye)
        np.testing.assert_array_equal(degrade(eye, kind, 4, seed=3)[outside], eye[outside])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("jpeg", "small")])
def test_size_does_not_matter(kind: str) -> None:
    """A photograph of twice the pixels, degraded and then shrunk, is close to the shrunk one degraded."""
    large = next(eye.image for person in range(9) for eye in draw_person(5, person, 640) if eye.quality == "gradable")
    half = (320, 320)
    small = cv2.resize(large, half, interpolation=cv2.INTER_AREA)
    one = cv2.resize(degrade(large, kind, 3, seed=2), half, interpolation=cv2.INTER_AREA)
    other = degrade(small, kind, 3, seed=2)
    assert psnr(one, other) > psnr(small, other) + 4


@pytest.mark.parametrize("kind", ["blur", "motion", "haze", "small"])
def test_sharpness_falls(eye: np.ndarray, kind: str) -> None:
    inner = slice(120, 264)
    values = [sharpness(degrade(eye, kind, severity, seed=1)[inner, inner]) for severity in (0, 2, 3, 4, 5)]
    assert values == sorted(values, reverse=True) and values[-1] < 0.3 * values[0]


def test_stops_are_factors_of_two_in_light() -> None:
    grey = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(grey, (100, 100), 95, (120, 120, 120), -1)
    light = to_light(grey)[100, 100, 0]
    assert light == pytest.approx((120 / 255) ** 2.2, rel=1e-6)
    darker = to_light(degrade(grey, "dark", 2, seed=0))[90:110, 90:110].mean()
    assert darker == pytest.approx(light * 2**-1.2, rel=0.03)  # 0.6 stops a step in the middle
    gains = np.log2(to_light(degrade(grey, "colour", 4, seed=0))[100, 100] / light)
    assert np.linalg.norm(gains) == pytest.approx(0.8, rel=0.03) and gains.sum() == pytest.approx(0.0, abs=0.03)
    values = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    np.testing.assert_array_equal(from_light(to_light(values)), values)
    assert from_light(np.full((1, 1, 3), 7.0, np.float32)).max() == 255


def test_kernels_by_hand() -> None:
    # A shift of a quarter pixel to the right is three quarters of the pixel itself and a quarter of its neighbour.
    np.testing.assert_allclose(_kernel(np.array([0.25]), np.array([0.0]))[2], [0, 0, 0.75, 0.25, 0], atol=1e-7)
    grey = np.zeros((400, 400, 3), np.uint8)
    cv2.circle(grey, (200, 200), 190, (60, 60, 60), -1)
    grey[200, 200] = 255
    diameter = 2 * find_retina(grey).radius
    rise = to_light(degrade(grey, "blur", 4, seed=0))[..., 0] - to_light(grey)[10, 200, 0]
    rows, columns = np.nonzero(rise > 0.3 * rise.max())
    spread = 2 * np.hypot(rows - 200, columns - 200).max()
    assert spread == pytest.approx(0.04 * diameter, abs=2.0)  # 1% of the diameter a step
    assert rise[seen(grey)].sum() == pytest.approx(1 - (60 / 255) ** 2.2, rel=0.2)  # light is spread, not lost


def test_half_of_the_retina_is_black_at_the_last_crop() -> None:
    disc = np.zeros((300, 300, 3), np.uint8)
    cv2.circle(disc, (150, 150), 140, (90, 60, 40), -1)
    left = [(degrade(disc, "crop", severity, seed=9) > 5).any(axis=2).sum() for severity in (0, 5)]
    assert left[1] / left[0] == pytest.approx(0.5, abs=0.03)


def test_dust_of_a_step_is_there_in_the_next(eye: np.ndarray) -> None:
    changed = [(degrade(eye, "dust", severity, seed=6) != eye).any(axis=2) for severity in (1, 2, 3)]
    assert changed[0].any() and (changed[0] <= changed[1]).all() and (changed[1] <= changed[2]).all()


def test_the_field_is_not_the_frame() -> None:
    """A disc cut off above, a dark lesion in it, writing in the corner, and a retina that fills the frame."""
    rgb = np.zeros((240, 240, 3), np.uint8)
    cv2.circle(rgb, (120, 120), 110, (150, 90, 60), -1)
    rgb[:40] = 0
    cv2.circle(rgb, (120, 150), 8, (0, 0, 0), -1)
    rgb[232:238, 2:20] = 90
    inside = seen(rgb)
    assert inside[150, 120] and inside[60, 120]
    assert not inside[20, 120] and not inside[235, 10] and not inside[5, 5]
    assert seen(np.full((120, 160, 3), 80, np.uint8)).all()
    for kind in KINDS:
        assert degrade(np.full((120, 160, 3), 80, np.uint8), kind, 3).shape == (120, 160, 3)
        assert degrade(np.zeros((120, 160, 3), np.uint8), kind, 3).max() == 0 or kind == "jpeg", kind


def test_mirror(eye: np.ndarray) -> None:
    np.testing.assert_array_equal(mirror(eye)[:, 0], eye[:, -1])
    np.testing.assert_array_equal(mirror(mirror(eye)), eye)


def test_every_kind_says_what_a_step_is() -> None:
    assert set(A_STEP) == set(DEGRADATIONS)


@pytest.mark.parametrize(
    ("kind", "severity", "words"),
    [
        ("blurr", 1, "no degradation is called 'blurr' (did you mean blur?)"),
        ("blur", 5.5, "a severity is from 0 (unchanged) to 5, got 5.5"),
        ("blur", -1, "got -1"),
        ("blur", float("nan"), "got nan"),
    ],
)
def test_refusals(kind: str, severity: float, words: str) -> None:
    with pytest.raises(KerasdrError) as raised:
        degrade(np.zeros((8, 8, 3), np.uint8), kind, severity)
    assert words in str(raised.value)
