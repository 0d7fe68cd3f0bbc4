"""Phantoms go through the same doors as photographs: reader, decoder, retina, gate, split."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kerasdr.data.check import inspect_dataset
from kerasdr.data.fingerprint import fingerprint, photograph_digests
from kerasdr.data.phantom import draw_person, write_phantoms
from kerasdr.data.phantom.people import make_person
from kerasdr.data.readers import detect_layout, read_table
from kerasdr.data.splits import check_no_leak, split_by_person
from kerasdr.imaging.decode import decode
from kerasdr.imaging.quality import judge
from kerasdr.imaging.retina import find_retina


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantoms") / "out"
    write_phantoms(out, people=40, seed=12, size=160)
    return out


def test_a_data_set_of_phantoms_has_no_faults(root: Path) -> None:
    assert detect_layout(root) == "eyepacs"
    dataset = read_table("eyepacs", root)
    report = inspect_dataset(dataset)
    assert (report.faults, report.people, dataset.notes) == (0, 40, ())
    assert report.smallest == report.largest == (160, 160)
    # What was drawn to be gradable is let through.
    spoilt = set(dataset.table.loc[dataset.table["quality"] == "ungradable", "image_id"])
    assert set(report.refused) <= spoilt


def test_it_is_split_and_does_not_leak(root: Path) -> None:
    table = read_table("eyepacs", root).table
    digests = photograph_digests(table)
    assert len(set(digests)) == len(table)
    split = split_by_person(table, {"train": 0.6, "validation": 0.2, "test": 0.2}, 1)
    check_no_leak(split, digests)
    people = {part: counts["people"] for part, counts in fingerprint(split, digests)["splits"].items()}
    assert people == {"train": 24, "validation": 8, "test": 8}


def test_the_jpeg_is_a_photograph_like_any_other(root: Path) -> None:
    for path in sorted((root / "train").iterdir())[:10]:
        data = path.read_bytes()
        rgb = decode(data)
        np.testing.assert_array_equal(rgb, cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1])
        assert find_retina(rgb).kind == "disc"
        red, green, blue = rgb[60:100, 60:100].reshape(-1, 3).mean(axis=0)
        assert red > green > blue


def test_the_gate_knows_most_of_those_that_were_spoilt() -> None:
    passed = [
        judge(phantom.image).gradable
        for number in range(1, 400)
        if any(eye.fault for eye in make_person(9, number).eyes)
        for phantom in draw_person(9, number, 256)
        if phantom.quality == "ungradable"
    ]
    assert len(passed) > 20
    assert np.mean(passed) < 0.4
