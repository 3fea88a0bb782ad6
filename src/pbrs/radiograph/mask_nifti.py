"""Reading a NIfTI mask (.nii, .nii.gz), within bounds."""

import io

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.radiograph.limits import GZIP, MAX_PIXELS, check_pixels, inflate, muted_warnings
from pbrs.radiograph.mask_orientation import one_slice
from pbrs.radiograph.mask_segment import MaskGeometry, MaskPlane

_MAGIC_AT = {b"n+1\0": 344, b"n+2\0": 4}
_LIMIT = 16 * MAX_PIXELS + 2**20


def is_nifti(data: bytes) -> bool:
    """Tell whether bytes are a single-file NIfTI-1 or NIfTI-2 image."""
    return any(data[at : at + 4] == magic for magic, at in _MAGIC_AT.items())


def read_nifti(data: bytes, source: str) -> MaskPlane:
    """Read the values of a NIfTI mask.

    Parameters
    ----------
    data
        The file's bytes, gzipped or not.
    source
        Its name, for messages.

    Returns
    -------
    MaskPlane
        With the geometry of sform or qform, if one of them is set.

    Raises
    ------
    InputError
        If it is damaged, too large or of several slices.
    """
    import nibabel  # here: importing it takes longer than segmenting a radiograph

    if data.startswith(b"\x1f\x8b"):
        data = inflate(data, source, GZIP, _LIMIT)
    if not is_nifti(data):
        raise InputError(f"{source} is gzipped, but no NIfTI: export the mask as PNG, NRRD or NIfTI")
    damaged = InputError(f"{source}: cannot be read as NIfTI: damaged or incomplete; export it again")
    kind = nibabel.Nifti1Image if data[344:348] == b"n+1\0" else nibabel.Nifti2Image
    with muted_warnings():
        try:
            image = kind.from_stream(io.BytesIO(data))
            sizes = [int(size) for size in image.shape]
            known = int(image.header["sform_code"]) > 0 or int(image.header["qform_code"]) > 0
            geometry = _geometry(np.asarray(image.affine, np.float64)) if known else None
        except Exception:
            raise damaged from None
        if len(sizes) < 2:
            raise InputError(f"{source}: a mask of {len(sizes)} dimensions: expected 2, or 3 with one slice")
        check_pixels(source, sizes[1], sizes[0], int(np.prod(sizes[2:], dtype=object)))
        try:
            volume = np.asanyarray(image.dataobj)
            if volume.dtype.kind not in "iufb":
                raise damaged
        except Exception:
            raise damaged from None
    return MaskPlane(one_slice(volume, source), geometry)


def _geometry(affine: NDArray[np.float64]) -> MaskGeometry | None:
    if not np.isfinite(affine).all():
        return None
    # NIfTI's x and y run to the right and to the front: the other way round than LPS.
    to_lps = np.array([-1.0, -1.0, 1.0])
    return MaskGeometry(affine[:3, 3] * to_lps, affine[:3, :2] * to_lps[:, None])
