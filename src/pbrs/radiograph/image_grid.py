"""Where a radiograph's pixels lie, as far as its file says so: what masks with a geometry are placed in."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pbrs.radiograph.file_kind import has_dicom_prefix
from pbrs.radiograph.limits import muted_warnings, read_bytes

if TYPE_CHECKING:
    from pydicom import Dataset

Spacing = tuple[float, float]
"""Row and column distance of pixels in mm."""

_LETTERS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}


@dataclass(frozen=True, eq=False)
class ImageGrid:
    """The pixel grid of a radiograph.

    ITK, on which MITK, 3D Slicer, ITK-SNAP and SimpleITK stand, puts a picture and a projection without a position into
    space with its first pixel at the origin, columns to the left and rows to the back (LPS); so do we.

    Attributes
    ----------
    shape
        Height and width.
    spacing_mm
        The spacing that DICOM gives; None where it gives none, and of pictures.
    stated
        Every spacing that a program may have read from the file: of DICOM PixelSpacing and ImagerPixelSpacing, of a
        picture its resolution.
    axes
        float64 (3, 2): the directions that columns and rows are counted in, unit vectors in LPS.
    origin
        float64 (3,): centre of the first pixel.
    directed
        Whether the file itself gives `axes`.
    letters
        PatientOrientation, the first letter of each value, or empty.
    """

    shape: tuple[int, int]
    spacing_mm: Spacing | None = None
    stated: tuple[Spacing, ...] = ()
    axes: NDArray[np.float64] = field(default_factory=lambda: np.eye(3)[:, :2])
    origin: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    directed: bool = False
    letters: str = ""


def read_image_grid(path: Path, shape: tuple[int, int]) -> ImageGrid:
    """Read what a radiograph's file says of its grid; what it does not say is left out.

    Parameters
    ----------
    path
        PNG, JPEG, TIFF or DICOM.
    shape
        Its height and width.

    Raises
    ------
    InputError
        If there is no such file.
    """
    data = read_bytes(path)
    with muted_warnings():
        try:
            return _of_dicom(data, path.name, shape) if has_dicom_prefix(data) else _of_picture(data, shape)
        except Exception:
            return ImageGrid(shape)  # the image was read: what else its header holds may be broken


def orientation(dataset: "Dataset") -> NDArray[np.float64] | None:
    """Give ImageOrientationPatient of a data set as (3, 2), columns the directions along a row and along a column."""
    from pbrs.radiograph.dicom_attributes import numbers

    found = numbers(dataset, "ImageOrientationPatient")
    axes = np.array(found, np.float64).reshape(-1, 3).T
    return axes if axes.shape == (3, 2) and np.allclose(axes.T @ axes, np.eye(2), atol=1e-3) else None


def axes_of_letters(letters: str) -> NDArray[np.float64]:
    """Give the directions, (3, 2), that two letters of PatientOrientation name (PS3.3, C.7.6.1.1.1)."""
    return np.array([_LETTERS[letter] for letter in letters], np.float64).T


def letters_of(dataset: "Dataset") -> str:
    """Give the first letters of the two values of PatientOrientation, or ``""``."""
    from pbrs.radiograph.dicom_attributes import texts

    first = [value[:1] for value in texts(dataset, "PatientOrientation")]
    known = len(first) == 2 and all(letter in _LETTERS for letter in first)
    return "".join(first) if known and abs(axes_of_letters("".join(first))).sum(axis=1).max() == 1 else ""


def _of_dicom(data: bytes, source: str, shape: tuple[int, int]) -> ImageGrid:
    from pbrs.radiograph.dicom_attributes import numbers
    from pbrs.radiograph.dicom_file import parse_dicom
    from pbrs.radiograph.dicom_geometry import read_spacing

    dataset = parse_dicom(data, source)
    found = (numbers(dataset, keyword) for keyword in ("PixelSpacing", "ImagerPixelSpacing"))
    stated = tuple((pair[0], pair[1]) for pair in found if len(pair) == 2 and min(pair) > 0)
    spacing, _ = read_spacing(dataset)
    axes, position = orientation(dataset), numbers(dataset, "ImagePositionPatient")
    if axes is None or len(position) != 3:
        return ImageGrid(shape, spacing, stated, letters=letters_of(dataset))
    return ImageGrid(shape, spacing, stated, axes, np.array(position), True, letters_of(dataset))


def _of_picture(data: bytes, shape: tuple[int, int]) -> ImageGrid:
    with Image.open(io.BytesIO(data)) as image:
        dpi = image.info.get("dpi", ())
    stated = ((25.4 / float(dpi[1]), 25.4 / float(dpi[0])),) if len(dpi) == 2 and min(dpi) > 0 else ()
    return ImageGrid(shape, stated=stated)
