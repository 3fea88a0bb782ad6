"""COCO: one file a call, which gives the masks again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from pbrs.dataset.rings import fill_rings
from pbrs.dataset.rle import decode_runs, text_to_runs
from pbrs.radiograph.anatomy import ANATOMY
from pbrs.segmentation.formats import FormatWriter

from .conftest import MODEL, SECRETS


def drawn(segmentation: object, shape: tuple[int, int]) -> np.ndarray:
    """The mask of one annotation."""
    if isinstance(segmentation, dict):
        return decode_runs(text_to_runs(segmentation["counts"]), shape)
    assert isinstance(segmentation, list)
    return fill_rings([np.reshape(polygon, (-1, 2)).astype(float) for polygon in segmentation], shape)


def test_masks_come_back_as_polygons_or_with_holes_as_run_lengths(tmp_path: Path, segmented):
    image = segmented()
    writer = FormatWriter(["coco"], MODEL)
    writer.write(tmp_path, image, "folder/case.dcm")
    assert writer.finish(tmp_path) == {"coco": "coco.json"}
    content = json.loads((tmp_path / "coco.json").read_text())
    (entry,) = content["images"]
    assert entry == {"id": 1, "file_name": "folder/case.dcm", "stem": "case", "width": 81, "height": 58}
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert list(names.values()) == list(ANATOMY)
    found = {names[each["category_id"]]: each for each in content["annotations"]}
    assert set(found) == set(ANATOMY) - {"femur_left"}, "nothing has no annotation"
    for name, annotation in found.items():
        mask = image.masks[name]
        assert np.array_equal(drawn(annotation["segmentation"], mask.shape), mask), name
        assert annotation["area"] == mask.sum()
    assert isinstance(found["region"]["segmentation"], dict), "has a hole"
    assert isinstance(found["femur_right"]["segmentation"], list)


def test_categories_have_the_same_numbers_in_every_file(tmp_path: Path, segmented, segmentation):
    numbers = []
    for structures in (segmentation.structures, {}, {"coccyx": segmentation.mask}):
        writer = FormatWriter(["coco"], MODEL)
        writer.write(tmp_path, replace(segmented(), segmentation=replace(segmentation, structures=structures)), "x")
        writer.finish(tmp_path)
        categories = json.loads((tmp_path / "coco.json").read_text())["categories"]
        numbers.append({category["name"]: category["id"] for category in categories})
    assert numbers[0] == numbers[1] == {name: number for number, name in enumerate(ANATOMY, start=1)}
    assert numbers[2] == {**numbers[0], "coccyx": 7}


def test_several_images_are_in_one_file_in_the_order_of_their_stems(tmp_path: Path, segmented):
    writer = FormatWriter(["coco"], MODEL)
    for stem in ("b", "c", "a"):
        writer.write(tmp_path, segmented(stem=stem), f"{stem}.dcm")
    writer.finish(tmp_path)
    text = (tmp_path / "coco.json").read_text()
    content = json.loads(text)
    assert [(image["id"], image["stem"]) for image in content["images"]] == [(1, "a"), (2, "b"), (3, "c")]
    assert [annotation["id"] for annotation in content["annotations"]] == list(range(1, 16))
    assert {annotation["image_id"] for annotation in content["annotations"]} == {1, 2, 3}
    assert not [secret for secret in SECRETS if secret in text]


def test_a_call_without_images_gives_a_file_without_images(tmp_path: Path):
    writer = FormatWriter(["coco"], MODEL)
    writer.finish(tmp_path)
    assert json.loads((tmp_path / "coco.json").read_text())["images"] == []
