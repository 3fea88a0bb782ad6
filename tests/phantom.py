"""Small drawn 'pelves' with exact masks, so that no test needs a data set: nothing here resembles a patient."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage


def phantom(index: int, shape: tuple[int, int] = (96, 112)) -> tuple[np.ndarray, np.ndarray]:
    """Draw one phantom: uint8 image (H, W) and bool mask (H, W), different in size and place for every index."""
    random = np.random.default_rng(index)
    height, width = shape
    row, column = np.mgrid[0:height, 0:width]
    x = (column / width - 0.5 - random.uniform(-0.05, 0.05)) / random.uniform(0.85, 1.1)
    y = (row / height - 0.5 - random.uniform(-0.05, 0.05)) / random.uniform(0.85, 1.1)
    ring = (x**2 / 0.35**2 + y**2 / 0.28**2 < 1) & (x**2 / 0.22**2 + (y - 0.02) ** 2 / 0.16**2 > 1)
    sacrum = (np.abs(x) < 0.09 - 0.15 * (y + 0.1)) & (y > -0.35) & (y < 0.05)
    femur_left = (np.abs(x - 0.36 - 0.1 * (y - 0.1)) < 0.05) & (y > 0.08)
    femur_right = (np.abs(x + 0.36 + 0.1 * (y - 0.1)) < 0.06) & (y > 0.05)
    mask = ring | sacrum | femur_left | femur_right
    body = (x**2 / 0.48**2 + y**2 / 0.7**2) < 1
    image = 20 + 60.0 * body + random.uniform(70, 110) * mask + random.normal(0, 6, shape)
    # 'Bowel' of its own for each, so that no two are taken for the same picture.
    bowel = ndimage.gaussian_filter(random.normal(size=shape), min(shape) / 20, mode="nearest")
    image += 28 * bowel / bowel.std()
    return np.clip(image, 0, 255).astype(np.uint8), mask


def write_phantoms(folder: Path, count: int, first: int = 0, shape: tuple[int, int] = (96, 112)) -> Path:
    """Write a dataset folder of `count` phantoms (`images/`, `masks/`) and return it."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for index in range(first, first + count):
        image, mask = phantom(index, shape)
        Image.fromarray(image).save(folder / "images" / f"phantom_{index:03d}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"phantom_{index:03d}.png")
    return folder
