"""``kerasdr data check --against``."""

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kerasdr.config import resolve, to_yaml
from kerasdr.data.check import photograph_set, see_photographs
from kerasdr.data.phantom.draw import draw_person
from kerasdr.data.phantom.write import write_phantoms
from kerasdr.data.readers import read_table
from kerasdr.data.splits import split_by_person, write_split

Kerasdr = Any  # the fixture, which runs the command


@pytest.fixture(scope="module")
def run(phantom_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run on the phantoms keeps of them."""
    folder = tmp_path_factory.mktemp("runs") / "small" / "20260101-093000"
    folder.mkdir(parents=True)
    table = read_table("eyepacs", phantom_root).table
    table = split_by_person(table, {"train": 0.6, "validation": 0.2, "test": 0.2}, 1)
    kept = photograph_set("", "eyepacs", table, see_photographs(table))
    assert kept.digests is not None and kept.looks is not None
    write_split(table, kept.digests, folder / "split.csv", kept.pixels)
    np.save(folder / "looks.npy", kept.looks)
    members = [{"name": "a"}]
    stages = [{"name": "fit", "epochs": 1, "learning_rate": 1e-3}]
    raw = {"name": "small", "data": {"root": str(phantom_root)}, "members": members, "stages": stages}
    (folder / "config.yaml").write_text(to_yaml(resolve(raw)))
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A folder with one photograph of somebody new."""
    (tmp_path / "new").mkdir()
    save(draw_person(4711, 2, 160)[0].image, tmp_path / "new" / "stranger.png")
    return tmp_path / "new"


def save(rgb: np.ndarray, path: Path) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR))


def pixels_of(path: str) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)


def findings_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_nothing_in_common(kerasdr: Kerasdr, new: Path, run: Path) -> None:
    ran = kerasdr("data", "check", str(new), "--against", str(run), "--out", "leaks.csv")
    assert ran.code == 0
    assert f"compared     {new} with {run}: 1 photographs with" in ran.out
    assert (
        f"people of {new} and {run}: they are of folder and eyepacs, phantoms of seed 7, which name people differently"
        in ran.out
    )
    for kind in ("same bytes", "same pixels", "near duplicate", "same person"):
        assert f"{kind:<14} none" in ran.out.splitlines()
    assert findings_of(Path("leaks.csv")) == []


def test_files_pixels_and_copies_are_found(kerasdr: Kerasdr, new: Path, run: Path, phantom_root: Path) -> None:
    table = read_table("eyepacs", phantom_root).table
    paths, names = table["path"].tolist(), table["image_id"].tolist()
    (new / "bytes.jpeg").write_bytes(Path(paths[0]).read_bytes())
    save(pixels_of(paths[1]), new / "pixels.png")
    save(pixels_of(paths[2])[:, ::-1], new / "mirrored.jpg")
    ran = kerasdr("data", "check", str(new), "--against", str(run), "--out", "leaks.csv", "--show", "0")
    assert ran.code == 3
    found = {row["kind"]: row for row in findings_of(Path("leaks.csv"))}
    assert {kind: (row["image"], row["other_image"]) for kind, row in found.items()} == {
        "same bytes": ("bytes", names[0]),
        "same pixels": ("pixels", names[1]),
        "near duplicate": ("mirrored", names[2]),
    }
    copy = found["near duplicate"]
    assert (copy["pose"], copy["one_person"], copy["other_set"]) == ("mirrored", "not comparable", str(run))
    assert float(copy["correlation"]) > 0.8 and copy["other_part"] in ("train", "validation", "test")
    assert "near duplicate 1 pairs" in ran.out and "and 1 more" in ran.out and "mirrored in" not in ran.out


def test_the_photographs_that_a_run_was_trained_on(kerasdr: Kerasdr, run: Path, phantom_root: Path) -> None:
    ran = kerasdr("data", "check", str(phantom_root), "--against", str(run))
    table = read_table("eyepacs", phantom_root).table
    assert ran.code == 3
    assert f"same bytes     {len(table)} photographs" in ran.out
    assert f"same person    {table['patient_id'].nunique()} people" in ran.out
    assert ran.out.count("and ") >= 2 and "not compared" not in ran.out


def test_phantoms_of_another_seed_are_other_people(kerasdr: Kerasdr, run: Path, tmp_path: Path) -> None:
    """They are called the same, as are people of other data sets."""
    write_phantoms(tmp_path / "others", people=3, seed=4712, size=160)
    ran = kerasdr("data", "check", str(tmp_path / "others"), "--against", str(run))
    assert ran.code == 0 and "same person    none" in ran.out
    assert "they are of eyepacs, phantoms of seed 4712 and eyepacs, phantoms of seed" in ran.out


def test_photographs_of_a_run_may_be_gone(kerasdr: Kerasdr, new: Path, run: Path, phantom_root: Path) -> None:
    """What a run kept is enough."""
    source = read_table("eyepacs", phantom_root).table["path"].iloc[5]
    save(pixels_of(source)[::-1, ::-1], new / "turned.png")
    config = run / "config.yaml"
    before = config.read_text()
    try:
        config.write_text(before.replace(str(phantom_root), "/nowhere"))
        ran = kerasdr("data", "check", str(new), "--against", str(run))
    finally:
        config.write_text(before)
    assert ran.code == 3 and "turned in no part and " in ran.out and "turned by 180 degrees" in ran.out


def test_folds_and_another_data_set(kerasdr: Kerasdr, new: Path, run: Path, phantom_root: Path, tmp_path: Path) -> None:
    folds = tmp_path / "small-3-folds"
    for number in (1, 2):
        (folds / f"repeat-1-fold-{number}").mkdir(parents=True)
        for path in run.iterdir():
            (folds / f"repeat-1-fold-{number}" / path.name).write_bytes(path.read_bytes())
    first = Path(read_table("eyepacs", phantom_root).table["path"].iloc[0])
    (new / "bytes.jpeg").write_bytes(first.read_bytes())
    against = ("--against", str(folds), "--against", f"eyepacs={phantom_root}")
    ran = kerasdr("data", "check", str(new), *against, "--out", "leaks.csv")
    assert ran.code == 3
    assert [(row["other_set"], row["other_part"]) for row in findings_of(Path("leaks.csv"))] == [
        (str(folds), "folds"),
        (f"eyepacs={phantom_root}", ""),
    ]


def test_an_early_run_kept_no_looks(kerasdr: Kerasdr, new: Path, run: Path, tmp_path: Path) -> None:
    early = tmp_path / "early"
    early.mkdir()
    lines = [line.rsplit(",", 1)[0] for line in (run / "split.csv").read_text().splitlines()]
    (early / "split.csv").write_text("\n".join([*lines, ""]))
    ran = kerasdr("data", "check", str(new), "--against", str(early))
    assert ran.code == 0
    assert f"not compared looks of {new} and {early}: {early} is an earlier version's and kept none" in ran.out
    (early / "looks.npy").write_bytes((run / "looks.npy").read_bytes()[:-4096])
    assert "cannot read" in kerasdr("data", "check", str(new), "--against", str(early)).error


def test_what_is_no_run_is_refused(kerasdr: Kerasdr, new: Path, tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", new):
        error = kerasdr("data", "check", str(new), "--against", str(place)).error
        assert error.startswith(f"{place} is no folder of a run") and "LAYOUT=PATH" in error


def test_within_a_data_set_only_strict_minds(kerasdr: Kerasdr, new: Path) -> None:
    save(pixels_of(str(new / "stranger.png"))[:, ::-1], new / "copy.jpg")
    ran = kerasdr("data", "check", str(new))
    assert ran.code == 0 and "near duplicate 1 pairs" in ran.out
    assert kerasdr("data", "check", str(new), "--strict").code == 3
