"""Masks that stand in files of their own: NRRD, NIfTI, MetaImage, DICOM SEG and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.folder import STRUCTURES
from pbrs.dataset.found_mask import FoundMask
from pbrs.errors import InputError
from pbrs.file_name import name_as_text
from pbrs.radiograph import read_mask
from pbrs.radiograph.anatomy import ANATOMY
from pbrs.radiograph.file_kind import has_dicom_prefix
from pbrs.radiograph.image_grid import read_image_grid
from pbrs.radiograph.limits import read_bytes
from pbrs.radiograph.mask_segment import MaskPlane, Segment
from pbrs.radiograph.masks import open_segments, place_segment

MITK_SUFFIXES = (".nrrd", ".nii", ".nii.gz", ".mha", ".dcm", ".png", ".tif", ".tiff", ".jpg", ".jpeg")
PNG_SUFFIXES = (".png",)

_CURES = {
    ".nhdr": "export as .nrrd, which is one file",
    ".mhd": "export as .mha, which is one file",
    ".bmp": "save as PNG",
    ".gif": "save as PNG",
    ".webp": "save as PNG",
    ".mitk": "export the segmentation as NRRD",
    ".mrb": "export the segmentation as .seg.nrrd",
    ".vtk": "export the segmentation as NRRD",
    ".stl": "export the segmentation as NRRD",
    ".npy": "save as PNG",
    ".npz": "save as PNG",
    ".mat": "save as PNG",
}
"""What may be a mask and is not read, and what to do."""


@dataclass(frozen=True)
class MaskFiles:
    """The masks of a folder, and one line for each kind of file that may hold one and is not read."""

    masks: list[FoundMask]
    left_out: list[str]


def find_mask_files(folder: Path, images: Path, suffixes: Sequence[str], resize: bool) -> MaskFiles:
    """Find mask files in a folder and below it.

    A mask belongs to a structure when its segment is called or coded so, or else its folder, or the end of its name:
    ``hip_left/case_07.png`` or ``case_07_hip_left.nrrd``.

    Parameters
    ----------
    folder
        A folder, or one file.
    images
        Folder of the images; where it lies below `folder`, its files are no masks.
    suffixes
        What a mask's name may end in, in lower case. With ``.dcm`` also DICOM files of any other name.
    resize
        Whether masks without geometry of another size than the image are resized to it, or refused.

    Raises
    ------
    InputError
        If a file that holds several segments cannot be read.
    """
    files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    below = images.resolve() if folder.resolve() in images.resolve().parents else None
    found: list[FoundMask] = []
    unread: dict[str, list[str]] = {}
    for file in files:
        if file.name.startswith(".") or not file.is_file():
            continue
        if below is not None and below in file.resolve().parents:
            continue
        suffix = next((end for end in sorted(suffixes, key=len, reverse=True) if file.name.lower().endswith(end)), None)
        if suffix is None and ".dcm" in suffixes and _is_dicom_file(file):
            suffix = file.suffix if not file.suffix[1:].isdigit() else ""
        if suffix is None:
            if file.suffix.lower() in _CURES and len(suffixes) > 1:
                unread.setdefault(_CURES[file.suffix.lower()], []).append(file.name)
            continue
        stem, label = _structure_of(file, file.name[: len(file.name) - len(suffix)])
        segments = _segments(file, suffix)
        if segments is None:
            unread.setdefault("DICOM, but no SEG: export the segmentation as SEG, NRRD or NIfTI", []).append(file.name)
            continue
        found += _found(file, name_as_text(stem), label, segments, resize)
    left_out = [
        f"{len(names)} files left out, which are not read as masks ({cure}): {', '.join(names[:3])}"
        + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        for cure, names in unread.items()
    ]
    return MaskFiles(found, left_out)


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


def _is_dicom_file(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return has_dicom_prefix(opened.read(132)) and file.name != "DICOMDIR"
    except OSError:
        return False


def _segments(file: Path, suffix: str) -> list[Segment] | None:
    """List the segments of a file that may hold several; None of a DICOM file that is no segmentation."""
    if suffix not in (".nrrd", ".dcm") and not _is_dicom_file(file):
        return [_ONE]
    data = read_bytes(file)
    if has_dicom_prefix(data):
        from pbrs.radiograph.dicom_file import parse_dicom
        from pbrs.radiograph.mask_dicom import is_seg

        try:
            if not is_seg(parse_dicom(data, file.name)):
                return None
        except Exception:
            return [_ONE]  # damaged: named with all others when it is read
    try:
        return open_segments(data, file.name)
    except InputError:
        return [_ONE]  # named with all others when it is read


def _read_nothing() -> MaskPlane:
    raise AssertionError("segments are listed here, and read when their image is known")


_ONE = Segment(None, _read_nothing)


def _found(file: Path, stem: str, label: str | None, segments: list[Segment], resize: bool) -> list[FoundMask]:
    """Make a `FoundMask` of every channel of every image that a file holds segments of."""
    channels: dict[tuple[str | None, str | None], list[int]] = {}
    for index, segment in enumerate(segments):
        name = segment.name
        if label is not None and name not in ANATOMY and len({one.name for one in segments}) == 1:
            name = label
        if label is not None and name in STRUCTURES and name != label:
            raise InputError(f"{file} is named {label}, but holds {name}: rename the file or the segment")
        channels.setdefault((segment.image, name), []).append(index)
    return [
        FoundMask(
            # A file of several images has no stem of its own: only their UIDs say which they are.
            stem if segments[indices[0]].images == 1 else f"{stem} (image {image})",
            name,
            file,
            partial(_read, file, resize),
            place=partial(_place, file, indices, resize),
            image_uid=image,
        )
        for (image, name), indices in channels.items()
    ]


def _read(file: Path, resize: bool, shape: tuple[int, int]) -> NDArray[np.bool_]:
    return read_mask(file, shape, resize=resize)


def _place(file: Path, indices: Sequence[int], resize: bool, image: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Give the union of some segments of a file, over an image."""
    segments = open_segments(read_bytes(file), file.name)
    grid = read_image_grid(image, shape)
    masks = [place_segment(segments[index], grid, file.name, resize) for index in indices]
    return np.asarray(np.logical_or.reduce(masks), np.bool_)
