"""The picture: how an image is digitised, scaled, compressed and stored in 8 bit."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.enhancement import nominal
from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.fields import blur
from pbrs.synthesis.film import digitise

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_KERNELS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def take_picture(grey: Floats, draw: Draw) -> Bytes:
    """Make the file's pixels from grey, float32 (H, W) in [0, 1]: uint8 (H, W), 255 where grey is 1."""
    grey = digitise(grey, draw)
    for spoil, name in ((_banded, "row_bands"), (_lined, "row_lines"), (_noisy, "picture_noise")):
        drawn = draw(name)
        if drawn:
            grey = spoil(drawn, grey)
    levels, scaled, compressed = draw("few_levels"), draw("scaled_file"), draw("jpeg")
    stored = _resized(scaled, grey) if scaled else grey
    if levels:
        steps = np.float32(levels.count("levels") - 1)
        stored = np.asarray(np.round(np.clip(stored, 0, 1) * steps) / steps, np.float32)
    if compressed:
        stored = _compressed(compressed, _bytes(stored)).astype(np.float32) / np.float32(255)
    if stored.shape != grey.shape:
        height, width = grey.shape
        stored = np.asarray(cv2.resize(stored, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return _bytes(stored)


def _bytes(grey: Floats) -> Bytes:
    return np.round(np.clip(grey, 0, 1) * np.float32(255)).astype(np.uint8)


def _banded(drawn: Drawn, grey: Floats) -> Floats:
    """Let every row be read out a little brighter or darker, neighbours alike."""
    rows = drawn.rng.standard_normal((grey.shape[0], 1), np.float32)
    smooth = cv2.GaussianBlur(rows, (1, 9), max(drawn("sigma_px") * nominal(grey.shape), 0.1))
    return np.asarray(grey + np.float32(drawn("levels") / 255) * smooth, np.float32)


def _lined(drawn: Drawn, grey: Floats) -> Floats:
    """Draw horizontal lines, bright or dark, some not all the way: rows that were lost or read wrongly."""
    grey = grey.copy()
    height, width = grey.shape
    for _ in range(drawn.count("number")):
        row = int(drawn.rng.integers(height))
        thick = max(1, round(drawn("width_px") * nominal(grey.shape)))
        ends = np.sort(drawn.rng.integers(0, width, 2)) if drawn.happens(0.3) else (0, width)
        grey[row : row + thick, ends[0] : ends[1]] += np.float32(drawn("strength") * drawn.sign())
    return grey


def _noisy(drawn: Drawn, grey: Floats) -> Floats:
    """Add noise of the film's grain, the digitiser or a poor copy, the same everywhere."""
    noise = blur(drawn.rng.standard_normal(grey.shape, np.float32), drawn("grain_px") * nominal(grey.shape))
    spread = max(float(noise[::4, ::4].std(dtype=np.float64)), 1e-6)
    return np.asarray(grey + noise * np.float32(drawn("levels") / 255 / spread), np.float32)


def _resized(drawn: Drawn, grey: Floats) -> Floats:
    """Scale to the size of the file: coarser than what it is shown at, or up to half as fine again."""
    times = min(drawn("longer_side_px") / max(grey.shape), 1.5)
    height, width = (max(8, round(side * times)) for side in grey.shape)
    kernel = _KERNELS[int(drawn.rng.integers(len(_KERNELS)))]
    return np.asarray(cv2.resize(grey, (width, height), interpolation=kernel), np.float32)


def _compressed(drawn: Drawn, image: Bytes) -> Bytes:
    """Compress as JPEG and decompress."""
    written, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, drawn.count("quality")])
    if not written:
        raise RuntimeError("cv2 could not write a JPEG")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
