"""From what `pbrs segment` wrote, with some masks corrected, to a dataset to train on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from command_line import Outcome, pbrs
from dicom_writer import make_dicom
from pbrs.dataset.folder import open_dataset
from pbrs.dataset.split_file import read_split
from pbrs.training.run_data import load_run_data
from pbrs.training.settings import make_settings
from phantom import phantom
from tiny_model import write_tiny_model

STEM = "phantom_003"
Segment = Callable[..., Path]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx", channels=("region", "sacrum"))


@pytest.fixture
def segmented(phantoms: Path, model: Path, tmp_path: Path) -> Segment:
    """Segment the phantoms into a folder, and give it."""

    def segment(*options: str) -> Path:
        done = pbrs("segment", phantoms / "images", "-o", tmp_path / "po", "--model", model, *options)
        assert done.status == 0, done.err
        return tmp_path / "po"

    return segment


def _correct(mask: Path) -> np.ndarray:
    """Take the upper half out of a mask, as a user might with an editor."""
    pixels = np.asarray(Image.open(mask)).copy()
    assert pixels[: len(pixels) // 2].any()
    pixels[: len(pixels) // 2] = 0
    Image.fromarray(pixels).save(mask)
    return pixels > 0


def _import(masks: Path, images: Path, *options: str) -> Outcome:
    return pbrs("dataset", "import-masks", masks, "--images", images, "-o", images.parent / "data", *options)


@pytest.fixture
def images(phantoms: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(phantoms / "images", tmp_path / "images"))


def _imported(images: Path, stem: str = STEM) -> np.ndarray:
    return open_dataset(images.parent / "data").read(stem)[1]


@pytest.mark.parametrize("formats", ["png", "nifti,nrrd,coco"])
def test_a_corrected_mask_is_what_is_imported(segmented: Segment, images: Path, formats: str) -> None:
    """Whatever else lies beside it: overlays, regions of interest, structures, COCO, NIfTI and NRRD of the model."""
    out = segmented("--format", formats)
    corrected = _correct(out / "masks" / f"{STEM}.png")
    done = _import(out, images)
    assert done.status == 0, done.err
    np.testing.assert_array_equal(_imported(images), corrected)
    dataset = open_dataset(images.parent / "data")
    assert len(dataset.stems) == 12
    assert dataset.structures == {}
    assert done.out.splitlines() == [
        f"{out} is of `pbrs segment`: every mask in {out / 'masks'} is taken as true, corrected or not",
        "structures are left out, as they are the model's: if you corrected them, add --structures",
        f"{images.parent / 'data'}: 12 images, 12 masks",
    ]


def test_a_folder_with_the_corrected_masks_only_gives_these(segmented: Segment, images: Path, tmp_path: Path) -> None:
    out = segmented()
    corrected = _correct(out / "masks" / f"{STEM}.png")
    (tmp_path / "corrected").mkdir()
    shutil.copy(out / "masks" / f"{STEM}.png", tmp_path / "corrected")
    done = _import(tmp_path / "corrected", images)
    assert done.status == 0, done.err
    assert open_dataset(images.parent / "data").stems == [STEM]
    np.testing.assert_array_equal(_imported(images), corrected)


def test_the_radiographs_may_lie_in_the_folder_that_was_written_into(model: Path, images: Path) -> None:
    assert pbrs("segment", images, "-o", images, "--model", model).status == 0
    corrected = _correct(images / "masks" / f"{STEM}.png")
    done = _import(images, images)
    assert done.status == 0, done.err
    np.testing.assert_array_equal(_imported(images), corrected)


@pytest.mark.parametrize("corrected_as", ["png", "coco"])
def test_masks_of_dicom_files_named_by_uid_find_their_image(model: Path, tmp_path: Path, corrected_as: str) -> None:
    """Without suffix, the last number of the name looks like one."""
    (tmp_path / "images").mkdir()
    for index in (1, 2):
        make_dicom(tmp_path / "images" / f"1.2.840.{index}", phantom(index)[0])
    done = pbrs("segment", tmp_path / "images", "-o", tmp_path / "po", "--model", model, "--format", corrected_as)
    assert done.status == 0, done.err
    if corrected_as == "coco":
        done = _import(tmp_path / "po", tmp_path / "images", "--format", "coco")
        assert done.status == 0, done.err
        assert len(list((tmp_path / "data" / "masks").iterdir())) == 2
        return
    report = json.loads((tmp_path / "po" / "report.json").read_text())
    corrected = _correct(tmp_path / "po" / report["images"][1]["files"]["mask"])
    done = _import(tmp_path / "po", tmp_path / "images")
    assert done.status == 0, done.err
    assert sorted(path.name for path in (tmp_path / "data" / "masks").iterdir()) == ["1.2.840.1.png", "1.2.840.2.png"]
    np.testing.assert_array_equal(_imported(tmp_path / "images", "1.2.840.2"), corrected)


def test_structures_come_if_asked_for_and_contradictions_are_told(segmented: Segment, images: Path) -> None:
    out = segmented("--format", "nifti,coco")
    _correct(out / "masks" / f"{STEM}.png")
    done = _import(out, images, "--structures")
    assert done.status == 0, done.err
    assert len(open_dataset(images.parent / "data").structures["sacrum"]) == 12
    assert f"1 cases have structures that reach beyond their region, one of which is wrong: {STEM}\n" in done.out


def test_masks_corrected_as_nifti_are_imported_from_their_folder(segmented: Segment, images: Path) -> None:
    out = segmented("--format", "nifti")
    file = out / "nifti" / f"{STEM}.nii.gz"
    volume = nibabel.load(file)
    voxels = np.asarray(volume.dataobj).copy()
    voxels[:, : voxels.shape[1] // 2] = 0
    nibabel.save(nibabel.Nifti1Image(voxels, volume.affine, volume.header), file)
    done = _import(out / "nifti", images)
    assert done.status == 0, done.err
    np.testing.assert_array_equal(_imported(images), voxels[:, :, 0].T > 0)
    assert open_dataset(images.parent / "data").structures == {}
    assert "add --structures" in done.out


def test_the_structures_alone_are_no_corrected_region(segmented: Segment, images: Path) -> None:
    out = segmented()
    refused = _import(out / "structures", images)
    assert refused.status == 2
    assert refused.err.count("\n") == 1
    assert "holds structures only" in refused.err
    assert not (images.parent / "data").exists()
    assert _import(out / "structures", images, "--structures").status == 0


def test_elsewhere_annotations_beside_mask_files_are_refused_until_one_is_chosen(
    segmented: Segment, images: Path, tmp_path: Path
) -> None:
    out = segmented("--format", "coco")
    model_drew = np.asarray(Image.open(out / "masks" / f"{STEM}.png")) > 0
    corrected = _correct(out / "masks" / f"{STEM}.png")
    (out / "masks").rename(tmp_path / "export")
    (out / "coco.json").rename(tmp_path / "export" / "coco.json")
    refused = _import(tmp_path / "export", images)
    assert refused.status == 2
    assert refused.err.count("\n") == 1
    for named in ("coco.json", "phantom_000.png", "--format coco or --format mitk"):
        assert named in refused.err
    for choice, mask in (("coco", model_drew), ("mitk", corrected), ("png", corrected)):
        assert _import(tmp_path / "export", images, "--format", choice).status == 0
        np.testing.assert_array_equal(_imported(images), mask)
        shutil.rmtree(images.parent / "data")


def test_pxr150_takes_the_corrected_masks_too(segmented: Segment, images: Path, tmp_path: Path) -> None:
    out = segmented("--format", "coco")
    corrected = _correct(out / "masks" / f"{STEM}.png")
    done = pbrs("dataset", "import-pxr150", images, "--masks", out, "-o", tmp_path / "data", "--any-count")
    assert done.status == 0, done.err
    np.testing.assert_array_equal(_imported(images), corrected)
    assert open_dataset(tmp_path / "data").structures == {}


def test_training_says_which_channels_have_no_masks(phantoms: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = make_settings({"channels": ("region", "hip_left", "sacrum"), "image_size": 96})
    split = read_split(phantoms / "split.csv")
    load_run_data(open_dataset(phantoms), split, settings)
    assert capsys.readouterr().out == (
        f"no masks of hip_left, sacrum for training in {phantoms}: these channels follow what the region learns\n"
    )
    load_run_data(open_dataset(phantoms), split, make_settings({"image_size": 96}))
    assert capsys.readouterr().out == ""
