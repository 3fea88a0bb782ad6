"""Damage to a radiograph that a mask should survive or a warning should tell of; used by `calibrate_quality.py`."""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Damaged = tuple[Floats, Bools]
_Damage = Callable[[Floats, Bools, float, np.random.Generator], Damaged]


def damage(pixels: Floats, region: Bools, rng: np.random.Generator) -> tuple[Floats, Bools, str]:
    """Damage a radiograph in one or two ways, a little or much.

    Parameters
    ----------
    pixels
        float32 (H, W) in [0, 1], bone bright.
    region
        bool (H, W): the true region; it is turned and cropped along, and what is hidden leaves it.
    rng
        Chance.

    Returns
    -------
    pixels, region, name
        What came of it, and the names of the damage.
    """
    names = list(rng.choice(list(DAMAGE), size=1 + (rng.random() < 0.35), replace=False))
    for name in names:
        spoilt, region = DAMAGE[name](pixels, region, float(rng.uniform(0.1, 1)), rng)
        pixels = np.clip(spoilt, 0, 1).astype(np.float32)
    return pixels, region, "+".join(map(str, names))


def _blur(pixels: Floats, region: Bools, much: float, rng: np.random.Generator) -> Damaged:
    return ndimage.gaussian_filter(pixels, much**1.5 * max(pixels.shape) / 40), region


def _noise(pixels: Floats, region: Bools, much: float, rng: np.random.Generator) -> Damaged:
    grain = rng.normal(size=pixels.shape)
    if rng.random() < 0.5:
        grain = ndimage.gaussian_filter(grain, 1.2) * 4
    return pixels + 0.45 * much**1.5 * grain.astype(np.float32), region


def _gamma(pixels: Floats, region: Bools, much: float, rng: np.random.Generator) -> Damaged:
    power = 1 + 4 * much
    return pixels ** (power if rng.random() < 0.5 else 1 / power), region


def _hidden(pixels: Floats, region: Bools, much: float, rng: np.random.Generator) -> Damaged:
    """Put bars or boxes upon it."""
    pixels, region = pixels.copy(), region.copy()
    height, width = pixels.shape
    for _ in range(int(rng.integers(1, 4))):
        share = rng.uniform(0.05, 0.15 + 0.35 * much)
        if rng.random() < 0.4:  # a bar from side to side
            high, wide = (1.0, share / 2) if rng.random() < 0.5 else (share / 2, 1.0)
        else:
            stretch = rng.uniform(0.6, 1.6)
            high, wide = min(share * stretch, 1.0), min(share / stretch, 1.0)
        top, left = (int(rng.uniform(0, 1 - size) * side) for size, side in ((high, height), (wide, width)))
        box = slice(top, top + max(int(high * height), 1)), slice(left, left + max(int(wide * width), 1))
        pixels[box], region[box] = rng.choice([0.0, 1.0, rng.random()]), False
    return pixels, region


def _crop(pixels: Floats, region: Bools, much: float, rng: np.random.Generator) -> Damaged:
    height, width = pixels.shape
    kept = 1 - 0.55 * much
    rows, columns = (int(side * rng.uniform(kept, 1)) for side in (height, width))
    top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
    box = slice(top, top + rows), slice(left, left + columns)
    return pixels[box], region[box]


def _turn(pixels: Floats, region: Bools, much: float, rng: np.random.Generator) -> Damaged:
    degrees = 25 * much * (1 if rng.random() < 0.5 else -1)
    turned = ndimage.rotate(pixels, degrees, order=1, reshape=False)
    return turned, ndimage.rotate(region.astype(np.float32), degrees, order=1, reshape=False) >= 0.5


def _jpeg(pixels: Floats, region: Bools, much: float, rng: np.random.Generator) -> Damaged:
    buffer = io.BytesIO()
    Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8)).save(buffer, "JPEG", quality=round(25 - 23 * much))
    return np.asarray(Image.open(buffer), np.float32) / 255, region


def _motion(pixels: Floats, region: Bools, much: float, rng: np.random.Generator) -> Damaged:
    length, angle = max(pixels.shape) * 0.12 * much, rng.uniform(0, np.pi)
    steps = np.linspace(-0.5, 0.5, max(int(length), 2)) * length
    moved = [
        ndimage.shift(pixels, (step * np.sin(angle), step * np.cos(angle)), order=1, mode="nearest") for step in steps
    ]
    return np.mean(moved, axis=0), region


def _saturated(pixels: Floats, region: Bools, much: float, rng: np.random.Generator) -> Damaged:
    """Burn one half out, to white or to black, with a soft passage."""
    height, width = pixels.shape
    axis = int(rng.integers(2))
    side = (height, width)[axis]
    place = np.linspace(-1, 1, side) * (1 if rng.random() < 0.5 else -1)
    share = 1 / (1 + np.exp(-(place - rng.uniform(-0.3, 0.5)) * 6))
    share = share[:, None] if axis == 0 else share[None]
    shift = (0.4 + 1.1 * much) * (1 if rng.random() < 0.6 else -1)
    return np.clip(pixels + shift * share, 0, 1), region


def _flat(pixels: Floats, region: Bools, much: float, rng: np.random.Generator) -> Damaged:
    """Take contrast away, and store what is left with 8 bits."""
    left = (1 - much) ** 2 * 0.6 + 0.015
    grey = rng.uniform(0.1, 0.9 - left) + left * pixels
    return np.round(grey * 255) / 255, region


DAMAGE: dict[str, _Damage] = {
    "blur": _blur,
    "noise": _noise,
    "gamma": _gamma,
    "hidden": _hidden,
    "crop": _crop,
    "turn": _turn,
    "jpeg": _jpeg,
    "motion": _motion,
    "saturated": _saturated,
    "flat": _flat,
}
"""Kinds of damage. A number from 0 to 1 says how much."""
