"""Tell where a model with structures errs, for docs/model-card.md.

    python tools/locate_errors.py MODEL.onnx runs/shifted-200

Every wrong pixel of the region is given to a zone: a missed one to the structure that it belongs to, a pixel too much
to the obturator foramen that it lies in, or to the nearest structure. The dataset needs the masks of all structures.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pbrs.dataset.folder import STRUCTURES, Dataset, open_dataset
from pbrs.segmentation import Segmenter

ZONES = (
    "sacrum",
    "sacroiliac joints (sacrum over ilium)",
    "iliac wings (upper half of the hip bones)",
    "acetabula, pubis, ischium (lower half)",
    "femora",
)


def main(model: str, folder: str) -> None:
    segmenter, dataset = Segmenter.load(model, "onnxruntime"), open_dataset(Path(folder))
    missed, extra = defaultdict(int), defaultdict(int)
    for stem in dataset.stems:
        radiograph, truth = dataset.read(stem)
        found = segmenter.segment(radiograph).mask
        zones, foramina = divide(dataset, stem, radiograph.shape)
        for number, zone in enumerate(ZONES, start=1):
            missed[zone] += int((truth & ~found & (zones == number)).sum())
            extra[zone] += int((found & ~truth & ~foramina & (zones == number)).sum())
        extra["obturator foramina"] += int((found & ~truth & foramina).sum())
    every = sum(missed.values()) + sum(extra.values())
    print(f"{segmenter.card.name}, {len(dataset.stems)} {'synthetic ' * dataset.is_synthetic}radiographs\n")
    print("| zone | missed | too much |\n| --- | ---: | ---: |")
    for zone in (*ZONES, "obturator foramina"):
        print(f"| {zone} | {missed[zone] / every:.1%} | {extra[zone] / every:.1%} |")


def divide(dataset: Dataset, stem: str, shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Give the zone, from 1, that is nearest to every pixel (H, W), and where the obturator foramina are."""
    read = (dataset.read_structure(stem, name, shape) for name in STRUCTURES)
    masks = {name: mask for name, mask in zip(STRUCTURES, read, strict=True) if mask is not None}
    zones, foramina = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    for name, mask in masks.items():
        if name.startswith("femur"):
            zones[mask] = 5
    for name, mask in masks.items():
        if name.startswith("hip") and mask.any():
            rows = np.flatnonzero(mask.any(axis=1))
            middle = (rows[0] + rows[-1]) // 2
            zones[:middle][mask[:middle]] = 3
            zones[middle:][mask[middle:]] = 4
            foramina |= ndimage.binary_fill_holes(mask) & ~mask
    hips = masks["hip_left"] | masks["hip_right"]
    zones[masks["sacrum"]] = 1
    zones[masks["sacrum"] & hips] = 2
    nearest = ndimage.distance_transform_edt(zones == 0, return_distances=False, return_indices=True)
    return zones[tuple(nearest)], foramina


main(*sys.argv[1:])
