"""DICOM SEG as highdicom writes it, with its fields then changed to what other writers put there."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless, generate_uid

from dicom_writer import make_dicom
from pbrs.dataset.folder import open_dataset
from pbrs.dataset.import_masks import import_masks
from pbrs.errors import InputError
from pbrs.radiograph import read_mask
from pbrs.radiograph.masks import open_segments

highdicom = pytest.importorskip("highdicom")

SHAPE = (29, 43)
NAMES = ("Left hip bone", "Sacrum", "Right femur")


def structures() -> np.ndarray:
    """Three overlapping masks, symmetric in no way: (H, W, 3)."""
    masks = np.zeros((*SHAPE, 3), np.bool_)
    masks[3:12, 20:40, 0] = masks[5:20, 15:23, 1] = masks[15:27, 2:16, 2] = True
    masks[3:5, 20:25, 0] = masks[25:, 2:6, 2] = False
    return masks


def source(tmp_path: Path, name: str = "image", **attributes: Any) -> Path:
    uids = {"SOPInstanceUID": generate_uid(), "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4"}
    study = dict.fromkeys(
        ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"), ""
    )
    pixels = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint16).reshape(SHAPE)
    (tmp_path / "images").mkdir(exist_ok=True)
    given = {**uids, **study, "ReferringPhysicianName": "", "PatientOrientation": ["L", "F"], **attributes}
    path = make_dicom(tmp_path / "images" / f"{name}.dcm", pixels, **given)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path)
    return path


def segmentation(
    image: Path, masks: np.ndarray | None = None, kind: str = "BINARY", names: tuple[str, ...] = NAMES, **options: Any
) -> pydicom.Dataset:
    from pydicom.sr.codedict import codes

    masks = structures() if masks is None else masks
    descriptions = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.Tissue,
            algorithm_type="MANUAL",
        )
        for number, name in enumerate(names, start=1)
    ]
    return highdicom.seg.Segmentation(
        source_images=[pydicom.dcmread(image)],
        pixel_array=masks[None],
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        **options,
    )


def save(seg: pydicom.Dataset, path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    seg.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_overlapping_segments_come_back(tmp_path: Path, sparse: bool, compressed: bool, kind: str) -> None:
    masks = structures()
    masks[..., 1] = False
    values = masks if kind == "BINARY" else masks.astype(np.float32)
    seg = segmentation(source(tmp_path), values, kind, omit_empty_frames=sparse)
    if compressed and kind == "FRACTIONAL":
        # By pydicom: GDCM's encoder, which highdicom would take, ends the process.
        seg.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    assert seg.NumberOfFrames == (2 if sparse else 3)
    file = save(seg, tmp_path / "seg.dcm")
    assert np.array_equal(read_mask(file, SHAPE), masks.any(axis=2))
    segments = open_segments(file.read_bytes(), file.name)
    assert [segment.name for segment in segments] == ["hip_left", "sacrum", "femur_right"]
    for index, segment in enumerate(segments):
        assert np.array_equal(segment.read().values.T, masks[..., index])


def test_a_fraction_is_bone_from_a_half_on(tmp_path: Path) -> None:
    values = np.linspace(0, 1, SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(*SHAPE, 1)
    seg = segmentation(source(tmp_path), values, "FRACTIONAL", names=("pelvis",), max_fractional_value=200)
    stored = np.around(values[..., 0] * 200)
    assert np.array_equal(read_mask(save(seg, tmp_path / "seg.dcm"), SHAPE), stored >= 100)


def test_a_labelmap_comes_back(tmp_path: Path) -> None:
    masks = structures()
    masks[..., 1] &= ~masks[..., 0] & ~masks[..., 2]
    seg = segmentation(source(tmp_path), masks, "LABELMAP")
    file = save(seg, tmp_path / "seg.dcm")
    for index, segment in enumerate(open_segments(file.read_bytes(), file.name)):
        assert np.array_equal(segment.read().values.T, masks[..., index])


def test_codes_go_before_labels(tmp_path: Path) -> None:
    seg = segmentation(source(tmp_path), names=("a", "b", "c"))
    for item, code, side in zip(
        seg.SegmentSequence, ("28254004", "T-11AD0", "71341001"), ("7771000", None, "24028007"), strict=True
    ):
        item.SegmentedPropertyTypeCodeSequence[0].CodeValue = code
        if side is not None:
            modifier = Dataset()
            modifier.CodeValue, modifier.CodingSchemeDesignator, modifier.CodeMeaning = side, "SCT", "side"
            item.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = Sequence([modifier])
    file = save(seg, tmp_path / "seg.dcm")
    segments = open_segments(file.read_bytes(), file.name)
    assert [segment.name for segment in segments] == ["hip_left", "sacrum", "femur_right"]


@pytest.mark.parametrize(("letters", "flip"), [(["R", "F"], (1, -1)), (["L", "H"], (-1, 1)), (["R", "H"], (-1, -1))])
def test_frames_that_run_the_other_way_than_their_image_are_flipped(
    tmp_path: Path, letters: list[str], flip: tuple[int, int]
) -> None:
    image = source(tmp_path)
    seg = segmentation(image, np.ascontiguousarray(structures()[:: flip[0], :: flip[1]]))
    seg.PatientOrientation = letters
    file = save(seg, tmp_path / "seg.dcm")
    assert np.array_equal(read_mask(file, SHAPE, image=image), structures().any(axis=2))


def test_a_cropped_frame_is_placed_by_its_position(tmp_path: Path) -> None:
    # As dcmqi writes it, in the geometry that ITK gives the radiograph.
    image = source(tmp_path, PixelSpacing=[0.5, 0.25])
    seg = segmentation(image)
    cropped = structures()[2:28, 1:42]
    seg.Rows, seg.Columns = 26, 41
    seg.PixelData = np.packbits(np.moveaxis(cropped, 2, 0).ravel(), bitorder="little").tobytes()
    plane, measures, position = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient, measures.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.5, 0.25]
    position.ImagePositionPatient = [0.25, 1, 0]
    shared = seg.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([plane]), Sequence([measures])
    for group in seg.PerFrameFunctionalGroupsSequence:
        group.PlanePositionSequence = Sequence([position])
    file = tmp_path / "seg.dcm"
    seg.save_as(file)
    assert np.array_equal(read_mask(file, SHAPE, image=image), structures().any(axis=2))


def test_an_import_finds_the_image_by_its_uid_first_then_by_the_files_name(tmp_path: Path) -> None:
    first, second = source(tmp_path, "first"), source(tmp_path, "second")
    other = np.roll(structures(), 2, axis=0)
    # Named like one, of the other; and one whose image has got another UID since.
    save(segmentation(first), tmp_path / "seg" / "second.dcm")
    changed = segmentation(second, other)
    for group in changed.PerFrameFunctionalGroupsSequence:
        group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID = "1.2.3.99"
    save(changed, tmp_path / "more" / "second_seg.dcm")
    import_masks(tmp_path / "seg", tmp_path / "images", tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    assert dataset.stems == ["first"]
    assert np.array_equal(dataset.read("first")[1], structures().any(axis=2))
    for index, name in enumerate(("hip_left", "sacrum", "femur_right")):
        assert np.array_equal(dataset.read_structure("first", name, SHAPE), structures()[..., index])
    import_masks(tmp_path / "more", tmp_path / "images", tmp_path / "out2")
    assert np.array_equal(open_dataset(tmp_path / "out2").read("second")[1], other.any(axis=2))


def test_one_object_of_two_radiographs_is_taken_apart(tmp_path: Path) -> None:
    first, second = source(tmp_path, "a"), source(tmp_path, "b")
    seg = segmentation(first)
    uid = pydicom.dcmread(second).SOPInstanceUID
    groups = seg.PerFrameFunctionalGroupsSequence
    # highdicom gives all frames the same item.
    groups[2].DerivationImageSequence = deepcopy(groups[2].DerivationImageSequence)
    moved = groups[2].DerivationImageSequence[0].SourceImageSequence[0]
    moved.ReferencedSOPInstanceUID = uid
    save(seg, tmp_path / "seg" / "both.dcm")
    import_masks(tmp_path / "seg", tmp_path / "images", tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    assert np.array_equal(dataset.read("a")[1], structures()[..., :2].any(axis=2))
    assert np.array_equal(dataset.read("b")[1], structures()[..., 2])


def test_what_is_no_segmentation_or_is_cut_off_is_refused(tmp_path: Path) -> None:
    image = source(tmp_path)
    with pytest.raises(InputError, match=r"image\.dcm is DICOM, but no mask \(CR\)"):
        read_mask(image, SHAPE)
    seg = segmentation(image)
    seg.PixelData = seg.PixelData[: len(seg.PixelData) // 2]
    with pytest.raises(InputError, match="fewer pixels than its header says"):
        read_mask(save(seg, tmp_path / "seg.dcm"), SHAPE)
    del seg.PerFrameFunctionalGroupsSequence
    with pytest.raises(InputError, match="damaged or incomplete"):
        read_mask(save(seg, tmp_path / "seg.dcm"), SHAPE)
