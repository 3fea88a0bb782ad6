"""The one table of what `segment` can write beside its PNGs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pbrs.segmentation.formats.dicom_seg import write_seg
from pbrs.segmentation.formats.image import SegmentedImage
from pbrs.segmentation.formats.itk_masks import write_nifti, write_nrrd
from pbrs.segmentation.formats.secondary_capture import write_sc


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes
    ----------
    derives_from_dicom
        Whether it is made of a DICOM source only, and needs the extra ``dicom``.
    write
        Writes one image into a folder and gives the paths within it for the report; None where all images of a call go
        into one file.
    patterns
        Where it writes, as globs within the folder, ``{stem}`` for the image's.
    """

    derives_from_dicom: bool = False
    write: Callable[[SegmentedImage, Path], Any] | None = None
    patterns: tuple[str, ...] = ()


FORMATS: dict[str, Format] = {
    "seg": Format(True, write_seg, ("seg/{stem}.dcm",)),
    "sc": Format(True, write_sc, ("sc/{stem}.dcm",)),
    "nifti": Format(False, write_nifti, ("nifti/{stem}.nii.gz", "nifti/*/{stem}.nii.gz")),
    "nrrd": Format(False, write_nrrd, ("nrrd/{stem}.nrrd", "nrrd/*/{stem}.nrrd")),
    "coco": Format(),
}
"""By the name that ``--format`` takes. PNGs (``png``) are always written."""

PNG = "png"

PATTERNS = tuple(pattern for each in FORMATS.values() for pattern in each.patterns)
"""Of all formats."""
