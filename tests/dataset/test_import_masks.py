import base64
import io
import json
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
from PIL import Image

from pbrs.dataset.folder import open_dataset
from pbrs.dataset.import_masks import import_masks
from pbrs.dataset.rle import encode_runs, runs_to_text
from pbrs.errors import InputError
from pbrs.radiograph.find import image_stem
from phantom import phantom, write_phantoms

SHAPE = (96, 112)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_phantoms(tmp_path / "source", 4) / "images"


def _write_mask(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8)).save(path)


def _assert_masks(dataset_folder: Path, masks: dict[str, np.ndarray]) -> None:
    dataset = open_dataset(dataset_folder)
    assert dataset.stems == sorted(masks)
    for stem, mask in masks.items():
        np.testing.assert_array_equal(dataset.read(stem)[1], mask)
        # Written so that an image viewer shows it.
        assert set(np.unique(np.asarray(Image.open(dataset.masks[stem])))) <= {0, 255}


@pytest.mark.parametrize(
    "name", ["{}.png", "{}_mask.png", "{}-label.png", "{}.nii.png", "{}_seg_mask.png", "{}.Label.PNG"]
)
def test_masks_are_matched_by_stem_and_common_suffixes(tmp_path: Path, images: Path, name: str) -> None:
    masks = {f"phantom_{index:03d}": phantom(index)[1] for index in range(4)}
    for stem, mask in masks.items():
        _write_mask(tmp_path / "masks" / name.format(stem), mask)
    report = import_masks(tmp_path / "masks", images, tmp_path / "out")
    assert (report.images, report.masks, report.notes) == (4, 4, ())
    _assert_masks(tmp_path / "out", masks)


def test_images_are_copied_byte_for_byte_and_the_source_is_recorded(tmp_path: Path, images: Path) -> None:
    import_masks(images.parent / "masks", images, tmp_path / "out")
    for image in images.iterdir():
        assert (tmp_path / "out" / "images" / image.name).read_bytes() == image.read_bytes()
    info = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert info["synthetic"] is False
    assert (info["images"], info["masks"], info["mask_format"]) == (4, 4, "mitk")
    assert info["source"] == "masks from masks, images from images"
    assert str(tmp_path) not in json.dumps(info)


def test_mitk_nrrd_masks_are_imported(tmp_path: Path, images: Path) -> None:
    (tmp_path / "masks").mkdir()
    for index in range(2):
        # MITK writes columns first, and one slice.
        volume = phantom(index)[1].T[:, :, None].astype(np.uint8)
        nrrd.write(str(tmp_path / "masks" / f"phantom_{index:03d}.nrrd"), volume)
    report = import_masks(tmp_path / "masks", images, tmp_path / "out")
    _assert_masks(tmp_path / "out", {f"phantom_{index:03d}": phantom(index)[1] for index in range(2)})
    assert report.notes == ("2 images without a mask, left out: phantom_002, phantom_003",)


def test_structures_are_found_by_folder_or_name_and_make_the_region(tmp_path: Path, images: Path) -> None:
    left, right = (np.zeros(SHAPE, dtype=bool) for _ in range(2))
    left[10:30, 60:90] = True
    right[15:40, 10:70] = True
    _write_mask(tmp_path / "masks" / "hip_left" / "phantom_000.png", left)
    _write_mask(tmp_path / "masks" / "phantom_000_hip_right_mask.png", right)
    report = import_masks(tmp_path / "masks", images, tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    for name, drawn in (("hip_left", left), ("hip_right", right)):
        np.testing.assert_array_equal(dataset.read_structure("phantom_000", name, SHAPE), drawn)
    _assert_masks(tmp_path / "out", {"phantom_000": left | right})
    assert "1 cases had structures only: their region is the union of these" in report.notes
    assert dataset.info["structures"] == {"hip_left": 1, "hip_right": 1}


# Two squares with known pixels: columns 10–19, rows 20–29, and columns 15–24, rows 25–34.
SQUARE = [10, 20, 20, 20, 20, 30, 10, 30]
LINE = {"shapes": [{"label": "a", "shape_type": "line", "points": []}], "imagePath": "phantom_001.png"}
OTHER = [15, 25, 25, 25, 25, 35, 15, 35]


def _squares() -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[20:30, 10:20] = True
    mask[25:35, 15:25] = True
    return mask


def _coco(*annotations: dict[str, Any], **replaced: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 7, "file_name": "set/phantom_001.png", "height": SHAPE[0], "width": SHAPE[1]}],
        "categories": [{"id": 3, "name": "pelvis"}, {"id": 4, "name": "implant"}, {"id": 5, "name": "Hip Left"}],
        "annotations": [{"id": i, "image_id": 7, "category_id": 3, **a} for i, a in enumerate(annotations)],
        **replaced,
    }


def _import_json(tmp_path: Path, images: Path, content: Any, **options: Any) -> Any:
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    return import_masks(tmp_path / "annotations.json", images, tmp_path / "out", **options)


def test_coco_polygons_are_united_also_where_they_overlap(tmp_path: Path, images: Path) -> None:
    _import_json(tmp_path, images, _coco({"segmentation": [SQUARE, OTHER]}))
    _assert_masks(tmp_path / "out", {"phantom_001": _squares()})


def test_coco_annotations_of_one_category_are_united(tmp_path: Path, images: Path) -> None:
    _import_json(tmp_path, images, _coco({"segmentation": [SQUARE]}, {"segmentation": [OTHER]}))
    _assert_masks(tmp_path / "out", {"phantom_001": _squares()})


@pytest.mark.parametrize("compressed", [False, True])
def test_coco_run_lengths_are_read_compressed_or_not(tmp_path: Path, images: Path, compressed: bool) -> None:
    mask = phantom(1)[1]
    runs = encode_runs(mask)
    counts = runs_to_text(runs) if compressed else runs
    _import_json(tmp_path, images, _coco({"segmentation": {"size": list(SHAPE), "counts": counts}}))
    _assert_masks(tmp_path / "out", {"phantom_001": mask})


def test_of_several_labels_the_regions_must_be_named(tmp_path: Path, images: Path) -> None:
    content = _coco(
        {"segmentation": [SQUARE]},
        {"segmentation": [[50, 50, 60, 50, 60, 60]], "category_id": 4},
        {"segmentation": [OTHER], "category_id": 5},
    )
    with pytest.raises(InputError, match="labelled implant, pelvis: name the bone region's with --category"):
        _import_json(tmp_path, images, content)
    with pytest.raises(InputError, match="no mask is labelled bone"):
        _import_json(tmp_path, images, content, category="bone")
    report = _import_json(tmp_path, images, content, category="pelvis")
    dataset = open_dataset(tmp_path / "out")
    assert dataset.read("phantom_001")[1].sum() == 100
    assert "labels left out: implant" in report.notes
    hip = dataset.read_structure("phantom_001", "hip_left", SHAPE)
    assert hip is not None
    assert hip[25:35, 15:25].all()
    assert hip.sum() == 100


def test_labelme_shapes_are_drawn(tmp_path: Path, images: Path) -> None:
    painted = np.zeros((5, 7), dtype=np.uint8)
    painted[1:4, 2:6] = 255
    buffer = io.BytesIO()
    Image.fromarray(painted).save(buffer, "PNG")
    shapes = [
        {"shape_type": "polygon", "points": [[10, 20], [20, 20], [20, 30], [10, 30]]},
        {"shape_type": "rectangle", "points": [[25, 35], [15, 25]]},
        {"shape_type": "circle", "points": [[80.5, 60.5], [84.5, 60.5]]},
        {"shape_type": "mask", "points": [[50, 5], [56, 9]], "mask": base64.b64encode(buffer.getvalue()).decode()},
    ]
    content = {
        "imagePath": "..\\images\\phantom_002.png",
        "imageHeight": SHAPE[0],
        "imageWidth": SHAPE[1],
        "shapes": [{"label": "bone", **shape} for shape in shapes],
    }
    _import_json(tmp_path, images, content)
    expected = _squares()
    # Radius 4 about the centre of pixel (60, 80).
    row, column = np.ogrid[: SHAPE[0], : SHAPE[1]]
    expected |= (row - 60) ** 2 + (column - 80) ** 2 <= 16
    expected[6:9, 52:56] = True
    _assert_masks(tmp_path / "out", {"phantom_002": expected})


def test_labelme_files_may_lie_beside_the_images(tmp_path: Path, images: Path) -> None:
    for index in range(4):
        content = {
            "imagePath": f"phantom_{index:03d}.png",
            "imageHeight": SHAPE[0],
            "imageWidth": SHAPE[1],
            "shapes": [{"label": "region", "points": np.reshape(SQUARE, (4, 2)).tolist()}],
        }
        (images / f"phantom_{index:03d}.json").write_text(json.dumps(content))
    assert import_masks(images, images, tmp_path / "out").masks == 4


def test_masks_of_another_size_are_refused_or_resized(tmp_path: Path, images: Path) -> None:
    half = phantom(0)[1][::2, ::2]
    _write_mask(tmp_path / "masks" / "phantom_000.png", half)
    with pytest.raises(InputError, match="--resize-masks"):
        import_masks(tmp_path / "masks", images, tmp_path / "out")
    import_masks(tmp_path / "masks", images, tmp_path / "out", resize=True)
    _assert_masks(tmp_path / "out", {"phantom_000": half.repeat(2, axis=0).repeat(2, axis=1)})
    content = _coco({"segmentation": [[5, 10, 10, 10, 10, 15, 5, 15]]})
    content["images"][0].update(height=48, width=56)
    (tmp_path / "out").rename(tmp_path / "first")
    with pytest.raises(InputError, match="annotated at 56×48, but the image phantom_001 has 112×96"):
        _import_json(tmp_path, images, content)
    _import_json(tmp_path, images, content, resize=True)
    expected = np.zeros(SHAPE, dtype=bool)
    expected[20:30, 10:20] = True
    _assert_masks(tmp_path / "out", {"phantom_001": expected})


def test_what_has_no_counterpart_is_told_and_left_out(tmp_path: Path, images: Path) -> None:
    for stem in ("phantom_000", "phantom_003", "someone_else"):
        _write_mask(tmp_path / "masks" / f"{stem}.png", phantom(0)[1])
    report = import_masks(tmp_path / "masks", images, tmp_path / "out")
    assert report.notes == (
        "1 masks without an image, left out: someone_else",
        "2 images without a mask, left out: phantom_001, phantom_002",
    )
    assert open_dataset(tmp_path / "out").stems == ["phantom_000", "phantom_003"]


def test_bad_files_are_all_named_and_nothing_is_left(tmp_path: Path, images: Path) -> None:
    for index in range(4):
        _write_mask(tmp_path / "masks" / f"phantom_{index:03d}.png", phantom(index)[1])
    (tmp_path / "masks" / "phantom_001.png").write_bytes(b"no picture")
    (images / "phantom_003.png").write_bytes(b"no picture either")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="2 of 4 cases cannot be imported, nothing is written") as told:
        import_masks(tmp_path / "masks", images, tmp_path / "out")
    assert "phantom_001.png" in str(told.value)
    assert "phantom_003.png" in str(told.value)
    assert "\n" not in str(told.value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("masks", "inner"), [("set/masks", "set"), ("set", "set/images"), ("a/masks", "a/images")])
def test_masks_may_lie_below_the_images_or_these_below_the_masks(
    tmp_path: Path, images: Path, masks: str, inner: str
) -> None:
    for index in range(4):
        _write_mask(tmp_path / masks / f"phantom_{index:03d}.png", phantom(index)[1])
        (tmp_path / inner).mkdir(parents=True, exist_ok=True)
        name = f"phantom_{index:03d}.png"
        (tmp_path / inner / name).write_bytes((images / name).read_bytes())
    import_masks(tmp_path / masks, tmp_path / inner, tmp_path / "out")
    _assert_masks(tmp_path / "out", {f"phantom_{index:03d}": phantom(index)[1] for index in range(4)})


def test_an_existing_folder_is_not_touched(tmp_path: Path, images: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="exists already"):
        import_masks(images.parent / "masks", images, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_two_masks_of_one_image_are_refused(tmp_path: Path, images: Path) -> None:
    for name in ("phantom_000.png", "phantom_000_mask.png"):
        _write_mask(tmp_path / "masks" / name, phantom(0)[1])
    with pytest.raises(InputError, match="both hold the region of phantom_000"):
        import_masks(tmp_path / "masks", images, tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_coco({"segmentation": [[1, 2, 3]]}), "expected 3 or more pairs of numbers"),
        (_coco({"segmentation": [[1, 2, 3, 4]]}), "expected 3 or more pairs of numbers"),
        (_coco({"segmentation": [[1, 2, 3, 4, 5, float("nan")]]}), "expected 3 or more pairs of numbers"),
        (_coco({"segmentation": [["a", 2, 3, 4, 5, 6]]}), "expected 3 or more pairs of numbers"),
        (_coco({"segmentation": {"size": [3, 4], "counts": [12]}}), "have height and width"),
        (_coco({"segmentation": {"size": list(SHAPE), "counts": [12]}}), "run lengths do not sum"),
        (_coco({"segmentation": {"size": list(SHAPE), "counts": 5}}), "neither text nor numbers"),
        (_coco({"segmentation": [SQUARE], "image_id": 9}), "which the file does not list"),
        (_coco({"segmentation": [SQUARE], "image_id": "x"}), "expected a whole number"),
        (_coco({"area": 3}), "segmentation is missing"),
        (_coco({"segmentation": [SQUARE]}, categories=5), "categories is 5, expected a list"),
        ({**LINE, "imageHeight": SHAPE[0], "imageWidth": SHAPE[1]}, "is a line"),
        ({"shapes": []}, "imageHeight is missing"),
        ([1], "no masks"),
    ],
)
def test_faulty_annotations_are_told_in_one_line(tmp_path: Path, images: Path, content: Any, told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        _import_json(tmp_path, images, content)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_an_absurd_size_is_refused_before_it_is_made(tmp_path: Path, images: Path) -> None:
    content = _coco({"segmentation": {"size": [10**6, 10**6], "counts": [10**12]}})
    content["images"][0].update(height=10**6, width=10**6)
    with pytest.raises(InputError, match="expected at most"):
        _import_json(tmp_path, images, content, resize=True)


def test_folders_without_masks_are_told(tmp_path: Path, images: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no masks .* in"):
        import_masks(tmp_path / "empty", images, tmp_path / "out")
    with pytest.raises(InputError, match="no coco masks in"):
        import_masks(images, images, tmp_path / "out", mask_format="coco")
    with pytest.raises(InputError, match="put the masks into a folder of their own"):
        import_masks(images, images, tmp_path / "out")
    with pytest.raises(InputError, match=r"no such folder"):
        import_masks(tmp_path / "missing", images, tmp_path / "out")
    _write_mask(tmp_path / "strange" / "other.png", phantom(0)[1])
    with pytest.raises(InputError, match="none of 1 masks has an image of its name"):
        import_masks(tmp_path / "strange", images, tmp_path / "out")


def test_a_dicom_uid_without_a_suffix_is_the_stem_as_a_whole() -> None:
    assert image_stem(Path("1.2.840.113619.567")) == "1.2.840.113619.567"
    assert image_stem(Path("1.2.840.113619.567.DCM")) == "1.2.840.113619.567"


def test_a_folder_of_tiff_and_jpeg_masks_is_read_and_other_pictures_are_named(tmp_path: Path, images: Path) -> None:
    _write_mask(tmp_path / "masks" / "phantom_000.tif", phantom(0)[1])
    _write_mask(tmp_path / "masks" / "phantom_001.TIFF", phantom(1)[1])
    Image.fromarray(phantom(2)[1].astype(np.uint8) * 255).save(tmp_path / "masks" / "phantom_002.jpg", quality=95)
    Image.fromarray(phantom(3)[1].astype(np.uint8) * 255).save(tmp_path / "masks" / "phantom_003.bmp")
    report = import_masks(tmp_path / "masks", images, tmp_path / "out")
    _assert_masks(tmp_path / "out", {f"phantom_{index:03d}": phantom(index)[1] for index in range(3)})
    assert "1 files left out, which are not read as masks (save as PNG): phantom_003.bmp" in report.notes
    (tmp_path / "only").mkdir()
    (tmp_path / "masks" / "phantom_003.bmp").rename(tmp_path / "only" / "phantom_003.bmp")
    with pytest.raises(InputError, match=r"no masks .*save as PNG.*phantom_003\.bmp"):
        import_masks(tmp_path / "only", images, tmp_path / "out2")


def _write_slicer(path: Path, masks: dict[str, np.ndarray]) -> None:
    """Write a segmentation as 3D Slicer does: one layer, cropped to what is drawn, with names and label values."""
    labels = np.zeros(SHAPE, np.uint8)
    header: dict[str, Any] = {
        "space": "left-posterior-superior",
        "space directions": np.eye(3),
        "kinds": ["domain"] * 3,
    }
    for number, (name, mask) in enumerate(masks.items()):
        labels[mask] = number + 1
        header |= {f"Segment{number}_Name": name, f"Segment{number}_LabelValue": str(number + 1)}
    rows, columns = np.flatnonzero(labels.any(axis=1)), np.flatnonzero(labels.any(axis=0))
    top, left = rows[0], columns[0]
    cropped = labels[top : rows[-1] + 1, left : columns[-1] + 1]
    header |= {"space origin": [left, top, 0], "Segmentation_ReferenceImageExtentOffset": f"{left} {top} 0"}
    path.parent.mkdir(exist_ok=True)
    nrrd.write(str(path), cropped.T[..., None], header)


def _boxes() -> tuple[np.ndarray, np.ndarray]:
    left, right = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    left[10:30, 60:90], right[15:40, 10:58] = True, True
    return left, right


def test_slicers_segments_become_structures_wherever_they_were_cropped(tmp_path: Path, images: Path) -> None:
    left, right = _boxes()
    _write_slicer(tmp_path / "masks" / "phantom_000.seg.nrrd", {"Left hip bone": left, "hip_right": right})
    import_masks(tmp_path / "masks", images, tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    for name, drawn in (("hip_left", left), ("hip_right", right)):
        np.testing.assert_array_equal(dataset.read_structure("phantom_000", name, SHAPE), drawn)
    _assert_masks(tmp_path / "out", {"phantom_000": left | right})


def test_a_segment_of_another_name_is_left_out_beside_structures_and_named(tmp_path: Path, images: Path) -> None:
    left, right = _boxes()
    _write_slicer(tmp_path / "masks" / "phantom_000.seg.nrrd", {"hip_left": left, "Screw": right})
    report = import_masks(tmp_path / "masks", images, tmp_path / "out")
    assert "labels left out: Screw" in report.notes
    _assert_masks(tmp_path / "out", {"phantom_000": left})


def test_a_segment_that_contradicts_its_files_name_is_refused(tmp_path: Path, images: Path) -> None:
    _write_slicer(tmp_path / "masks" / "phantom_000_hip_right.seg.nrrd", {"hip_left": _boxes()[0]})
    with pytest.raises(InputError, match="is named hip_right, but holds hip_left"):
        import_masks(tmp_path / "masks", images, tmp_path / "out")


def test_annotations_of_other_proportions_are_refused_even_with_resizing(tmp_path: Path, images: Path) -> None:
    content = _coco({"segmentation": [SQUARE]})
    content["images"][0].update(height=SHAPE[0], width=SHAPE[0])
    with pytest.raises(InputError, match="in other proportions"):
        _import_json(tmp_path, images, content, resize=True)
