"""A two-valued mask out of a JPEG, whose compression blurs its edges."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from pbrs.errors import InputError

_LEAST_APART = 24
_BLOCK = 16
"""JPEG's blocks of 8 pixels, doubled where colour is stored at half the resolution: its ripples reach no further."""


def unblur(grey: NDArray[np.floating], source: str) -> NDArray[np.bool_]:
    """Tell the two values of a mask apart in a JPEG.

    The two are the commonest grey above and below the middle of the range, and must be at least 24 apart; the middle
    between them divides. A pixel that is further than a quarter of their distance from both is taken as blur where both
    values occur within 16 pixels of it, and refused elsewhere: then it is a third value, or no mask at all.

    Parameters
    ----------
    grey
        (H, W), luminance of 8 bits.
    source
        The file's name, for messages.

    Raises
    ------
    InputError
        If it is no mask of two values.
    """
    levels = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    if int(levels.max()) - int(levels.min()) < _LEAST_APART:
        if levels.min() < _LEAST_APART <= levels.max():
            raise _refused(source)
        return np.full(levels.shape, bool(levels.min() >= _LEAST_APART))
    counts = np.bincount(levels.ravel(), minlength=256)
    middle = (int(levels.max()) + int(levels.min())) // 2
    low, high = int(counts[: middle + 1].argmax()), middle + 1 + int(counts[middle + 1 :].argmax())
    if high - low < _LEAST_APART:
        raise _refused(source)
    mask = levels > (low + high) / 2
    away = np.minimum(np.abs(levels.astype(np.int16) - low), np.abs(levels.astype(np.int16) - high))
    near_an_edge = maximum_filter(mask, 2 * _BLOCK + 1) != minimum_filter(mask, 2 * _BLOCK + 1)
    if ((away > (high - low) / 4) & ~near_an_edge).any():
        raise _refused(source)
    # Along an edge few pixels are in between; a third value that follows it would be more.
    if (away > (high - low) / 4).sum() > max(near_an_edge.sum() / 4, 16):
        raise _refused(source)
    return np.asarray(mask)


def _refused(source: str) -> InputError:
    return InputError(
        f"{source}: a JPEG of more than two greys, beyond the blur along its edges: export one label as PNG, "
        "which keeps its two values"
    )
