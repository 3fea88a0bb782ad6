"""DICOM as strangers write it: wrong signs, absent attributes, numbers that are none, files that end too early."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, SegmentationStorage

from pbrs.errors import InputError
from pbrs.radiograph import read_radiograph

DicomWriter = Callable[..., Path]
RANDOM = np.random.default_rng(14)
GREY = RANDOM.integers(100, 3000, (40, 30)).astype(np.uint16)


def percentile_scaled(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, [0.5, 99.5])
    return np.clip((values - low) / (high - low), 0, 1)


def rewrite(file: Path, change: Callable[[Dataset], None]) -> Path:
    dataset = pydicom.dcmread(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of what we write on purpose
        change(dataset)
        dataset.save_as(file)
    return file


@pytest.mark.parametrize(
    ("dtype", "padding", "vr", "written"),
    [
        (np.int16, -2000, "SS", -2000),
        (np.int16, -2000, "US", 63536),
        (np.uint16, 65535, "US", 65535),
        (np.uint16, 65535, "SS", -1),
        (np.uint8, 255, "SS", -1),
        (np.int8, -128, "US", 128),
    ],
)
def test_padding_written_with_the_other_sign_is_padding(
    write_dicom: DicomWriter, dtype: type, padding: int, vr: str, written: int
) -> None:
    values = (GREY % 100).astype(dtype)
    values[:10] = padding
    file = write_dicom(values)

    def pad(dataset: Dataset) -> None:
        dataset.add_new("PixelPaddingValue", vr, written)

    pixels = read_radiograph(rewrite(file, pad)).pixels
    assert not pixels[:10].any()
    assert np.allclose(pixels[10:], percentile_scaled(values[10:].astype(float)), atol=1e-6)


def test_a_range_of_padding_with_one_bound_of_the_other_sign_is_the_small_range(write_dicom: DicomWriter) -> None:
    values = GREY.copy()
    values[0], values[1] = 65526, 65535

    def pad(dataset: Dataset) -> None:
        dataset.add_new("PixelPaddingValue", "US", 65535)
        dataset.add_new("PixelPaddingRangeLimit", "SS", -10)

    pixels = read_radiograph(rewrite(write_dicom(values), pad)).pixels
    assert not pixels[:2].any()
    assert np.allclose(pixels[2:], percentile_scaled(values[2:].astype(float)), atol=1e-6)


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize(
    ("dtype", "first", "vr", "written"),
    [
        (np.uint16, 36000, "US", 36000),
        (np.uint16, 36000, "SS", 36000 - 65536),
        (np.int16, -1000, "SS", -1000),
        (np.int16, -1000, "US", 64536),
    ],
)
def test_the_first_value_of_a_lookup_table_may_have_either_sign(
    write_dicom: DicomWriter, keyword: str, dtype: type, first: int, vr: str, written: int
) -> None:
    values = (GREY.astype(np.int64) + first).astype(dtype)
    entries = (np.arange(4096) ** 2 // 256).astype("<u2")
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [4096, written, 16])
    item.add_new("LUTData", "OW", entries.tobytes())
    file = rewrite(write_dicom(values), lambda dataset: dataset.add_new(keyword, "SQ", Sequence([item])))
    wanted = entries[GREY].astype(float)
    expected = percentile_scaled(wanted) if keyword == "ModalityLUTSequence" else wanted / 65535
    assert np.allclose(read_radiograph(file).pixels, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("keyword", "taken"),
    [
        ("BitsAllocated", 16),
        ("BitsStored", 16),
        ("HighBit", 15),
        ("PixelRepresentation", 0),
        ("SamplesPerPixel", 1),
    ],
)
def test_an_absent_attribute_with_a_default_is_taken_and_named(
    write_dicom: DicomWriter, keyword: str, taken: int
) -> None:
    radiograph = read_radiograph(write_dicom(GREY, **{keyword: None}))
    assert np.allclose(radiograph.pixels, percentile_scaled(GREY), atol=1e-6)
    assert radiograph.warnings == (f"{keyword} is absent: {taken} taken",)


def test_colour_without_planar_configuration_is_read_by_pixel(write_dicom: DicomWriter) -> None:
    colour = np.stack([(GREY // 12).astype(np.uint8)] * 3, axis=2)
    radiograph = read_radiograph(write_dicom(colour, PlanarConfiguration=None))
    assert np.allclose(radiograph.pixels, percentile_scaled(colour[..., 0]), atol=1e-6)
    assert radiograph.warnings == ("PlanarConfiguration is absent: 0 taken",)


def test_a_photometric_interpretation_in_small_letters_is_understood(write_dicom: DicomWriter) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = write_dicom(GREY, PhotometricInterpretation="monochrome1")
    radiograph = read_radiograph(file)
    assert np.allclose(radiograph.pixels, 1 - percentile_scaled(GREY), atol=1e-6)
    assert radiograph.inverted
    assert "not written in capitals: MONOCHROME1" in radiograph.warnings[0]


def with_raw(file: Path, keyword: str, written: bytes) -> Path:
    """Put bytes that are no number where pydicom would not write them."""
    content = pydicom.dcmread(file)
    content.add_new(keyword, "DS", ["8" * (len(written) + len(written) % 2)])
    content.save_as(file)
    data = file.read_bytes()
    place = b"8" * (len(written) + len(written) % 2)
    assert data.count(place) == 1
    file.write_bytes(data.replace(place, written.ljust(len(place))))
    return file


def test_a_slope_with_a_decimal_comma_is_used_with_a_warning(write_dicom: DicomWriter) -> None:
    file = with_raw(
        write_dicom(GREY, WindowCenter=800, WindowWidth=1401, VOILUTFunction="LINEAR", RescaleIntercept=0),
        "RescaleSlope",
        b"0,50",
    )
    radiograph = read_radiograph(file)
    # PS3.3 C.11.2.1.2.1 on half of the stored values.
    assert np.allclose(radiograph.pixels, np.clip((GREY / 2 - 799.5) / 1400 + 0.5, 0, 1), atol=1e-6)
    assert radiograph.warnings == ("RescaleSlope 0,50 is written with a comma: taken as 0.50",)


@pytest.mark.parametrize("keyword", ["RescaleSlope", "WindowCenter", "PixelSpacing", "ImagerPixelSpacing"])
def test_what_is_no_number_is_named_and_not_quoted(write_dicom: DicomWriter, keyword: str) -> None:
    radiograph = read_radiograph(with_raw(write_dicom(GREY), keyword, b"Secret^Name"))
    (warning,) = radiograph.warnings
    assert warning == f"{keyword} cannot be read as a number (what stands there): left out"
    assert np.allclose(radiograph.pixels, percentile_scaled(GREY), atol=1e-6)


def test_a_spacing_with_commas_is_millimetres(write_dicom: DicomWriter) -> None:
    radiograph = read_radiograph(with_raw(write_dicom(GREY), "PixelSpacing", b"0,14\\0,14"))
    assert radiograph.spacing_mm == (0.14, 0.14)
    assert "written with a comma" in radiograph.warnings[0]


def compressed(file: Path) -> Path:
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, format="JPEG2000", no_jp2=True, irreversible=False)

    def compress(dataset: Dataset) -> None:
        dataset.PixelData = encapsulate([buffer.getvalue()])
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless

    return rewrite(file, compress)


@pytest.mark.parametrize("missing", [1, 4, 8])
def test_compressed_pixels_without_their_end_mark_are_read_with_a_warning(
    write_dicom: DicomWriter, missing: int
) -> None:
    file = compressed(write_dicom(GREY))
    file.write_bytes(file.read_bytes()[:-missing])
    radiograph = read_radiograph(file)
    assert np.allclose(radiograph.pixels, percentile_scaled(GREY), atol=1e-6)
    # Of a mark that is there in part pydicom makes a whole one.
    told = [line for line in radiograph.warnings if "the end of the pixel data is not marked" in line]
    assert len(told) == (missing == 8)


@pytest.mark.parametrize("kept", [0.4, 0.7, 0.99])
@pytest.mark.parametrize("is_compressed", [True, False])
def test_a_file_cut_off_within_its_pixels_is_called_incomplete(
    write_dicom: DicomWriter, kept: float, is_compressed: bool
) -> None:
    file = write_dicom(GREY)
    content = (compressed(file) if is_compressed else file).read_bytes()
    start = content.rindex(b"\xe0\x7f\x10\x00") + 12
    file.write_bytes(content[: start + int((len(content) - start - 16) * kept)])
    with pytest.raises(InputError, match=r"incomplete.*: copy or export it again"):
        read_radiograph(file)


def test_an_image_cut_off_before_its_pixels_is_called_incomplete(write_dicom: DicomWriter) -> None:
    file = write_dicom(GREY)
    content = file.read_bytes()
    file.write_bytes(content[: content.rindex(b"\xe0\x7f\x10\x00")])
    with pytest.raises(InputError, match="incomplete, the file of an image ends before its pixels"):
        read_radiograph(file)


@pytest.mark.parametrize("top", [255, 1023])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_of_fewer_bits_than_the_pixels_gives_way_to_percentiles(
    write_dicom: DicomWriter, top: int, photometric: str
) -> None:
    # A third of the image is dark, as beside a patient; all else lies beyond the window.
    values = np.where(np.arange(40)[:, None] < 13, GREY % 80, GREY + top).astype(np.uint16)
    file = write_dicom(values, WindowCenter=(top + 1) / 2, WindowWidth=top + 1, PhotometricInterpretation=photometric)
    radiograph = read_radiograph(file)
    expected = percentile_scaled(values)
    assert np.allclose(radiograph.pixels, expected if photometric == "MONOCHROME2" else 1 - expected, atol=1e-6)
    assert "percentiles used instead" in radiograph.warnings[0]


def test_a_window_that_leaves_all_white_or_all_black_gives_way(write_dicom: DicomWriter) -> None:
    for centre, word in ((150, "white"), (60000, "one grey only"), (2997, "black")):
        radiograph = read_radiograph(write_dicom(GREY, WindowCenter=centre, WindowWidth=4))
        assert word in radiograph.warnings[0]
        assert np.allclose(radiograph.pixels, percentile_scaled(GREY), atol=1e-6)


@pytest.mark.parametrize(("centre", "width"), [(1500, 400), (900, 300), (2400, 500), (1500, 3000)])
def test_a_narrow_window_is_heeded(write_dicom: DicomWriter, centre: int, width: int) -> None:
    radiograph = read_radiograph(write_dicom(GREY, WindowCenter=centre, WindowWidth=width))
    assert radiograph.warnings == ()
    expected = np.clip((GREY - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    assert np.allclose(radiograph.pixels, expected, atol=1e-6)


def test_pixels_of_two_frames_are_refused_where_the_header_says_one(write_dicom: DicomWriter) -> None:
    with pytest.raises(InputError, match="pixels of 2 frames, the header says one: export one frame"):
        read_radiograph(write_dicom(GREY, PixelData=2 * GREY.tobytes()))


@pytest.mark.parametrize("file_format", ["JPEG", "JPEG2000"])
def test_compressed_pixels_that_the_header_calls_uncompressed_are_read(
    write_dicom: DicomWriter, file_format: str
) -> None:
    grey = np.add.outer(np.arange(40), np.arange(30)).astype(np.uint8)
    buffer = io.BytesIO()
    options = {"quality": 98} if file_format == "JPEG" else {"no_jp2": True}
    Image.fromarray(grey).save(buffer, format=file_format, **options)
    file = write_dicom(grey)
    syntax = JPEGBaseline8Bit if file_format == "JPEG" else JPEG2000Lossless

    def compress(dataset: Dataset) -> None:
        dataset.PixelData = encapsulate([buffer.getvalue()])
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = syntax

    content = rewrite(file, compress).read_bytes()
    file.write_bytes(content.replace(syntax.encode(), ExplicitVRLittleEndian.encode().ljust(len(syntax), b"\0")))
    radiograph = read_radiograph(file)
    assert np.abs(radiograph.pixels - percentile_scaled(grey)).max() < 0.05
    assert "says that it is not compressed, but it is" in radiograph.warnings[0]


def test_a_negative_slope_turns_the_image_over(write_dicom: DicomWriter) -> None:
    # As Agfa writes CR: OHIF 127.
    radiograph = read_radiograph(write_dicom(GREY, RescaleSlope=-10, RescaleIntercept=3000))
    assert np.allclose(radiograph.pixels, percentile_scaled(3000 - 10.0 * GREY), atol=1e-6)


def test_a_class_that_holds_no_image_is_not_called_incomplete(write_dicom: DicomWriter) -> None:
    file = write_dicom(GREY, SOPClassUID=SegmentationStorage, PixelData=None, Rows=None)
    with pytest.raises(InputError, match="without an image"):
        read_radiograph(file)
    assert pydicom.dcmread(file).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
