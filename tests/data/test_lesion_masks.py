"""Phantoms written as the public sets of lesion masks are laid out: no photograph of those sets is here."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from kerasdr.data.lesion_masks import (
    MASK_LAYOUTS,
    MaskedPhotograph,
    MaskFile,
    detect_mask_layout,
    read_masked,
    read_masks,
)
from kerasdr.data.phantom import Phantom, draw_person, write_phantoms
from kerasdr.errors import KerasdrError

CODES = {
    "MA": ("1. Microaneurysms", "microaneurysm"),
    "HE": ("2. Haemorrhages", "haemorrhage"),
    "EX": ("3. Hard Exudates", "hard_exudate"),
    "SE": ("4. Soft Exudates", "cotton_wool_spot"),
}
KNOWN = {kind for _, kind in CODES.values()}


@pytest.fixture(scope="module")
def eyes() -> list[Phantom]:
    """Two eyes with lesions and one without."""
    drawn = [eye for number in range(12) for eye in draw_person(3, number, 128)]
    ill = [eye for eye in drawn if "haemorrhage" in eye.masks and "microaneurysm" in eye.masks]
    return [*ill[:2], next(eye for eye in drawn if eye.grade == 0)]


def save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jpg":
        path.write_bytes(cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())
        return
    from PIL import Image

    # As IDRiD's: one channel with a palette, red where a lesion is.
    image = Image.fromarray(picture.astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, 255, 0, 0] + [0] * 762)
    image.save(path)


def write_idrid(root: Path, eyes: list[Phantom]) -> Path:
    for number, eye in enumerate(eyes, start=1):
        part = "a. Training Set" if number < 3 else "b. Testing Set"
        name = f"IDRiD_{number:02d}"
        save(root / "1. Original Images" / part / f"{name}.jpg", eye.image)
        for code, (folder, kind) in CODES.items():
            if eye.mask(kind).any():
                save(root / "2. All Segmentation Groundtruths" / part / folder / f"{name}_{code}.tif", eye.mask(kind))
        disc = np.ones((128, 128), bool)
        save(root / "2. All Segmentation Groundtruths" / part / "5. Optic Disc" / f"{name}_OD.tif", disc)
    return root


def write_ddr(root: Path, eyes: list[Phantom]) -> Path:
    for eye, part, label in zip(
        eyes, ("train", "valid", "test"), ("label", "segmentation label", "label"), strict=True
    ):
        name = f"007-{part}-100"
        save(root / part / "image" / f"{name}.jpg", eye.image)
        for code, (_, kind) in CODES.items():
            # DDR has a file for every kind, empty ones too.
            mask = eye.mask(kind).astype(np.uint8) * 255
            (root / part / label / code).mkdir(parents=True, exist_ok=True)
            (root / part / label / code / f"{name}.tif").write_bytes(cv2.imencode(".tif", mask)[1].tobytes())
    return root


def assert_masks_are(photograph: MaskedPhotograph, eye: Phantom) -> None:
    found = {kind: mask for kind, mask in read_masks(photograph).items() if mask.any()}
    known = {kind: mask for kind, mask in eye.masks.items() if kind in KNOWN}
    assert set(found) == set(known)
    for kind, mask in known.items():
        assert (found[kind] == mask).all()


def test_idrid(tmp_path: Path, eyes: list[Phantom]) -> None:
    write_idrid(tmp_path / "A. Segmentation", eyes)
    assert detect_mask_layout(tmp_path) == "idrid"
    found = read_masked("idrid", tmp_path)
    assert [one.image_id for one in found.photographs] == ["IDRiD_01", "IDRiD_02", "IDRiD_03"]
    for photograph, eye in zip(found.photographs, eyes, strict=True):
        assert_masks_are(photograph, eye)
        assert photograph.grade is None and photograph.patient_id == photograph.image_id
    assert not found.phantoms and "IDRiD" in found.about and "person of its own" in found.about
    assert found.notes == ("1 photographs have no mask, the first is IDRiD_03",)  # the optic disc is no lesion


def test_ddr(tmp_path: Path, eyes: list[Phantom]) -> None:
    root = write_ddr(tmp_path / "lesion_segmentation", eyes)
    assert detect_mask_layout(root) == detect_mask_layout(tmp_path) == "ddr"
    found = read_masked("ddr", root)
    assert [one.image_id for one in found.photographs] == ["007-train-100", "007-valid-100", "007-test-100"]
    for photograph, eye in zip(found.photographs, eyes, strict=True):
        assert_masks_are(photograph, eye)
    assert found.notes == ()


def test_phantoms(tmp_path: Path) -> None:
    write_phantoms(tmp_path, people=6, seed=3, size=128)
    assert detect_mask_layout(tmp_path) == "phantoms"
    found = read_masked("phantoms", tmp_path)
    drawn = {f"{eye.person}_{eye.eye}": eye for number in range(1, 7) for eye in draw_person(3, number, 128)}
    assert {one.image_id for one in found.photographs} == set(drawn) and found.phantoms
    for photograph in found.photographs:
        eye = drawn[photograph.image_id]
        assert (photograph.grade, photograph.patient_id) == (eye.grade, str(eye.person))
        masks = {kind: mask for kind, mask in read_masks(photograph).items() if mask.any()}
        assert masks.keys() == eye.masks.keys()
        assert all((masks[kind] == mask).all() for kind, mask in eye.masks.items())
    assert "seed 3" in found.about and "do not exist" in found.about


def test_opacity_marks_nothing(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[2, 3, 2] = 255
    (tmp_path / "m.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    masks = read_masks(MaskedPhotograph("a", tmp_path / "a.jpg", "a", None, {"x": MaskFile(tmp_path / "m.png")}))
    assert masks["x"].sum() == 1 and masks["x"][2, 3]
    with pytest.raises(KerasdrError, match="is not grey"):
        read_masks(MaskedPhotograph("a", tmp_path / "a.jpg", "a", None, {"x": MaskFile(tmp_path / "m.png", 3)}))


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_masks_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "m.tif"
    photograph = MaskedPhotograph("a", tmp_path / "a.jpg", "a", None, {"haemorrhage": MaskFile(file)})
    with pytest.raises(KerasdrError, match=r"cannot read the mask .*check it is there"):
        read_masks(photograph)
    file.write_bytes(content)
    with pytest.raises(KerasdrError, match="is no picture that can be read"):
        read_masks(photograph)


def test_folders_of_no_layout(tmp_path: Path, eyes: list[Phantom]) -> None:
    with pytest.raises(KerasdrError, match="in a layout that is known"):
        detect_mask_layout(tmp_path)
    for layout in MASK_LAYOUTS:
        with pytest.raises(KerasdrError, match=f"is not of layout {layout}: looked for"):
            read_masked(layout, tmp_path)
        with pytest.raises(KerasdrError, match="is not there"):
            read_masked(layout, tmp_path / "gone")
    with pytest.raises(KerasdrError, match="did you mean idrid"):
        read_masked("idird", tmp_path)
    root = write_idrid(tmp_path / "bare", eyes)
    shutil.rmtree(root / "2. All Segmentation Groundtruths")
    (root / "2. All Segmentation Groundtruths").mkdir()
    with pytest.raises(KerasdrError, match="holds no photograph with a mask"):
        read_masked("idrid", root)
    (tmp_path / "phantoms.json").write_text("{}")
    with pytest.raises(KerasdrError, match=r"phantoms\.json cannot be read: draw the phantoms again"):
        read_masked("phantoms", tmp_path)
