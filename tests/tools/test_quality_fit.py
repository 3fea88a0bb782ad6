"""What calibrates a model's quality: the tools are no part of the package, and are tested by what they compute."""

from pathlib import Path

import numpy as np
import pytest

from pbrs.segmentation.quality import oddness, predict_interval, predict_iou
from pbrs.segmentation.quality_features import GEOMETRY

TOOLS = Path(__file__).parents[2] / "tools"


def odd_view(features, calibration):
    return max(oddness(features, calibration).values())


NAMES = (*GEOMETRY, "region_doubt")


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)


def rows(rng, count, **shifts):
    return [{name: rng.normal(shifts.get(name, 0.0), 1.0) for name in NAMES} for _ in range(count)]


@pytest.fixture
def fitted():
    """Inlet views are short of sacrum, negatives are doubtful and nothing else."""
    from quality_fit import fit, with_other_views

    rng = np.random.default_rng(0)
    frontal = rows(rng, 200)
    calibration = fit(frontal, rng.uniform(0.8, 1, 200), np.arange(200), rows(rng, 50, axis_level=-9))
    views = {"inlet": rows(rng, 60, sacrum_height=-6), "negative": rows(rng, 60, region_doubt=9)}
    return with_other_views(calibration, frontal, frontal, views), frontal


def test_a_view_is_told_by_where_the_bones_lie(fitted):
    calibration, frontal = fitted
    seen = [odd_view(row, calibration) for row in frontal]
    usual = dict.fromkeys(NAMES, 0.0)
    assert odd_view(usual | {"sacrum_height": -6.0}, calibration) > max(seen)
    assert odd_view(usual | {"sacrum_height": 6.0}, calibration) < np.quantile(seen, 0.9)
    assert np.mean(np.array(seen) > 0) == pytest.approx(0.02, abs=0.011), "one in a hundred for each of two views"


def test_doubt_alone_makes_no_view_odd(fitted):
    calibration, _ = fitted
    usual = dict.fromkeys(NAMES, 0.0)
    assert odd_view(usual | {"region_doubt": 9.0}, calibration) == pytest.approx(odd_view(usual, calibration))


def test_a_frontal_radiograph_that_is_damaged_is_no_other_view():
    """Blur shortens the sacrum as an inlet view does: what else an inlet view has must tell it."""
    from quality_fit import fit, with_other_views

    rng = np.random.default_rng(2)
    clean, damaged = rows(rng, 200), rows(rng, 200, sacrum_height=-3)
    calibration = fit(clean, rng.uniform(0.8, 1, 200), np.arange(200), rows(rng, 50, axis_level=-9))
    views = {"inlet": rows(rng, 60, sacrum_height=-3, hips_height=3)}
    known, unknown = (with_other_views(calibration, frontal, clean, views) for frontal in ([*clean, *damaged], clean))
    told = [np.mean([odd_view(row, found) > 0 for row in damaged]) for found in (known, unknown)]
    assert told[0] < 0.1
    assert told[1] > 0.5
    for found in (known, unknown):
        assert np.mean([odd_view(row, found) > 0 for row in clean]) == pytest.approx(0.01, abs=0.006)
    assert np.mean([odd_view(row, known) > 0 for row in views["inlet"]]) > 0.5


def test_a_rule_of_geometry_is_broken_only_a_step_beyond_what_was_seen():
    from quality_fit import fit, with_limits

    rng = np.random.default_rng(3)
    clean = [row | {"hips_overlap": 0.0} for row in rows(rng, 100)]
    calibration = fit(clean, rng.uniform(0.8, 1, 100), np.arange(100), rows(rng, 50, axis_level=-9))
    seen = [{"hips_overlap": 0.0, "axis_level": level, "loose": 0.0} for level in np.linspace(0.9, 1.0, 1001)]
    limits = with_limits(calibration, seen).limits
    assert limits["hips_overlap"] == pytest.approx(0.05), "nothing overlapped in any: a little may in a patient"
    assert limits["axis_level"] == pytest.approx(0.85, abs=0.001)


def test_all_that_is_called_geometry_is_measured_of_structures():
    from pbrs.segmentation.quality_features import measure_output

    output = np.full((6, 32, 40), 0.6, np.float32)
    channels = ("region", "hip_left", "hip_right", "sacrum", "femur_left", "femur_right")
    assert set(GEOMETRY) <= set(measure_output(output, channels, 0.5))


def test_inputs_of_one_source_are_drawn_together():
    """Copies of one source add nothing: the interval is that of the sources."""
    from calibrate_quality import Row
    from quality_results import _auroc, _interval

    rng = np.random.default_rng(1)
    pelves = [Row("plain", "pelvis", "test", f"plain/{i}", implausibility=rng.normal()) for i in range(60)]
    others = [Row("picture", "a", "test", f"scene-{i}", implausibility=rng.normal(1.5)) for i in range(12)]
    low, high = _interval(others, pelves)
    assert low < _auroc(others, pelves) < high
    copied = [row for row in others for _ in range(20)]
    assert _auroc(copied, pelves) == pytest.approx(_auroc(others, pelves))
    again = _interval(copied, pelves)
    assert again == pytest.approx((low, high), abs=0.02)


def test_predicted_ious_rise_with_the_truth_stay_below_1_and_their_intervals_hold():
    from quality_fit import fit

    rng = np.random.default_rng(5)

    def draw(count):
        made = rows(rng, count)
        truth = [1 / (1 + np.exp(-2 - row["region_doubt"] - 0.5 * rng.normal())) for row in made]
        return made, np.array(truth)

    features, truth = draw(1200)
    calibration = fit(features, truth, np.arange(1200), rows(rng, 50, axis_level=-9))
    fresh, known = draw(1500)
    predicted = np.array([predict_iou(row, calibration) for row in fresh])
    assert 0 <= predicted.min() < predicted.max() < 1
    limits = np.array([predict_interval(iou, calibration) for iou in predicted])
    covered = ((limits[:, 0] <= known) & (known <= limits[:, 1])).mean()
    assert covered == pytest.approx(0.9, abs=0.03)


def test_the_least_iou_lets_one_photograph_in_a_hundred_pass():
    from quality_fit import fit

    rng = np.random.default_rng(6)
    pelves = rows(rng, 300)
    truth = np.clip(0.8 + 0.05 * np.array([row["region_doubt"] for row in pelves]), 0, 1)
    photographs = rows(rng, 400, region_doubt=-3)
    calibration = fit(pelves, truth, np.arange(300), photographs, photographs)
    passed = np.mean([predict_iou(row, calibration) >= calibration.least_iou for row in photographs])
    assert 0 < passed <= 0.0125
    assert fit(pelves, truth, np.arange(300), photographs).least_iou == 0


def test_a_radiograph_is_called_turned_only_where_it_is_doubtful_and_the_turned_one_is_clearly_better():
    from quality_real import turned_by

    assert turned_by(0.5, (0.4, 0.93, 0.3)) == 2
    assert turned_by(0.92, (0.4, 0.99, 0.3)) == 0
    assert turned_by(0.5, (0.4, 0.8, 0.3)) == 0, "what is doubtful turned, too, is no pelvis"
    assert turned_by(0.86, (0.4, 0.88, 0.3)) == 0
