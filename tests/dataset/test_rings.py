import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import generate_binary_structure, label
from skimage.draw import polygon2mask

from pbrs.dataset.rings import fill_rings, trace_rings
from phantom import phantom

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


@given(masks)
def test_tracing_and_filling_give_the_mask_again(mask: np.ndarray) -> None:
    outer, holes = trace_rings(mask)
    np.testing.assert_array_equal(fill_rings(outer + holes, mask.shape), mask)


@given(masks)
def test_there_is_one_outer_ring_for_each_piece_and_one_ring_for_each_hole(mask: np.ndarray) -> None:
    outer, holes = trace_rings(mask)
    assert len(outer) == label(mask)[1]
    # Background that touches at corners is one; the piece around the picture is no hole.
    assert len(holes) == label(~np.pad(mask, 1), generate_binary_structure(2, 2))[1] - 1


@given(masks)
def test_outer_rings_alone_are_the_mask_when_it_has_no_holes(mask: np.ndarray) -> None:
    outer, holes = trace_rings(mask)
    union = np.zeros_like(mask)
    for ring in outer:
        union |= fill_rings([ring], mask.shape)
    assert (union == mask).all() == (not holes)


@given(masks)
def test_rings_have_corners_only(mask: np.ndarray) -> None:
    outer, holes = trace_rings(mask)
    for ring in outer + holes:
        before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
        turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
        assert (turn != 0).all()


def test_a_single_pixel_is_its_square() -> None:
    mask = np.zeros((4, 5), dtype=bool)
    mask[2, 3] = True
    (ring,), holes = trace_rings(mask)
    assert holes == []
    assert ring.tolist() == [[3, 2], [4, 2], [4, 3], [3, 3]]


def test_a_phantom_with_holes_comes_back() -> None:
    _, mask = phantom(4, (301, 277))
    outer, holes = trace_rings(mask)
    assert len(holes) >= 1
    np.testing.assert_array_equal(fill_rings(outer + holes, mask.shape), mask)


def centres_on_edges(ring: np.ndarray) -> bool:
    """Whether an edge runs through a pixel's centre, where two ways of filling may differ."""
    centres = np.stack(np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5), axis=-1).reshape(-1, 1, 2)
    along = np.roll(ring, -1, axis=0) - ring
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    place = np.clip(((centres - ring) * along).sum(axis=2) / length, 0, 1)
    return bool((np.linalg.norm(centres - ring - place[..., None] * along, axis=2) < 1e-6).any())


@given(
    st.lists(st.tuples(st.floats(-5, 45), st.floats(-5, 35)), min_size=3, max_size=9),
)
def test_filling_agrees_with_scikit_image(points: list[tuple[float, float]]) -> None:
    ring = np.round(np.array(points), 2) + np.array([1 / 300, 1 / 700])
    assume(not centres_on_edges(ring))
    expected = polygon2mask((30, 40), ring[:, ::-1] - 0.5)
    assert (fill_rings([ring], (30, 40)) != expected).sum() <= 1


@pytest.mark.parametrize("far", [1e9, 1e300])
def test_points_far_outside_are_cut_off(far: float) -> None:
    ring = np.array([[-far, 3.0], [far, 3.0], [far, 6.0], [-far, 6.0]])
    filled = fill_rings([ring], (10, 8))
    assert filled[3:6].all()
    assert filled.sum() == 3 * 8


def test_a_ring_in_a_ring_is_a_hole() -> None:
    square = np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])
    assert fill_rings([square, square / 2 + 2], (10, 10)).sum() == 100 - 25


def test_holes_that_touch_at_a_corner_are_one_hole() -> None:
    mask = np.ones((4, 4), dtype=bool)
    mask[1, 2] = mask[2, 1] = False
    outer, holes = trace_rings(mask)
    assert (len(outer), len(holes)) == (1, 1)
    np.testing.assert_array_equal(fill_rings(outer + holes, mask.shape), mask)
