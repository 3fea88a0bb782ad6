"""What one radiograph is, once read."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One frontal radiograph, ready to be placed into a network.

    Attributes
    ----------
    pixels
        float32 (H, W) in [0, 1]; bone bright. Read-only.
    source
        The file's name without its folder, for messages and reports.
    sha256
        SHA-256 of the file's bytes, hexadecimal.
    file_format
        ``"PNG"``, ``"JPEG"``, ``"TIFF"``, ``"BMP"`` or ``"DICOM"``.
    bits
        Bits of grey that the source stored (8 for an 8-bit PNG, BitsStored for DICOM).
    grey_rule
        How stored values became [0, 1], in words for the report.
    inverted
        Whether the grey scale was turned over (MONOCHROME1, or asked for).
    spacing_mm
        Row and column distance of pixel centres in millimetres, or None where the file does not say.
    spacing_source
        The DICOM attribute that `spacing_mm` came from. ImagerPixelSpacing is measured at the detector, not in the
        patient.
    pixel_aspect
        Height of a pixel divided by its width; 1 where pixels are square or the file does not say.
    patient_left
        The side of the image on which the patient's left lies.
    patient_left_assumed
        True where the file does not say and the radiological convention was assumed.
    warnings
        One line each; for the report.
    """

    pixels: NDArray[np.float32]
    source: str
    sha256: str
    file_format: Literal["PNG", "JPEG", "TIFF", "BMP", "DICOM"]
    bits: int
    grey_rule: str
    inverted: bool = False
    spacing_mm: tuple[float, float] | None = None
    spacing_source: Literal["PixelSpacing", "ImagerPixelSpacing"] | None = None
    pixel_aspect: float = 1.0
    patient_left: Literal["left", "right"] = "right"
    patient_left_assumed: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.pixels.shape
        return height, width
