"""Named warnings about a segmentation: what is measured for each, and the limits that raise it.

The limits of a calibrated model stand in its card. Those here are for all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pbrs.segmentation.quality_features import (
    HIPS,
    STRUCTURES,
    Bools,
    Floats,
    border_of,
    hole_areas,
    loose_share,
)
from pbrs.segmentation.quality_grey import measure_grey, measure_joints, measure_metal

WarningName = Literal[
    "not_a_pelvis",
    "turned",
    "cut_by_border",
    "holes_or_fragments",
    "asymmetric",
    "low_contrast",
    "metal",
    "growing_skeleton",
    "stray_pieces",
    "views_disagree",
    "unusual_view",
    "low_predicted_iou",
]


View = Literal["frontal", "inlet", "outlet", "oblique", "lateral", "one_hip", "turned", "negative"]

VIEW_TEXTS: dict[View, str] = {
    "inlet": "the pelvis is seen from above, as in an inlet view",
    "outlet": "the pelvis is seen from below, as in an outlet view",
    "oblique": "the pelvis is seen obliquely",
    "lateral": "the pelvis is seen from the side",
    "one_hip": "one hip alone is seen: the other is cut off, or not there",
    "turned": "the pelvis does not lie upright: is the image turned?",
    "negative": "bone is darker than what surrounds it: try --polarity inverted",
}
"""What the reader is told of each view but the frontal one."""


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
    view
        Of the rules of ``unusual_view``: the view that it tells.
    surest
        Predicted IoU from which on the warning is not raised.
    """

    warning: WarningName
    measure: str
    limit: float
    above: bool
    text: str
    view: View = "frontal"
    surest: float = 2.0

    def is_broken(self, measures: dict[str, float], limits: dict[str, float]) -> bool:
        """Tell whether the measure is there and beyond the limit."""
        if self.measure not in measures:
            return False
        if measures.get("predicted_iou", 0.0) >= self.surest:
            return False
        value, limit = measures[self.measure], limits.get(self.measure, self.limit)
        return value > limit if self.above else value < limit


# fmt: off
RULES = (
    Rule("cut_by_border", "cut", 1.0, True, "the image's border cuts off more of the hip bones or sacrum than usual"),
    Rule("cut_by_border", "region_cut", 0.25, True, "the image's border cuts off more of the region than usual"),
    Rule("holes_or_fragments", "loose", 0.05, True, "pieces lie apart from their bone"),
    Rule("holes_or_fragments", "holes", 0.01, True, "bone has holes where there should be none"),
    Rule("asymmetric", "hip_balance", 0.9, True, "the hip bones differ in size: rotated, injured, or one is cut off"),
    Rule("asymmetric", "sacrum_aside", 0.15, True, "the sacrum does not lie midway between the hip bones"),
    Rule("low_contrast", "range", 0.15, False, "there is little contrast where the pelvis lies"),
    Rule("low_contrast", "burnt", 0.4, True, "much of the bone is burnt out, white or black"),
    Rule("metal", "metal", 0.075, True, "there is metal in the bones: their outline there is a guess"),
    Rule("growing_skeleton", "joints", 0.5, False,
         "the hip joints are not bone yet: in a growing skeleton cartilage may be outlined as bone", surest=0.94),
    Rule("views_disagree", "views", 0.12, True, "mirrored or at another size, the radiograph gives another region"),
    Rule("unusual_view", "axis_level", 0.85, False, VIEW_TEXTS["turned"], "turned"),
    Rule("unusual_view", "sacrum_above", -0.15, False, VIEW_TEXTS["turned"], "turned"),
    Rule("unusual_view", "femora_below", 0.15, False, VIEW_TEXTS["turned"], "turned"),
    Rule("unusual_view", "bone_step", -0.07, False, VIEW_TEXTS["negative"], "negative"),
    Rule("unusual_view", "hips_overlap", 0.35, True, VIEW_TEXTS["oblique"], "oblique"),
    Rule("unusual_view", "hips_flat", 0.35, False, VIEW_TEXTS["outlet"], "outlet"),
    Rule("unusual_view", "hips_tall", 0.95, True, VIEW_TEXTS["inlet"], "inlet"),
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
    measures = {**_holes(masks), **measure_grey(placed, region), "metal": measure_metal(placed, region)}
    if not all(name in masks for name in STRUCTURES):
        return {"region_cut": features["region_contact"], **measures}
    ring = np.logical_or.reduce([masks[name] for name in (*HIPS, "sacrum")])
    measures["cut"] = sum(int(side.sum()) for side in border_of(ring)) / max(float(np.sqrt(ring.sum())), 1.0)
    measures |= {name: features[name] for name in ARRANGEMENT}
    joints = measure_joints(dict(zip(channels, output, strict=True)), placed, region)
    measures |= {} if joints is None else {"joints": joints}
    return measures | {"hips_flat": features["hips_height"], "hips_tall": features["hips_height"]}


def loosest(masks: dict[str, Bools]) -> tuple[str, float]:
    """Name the structure of which the largest share lies apart from its largest piece, and give that share."""
    shares = {name: loose_share(mask) for name, mask in masks.items() if name in STRUCTURES or len(masks) == 1}
    worst = max(shares, key=lambda name: shares[name])
    return worst, shares[worst]


def _holes(masks: dict[str, Bools]) -> dict[str, float]:
    """Measure pieces, and holes against anatomy: of all bones only the hip bones have one, the obturator foramen."""
    if not all(name in masks for name in STRUCTURES):
        return {"loose": loose_share(masks["region"])}
    whole = max(sum(int(masks[name].sum()) for name in STRUCTURES), 1)
    holes = 0.0
    for name in STRUCTURES:
        if masks[name].any():
            areas = hole_areas(masks[name])
            holes += float(areas[1 if name in HIPS else 0 :].sum()) * int(masks[name].sum())
    return {"loose": loosest(masks)[1], "holes": holes / whole}
