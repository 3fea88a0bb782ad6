"""DICOM files that the tests write: every step of the grey values, sides, spacing, refusals."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_windowing
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from pbrs.errors import InputError
from pbrs.radiograph import read_radiograph
from pbrs.radiograph.dicom_grey import apply_window

DicomWriter = Callable[..., Path]
TWELVE = {"BitsStored": 12, "HighBit": 11}


def lookup_table(entries: list[int], first: int, bits: int, packed: bool = False) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, bits]
    if packed:
        item.LUTData = np.asarray(entries, np.uint8).tobytes() + b"\0" * (len(entries) % 2)
    else:
        item.LUTData = np.asarray(entries, "<u2").tobytes()
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item["LUTData"].VR = "OW"
    return Sequence([item])


def percentile_scaled(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, [0.5, 99.5])
    return np.clip((values - low) / (high - low), 0, 1)


def test_complaint_3_monochrome1_is_shown_bone_bright(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    plain = read_radiograph(write_dicom(ramp, **TWELVE))
    turned = read_radiograph(write_dicom(ramp, **TWELVE, PhotometricInterpretation="MONOCHROME1"))
    assert np.allclose(turned.pixels, 1 - plain.pixels)
    assert (plain.inverted, turned.inverted) == (False, True)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "INVERSE", True),
    ],
)
def test_presentation_lut_shape_and_photometric_interpretation_invert_once(
    write_dicom: DicomWriter, ramp: np.ndarray, photometric: str, shape: str, inverted: bool
) -> None:
    file = write_dicom(ramp, **TWELVE, PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    radiograph = read_radiograph(file)
    assert radiograph.inverted is inverted
    assert (radiograph.pixels[0, 0] > radiograph.pixels[-1, -1]) == inverted


def test_polarity_inverted_turns_a_wrongly_labelled_file_back(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    file = write_dicom(ramp, **TWELVE, PhotometricInterpretation="MONOCHROME1")
    radiograph = read_radiograph(file, "inverted")
    assert radiograph.pixels[0, 0] < radiograph.pixels[-1, -1]
    assert not radiograph.inverted


def test_without_a_window_12_bits_in_16_do_not_come_out_black(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    radiograph = read_radiograph(write_dicom(ramp, **TWELVE))
    assert np.allclose(radiograph.pixels, percentile_scaled(ramp), atol=1e-6)
    assert radiograph.grey_rule.startswith("0.5–99.5 percentiles")
    assert radiograph.bits == 12


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_complaint_4_windows_equal_pydicoms(write_dicom: DicomWriter, ramp: np.ndarray, function: str) -> None:
    file = write_dicom(
        ramp,
        **TWELVE,
        RescaleSlope=2,
        RescaleIntercept=-1000,
        WindowCenter=3000,
        WindowWidth=2500,
        VOILUTFunction=function,
    )
    dataset = pydicom.dcmread(file)
    theirs = apply_windowing(apply_modality_lut(ramp, dataset), dataset)
    low, high = -1000, 2 * 4095 - 1000
    radiograph = read_radiograph(file)
    assert np.allclose(radiograph.pixels, (theirs - low) / (high - low), atol=1e-6)
    assert radiograph.grey_rule == f"window (centre 3000, width 2500, {function})"


def test_complaint_4_the_first_of_several_windows_is_used_and_named(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    file = write_dicom(ramp, **TWELVE, WindowCenter=[1000, 2000, 3000], WindowWidth=[401, 500, 600])
    radiograph = read_radiograph(file)
    assert radiograph.grey_rule == "window 1 of 3 (centre 1000, width 401, LINEAR)"
    # PS3.3 C.11.2.1.2.1 by hand: x <= 799.5 is black, x > 1199.5 white, ((1000 - 999.5) / 400 + .5) between.
    pixels = radiograph.pixels.ravel()
    assert (pixels[799], pixels[1200]) == (0, 1)
    assert np.isclose(pixels[1000], 0.5 / 400 + 0.5)


def test_windows_that_make_no_sense_are_refused_by_the_formula() -> None:
    values = np.arange(5.0)
    assert apply_window(values, 2, 0.5) is None
    assert apply_window(values, 2, 0, "LINEAR_EXACT") is None
    assert apply_window(values, 2, -1, "SIGMOID") is None
    assert apply_window(values, 2, 4, "CUBIC") is None
    assert apply_window(values, 2, 1).tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "window",
    [
        {"WindowCenter": 100, "WindowWidth": 0},
        {"WindowCenter": 60000, "WindowWidth": 10},
        {"WindowCenter": "", "WindowWidth": ""},
        {"WindowCenter": 100, "WindowWidth": 50, "VOILUTFunction": "CUBIC"},
    ],
)
def test_a_window_that_shows_nothing_is_left_out_with_a_warning(
    write_dicom: DicomWriter, ramp: np.ndarray, window: dict[str, object]
) -> None:
    radiograph = read_radiograph(write_dicom(ramp, **TWELVE, **window))
    assert np.allclose(radiograph.pixels, percentile_scaled(ramp), atol=1e-6)
    assert len(radiograph.warnings) == 1


def test_complaint_4_a_voi_lut_is_preferred_to_a_window(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    entries = [min(4095, 3 * k) for k in range(2000)]
    table = lookup_table(entries, 500, 12)
    radiograph = read_radiograph(write_dicom(ramp, **TWELVE, VOILUTSequence=table, WindowCenter=9, WindowWidth=9))
    expected = np.asarray(entries)[np.clip(ramp.astype(int) - 500, 0, 1999)] / 4095
    assert np.allclose(radiograph.pixels, expected)
    assert radiograph.grey_rule == "VOI LUT"


def test_a_voi_lut_after_a_rescale_takes_negative_and_large_values(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    entries = list(range(256))
    file = write_dicom(
        ramp, **TWELVE, RescaleSlope=1, RescaleIntercept=-2000, VOILUTSequence=lookup_table(entries, -128, 8, True)
    )
    expected = np.clip(ramp.astype(int) - 2000 + 128, 0, 255) / 255
    assert np.allclose(read_radiograph(file).pixels, expected)


def test_a_voi_lut_that_overstates_its_bits_does_not_come_out_black(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    file = write_dicom(ramp, **TWELVE, VOILUTSequence=lookup_table(list(range(4096)), 0, 16))
    assert read_radiograph(file).pixels.max() == 1


def test_a_modality_lut_of_10_bits_comes_before_the_window(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    entries = [1023 - k // 4 for k in range(4096)]
    file = write_dicom(
        ramp,
        **TWELVE,
        ModalityLUTSequence=lookup_table(entries, 0, 10),
        WindowCenter=500,
        WindowWidth=200,
        VOILUTFunction="LINEAR_EXACT",
    )
    expected = np.clip((1023 - ramp // 4 - 500.0) / 200 + 0.5, 0, 1)
    assert np.allclose(read_radiograph(file).pixels, expected, atol=1e-6)


def test_steps_come_in_the_order_rescale_window_inversion(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    file = write_dicom(
        ramp,
        **TWELVE,
        PhotometricInterpretation="MONOCHROME1",
        RescaleSlope=-1,
        RescaleIntercept=4095,
        WindowCenter=1000,
        WindowWidth=1000,
        VOILUTFunction="LINEAR_EXACT",
    )
    expected = 1 - np.clip((4095.0 - ramp - 1000) / 1000 + 0.5, 0, 1)
    assert np.allclose(read_radiograph(file).pixels, expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["modality", "voi"])
def test_a_lookup_table_that_cannot_be_read_is_left_out_with_a_warning(
    write_dicom: DicomWriter, ramp: np.ndarray, kind: str
) -> None:
    table = lookup_table([1, 2, 3], 0, 12)
    table[0].LUTDescriptor = [4096, 0, 12]
    keyword = {"modality": "ModalityLUTSequence", "voi": "VOILUTSequence"}[kind]
    radiograph = read_radiograph(write_dicom(ramp, **TWELVE, **{keyword: table}))
    assert np.allclose(radiograph.pixels, percentile_scaled(ramp), atol=1e-6)
    assert "cannot be read: left out" in radiograph.warnings[0]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("high_bit", [11, 13, 15])
def test_junk_in_unused_bits_changes_nothing(
    write_dicom: DicomWriter, ramp: np.ndarray, signed: bool, high_bit: int, compressed: bool
) -> None:
    wanted = ramp.astype(np.int32) - (2048 if signed else 0)
    low = high_bit - 11
    junk = np.random.default_rng(0).integers(0, 65536, ramp.shape)
    used = 0xFFF << low
    words = ((wanted << low) & used) | (junk & (0xFFFF ^ used))
    file = write_dicom(
        words.astype(np.uint16),
        BitsStored=12,
        HighBit=high_bit,
        PixelRepresentation=int(signed),
        **({"syntax": RLELossless} if compressed and high_bit == 11 and not signed else {}),
    )
    assert np.allclose(read_radiograph(file).pixels, percentile_scaled(wanted), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint32, np.int32])
def test_all_depths_and_signs_are_read(write_dicom: DicomWriter, dtype: type) -> None:
    values = np.random.default_rng(1).integers(-100 if np.dtype(dtype).kind == "i" else 0, 127, (20, 31)).astype(dtype)
    assert np.allclose(read_radiograph(write_dicom(values)).pixels, percentile_scaled(values.astype(float)), atol=1e-6)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, RLELossless])
def test_transfer_syntaxes_give_the_same_pixels(write_dicom: DicomWriter, ramp: np.ndarray, syntax: object) -> None:
    plain = read_radiograph(write_dicom(ramp, **TWELVE)).pixels
    assert np.array_equal(read_radiograph(write_dicom(ramp, **TWELVE, syntax=syntax)).pixels, plain)


def test_padding_is_background_and_left_out_of_the_percentiles(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    padded = np.where(ramp < 1024, 4095, ramp)
    inside = padded[padded < 4095]
    for photometric, sign in (("MONOCHROME2", 1), ("MONOCHROME1", -1)):
        file = write_dicom(padded, **TWELVE, PhotometricInterpretation=photometric, PixelPaddingValue=4095)
        pixels = read_radiograph(file).pixels
        assert not pixels[padded == 4095].any()
        expected = percentile_scaled(inside)
        assert np.allclose(pixels[padded < 4095], expected if sign == 1 else 1 - expected, atol=1e-6)


@pytest.mark.parametrize(("value", "limit"), [(0, 1000), (1000, 0)])
def test_a_padding_range_is_left_out_in_either_order(
    write_dicom: DicomWriter, ramp: np.ndarray, value: int, limit: int
) -> None:
    pixels = read_radiograph(
        write_dicom(ramp, **TWELVE, PixelPaddingValue=value, PixelPaddingRangeLimit=limit)
    ).pixels.ravel()
    assert not pixels[:1001].any()
    assert np.allclose(pixels[1001:], percentile_scaled(np.arange(1001, 4096)), atol=1e-6)


@pytest.mark.parametrize(("junk", "padding"), [(0xF000, 4095), (0x8000, 0x8FFF)])
def test_padding_is_found_below_junk_and_in_bits_that_are_not_stored(
    write_dicom: DicomWriter, ramp: np.ndarray, junk: int, padding: int
) -> None:
    words = np.where(ramp < 1024, junk | 4095, ramp).astype(np.uint16)
    pixels = read_radiograph(write_dicom(words, **TWELVE, PixelPaddingValue=padding)).pixels
    assert not pixels[ramp < 1024].any()


def test_an_image_of_nothing_but_padding_gives_zeros(write_dicom: DicomWriter) -> None:
    radiograph = read_radiograph(write_dicom(np.full((4, 4), 7, np.uint16), PixelPaddingValue=7))
    assert not radiograph.pixels.any()
    assert "same grey value" in radiograph.warnings[0]


@pytest.mark.parametrize(
    ("attributes", "spacing", "source"),
    [
        ({"PixelSpacing": [0.2, 0.1], "ImagerPixelSpacing": [0.3, 0.3]}, (0.2, 0.1), "PixelSpacing"),
        ({"ImagerPixelSpacing": [0.3, 0.15]}, (0.3, 0.15), "ImagerPixelSpacing"),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.3, 0.15]}, (0.3, 0.15), "ImagerPixelSpacing"),
        ({"PixelSpacing": [-1, 1]}, None, None),
        ({"PixelSpacing": ""}, None, None),
        ({}, None, None),
    ],
)
def test_complaint_6_spacing_falls_back_to_the_imagers_and_says_so(
    write_dicom: DicomWriter,
    ramp: np.ndarray,
    attributes: dict[str, object],
    spacing: tuple[float, float] | None,
    source: str | None,
) -> None:
    radiograph = read_radiograph(write_dicom(ramp, **attributes))
    assert radiograph.spacing_mm == spacing
    assert radiograph.spacing_source == source


@pytest.mark.parametrize(
    ("orientation", "side", "assumed", "warned"),
    [
        (["L", "F"], "right", False, False),
        (["R", "F"], "left", False, False),
        (["LF", "FR"], "right", False, False),
        (["L", "H"], "right", False, True),
        (["F", "L"], "right", True, True),
        (["A", "F"], "right", True, True),
        ("", "right", True, False),
        (None, "right", True, False),
    ],
)
def test_the_patients_left_is_where_patient_orientation_says(
    write_dicom: DicomWriter, ramp: np.ndarray, orientation: object, side: str, assumed: bool, warned: bool
) -> None:
    attributes = {} if orientation is None else {"PatientOrientation": orientation}
    radiograph = read_radiograph(write_dicom(ramp, **attributes))
    assert (radiograph.patient_left, radiograph.patient_left_assumed) == (side, assumed)
    assert any("PatientOrientation" in line for line in radiograph.warnings) == warned


def test_for_processing_is_warned_about(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    assert "FOR PROCESSING" in read_radiograph(write_dicom(ramp, PresentationIntentType="FOR PROCESSING")).warnings[0]
    assert not read_radiograph(write_dicom(ramp, PresentationIntentType="FOR PRESENTATION")).warnings


def test_other_modalities_are_warned_about(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    assert "modality MR" in read_radiograph(write_dicom(ramp, Modality="MR")).warnings[0]
    for modality in ("CR", "DX", "RF", "OT"):
        assert not read_radiograph(write_dicom(ramp, Modality=modality)).warnings


def test_secondary_capture_in_colour_is_read_by_its_luminance(write_dicom: DicomWriter) -> None:
    grey = np.random.default_rng(2).integers(0, 256, (20, 30), dtype=np.uint8)
    radiograph = read_radiograph(write_dicom(np.stack([grey] * 3, axis=2)))
    assert np.allclose(radiograph.pixels, percentile_scaled(grey), atol=1e-6)
    assert radiograph.grey_rule.startswith("luminance of RGB, 0.5–99.5 percentiles")


def test_several_frames_are_refused_with_their_number(write_dicom: DicomWriter, ramp: np.ndarray) -> None:
    with pytest.raises(InputError, match="7 frames: expected a single radiograph"):
        read_radiograph(write_dicom(ramp, NumberOfFrames=7))


@pytest.mark.parametrize(
    "attributes",
    [
        {"Rows": 65535, "Columns": 65535},
        {"Rows": 0},
        {"Rows": None},
        {"Rows": 65},
        {"BitsAllocated": 24},
        {"BitsStored": 17},
        {"SamplesPerPixel": 3},
        {"PhotometricInterpretation": "SECRET^NAME"},
        {"PhotometricInterpretation": None},
        {"PixelData": None},
        {"PixelData": b""},
    ],
)
def test_a_header_that_makes_no_sense_is_one_line_without_a_patients_name(
    write_dicom: DicomWriter, ramp: np.ndarray, attributes: dict[str, object]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of what we write on purpose
        file = write_dicom(ramp, **attributes)
    with pytest.raises(InputError) as caught:
        read_radiograph(file)
    message = str(caught.value)
    assert message.startswith("image.dcm: ")
    assert "\n" not in message
    assert "secret" not in message.lower()
    assert "4711" not in message


def test_nothing_that_is_returned_or_logged_names_the_patient(
    write_dicom: DicomWriter, ramp: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = write_dicom(ramp, PatientOrientation=["Secret", "4711"], Modality="Secret^Name")
    caplog.clear()
    radiograph = read_radiograph(file)
    assert not caplog.records
    told = f"{radiograph.grey_rule} {radiograph.warnings} {radiograph.source}"
    assert "secret" not in told.lower()
    assert "4711" not in told


def test_big_endian_is_read(tmp_path: Path, ramp: np.ndarray, write_dicom: DicomWriter) -> None:
    plain = write_dicom(ramp, **TWELVE)
    dataset = pydicom.dcmread(plain)
    dataset.PixelData = ramp.astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    big = tmp_path / "big.dcm"
    pydicom.dcmwrite(big, dataset, implicit_vr=False, little_endian=False, enforce_file_format=True)
    assert np.array_equal(read_radiograph(big).pixels, read_radiograph(plain).pixels)


def test_a_file_without_preamble_and_meta_information_is_read(tmp_path: Path, write_dicom: DicomWriter) -> None:
    values = np.arange(600, dtype=np.uint16).reshape(20, 30)
    dataset = pydicom.dcmread(write_dicom(values))
    bare = tmp_path / "bare"
    with bare.open("wb") as file:
        pydicom.filewriter.write_dataset(pydicom.filebase.DicomFileLike(file), _little_explicit(dataset))
    assert np.allclose(read_radiograph(bare).pixels, percentile_scaled(values), atol=1e-6)


def _little_explicit(dataset: Dataset) -> Dataset:
    plain = Dataset()
    plain.update({element.tag: element for element in dataset})
    plain.set_original_encoding(False, True, "iso8859")
    return plain
