"""One radiograph in, whatever the file: chosen by content, not by name."""

import hashlib
from pathlib import Path
from typing import Literal

from pbrs.errors import InputError
from pbrs.radiograph.file_kind import HEAD_BYTES, tell_kind
from pbrs.radiograph.limits import read_bytes
from pbrs.radiograph.radiograph import Radiograph
from pbrs.radiograph.raster import read_raster

Polarity = Literal["as-is", "inverted"]


def read_radiograph(path: Path, polarity: Polarity = "as-is") -> Radiograph:
    """Read a PNG, JPEG, TIFF, BMP or DICOM file.

    Parameters
    ----------
    path
        The file. What it is, is seen from its content; its suffix does not matter.
    polarity
        ``"inverted"`` turns the result over, for files in which bone is dark and nothing says so.

    Returns
    -------
    Radiograph
        float32 (H, W) in [0, 1], bone bright, with what the file says of it.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged, too large or holds no single image: one line that says what to do.
    """
    path = Path(path)
    data = read_bytes(path)
    sha256 = hashlib.sha256(data).hexdigest()
    invert = polarity == "inverted"
    kind = tell_kind(data[:HEAD_BYTES])
    if kind.radiograph_format in ("PNG", "JPEG", "TIFF", "BMP"):
        return read_raster(data, path.name, sha256, kind.radiograph_format, invert)
    if kind.advice:
        raise InputError(f"{path.name} is {kind.name}: {kind.advice}")
    # Here: importing pydicom takes longer than reading a PNG.
    from pbrs.radiograph.dicom import read_dicom

    return read_dicom(data, path.name, sha256, invert)
