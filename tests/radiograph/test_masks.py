"""Masks: any two values, MITK's NRRD and NIfTI, sizes. The mask drawn here is symmetric in no way."""

import gzip
import io
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage

from damaged_file import damage
from pbrs.errors import InputError
from pbrs.radiograph import read_mask

F = np.zeros((9, 7), np.bool_)
F[1:8, 2] = F[1, 2:6] = F[4, 2:5] = True
"""The letter F, 9 rows of 7."""


def test_no_flip_turn_or_transposition_of_the_drawn_mask_is_the_mask() -> None:
    turned = [np.rot90(each, k) for each in (F, F.T) for k in range(4)]
    assert sum(np.array_equal(each, F) for each in turned) == 1


def save(tmp_path: Path, image: Image.Image, **options: object) -> Path:
    image.save(tmp_path / "mask.png", **options)
    return tmp_path / "mask.png"


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 255), (1, 2), (0, 128), (100, 101)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_complaint_11_any_two_values_are_a_mask(tmp_path: Path, low: int, high: int, dtype: type) -> None:
    values = np.where(F, high, low).astype(dtype)
    assert np.array_equal(read_mask(save(tmp_path, Image.fromarray(values)), F.shape), F)


def test_a_mask_that_begins_inside_the_region_is_no_other_way_round(tmp_path: Path) -> None:
    values = np.where(F, 0, 255).astype(np.uint8)
    assert np.array_equal(read_mask(save(tmp_path, Image.fromarray(values)), F.shape), ~F)


def palette(colours: list[int]) -> Image.Image:
    image = Image.fromarray(F.astype(np.uint8)).convert("P")
    image.putdata(F.astype(np.uint8).ravel().tolist())
    image.putpalette(colours)
    return image


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(F),
        palette([0, 0, 0, 255, 0, 0]),
        palette([10, 10, 10, 0, 255, 0]),
        Image.fromarray(np.stack([F, F, F], axis=2).astype(np.uint8) * 255),
        Image.fromarray(np.where(F[..., None], (255, 0, 0), (0, 0, 0)).astype(np.uint8)),
        Image.fromarray(np.where(F[..., None], (255, 0, 0, 255), (0, 0, 0, 255)).astype(np.uint8)),
        Image.fromarray(np.where(F[..., None], (255, 0, 0, 128), (255, 255, 255, 0)).astype(np.uint8)),
        Image.fromarray(np.where(F[..., None], (0, 0, 0, 255), (0, 0, 0, 0)).astype(np.uint8)),
        Image.fromarray(F).convert("LA"),
    ],
)
def test_complaint_11_palettes_and_two_colours_are_a_mask(tmp_path: Path, image: Image.Image) -> None:
    assert np.array_equal(read_mask(save(tmp_path, image), F.shape), F)


@pytest.mark.parametrize(("value", "expected"), [(0, False), (1, True), (255, True), (7, True)])
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_mask_of_one_value_is_all_false_if_it_is_0_and_all_true_otherwise(
    tmp_path: Path, value: int, expected: bool, mode: str
) -> None:
    image = Image.fromarray(np.full((4, 5), value, np.uint8)).convert(mode)
    assert (read_mask(save(tmp_path, image), (4, 5)) == expected).all()


def test_more_than_two_values_are_refused_with_their_number(tmp_path: Path) -> None:
    values = F.astype(np.uint8) * 255
    values[0, 0] = 128
    with pytest.raises(InputError, match=r"mask with 3 different values \(mask\.png\): expected two"):
        read_mask(save(tmp_path, Image.fromarray(values)), F.shape)
    smoothed = Image.fromarray(F.astype(np.uint8) * 255).resize((70, 90), Image.Resampling.BICUBIC).convert("RGB")
    with pytest.raises(InputError, match="different values"):
        read_mask(save(tmp_path, smoothed), (90, 70))


def test_another_size_is_refused_with_both_sizes_and_what_to_do(tmp_path: Path) -> None:
    file = save(tmp_path, Image.fromarray(np.zeros((1500, 2000), np.uint8)))
    with pytest.raises(InputError) as caught:
        read_mask(file, (1501, 2000))
    assert str(caught.value) == (
        "mask 2000×1500 does not match image 2000×1501 (mask.png): "
        "export it at the image's size, or pass --resize-masks"
    )


def test_resizing_takes_the_nearest_pixel(tmp_path: Path) -> None:
    file = save(tmp_path, Image.fromarray(F))
    assert np.array_equal(read_mask(file, (27, 21), resize=True), np.kron(F, np.ones((3, 3), np.bool_)))


def mitk_header(**fields: object) -> dict[str, object]:
    """What ITK's NrrdImageIO writes for a segmentation of a PNG of 7 columns and 9 rows: LPS, identity."""
    return {
        "type": "unsigned char",
        "dimension": 3,
        "space": "left-posterior-superior",
        "sizes": [7, 9, 1],
        "space directions": np.eye(3),
        "kinds": ["domain", "domain", "domain"],
        "encoding": "gzip",
        "space origin": [0, 0, 0],
        **fields,
    }


def write_nrrd(tmp_path: Path, volume: np.ndarray, **fields: object) -> Path:
    file = tmp_path / "mask.nrrd"
    header = mitk_header(sizes=list(volume.shape), dimension=volume.ndim, **fields)
    nrrd.write(str(file), volume, {key: value for key, value in header.items() if value is not None})
    return file


IN_INDEX_ORDER = F.T.astype(np.uint8)
"""(x, y): ITK's first index is the column."""


@pytest.mark.parametrize("encoding", ["gzip", "raw", "bzip2"])
def test_mitks_nrrd_of_one_slice_comes_out_as_drawn(tmp_path: Path, encoding: str) -> None:
    assert np.array_equal(read_mask(write_nrrd(tmp_path, IN_INDEX_ORDER[..., None], encoding=encoding), F.shape), F)


def test_a_nrrd_as_itk_writes_it_byte_by_byte(tmp_path: Path) -> None:
    # No NRRD library in between: x runs fastest in the file, which is the order of a picture's rows.
    header = (
        "NRRD0004\n# Complete NRRD file format specification at:\n# http://teem.sourceforge.net/nrrd/format.html\n"
        "type: unsigned short\ndimension: 3\nspace: left-posterior-superior\nsizes: 7 9 1\n"
        "space directions: (0.143,0,0) (0,0.143,0) (0,0,1)\nkinds: domain domain domain\nendian: little\n"
        "encoding: gzip\nspace origin: (0,0,0)\nmodality:=MR\n\n"
    )
    file = tmp_path / "mask.nrrd"
    file.write_bytes(header.encode() + gzip.compress(F.astype("<u2").tobytes()))
    assert np.array_equal(read_mask(file, F.shape), F)


def test_a_flat_nrrd_comes_out_as_drawn(tmp_path: Path) -> None:
    file = write_nrrd(
        tmp_path,
        IN_INDEX_ORDER,
        **{"space": None, "space directions": None, "space origin": None, "kinds": ["domain", "domain"]},
    )
    assert np.array_equal(read_mask(file, F.shape), F)


def test_a_multi_label_segmentation_of_one_layer_comes_out_as_drawn(tmp_path: Path) -> None:
    directions = np.vstack([np.full(3, np.nan), np.eye(3)])
    file = write_nrrd(
        tmp_path,
        IN_INDEX_ORDER[None, ..., None],
        **{"kinds": ["vector", "domain", "domain", "domain"], "space directions": directions},
    )
    assert np.array_equal(read_mask(file, F.shape), F)


@pytest.mark.parametrize("flip", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize("space", ["left-posterior-superior", "right-anterior-superior"])
def test_an_nrrd_that_runs_the_other_way_is_flipped(tmp_path: Path, flip: tuple[int, int], space: str) -> None:
    volume = IN_INDEX_ORDER[:: flip[0], :: flip[1], None]
    sign = -1 if space.startswith("right") else 1
    directions = np.diag([0.2 * flip[0] * sign, 0.2 * flip[1] * sign, 1.0])
    file = write_nrrd(tmp_path, np.ascontiguousarray(volume), **{"space": space, "space directions": directions})
    assert np.array_equal(read_mask(file, F.shape), F)


def write_nifti(tmp_path: Path, volume: np.ndarray, affine: np.ndarray | None, name: str = "mask.nii.gz") -> Path:
    nibabel.save(nibabel.Nifti1Image(volume, affine), tmp_path / name)
    return tmp_path / name


ITK_IDENTITY = np.diag([-1.0, -1.0, 1.0, 1.0])
"""What ITK's NiftiImageIO writes for an identity direction: the matrix in RAS, the data untouched."""


@pytest.mark.parametrize("name", ["mask.nii", "mask.nii.gz"])
@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 1), (7, 9, 1, 1)])
def test_mitks_nifti_comes_out_as_drawn(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    file = write_nifti(tmp_path, IN_INDEX_ORDER.reshape(shape), ITK_IDENTITY, name)
    assert np.array_equal(read_mask(file, F.shape), F)


@pytest.mark.parametrize("flip", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_a_nifti_that_runs_the_other_way_is_flipped(tmp_path: Path, flip: tuple[int, int]) -> None:
    volume = np.ascontiguousarray(IN_INDEX_ORDER[:: flip[0], :: flip[1], None])
    file = write_nifti(tmp_path, volume, np.diag([-0.3 * flip[0], -0.3 * flip[1], 1, 1]))
    assert np.array_equal(read_mask(file, F.shape), F)


@pytest.mark.parametrize("flip", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_a_nifti_with_x_and_y_exchanged_is_transposed(tmp_path: Path, flip: tuple[int, int]) -> None:
    # The first index runs along the rows' direction (y), the second along the columns' (x).
    affine = np.array([[0, -flip[1], 0, 0], [-flip[0], 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    volume = np.ascontiguousarray(F[:: flip[0], :: flip[1], None]).astype(np.uint8)
    assert np.array_equal(read_mask(write_nifti(tmp_path, volume, affine), F.shape), F)


def test_a_nifti_without_orientation_is_taken_in_its_order(tmp_path: Path) -> None:
    assert np.array_equal(read_mask(write_nifti(tmp_path, IN_INDEX_ORDER, None), F.shape), F)


def test_a_nifti_in_a_coronal_plane_is_taken_in_its_order(tmp_path: Path) -> None:
    affine = np.array([[-1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    assert np.array_equal(read_mask(write_nifti(tmp_path, IN_INDEX_ORDER[..., None], affine), F.shape), F)


def test_what_is_no_single_slice_is_refused(tmp_path: Path) -> None:
    volume = np.repeat(IN_INDEX_ORDER[..., None], 5, axis=2)
    for file in (write_nrrd(tmp_path, volume), write_nifti(tmp_path, volume, ITK_IDENTITY)):
        with pytest.raises(InputError, match="7×9×5 voxels: expected one slice"):
            read_mask(file, F.shape)


def test_several_layers_are_refused(tmp_path: Path) -> None:
    volume = np.stack([IN_INDEX_ORDER[..., None]] * 2)
    directions = np.vstack([np.full(3, np.nan), np.eye(3)])
    file = write_nrrd(
        tmp_path, volume, **{"kinds": ["vector", "domain", "domain", "domain"], "space directions": directions}
    )
    with pytest.raises(InputError, match="2 layers"):
        read_mask(file, F.shape)


def test_a_nrrd_never_reads_another_file(tmp_path: Path) -> None:
    (tmp_path / "secret.raw").write_bytes(b"\1" * 63)
    file = tmp_path / "mask.nrrd"
    file.write_text("NRRD0005\ntype: uchar\ndimension: 2\nsizes: 7 9\nencoding: raw\ndata file: secret.raw\n\n")
    with pytest.raises(InputError, match="lie in another file"):
        read_mask(file, F.shape)


@pytest.mark.parametrize("name", ["mask.nrrd", "mask.nii.gz", "mask.png", "mask"])
def test_what_is_no_mask_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(InputError, match=rf"{name} is not PNG, NRRD or NIfTI"):
        read_mask(tmp_path / name, F.shape)


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("masks")
    png = io.BytesIO()
    Image.fromarray(F).save(png, "PNG")
    volume = IN_INDEX_ORDER[..., None]
    files = [write_nrrd(folder, volume, encoding="raw").read_bytes(), write_nrrd(folder, volume).read_bytes()]
    files += [write_nifti(folder, volume, ITK_IDENTITY, name).read_bytes() for name in ("a.nii", "a.nii.gz")]
    files.append(write_nrrd(folder, volume, Segment0_Name="region", Segment0_LabelValue="1").read_bytes())
    jpeg = io.BytesIO()
    Image.fromarray(F).convert("L").save(jpeg, "JPEG")
    metaimage = (
        "ObjectType = Image\nNDims = 3\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 1\n"
        "DimSize = 7 9 1\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    )
    return [*files, png.getvalue(), jpeg.getvalue(), metaimage.encode() + volume.tobytes(order="F"), small_seg()]


def small_seg() -> bytes:
    """Make a DICOM SEG of one segment by hand, as small as can be."""
    seg = Dataset()
    seg.file_meta = FileMetaDataset()
    seg.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    seg.file_meta.MediaStorageSOPClassUID = seg.SOPClassUID = SegmentationStorage
    seg.file_meta.MediaStorageSOPInstanceUID = seg.SOPInstanceUID = "1.2.3"
    seg.Modality, seg.SegmentationType, seg.NumberOfFrames = "SEG", "BINARY", 1
    seg.Rows, seg.Columns, seg.SamplesPerPixel, seg.PhotometricInterpretation = *F.shape, 1, "MONOCHROME2"
    seg.BitsAllocated, seg.BitsStored, seg.HighBit, seg.PixelRepresentation = 1, 1, 0, 0
    described, identified, frame = Dataset(), Dataset(), Dataset()
    described.SegmentNumber, described.SegmentLabel, identified.ReferencedSegmentNumber = 1, "region", 1
    frame.SegmentIdentificationSequence = [identified]
    seg.SegmentSequence, seg.PerFrameFunctionalGroupsSequence = [described], [frame]
    seg.PixelData = np.packbits(F.ravel(), bitorder="little").tobytes()
    buffer = io.BytesIO()
    seg.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_a_segmentation_of_one_frame_made_by_hand_comes_out_as_drawn(tmp_path: Path) -> None:
    (tmp_path / "seg.dcm").write_bytes(small_seg())
    assert np.array_equal(read_mask(tmp_path / "seg.dcm", F.shape), F)


def damage_a_mask(contents: list[bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = data.draw(st.sampled_from(contents))
    file = tmp_path_factory.getbasetemp() / "damaged.mask"
    # Among the first bytes, where the header is.
    file.write_bytes(damage(content, data, reach=400))
    try:
        mask = read_mask(file, F.shape)
    except InputError as error:
        problem = str(error)
    else:
        problem = "damaged.mask"
        assert mask.dtype == np.bool_
        assert mask.shape == F.shape
    assert "\n" not in problem
    assert "damaged.mask" in problem


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_mask_is_an_input_error_or_still_a_mask(
    contents: list[bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damage_a_mask(contents, tmp_path_factory, data)


@pytest.mark.soak
@settings(max_examples=6000, deadline=None)
@given(data=st.data())
def test_a_damaged_mask_is_at_length_an_input_error_or_still_a_mask(
    contents: list[bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damage_a_mask(contents, tmp_path_factory, data)
