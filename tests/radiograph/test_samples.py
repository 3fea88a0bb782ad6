"""pydicom's own sample files: real scanners, odd encodings, broken headers."""

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest

from pbrs.errors import InputError
from pbrs.radiograph import read_radiograph

REFUSED = {
    # What they are, and a word of what must be said.
    "reportsi.dcm": "Basic Text SR",
    "test-SR.dcm": "Comprehensive SR",
    "rtplan.dcm": "RT Plan",
    "rtstruct.dcm": "RT Structure Set",
    "waveform_ecg.dcm": "ECG Waveform",
    "rtdose.dcm": "15 frames",
    "emri_small.dcm": "10 frames",
    "color3d_jpeg_baseline.dcm": "120 frames",
    "OBXXXX1A_2frame.dcm": "2 frames",
    "MR_truncated.dcm": "damaged",
}
EQUAL = [
    ("RG1_UNCR.dcm", "RG1_J2KR.dcm"),
    ("RG3_UNCR.dcm", "RG3_J2KR.dcm"),
    ("RG1_UNCI.dcm", "RG1_J2KI.dcm"),
    ("RG3_UNCI.dcm", "RG3_J2KI.dcm"),
    ("MR2_UNCR.dcm", "MR2_J2KR.dcm"),
    ("693_UNCR.dcm", "693_J2KR.dcm"),
    ("693_UNCI.dcm", "693_J2KI.dcm"),
    ("US1_UNCR.dcm", "US1_J2KR.dcm"),
    ("MR_small.dcm", "MR_small_RLE.dcm"),
    ("MR_small.dcm", "MR_small_bigendian.dcm"),
    ("MR_small.dcm", "MR_small_implicit.dcm"),
    ("MR_small.dcm", "MR_small_jp2klossless.dcm"),
    ("MR_small.dcm", "MR_small_jpeg_ls_lossless.dcm"),
    ("SC_rgb.dcm", "SC_rgb_rle.dcm"),
    ("SC_rgb_16bit.dcm", "SC_rgb_rle_16bit.dcm"),
    ("SC_rgb.dcm", "SC_rgb_32bit.dcm"),
    ("OBXXXX1A.dcm", "OBXXXX1A_rle.dcm"),
    ("OBXXXX1A.dcm", "OBXXXX1A_expb.dcm"),
    ("color-pl.dcm", "color-px.dcm"),
]


def test_every_sample_reads_to_sane_pixels_or_is_refused_in_one_line(samples: dict[str, Path]) -> None:
    assert len(samples) > 130
    read = 0
    for name, file in samples.items():
        try:
            radiograph = read_radiograph(file)
        except InputError as error:
            message = str(error)
            told = message.startswith(name) and "\n" not in message and len(message) < 250
            assert told, message
            continue
        read += 1
        assert radiograph.pixels.dtype == np.float32
        assert 0 <= radiograph.pixels.min() < radiograph.pixels.max() <= 1
        assert all("\n" not in line for line in radiograph.warnings)
    assert read > 85


@pytest.mark.parametrize(("name", "word"), REFUSED.items())
def test_what_is_no_single_image_is_refused_with_its_kind(samples: dict[str, Path], name: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        read_radiograph(samples[name])


def test_a_dicomdir_is_refused_as_such(samples: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="is a DICOMDIR, a list of files"):
        read_radiograph(samples["CT_small.dcm"].parent / "dicomdirtests/DICOMDIR")


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_complaint_5_compressed_samples_equal_the_uncompressed(samples: dict[str, Path], one: str, other: str) -> None:
    # Irreversible pairs hold in UNCI the pixels that J2KI decodes to, and decoders differ by a rounding; so does
    # luminance, which is rounded to the stored depth.
    differs = other.endswith(("J2KI.dcm", "32bit.dcm", "expb.dcm"))
    first, second = read_radiograph(samples[one]), read_radiograph(samples[other])
    assert np.abs(first.pixels - second.pixels).max() <= (0.02 if differs else 1e-6)
    assert (first.grey_rule.split("(")[0], first.inverted) == (second.grey_rule.split("(")[0], second.inverted)


def test_complaint_3_a_real_monochrome1_chest(samples: dict[str, Path]) -> None:
    radiograph = read_radiograph(samples["RG1_UNCR.dcm"])
    assert radiograph.shape == (1955, 1841)
    assert radiograph.file_format == "DICOM"
    assert radiograph.bits == 15
    assert radiograph.inverted
    assert radiograph.grey_rule == "window (centre 15000, width 30000, LINEAR)"
    assert (radiograph.patient_left, radiograph.patient_left_assumed) == ("right", False)
    # Its PixelSpacing is 0.000: no millimetres.
    assert (radiograph.spacing_mm, radiograph.spacing_source) == (None, None)
    assert radiograph.warnings == ()
    # By hand from the stored values: window, then inversion.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stored = pydicom.dcmread(samples["RG1_UNCR.dcm"]).pixel_array.astype(float)
    assert np.allclose(radiograph.pixels, 1 - np.clip((stored - 14999.5) / 29999 + 0.5, 0, 1), atol=1e-6)
    # Bone is bright: the spine is brighter than the lungs on both sides, and the heart is on the image's right.
    spine, left, right = (radiograph.pixels[700:900, c : c + 100].mean() for c in (860, 450, 1250))
    assert spine > left + 0.05
    assert spine > right + 0.05


def test_a_real_mirrored_radiograph_has_the_patients_left_on_its_left(samples: dict[str, Path]) -> None:
    radiograph = read_radiograph(samples["RG3_UNCR.dcm"])
    assert (radiograph.patient_left, radiograph.patient_left_assumed) == ("left", False)


def test_complaint_4_a_real_voi_lut_and_modality_lut(samples: dict[str, Path]) -> None:
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    dataset = pydicom.dcmread(samples["vlut_04.dcm"])
    theirs = apply_voi_lut(dataset.pixel_array, dataset).astype(float)
    radiograph = read_radiograph(samples["vlut_04.dcm"])
    assert radiograph.grey_rule == "VOI LUT"
    bits = dataset.VOILUTSequence[0].LUTDescriptor[2]
    assert np.allclose(radiograph.pixels, theirs / (2**bits - 1), atol=1e-6)
    dataset = pydicom.dcmread(samples["mlut_18.dcm"])
    theirs = apply_modality_lut(dataset.pixel_array, dataset).astype(float)
    low, high = np.percentile(theirs, [0.5, 99.5])
    expected = np.clip((theirs - low) / (high - low), 0, 1)
    assert np.allclose(read_radiograph(samples["mlut_18.dcm"]).pixels, expected, atol=1e-6)


def test_several_windows_of_a_real_file_are_counted(samples: dict[str, Path]) -> None:
    assert read_radiograph(samples["examples_overlay.dcm"]).grey_rule.startswith("window 1 of 2 (centre 450, width 790")
