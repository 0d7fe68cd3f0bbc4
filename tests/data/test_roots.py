"""Folders of photographs as ``--data`` names them: one, or one a layout."""

from typing import Any

import pytest

from kerasdr.config import Experiment, resolve
from kerasdr.data.roots import DataRoots, parse_roots, place_data
from kerasdr.errors import KerasdrError


def reading(layout: str, **data: Any) -> Experiment:
    return resolve({"name": "x", "data": {"layout": layout, **data}})


def placed(values: list[str], *layouts: str, others: tuple[str, ...] = ()) -> list[str | None]:
    experiments = [reading(layout) for layout in layouts]
    return [one.data.root for one in place_data(experiments, parse_roots(values), "this", others)]


def test_one_folder_or_one_for_each_layout() -> None:
    assert parse_roots([]) == DataRoots()
    assert parse_roots(["~/photographs"]) == DataRoots("~/photographs")
    assert parse_roots(["aptos=a", "deepdrid=d"]) == DataRoots(None, {"aptos": "a", "deepdrid": "d"})
    assert parse_roots(["rest", "aptos=a"]) == DataRoots("rest", {"aptos": "a"})


@pytest.mark.parametrize("path", ["/data/size=512/a", "size=512", "aptos2=x", "=x", "./aptos=x"])
def test_a_path_may_have_an_equals_sign(path: str) -> None:
    assert parse_roots([path]) == DataRoots(path)
    assert parse_roots([f"aptos={path}"]).of("aptos") == path


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (["a", "b"], r"--data names both a and b: say which layout each is of, as in --data aptos=PATH"),
        (["aptos=a", "aptos=b"], r"two folders of layout aptos, a and b: give one"),
        (["aptos="], r"--data aptos= names no folder: give --data aptos=PATH"),
    ],
)
def test_folders_that_cannot_be_told_apart(values: list[str], match: str) -> None:
    with pytest.raises(KerasdrError, match=match):
        parse_roots(values)


def test_each_layout_has_its_own_folder() -> None:
    assert placed(["aptos=a", "deepdrid=d"], "aptos", "deepdrid", "aptos") == ["a", "d", "a"]
    assert placed(["d", "aptos=a"], "aptos", "deepdrid") == ["a", "d"]
    assert placed(["d"], "deepdrid", "deepdrid") == ["d", "d"]
    assert placed(["aptos=a"], "aptos", "deepdrid") == ["a", None]
    # Rows that were not asked for this time may have their folder named all the same.
    assert placed(["aptos=a", "deepdrid=d"], "deepdrid", others=("aptos", "deepdrid")) == ["d"]


def test_without_a_folder_the_configurations_own_is_read() -> None:
    (kept,) = place_data([reading("aptos", root="/own")], DataRoots(), "this")
    assert kept.data.root == "/own"
    (changed,) = place_data([kept], parse_roots(["other"]), "this")
    assert changed.data.root == "other"


@pytest.mark.parametrize(
    ("values", "layouts", "match"),
    [
        (["d"], ("aptos", "deepdrid"), r"this reads photographs in layout aptos and deepdrid, and --data d is one "),
        (
            ["d"],
            ("aptos", "deepdrid"),
            r"give --data aptos=PATH --data deepdrid=PATH, or rows of one layout with --only",
        ),
        (["d", "aptos=a"], ("aptos", "deepdrid", "course"), r"give --data deepdrid=PATH --data course=PATH"),
        (
            ["aptos=a"],
            ("eyepacs",),
            r"--data aptos=a: this reads photographs in layout eyepacs; give --data eyepacs=PATH",
        ),
        (
            ["e", "eyepacs=f"],
            ("eyepacs",),
            r"--data e is for no layout: eyepacs have folders of their own; leave it out",
        ),
    ],
)
def test_folders_that_do_not_fit_the_layouts(values: list[str], layouts: tuple[str, ...], match: str) -> None:
    with pytest.raises(KerasdrError, match=match) as caught:
        placed(values, *layouts)
    assert "\n" not in str(caught.value)
