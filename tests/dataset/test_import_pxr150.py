import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pbrs.dataset.folder import open_dataset
from pbrs.dataset.import_pxr150 import import_pxr150
from pbrs.errors import InputError


def _pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for index in range(count):
        Image.fromarray(np.full((8, 9), index, dtype=np.uint8) + np.arange(9, dtype=np.uint8)).save(
            folder / f"{index}_pelvis.png"
        )
    return folder


def _masks(folder: Path, stems: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for stem in stems:
        drawn = np.zeros((8, 9), dtype=np.uint8)
        drawn[2:5, 3:7] = 1
        Image.fromarray(drawn).save(folder / f"{stem}.png")
    return folder


def test_the_same_hundred_of_150_are_picked_before_and_after_masks_are_drawn(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path / "pxr150", 150)
    report = import_pxr150(pictures, tmp_path / "images_only", seed=4)
    assert (report.images, report.masks) == (100, 0)
    picked = list(open_dataset(tmp_path / "images_only").images)
    masks = _masks(tmp_path / "masks", picked)
    report = import_pxr150(pictures, tmp_path / "with_masks", masks=masks, seed=4)
    assert (report.images, report.masks, report.notes) == (100, 100, ())
    dataset = open_dataset(tmp_path / "with_masks")
    assert dataset.stems == picked
    assert dataset.read(picked[0])[1].sum() == 12
    # Masks for all 150 change nothing about the choice.
    _masks(masks, [path.stem for path in pictures.iterdir()])
    import_pxr150(pictures, tmp_path / "all_masks", masks=masks, seed=4)
    assert open_dataset(tmp_path / "all_masks").stems == picked


def test_another_seed_picks_others_and_the_seed_is_recorded(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path / "pxr150", 150)
    for seed in (0, 1):
        import_pxr150(pictures, tmp_path / f"seed_{seed}", seed=seed)
    first, second = (open_dataset(tmp_path / f"seed_{seed}") for seed in (0, 1))
    assert list(first.images) != list(second.images)
    assert second.info["seed"] == 1
    assert second.info["synthetic"] is False
    assert "PXR150" in second.info["source"]
    assert json.loads((tmp_path / "seed_1" / "dataset.json").read_text())["images_found"] == 150


def test_another_number_of_images_is_told_unless_any_is_accepted(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path / "pxr150", 12)
    with pytest.raises(InputError, match=r"12 images in .*: PXR150 has 150"):
        import_pxr150(pictures, tmp_path / "out")
    assert import_pxr150(pictures, tmp_path / "out", any_count=True).images == 12


def test_masks_that_are_not_there_yet_are_told(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path / "pxr150", 150)
    masks = _masks(tmp_path / "masks", [f"{index}_pelvis" for index in range(60)])
    report = import_pxr150(pictures, tmp_path / "out", masks=masks)
    assert report.images == report.masks == 60
    assert "of the 100 images of this seed have no mask" in report.notes[-1]


def test_masks_inside_the_folder_are_not_taken_for_radiographs(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path / "pxr150", 150)
    masks = _masks(pictures / "masks", [f"{index}_pelvis" for index in range(150)])
    assert import_pxr150(pictures, tmp_path / "out", masks=masks).masks == 100
