"""Means and bootstrap intervals."""

import math

import numpy as np
import pytest

from pbrs.evaluation.scores import METRICS, Scores, score_masks
from pbrs.evaluation.summary import bootstrap_interval, pool_by_case, summarise, summarise_values


def scores_of(iou: float, hd95_px: float = 1.0, hd95_mm: float | None = None) -> Scores:
    return Scores(iou, iou, iou, iou, hd95_px, hd95_px, hd95_mm, iou, None, 1, 1)


def test_the_interval_of_a_normal_sample_is_the_textbooks() -> None:
    values = np.random.default_rng(3).normal(10, 2, 400)
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.05 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.05 * half)


def test_intervals_cover_the_true_mean_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    trials = 300
    bounds = [bootstrap_interval(random.beta(8, 2, 40), seed, 1000) for seed in range(trials)]
    covered = sum(low <= 0.8 <= high for low, high in bounds) / trials
    # The percentile bootstrap of 40 values covers a little less than 95 %; ±3 standard errors of 300 trials is 0.038.
    assert 0.90 < covered < 0.98


def test_one_seed_gives_one_interval() -> None:
    values = np.random.default_rng(1).random(25)
    assert bootstrap_interval(values, 5) == bootstrap_interval(values, 5)
    assert bootstrap_interval(values, 5) != bootstrap_interval(values, 6)


def test_blocks_of_resamples_do_not_change_the_interval() -> None:
    values = np.random.default_rng(1).random(700)
    random = np.random.default_rng(0)
    means = values[random.integers(0, 700, (10_000, 700))].mean(axis=1)
    assert bootstrap_interval(values) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_infinite_distances_are_counted_beside_the_mean_of_the_finite_ones() -> None:
    summary = summarise([("a", scores_of(1, 2.0)), ("b", scores_of(0, math.inf)), ("c", scores_of(1, 4.0))])
    assert summary["hd95_px"]["mean"] == 3
    assert (summary["hd95_px"]["finite"], summary["hd95_px"]["infinite"]) == (2, 1)
    assert (summary["iou"]["mean"], summary["iou"]["finite"]) == (pytest.approx(2 / 3), 3)


def test_one_image_has_a_mean_and_no_interval() -> None:
    summary = summarise([("a", scores_of(0.9))])
    assert summary["iou"] == {"mean": 0.9, "low": None, "high": None, "finite": 1, "infinite": 0}


def test_no_image_at_all_has_no_mean() -> None:
    assert summarise([])["iou"]["mean"] is None


def test_millimetres_are_summarised_over_the_images_that_have_them() -> None:
    summary = summarise([("a", scores_of(1, hd95_mm=3.0)), ("b", scores_of(1))])
    assert (summary["hd95_mm"]["mean"], summary["hd95_mm"]["finite"]) == (3, 1)
    assert summary["surface_dice_2mm"] == {"mean": None, "low": None, "high": None, "finite": 0, "infinite": 0}


def test_only_infinite_values_have_no_mean_but_are_counted() -> None:
    assert summarise_values([math.inf, math.inf]) == {
        "mean": None,
        "low": None,
        "high": None,
        "finite": 0,
        "infinite": 2,
    }


def test_a_case_tested_in_several_runs_counts_once_with_its_mean() -> None:
    pooled = pool_by_case([[("b", scores_of(0.6)), ("a", scores_of(0.2))], [("a", scores_of(0.4, math.inf))]])
    assert list(pooled) == ["a", "b"]
    assert pooled["a"]["iou"] == pytest.approx(0.3)
    assert pooled["a"]["hd95_px"] == math.inf
    assert pooled["a"]["hd95_mm"] is None


def test_every_metric_of_the_scores_is_summarised() -> None:
    scores = score_masks(np.ones((4, 4), bool), np.ones((4, 4), bool), (1, 1))
    assert (
        set(summarise([("a", scores)]))
        == set(METRICS)
        == set(Scores.__dataclass_fields__)
        - {
            "truth_px",
            "prediction_px",
        }
    )
