"""Comparing backbones: paired tests, the choice the paper makes, and the Pareto front."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import wilcoxon

from pbrs.evaluation.summary import CaseScores

MARGIN = 0.02
"""How much validation IoU a lighter network may lose against the best, see `choose_backbone`."""


@dataclass(frozen=True)
class PairedTest:
    """Wilcoxon's signed-rank test of one metric between two backbones, over the cases that both were tested on.

    Attributes
    ----------
    metric, first, second
        What was compared.
    cases
        Cases with a finite score of both.
    mean_difference
        First minus second; None without cases.
    p
        Two-sided; 1 where no case differs or there is none.
    p_holm
        Adjusted for all pairs tested of this metric.
    """

    metric: str
    first: str
    second: str
    cases: int
    mean_difference: float | None
    p: float
    p_holm: float


def compare_pairs(cases: Mapping[str, Mapping[str, CaseScores]], metric: str) -> list[PairedTest]:
    """Test every pair of backbones on one metric.

    Parameters
    ----------
    cases
        For each backbone, its scores by stem, averaged over folds and seeds before (`summary.pool_by_case`): a case
        counts once, however often it was tested.
    metric
        A name in `scores.METRICS`.

    Returns
    -------
    list of PairedTest
        In the order of `cases`.
    """
    pairs = list(combinations(cases, 2))
    differences = [_differences(cases[first], cases[second], metric) for first, second in pairs]
    raw = [signed_rank_p(difference) for difference in differences]
    return [
        PairedTest(
            metric, first, second, len(difference), float(difference.mean()) if len(difference) else None, p, adjusted
        )
        for (first, second), difference, p, adjusted in zip(pairs, differences, raw, adjust_holm(raw), strict=True)
    ]


def signed_rank_p(differences: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; float64 (N,) differences, zeros dropped as Wilcoxon did.

    Exact up to 50 differences without ties (13 with ties), else by the normal approximation.

    References
    ----------
    Wilcoxon. "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945).
    """
    nonzero = differences[differences != 0]
    return float(wilcoxon(nonzero).pvalue) if nonzero.size else 1.0


def adjust_holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number, in the order given.

    References
    ----------
    Holm. "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def choose_backbone(validation_iou: Mapping[str, float], parameters: Mapping[str, float]) -> str:
    """Choose the lightest backbone whose validation IoU is at most `MARGIN` below the best one's.

    The paper weighs "performance and computational efficiency" and states no rule. This one chooses DenseNet121 from
    its Table I, as the paper does, and would with any margin from 1.7 points (below that it is EfficientNetB3) to 10.5
    points (from there on MobileNetV2). It looks at validation scores, so that the test scores of the chosen backbone
    stay unseen by the choice; the paper prints no test score, so there the rule cannot be tried on it.

    Parameters
    ----------
    validation_iou
        Mean validation IoU by backbone; at least one.
    parameters
        Parameters by backbone, in any unit.
    """
    # Rounded: 0.92 − 0.90 is 0.02 and within the margin, whatever its last bits.
    floor = round(max(validation_iou.values()) - MARGIN, 9)
    good = [backbone for backbone, iou in validation_iou.items() if iou >= floor]
    return min(good, key=lambda backbone: (parameters[backbone], -validation_iou[backbone], backbone))


@dataclass(frozen=True)
class Conclusion:
    """The paper's conclusion, recomputed.

    Attributes
    ----------
    chosen
        By `choose_backbone` from the validation IoU.
    chosen_by_test
        What the same rule says of the mean test IoU: only to be told where it differs.
    best
        The backbone with the highest mean test IoU.
    cases
        Test cases that all backbones compared were tested on; all means are over these.
    chosen_iou, best_iou, chosen_f1, best_f1
        Means over those cases.
    chosen_parameters, best_parameters
        Counts.
    """

    chosen: str
    chosen_by_test: str
    best: str
    cases: int
    chosen_iou: float
    best_iou: float
    chosen_f1: float
    best_f1: float
    chosen_parameters: int
    best_parameters: int

    @property
    def iou_loss(self) -> float:
        """What the chosen one lacks in IoU, absolute."""
        return self.best_iou - self.chosen_iou

    @property
    def f1_loss(self) -> float:
        """What the chosen one lacks in F1, absolute."""
        return self.best_f1 - self.chosen_f1

    @property
    def saving_percent(self) -> float:
        """Parameters saved, in per cent of the best one's; negative where the best is the lighter."""
        return 100 * (1 - self.chosen_parameters / self.best_parameters)


def conclude(
    validation_iou: Mapping[str, float], parameters: Mapping[str, int], cases: Mapping[str, Mapping[str, CaseScores]]
) -> Conclusion | None:
    """Recompute the conclusion from the backbones that have all three: validation IoU, parameters, test scores.

    Returns
    -------
    Conclusion or None
        None with fewer than two such backbones, or if they have no test case in common.
    """
    names = [name for name in cases if name in validation_iou and name in parameters and cases[name]]
    if len(names) < 2:
        return None
    # Over the cases that all were tested on: none may win by having been tested on the easier ones only.
    common = sorted(set.intersection(*(set(cases[name]) for name in names)))
    if not common:
        return None
    test_iou = {name: _mean(cases[name], common, "iou") for name in names}
    chosen = choose_backbone({name: validation_iou[name] for name in names}, parameters)
    best = max(names, key=lambda name: (test_iou[name], -parameters[name]))
    return Conclusion(
        chosen=chosen,
        chosen_by_test=choose_backbone(test_iou, parameters),
        best=best,
        cases=len(common),
        chosen_iou=_mean(cases[chosen], common, "iou"),
        best_iou=_mean(cases[best], common, "iou"),
        chosen_f1=_mean(cases[chosen], common, "f1"),
        best_f1=_mean(cases[best], common, "f1"),
        chosen_parameters=parameters[chosen],
        best_parameters=parameters[best],
    )


def pareto_front(cost: Mapping[str, float], score: Mapping[str, float]) -> list[str]:
    """Names that no other beats: none is as cheap and as good, and better in one of the two. The cheapest first."""
    names = [name for name in cost if name in score]
    front = [
        name
        for name in names
        if not any(
            cost[other] <= cost[name]
            and score[other] >= score[name]
            and (cost[other] < cost[name] or score[other] > score[name])
            for other in names
        )
    ]
    return sorted(front, key=lambda name: (cost[name], name))


def _differences(first: Mapping[str, CaseScores], second: Mapping[str, CaseScores], metric: str) -> np.ndarray:
    pairs = [(first[stem][metric], second[stem][metric]) for stem in first if stem in second]
    return np.array([a - b for a, b in pairs if a is not None and b is not None and math.isfinite(a - b)])


def _mean(cases: Mapping[str, CaseScores], stems: Sequence[str], metric: str) -> float:
    values = [value for value in (cases[stem][metric] for stem in stems) if value is not None]
    return math.fsum(values) / len(values)
