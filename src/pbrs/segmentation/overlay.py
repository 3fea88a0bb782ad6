"""A radiograph with its mask drawn over it, to look at."""

import numpy as np
from numpy.typing import NDArray

from pbrs.radiograph.anatomy import ANATOMY, REGION

REGION_COLOUR = ANATOMY[REGION].colour
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
    picture = np.repeat(np.rint(pixels * 255).astype(np.uint8)[..., None], 3, axis=2)
    tint = np.asarray(colour, np.float32)
    picture[mask] = np.rint(0.7 * 255 * pixels[mask][:, None] + 0.3 * tint).astype(np.uint8)
    thickness = max(1, round(min(mask.shape) / 400))
    picture[mask & ~erode(mask, thickness)] = colour
    return picture


def erode(mask: NDArray[np.bool_], times: int) -> NDArray[np.bool_]:
    """Take away from a mask (H, W), `times` times, what touches the outside by a side; the image's border is inside.

    So where a region meets the border there is no outline to draw. As `scipy.ndimage.binary_erosion` with
    ``border_value=1``, whose import takes longer than all of it.
    """
    for _ in range(times):
        wide = np.pad(mask, 1, constant_values=True)
        mask = mask & wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
    return mask
