"""Named warnings about a segmentation: what is measured for each, and the limits that raise it.

The limits of a calibrated model stand in its card. Those here are for all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pbrs.segmentation.quality_features import (
    HIPS,
    STRUCTURES,
    Bools,
    Floats,
    border_of,
    hole_areas,
    loose_share,
)

WarningName = Literal[
    "not_a_pelvis",
    "cut_by_border",
    "holes_or_fragments",
    "asymmetric",
    "low_contrast",
    "metal",
    "views_disagree",
    "unusual_view",
    "low_predicted_iou",
]


@dataclass(frozen=True)
class QualityWarning:
    """A reason to look at a segmentation before it is used.

    Attributes
    ----------
    name
        For machines; it stays the same in later versions.
    text
        One line for people.
    """

    name: WarningName
    text: str


@dataclass(frozen=True)
class Rule:
    """Raises a warning where a measure is beyond its limit.

    Attributes
    ----------
    warning
        Name of the warning.
    measure
        Name of what is measured; a model without structures has not all of them, and then no such warning.
    limit
        For models whose card has none.
    above
        Whether it is measures above the limit, not below, that raise it.
    text
        What the reader is told.
    """

    warning: WarningName
    measure: str
    limit: float
    above: bool
    text: str

    def is_broken(self, measures: dict[str, float], limits: dict[str, float]) -> bool:
        """Tell whether the measure is there and beyond the limit."""
        if self.measure not in measures:
            return False
        value, limit = measures[self.measure], limits.get(self.measure, self.limit)
        return value > limit if self.above else value < limit


# fmt: off
RULES = (
    Rule("cut_by_border", "cut", 1.0, True, "the image's border cuts off more of the hip bones or sacrum than usual"),
    Rule("cut_by_border", "region_cut", 0.25, True, "the image's border cuts off more of the region than usual"),
    Rule("holes_or_fragments", "loose", 0.05, True, "pieces lie apart from the bone that they are called"),
    Rule("holes_or_fragments", "holes", 0.01, True, "bone has holes where there should be none"),
    Rule("asymmetric", "hip_balance", 0.9, True, "the hip bones differ in size: rotated, injured, or one is cut off"),
    Rule("asymmetric", "sacrum_aside", 0.15, True, "the sacrum does not lie midway between the hip bones"),
    Rule("low_contrast", "range", 0.15, False, "there is little contrast where the pelvis lies"),
    Rule("low_contrast", "burnt", 0.4, True, "much of the bone is burnt out, white or black"),
    Rule("metal", "metal", 0.06, True, "there is large metal in the bones: their outline there is a guess"),
    Rule("views_disagree", "views", 0.12, True, "mirrored or at another size, the radiograph gives another region"),
    Rule("unusual_view", "axis_level", 0.85, False, "the pelvis is turned in the image: is it upright?"),
    Rule("unusual_view", "sacrum_above", -0.15, False, "the sacrum does not lie above the hips: is the image upright?"),
    Rule("unusual_view", "femora_below", 0.15, False, "the femora do not lie below the hips: is the image upright?"),
    Rule("unusual_view", "hips_overlap", 0.35, True, "the hip bones overlap: an oblique or lateral view?"),
    Rule("unusual_view", "hips_flat", 0.35, False, "the pelvis is low for its width: an outlet view, or cut off?"),
    Rule("unusual_view", "hips_tall", 0.95, True, "the pelvis is tall for its width: an inlet or oblique view?"),
    Rule("unusual_view", "bone_step", -0.07, False, "bone is darker than what surrounds it: try --polarity inverted"),
    Rule("unusual_view", "odd_view", 0.0, True, "bones lie as in another view (inlet, oblique, turned) or negative"),
    Rule("low_predicted_iou", "predicted_iou", 0.75, False, "the mask is probably less accurate than usual"),
)
# fmt: on
"""All rules but the refusal's. Several may raise one warning; the first that is broken speaks."""

ARRANGEMENT = ("hip_balance", "sacrum_aside", "axis_level", "sacrum_above", "femora_below", "hips_overlap")
"""Features that are measures, too."""


def measure_warnings(
    output: Floats, channels: Sequence[str], placed: Floats, threshold: float, features: dict[str, float]
) -> dict[str, float]:
    """Measure what the rules are about, but for views and predicted IoU.

    Parameters
    ----------
    output
        float32 (C, h, w) in [0, 1]: the part that the radiograph covers.
    channels
        One name a channel.
    placed
        float32 (h, w) in [0, 1], bone bright: the radiograph itself.
    threshold
        Probability from which a pixel is bone.
    features
        Of the same output, by `pbrs.segmentation.quality_features.measure_output`.

    Returns
    -------
    dict
        Number by the name of the measure; none, if no region was found.
    """
    masks = {name: values >= threshold for name, values in zip(channels, output, strict=True)}
    region = masks["region"]
    if not region.any():
        return {}
    measures = {**_holes(masks), **_grey(placed, region), "metal": _metal(placed, region)}
    if not all(name in masks for name in STRUCTURES):
        return {"region_cut": features["region_contact"], **measures}
    ring = np.logical_or.reduce([masks[name] for name in (*HIPS, "sacrum")])
    measures["cut"] = sum(int(side.sum()) for side in border_of(ring)) / max(float(np.sqrt(ring.sum())), 1.0)
    measures |= {name: features[name] for name in ARRANGEMENT}
    return measures | {"hips_flat": features["hips_height"], "hips_tall": features["hips_height"]}


def _holes(masks: dict[str, Bools]) -> dict[str, float]:
    """Measure pieces, and holes against anatomy: of all bones only the hip bones have one, the obturator foramen."""
    if not all(name in masks for name in STRUCTURES):
        region = masks["region"]
        return {"loose": loose_share(region)}
    whole = max(sum(int(masks[name].sum()) for name in STRUCTURES), 1)
    loose = sum(loose_share(masks[name]) * int(masks[name].sum()) for name in STRUCTURES)
    holes = 0.0
    for name in STRUCTURES:
        if masks[name].any():
            areas = hole_areas(masks[name])
            holes += float(areas[1 if name in HIPS else 0 :].sum()) * int(masks[name].sum())
    return {"loose": loose / whole, "holes": holes / whole}


def _grey(placed: Floats, region: Bools) -> dict[str, float]:
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    low, high = np.quantile(placed[box][::2, ::2], (0.05, 0.95))
    bone = placed[region]
    burnt = float(((bone >= 0.99) | (bone <= 0.01)).mean())
    near = _grown(region, 4) & ~_grown(region, 1)
    step = float(bone.mean() - placed[near].mean()) if near.any() else 0.0
    return {"range": float(high - low), "burnt": burnt, "bone_step": step}


def _metal(placed: Floats, region: Bools) -> float:
    """Measure large bright flat pieces with sharp borders within the region, as a share of it."""
    from scipy import ndimage

    bright = placed >= max(0.85, float(np.quantile(placed[region], 0.9)))
    core = ndimage.binary_opening(bright & region, np.ones((3, 3), bool))
    label, count = ndimage.label(core)
    if count == 0:
        return 0.0
    # A ring of three pixels around each piece, less the pixel at its border, which is mixed.
    grown = ndimage.grey_dilation(label, size=(7, 7))
    near = np.where(ndimage.binary_dilation(core, np.ones((3, 3), bool)), 0, grown)
    size, inner = _means(label, placed, count)
    around, outer = _means(near, placed, count)
    is_metal = (around > 0) & (inner - outer > 0.2)
    return float(size[is_metal].sum() / region.sum())


def _means(label: NDArray[np.integer], grey: Floats, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the size and the mean grey of the labels 1 to `count`; 0 for those that are not there."""
    size = np.bincount(label.ravel(), minlength=count + 1)[1:].astype(np.float64)
    total = np.bincount(label.ravel(), grey.ravel(), count + 1)[1:]
    return size, total / np.maximum(size, 1)


def _grown(mask: Bools, by: int) -> Bools:
    """Grow a mask by a square of `by` pixels each way."""
    grown = mask
    for axis in (0, 1):
        grown = _any_within(grown, by, axis)
    return grown


def _any_within(mask: Bools, by: int, axis: int) -> Bools:
    count = np.cumsum(np.insert(mask.astype(np.int32), 0, 0, axis=axis), axis=axis)
    length = mask.shape[axis]
    high = np.minimum(np.arange(length) + by + 1, length)
    low = np.maximum(np.arange(length) - by, 0)
    return np.asarray(np.take(count, high, axis) > np.take(count, low, axis))
