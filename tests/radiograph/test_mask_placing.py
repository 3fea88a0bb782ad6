"""Masks with a geometry lie where it says, or are refused. The letter F is cut out, and must be put back."""

from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import pytest
from PIL import Image

from dicom_writer import make_dicom
from pbrs.errors import InputError
from pbrs.radiograph import read_mask

WHOLE = np.zeros((40, 60), np.bool_)
WHOLE[12:30, 20] = WHOLE[12, 20:40] = WHOLE[20, 20:33] = True
BOX = (slice(10, 32), slice(17, 44))
CROPPED = WHOLE[BOX].T[..., None].astype(np.uint8)
"""Columns 17 to 43 and rows 10 to 31, in index order."""


def write(tmp_path: Path, volume: np.ndarray, origin: Any, spacing: Any = (1, 1), **fields: Any) -> Path:
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag([*spacing, 1.0]),
        "space origin": [*origin, 0],
        "kinds": ["domain"] * 3,
        **fields,
    }
    nrrd.write(str(tmp_path / "mask.seg.nrrd"), volume, header)
    return tmp_path / "mask.seg.nrrd"


def dicom(tmp_path: Path, **attributes: Any) -> Path:
    return make_dicom(tmp_path / "image.dcm", np.arange(WHOLE.size, dtype=np.uint16).reshape(WHOLE.shape), **attributes)


SLICER = {"Segment0_Name": "pelvis", "Segment0_LabelValue": "1", "Segment0_Layer": "0"}


def test_slicers_cropped_segmentation_is_placed_by_its_origin(tmp_path: Path) -> None:
    extent = {"Segmentation_ReferenceImageExtentOffset": "17 10 0"}
    assert np.array_equal(read_mask(write(tmp_path, CROPPED, (17, 10), **SLICER, **extent), WHOLE.shape), WHOLE)
    assert np.array_equal(read_mask(write(tmp_path, CROPPED, (17, 10), **SLICER), WHOLE.shape), WHOLE)


@pytest.mark.parametrize("resize", [False, True])
def test_a_mask_with_a_geometry_is_never_resized(tmp_path: Path, resize: bool) -> None:
    assert np.array_equal(read_mask(write(tmp_path, CROPPED, (17, 10)), WHOLE.shape, resize=resize), WHOLE)


def test_a_centred_volume_is_placed_by_the_extent_offset(tmp_path: Path) -> None:
    extent = {"Segmentation_ReferenceImageExtentOffset": "17 10 0"}
    file = write(tmp_path, CROPPED, (-13 * 0.7, -10 * 0.7), (0.7, 0.7), **SLICER, **extent)
    assert np.array_equal(read_mask(file, WHOLE.shape), WHOLE)


def reference(columns: int, rows: int) -> dict[str, str]:
    matrix = "-1;0;0;0;0;-1;0;0;0;0;1;0;0;0;0;1;"
    text = f"Reference image geometry|{matrix}0;{columns - 1};0;{rows - 1};0;0;|Image geometry description string.&"
    return {"Segmentation_ConversionParameters": text}


def test_an_oversampled_segmentation_is_placed_in_the_image_whose_geometry_it_tells(tmp_path: Path) -> None:
    doubled = CROPPED.repeat(2, axis=0).repeat(2, axis=1)
    file = write(tmp_path, doubled, (17 - 0.25, 10 - 0.25), (0.5, 0.5), **SLICER, **reference(60, 40))
    assert np.array_equal(read_mask(file, WHOLE.shape), WHOLE)


def test_a_segmentation_of_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, CROPPED, (17, 10), **SLICER, **reference(120, 80))
    with pytest.raises(InputError, match="drawn on an image of 120×80 pixels, but this one has 60×40"):
        read_mask(file, WHOLE.shape)


@pytest.mark.parametrize("flip", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_a_cropped_mask_that_runs_the_other_way_is_flipped_in_its_place(tmp_path: Path, flip: tuple[int, int]) -> None:
    origin = (17 if flip[0] > 0 else 43, 10 if flip[1] > 0 else 31)
    volume = np.ascontiguousarray(CROPPED[:: flip[0], :: flip[1]])
    assert np.array_equal(read_mask(write(tmp_path, volume, origin, flip), WHOLE.shape), WHOLE)


def test_a_cropped_nifti_in_ras_is_placed(tmp_path: Path) -> None:
    affine = np.diag([-0.2, -0.3, 1, 1])
    affine[:2, 3] = -17 * 0.2, -10 * 0.3
    nibabel.save(nibabel.Nifti1Image(CROPPED, affine), tmp_path / "mask.nii.gz")
    image = dicom(tmp_path, PixelSpacing=[0.3, 0.2])
    assert np.array_equal(read_mask(tmp_path / "mask.nii.gz", WHOLE.shape, image=image), WHOLE)


@pytest.mark.parametrize("attribute", ["PixelSpacing", "ImagerPixelSpacing"])
def test_the_spacing_of_a_dicom_radiograph_is_that_of_the_mask(tmp_path: Path, attribute: str) -> None:
    image = dicom(tmp_path, **{"PixelSpacing": [0.25, 0.25], attribute: [0.143, 0.143]})
    file = write(tmp_path, CROPPED, (17 * 0.14301, 10 * 0.14301), (0.14301, 0.14301))
    assert np.array_equal(read_mask(file, WHOLE.shape, image=image), WHOLE)


def test_a_mask_at_half_the_resolution_is_laid_over_a_dicom_radiograph(tmp_path: Path) -> None:
    image = dicom(tmp_path, PixelSpacing=[0.2, 0.2])
    blocks = np.zeros((20, 30), np.uint8)
    blocks[5:15, 8:12] = 1
    expected = blocks.repeat(2, axis=0).repeat(2, axis=1) > 0
    for origin in ((0.1, 0.1),):
        file = write(tmp_path, blocks.T[..., None], origin, (0.4, 0.4))
        assert np.array_equal(read_mask(file, WHOLE.shape, image=image), expected)
    box = blocks[4:16, 6:14]
    file = write(tmp_path, box.T[..., None], (6 * 0.4 + 0.1, 4 * 0.4 + 0.1), (0.4, 0.4))
    assert np.array_equal(read_mask(file, WHOLE.shape, image=image), expected)


def test_a_mask_of_the_radiographs_size_is_never_moved(tmp_path: Path) -> None:
    whole = WHOLE.T[..., None].astype(np.uint8)
    file = write(tmp_path, whole, (-300, 77), (0.5, 0.7), Segmentation_ReferenceImageExtentOffset="3 4 0")
    assert np.array_equal(read_mask(file, WHOLE.shape), WHOLE)


@pytest.mark.parametrize("origin", [(17, 30), (-30, 10), (500, 500), (41, 10)])
def test_a_mask_that_lies_beyond_the_radiograph_is_refused(tmp_path: Path, origin: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=r"cannot be placed in image 60×40 \(mask\.seg\.nrrd\).*lies beyond"):
        read_mask(write(tmp_path, CROPPED, origin), WHOLE.shape, resize=True)


def test_a_smaller_mask_with_the_images_unchanged_geometry_is_refused(tmp_path: Path) -> None:
    # Resized, and saved with the header of the image: by its geometry it would lie in the first corner.
    image = dicom(tmp_path, PixelSpacing=[0.2, 0.2])
    file = write(tmp_path, WHOLE[::2, ::2].T[..., None].astype(np.uint8), (0, 0), (0.2, 0.2))
    with pytest.raises(InputError, match="lies in its first corner"):
        read_mask(file, WHOLE.shape, image=image, resize=True)


def test_a_mask_that_could_lie_in_two_places_is_refused(tmp_path: Path) -> None:
    image = dicom(tmp_path, PixelSpacing=[0.8, 0.8])
    with pytest.raises(InputError, match="could lie in two places"):
        read_mask(write(tmp_path, CROPPED, (4, 3)), WHOLE.shape, image=image)


def test_the_default_geometry_says_nothing_and_may_be_resized(tmp_path: Path) -> None:
    half = WHOLE[::2, ::2]
    file = write(tmp_path, half.T[..., None].astype(np.uint8), (0, 0))
    with pytest.raises(InputError, match="30×20 does not match image 60×40"):
        read_mask(file, WHOLE.shape)
    assert np.array_equal(read_mask(file, WHOLE.shape, resize=True), half.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize(("size", "fits"), [((30, 20), True), ((31, 20), True), ((91, 60), True), ((40, 40), False)])
def test_only_a_mask_of_the_images_proportions_is_resized(tmp_path: Path, size: tuple[int, int], fits: bool) -> None:
    Image.new("L", size, 255).save(tmp_path / "mask.png")
    if fits:
        assert read_mask(tmp_path / "mask.png", WHOLE.shape, resize=True).all()
        return
    with pytest.raises(InputError, match="has other proportions"):
        read_mask(tmp_path / "mask.png", WHOLE.shape, resize=True)


def test_a_picture_in_a_coronal_plane_that_is_cropped_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, CROPPED, (17, 10), **{"space directions": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])})
    with pytest.raises(InputError, match="does not lie in the radiograph's plane"):
        read_mask(file, WHOLE.shape)


def test_a_dicom_radiograph_with_a_position_of_its_own_is_the_frame(tmp_path: Path) -> None:
    image = dicom(
        tmp_path,
        PixelSpacing=[1.0, 1.0],
        ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
        ImagePositionPatient=[100, 0, 50],
    )
    coronal = {"space directions": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), "space origin": [117, 0, 40]}
    assert np.array_equal(read_mask(write(tmp_path, CROPPED, (0, 0), **coronal), WHOLE.shape, image=image), WHOLE)


def layered(tmp_path: Path, **fields: Any) -> tuple[Path, dict[str, np.ndarray]]:
    """Two layers: left hip and sacrum in the first one, the left femur, which overlaps the hip, in the other."""
    masks = {name: np.zeros(WHOLE.shape, np.bool_) for name in ("hip_left", "sacrum", "femur_left")}
    masks["hip_left"][5:15, 30:50] = masks["sacrum"][5:20, 10:25] = masks["femur_left"][12:35, 40:55] = True
    first = (masks["hip_left"] * 1 + masks["sacrum"] * 2).T
    volume = np.stack([first, masks["femur_left"].T * 1])[..., None].astype(np.uint8)
    header = {
        "space": "left-posterior-superior",
        "space directions": np.vstack([np.full(3, np.nan), np.eye(3)]),
        "space origin": [2, 3, 0],
        "kinds": ["list", "domain", "domain", "domain"],
        **fields,
    }
    nrrd.write(str(tmp_path / "layers.seg.nrrd"), np.ascontiguousarray(volume[:, 2:58, 3:38]), header)
    return tmp_path / "layers.seg.nrrd", masks


SEGMENTS = {
    **{"Segment0_Name": "Left hip bone", "Segment0_LabelValue": "1", "Segment0_Layer": "0"},
    **{"Segment1_Name": "Segment_2", "Segment1_LabelValue": "2", "Segment1_Layer": "0"},
    "Segment1_Tags": "TerminologyEntry:list~SCT^123037004^Anatomical Structure~SCT^54735007^Sacrum~^^~Anatomic~^^~^^|",
    **{"Segment2_Name": "femur-left", "Segment2_LabelValue": "1", "Segment2_Layer": "1"},
}


def test_layers_and_label_values_are_structures_and_their_union_is_the_region(tmp_path: Path) -> None:
    file, masks = layered(tmp_path, **SEGMENTS)
    assert np.array_equal(read_mask(file, WHOLE.shape), np.logical_or.reduce(list(masks.values())))


def test_mitks_groups_of_labels_are_read(tmp_path: Path) -> None:
    labels = (
        '[{"labels":[{"name":"hip_left","value":1},{"name":"sacrum","value":2}]},'
        '{"labels":[{"name":"femur_left","value":1}]}]'
    )
    file, masks = layered(tmp_path, **{"org.mitk.multilabel.segmentation.labelgroups": labels})
    assert np.array_equal(read_mask(file, WHOLE.shape), np.logical_or.reduce(list(masks.values())))


def test_segments_of_other_names_are_named(tmp_path: Path) -> None:
    other = {f"Segment{number}_Name": f"Thing {number}" for number in range(3)}
    file, _ = layered(tmp_path, **{**SEGMENTS, **other, "Segment1_Tags": ""})
    with pytest.raises(InputError, match=r"3 segments .Thing 0, Thing 1, Thing 2., none of which"):
        read_mask(file, WHOLE.shape)


def test_a_value_without_a_name_is_refused(tmp_path: Path) -> None:
    file, _ = layered(tmp_path, **{key: text for key, text in SEGMENTS.items() if not key.startswith("Segment1")})
    with pytest.raises(InputError, match=r"values \[2\] that its header gives no name"):
        read_mask(file, WHOLE.shape)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_metaimage_is_placed_and_comes_out_as_drawn(tmp_path: Path, compressed: bool) -> None:
    import zlib

    data = CROPPED.tobytes(order="F")
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"CompressedData = {compressed}\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 17 10 0\n"
        "CenterOfRotation = 0 0 0\nAnatomicalOrientation = RAI\nElementSpacing = 1 1 1\nDimSize = 27 22 1\n"
        "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    )
    (tmp_path / "mask.mha").write_bytes(header.encode() + (zlib.compress(data) if compressed else data))
    assert np.array_equal(read_mask(tmp_path / "mask.mha", WHOLE.shape), WHOLE)
    (tmp_path / "mask.mhd").write_text(header.replace("LOCAL", "mask.raw"))
    with pytest.raises(InputError, match=r"export it as \.mha"):
        read_mask(tmp_path / "mask.mhd", WHOLE.shape)


def smooth() -> np.ndarray:
    row, column = np.mgrid[:200, :240]
    return (row - 90) ** 2 + (column - 130) ** 2 < 70**2


@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("colour", [None, (255, 0, 0)])
def test_a_jpeg_loses_its_blur(tmp_path: Path, quality: int, colour: tuple[int, ...] | None) -> None:
    values = smooth().astype(np.uint8) * 255
    picture = values if colour is None else smooth()[..., None] * np.array(colour, np.uint8)
    Image.fromarray(picture).save(tmp_path / "mask.jpg", quality=quality)
    assert len(np.unique(np.asarray(Image.open(tmp_path / "mask.jpg").convert("L")))) > 2
    mask = read_mask(tmp_path / "mask.jpg", (200, 240))
    assert (mask & smooth()).sum() / (mask | smooth()).sum() > 0.995


def test_a_jpeg_of_three_greys_or_a_photograph_is_refused(tmp_path: Path) -> None:
    three = smooth().astype(np.uint8) * 255
    three[:40, :40] = 128
    ramp = np.tile(np.linspace(0, 255, 240).astype(np.uint8), (200, 1))
    for values in (three, ramp):
        Image.fromarray(values).save(tmp_path / "mask.jpg", quality=90)
        with pytest.raises(InputError, match="a JPEG of more than two greys"):
            read_mask(tmp_path / "mask.jpg", (200, 240))


def test_a_black_jpeg_is_an_empty_mask(tmp_path: Path) -> None:
    Image.new("L", (60, 40), 0).save(tmp_path / "mask.jpg")
    assert not read_mask(tmp_path / "mask.jpg", WHOLE.shape).any()


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
def test_a_tiff_comes_out_as_drawn(tmp_path: Path, compression: str | None) -> None:
    Image.fromarray(WHOLE.astype(np.uint8) * 255).save(tmp_path / "mask.tif", compression=compression)
    assert np.array_equal(read_mask(tmp_path / "mask.tif", WHOLE.shape), WHOLE)


def test_a_mask_at_half_the_resolution_is_laid_over_a_tiff_by_its_resolution(tmp_path: Path) -> None:
    # ITK reads a TIFF's resolution as its spacing.
    image = tmp_path / "image.tif"
    Image.new("L", (60, 40)).save(image, dpi=(127, 127))
    box = np.zeros((12, 8), np.uint8)
    box[2:10, 2:5] = 1
    expected = np.zeros(WHOLE.shape, np.bool_)
    expected[12:28, 16:22] = True
    file = write(tmp_path, box.T[..., None], (6 * 0.4 + 0.1, 4 * 0.4 + 0.1), (0.4, 0.4))
    assert np.array_equal(read_mask(file, WHOLE.shape, image=image), expected)


@pytest.mark.parametrize(
    ("origin", "spacing", "told"),
    [((3.45, 2.0), 0.3, "a spacing that the radiograph does not state"), ((8, 5), 0.5, "could lie in two places")],
)
def test_a_mask_of_a_spacing_that_a_picture_does_not_tell_is_refused_where_it_is_not_clear(
    tmp_path: Path, origin: tuple[float, float], spacing: float, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        read_mask(write(tmp_path, CROPPED, origin, (spacing, spacing)), WHOLE.shape)


def test_a_cropped_mask_over_a_picture_has_its_pixels_whatever_its_spacing(tmp_path: Path) -> None:
    file = write(tmp_path, CROPPED, (17 * 0.143, 10 * 0.143), (0.143, 0.143))
    assert np.array_equal(read_mask(file, WHOLE.shape), WHOLE)
