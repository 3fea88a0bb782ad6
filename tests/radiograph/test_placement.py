"""Placing into the network's input and back loses nothing but the sharpness of an edge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pbrs.radiograph.placement import Placement

shapes = st.tuples(st.integers(24, 400), st.integers(24, 400))
modes = st.sampled_from(["stretch", "letterbox"])


def blob(shape: tuple[int, int], seed: int) -> np.ndarray:
    """A smooth blob that is symmetric in no way and touches nothing thinner than a tenth of the image."""
    random = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(random.normal(size=shape), np.array(shape) / 8, mode="nearest")
    return noise > np.quantile(noise, 0.55)


@settings(max_examples=150, deadline=None)
@given(shape=shapes, size=st.tuples(st.integers(64, 256), st.integers(64, 256)), mode=modes, seed=st.integers(0, 999))
def test_a_mask_placed_and_restored_differs_only_at_its_edge(shape, size, mode, seed):
    mask = blob(shape, seed)
    placement = Placement.fit(shape, size, mode)
    restored = placement.restore(placement.place(mask.astype(np.float32))) >= 0.5
    # One pixel of whichever grid is coarser, on either side of the edge.
    reach = np.ceil(np.maximum(1, [shape[0] / placement.height, shape[1] / placement.width])).astype(int)
    window = np.ones(2 * reach + 1, bool)
    core = ndimage.binary_erosion(mask, window, border_value=1)
    hull = ndimage.binary_dilation(mask, window)
    assert restored.shape == shape
    assert restored[core].all()
    assert not restored[~hull].any()


@settings(max_examples=150, deadline=None)
@given(shape=shapes, size=st.tuples(st.integers(64, 256), st.integers(64, 256)), mode=modes)
def test_a_point_comes_back_to_where_it_was(shape, size, mode):
    placement = Placement.fit(shape, size, mode)
    row, column = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    # A linear ramp is what a linear map must keep, away from the border where kernels are cut.
    for ramp, side, placed_side in ((row, shape[0], placement.height), (column, shape[1], placement.width)):
        restored = placement.restore(placement.place(ramp / side))
        edge = int(np.ceil(2 * max(1, side / placed_side))) + 1
        inner = (slice(edge, -edge), slice(edge, -edge))
        if restored[inner].size:
            np.testing.assert_allclose(restored[inner] * side, ramp[inner], atol=0.15 * max(1, side / placed_side))


@given(shape=shapes)
def test_letterbox_keeps_proportions_and_centres_the_image(shape):
    placement = Placement.fit(shape, (224, 224), "letterbox")
    assert max(placement.height, placement.width) == 224
    scale = 224 / max(shape)
    assert abs(placement.height - shape[0] * scale) <= 0.5
    assert abs(placement.width - shape[1] * scale) <= 0.5
    placed = placement.place(np.ones(shape, np.float32))
    assert placed.sum() == pytest.approx(placement.height * placement.width)
    assert abs(placement.top - (224 - placement.height - placement.top)) <= 1
    assert abs(placement.left - (224 - placement.width - placement.left)) <= 1


def test_an_image_of_the_networks_own_size_is_not_touched():
    pixels = np.random.default_rng(0).random((224, 224), dtype=np.float32)
    placement = Placement.fit((224, 224), (224, 224), "stretch")
    np.testing.assert_array_equal(placement.place(pixels), pixels)
    np.testing.assert_array_equal(placement.restore(pixels), pixels)


def test_shrinking_averages_instead_of_skipping_pixels():
    checkerboard = (np.indices((448, 448)).sum(axis=0) % 2).astype(np.float32)
    placed = Placement.fit((448, 448), (112, 112), "stretch").place(checkerboard)
    np.testing.assert_allclose(placed, 0.5, atol=0.01)


def test_an_extreme_strip_still_has_a_pixel():
    placement = Placement.fit((3, 4000), (224, 224), "letterbox")
    assert placement.height == 1
    assert placement.restore(placement.place(np.ones((3, 4000), np.float32))).shape == (3, 4000)
