"""From stored grey values to [0, 1]: every rule works on the distinct values of an image, not on its pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (0.5, 99.5)
"""What becomes 0 and 1 where the file does not say how it wants to be shown."""


@dataclass(frozen=True, eq=False)
class Levels:
    """The distinct values of an image.

    A rule for greys is applied to at most 65,536 values instead of millions of pixels.

    Attributes
    ----------
    values
        float64 (K,), ascending.
    counts
        int64 (K,): pixels of each value, padding left out.
    index
        Integer (H, W): each pixel's place in `values`.
    """

    values: NDArray[np.float64]
    counts: NDArray[np.int64]
    index: NDArray[np.integer]

    @classmethod
    def of(cls, stored: NDArray[np.generic], padding: NDArray[np.bool_] | None = None) -> "Levels":
        """Find the levels of stored values, integer or finite floating point (H, W); `padding` is not counted."""
        values: NDArray[np.float64]
        index: NDArray[np.integer]
        if stored.dtype.kind in "iub" and stored.dtype.itemsize <= 2:
            first = int(stored.min())
            values = np.arange(first, int(stored.max()) + 1, dtype=np.float64)
            index = stored.astype(np.int32) - np.int32(first)
        else:
            # Sorting is slow, but these are rare: 32-bit TIFF and DICOM.
            distinct, index = np.unique(stored, return_inverse=True)
            values, index = distinct.astype(np.float64), index.reshape(stored.shape)
        counted = index.ravel() if padding is None else index[~padding]
        counts = np.bincount(counted, minlength=len(values)).astype(np.int64)
        return cls(values, counts, index)

    def paint(self, table: NDArray[np.floating]) -> NDArray[np.float32]:
        """Give every pixel its entry of `table` (K,): float32 (H, W)."""
        painted: NDArray[np.float32] = table.astype(np.float32)[self.index]
        return painted


@dataclass(frozen=True, eq=False)
class Scaling:
    """Values scaled to [0, 1].

    Attributes
    ----------
    table
        float64 (K,) in [0, 1].
    rule
        What was done, in words.
    warning
        One line, or None.
    """

    table: NDArray[np.float64]
    rule: str
    warning: str | None = None


def scale_by_percentiles(values: NDArray[np.float64], counts: NDArray[np.int64]) -> Scaling:
    """Scale so that the 0.5th percentile becomes 0 and the 99.5th 1, and clip.

    Percentiles are interpolated linearly between order statistics (method 7 of Hyndman & Fan, 1996; NumPy's default).
    An image that has one value only becomes zeros, with a warning.

    Parameters
    ----------
    values
        float64 (K,), in any order.
    counts
        int64 (K,): how many pixels have each value.
    """
    low, high = (weighted_percentile(values, counts, percent) for percent in PERCENTILES)
    rule = f"{PERCENTILES[0]:g}–{PERCENTILES[1]:g} percentiles"
    seen = values[counts > 0]
    if high <= low and seen.size:
        # So few pixels differ that both percentiles fall on one value.
        low, high = float(seen.min()), float(seen.max())
        rule = "smallest to largest value"
    if not seen.size or high <= low:
        return Scaling(np.zeros(len(values)), "constant", "all pixels have the same grey value: nothing to see")
    return Scaling(np.clip((values - low) / (high - low), 0, 1), f"{rule} ({low:g}–{high:g})")


def weighted_percentile(values: NDArray[np.float64], counts: NDArray[np.int64], percent: float) -> float:
    """Find a percentile of `values` (K,) each of which stands for `counts` (K,) numbers; 0 where there are none."""
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(counts[order])
    if not len(upto) or upto[-1] == 0:
        return 0.0
    position = (int(upto[-1]) - 1) * percent / 100
    below, above = (
        float(values[order[np.searchsorted(upto, rank, side="right")]])
        for rank in (np.floor(position), np.ceil(position))
    )
    return below + (above - below) * float(position - np.floor(position))


def luminance(colour: NDArray[np.generic]) -> NDArray[np.generic]:
    """Turn RGB (H, W, 3) into its luminance (H, W) of the same type: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601-7).

    Equal channels are kept to the bit.
    """
    red, green, blue = (colour[..., channel].astype(np.float64) for channel in range(3))
    weighted = 0.299 * red + 0.587 * green + 0.114 * blue
    if colour.dtype.kind == "f":
        return weighted.astype(colour.dtype)
    return np.rint(weighted).astype(colour.dtype)


def finish(
    pixels: NDArray[np.float32], padding: NDArray[np.bool_] | None, inverted: bool = False
) -> NDArray[np.float32]:
    """Turn the grey scale over if asked to, set padding to 0 (background) and make the array read-only."""
    if inverted:
        np.subtract(np.float32(1), pixels, out=pixels)
    if padding is not None:
        pixels[padding] = 0
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return pixels
