"""One mask in: pictures of any two values, NRRD, NIfTI, MetaImage and DICOM SEG as the annotation tools write them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.radiograph.anatomy import ANATOMY, REGION
from pbrs.radiograph.file_kind import has_dicom_prefix
from pbrs.radiograph.grey import luminance
from pbrs.radiograph.image_grid import ImageGrid, read_image_grid
from pbrs.radiograph.limits import read_bytes
from pbrs.radiograph.mask_jpeg import unblur
from pbrs.radiograph.mask_metaimage import is_metaimage, read_metaimage
from pbrs.radiograph.mask_nifti import is_nifti, read_nifti
from pbrs.radiograph.mask_nrrd import read_nrrd
from pbrs.radiograph.mask_placing import lay_over
from pbrs.radiograph.mask_segment import MaskPlane, Segment
from pbrs.radiograph.raster_file import Raster, RasterFormat, decode_raster

_RASTER_MAGIC: tuple[tuple[bytes, RasterFormat], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\xff\xd8\xff", "JPEG"),
)


def read_mask(path: Path, shape: tuple[int, int], resize: bool = False, image: Path | None = None) -> NDArray[np.bool_]:
    """Read the mask of the pelvic bone region, of any two values.

    Of two values the larger one is True, of two colours the brighter one; a file with one value is all False if that
    is 0 (black, or transparent) and all True otherwise. Of a file with several segments (3D Slicer, DICOM SEG) the
    region is the segment that is called so, or the union of its structures. A mask with a geometry is placed by it:
    see `pbrs.radiograph.mask_placing`.

    Parameters
    ----------
    path
        PNG, TIFF, JPEG, NRRD, NIfTI, MetaImage or DICOM SEG; what it is, is seen from its content.
    shape
        Height and width of the image that the mask belongs to.
    resize
        Resize a mask of another size that has no geometry to `shape`, nearest neighbour, instead of refusing it; its
        proportions must be the image's to a pixel.
    image
        The image's file, for its spacing; without it the spacing is taken as unknown.

    Returns
    -------
    numpy.ndarray
        bool (H, W), of `shape`.

    Raises
    ------
    InputError
        If the file cannot be read, has more than two values, does not say which segment is the region, or is of
        another size and cannot be placed.
    """
    path = Path(path)
    segments = open_segments(read_bytes(path), path.name)
    grid = ImageGrid(shape) if image is None else read_image_grid(image, shape)
    masks = [place_segment(segment, grid, path.name, resize) for segment in region_of(segments, path.name)]
    return np.asarray(np.logical_or.reduce(masks), np.bool_)


def region_of(segments: list[Segment], source: str) -> list[Segment]:
    """Choose the segments that are the region: the one of that name, else all structures, else the only one there is.

    Raises
    ------
    InputError
        If there are several, none of which is named so, or segments of several images.
    """
    if len({segment.image for segment in segments}) > 1:
        raise InputError(f"{source}: segments of several images: import the folder with `pbrs dataset import-masks`")
    region = [segment for segment in segments if segment.name == REGION]
    structures = [segment for segment in segments if segment.name in ANATOMY]
    chosen = region or structures or segments
    if chosen is segments and len(segments) != 1:
        names = ", ".join(str(segment.name) for segment in segments[:5])
        raise InputError(
            f"{source}: {len(segments)} segments ({names}), none of which is the region or one of its structures: "
            "name them region, hip_left, hip_right, sacrum, femur_left or femur_right, or export one"
        )
    return chosen


def place_segment(segment: Segment, grid: ImageGrid, source: str, resize: bool) -> NDArray[np.bool_]:
    """Decode a segment and lay it over its image, bool (H, W); raises InputError as `read_mask` does."""
    plane = segment.read()
    return lay_over(_two_valued(plane.values, source), plane.geometry, grid, source, resize)


def open_segments(data: bytes, source: str) -> list[Segment]:
    """List the segments of a mask file; one without a name for a file of a single mask.

    Raises
    ------
    InputError
        If it is no mask file, or damaged.
    """
    # DICOM first: it may carry a TIFF header in its preamble (PS3.10, 7.1).
    if has_dicom_prefix(data):
        from pbrs.radiograph.mask_dicom import read_seg  # here: importing pydicom takes longer than reading a PNG

        return read_seg(data, source)
    picture = next((file_format for magic, file_format in _RASTER_MAGIC if data.startswith(magic)), None)
    if picture is not None:
        return [Segment(None, lambda: MaskPlane(_picture_values(data, source, picture).T))]
    if data.startswith(b"NRRD"):
        return read_nrrd(data, source)
    if data.startswith(b"\x1f\x8b") or is_nifti(data):
        return [Segment(None, lambda: read_nifti(data, source))]
    if is_metaimage(data):
        return [Segment(None, lambda: read_metaimage(data, source))]
    raise InputError(
        f"{source} is not PNG, NRRD or NIfTI, nor TIFF, JPEG, MetaImage or DICOM SEG: export the mask as one of these"
    )


def _picture_values(data: bytes, source: str, file_format: RasterFormat) -> NDArray[np.generic]:
    raster = decode_raster(data, source, file_format)
    if file_format != "JPEG":
        return _raster_values(raster)
    grey = raster.values if raster.values.ndim == 2 else luminance(raster.values)
    return unblur(np.asarray(grey, np.float64), source)


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
