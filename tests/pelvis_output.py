"""What a network gives for a pelvis: structures of discs, their probabilities, and a radiograph with them."""

import numpy as np

from pbrs.segmentation.quality_features import STRUCTURES
from small_model import CHANNELS

SHAPE = (256, 320)


def disc(row, column, high, wide):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return ((y - row) / high) ** 2 + ((x - column) / wide) ** 2 <= 1


def pelvis():
    """Structures where a frontal radiograph has them: the patient's left on the image's right."""
    foramina = {side: disc(185, 160 + sign * 38, 12, 14) for side, sign in (("left", 1), ("right", -1))}
    hips = {
        f"hip_{side}": (disc(100, 160 + sign * 75, 60, 38) | disc(180, 160 + sign * 42, 32, 34)) & ~foramina[side]
        for side, sign in (("left", 1), ("right", -1))
    }
    femora = {
        f"femur_{side}": disc(170, 160 + sign * 95, 20, 24) | (disc(220, 160 + sign * 112, 70, 14))
        for side, sign in (("left", 1), ("right", -1))
    }
    return {**hips, "sacrum": disc(90, 160, 48, 34), **femora}


def output_of(structures, sure=0.97):
    """What a network gives that is as sure of everything."""
    region = np.logical_or.reduce([structures[name] for name in STRUCTURES])
    masks = {"region": region, **structures}
    return np.stack([np.where(masks[name], sure, 1 - sure) for name in CHANNELS]).astype(np.float32)


def radiograph_of(structures):
    region = np.logical_or.reduce([structures[name] for name in STRUCTURES])
    shade = np.linspace(0, 0.3, SHAPE[1])[None]
    return (0.2 + shade + 0.35 * region).astype(np.float32)
