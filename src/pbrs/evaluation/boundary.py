"""Boundaries of masks and the distances between them: Hausdorff distance and normalised surface Dice."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

ROUNDING = 1e-6
"""Relative slack of a tolerance: 20 × 0.1 mm must count as within 2 mm whatever the last bit of the product says."""


def find_boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark the mask's own pixels that have a side in common with the background.

    What lies outside the image is background, so a mask that is cut off by the image's edge has a boundary there. This
    is the mask without its erosion by a 3×3 cross, as MONAI, DeepMind's surface-distance and ITK define it.

    Parameters
    ----------
    mask
        bool (H, W).

    Returns
    -------
    numpy.ndarray
        bool (H, W).
    """
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    boundary: NDArray[np.bool_] = mask & ~inside
    return boundary


@dataclass(frozen=True, eq=False)
class BoundaryDistances:
    """How far two boundaries lie from each other; neither may be empty.

    Attributes
    ----------
    prediction_to_truth
        float64 (P,): from each boundary pixel of the prediction to the nearest one of the truth, between pixel centres.
    truth_to_prediction
        float64 (T,): the reverse.
    """

    prediction_to_truth: NDArray[np.float64]
    truth_to_prediction: NDArray[np.float64]

    def hausdorff(self, percentile: float = 100) -> float:
        """The larger of the two directed percentiles (linear between ranks); 100 gives the Hausdorff distance."""
        directed = (self.prediction_to_truth, self.truth_to_prediction)
        return max(float(np.percentile(distances, percentile)) for distances in directed)

    def surface_dice(self, tolerance: float) -> float:
        """Give the part of both boundaries, in [0, 1], that lies within `tolerance` of the other, borders included.

        Boundary pixels count alike, as in [1]_; the element lengths of [2]_ are not used.

        References
        ----------
        .. [1] Seidlitz et al. "Robust deep learning-based semantic organ segmentation in hyperspectral images",
           Medical Image Analysis 80 (2022), eq. 3.
        .. [2] Nikolov et al. "Clinically applicable segmentation of head and neck anatomy for radiotherapy", Journal of
           Medical Internet Research 23 (2021).
        """
        within = tolerance * (1 + ROUNDING)
        near = np.count_nonzero(self.prediction_to_truth <= within) + np.count_nonzero(
            self.truth_to_prediction <= within
        )
        return near / (self.prediction_to_truth.size + self.truth_to_prediction.size)

    def scaled(self, factor: float) -> "BoundaryDistances":
        """Give the same distances in another unit."""
        return BoundaryDistances(self.prediction_to_truth * factor, self.truth_to_prediction * factor)


def measure_boundaries(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], spacing: tuple[float, float] = (1.0, 1.0)
) -> BoundaryDistances:
    """Measure the distances between the boundaries of two masks.

    Parameters
    ----------
    prediction, truth
        bool (H, W), each with a pixel at least.
    spacing
        Row and column distance of pixel centres: the unit of the result.

    Raises
    ------
    ValueError
        If a mask is empty: there is no distance to nothing.
    """
    if not prediction.any() or not truth.any():
        raise ValueError("a distance between boundaries needs two masks that are not empty")
    # A k-d tree of the few thousand boundary pixels is several times faster than distance transforms of a million.
    of_prediction, of_truth = (np.argwhere(find_boundary(mask)) * np.array(spacing) for mask in (prediction, truth))
    return BoundaryDistances(_nearest(of_prediction, of_truth), _nearest(of_truth, of_prediction))


def _nearest(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    # Not balanced: boundary pixels come sorted by row, and building a balanced tree costs more than it saves.
    distances: NDArray[np.float64] = KDTree(others, leafsize=32, balanced_tree=False).query(points)[0]
    return distances
