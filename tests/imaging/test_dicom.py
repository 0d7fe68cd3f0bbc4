"""DICOM files of every kind that cameras and archives write become the pixels that they hold, or a reason."""

import io
import logging
import os
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kerasdr.data.phantom.draw import draw_person
from kerasdr.imaging.decode import UnreadablePhotograph, decode
from kerasdr.imaging.headers import NotReadHere, read_header
from tests.imaging.dicom_files import dicom, jpeg, size_of

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed: pip install -e '.[hospital]'")
# As kerasdr.imaging.dicom has it, which is undone for every test.
pytestmark = pytest.mark.filterwarnings("ignore:::pydicom")

EYE: NDArray[np.uint8] = next(eye.image for eye in draw_person(3, 1, 160) if eye.quality == "gradable")
GREY: NDArray[np.uint8] = np.ascontiguousarray(EYE[..., 1])


def refusal(data: bytes, **options: Any) -> str:
    with pytest.raises(UnreadablePhotograph) as caught:
        decode(data, **options)
    return str(caught.value)


def three(grey: NDArray[Any]) -> NDArray[Any]:
    return np.repeat(grey[..., None], 3, axis=-1)


def distance(a: NDArray[Any], b: NDArray[Any]) -> tuple[int, float]:
    off = np.abs(a.astype(int) - b)
    return int(off.max()), float(off.mean())


@pytest.mark.parametrize(
    "syntax",
    [
        "ExplicitVRLittleEndian",
        "ImplicitVRLittleEndian",
        "ExplicitVRBigEndian",
        "DeflatedExplicitVRLittleEndian",
        "RLELossless",
        "JPEGLSLossless",
    ],
)
def test_what_loses_nothing_gives_the_very_pixels(syntax: str) -> None:
    if syntax == "JPEGLSLossless":
        pytest.importorskip("jpeg_ls", reason="pyjpegls is not installed")
    assert np.array_equal(decode(dicom(EYE, syntax)), EYE)
    assert np.array_equal(decode(dicom(GREY, syntax)), three(GREY))


@pytest.mark.parametrize(
    "kind",
    [
        "OphthalmicPhotography8BitImageStorage",
        "VLPhotographicImageStorage",
        "SecondaryCaptureImageStorage",
        "MultiFrameTrueColorSecondaryCaptureImageStorage",
    ],
)
def test_photographs_of_every_class_are_read(kind: str) -> None:
    assert np.array_equal(decode(dicom(EYE, SOPClassUID=getattr(pydicom.uid, kind), Modality=None)), EYE)


def test_planes_are_put_together() -> None:
    planes = EYE.transpose(2, 0, 1)
    data = dicom(None, PixelData=planes.tobytes(), **size_of(EYE, PlanarConfiguration=1))
    assert np.array_equal(decode(data), EYE)


@pytest.mark.parametrize("colours", ["YBR_FULL", "YBR_FULL_422"])
def test_luminance_and_colours_become_rgb(colours: str) -> None:
    smooth = cv2.GaussianBlur(EYE, (0, 0), 3)
    wide = cv2.cvtColor(smooth, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]].astype(np.uint8)  # Y, Cb, Cr as JPEG's
    stored = wide
    if colours == "YBR_FULL_422":  # Y of two pixels, then Cb and Cr of the first for both
        left, right = wide[:, ::2], wide[:, 1::2]
        stored = np.stack([left[..., 0], right[..., 0], left[..., 1], left[..., 2]], axis=-1)
    data = dicom(None, PixelData=stored.tobytes(), **size_of(EYE, PhotometricInterpretation=colours))
    worst, mean = distance(decode(data), smooth)
    assert worst <= 16 and mean < 1.5
    assert distance(wide, smooth)[1] > 40  # which is how it would be if nothing were done


def test_palette_becomes_rgb() -> None:
    places = GREY // 16
    table = np.random.default_rng(4).integers(0, 256, (16, 3), dtype=np.uint8)
    for bits in (8, 16):
        kind = np.uint8 if bits == 8 else "<u2"
        values = table.astype(kind) * (1 if bits == 8 else 257)
        tags = {
            f"{colour}PaletteColorLookupTable{part}": [16, 0, bits] if part == "Descriptor" else values[:, n].tobytes()
            for n, colour in enumerate(("Red", "Green", "Blue"))
            for part in ("Descriptor", "Data")
        }
        data = dicom(places, PhotometricInterpretation="PALETTE COLOR", **tags)
        assert np.array_equal(decode(data), table[places])


def palette(kind: str, descriptor: list[int], alpha: bool = False, **data: bytes) -> dict[str, Any]:
    colours = ("Red", "Green", "Blue", *(["Alpha"] if alpha else []))
    tags = {f"{colour}PaletteColorLookupTableDescriptor": descriptor for colour in colours[:3]}
    name = f"{kind}{{}}PaletteColorLookupTableData"
    return {"PhotometricInterpretation": "PALETTE COLOR", **tags, **{name.format(c): data[c] for c in colours}}


def test_palette_of_eight_bits_in_sixteen_or_with_opacity_gives_the_same_colours() -> None:
    values = np.arange(256).astype("<u2")
    data = {"Red": values.tobytes(), "Green": values[::-1].tobytes(), "Blue": values.tobytes()}
    expected = np.stack([GREY, 255 - GREY, GREY], axis=-1)
    assert np.array_equal(decode(dicom(GREY, **palette("", [256, 0, 8], **data))), expected)
    data = {name: np.frombuffer(value, "<u2").astype(np.uint8).tobytes() for name, value in data.items()}
    opaque = palette("", [256, 0, 8], alpha=True, **data, Alpha=bytes(256))
    assert np.array_equal(decode(dicom(GREY, **opaque)), expected)


def test_packed_palette_unpacks_to_no_more_than_there_can_be_values() -> None:
    def packed(*segments: int) -> dict[str, Any]:
        written = np.array(segments, "<u2").tobytes()
        return palette("Segmented", [256, 0, 16], Red=written, Green=written, Blue=written)

    assert distance(decode(dicom(GREY, **packed(0, 1, 0, 1, 255, 65535))), three(GREY))[0] <= 1
    many = packed(0, 1, 0, *(1, 60_000, 9) * 2)
    assert refusal(dicom(GREY, **many)).startswith("the DICOM file is damaged: ")
    itself = packed(0, 1, 0, 2, 60_000, 0, 0)
    assert refusal(dicom(GREY, **itself)).startswith("colours of this kind are not read from DICOM: ")


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_sixteen_bits_are_scaled_by_those_that_are_stored(bits: int) -> None:
    top = (1 << bits) - 1
    # The range is not that of the brightest value: a dark photograph stays dark.
    deep = np.rint(EYE / 510 * top).astype(np.uint16)
    expected = np.rint(deep * (255 / top)).astype(np.uint8)
    tags = {"SOPClassUID": pydicom.uid.OphthalmicPhotography16BitImageStorage, "BitsStored": bits, "HighBit": bits - 1}
    assert np.array_equal(decode(dicom(deep, **tags)), expected)
    assert np.array_equal(decode(dicom(deep, "RLELossless", **tags)), expected)
    assert np.array_equal(decode(dicom(deep[..., 1], **tags)), three(expected[..., 1]))


def test_bits_that_nothing_is_stored_in_are_not_looked_at() -> None:
    deep = EYE.astype(np.uint16)
    assert np.array_equal(decode(dicom(deep, BitsStored=8, HighBit=7)), EYE)
    assert np.array_equal(decode(dicom(deep[..., 1] | 0xF000, BitsStored=8, HighBit=7)), three(GREY))


def test_monochrome1_is_inverted() -> None:
    assert np.array_equal(decode(dicom(255 - GREY, PhotometricInterpretation="MONOCHROME1")), three(GREY))


def test_signed_grey_begins_at_its_lowest_value() -> None:
    signed = (GREY.astype(np.int16) - 128).astype(np.int8)
    assert np.array_equal(decode(dicom(signed.view(np.uint8), PixelRepresentation=1)), three(GREY))
    deep = (GREY.astype(np.int32) * 257 - 32768).astype(np.int16)
    assert distance(decode(dicom(deep.view(np.uint16), PixelRepresentation=1)), three(GREY))[0] == 0


def test_window_and_rescaling_of_grey_are_applied_where_there_are_some() -> None:
    deep = GREY.astype(np.uint16) + 1000  # in 16 bits this is nearly black
    assert decode(dicom(deep)).max() < 6
    window = {"WindowCenter": "1128", "WindowWidth": "256"}
    assert distance(decode(dicom(deep, **window)), three(GREY))[0] <= 1
    several = {"WindowCenter": ["1128", "40"], "WindowWidth": ["256", "400"]}
    assert np.array_equal(decode(dicom(deep, **several)), decode(dicom(deep, **window)))
    # The window is in units of what is rescaled.
    rescaled = {"RescaleSlope": "2", "RescaleIntercept": "-2000", "WindowCenter": "256", "WindowWidth": "512"}
    assert distance(decode(dicom(deep, **rescaled)), three(GREY))[0] <= 1
    turned = {"RescaleSlope": "-1", "RescaleIntercept": "255"}
    assert np.array_equal(decode(dicom(GREY, **turned)), three(255 - GREY))
    # And seen through the window it is still turned.
    dark = {**turned, "WindowCenter": "128", "WindowWidth": "256"}
    assert distance(decode(dicom(GREY, **dark)), three(255 - GREY))[0] <= 1
    # One of colours is no instruction; the standard has it for grey alone.
    data = dicom(EYE, WindowCenter="40", WindowWidth="20")
    assert np.array_equal(decode(data), EYE)
    assert b"DS\2\00040" in data and np.array_equal(decode(data.replace(b"DS\2\00040", b"DS\2\0zq")), EYE)


@pytest.mark.parametrize(
    ("colours", "marked"), [(colours, marked) for colours in ("RGB", "YBR_FULL_422") for marked in (True, False)]
)
def test_jpeg_in_it_gives_the_pixels_of_the_same_jpeg(colours: str, marked: bool) -> None:
    frame = jpeg(EYE)
    data = dicom([jpeg(EYE, marked=marked)], "JPEGBaseline8Bit", **size_of(EYE, PhotometricInterpretation=colours))
    assert np.array_equal(decode(data), decode(frame))


def test_large_jpeg_in_it_is_decoded_smaller_as_the_same_jpeg_is() -> None:
    large = np.asarray(cv2.resize(EYE, (1300, 1200)), np.uint8)
    tags = size_of(large, PhotometricInterpretation="YBR_FULL_422")
    data = dicom([jpeg(large)], "JPEGBaseline8Bit", **tags)
    assert decode(data, min_side=512).shape == (600, 650, 3)
    assert np.array_equal(decode(data, min_side=512), decode(jpeg(large), min_side=512))


def test_rgb_in_jpeg_without_a_marker_is_taken_for_what_the_header_says() -> None:
    # Encoded as grey each, the channels are what a codec that transforms nothing would write.
    from PIL import Image

    file = io.BytesIO()
    Image.merge("YCbCr", [Image.fromarray(np.ascontiguousarray(EYE[..., n])) for n in range(3)]).save(
        file, "JPEG", quality=95, subsampling=0
    )
    frame = file.getvalue()
    plain = frame[:2] + frame[4 + int.from_bytes(frame[4:6], "big") :]
    data = dicom([plain], "JPEGBaseline8Bit", **size_of(EYE))
    worst, mean = distance(decode(data), EYE)
    assert mean < 2, worst
    assert distance(decode(frame), EYE)[1] > 30


def test_grey_jpeg_is_inverted_and_windowed_too() -> None:
    frame = cv2.imencode(".jpg", GREY, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
    plain = decode(dicom([frame], "JPEGBaseline8Bit", **size_of(GREY)))
    assert np.array_equal(plain, decode(frame))
    turned = dicom([frame], "JPEGBaseline8Bit", **size_of(GREY, PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(decode(turned), 255 - plain)


def test_a_turn_in_the_jpegs_own_tags_is_no_part_of_dicom() -> None:
    from PIL import Image

    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    wide = EYE[:100]
    Image.fromarray(wide).save(file, "JPEG", quality=92, exif=exif)
    data = dicom([file.getvalue()], "JPEGBaseline8Bit", **size_of(wide, PhotometricInterpretation="YBR_FULL_422"))
    assert decode(data).shape == wide.shape


def test_jpeg_2000_gives_the_very_pixels() -> None:
    from PIL import Image

    def encoded(picture: NDArray[Any]) -> bytes:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG2000", no_jp2=True, irreversible=False, mct=1)
        return file.getvalue()

    data = dicom([encoded(EYE)], "JPEG2000Lossless", **size_of(EYE, PhotometricInterpretation="YBR_RCT"))
    assert np.array_equal(decode(data), EYE)
    deep = GREY.astype(np.uint16) * 257
    data = dicom([encoded(deep)], "JPEG2000Lossless", **size_of(deep))
    assert np.array_equal(decode(data), three(GREY))


def test_the_representative_frame_is_taken_else_the_first() -> None:
    frames = np.stack([EYE, 255 - EYE, EYE[::-1]])
    for syntax in ("ExplicitVRLittleEndian", "RLELossless"):
        assert np.array_equal(decode(dicom(frames, syntax)), frames[0])
        assert np.array_equal(decode(dicom(frames, syntax, RepresentativeFrameNumber=3)), frames[2])
        assert np.array_equal(decode(dicom(frames, syntax, RepresentativeFrameNumber=4)), frames[0])
    encoded = [jpeg(frame) for frame in frames]
    tags = size_of(EYE, PhotometricInterpretation="YBR_FULL_422", RepresentativeFrameNumber=2)
    assert np.array_equal(decode(dicom(encoded, "JPEGBaseline8Bit", **tags)), decode(encoded[1]))


def test_what_a_person_should_know_is_in_the_header_note() -> None:
    assert read_header(dicom(EYE)).note == ""
    assert read_header(dicom(np.stack([EYE] * 4), RepresentativeFrameNumber=2)).note == "frame 2 of 4 was graded"
    burned = read_header(dicom(np.stack([EYE] * 2), BurnedInAnnotation="YES")).note
    assert burned.startswith("frame 1 of 2 was graded; text is burned into the picture, says its header: see that no")
    assert read_header(dicom(EYE, BurnedInAnnotation="NO")).note == ""


# Files of other software


def shipped(name: str) -> bytes:
    path = Path(pydicom.__file__).parent / "data" / "test_files" / name
    if not path.is_file():
        pytest.skip(f"this pydicom does not bring {name}")
    return path.read_bytes()


SAME_PICTURE = [  # colour bars by DCMTK and GDCM, as pydicom brings them
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+n1.dcm",
    "SC_rgb_dcmtk_+eb+cy+n2.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_dcmtk_+eb+cy+s2.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_jpeg_lossy_gdcm.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_gdcm_KY.dcm",
    "SC_rgb_rle_16bit.dcm",
    "SC_rgb_rle_2frame.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
]


@pytest.mark.parametrize("name", SAME_PICTURE)
def test_one_picture_written_by_other_software_is_one_picture(name: str) -> None:
    expected = decode(shipped("SC_rgb_rle.dcm"))
    assert len(np.unique(expected.reshape(-1, 3), axis=0)) >= 6
    found = decode(shipped(name))
    # Where colours meet, lossy ones differ; inside they do not.
    assert distance(found[5::10, 50], expected[5::10, 50])[0] < 6
    assert distance(found, expected)[1] < 3.5


@pytest.mark.parametrize("name", ["SC_rgb_jpeg.dcm", "SC_rgb_jpeg_app14_dcmd.dcm", "SC_jpeg_no_color_transform.dcm"])
def test_rgb_in_jpeg_is_not_transformed(name: str) -> None:
    assert distance(decode(shipped(name)), decode(shipped("SC_rgb_jpeg_dcmd.dcm")))[1] < 2


@pytest.mark.parametrize(
    "name",
    ["image_dfl.dcm", "SC_rgb_small_odd.dcm", "SC_rgb_small_odd_big_endian.dcm", "JPEGLSNearLossless_08.dcm"],
)
def test_pixels_are_those_that_pydicom_gives(name: str) -> None:
    data = shipped(name)
    with warnings.catch_warnings(action="ignore"):
        expected = pydicom.dcmread(io.BytesIO(data)).pixel_array
    assert np.array_equal(decode(data), expected if expected.ndim == 3 else three(expected))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CT_small.dcm", "this DICOM file holds no photograph but a CT: export the photograph of the eye"),
        ("MR_small.dcm", "this DICOM file holds no photograph but an MR: export"),
        ("examples_rgb_color.dcm", "this DICOM file holds no photograph but an ultrasound: export"),
        ("test-SR.dcm", "this DICOM file holds no photograph but a report or notes: export"),
        ("waveform_ecg.dcm", "this DICOM file holds no photograph but an ECG: export"),
        ("liver_1frame.dcm", "this DICOM file holds no photograph but something else: export"),
        ("meta_missing_tsyntax.dcm", "the DICOM file is cut off or holds no picture: copy it again from the archive"),
        ("SC_rgb_rle_32bit.dcm", "pixels of this depth are not read from DICOM: export 8 or 16 bits"),
        ("dicomdirtests/DICOMDIR", "this is the directory of a DICOM disk, not a photograph: name the disk's folder"),
        ("no_meta.dcm", "this is not a photograph (JPEG, PNG, TIFF, BMP, WebP or DICOM): check what was saved here"),
    ],
)
def test_what_is_no_photograph_says_so(name: str, reason: str) -> None:
    assert refusal(shipped(name)).startswith(reason)


# What is refused


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1", "Modality": "DOC"}, "this DICOM file holds a PDF, not"),
        (
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.5.4", "Modality": "OPT"},
            "this DICOM file holds no photograph but an OCT",
        ),
        ({"Modality": "OPT"}, "this DICOM file holds no photograph but an OCT: export the photograph of the eye"),
        ({"Modality": "MEIER^ANNA"}, "this DICOM file holds no photograph but something else: export"),
        ({"SOPClassUID": "1.2.3.4"}, "this DICOM file holds no photograph but something else: export"),
        ({"PhotometricInterpretation": "HSV"}, "colours of this kind are not read from DICOM: export"),
        ({"PhotometricInterpretation": "MONOCHROME2"}, "colours of this kind are not read from DICOM: export"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "pixels of this depth are not read from DICOM: export"),
        ({"Rows": None}, "the DICOM file is cut off or holds no picture: copy it again from the archive"),
        ({"Rows": 161}, "the DICOM file is cut off or holds no picture: copy it again from the archive"),
        ({"NumberOfFrames": -1}, "the DICOM file is damaged: copy it again from the archive"),
        ({"NumberOfFrames": 0}, "the DICOM file is damaged: copy it again from the archive"),
        ({"Rows": 0}, "the DICOM file is cut off or holds no picture: copy it again from the archive"),
        ({"HighBit": 6}, "pixels whose bits are not stored from the lowest on are not read: export 8 or 16 bits"),
        ({"PixelData": None}, "the DICOM file is cut off or holds no picture: copy it again from the archive"),
        ({"PhotometricInterpretation": None}, "the DICOM file is damaged: copy it again from the archive"),
    ],
)
def test_odd_headers_are_refused(tags: dict[str, Any], reason: str) -> None:
    assert refusal(dicom(EYE, **tags)).startswith(reason)
    assert "MEIER" not in refusal(dicom(EYE, **tags))


def test_numbers_that_are_none_are_refused() -> None:
    with warnings.catch_warnings(action="ignore"):
        data = dicom(EYE, NumberOfFrames="12").replace(b"IS\x02\x0012", b"IS\x02\x00zq")
    assert b"IS\x02\x00zq" in data
    assert refusal(data) == "the DICOM file is damaged: copy it again from the archive"


def test_size_is_checked_in_all_frames_before_anything_is_decoded() -> None:
    lying = dicom(EYE, Rows=60000, Columns=60000)
    assert refusal(lying).startswith("the picture is 60000 x 60000 px, more than 100 megapixels: ")
    many = dicom(EYE, NumberOfFrames=100_000)
    assert refusal(many).startswith("the picture is 160 x 160 px in 100000 frames, more than 100 megapixels: ")
    assert refusal(dicom(EYE), max_megapixels=0.02).startswith("the picture is 160 x 160 px, more than 0.02 megapixels")


def test_a_size_below_nothing_is_refused() -> None:
    for tag in (b"\x10", b"\x11"):
        data = dicom(EYE)
        unsigned = b"\x28\0" + tag + b"\0US\2\0" + len(EYE).to_bytes(2, "little")
        assert unsigned in data
        lying = data.replace(unsigned, b"\x28\0" + tag + b"\0SS\2\0\xff\xff")
        with pytest.raises(UnreadablePhotograph, match="the DICOM file is damaged: copy it again from the archive"):
            read_header(lying)


def test_what_unpacks_to_more_than_a_picture_is_refused() -> None:
    data = dicom(EYE, "DeflatedExplicitVRLittleEndian")
    start = 144 + int.from_bytes(data[140:144], "little")
    inside = zlib.decompress(data[start:], -15)
    packer = zlib.compressobj(9, wbits=-15)
    bomb = data[:start] + packer.compress(inside + bytes(60_000_000)) + packer.flush()
    assert len(bomb) < 1_000_000
    assert refusal(bomb, max_megapixels=1).startswith(
        "the DICOM file unpacks to more than a picture of 1 megapixels takes: "
    )
    assert refusal(data[:-200]) == "the DICOM file is cut off or holds no picture: copy it again from the archive"


@pytest.mark.parametrize("hidden", ["blanks", "length", "far"])
def test_what_unpacks_to_too_much_is_refused_however_its_packing_is_written(
    hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dicom(EYE, "DeflatedExplicitVRLittleEndian")
    start = 144 + int.from_bytes(data[140:144], "little")
    at = data.index(b"\x02\0\x10\0UI")
    private = b"\x02\0\2\1OB\0\0" + (70_000).to_bytes(4, "little") + bytes(70_000)
    syntax = data[at + 8 : at + 8 + data[at + 6]].rstrip(b"\0")
    own = {
        "blanks": data[:at] + b"\x02\0\x10\0UI" + b"\x1a\0" + syntax + bytes(4) + data[at + 8 + data[at + 6] : start],
        "length": data[:140] + (8).to_bytes(4, "little") + data[144:start],
        "far": data[:at] + private + data[at:start],
    }[hidden]
    packer = zlib.compressobj(9, wbits=-15)
    bomb = packer.compress(zlib.decompress(data[start:], -15) + bytes(60_000_000)) + packer.flush()
    monkeypatch.setattr(zlib, "decompress", lambda *_: pytest.fail("unpacked without a limit"))
    assert refusal(own + bomb, max_megapixels=1).startswith(
        "the DICOM file unpacks to more than a picture of 1 megapixels takes: "
    )
    assert np.array_equal(decode(own + data[start:]), EYE)


@pytest.mark.parametrize(
    "tags",
    [
        {"WindowCenter": "", "WindowWidth": ""},
        {"WindowCenter": "128"},
        {"RescaleSlope": "", "RescaleIntercept": ""},
        {"PixelRepresentation": None},
        {"BitsStored": None, "HighBit": None},
        {"PixelRepresentation": None, "WindowCenter": "128", "WindowWidth": "256"},
        {"NumberOfFrames": ""},
    ],
)
def test_what_is_left_empty_or_out_has_its_default(tags: dict[str, Any]) -> None:
    for syntax in ("ExplicitVRLittleEndian", "DeflatedExplicitVRLittleEndian"):
        assert distance(decode(dicom(GREY, syntax, **tags)), three(GREY))[0] <= 1
    assert np.array_equal(decode(dicom(EYE, PlanarConfiguration=None)), EYE)


def test_jpeg_of_another_size_than_the_header_says_is_refused() -> None:
    tags = size_of(EYE, PhotometricInterpretation="YBR_FULL_422", Rows=20, Columns=20)
    assert refusal(dicom([jpeg(EYE)], "JPEGBaseline8Bit", **tags)).startswith("the DICOM file is damaged: ")


@pytest.mark.parametrize("size", [{"Rows": 160, "Columns": 100}, {"Rows": 20, "Columns": 20}])
def test_other_codecs_of_another_size_than_the_header_says_are_refused(
    size: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image
    from pydicom.pixels.decoders.base import Decoder

    wide, file = EYE[:100], io.BytesIO()
    Image.fromarray(wide).save(file, "JPEG2000", no_jp2=True, irreversible=False, mct=1)
    tags = size_of(wide, PhotometricInterpretation="YBR_RCT")
    assert np.array_equal(decode(dicom([file.getvalue()], "JPEG2000Lossless", **tags)), wide)
    frames = {"JPEG2000Lossless": file.getvalue()}
    try:
        import jpeg_ls
    except ImportError:
        pass
    else:
        frames["JPEGLSNearLossless"] = bytes(jpeg_ls.encode(np.ascontiguousarray(wide[..., 0])))
    monkeypatch.setattr(Decoder, "as_array", lambda *_, **__: pytest.fail("decoded"))
    for syntax, frame in frames.items():
        tags = size_of(wide if syntax == "JPEG2000Lossless" else wide[..., 0])
        assert refusal(dicom([frame], syntax, **tags | size)).startswith("the DICOM file is damaged: ")


@pytest.mark.parametrize("frame", [b"no JPEG at all..", bytes(128) + b"DICM" + bytes(40)])
def test_what_is_no_jpeg_where_one_should_be_is_refused(frame: bytes) -> None:
    tags = size_of(EYE, PhotometricInterpretation="YBR_FULL_422")
    assert refusal(dicom([frame], "JPEGBaseline8Bit", **tags)).startswith("the DICOM file is damaged: ")


@pytest.mark.parametrize(
    ("syntax", "named"),
    [
        ("HTJ2K", "High-Throughput JPEG 2000 Image Compression"),
        ("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1"),
        ("1.2.840.99999.1.2.4.201", "in an unknown way"),
    ],
)
def test_what_no_decoder_takes_is_told_so(syntax: str, named: str) -> None:
    with pytest.raises(NotReadHere) as caught:
        written = getattr(pydicom.uid, syntax, syntax).encode()
        data = dicom([b"\1\2" * 400], "HTJ2K", **size_of(EYE))
        decode(data.replace(pydicom.uid.HTJ2K.encode(), written[:23].ljust(23, b"\0")))
    assert str(caught.value) == (
        f"the DICOM file is compressed ({named}), which nothing installed here undoes: "
        "export it with 8 bits, or uncompressed"
    )


@pytest.mark.parametrize("kind", ["raw", "jpeg", "rle", "deflated"])
def test_a_file_that_ends_anywhere_is_refused(kind: str) -> None:
    data = {
        "raw": lambda: dicom(EYE),
        "jpeg": lambda: dicom(
            [jpeg(EYE)], "JPEGBaseline8Bit", **size_of(EYE, PhotometricInterpretation="YBR_FULL_422")
        ),
        "rle": lambda: dicom(EYE, "RLELossless"),
        "deflated": lambda: dicom(EYE, "DeflatedExplicitVRLittleEndian"),
    }[kind]()
    assert decode(data).shape == EYE.shape
    for end in range(132, 700, 7):
        refusal(data[:end])
    for end in range(700, len(data) - 16, len(data) // 60):
        assert ": copy it again from the" in refusal(data[:end]), end


def test_damage_anywhere_costs_a_reason_and_no_other_exception() -> None:
    random = np.random.default_rng(6)
    data = dicom(EYE, "RLELossless")
    outcomes = set()
    for _ in range(150):
        broken = bytearray(data)
        for at in random.integers(132, 900, 3):
            broken[at] = int(random.integers(256))
        try:
            outcomes.add(decode(bytes(broken)).ndim)
        except UnreadablePhotograph as error:
            outcomes.add(str(error).partition(":")[0])
    assert len(outcomes) >= 4


def test_without_pydicom_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dicom(EYE)
    for name in [name for name in sys.modules if name.split(".")[0] == "pydicom"] + ["kerasdr.imaging.dicom"]:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(NotReadHere) as caught:
        decode(data)
    assert str(caught.value) == (
        "this is a DICOM file: install what reads it (pip install 'kerasdr[hospital]'), "
        "or export the photograph as JPEG, PNG or TIFF"
    )


# What stays inside


PROGRAM = """
import logging, sys, traceback
logging.basicConfig(level=logging.DEBUG)
from kerasdr.imaging.decode import UnreadablePhotograph, decode
for path in sys.argv[1:]:
    try:
        decode(open(path, "rb").read())
    except UnreadablePhotograph:
        traceback.print_exc()
"""


def test_nothing_that_pydicom_says_of_a_header_is_told(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="ignore"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger("pydicom"), "disabled", True)
        odd = dicom(EYE, StudyInstanceUID="1.2.3", StudyDate="20200101", NumberOfFrames="10", RescaleSlope="12")
        odd = odd.replace(b"20200101", b"ZQSECRET").replace(b"IS\x02\x0010", b"IS\x02\x00ZQ")
        other = dicom(EYE, Modality="ZQSECRET", SpecificCharacterSet="ZQSECRET", PatientName="ZQ\udcffSECRET")
    files = {"odd": odd, "other": other, "jpeg": dicom([b"ZQSECRET" * 50], "JPEG2000", **size_of(EYE))}
    for name, data in files.items():
        assert b"ZQ" in data
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-W", "always", "-c", PROGRAM, *(str(tmp_path / name) for name in files)]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "always"})
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("UnreadablePhotograph: ") == len(files)
    assert "ZQ" not in ran.stdout + ran.stderr


def test_nothing_of_dicom_is_loaded_for_other_photographs() -> None:
    program = (
        "import sys, cv2, numpy as np; from kerasdr.imaging.decode import decode\n"
        "import kerasdr.scoring.isolation.worker, kerasdr.scoring.job\n"
        "decode(cv2.imencode('.png', np.zeros((9, 9, 3), np.uint8))[1].tobytes())\n"
        "print(sorted({'pydicom', 'highdicom', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
