"""Arithmetic on planes, against its formulas."""

import numpy as np

from kerasdr.data.phantom.planes import blend, darken, soften


def test_darken_and_blend_are_their_formulas() -> None:
    random = np.random.default_rng(1)
    planes = random.uniform(0, 255, (3, 5, 7)).astype(np.float32)
    where = random.random((5, 7)).astype(np.float32)
    shares, colour = np.array([0.4, 0.7, 1.0])[:, None, None], np.array([238.0, 226.0, 196.0])[:, None, None]
    darkened, blended = planes.copy(), planes.copy()
    darken(darkened, where, shares.ravel(), 0.8)
    blend(blended, where, colour.ravel())
    np.testing.assert_allclose(darkened, planes * (1 - where * 0.8 * shares), rtol=1e-5)
    np.testing.assert_allclose(blended, planes + where * (colour - planes), rtol=1e-5)


def test_nothing_happens_where_there_is_nothing() -> None:
    planes = np.full((3, 4, 4), 100.0, np.float32)
    darken(planes, np.zeros((4, 4), np.float32), (1.0, 1.0, 1.0))
    blend(planes, np.zeros((4, 4), np.float32), (0.0, 0.0, 0.0))
    assert (planes == 100.0).all()


def test_soften_goes_from_0_to_1_and_keeps_its_sum() -> None:
    mask = np.zeros((41, 41), np.uint8)
    mask[10:31, 10:31] = 255
    soft = soften(mask, 2.0)
    assert soft.dtype == np.float32
    assert (soft.min(), soft.max()) == (0.0, 1.0)
    assert abs(soft.sum() - 21 * 21) < 2
