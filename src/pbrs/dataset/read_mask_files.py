"""Masks that stand in files of their own: MITK's NRRD and NIfTI exports, and PNG."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.folder import STRUCTURES
from pbrs.dataset.found_mask import FoundMask
from pbrs.file_name import name_as_text
from pbrs.radiograph import read_mask

MITK_SUFFIXES = (".nrrd", ".nii", ".nii.gz", ".png")
PNG_SUFFIXES = (".png",)


def find_mask_files(folder: Path, images: Path, suffixes: Sequence[str], resize: bool) -> list[FoundMask]:
    """Find mask files in a folder and below it.

    A mask belongs to a structure when its folder, or the end of its name, is called so: ``hip_left/case_07.png`` or
    ``case_07_hip_left.nrrd``.

    Parameters
    ----------
    folder
        A folder, or one file.
    images
        Folder of the images; where it lies below `folder`, its files are no masks.
    suffixes
        What a mask's name may end in, in lower case.
    resize
        Whether masks of another size than the image are resized to it, or refused.
    """
    files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    below = images.resolve() if folder.resolve() in images.resolve().parents else None
    found = []
    for file in files:
        suffix = next((end for end in sorted(suffixes, key=len, reverse=True) if file.name.lower().endswith(end)), None)
        if suffix is None or file.name.startswith(".") or not file.is_file():
            continue
        if below is not None and below in file.resolve().parents:
            continue
        stem, label = _structure_of(file, file.name[: -len(suffix)])
        found.append(FoundMask(name_as_text(stem), label, file, partial(_read, file, resize)))
    return found


def strip_mask_suffix(stem: str) -> str | None:
    """Take one suffix that tools add to a mask's name off a stem; None where there is none."""
    for end in ("mask", "label", "labels", "seg", "segmentation", "gt", "annotation"):
        for separator in "_-. ":
            if stem.lower().endswith(separator + end) and len(stem) > len(end) + 1:
                return stem[: -len(end) - 1]
    for end in (".nii", ".nrrd", ".png", ".jpg", ".jpeg", ".dcm", ".tif", ".tiff"):
        if stem.lower().endswith(end) and len(stem) > len(end):
            return stem[: -len(end)]
    return None


def _structure_of(file: Path, stem: str) -> tuple[str, str | None]:
    if file.parent.name in STRUCTURES:
        return stem, file.parent.name
    # The structure may stand before or after `_mask`.
    shorter: str | None = stem
    while shorter is not None:
        for name in STRUCTURES:
            if shorter.lower().endswith(name) and shorter[: -len(name)].endswith(("_", "-", ".", " ")):
                return shorter[: -len(name) - 1], name
        shorter = strip_mask_suffix(shorter)
    return stem, None


def _read(file: Path, resize: bool, shape: tuple[int, int]) -> NDArray[np.bool_]:
    return read_mask(file, shape, resize=resize)
