"""Scatter: the veil that the irradiated tissue itself throws over the image."""

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.factors import Draw
from pbrs.synthesis.fields import blur
from pbrs.synthesis.view import View

Floats = NDArray[np.float32]

_PELVIS = 4.5  # attenuation, −ln of the transmission, of an average adult


def scatter(falling: Floats, passed: Floats, view: View, draw: Draw) -> Floats:
    """Give the scattered part of the signal, float32 (H, W).

    A ray throws scatter in proportion to what passes and to the attenuation on its way, P · −ln(P) (B. Ohnesorge et
    al., Eur. Radiol. 9, 563 (1999)), which spreads over a wide kernel, the wider the thicker the patient. The factor
    `scatter` is what a grid lets through, `no_grid` what comes without one; behind bone that makes a ratio of
    scatter to primary of 0.2 to 1.3 with a grid, and of 2 to 5 without, in the median.

    Parameters
    ----------
    falling
        The beam that falls on the patient, float32 (H, W).
    passed
        The share of it that passes, float32 (H, W).
    """
    through_grid, without_grid = draw("scatter"), draw("no_grid")
    share = sum(drawn("share") for drawn in (through_grid, without_grid) if drawn)
    if not share:
        return np.zeros((1, 1), np.float32)
    width_mm = max(drawn("width_mm") for drawn in (through_grid, without_grid) if drawn)
    attenuation = -np.log(np.maximum(passed, np.float32(1e-5)))
    weight = float(falling.sum(dtype=np.float64))
    mean = float((falling * attenuation).sum(dtype=np.float64)) / weight if weight else 0.0
    thrown = falling * passed * attenuation * np.float32(share)
    return blur(thrown, width_mm * (0.5 + 0.5 * mean / _PELVIS) / view.pixel_mm)
