"""What a model has seen, by the folders of its runs."""

import json
import shutil
from pathlib import Path

import pytest

from kerasdr.config import resolve, to_yaml
from kerasdr.training.unseen import seen_by


def write_run(run: Path, weights: str = "none", root: str | None = None, seed: int = 5, rows: str = "") -> Path:
    """A run without networks: its bundle is looked for by name alone."""
    data = {"layout": "eyepacs", "phantom": {"people": 10, "seed": seed, "size": 128}}
    if root is not None:
        data["root"] = root
    raw = {"name": "small", "data": data, "model": {"trunk": "tiny", "weights": weights}, "members": [{"name": "one"}]}
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(to_yaml(resolve(raw, "small")))
    (run / "split.csv").write_text(f"image_id,patient_id,split,sha256\n{rows}")
    (run / "bundle").mkdir()
    (run / "bundle" / "manifest.json").write_text("{}")
    return run


def test_training_and_validation_are_seen_and_test_is_not(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs/small/1", rows="a,1,train,aa\nb,2,validation,bb\nc,3,test,cc\n")
    seen = seen_by(run)
    assert seen.digests == {"aa": "was trained on", "bb": "was chosen by"}
    assert (seen.seeds, seen.note) == ({5}, "")
    assert seen_by(run / "bundle") == seen


def test_runs_that_weights_go_back_to_count(tmp_path: Path) -> None:
    first = write_run(tmp_path / "runs/small/1", rows="a,1,train,aa\n", seed=6)
    weights = first / "members/one/weights.npz"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"")
    second = write_run(tmp_path / "runs/small/2", weights=str(weights), rows="b,2,train,bb\n", seed=7)
    seen = seen_by(second)
    assert set(seen.digests) == {"aa", "bb"} and seen.seeds == {6, 7}


def test_seed_of_phantoms_that_lie_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    folder.mkdir()
    (folder / "phantoms.json").write_text(json.dumps({"settings": {"seed": 31}}))
    assert seen_by(write_run(tmp_path / "runs/small/1", root=str(folder))).seeds == {31}
    shutil.rmtree(folder)
    assert seen_by(tmp_path / "runs/small/1").seeds == frozenset()


def test_what_cannot_be_checked_is_said(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs/small/1")
    shutil.copytree(run / "bundle", tmp_path / "copied")
    seen = seen_by(tmp_path / "copied")
    assert not seen.digests and "cannot be checked" in seen.note
    (run / "split.csv").write_text("image_id,patient_id,split\na,1,train\n")
    assert "kept no digests" in seen_by(run).note


@pytest.mark.parametrize("rows", ["a,1,train,e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"])
def test_empty_files_are_no_photographs(tmp_path: Path, rows: str) -> None:
    assert seen_by(write_run(tmp_path / "runs/small/1", rows=rows)).digests == {}
