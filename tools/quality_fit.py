"""Fitting the numbers of a model's `QualityCalibration`; used by `calibrate_quality.py`."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from pbrs.modelfile.quality_card import QualityCalibration
from pbrs.segmentation.quality import DOUBTFUL_IOU, implausibility, predict_iou, standardized
from pbrs.segmentation.quality_features import GEOMETRY
from pbrs.segmentation.quality_warnings import RULES

Floats = NDArray[np.float64]

ACCEPTABLE_IOU = 0.7
"""What is found in a pelvis at least so well must not be refused."""

_LARGEST_WEIGHT = 3.0
_SLACK = 0.02

_DOUBT = 1.0
"""Weight of 1 − predicted IoU: in noise or clouds the network sees bones in place, but is not sure of them."""

_LET_THROUGH = 0.1
"""Share of what is no pelvis that may be segmented, to be the safer not to refuse a pelvis."""

_VIEW_PENALTY = 0.001

_RIDGES = 10.0 ** np.arange(-1, 4)
_TAILS = {
    "hip_balance": 0.01, "sacrum_aside": 0.01, "holes": 0.01, "range": 0.01, "burnt": 0.01, "cut": 0.02,
    "views": 0.02, "odd_view": 0.02,
}  # fmt: skip
_FIXED = {
    # Real masks below it were bad, and none of 46 good ones of adults; synthetic ones are drawn from wider ranges.
    "predicted_iou": DOUBTFUL_IOU,
    # Drawn objects are brighter than real ones: chosen on 87 real adults without metal and 14 implants.
    "metal": 0.106,
    # A tenth of one bone: a ruler called femur has up to a fifth of it.
    "loose": 0.1,
    # Cartilage is not drawn: chosen on five real infants (docs/quality.md).
    "joints": 0.5,
}
_SHOULD_PASS = 0.01
"""Share of photographs of other bones that may pass for pelves by their predicted IoU."""

_HIGHEST_LEAST_IOU = 0.78
_ALPHA = 0.1
_INTERVAL_EDGES = (0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
_KNOTS = (0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1)
_TAIL = 0.0025
"""What share of undamaged radiographs may break a rule: in all at most 5 % a warning."""

_STEP = 0.05
"""How far at least the limit of a rule of `_TAIL` lies beyond that share."""


def fit(
    pelves: Sequence[dict[str, float]],
    ious: Floats,
    groups: NDArray[np.int64],
    others: Sequence[dict[str, float]],
    photographs: Sequence[dict[str, float]] = (),
) -> QualityCalibration:
    """Fit predicted IoU and refusal; the warnings' limits are added by `with_limits`.

    Parameters
    ----------
    pelves
        Features of pelves, damaged or not.
    ious
        float (N,): of the mask with the true region.
    groups
        int (N,): which radiograph each was made from.
    others
        Features of what is no pelvis.
    photographs
        Those of `others` that are real radiographs of other bones: the least predicted IoU is set on them.
    """
    names = tuple(pelves[0])
    values = np.array([[row[name] for name in names] for row in pelves])
    wrong = np.array([[row[name] for name in names] for row in others])
    low, high = np.quantile(values, (0.005, 0.995), axis=0)
    inside = np.clip(values, low, high)
    centre, scale = inside.mean(0), np.maximum(inside.std(0), 1e-3)
    z = (inside - centre) / scale
    terms = np.concatenate([z, z**2], 1)
    strength = _best_ridge(terms, ious, groups)
    coefficients, intercept = _ridge(terms, ious, strength)
    held_out = _held_out(terms, ious, groups, strength)
    sum_at, iou_at = _rising(held_out, ious)

    good = values[ious > ACCEPTABLE_IOU]
    usual_low, usual_high = np.quantile(good, (0.01, 0.99), axis=0)
    # What never varied here may vary a little on real radiographs.
    usual_low, usual_high = usual_low - _SLACK, usual_high + _SLACK
    weight = _weigh(_outside(good, usual_low, usual_high), _outside(wrong, usual_low, usual_high))
    calibration = QualityCalibration(
        features=names,
        low=_plain(low),
        high=_plain(high),
        centre=_plain(centre),
        scale=_plain(scale),
        linear=_plain(coefficients[: len(names)]),
        square=_plain(coefficients[len(names) :]),
        intercept=float(f"{intercept:.6g}"),
        sum_at=_plain(sum_at),
        iou_at=_plain(iou_at),
        interval=_intervals(np.interp(held_out, sum_at, iou_at), ious),
        usual_low=_plain(usual_low),
        usual_high=_plain(usual_high),
        weight=_plain(weight),
        doubt=_DOUBT,
        refusal=0.0,
        limits={},
    )
    worst = max(
        implausibility(row, calibration)[0] for row, iou in zip(pelves, ious, strict=True) if iou > ACCEPTABLE_IOU
    )
    # Well beyond the worst that is still right, never for one reason alone, and as far up as most others allow:
    # to refuse a patient's radiograph is worse than to outline a cat.
    scores = [implausibility(row, calibration)[0] for row in others]
    one_reason = 1.05 * float(weight.max()) + _DOUBT * (1 - ACCEPTABLE_IOU)
    refusal = max(1.2 * worst, one_reason, float(np.quantile(scores, _LET_THROUGH)))
    least = (
        float(np.quantile([predict_iou(row, calibration) for row in photographs], 1 - _SHOULD_PASS))
        if photographs
        else 0
    )
    return calibration.model_copy(
        update={"refusal": round(refusal, 3), "least_iou": round(min(least, _HIGHEST_LEAST_IOU), 3)}
    )


def _held_out(terms: Floats, ious: Floats, groups: NDArray[np.int64], strength: float) -> Floats:
    """Predict each radiograph by a fit to those of other sources."""
    predicted = np.zeros(len(ious))
    for fold in range(5):
        out = groups % 5 == fold
        coefficients, intercept = _ridge(terms[~out], ious[~out], strength)
        predicted[out] = terms[out] @ coefficients + intercept
    return predicted


def _rising(predicted: Floats, ious: Floats) -> tuple[Floats, Floats]:
    """Give points of the rising line (isotonic regression) from the sums to the IoUs: no prediction is 1."""
    order = np.argsort(predicted)
    fitted = isotonic_regression(ious[order]).x
    edges = np.quantile(np.arange(len(order)), _KNOTS).astype(int)
    pairs = [(float(predicted[order][a : b + 1].mean()), float(fitted[a : b + 1].mean())) for a, b in pairwise(edges)]
    rising = [(0.0, 0.0)] if pairs[0][0] > 0.02 else []
    for total, iou in pairs:
        if not rising or total > rising[-1][0] + 1e-4:
            rising.append((total, min(iou, 0.99)))
    # Beyond the last point the line goes on as it was, halfway to 1.
    total, iou = rising[-1]
    rising.append((total + 2 * (1 - iou), iou + 0.6 * (1 - iou)))
    return np.array([pair[0] for pair in rising]), np.array([pair[1] for pair in rising])


def _intervals(predicted: Floats, ious: Floats) -> tuple[tuple[float, float, float], ...]:
    """Split conformal intervals, one for each range of predicted IoU (Mondrian; Vovk et al. 2005)."""
    enough = 2 / _ALPHA + 1
    edges = [-1.0, *_INTERVAL_EDGES]
    counts = np.histogram(predicted, [0, *_INTERVAL_EDGES])[0]
    # A range with too few in it joins the next, the last one those before it.
    while len(counts) > 1 and counts.min() < enough:
        place = int(np.argmin(counts))
        joined = min(place, len(counts) - 2)
        del edges[joined + 1]
        counts = np.concatenate([counts[:joined], [counts[joined] + counts[joined + 1]], counts[joined + 2 :]])
    rows = []
    for low, high in pairwise(edges):
        errors = np.sort((ious - predicted)[(predicted > low) & (predicted <= high)])
        count = len(errors)
        first = max(int(np.floor((count + 1) * _ALPHA / 2)) - 1, 0)
        last = min(int(np.ceil((count + 1) * (1 - _ALPHA / 2))) - 1, count - 1)
        rows.append((high, round(float(errors[first]), 4), round(float(errors[last]), 4)))
    return tuple(rows)


def with_other_views(
    calibration: QualityCalibration,
    frontal: Sequence[dict[str, float]],
    clean: Sequence[dict[str, float]],
    views: Mapping[str, Sequence[dict[str, float]]],
) -> QualityCalibration:
    """Tell each other view from the frontal one, by a logistic regression on the geometry.

    Parameters
    ----------
    calibration
        As `fit` gives it.
    frontal
        Features of radiographs whose mask fits, damaged or not.
    clean
        Features of those that are not damaged.
    views
        Features by the name of the view.
    """
    fitted = {}
    geometry = np.isin(calibration.features, GEOMETRY)
    right, usual = (_standardized(rows, calibration) * geometry for rows in (frontal, clean))
    for name, rows in views.items():
        weight = _logistic(right, _standardized(rows, calibration) * geometry, _VIEW_PENALTY) * geometry
        # As likely to be exceeded by a frontal radiograph as any other's.
        shift = -float(np.quantile(usual @ weight, 0.99))
        fitted[name] = _plain(np.append(shift, weight))
    return calibration.model_copy(update={"other_views": fitted})


def with_limits(calibration: QualityCalibration, clean: Sequence[dict[str, float]]) -> QualityCalibration:
    """Set each rule's limit, and that of other views, so that few undamaged radiographs are beyond it."""
    limits = dict(_FIXED)
    odd = [row["odd_view"] for row in clean if "odd_view" in row]
    if odd:
        limits["odd_view"] = float(f"{np.quantile(odd, 1 - _TAILS['odd_view']):.4g}")
    for rule in RULES:
        seen = [row[rule.measure] for row in clean if rule.measure in row]
        if seen and rule.measure not in _FIXED:
            tail = _TAILS.get(rule.measure, _TAIL)
            edge = float(np.quantile(seen, 1 - tail if rule.above else tail))
            if rule.measure not in _TAILS:
                # One warning has seven rules, all at the edge of what was seen: those a step beyond it.
                step = max(0.2 * abs(edge - float(np.median(seen))), _STEP)
                edge += step if rule.above else -step
            limits[rule.measure] = float(f"{edge:.4g}")
    return calibration.model_copy(update={"limits": limits})


def _standardized(rows: Sequence[dict[str, float]], calibration: QualityCalibration) -> Floats:
    return np.array([standardized(row, calibration) for row in rows])


def _outside(values: Floats, low: Floats, high: Floats) -> Floats:
    return np.asarray(np.clip(np.maximum(low - values, values - high) / (high - low), 0, 1))


def _weigh(right: Floats, wrong: Floats) -> Floats:
    """Weigh the features by a logistic regression whose weights are from 0 to `_LARGEST_WEIGHT`."""
    bounds = [(0.0, _LARGEST_WEIGHT)] * right.shape[1] + [(-8.0, 0.0)]
    return _logistic(right, wrong, 0.002, bounds)


def _logistic(
    right: Floats, wrong: Floats, penalty: float, bounds: Sequence[tuple[float, float]] | None = None
) -> Floats:
    """Tell wrong from right, both counted alike; gives weights (F,)."""
    terms = np.concatenate([right, wrong])
    label = np.concatenate([np.zeros(len(right)), np.ones(len(wrong))])
    share = np.where(label == 1, 0.5 / max(len(wrong), 1), 0.5 / len(right))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        weight, intercept = parameters[:-1], parameters[-1]
        score = terms @ weight + intercept
        chance = 1 / (1 + np.exp(-score))
        value = (share * np.logaddexp(0, np.where(label == 1, -score, score))).sum() + penalty * (weight**2).sum()
        slope = share * (chance - label)
        return float(value), np.append(terms.T @ slope + 2 * penalty * weight, slope.sum())

    begun = np.append(np.full(terms.shape[1], 0.3), -2.0)
    found = minimize(loss, begun, jac=True, bounds=bounds, method="L-BFGS-B")
    return np.asarray(found.x[:-1])


def _ridge(terms: Floats, target: Floats, strength: float) -> tuple[Floats, float]:
    middle = terms.mean(0)
    centred = terms - middle
    square = centred.T @ centred + strength * np.eye(terms.shape[1])
    coefficients = np.linalg.solve(square, centred.T @ (target - target.mean()))
    return coefficients, float(target.mean() - middle @ coefficients)


def _best_ridge(terms: Floats, target: Floats, groups: NDArray[np.int64]) -> float:
    errors = []
    for strength in _RIDGES:
        error = 0.0
        for fold in range(5):
            left_out = groups % 5 == fold
            coefficients, intercept = _ridge(terms[~left_out], target[~left_out], strength)
            error += float(((terms[left_out] @ coefficients + intercept - target[left_out]) ** 2).sum())
        errors.append(error)
    return float(_RIDGES[int(np.argmin(errors))])


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)
