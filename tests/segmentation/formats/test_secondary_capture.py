"""The overlay as Secondary Capture."""

import numpy as np
import pydicom
import pytest

from pbrs.segmentation.formats.secondary_capture import write_sc

from .conftest import dciodvfy_errors


def test_the_picture_is_the_overlay_in_the_patients_study(tmp_path, segmented):
    image = segmented(PatientOrientation=["L", "F"], PixelSpacing=[0.15, 0.14])
    path = tmp_path / write_sc(image, tmp_path)
    assert path == tmp_path / "sc" / "case.dcm"
    assert dciodvfy_errors(path) == []
    capture, source = pydicom.dcmread(path), pydicom.dcmread(image.source)
    assert np.array_equal(capture.pixel_array, image.overlay)
    assert capture.SOPClassUID.name == "Secondary Capture Image Storage"
    assert capture.StudyInstanceUID == source.StudyInstanceUID
    assert capture.SeriesInstanceUID != source.SeriesInstanceUID
    assert (capture.PatientName, capture.PatientID) == (source.PatientName, source.PatientID)
    assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert list(capture.PatientOrientation) == ["L", "F"]
    assert list(capture.PixelSpacing) == [0.15, 0.14]
    assert "InstitutionName" not in capture


@pytest.mark.filterwarnings("ignore")
def test_a_sloppy_source_gives_a_valid_picture(tmp_path, segmented, caplog):
    image = segmented(
        StudyInstanceUID=None, SeriesInstanceUID=None, PatientID=None, PatientName=None, PatientSex="?", StudyDate="x"
    )
    caplog.clear()
    path = tmp_path / write_sc(image, tmp_path)
    assert dciodvfy_errors(path) == []
    assert pydicom.dcmread(path).PatientOrientation == ""
    assert caplog.records == []


def test_seg_and_picture_of_one_source_share_a_study_that_had_to_be_made(tmp_path, segmented):
    from pbrs.segmentation.formats.dicom_seg import write_seg

    image = segmented(StudyInstanceUID=None)
    made = [pydicom.dcmread(tmp_path / write(image, tmp_path)).StudyInstanceUID for write in (write_seg, write_sc)]
    assert made[0] == made[1]


def test_lossy_compression_of_the_source_is_told(tmp_path, segmented):
    image = segmented(
        LossyImageCompression="01", LossyImageCompressionRatio=[10.5], LossyImageCompressionMethod="ISO_10918_1"
    )
    path = tmp_path / write_sc(image, tmp_path)
    assert dciodvfy_errors(path) == []
    assert pydicom.dcmread(path).LossyImageCompressionRatio == 10.5
