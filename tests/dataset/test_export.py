import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pbrs.dataset.export_coco import export_coco
from pbrs.dataset.export_nnunet import export_nnunet
from pbrs.dataset.folder import open_dataset
from pbrs.dataset.import_masks import import_masks
from pbrs.dataset.split import Split, make_folds
from pbrs.dataset.split_file import write_folds, write_split
from pbrs.errors import InputError
from phantom import phantom, write_phantoms

SHAPE = (96, 112)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four phantoms, the last without holes, with a structure each for two of them."""
    folder = write_phantoms(tmp_path / "dataset", 4)
    solid = np.zeros(SHAPE, dtype=np.uint8)
    solid[10:40, 20:70] = 255
    solid[40:50, 70:80] = 255  # touches at a corner
    Image.fromarray(solid).save(folder / "masks" / "phantom_003.png")
    (folder / "structures" / "sacrum").mkdir(parents=True)
    for index in (0, 2):
        drawn = (phantom(index)[1] & (np.arange(SHAPE[1]) > 50)).astype(np.uint8)
        Image.fromarray(drawn).save(folder / "structures" / "sacrum" / f"phantom_{index:03d}.png")
    return folder


def _split(folder: Path) -> None:
    parts = {"phantom_000": "train", "phantom_001": "test", "phantom_002": "validation", "phantom_003": "train"}
    write_split(folder / "split.csv", Split(parts))


@pytest.mark.parametrize("divided", [False, True])
def test_masks_come_back_from_coco_pixel_for_pixel(tmp_path: Path, folder: Path, divided: bool) -> None:
    if divided:
        _split(folder)
    dataset = open_dataset(folder)
    export_coco(dataset, tmp_path / "coco")
    import_masks(tmp_path / "coco", tmp_path / "coco" / "images", tmp_path / "back")
    back = open_dataset(tmp_path / "back")
    assert back.stems == dataset.stems
    assert list(back.structures["sacrum"]) == ["phantom_000", "phantom_002"]
    for stem in dataset.stems:
        np.testing.assert_array_equal(back.read(stem)[1], dataset.read(stem)[1])
        for_back, before = (each.read_structure(stem, "sacrum", SHAPE) for each in (back, dataset))
        assert (for_back is None) == (before is None)
        if before is not None:
            np.testing.assert_array_equal(for_back, before)


def test_coco_has_polygons_without_holes_and_run_lengths_with(tmp_path: Path, folder: Path) -> None:
    export_coco(open_dataset(folder), tmp_path / "coco")
    content = json.loads((tmp_path / "coco" / "instances.json").read_text())
    assert [category["name"] for category in content["categories"]] == ["region", "sacrum"]
    assert [image["file_name"] for image in content["images"]] == [f"phantom_{i:03d}.png" for i in range(4)]
    assert all((image["height"], image["width"]) == SHAPE for image in content["images"])
    assert len({annotation["id"] for annotation in content["annotations"]}) == len(content["annotations"]) == 6
    solid = content["annotations"][-1]
    assert solid["segmentation"] == [[20, 10, 70, 10, 70, 40, 20, 40], [70, 40, 80, 40, 80, 50, 70, 50]]
    assert (solid["area"], solid["bbox"], solid["iscrowd"]) == (1600, [20, 10, 60, 40], 0)
    ring = content["annotations"][0]
    assert ring["segmentation"]["size"] == list(SHAPE)
    assert isinstance(ring["segmentation"]["counts"], str)
    assert ring["area"] == phantom(0)[1].sum()


def test_a_split_gives_one_coco_file_a_part(tmp_path: Path, folder: Path) -> None:
    _split(folder)
    export_coco(open_dataset(folder), tmp_path / "coco")
    names = {
        path.stem: [image["file_name"] for image in json.loads(path.read_text())["images"]]
        for path in (tmp_path / "coco").glob("*.json")
    }
    assert names == {
        "instances_train": ["phantom_000.png", "phantom_003.png"],
        "instances_validation": ["phantom_002.png"],
        "instances_test": ["phantom_001.png"],
    }


def test_nnunet_gets_its_raw_layout(tmp_path: Path, folder: Path) -> None:
    _split(folder)
    dataset = open_dataset(folder)
    export_nnunet(dataset, tmp_path / "Dataset501_Pelvis")
    out = tmp_path / "Dataset501_Pelvis"
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.png")) == [
        "imagesTr/phantom_000_0000.png",
        "imagesTr/phantom_002_0000.png",
        "imagesTr/phantom_003_0000.png",
        "imagesTs/phantom_001_0000.png",
        "labelsTr/phantom_000.png",
        "labelsTr/phantom_002.png",
        "labelsTr/phantom_003.png",
        "labelsTs/phantom_001.png",
    ]
    label = np.asarray(Image.open(out / "labelsTr" / "phantom_002.png"))
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, phantom(2)[1].astype(np.uint8))
    image = Image.open(out / "imagesTr" / "phantom_002_0000.png")
    assert image.mode == "L"
    assert np.abs(np.asarray(image) / 255 - dataset.read("phantom_002")[0].pixels).max() <= 0.5 / 255 + 1e-6
    info = json.loads((out / "dataset.json").read_text())
    assert info["channel_names"] == {"0": "radiograph"}
    assert info["labels"] == {"background": 0, "pelvic_bone_region": 1}
    assert (info["numTraining"], info["file_ending"]) == (3, ".png")


def test_folds_leave_everything_to_training(tmp_path: Path, folder: Path) -> None:
    write_folds(folder / "split.csv", make_folds(open_dataset(folder), 3, duplicates=[]))
    export_nnunet(open_dataset(folder), tmp_path / "out")
    assert len(list((tmp_path / "out" / "imagesTr").iterdir())) == 4
    assert not (tmp_path / "out" / "imagesTs").exists()


@pytest.mark.parametrize("export", [export_nnunet, export_coco])
def test_a_failed_export_leaves_nothing(tmp_path: Path, folder: Path, export) -> None:  # type: ignore[no-untyped-def]
    (folder / "masks" / "phantom_003.png").write_bytes(b"no picture")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"phantom_003\.png"):
        export(open_dataset(folder), tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before
    (folder / "split.csv").write_text("stem,part\nphantom_000,train\n")
    with pytest.raises(InputError, match="does not say the part of phantom_001"):
        export(open_dataset(folder), tmp_path / "out")
