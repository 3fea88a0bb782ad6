"""Threshold and calibration against cases worked out by hand."""

import numpy as np
import pytest

from pbrs.modelfile.calibration import calibrate


def test_the_threshold_that_separates_is_found_and_the_nearest_to_a_half_of_equal_ones():
    mask = np.zeros((10, 10), bool)
    mask[:4] = True
    probability = np.where(mask, 0.33, 0.21).astype(np.float32)
    calibration = calibrate([(probability, mask)])
    assert 0.21 < calibration.threshold <= 0.33
    assert calibration.threshold == pytest.approx(0.33)
    assert calibration.mean_f1.max() == 1


def test_perfectly_calibrated_probabilities_have_no_error():
    random = np.random.default_rng(0)
    probability = random.random((1000, 1000), dtype=np.float32)
    mask = random.random((1000, 1000)) < probability
    calibration = calibrate([(probability, mask)])
    assert calibration.error < 0.003
    assert calibration.pixels.sum() == 1_000_000


def test_overconfidence_is_measured():
    """Says 0.9 where 60 % are bone: an error of 0.3."""
    probability = np.full((100, 100), 0.9, np.float32)
    mask = np.zeros((100, 100), bool)
    mask[:60] = True
    assert calibrate([(probability, mask)]).error == pytest.approx(0.3, abs=1e-6)


def test_f1_by_hand_and_empty_images_count_as_right():
    mask = np.array([[True, True, False, False]])
    probability = np.array([[0.9, 0.4, 0.6, 0.1]], np.float32)
    empty = (np.zeros((1, 4), np.float32), np.zeros((1, 4), bool))
    calibration = calibrate([(probability, mask), empty])
    thresholds = {0.05: 2 * 2 / 6, 0.5: 2 * 1 / 4, 0.3: 2 * 2 / 5, 0.7: 2 * 1 / 3}
    for threshold, f1 in thresholds.items():
        index = round((threshold - 0.05) / 0.01)
        assert calibration.mean_f1[index] == pytest.approx((f1 + 1) / 2)
