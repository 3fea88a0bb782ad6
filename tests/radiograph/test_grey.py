import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pbrs.radiograph.grey import Levels, luminance, scale_by_percentiles, weighted_percentile


@given(
    hnp.arrays(np.int16, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(-3000, 3000)),
    st.sampled_from([0.0, 0.5, 37.0, 99.5, 100.0]),
)
def test_weighted_percentiles_equal_numpys(stored: np.ndarray, percent: float) -> None:
    levels = Levels.of(stored)
    found = weighted_percentile(levels.values, levels.counts, percent)
    assert np.isclose(found, np.percentile(stored, percent), atol=1e-6)


def test_percentiles_do_not_need_ascending_values() -> None:
    values, counts = np.array([5.0, 1.0, 3.0]), np.array([2, 3, 1])
    assert weighted_percentile(values, counts, 50) == np.percentile([5, 5, 1, 1, 1, 3], 50)


@given(hnp.arrays(np.int32, (5, 7), elements=st.integers(-(2**31), 2**31 - 1)))
def test_painting_the_values_gives_the_image_back(stored: np.ndarray) -> None:
    levels = Levels.of(stored)
    assert np.array_equal(levels.paint(levels.values), stored.astype(np.float32))
    assert levels.counts.sum() == stored.size


def test_scaling_maps_the_two_percentiles_to_0_and_1() -> None:
    stored = np.arange(1001, dtype=np.uint16).reshape(7, 143)
    levels = Levels.of(stored)
    scaling = scale_by_percentiles(levels.values, levels.counts)
    assert np.isclose(scaling.table[5], 0)
    assert np.isclose(scaling.table[995], 1)
    assert np.isclose(scaling.table[500], 0.5)
    assert scaling.rule == "0.5–99.5 percentiles (5–995)"


def test_padding_is_left_out_of_the_percentiles() -> None:
    stored = np.arange(1001, dtype=np.uint16).reshape(7, 143)
    padded = np.vstack([stored, np.full((7, 143), 65535, np.uint16)])
    levels = Levels.of(padded, padded == 65535)
    assert scale_by_percentiles(levels.values, levels.counts).rule == "0.5–99.5 percentiles (5–995)"


def test_a_few_bright_pixels_on_black_are_still_seen() -> None:
    stored = np.zeros((100, 100), np.uint8)
    stored[3, 4] = 200
    levels = Levels.of(stored)
    scaling = scale_by_percentiles(levels.values, levels.counts)
    assert levels.paint(scaling.table)[3, 4] == 1
    assert scaling.warning is None


def test_luminance_keeps_equal_channels_to_the_bit_and_weighs_colours() -> None:
    grey = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(luminance(np.stack([grey] * 3, axis=2)), grey)
    assert luminance(np.array([[[100, 0, 0], [0, 100, 0], [0, 0, 100]]], np.uint8)).tolist() == [[30, 59, 11]]
