"""Small datasets whose images do not look alike, unlike phantoms, which are near-duplicates of one another."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def texture(index: int, shape: tuple[int, int] = (60, 72)) -> np.ndarray:
    """A smooth random picture, uint8 (H, W), that looks like no other."""
    coarse = np.random.default_rng(index).uniform(20, 235, (12, 12)).astype(np.float32)
    height, width = shape
    return (
        np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
        .clip(0, 255)
        .astype(np.uint8)
    )


def write_textures(folder: Path, count: int) -> Path:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for index in range(count):
        picture = texture(index)
        Image.fromarray(picture).save(folder / "images" / f"case_{index:03d}.png")
        Image.fromarray((picture > 120).astype(np.uint8) * 255).save(folder / "masks" / f"case_{index:03d}.png")
    return folder


@pytest.fixture
def textures(tmp_path: Path) -> Callable[[int], Path]:
    """Make a dataset folder of so many cases, each with a picture and a mask of its own."""
    return lambda count: write_textures(tmp_path / "textures", count)
