"""From the index order of an NRRD or NIfTI mask to the rows and columns of its radiograph.

ITK, on which MITK stands, reads a PNG, TIFF or projection DICOM as a grid whose first index is the column and whose
second is the row, with an identity direction matrix in LPS coordinates (x to the patient's left, y to the back). A
segmentation has the geometry of its image and is written with the first index running fastest, to NRRD in LPS and to
NIfTI in RAS, where ITK turns the signs of x and y in the *matrix* and leaves the data as they are. So what ITK wrote
only needs first index → column, second → row. A file whose matrix, brought to LPS, runs the other way (written by
other tools, with an identity matrix in RAS for instance) is flipped, and one with x and y exchanged is transposed:
where its pixels lie decides, as it does when MITK shows both over one another.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError

Value = TypeVar("Value", bound=np.generic)


def one_slice(volume: NDArray[np.generic], source: str) -> NDArray[np.generic]:
    """Take the slice out of a volume (X, Y) or (X, Y, 1, …), in index order.

    Raises
    ------
    InputError
        If it has more than one; `source` names the file.
    """
    if volume.ndim < 2 or any(size != 1 for size in volume.shape[2:]):
        size = "×".join(str(length) for length in volume.shape)
        raise InputError(f"{source}: a mask of {size} voxels: expected one slice, as of a radiograph")
    return volume.reshape(volume.shape[:2])


def is_exchanged(steps: NDArray[np.float64] | None) -> bool:
    """Tell whether the first index runs along the rows' direction and the second along the columns'."""
    if steps is None or not np.isfinite(steps).all():
        return False
    x_of, y_of = np.abs(steps[:, 0]), np.abs(steps[:, 1])
    return bool(np.abs(steps).max() > 0 and x_of[1] > x_of[0] and y_of[0] > y_of[1])


def to_rows_and_columns(plane: NDArray[Value], steps: NDArray[np.float64] | None) -> NDArray[Value]:
    """Bring a mask to (row, column).

    Parameters
    ----------
    plane
        (X, Y), in index order.
    steps
        (2, 2): column k says how index k runs along the image's columns' and rows' directions, of any length; None
        where it is not known.
    """
    if steps is not None and np.isfinite(steps).all():
        if is_exchanged(steps):
            plane, steps = plane.T, steps[:, ::-1]
        # A plane that does not lie along x or y (coronal) says nothing of the image's own axes.
        if steps[0, 0] < 0:
            plane = plane[::-1]
        if steps[1, 1] < 0:
            plane = plane[:, ::-1]
    return np.ascontiguousarray(plane.T)
