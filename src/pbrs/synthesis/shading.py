"""Shading: slow changes of grey over the image and loss of contrast, as software, viewers and copies leave them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.fields import smoothstep

Floats = NDArray[np.float32]


def shade(grey: Floats, draw: Draw) -> Floats:
    """Shade grey, float32 (H, W) in [0, 1]; what is returned may leave that range."""
    uneven, vignette, sloped, washed = (draw(name) for name in ("uneven_tone", "vignette", "slope", "washed_out"))
    if uneven:
        grey = grey ** _exponents(uneven, grey.shape)
    if vignette:
        grey = grey * _vignette(vignette, grey.shape)
    if sloped:
        grey = grey + _slope(sloped, grey.shape)
    if washed:
        contrast = np.float32(washed("contrast"))
        grey = contrast * grey + (1 - contrast) * np.float32(washed("black"))
    return grey


def _slope(drawn: Drawn, shape: tuple[int, int]) -> Floats:
    """Give a plane that rises by `rise` across the image in any direction, 0 in the middle, float32 (H, W)."""
    right, down = _from_middle(shape)
    angle = drawn("direction_deg") * np.pi / 180
    half = drawn("rise") / 2
    return np.float32(half * np.cos(angle)) * right + np.float32(half * np.sin(angle)) * down


def _from_middle(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Give (1, W) and (H, 1), each from −1 to 1."""
    height, width = shape
    return np.linspace(-1, 1, width, dtype=np.float32)[None], np.linspace(-1, 1, height, dtype=np.float32)[:, None]


def _exponents(drawn: Drawn, shape: tuple[int, int]) -> Floats:
    """Give gammas that brighten or darken regions of a quarter to half the image, float32 (H, W)."""
    logarithm = drawn.rng.uniform(-1, 1, (4, 4)).astype(np.float32) * np.float32(drawn("logarithm"))
    return np.asarray(np.exp(cv2.resize(logarithm, shape[::-1], interpolation=cv2.INTER_CUBIC)), np.float32)


def _vignette(drawn: Drawn, shape: tuple[int, int]) -> Floats:
    """Give the share of brightness left, which falls with the distance from a point near the middle, float32 (H, W)."""
    right, down = _from_middle(shape)
    x, y = np.float32(drawn("off_middle") * drawn.sign()), np.float32(drawn("off_middle") * drawn.sign())
    radius = np.hypot(right - x, down - y)
    outside = smoothstep((radius - np.float32(drawn("start"))) / np.float32(drawn("width")))
    return np.asarray(1 - np.float32(drawn("loss")) * outside, np.float32)
