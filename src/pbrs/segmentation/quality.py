"""Whether a segmentation can be trusted: a predicted IoU, named warnings, and what does not look like a pelvis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.modelfile.quality_card import QualityCalibration
from pbrs.radiograph.placement import Placement
from pbrs.segmentation.quality_features import STRUCTURES, Floats, measure_output, seen_part
from pbrs.segmentation.quality_warnings import RULES, QualityWarning, WarningName, measure_warnings

__all__ = ["NotAPelvisError", "Quality", "QualityWarning", "assess", "check_pelvis", "implausibility", "predict_iou"]

_LEAST_EXPECTED = 0.35
"""Of models without calibration: how sure of its region a network with structures must be."""

_FARTHEST = 4.0


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
        False where the output could not be that of a frontal pelvic radiograph; then ``not_a_pelvis`` is among the
        warnings. Always True for models without structures.
    implausibility
        The number behind it, the smaller the more everything is as usual; None for models that are not calibrated.
    """

    predicted_iou: float | None
    warnings: tuple[QualityWarning, ...]
    looks_like_pelvis: bool
    implausibility: float | None = None

    def has(self, name: WarningName) -> bool:
        """Tell whether there is a warning of this name."""
        return any(warning.name == name for warning in self.warnings)

    def described(self) -> dict[str, Any]:
        """Give what ``report.json`` says of it."""
        return {
            "predicted_iou": None if self.predicted_iou is None else round(self.predicted_iou, 3),
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
    reasons: tuple[str, ...] = ()
    if calibration is not None:
        iou = measures["predicted_iou"] = predict_iou(features, calibration)
        if calibration.other_views:
            measures["odd_view"] = odd_view(features, calibration)
        score, reasons = implausibility(features, calibration)
        refused = score > calibration.refusal
    else:
        refused = _looks_wrong(features, channels)
    warnings: dict[WarningName, QualityWarning] = {}
    if refused:
        why = _in_words(reasons) or "no bones, or not where they belong"
        text = f"does not look like a frontal pelvic radiograph ({why})"
        warnings["not_a_pelvis"] = QualityWarning("not_a_pelvis", text)
    limits = {} if calibration is None else calibration.limits
    for rule in RULES:
        if rule.warning not in warnings and rule.is_broken(measures, limits):
            warnings[rule.warning] = QualityWarning(rule.warning, rule.text)
    return Quality(iou, tuple(warnings.values()), not refused, score)


def check_pelvis(quality: Quality, name: str) -> None:
    """Make sure that an input looks like a frontal pelvic radiograph; `name` is what the message calls it.

    Raises
    ------
    NotAPelvisError
        If it does not.
    """
    for warning in quality.warnings:
        if warning.name == "not_a_pelvis":
            raise NotAPelvisError(f"{name} {warning.text}: pass --force to segment it all the same")


def predict_iou(features: dict[str, float], calibration: QualityCalibration) -> float:
    """Predict the IoU of the mask with the true region, 0 to 1."""
    values = _values(features, calibration)
    inside = np.clip(values, calibration.low, calibration.high)
    z = (inside - np.array(calibration.centre)) / np.array(calibration.scale)
    iou = calibration.intercept + z @ np.array(calibration.linear) + z**2 @ np.array(calibration.square)
    return float(np.clip(iou, 0, 1))


def implausibility(features: dict[str, float], calibration: QualityCalibration) -> tuple[float, tuple[str, ...]]:
    """Add up how far outside their usual ranges the features lie, and doubt; name what counts most, most first."""
    values = _values(features, calibration)
    low, high = np.array(calibration.usual_low), np.array(calibration.usual_high)
    parts = np.array(calibration.weight) * np.clip(np.maximum(low - values, values - high) / (high - low), 0, 1)
    order = np.argsort(-parts, kind="stable")[:2]
    doubt = calibration.doubt * (1 - predict_iou(features, calibration))
    return float(parts.sum()) + doubt, tuple(calibration.features[place] for place in order if parts[place] > 0)


def odd_view(features: dict[str, float], calibration: QualityCalibration) -> float:
    """Tell how much more the bones lie as in the likeliest of the card's other views than as in a frontal one.

    In log-odds, shifted; the card's limit is to be compared with, not 0.
    """
    terms = np.concatenate([[1.0], standardized(features, calibration)])
    return float(max(terms @ np.array(weights) for weights in calibration.other_views.values()))


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


def _in_words(names: Sequence[str]) -> str:
    words = [_WORDS.get(name.rpartition("_")[2], "the bones do not lie as in a pelvis") for name in names]
    return ", ".join(dict.fromkeys(words))


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
