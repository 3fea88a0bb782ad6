"""Whether a segmentation can be trusted: a predicted IoU, named warnings, and what does not look like a pelvis."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.modelfile.quality_card import QualityCalibration
from pbrs.radiograph.placement import Placement
from pbrs.segmentation.quality_features import STRUCTURES, Floats, measure_output, seen_part
from pbrs.segmentation.quality_warnings import (
    RULES,
    VIEW_TEXTS,
    QualityWarning,
    Rule,
    View,
    WarningName,
    loosest,
    measure_warnings,
)

_LEAST_EXPECTED = 0.35
"""Of models without calibration: how sure of its region a network with structures must be."""

_FARTHEST = 4.0

_ONE_HIP = 1.6
"""ln of how many times as large one hip bone is as the other, where only one is seen: five times."""

DOUBTFUL_IOU = 0.85
"""Predicted IoU below which a mask may be useless: then the radiograph is looked at from its other sides, too."""


@dataclass(frozen=True)
class Quality:
    """How far one segmentation can be trusted.

    Attributes
    ----------
    predicted_iou
        IoU with the true region that is to be expected, 0 to 1; None for models that are not calibrated.
    warnings
        At most one of each name.
    looks_like_pelvis
        False where the output could not be that of a frontal pelvic radiograph that lies upright; then
        ``not_a_pelvis`` or ``turned`` is among the warnings. Always True for models without structures.
    implausibility
        The number behind it, the smaller the more everything is as usual; None for models that are not calibrated.
    view
        What is seen: ``frontal``, or the one view that it looks like.
    turned_deg
        By how much the radiograph lies turned clockwise: 0, 90, 180 or 270.
    predicted_iou_interval
        Where the true IoU lies nine times in ten on radiographs like those of the calibration; None without it.
    """

    predicted_iou: float | None
    warnings: tuple[QualityWarning, ...]
    looks_like_pelvis: bool
    implausibility: float | None = None
    view: View = "frontal"
    turned_deg: int = 0
    predicted_iou_interval: tuple[float, float] | None = None

    def has(self, name: WarningName) -> bool:
        """Tell whether there is a warning of this name."""
        return any(warning.name == name for warning in self.warnings)

    def described(self) -> dict[str, Any]:
        """Give what ``report.json`` says of it."""
        return {
            "predicted_iou": None if self.predicted_iou is None else round(self.predicted_iou, 3),
            "predicted_iou_interval": self.predicted_iou_interval
            and [round(limit, 3) for limit in self.predicted_iou_interval],
            "view": self.view,
            "turned_deg": self.turned_deg,
            "looks_like_pelvis": self.looks_like_pelvis,
            "implausibility": None if self.implausibility is None else round(self.implausibility, 3),
            "warnings": [{"name": warning.name, "text": warning.text} for warning in self.warnings],
        }


class NotAPelvisError(InputError):
    """The input does not look like a frontal pelvic radiograph."""


def assess(
    output: Floats,
    channels: Sequence[str],
    placed: Floats,
    placement: Placement,
    threshold: float,
    calibration: QualityCalibration | None = None,
    views_disagreement: float | None = None,
) -> Quality:
    """Judge one output of a network, in a few milliseconds.

    Parameters
    ----------
    output
        float32 (C, h, w) in [0, 1], as the network gives it: sides as if the image's right were the patient's left.
    channels
        One name a channel; ``region`` among them.
    placed
        float32 (h, w) in [0, 1], bone bright: the network's input.
    placement
        How the radiograph lies in it.
    threshold
        The card's: what the calibration was made with.
    calibration
        The card's; None if the model has none.
    views_disagreement
        With test-time views: how far apart their masks are, 0 to 1.
    """
    seen, grey = seen_part(output, placement), seen_part(placed, placement)
    features = measure_output(seen, channels, threshold)
    measures = measure_warnings(seen, channels, grey, threshold, features)
    if views_disagreement is not None:
        measures["views"] = views_disagreement
    iou: float | None = None
    score: float | None = None
    odd: dict[str, float] = {}
    refusal = ""
    limits: dict[str, float] = {}
    if calibration is not None:
        limits = calibration.limits
        iou = measures["predicted_iou"] = predict_iou(features, calibration)
        odd = oddness(features, calibration)
        score, reasons = implausibility(features, calibration)
        if score > calibration.refusal or iou < calibration.least_iou:
            refusal = ", ".join((*_in_words(reasons), f"predicted IoU {iou:.2f}"))
    elif _looks_wrong(features, channels):
        refusal = "no bones, or not where they belong"
    warnings: dict[WarningName, QualityWarning] = {}
    if refusal:
        text = f"does not look like a frontal pelvic radiograph ({refusal})"
        warnings["not_a_pelvis"] = QualityWarning("not_a_pelvis", text)
    view, text = name_view(measures, odd, limits)
    if view != "frontal":
        warnings["unusual_view"] = QualityWarning("unusual_view", text)
    for rule in RULES:
        implied = rule.warning == "unusual_view" or (view == "one_hip" and rule.warning == "asymmetric")
        if rule.warning not in warnings and not implied and rule.is_broken(measures, limits):
            warnings[rule.warning] = QualityWarning(rule.warning, _told(rule, seen, channels, threshold))
    interval = None if calibration is None or iou is None else predict_interval(iou, calibration)
    return Quality(iou, tuple(warnings.values()), not refusal, score, view, 0, interval)


def called_turned(quality: Quality, turned_deg: int, upright: Quality | None) -> Quality:
    """Give the quality of a radiograph that lies turned.

    Parameters
    ----------
    quality
        As it lies.
    turned_deg
        By how much it lies turned clockwise: 90, 180 or 270.
    upright
        The quality of the upright picture, where that is what was segmented; else None, and it is refused.
    """
    lies = f"the radiograph lies turned by {turned_deg}°"
    if upright is not None:
        warning = QualityWarning("turned", f"{lies}: it was segmented upright, and the masks turned back")
        return replace(upright, warnings=(warning, *upright.warnings), view="turned", turned_deg=turned_deg)
    warning = QualityWarning("turned", f"{lies}: what is found in it so is wrong")
    return replace(quality, warnings=(warning,), looks_like_pelvis=False, view="turned", turned_deg=turned_deg)


def with_strays(quality: Quality, names: Sequence[str]) -> Quality:
    """Add the warning that pieces of these structures were left out."""
    if not names:
        return quality
    text = f"a piece called {' and '.join(map(_plain, names))} was left out: it lies too far away to be of that bone"
    return replace(quality, warnings=(*quality.warnings, QualityWarning("stray_pieces", text)))


def check_pelvis(quality: Quality, name: str) -> None:
    """Make sure that an input looks like a frontal pelvic radiograph; `name` is what the message calls it.

    Raises
    ------
    NotAPelvisError
        If it does not, or does not lie upright.
    """
    if quality.looks_like_pelvis:
        return
    for warning in quality.warnings:
        if warning.name == "turned":
            raise NotAPelvisError(
                f"{name}: {warning.text}; pass --upright auto to segment it upright, or --force as it lies"
            )
        if warning.name == "not_a_pelvis":
            raise NotAPelvisError(f"{name} {warning.text}: pass --force to segment it all the same")


def name_view(measures: dict[str, float], odd: dict[str, float], limits: dict[str, float]) -> tuple[View, str]:
    """Name the view and describe it, once: one hip alone first, then by the card's weights, then by the rules."""
    if measures.get("hip_balance", 0.0) > _ONE_HIP:
        return "one_hip", VIEW_TEXTS["one_hip"]
    if odd:
        likeliest = max(odd, key=lambda name: odd[name])
        for known, text in VIEW_TEXTS.items():
            if known == likeliest and odd[likeliest] > limits.get("odd_view", 0.0):
                return known, text
    for rule in RULES:
        # A calibrated model looks at the turned picture, which tells more than where the bones lie.
        if rule.view != "frontal" and not (odd and rule.view == "turned") and rule.is_broken(measures, limits):
            return rule.view, rule.text
    return "frontal", ""


def _told(rule: Rule, seen: Floats, channels: Sequence[str], threshold: float) -> str:
    """Give a rule's text, with the name of the bone where it is about one."""
    if rule.measure != "loose" or not all(name in channels for name in STRUCTURES):
        return rule.text
    masks = {name: seen[channels.index(name)] >= threshold for name in STRUCTURES}
    name, share = loosest(masks)
    return f"pieces lie apart from the {_plain(name)} ({share:.0%} of it)"


def _plain(name: str) -> str:
    bone, _, side = name.partition("_")
    return f"{side} {'hip bone' if bone == 'hip' else bone}" if side else bone


def predict_iou(features: dict[str, float], calibration: QualityCalibration) -> float:
    """Predict the IoU of the mask with the true region, 0 to 1."""
    values = _values(features, calibration)
    inside = np.clip(values, calibration.low, calibration.high)
    z = (inside - np.array(calibration.centre)) / np.array(calibration.scale)
    total = calibration.intercept + z @ np.array(calibration.linear) + z**2 @ np.array(calibration.square)
    return float(np.interp(total, calibration.sum_at, calibration.iou_at))


def predict_interval(iou: float, calibration: QualityCalibration) -> tuple[float, float] | None:
    """Give where the true IoU lies nine times in ten, for a predicted one; None if the card does not tell."""
    for upto, below, above in calibration.interval:
        if iou <= upto:
            return max(iou + below, 0.0), min(iou + above, 1.0)
    return None


def implausibility(features: dict[str, float], calibration: QualityCalibration) -> tuple[float, tuple[str, ...]]:
    """Add up how far outside their usual ranges the features lie, and doubt; name what counts most, most first."""
    values = _values(features, calibration)
    low, high = np.array(calibration.usual_low), np.array(calibration.usual_high)
    parts = np.array(calibration.weight) * np.clip(np.maximum(low - values, values - high) / (high - low), 0, 1)
    order = np.argsort(-parts, kind="stable")[:2]
    doubt = calibration.doubt * (1 - predict_iou(features, calibration))
    return float(parts.sum()) + doubt, tuple(calibration.features[place] for place in order if parts[place] > 0)


def oddness(features: dict[str, float], calibration: QualityCalibration) -> dict[str, float]:
    """Tell how much more the bones lie as in each of the card's other views than as in a frontal one.

    In log-odds, shifted; the card's limit is to be compared with, not 0.
    """
    terms = np.concatenate([[1.0], standardized(features, calibration)])
    return {name: float(terms @ np.array(weights)) for name, weights in calibration.other_views.items()}


def standardized(features: dict[str, float], calibration: QualityCalibration) -> NDArray[np.float64]:
    """Give float64 (F,): the features' deviations from the card's centres, in units of their spread, cut off at ±4."""
    z = (_values(features, calibration) - np.array(calibration.centre)) / np.array(calibration.scale)
    return np.asarray(np.clip(z, -_FARTHEST, _FARTHEST))


def _values(features: dict[str, float], calibration: QualityCalibration) -> NDArray[np.float64]:
    return np.array([features[name] for name in calibration.features])


_WORDS = {
    "area": "the region is too large or too small",
    "doubt": "the network is not sure of anything",
    "sure": "the network is not sure of anything",
    "expected": "the network is not sure of anything",
    "agreement": "the region is not that of its bones",
    "missing": "bones are missing",
    "pieces": "the bones lie in pieces",
    "outline": "the outline is not that of bones",
    "contact": "the region runs along the border",
    "share": "the bones' sizes do not fit together",
    "balance": "left and right differ too much",
    "overlap": "left and right lie upon each other",
}
"""By the last word of a feature's name; all others are about where the bones lie."""


def _in_words(names: Sequence[str]) -> list[str]:
    words = [_WORDS.get(name.rpartition("_")[2], "the bones do not lie as in a pelvis") for name in names]
    return list(dict.fromkeys(words))


def _looks_wrong(features: dict[str, float], channels: Sequence[str]) -> bool:
    """Judge without calibration: four of five structures missing, or three of six signs that bones are not in place."""
    if not all(name in channels for name in STRUCTURES):
        return False
    askew = [
        features["region_expected"] < _LEAST_EXPECTED,
        features["missing"] >= 2,
        not 0.02 < features["area"] < 0.85,
        features["axis_level"] < 0.3,
        features["hips_overlap"] > 0.6,
        features["agreement"] < 0.5,
    ]
    return features["missing"] >= 4 or sum(askew) >= 3
