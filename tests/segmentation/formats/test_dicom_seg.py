"""DICOM SEG, read back with highdicom and checked by dciodvfy."""

from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.uid import XRayAngiographicImageStorage

from pbrs.dataset.folder import STRUCTURES
from pbrs.errors import InputError
from pbrs.radiograph import read_mask
from pbrs.radiograph.anatomy import ANATOMY, REGION, SIDES
from pbrs.radiograph.masks import open_segments
from pbrs.segmentation.formats import SegmentedImage
from pbrs.segmentation.formats.dicom_seg import write_seg

from .conftest import MODEL, SECRETS, dciodvfy_errors


def masks_of(path, image: SegmentedImage) -> dict[str, np.ndarray]:
    """Read every segment by highdicom, as a mask of the source."""
    seg = highdicom.seg.segread(path)
    values = seg.get_pixels_by_source_instance([image.source_header.sop_instance], combine_segments=False)
    return {
        seg.get_segment_description(number).segment_label: values[0, ..., number - 1] > 0
        for number in seg.segment_numbers
    }


def test_complaint_7_a_projection_without_frame_of_reference_gives_the_same_masks_again(tmp_path, segmented):
    image = segmented()
    path = tmp_path / write_seg(image, tmp_path)
    assert path == tmp_path / "seg" / "case.dcm"
    found = masks_of(path, image)
    assert list(found) == [anatomy.label for anatomy in ANATOMY.values()]
    for name, mask in image.masks.items():
        assert np.array_equal(found[ANATOMY[name].label], mask), name
    seg = pydicom.dcmread(path)
    assert seg.SegmentationType == "BINARY"
    assert seg.SegmentsOverlap == "YES"
    assert "FrameOfReferenceUID" not in seg
    assert (seg.Rows, seg.Columns) == image.radiograph.shape


def test_our_own_reader_gives_the_same_masks_by_their_channels(tmp_path, segmented):
    image = segmented(PatientOrientation=["L", "F"])
    path = tmp_path / write_seg(image, tmp_path)
    segments = {segment.name: segment.read() for segment in open_segments(path.read_bytes(), path.name)}
    assert list(segments) == list(ANATOMY)
    for name, mask in image.masks.items():
        assert np.array_equal(segments[name].values.T, mask), name
    assert np.array_equal(read_mask(path, image.radiograph.shape, image=image.source), image.masks[REGION])


def test_dciodvfy_finds_no_error(tmp_path, segmented):
    assert dciodvfy_errors(tmp_path / write_seg(segmented(PixelSpacing=[0.15, 0.14]), tmp_path)) == []


SLOPPY = {
    "StudyInstanceUID": None,
    "SeriesInstanceUID": "not a UID",
    "PatientBirthDate": "00000000",
    "PatientSex": "female",
    "StudyTime": "quarter past three",
    "ReferringPhysicianName": None,
    "AccessionNumber": None,
    "StudyID": "a study's name which is much too long for it",
}


@pytest.mark.filterwarnings("ignore")
def test_a_sloppy_header_gives_a_valid_object_and_a_warning_that_quotes_nothing(tmp_path, segmented):
    image = segmented(**SLOPPY)
    path = tmp_path / write_seg(image, tmp_path)
    assert dciodvfy_errors(path) == []
    seg = pydicom.dcmread(path)
    assert seg.PatientID == "ID-4711"
    assert (seg.PatientBirthDate, seg.PatientSex, seg.StudyTime, seg.StudyID) == ("", "", "", "")
    assert seg.StudyInstanceUID == segmented(**SLOPPY).source_header.dataset.StudyInstanceUID, "made, but always alike"
    told = " ".join(image.source_header.warnings)
    assert "PatientBirthDate, PatientSex, StudyTime, StudyID" in told
    assert "StudyInstanceUID and SeriesInstanceUID" in told
    assert not any(secret in told for secret in (*SECRETS, "female", "quarter"))


def test_it_refers_to_its_source_by_class_instance_series_and_study(tmp_path, segmented):
    image = segmented(SOPClassUID=XRayAngiographicImageStorage)
    seg = pydicom.dcmread(tmp_path / write_seg(image, tmp_path))
    source = pydicom.dcmread(image.source)
    assert seg.StudyInstanceUID == source.StudyInstanceUID
    (series,) = seg.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == source.SeriesInstanceUID != seg.SeriesInstanceUID
    frames = [frame.DerivationImageSequence[0] for frame in seg.PerFrameFunctionalGroupsSequence]
    assert len(frames) == sum(mask.any() for mask in image.masks.values())
    references = [*seg.SourceImageSequence, *series.ReferencedInstanceSequence]
    references += [frame.SourceImageSequence[0] for frame in frames]
    for reference in references:
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert reference.ReferencedSOPClassUID == XRayAngiographicImageStorage


def test_segments_are_coded_in_snomed_ct_with_the_patients_side(tmp_path, segmented):
    seg = highdicom.seg.segread(tmp_path / write_seg(segmented(), tmp_path))
    for number, (name, anatomy) in enumerate(ANATOMY.items(), start=1):
        description = seg.get_segment_description(number)
        kind = description.segmented_property_type
        assert (kind.value, kind.scheme_designator, kind.meaning) == (anatomy.code, "SCT", anatomy.meaning)
        assert description.segmented_property_category.value == "91723000"
        modifiers = kind.get("SegmentedPropertyTypeModifierCodeSequence", [])
        side = next((side for side in SIDES if name.endswith(f"_{side}")), None)
        assert [modifier.CodeValue for modifier in modifiers] == ([SIDES[side][0]] if side else [])


def test_segments_say_what_made_them(tmp_path, segmented):
    seg = highdicom.seg.segread(tmp_path / write_seg(segmented(), tmp_path))
    (algorithm,) = seg.get_segment_description(1).SegmentationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmName == "pbrs"
    parameters = str(algorithm.AlgorithmParameters)
    assert MODEL.name in parameters
    assert MODEL.sha256 in parameters
    assert "0.5" in parameters


def test_every_structure_of_a_dataset_has_a_code():
    assert set(ANATOMY) == {REGION, *STRUCTURES}


def test_codes_have_the_check_digit_of_snomed_ct():
    """SNOMED CT identifiers end in Verhoeff's check digit: a mistyped one would not."""
    for code in [anatomy.code for anatomy in ANATOMY.values()] + [code for code, _ in SIDES.values()]:
        assert verhoeff_sum(code) == 0, code


def verhoeff_sum(digits: str) -> int:
    """Combine digits in the dihedral group of order 10, each permuted by its place; 0 if the last is the check."""
    permutation = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)

    def combine(a: int, b: int) -> int:
        if a < 5:
            return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
        return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5

    total = 0
    for place, character in enumerate(reversed(digits)):
        digit = int(character)
        for _ in range(place % 8):
            digit = permutation[digit]
        total = combine(total, digit)
    return total


def test_a_structure_that_was_not_found_is_described_and_has_no_frame(tmp_path, segmented):
    image = segmented()
    seg = highdicom.seg.segread(tmp_path / write_seg(image, tmp_path))
    assert seg.number_of_segments == 6
    assert seg.NumberOfFrames == 5
    assert not image.masks["femur_left"].any()


def test_nothing_found_is_a_valid_object_of_empty_frames(tmp_path, segmented, segmentation, caplog):
    empty = {name: np.zeros_like(segmentation.mask) for name in segmentation.structures}
    nothing = replace(segmentation, mask=np.zeros_like(segmentation.mask), structures=empty, box=None)
    image = replace(segmented(), segmentation=nothing)
    path = tmp_path / write_seg(image, tmp_path)
    assert dciodvfy_errors(path) == []
    assert not any(mask.any() for mask in masks_of(path, image).values())
    assert caplog.records == []


def test_a_model_of_the_region_alone_gives_one_segment(tmp_path, segmented, segmentation):
    image = replace(segmented(), segmentation=replace(segmentation, structures={}))
    path = tmp_path / write_seg(image, tmp_path)
    assert dciodvfy_errors(path) == []
    assert list(masks_of(path, image)) == ["Pelvic bone region"]


def test_an_anonymised_source_gives_an_anonymised_object(tmp_path, segmented):
    plain = pydicom.dcmread(tmp_path / write_seg(segmented(), tmp_path))
    assert "PatientIdentityRemoved" not in plain
    said = segmented(PatientIdentityRemoved="YES", DeidentificationMethod=["by hand", "checked"], PatientName=None)
    path = tmp_path / write_seg(said, tmp_path)
    assert dciodvfy_errors(path) == []
    seg = pydicom.dcmread(path)
    assert seg.PatientName == ""
    assert seg.PatientIdentityRemoved == "YES"
    assert list(seg.DeidentificationMethod) == ["by hand", "checked"]
    unsaid = tmp_path / write_seg(segmented(PatientIdentityRemoved="YES"), tmp_path)
    assert dciodvfy_errors(unsaid) == []


def test_only_what_the_standard_requires_of_the_patient_is_taken_over(tmp_path, segmented, caplog):
    seg = pydicom.dcmread(
        tmp_path / write_seg(segmented(PatientName="Straße^Jürgen", SpecificCharacterSet="ISO_IR 100"), tmp_path)
    )
    assert str(seg.PatientName) == "Straße^Jürgen"
    assert (seg.PatientID, seg.PatientBirthDate, seg.PatientSex) == ("ID-4711", "19480229", "F")
    assert "InstitutionName" not in seg
    assert "PatientAddress" not in seg
    assert caplog.records == []


def test_a_name_that_highdicom_doubts_is_not_logged(tmp_path, segmented, caplog):
    seg = pydicom.dcmread(tmp_path / write_seg(segmented(PatientName="Secret"), tmp_path))
    assert seg.PatientName == "Secret"
    assert caplog.records == []


def test_a_source_that_cannot_be_referred_to_is_refused(tmp_path, segmented):
    image = segmented()
    broken = pydicom.dcmread(image.source)
    del broken.SOPInstanceUID
    del broken.file_meta.MediaStorageSOPInstanceUID
    broken.save_as(image.source, enforce_file_format=False)
    with pytest.raises(InputError, match=r"case\.dcm has no valid SOPInstanceUID"):
        write_seg(segmented(image.source), tmp_path)


def test_a_file_that_changed_meanwhile_is_refused(tmp_path, segmented, pixels):
    image = segmented()
    image.source.write_bytes(image.source.read_bytes() + b"\0\0")
    with pytest.raises(InputError, match="has changed"):
        write_seg(image, tmp_path)
    assert not (tmp_path / "seg").exists()


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "CT_small.dcm", "SC_rgb_small_odd.dcm", "693_UNCR.dcm"])
def test_pydicoms_samples_give_valid_objects(tmp_path, segmented, segmentation, name):
    from pbrs.radiograph import read_radiograph

    source = sample(name)
    shape = read_radiograph(source).shape
    mask = np.zeros(shape, bool)
    mask[: shape[0] // 2, 1 : shape[1] // 2] = True
    drawn = replace(segmentation, mask=mask, structures={"sacrum": mask & (np.arange(shape[1]) > 1)})
    image = replace(segmented(source), segmentation=drawn)
    path = tmp_path / write_seg(image, tmp_path)
    assert dciodvfy_errors(path) == []
    found = masks_of(path, image)
    assert np.array_equal(found["Pelvic bone region"], mask)
    assert np.array_equal(found["Sacrum"], drawn.structures["sacrum"])


def sample(name: str) -> Path:
    from pydicom.data import get_testdata_file

    return Path(str(get_testdata_file(name, download=False)))
