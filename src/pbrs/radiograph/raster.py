"""A radiograph from a PNG, JPEG, TIFF or BMP."""

import numpy as np

from pbrs.radiograph.grey import Levels, finish, luminance, scale_by_percentiles
from pbrs.radiograph.radiograph import Radiograph
from pbrs.radiograph.raster_file import RasterFormat, decode_raster


def read_raster(data: bytes, source: str, sha256: str, file_format: RasterFormat, invert: bool) -> Radiograph:
    """Read a picture: colour becomes luminance, and grey values are scaled by their percentiles.

    Pixels that are wholly transparent, or not finite, are padding: left out of the percentiles, and 0.

    Parameters
    ----------
    data, source, sha256
        The file's bytes, its name and its hash.
    file_format
        What its first bytes say it is.
    invert
        Whether bone is dark in the file.

    Raises
    ------
    InputError
        If it cannot be decoded.
    """
    raster = decode_raster(data, source, file_format)
    notes = list(raster.notes)
    values, padding = raster.values, raster.transparent
    if values.dtype.kind == "f":
        strange = ~np.isfinite(values)
        strange = strange if strange.ndim == 2 else strange.any(axis=2)
        if strange.any():
            notes.append(f"{int(strange.sum()):,} pixels are not finite numbers: set to background")
            values = np.where(np.isfinite(values), values, 0)
            padding = strange if padding is None else padding | strange
    colour = values.ndim == 3
    if colour:
        values = luminance(values)
    levels = Levels.of(values, padding)
    scaling = scale_by_percentiles(levels.values, levels.counts)
    if scaling.warning:
        notes.append(scaling.warning)
    inverted = invert
    constant = scaling.rule == "constant"
    return Radiograph(
        pixels=finish(levels.paint(scaling.table), padding, inverted and not constant),
        source=source,
        sha256=sha256,
        file_format=file_format,
        bits=raster.bits,
        grey_rule=("luminance of RGB, " if colour else "") + scaling.rule,
        inverted=inverted != raster.white_is_zero,
        pixel_aspect=raster.pixel_aspect,
        warnings=tuple(notes),
    )
