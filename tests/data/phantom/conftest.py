"""Phantoms drawn once for the tests of this folder."""

import pytest

from kerasdr.data.phantom import Phantom, draw_person


@pytest.fixture(scope="session")
def crowd() -> list[Phantom]:
    """150 people at 256 px: large enough that the smallest lesion leaves a mask."""
    return [phantom for number in range(1, 151) for phantom in draw_person(4, number, 256)]
