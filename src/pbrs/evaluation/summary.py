"""Means of scores over images with bootstrap 95 % intervals."""

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from pbrs.evaluation.scores import METRICS, Scores

RESAMPLES = 10_000
CONFIDENCE = 0.95

CaseScores = dict[str, float | None]
"""The scores of one case, by the names in `METRICS`; None where one is not known."""


class MetricSummary(TypedDict):
    """One metric over many images.

    ``mean``, ``low``, ``high`` are over the finite values: None without any, and the bounds also with only one, which
    says nothing of the spread. ``finite`` and ``infinite`` count images; those where the metric is not known are in
    neither.
    """

    mean: float | None
    low: float | None
    high: float | None
    finite: int
    infinite: int


def summarise(rows: Sequence[tuple[str, Scores]], seed: int = 0) -> dict[str, MetricSummary]:
    """Summarise the scores of many images: each metric by its name in `METRICS`.

    Parameters
    ----------
    rows
        Stem and scores of each image.
    seed
        Of the bootstrap; one seed gives one interval.
    """
    return summarise_cases(pool_by_case([rows]), seed)


def summarise_cases(cases: Mapping[str, CaseScores], seed: int = 0) -> dict[str, MetricSummary]:
    """Summarise pooled scores, as `pool_by_case` gives them."""
    return {metric: summarise_values([case[metric] for case in cases.values()], seed) for metric in METRICS}


def summarise_values(values: Sequence[float | None], seed: int = 0) -> MetricSummary:
    """Summarise one metric: mean and percentile bootstrap interval of the mean.

    Parameters
    ----------
    values
        One for each image; None where it is not known, infinite for a distance to nothing.
    seed
        Of the resampling.

    References
    ----------
    Efron, Tibshirani. "An Introduction to the Bootstrap", chapter 13 (1993).
    """
    known = [value for value in values if value is not None]
    finite = np.array([value for value in known if math.isfinite(value)])
    low, high = bootstrap_interval(finite, seed) if finite.size > 1 else (None, None)
    return MetricSummary(
        mean=float(finite.mean()) if finite.size else None,
        low=low,
        high=high,
        finite=int(finite.size),
        infinite=len(known) - int(finite.size),
    )


def bootstrap_interval(values: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean of float64 (N,) finite values."""
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    # In blocks: the indices of ten thousand resamples of ten thousand images would take 800 MB.
    block = max(1, 2_000_000 // len(values))
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        means[start:stop] = values[random.integers(0, len(values), (stop - start, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def pool_by_case(runs: Sequence[Sequence[tuple[str, Scores]]]) -> dict[str, CaseScores]:
    """Average the scores of each case over the runs that tested it, so that a case counts once.

    Runs of other seeds on the same case are not independent of each other; intervals and tests are over cases. A case
    with an infinite distance in one run has an infinite mean distance.

    Parameters
    ----------
    runs
        For each run, the stem and scores of its test cases.

    Returns
    -------
    dict
        Mean of each metric in `METRICS` by stem, stems sorted; None where no run knows it.
    """
    by_stem: dict[str, list[Scores]] = {}
    for rows in runs:
        for stem, scores in rows:
            by_stem.setdefault(stem, []).append(scores)
    return {stem: {metric: _mean(by_stem[stem], metric) for metric in METRICS} for stem in sorted(by_stem)}


def _mean(scores: Sequence[Scores], metric: str) -> float | None:
    known = [value for value in (getattr(score, metric) for score in scores) if value is not None]
    return math.fsum(known) / len(known) if known else None
