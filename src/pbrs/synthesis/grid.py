"""The anti-scatter grid: where it stands askew it takes the beam too, and its strips may show as faint lines."""

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.factors import Drawn
from pbrs.synthesis.view import View

Floats = NDArray[np.float32]


def cut_off(drawn: Drawn | None, view: View) -> Floats:
    """Give the share that passes a grid out of focus or off centre: it falls to one side or both, float32 (1, W)."""
    if drawn is None:
        return np.ones((1, 1), np.float32)
    across_mm = (np.arange(view.shape[1], dtype=np.float32) + 0.5 - view.shape[1] / 2) * view.pixel_mm
    distance = (across_mm - drawn("best_mm")) / 200
    return np.asarray(1 / (1 + drawn("loss_at_200_mm") * distance**2), np.float32)[None]


def grid_lines(drawn: Drawn | None, view: View) -> Floats:
    """Give the shadow of the strips, wider than they are since the detector samples them coarsely; float32 (H, W)."""
    if drawn is None:
        return np.ones((1, 1), np.float32)
    height, width = view.shape
    per_px = min(view.pixel_mm / drawn("period_mm"), 0.4)
    turn = np.deg2rad(drawn("turn_deg"))
    down, right = np.ogrid[:height, :width]
    # the angle is a sum of a row's and a column's, and so the wave needs no more than their sines and cosines
    row = (2 * np.pi * per_px * np.sin(turn) * down).astype(np.float32)
    column = (2 * np.pi * per_px * np.cos(turn) * right).astype(np.float32)
    wave = np.sin(row) * np.cos(column) + np.cos(row) * np.sin(column)
    return np.asarray(1 + np.float32(drawn("depth")) * wave, np.float32)
