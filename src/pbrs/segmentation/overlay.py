"""A radiograph with its mask drawn over it, to look at."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

REGION_COLOUR = (255, 140, 0)
"""Orange: told from grey, and from blue, by everyone."""


def draw_overlay(
    pixels: NDArray[np.float32], mask: NDArray[np.bool_], colour: tuple[int, int, int] = REGION_COLOUR
) -> NDArray[np.uint8]:
    """Tint the mask and draw its outline.

    Parameters
    ----------
    pixels
        float32 (H, W) in [0, 1].
    mask
        bool (H, W).
    colour
        Red, green, blue, 0–255.

    Returns
    -------
    numpy.ndarray
        uint8 (H, W, 3).
    """
    picture = np.repeat((pixels * 255)[..., None], 3, axis=2)
    tint = np.asarray(colour, np.float32)
    picture[mask] = 0.7 * picture[mask] + 0.3 * tint
    thickness = max(1, round(min(mask.shape) / 400))
    # border_value=1: where the region meets the image's border there is no outline to draw.
    outline = mask & ~ndimage.binary_erosion(mask, iterations=thickness, border_value=1)
    picture[outline] = tint
    return np.rint(picture).astype(np.uint8)
