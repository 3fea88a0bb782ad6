"""Draw README's picture: synthetic radiographs, and the region and structures that the shipped model finds.

    python tools/draw_overview.py DATASET docs/overview.png STEM [STEM …]

Prints the IoU of each region with the true one, for the picture's caption.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from pbrs.atomic_write import write_png
from pbrs.dataset.folder import open_dataset
from pbrs.evaluation.scores import score_masks
from pbrs.radiograph.anatomy import anatomy_of
from pbrs.segmentation import Segmenter
from pbrs.segmentation.overlay import draw_overlay

WIDTH = 320


def main(dataset: str, target: str, *stems: str) -> None:
    segmenter, data = Segmenter.load(runtime="onnxruntime"), open_dataset(Path(dataset))
    rows = []
    for stem in stems:
        radiograph, truth = data.read(stem)
        found = segmenter.segment(radiograph)
        print(stem, f"IoU {score_masks(found.mask, truth).iou:.2f}")
        grey = np.repeat((radiograph.pixels * 255).astype(np.uint8)[..., None], 3, axis=2)
        structures = grey
        for name, mask in found.structures.items():
            tinted = draw_overlay(radiograph.pixels, mask, anatomy_of(name).colour)
            structures = np.where(mask[..., None], tinted, structures)
        height = round(radiograph.shape[0] * WIDTH / radiograph.shape[1])
        pictures = (grey, draw_overlay(radiograph.pixels, found.mask), structures)
        rows.append(np.hstack([Image.fromarray(picture).resize((WIDTH, height)) for picture in pictures]))
    write_png(Path(target), np.vstack(rows))


main(*sys.argv[1:])
