"""What every exporter does: which cases, which part each belongs to, and the pixels as 8-bit grey."""

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.folder import Dataset
from pbrs.dataset.match import shortened
from pbrs.dataset.split_file import holds_folds, read_split
from pbrs.errors import InputError


def exported_parts(dataset: Dataset) -> dict[str, str] | None:
    """The part of every case with image and mask; None where there is no split, or one into folds.

    Raises
    ------
    InputError
        If no case has a mask, or ``split.csv`` is not about these cases.
    """
    if not dataset.stems:
        raise InputError(f"no image in {dataset.path} has a mask: nothing to export; add masks/STEM.png")
    file = dataset.path / "split.csv"
    if not file.exists() or holds_folds(file):
        return None
    parts = read_split(file).parts
    missing = [stem for stem in dataset.stems if stem not in parts]
    if missing:
        raise InputError(
            f"{file} does not say the part of {shortened(missing)}: make it anew with `pbrs dataset split --force`"
        )
    return {stem: parts[stem] for stem in dataset.stems}


def grey8(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Radiograph, float32 (H, W) in [0, 1], as uint8 (H, W)."""
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
