"""One mask in: PNG of any two values, NRRD and NIfTI as MITK writes them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pbrs.errors import InputError
from pbrs.radiograph.limits import read_bytes
from pbrs.radiograph.mask_nifti import is_nifti, read_nifti
from pbrs.radiograph.mask_nrrd import read_nrrd
from pbrs.radiograph.raster_file import Raster, RasterFormat, decode_raster

_RASTER_MAGIC: tuple[tuple[bytes, RasterFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\xff\xd8\xff", "JPEG"),
)


def read_mask(path: Path, shape: tuple[int, int], resize: bool = False) -> NDArray[np.bool_]:
    """Read a mask of any two values.

    Of two values the larger one is True, of two colours the brighter one; a file with one value is all False if that
    is 0 (black, or transparent) and all True otherwise. NRRD and NIfTI are turned to rows and columns as ITK and MITK
    relate them to the image: see `pbrs.radiograph.mask_orientation`.

    Parameters
    ----------
    path
        PNG (or TIFF), NRRD, NIfTI or gzipped NIfTI; what it is, is seen from its content.
    shape
        Height and width of the image that the mask belongs to.
    resize
        Resize a mask of another size to `shape`, nearest neighbour, instead of refusing it.

    Returns
    -------
    numpy.ndarray
        bool (H, W), of `shape`.

    Raises
    ------
    InputError
        If the file cannot be read, has more than two values, or is of another size.
    """
    path = Path(path)
    mask = _two_valued(_mask_values(read_bytes(path), path.name), path.name)
    if mask.shape == shape:
        return mask
    if not resize:
        raise InputError(
            f"mask {mask.shape[1]}×{mask.shape[0]} does not match image {shape[1]}×{shape[0]} ({path.name}): "
            "export it at the image's size, or pass --resize-masks"
        )
    resized = Image.fromarray(mask).resize((shape[1], shape[0]), Image.Resampling.NEAREST)
    return np.asarray(resized, dtype=np.bool_)


def _mask_values(data: bytes, source: str) -> NDArray[np.generic]:
    for magic, file_format in _RASTER_MAGIC:
        if data.startswith(magic):
            return _raster_values(decode_raster(data, source, file_format))
    if data.startswith(b"NRRD"):
        return read_nrrd(data, source)
    if data.startswith(b"\x1f\x8b") or is_nifti(data):
        return read_nifti(data, source)
    raise InputError(f"{source} is not PNG, NRRD or NIfTI: export the mask as one of these")


def _raster_values(raster: Raster) -> NDArray[np.generic]:
    """Give each pixel a number: its grey value, or its colour's rank, darker and more transparent first; 0 is empty."""
    if raster.values.ndim == 2 and raster.alpha is None:
        return raster.values
    values = raster.values if raster.values.ndim == 3 else np.repeat(raster.values[..., None], 3, axis=2)
    most = 2**raster.bits - 1
    alpha = np.full(values.shape[:2], most) if raster.alpha is None else raster.alpha
    key = np.zeros(values.shape[:2], np.uint64)
    for channel in (alpha, *(values[..., channel] for channel in range(3))):
        key = (key << np.uint64(16)) | channel.astype(np.uint64)
    key[alpha == 0] = 0  # what colour a transparent pixel would have does not matter
    distinct, index = np.unique(key, return_inverse=True)
    if len(distinct) > 2:
        return index.reshape(key.shape)  # refused: only their number is told
    opaque, red, green, blue = ((distinct >> np.uint64(bits)).astype(np.uint16) for bits in (48, 32, 16, 0))
    brightness = (0.299 * red + 0.587 * green + 0.114 * blue) * opaque
    empty = brightness == 0
    rank = np.empty(len(distinct), np.uint8)
    rank[np.lexsort((distinct, opaque, brightness))] = np.arange(len(distinct))
    if len(distinct) == 1:
        rank[:] = 0 if empty[0] else 1
    return rank[index.reshape(key.shape)]


def _two_valued(values: NDArray[np.generic], source: str) -> NDArray[np.bool_]:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"mask with values that are not finite ({source}): expected two; export it again")
    first = values.flat[0]
    differs = values != first
    if not differs.any():
        return np.full(values.shape, bool(first != 0))
    second = values[differs][0]
    if (values[differs] != second).any():
        count = len(np.unique(values))
        raise InputError(
            f"mask with {count} different values ({source}): expected two, background and bone; "
            "export one label, without smoothed edges, as PNG, NRRD or NIfTI"
        )
    return np.asarray(differs if second > first else ~differs)
