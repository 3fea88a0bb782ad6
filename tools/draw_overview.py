"""Draw README's picture: radiographs of a data set, their true masks, and what a model finds.

python tools/draw_overview.py RUN DATASET docs/overview.png STEM [STEM …]
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from pbrs.atomic_write import write_png
from pbrs.dataset.folder import open_dataset
from pbrs.segmentation import Segmenter
from pbrs.segmentation.overlay import draw_overlay

HEIGHT = 230
TRUTH_COLOUR = (0, 158, 255)


def main(run: str, dataset: str, target: str, *stems: str) -> None:
    segmenter, data = Segmenter.load(Path(run)), open_dataset(Path(dataset))
    rows = []
    for stem in stems:
        radiograph, truth = data.read(stem)
        found = segmenter.segment(radiograph).mask
        pictures = (
            np.repeat((radiograph.pixels * 255).astype(np.uint8)[..., None], 3, axis=2),
            draw_overlay(radiograph.pixels, truth, TRUTH_COLOUR),
            draw_overlay(radiograph.pixels, found),
        )
        width = round(radiograph.shape[1] * HEIGHT / radiograph.shape[0])
        rows.append(np.hstack([Image.fromarray(picture).resize((width, HEIGHT)) for picture in pictures]))
    widest = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0))) for row in rows]
    write_png(Path(target), np.vstack(padded))


main(*sys.argv[1:])
