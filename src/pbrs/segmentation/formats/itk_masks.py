"""Masks as NIfTI and NRRD, one file a mask, lying over the radiograph as ITK and MITK read it.

ITK reads a PNG, TIFF or projection DICOM with its first index along the columns, an identity direction matrix in LPS
coordinates and its first pixel at the origin (see `pbrs.radiograph.mask_orientation`, which reads both back). The
structures overlap, which one label image cannot say: each has a file of its own.
"""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.atomic_write import atomic_path
from pbrs.errors import InputError
from pbrs.radiograph.anatomy import REGION
from pbrs.segmentation.formats.image import SegmentedImage

Spacing = tuple[float, float]
"""Row and column distance of pixels in mm."""

_LONGEST_NIFTI_SIDE = 2**15 - 1


def write_nifti(image: SegmentedImage, out: Path) -> dict[str, str]:
    """Write ``nifti/STEM.nii.gz`` and ``nifti/NAME/STEM.nii.gz`` for each structure; give their paths within `out`.

    uint8 (W, H, 1), 0 and 1; columns run to −x and rows to −y in NIfTI's RAS. The unit is mm where the spacing is
    known, otherwise unknown with a spacing of 1.

    Raises
    ------
    InputError
        If a side is longer than NIfTI-1 can say.
    """
    if max(image.radiograph.shape) > _LONGEST_NIFTI_SIDE:
        height, width = image.radiograph.shape
        raise InputError(
            f"{image.radiograph.source}: {width}×{height} pixels do not fit into NIfTI, which takes "
            f"{_LONGEST_NIFTI_SIDE} a side: choose --format nrrd"
        )
    return _write_all(image, out, "nifti", ".nii.gz", _write_nifti)


def write_nrrd(image: SegmentedImage, out: Path) -> dict[str, str]:
    """Write ``nrrd/STEM.nrrd`` and ``nrrd/NAME/STEM.nrrd`` for each structure; give their paths within `out`.

    uint8 (W, H, 1), 0 and 1, gzip, in left-posterior-superior space; a spacing of 1 where it is not known.
    """
    return _write_all(image, out, "nrrd", ".nrrd", _write_nrrd)


def _write_all(
    image: SegmentedImage,
    out: Path,
    folder: str,
    suffix: str,
    write: Callable[[Path, NDArray[np.uint8], Spacing | None], None],
) -> dict[str, str]:
    files: dict[str, str] = {}
    for name, mask in image.masks.items():
        path = Path(folder, "" if name == REGION else name, image.stem + suffix)
        with atomic_path(out / path) as temporary:
            write(temporary, mask.T[..., None].astype(np.uint8), image.radiograph.spacing_mm)
        files[name] = path.as_posix()
    return files


def _write_nifti(path: Path, volume: NDArray[np.uint8], spacing_mm: Spacing | None) -> None:
    import nibabel

    row_mm, column_mm = spacing_mm or (1.0, 1.0)
    affine = np.diag([-column_mm, -row_mm, 1.0, 1.0])
    nifti: Any = nibabel.Nifti1Image(volume, affine)  # type: ignore[no-untyped-call]
    nifti.header.set_xyzt_units("unknown" if spacing_mm is None else "mm")
    # Scanner coordinates in both, as ITK writes them.
    nifti.set_qform(affine, code=1)
    nifti.set_sform(affine, code=1)
    path.write_bytes(gzip.compress(nifti.to_bytes(), compresslevel=6, mtime=0))


def _write_nrrd(path: Path, volume: NDArray[np.uint8], spacing_mm: Spacing | None) -> None:
    import nrrd

    row_mm, column_mm = spacing_mm or (1.0, 1.0)
    header = {
        "type": "unsigned char",
        "space": "left-posterior-superior",
        "space directions": np.diag([column_mm, row_mm, 1.0]),
        "space origin": np.zeros(3),
        "kinds": ["domain", "domain", "domain"],
        "encoding": "gzip",
    }
    content = io.BytesIO()
    nrrd.write(content, volume, header, index_order="F", compression_level=6)
    head, end, data = content.getvalue().partition(b"\n\n")
    # pynrrd writes the time into a comment: then no two files of one mask would be alike.
    lines = [line for line in head.split(b"\n") if not line.startswith(b"#")]
    path.write_bytes(b"\n".join(lines) + end + data)
