"""Enhancement: filters that a vendor's software applies for local contrast, sharp edges and little noise.

Widths are in pixels of an image whose longer side is `NOMINAL_PX`, so that every size looks the same.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.fields import blur

Floats = NDArray[np.float32]

NOMINAL_PX = 512
"""Longer side of the image that widths in pixels refer to."""

_COARSEST_PX = 12  # longer side of the pyramid's last level


def nominal(shape: tuple[int, int]) -> float:
    """Give the number of pixels that one pixel of the nominal image covers."""
    return max(shape) / NOMINAL_PX


def enhance(image: Floats, draw: Draw) -> Floats:
    """Apply the linear and nearly linear filters to an image on the detector's scale, float32 (H, W)."""
    image = _denoised(draw("median_filter"), image)
    image = _softened(draw("soft_filter"), image)
    image = _equalised_widely(draw("dynamic_range"), image)
    image = _multi_frequency(draw("multi_frequency"), image)
    return _unsharp(draw("edge_halo"), image)


def equalise(grey: Floats, drawn: Drawn | None) -> Floats:
    """Equalise the histogram locally, with limited contrast (CLAHE), and mix the result with what was.

    grey is float32 (H, W) in [0, 1], as is what is returned.
    """
    if drawn is None:
        return grey
    tiles = drawn.count("tiles")
    coarse = np.round(grey * 255).astype(np.uint8)
    equalised = cv2.createCLAHE(drawn("clip"), (tiles, tiles)).apply(coarse)
    share = np.float32(drawn("share"))
    return np.asarray(grey * (1 - share) + equalised * (share / 255), np.float32)


def _denoised(drawn: Drawn | None, image: Floats) -> Floats:
    if drawn is None:
        return image
    radius = min(round(drawn("radius_px") * nominal(image.shape)), 2)  # cv2 takes no larger one for float32
    return np.asarray(cv2.medianBlur(image, 2 * radius + 1), np.float32) if radius else image


def _softened(drawn: Drawn | None, image: Floats) -> Floats:
    return blur(image, drawn("sigma_px") * nominal(image.shape)) if drawn else image


def _equalised_widely(drawn: Drawn | None, image: Floats) -> Floats:
    """Take a share of the low frequencies away: abdomen and thighs come to the same level."""
    if drawn is None:
        return image
    base = blur(image, drawn("sigma_px") * nominal(image.shape))
    base *= np.float32(-drawn("share"))
    base += image
    return base


def _unsharp(drawn: Drawn | None, image: Floats) -> Floats:
    """Exaggerate edges, which leaves a dark halo around bone and metal."""
    if drawn is None:
        return image
    edges = image - blur(image, drawn("sigma_px") * nominal(image.shape))
    edges *= np.float32(drawn("gain"))
    edges += image
    return edges


def _multi_frequency(drawn: Drawn | None, image: Floats) -> Floats:
    """Amplify faint detail more than strong, octave by octave of a Laplacian pyramid.

    After P. Vuylsteke and E. Schoeters, Proc. SPIE 2167, 551 (1994), with x / √(1 + x²) for their power law.
    """
    if drawn is None:
        return image
    limit = np.float32(drawn("limit") * _spread(image))
    fine, middle, coarse = drawn("fine"), drawn("middle"), drawn("coarse")
    bands, level = [], image
    while max(level.shape) > _COARSEST_PX and min(level.shape) > 2:
        smaller = np.asarray(cv2.pyrDown(level), np.float32)
        bands.append(level - cv2.pyrUp(smaller, dstsize=level.shape[::-1]))
        level = smaller
    for band in reversed(bands):
        octave = np.log2(NOMINAL_PX / max(band.shape))
        gain = np.interp(octave, (0, 2, 4), (fine, middle, coarse))
        detail = band / np.sqrt(1 + np.square(band / limit))
        level = np.asarray(cv2.pyrUp(level, dstsize=band.shape[::-1]) + np.float32(gain) * detail, np.float32)
    return level


def _spread(image: Floats) -> float:
    """Give the image's standard deviation, never 0."""
    return max(float(image[::4, ::4].std(dtype=np.float64)), 1e-4)
