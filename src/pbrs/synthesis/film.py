"""Film and screen: what digitising a film leaves on it, and what a photograph of a screen shows."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.enhancement import nominal
from pbrs.synthesis.factors import Draw, Drawn

Floats = NDArray[np.float32]


def digitise(grey: Floats, draw: Draw) -> Floats:
    """Leave dust, scratches and leaked light on grey, float32 (H, W) in [0, 1], or photograph it from a screen."""
    light, dust, scratches, screen = draw("light_leak"), draw("dust"), draw("scratches"), draw("screen_photo")
    if light:
        grey = grey + _leak(light, grey.shape)
    if dust:
        grey = _covered(grey, _specks(dust, grey.shape), dust)
    if scratches:
        grey = _covered(grey, _lines(scratches, grey.shape), scratches)
    if screen:
        grey = grey * _moire(screen, grey.shape)
    return np.clip(grey, 0, 1)


def _covered(grey: Floats, coverage: Floats, drawn: Drawn) -> Floats:
    """Cover grey by something dark or bright."""
    level = np.float32(drawn("strength") * drawn.sign())
    return np.asarray(grey + level * coverage, np.float32)


def _leak(drawn: Drawn, shape: tuple[int, int]) -> Floats:
    """Give the fog (or, on a print, the shadow) that light leaves where it came in at an edge, float32 (H, W)."""
    height, width = shape
    down, right = np.ogrid[:height, :width]
    row, column = drawn.rng.random(2)
    if drawn.happens(0.5):
        row = np.round(row)
    else:
        column = np.round(column)
    reach = drawn("reach") * max(shape)
    # a Gaussian is the product of a row's and a column's
    up_down = np.exp(-(((down - row * height) / reach) ** 2)).astype(np.float32)
    across = np.exp(-(((right - column * width) / (reach * drawn("stretch"))) ** 2)).astype(np.float32)
    return np.asarray(np.float32(drawn("strength") * drawn.sign()) * up_down * across, np.float32)


def _specks(drawn: Drawn, shape: tuple[int, int]) -> Floats:
    """Give the coverage by specks and short hairs, float32 (H, W) in [0, 1]."""
    height, width = shape
    scale = nominal(shape)
    drawing = np.zeros(shape, np.uint8)
    for _ in range(drawn.count("number")):
        at = drawn.rng.random(2) * (width, height)
        radius = drawn("radius_px") * scale
        hair = drawn.happens(0.2)
        towards = at + drawn.rng.normal(size=2) * (6 * scale if hair else radius)
        strength = int(drawn.rng.integers(60, 256))
        cv2.line(drawing, _fixed(at), _fixed(towards), strength, max(1, round(radius)), cv2.LINE_AA, 4)
    return drawing.astype(np.float32) / np.float32(255)


def _lines(drawn: Drawn, shape: tuple[int, int]) -> Floats:
    """Give the coverage by long scratches, hardly bent and mostly along the film's way through the machine."""
    height, width = shape
    drawing = np.zeros(shape, np.uint8)
    upright = drawn.happens(0.7)
    for _ in range(drawn.count("number")):
        start = drawn.rng.random(2)
        along = np.linspace(0, drawn("length"), 8)[:, None]
        bend = np.cumsum(drawn.rng.normal(size=(8, 1)) * 0.004, 0)
        way = np.hstack([bend, along]) if upright else np.hstack([along, bend])
        points = (start + way) * (width, height)
        cv2.polylines(drawing, [np.array([_fixed(point) for point in points])], False, 255, 1, cv2.LINE_AA, 4)
    return drawing.astype(np.float32) / np.float32(255)


def _fixed(point: NDArray[np.float64]) -> tuple[int, int]:
    """Give a point in sixteenths of a pixel, as cv2 draws with shift 4."""
    return round(point[0] * 16), round(point[1] * 16)


def _moire(drawn: Drawn, shape: tuple[int, int]) -> Floats:
    """Give the beat of a screen's pixels with a camera's, and the screen's fall of brightness, float32 (H, W)."""
    height, width = shape
    down, right = np.ogrid[:height, :width]
    gain = np.ones(shape, np.float32)
    for _ in range(2):
        period = max(drawn("period_px") * nominal(shape), 2.5)
        angle = drawn("turn_deg") * np.pi / 180
        row = (2 * np.pi * np.cos(angle) / period * down).astype(np.float32)
        column = (2 * np.pi * np.sin(angle) / period * right).astype(np.float32)
        wave = np.sin(row) * np.cos(column) + np.cos(row) * np.sin(column)
        gain += np.float32(drawn("depth")) * wave
    return gain
