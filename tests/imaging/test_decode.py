"""Bytes to pixels: whatever a camera or a person saved becomes upright RGB, or a reason."""

import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kerasdr.errors import KerasdrError
from kerasdr.imaging.decode import UnreadablePhotograph, decode
from kerasdr.imaging.headers import read_header
from kerasdr.imaging.recipes import apply_recipe, get_recipe

Encode = Callable[..., bytes]

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (210, 210, 30)
QUARTERS = (RED, GREEN, BLUE, YELLOW)


def quarters(height: int, width: int) -> NDArray[np.uint8]:
    """Red and green above, blue and yellow below."""
    picture = np.empty((height, width, 3), np.uint8)
    for index, colour in enumerate(QUARTERS):
        rows = slice(0, height // 2) if index < 2 else slice(height // 2, None)
        columns = slice(0, width // 2) if index % 2 == 0 else slice(width // 2, None)
        picture[rows, columns] = colour
    return picture


def corners(picture: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    """The colour of each quarter's middle, nearest of the four."""
    height, width = picture.shape[:2]
    found = []
    for y in (height // 4, 3 * height // 4):
        for x in (width // 4, 3 * width // 4):
            distances = [np.abs(picture[y, x].astype(int) - colour).sum() for colour in QUARTERS]
            assert min(distances) < 40
            found.append(QUARTERS[int(np.argmin(distances))])
    return found


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def noise(height: int = 60, width: int = 90) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    small = np.random.default_rng(2).integers(40, 220, (6, 9, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def png_header(width: int, height: int) -> bytes:
    ihdr = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + ihdr + struct.pack(">I", zlib.crc32(ihdr))


# What a viewer shows of quarters stored as red, green / blue, yellow (EXIF 2.3, tag 0x0112).
UPRIGHT = {
    1: [RED, GREEN, BLUE, YELLOW],
    2: [GREEN, RED, YELLOW, BLUE],
    3: [YELLOW, BLUE, GREEN, RED],
    4: [BLUE, YELLOW, RED, GREEN],
    5: [RED, BLUE, GREEN, YELLOW],
    6: [BLUE, RED, YELLOW, GREEN],
    7: [YELLOW, GREEN, BLUE, RED],
    8: [GREEN, YELLOW, RED, BLUE],
}


@pytest.mark.parametrize("min_side", [None, 16, 64])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied_once(encode: Encode, orientation: int, min_side: int | None) -> None:
    data = encode(quarters(128, 192), "JPEG", quality=95, exif=oriented(orientation))
    picture = decode(data, min_side=min_side)
    shape = (128, 192) if orientation < 5 else (192, 128)
    factor = {None: 1, 16: 8, 64: 2}[min_side]
    assert picture.shape == (shape[0] // factor, shape[1] // factor, 3)
    assert corners(picture) == UPRIGHT[orientation]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_of_other_formats_is_applied_once(encode: Encode, kind: str, orientation: int) -> None:
    picture = decode(encode(quarters(64, 96), kind, exif=oriented(orientation)))
    assert picture.shape == ((64, 96, 3) if orientation < 5 else (96, 64, 3))
    assert corners(picture) == UPRIGHT[orientation]


def with_orientation(tiff: bytes, orientation: int) -> bytes:
    """Put an orientation tag (0x0112) into a little-endian TIFF of one page, by a directory written anew at its end."""
    start = struct.unpack_from("<I", tiff, 4)[0]
    count = struct.unpack_from("<H", tiff, start)[0]
    entries = [tiff[start + 2 + 12 * index : start + 14 + 12 * index] for index in range(count)]
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    entries = sorted([tag, *(e for e in entries if e[:2] != tag[:2])], key=lambda entry: entry[1] << 8 | entry[0])
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return tiff[:4] + struct.pack("<I", len(tiff)) + tiff[8:] + directory


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_of_sixteen_bit_and_cmyk_tiff_is_applied_once(encode: Encode, orientation: int) -> None:
    deep = cv2.imencode(".tiff", quarters(64, 96)[..., ::-1].astype(np.uint16) * 257)[1].tobytes()
    printed = encode(Image.fromarray(quarters(64, 96)).convert("CMYK"), "TIFF")
    for data in (deep, printed):
        assert corners(decode(with_orientation(data, orientation))) == UPRIGHT[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_agrees_with_pillow(encode: Encode, orientation: int) -> None:
    from PIL import ImageOps

    picture = noise()
    upright = Image.fromarray(picture)
    upright.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(upright))
    np.testing.assert_array_equal(decode(encode(picture, "PNG", exif=oriented(orientation))), expected)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_exif_is_passed_over(encode: Encode) -> None:
    data = encode(quarters(64, 96), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xffrubbish")
    assert corners(decode(data)) == UPRIGHT[1]
    assert corners(decode(encode(quarters(64, 96), "JPEG", quality=95, exif=oriented(77)))) == UPRIGHT[1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_red_stays_red(encode: Encode, kind: str) -> None:
    picture = decode(encode(np.full((40, 50, 3), (230, 20, 10), np.uint8), kind))
    assert picture.shape == (40, 50, 3)
    assert picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - (230, 20, 10)).max() <= 6


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_formats_give_the_very_pixels(encode: Encode, kind: str, options: dict[str, object]) -> None:
    picture = noise()
    decoded = decode(encode(picture, kind, **options))
    np.testing.assert_array_equal(decoded, picture)
    assert decoded.flags.c_contiguous


def test_progressive_and_plain_jpeg_agree(encode: Encode) -> None:
    picture = smooth(80, 120)
    plain, progressive = (decode(encode(picture, "JPEG", quality=95, progressive=p)) for p in (False, True))
    np.testing.assert_array_equal(plain, progressive)
    assert np.abs(plain.astype(int) - picture).mean() < 3


def test_cmyk_jpeg(encode: Encode) -> None:
    for colour in QUARTERS:
        flat = Image.new("RGB", (64, 48), colour).convert("CMYK")
        picture = decode(encode(flat, "JPEG", quality=95))
        assert picture.shape == (48, 64, 3)
        assert np.abs(picture.astype(int) - colour).max() <= 8
    turned = Image.fromarray(quarters(64, 96)).convert("CMYK")
    assert corners(decode(encode(turned, "JPEG", quality=95, exif=oriented(6)))) == UPRIGHT[6]


def test_cmyk_tiff(encode: Encode) -> None:
    picture = decode(encode(Image.fromarray(quarters(64, 96)).convert("CMYK"), "TIFF"))
    assert corners(picture) == UPRIGHT[1]


def test_sixteen_bits_are_scaled_by_their_range() -> None:
    deep = np.array([[[65535, 32768, 0]], [[257, 514, 65535]]], np.uint16)  # RGB
    data = cv2.imencode(".png", deep[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(decode(data), [[[255, 128, 0]], [[1, 2, 255]]])


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_fewer_bits_in_sixteen(bits: int, ending: str) -> None:
    top = (1 << bits) - 1
    deep = np.full((8, 8, 3), top // 2, np.uint16)
    deep[0, 0] = top
    picture = decode(cv2.imencode(ending, deep)[1].tobytes())
    assert tuple(picture[0, 0]) == (255, 255, 255)
    assert np.abs(picture[1:].astype(int) - 127).max() <= 1


def test_sixteen_bit_grey() -> None:
    deep = np.array([[0, 65535], [32768, 257]], np.uint16)
    picture = decode(cv2.imencode(".png", deep)[1].tobytes())
    np.testing.assert_array_equal(picture, np.repeat(np.array([[0, 255], [128, 1]])[..., None], 3, axis=2))


def test_floating_point_pixels_are_refused() -> None:
    data = cv2.imencode(".tiff", np.ones((16, 16), np.float32))[1].tobytes()
    with pytest.raises(UnreadablePhotograph, match="8 or 16 bits"):
        decode(data)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparent_parts_are_black(encode: Encode, kind: str) -> None:
    picture = np.full((20, 30, 4), (200, 100, 50, 255), np.uint8)
    picture[:, 10:20, 3] = 0
    picture[:, 20:, 3] = 128
    decoded = decode(encode(picture, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {})))
    assert (decoded[:, :10] == (200, 100, 50)).all()
    assert (decoded[:, 10:20] == 0).all()
    assert np.abs(decoded[:, 20:].astype(int) - (100, 50, 25)).max() <= 1


def test_grey_with_alpha(encode: Encode) -> None:
    picture = np.dstack([np.full((6, 8), 180, np.uint8), np.full((6, 8), 255, np.uint8)])
    picture[:3, :, 1] = 0
    decoded = decode(encode(Image.fromarray(picture, "LA"), "PNG"))
    assert (decoded[:3] == 0).all()
    assert (decoded[3:] == 180).all()


def test_grey_becomes_three_equal_channels(encode: Encode) -> None:
    grey = noise()[..., 0]
    for kind in ("PNG", "BMP", "TIFF"):
        np.testing.assert_array_equal(decode(encode(grey, kind)), np.repeat(grey[..., None], 3, axis=2))
    jpeg = decode(encode(smooth(40, 50)[..., 0], "JPEG", quality=95))
    assert jpeg.shape == (40, 50, 3)
    assert (jpeg[..., 0] == jpeg[..., 2]).all()


def test_palette(encode: Encode) -> None:
    picture = quarters(32, 48)
    paletted = Image.fromarray(picture).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    for kind in ("PNG", "BMP", "TIFF"):
        np.testing.assert_array_equal(decode(encode(paletted, kind)), np.asarray(paletted.convert("RGB")))


def test_palette_with_a_transparent_entry(encode: Encode) -> None:
    paletted = Image.new("P", (8, 6), 1)
    paletted.putpalette([9, 9, 9, 200, 100, 50])
    paletted.paste(0, (0, 0, 4, 6))
    decoded = decode(encode(paletted, "PNG", transparency=0))
    assert (decoded[:, :4] == 0).all()
    assert (decoded[:, 4:] == (200, 100, 50)).all()


def test_one_bit(encode: Encode) -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:15, 10:20] = True
    for kind in ("PNG", "BMP", "TIFF"):
        np.testing.assert_array_equal(
            decode(encode(Image.fromarray(mask), kind)), np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
        )


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG"])
def test_the_first_of_several_frames_is_taken(encode: Encode, kind: str) -> None:
    first, second = Image.new("RGB", (40, 30), RED), Image.new("RGB", (40, 30), BLUE)
    picture = decode(encode(first, kind, save_all=True, append_images=[second]))
    assert picture.shape == (30, 40, 3)
    assert np.abs(picture.astype(int) - RED).max() <= 8


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_jpeg_cut_off_anywhere_is_unreadable(encode: Encode) -> None:
    thumbnail = encode(smooth(16, 24), "JPEG")
    exif = oriented(1)
    exif[0x010E] = thumbnail.decode("latin-1")  # an end marker of its own, before the picture
    for options in ({}, {"progressive": True}, {"exif": exif}):
        data = encode(smooth(120, 180), "JPEG", quality=90, **options)
        decode(data)
        for length in {*range(1, len(data) - 1, max(1, len(data) // 60)), len(data) - 1, len(data) - 2}:
            with pytest.raises(UnreadablePhotograph):
                decode(data[:length])


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.8, 0.95, 1.0])
def test_other_formats_cut_off_are_unreadable(encode: Encode, kind: str, share: float) -> None:
    data = encode(noise(), kind)
    with pytest.raises(UnreadablePhotograph) as caught:
        decode(data[: int(share * len(data)) - (share == 1.0)])
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_compressed_tiff_cut_off_is_unreadable(encode: Encode) -> None:
    data = encode(noise(200, 300), "TIFF", compression="tiff_lzw")
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(UnreadablePhotograph):
            decode(data[: int(share * len(data))])


def test_jpeg_with_something_behind_its_end_is_read(encode: Encode) -> None:
    picture = quarters(64, 96)
    assert corners(decode(encode(picture, "JPEG", quality=95) + b"\0" * 300)) == UPRIGHT[1]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"patient did not come\n", "not a photograph"),
        (b"%PDF-1.4 ...", "not a photograph"),
        (b"GIF89a" + bytes(40), "not a photograph"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\xff\xd8\xff\xe0" + b"rubbish" * 40, "damaged"),
        (b"\xff\xd8\xff\xd9", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"BM", "damaged"),
        (b"II*\0", "damaged"),
        (b"RIFF\x10\0\0\0WEBP", "damaged"),
    ],
)
def test_what_is_no_photograph_is_told_with_a_remedy(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadablePhotograph, match=reason) as caught:
        decode(data)
    assert isinstance(caught.value, KerasdrError)
    assert ":" in str(caught.value)


def test_pictures_too_large_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(UnreadablePhotograph, match="50000 x 50000 px, more than 100 megapixels"):
        decode(png_header(50_000, 50_000))
    bmp = b"BM" + struct.pack("<IHHIIii", 54, 0, 0, 54, 40, 40_000, -40_000) + bytes(28)
    with pytest.raises(UnreadablePhotograph, match="40000 x 40000 px"):
        decode(bmp)


def test_the_limit_of_megapixels_can_be_moved(encode: Encode) -> None:
    data = encode(np.zeros((100, 200, 3), np.uint8), "PNG")
    with pytest.raises(UnreadablePhotograph, match=r"200 x 100 px, more than 0\.01 megapixels.*max_megapixels"):
        decode(data, max_megapixels=0.01)
    assert decode(data, max_megapixels=0.02).shape == (100, 200, 3)


def test_header_says_what_is_stored(encode: Encode) -> None:
    header = read_header(encode(noise(), "JPEG", exif=oriented(6)))
    assert (header.format, header.width, header.height, header.orientation) == ("jpeg", 90, 60, 6)
    assert header.complete
    assert not header.cmyk
    assert read_header(encode(Image.new("CMYK", (9, 7)), "JPEG")).cmyk
    for kind in ("PNG", "BMP", "TIFF", "WEBP"):
        header = read_header(encode(noise(), kind))
        assert (header.format, header.width, header.height, header.orientation) == (kind.lower(), 90, 60, 1)


@pytest.mark.parametrize(
    ("min_side", "factor"), [(None, 1), (401, 1), (400, 1), (200, 2), (199, 2), (101, 2), (100, 4), (50, 8), (1, 8)]
)
def test_reduced_decode_keeps_the_short_side(encode: Encode, min_side: int | None, factor: int) -> None:
    picture = decode(encode(smooth(400, 640), "JPEG", quality=95), min_side=min_side)
    assert picture.shape == (400 // factor, 640 // factor, 3)


@pytest.mark.parametrize("min_side", [200, 100, 50])
def test_reduced_decode_is_the_full_one_made_smaller(encode: Encode, min_side: int) -> None:
    data = encode(smooth(400, 640), "JPEG", quality=95)
    reduced, full = decode(data, min_side=min_side), decode(data)
    shrunk = cv2.resize(full, reduced.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.astype(int) - shrunk).mean() < 1.0


def test_only_jpeg_is_decoded_smaller(encode: Encode) -> None:
    assert decode(encode(noise(), "PNG"), min_side=8).shape == (60, 90, 3)


@pytest.mark.parametrize("recipe_name", ["clahe-crop", "crop"])
def test_recipes_see_the_same_in_a_reduced_decode_of_real_photographs(highres: list[Path], recipe_name: str) -> None:
    recipe = get_recipe(recipe_name, 224)
    for path in highres[::3]:
        data = path.read_bytes()
        full, reduced = decode(data), decode(data, min_side=512)
        assert reduced.shape[0] < full.shape[0]
        difference = np.abs(apply_recipe(recipe, full).astype(int) - apply_recipe(recipe, reduced))
        assert difference.mean() < 3.0


def test_exif_orientation_needs_no_pillow(encode: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    turned = encode(quarters(64, 96), "JPEG", exif=oriented(6))
    for_pillow = Image.Exif()
    for_pillow[0x010F] = "a camera's maker"  # a tag before it
    for_pillow[0x0112] = 8
    others = encode(quarters(64, 96), "PNG", exif=for_pillow)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert read_header(turned).orientation == 6
    assert read_header(others).orientation == 8


@pytest.mark.parametrize(
    ("tiff", "orientation"),
    [
        (b"II*\0" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, 3, 0), 3),
        (b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 3, 0), 3),
        (b"MM\0*" + struct.pack(">IHHHII", 8, 1, 0x0112, 4, 1, 3), 3),  # as LONG, which some programs write
        (b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 2, 3, 0), 1),  # two of them
        (b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 2, 1, 3, 0), 1),  # as text
        (b"MM\0*" + struct.pack(">IH", 8, 65535), 1),  # tags that are not there
        (b"MM\0*" + struct.pack(">I", 2**32 - 1), 1),
        (b"MM\0*", 1),
        (b"XX\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 3, 0), 1),
    ],
)
def test_exif_by_its_bytes(tiff: bytes, orientation: int, encode: Encode) -> None:
    assert read_header(encode(quarters(64, 96), "JPEG", exif=b"Exif\0\0" + tiff)).orientation == orientation


def test_jpeg_whose_lower_part_is_missing_is_refused_though_it_has_an_end(encode: Encode) -> None:
    data = encode(smooth(400, 640), "JPEG", quality=90)
    for min_side in (None, 50, 200):
        with pytest.raises(UnreadablePhotograph, match="the lower part of the picture is missing"):
            decode(data[: 2 * len(data) // 3] + b"\xff\xd9", min_side=min_side)
    # Grey all round is what some preparations of photographs leave.
    framed = np.full((400, 640, 3), 128, np.uint8)
    framed[100:300, 200:400] = smooth(200, 200)
    assert decode(encode(framed, "JPEG", quality=90)).shape == (400, 640, 3)


def test_jpeg_of_hundreds_of_scans_is_refused(encode: Encode) -> None:
    data = encode(smooth(80, 120), "JPEG", quality=90, progressive=True)
    last = data.rfind(b"\xff\xda")
    assert decode(data[:-2] + data[last:-2] * 100 + b"\xff\xd9").shape == (80, 120, 3)
    with pytest.raises(UnreadablePhotograph, match="more than 256 scans: save it anew"):
        decode(data[:-2] + data[last:-2] * 300 + b"\xff\xd9")


def test_dicom_is_told_apart_whatever_stands_before_it(encode: Encode) -> None:
    for preamble in (bytes(128), encode(noise(), "BMP")[:128], encode(noise(), "TIFF")[:128]):
        with pytest.raises(UnreadablePhotograph, match=r"the DICOM file is cut off|this is a DICOM file: install"):
            decode(preamble + b"DICM" + bytes(20_000))


def test_webp_with_zeros_in_the_place_of_its_end_is_refused(encode: Encode) -> None:
    data = encode(noise(200, 300), "WEBP", quality=90)
    with pytest.raises(UnreadablePhotograph, match="cut off"):
        decode(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    black = np.zeros((1500, 2000, 3), np.uint8)
    black[:700] = noise(700, 2000)
    assert decode(encode(black, "WEBP", quality=90)).shape == (1500, 2000, 3)
