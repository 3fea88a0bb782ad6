"""From the index order of an NRRD or NIfTI mask to the rows and columns of its radiograph.

ITK, on which MITK stands, reads a PNG, TIFF or projection DICOM as a grid whose first index is the column and whose
second is the row, with an identity direction matrix in LPS coordinates (x to the patient's left, y to the back). A
segmentation has the geometry of its image and is written with the first index running fastest, to NRRD in LPS and to
NIfTI in RAS, where ITK turns the signs of x and y in the *matrix* and leaves the data as they are. So what ITK wrote
only needs first index → column, second → row. A file whose matrix, brought to LPS, runs the other way (written by
other tools, with an identity matrix in RAS for instance) is flipped, and one with x and y exchanged is transposed:
where its pixels lie decides, as it does when MITK shows both over one another.
"""

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError


def to_rows_and_columns(
    volume: NDArray[np.generic], direction: NDArray[np.float64] | None, source: str
) -> NDArray[np.generic]:
    """Bring a mask volume to (row, column).

    Parameters
    ----------
    volume
        (X, Y) or (X, Y, 1, …), in index order.
    direction
        (2, 2): column k holds the LPS x and y that index k runs along, of any length; None where it is not known.
    source
        The file's name, for messages.

    Raises
    ------
    InputError
        If it has more than one slice.
    """
    if volume.ndim < 2 or any(size != 1 for size in volume.shape[2:]):
        size = "×".join(str(length) for length in volume.shape)
        raise InputError(f"{source}: a mask of {size} voxels: expected one slice, as of a radiograph")
    plane = volume.reshape(volume.shape[:2])
    if direction is not None and np.isfinite(direction).all():
        length = np.abs(direction).max()
        x_of, y_of = np.abs(direction[:, 0]), np.abs(direction[:, 1])
        if length > 0 and x_of[1] > x_of[0] and y_of[0] > y_of[1]:
            plane, direction = plane.T, direction[:, ::-1]
        # A plane that does not lie along x or y (coronal) says nothing of the image's own axes.
        if direction[0, 0] < 0:
            plane = plane[::-1]
        if direction[1, 1] < 0:
            plane = plane[:, ::-1]
    return np.ascontiguousarray(plane.T)
