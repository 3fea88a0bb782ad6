"""The view: geometry of the projection, from formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from pbrs.synthesis.view import View

AP = View((400, 500), (0.0, -900.0, 0.0), 150.0, (0.0, 0.0), 0.8)
"""A frontal view whose middle ray is perpendicular to the detector."""

MM = st.floats(-300, 300)
PLACES = st.tuples(MM, st.floats(-200, 150), MM).map(np.array)
VIEWS = st.builds(
    View,
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    source_mm=st.tuples(st.floats(-100, 100), st.floats(-2000, -600), st.floats(-100, 100)),
    detector_mm=st.floats(50, 300),
    centre_mm=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    pixel_mm=st.floats(0.3, 20),
    plate_deg=st.floats(-180, 180),
)


@given(VIEWS, MM, MM)
def test_a_point_of_the_reference_plane_is_projected_to_its_place_on_it(view: View, x: float, z: float) -> None:
    column, row = view.to_pixel(x, z)
    assert_allclose(view.project(np.array([[x, 0, z]])), [[column, row, -view.source_mm[1]]], atol=1e-8)


@given(VIEWS)
def test_pixel_centres_lie_where_they_are_said_to_lie(view: View) -> None:
    column, row = view.to_pixel(*view.plane_mm)
    height, width = view.shape
    assert view.plane_mm[0].shape == view.plane_mm[1].shape == view.shape
    assert_allclose(column, np.broadcast_to(np.arange(width) + 0.5, view.shape), atol=2e-3)
    assert_allclose(row, np.broadcast_to(np.arange(height)[:, None] + 0.5, view.shape), atol=2e-3)


@given(VIEWS)
def test_the_centre_falls_on_the_middle_of_the_image(view: View) -> None:
    height, width = view.shape
    assert_allclose(view.to_pixel(*view.centre_mm), [width / 2, height / 2])


@given(VIEWS, MM, MM, MM, MM)
def test_a_pixel_is_as_large_as_it_says_whichever_way_the_plate_is_turned(
    view: View, x: float, z: float, other_x: float, other_z: float
) -> None:
    apart_px = np.subtract(view.to_pixel(x, z), view.to_pixel(other_x, other_z))
    assert np.hypot(*apart_px) * view.pixel_mm == pytest.approx(np.hypot(x - other_x, z - other_z), abs=1e-6)


@given(VIEWS, st.lists(PLACES, min_size=1, max_size=3))
def test_points_are_projected_along_their_rays_onto_the_reference_plane(view: View, points: list[np.ndarray]) -> None:
    x, z = view.on_plane(np.array(points))
    source = np.array(view.source_mm)
    on_it = np.stack([x, np.zeros_like(x), z], 1) - source
    assert_allclose(np.cross(on_it, points - source), 0, atol=1e-6)
    assert_allclose(view.on_plane(points[0]), (x[0], z[0]))


@given(VIEWS, PLACES, st.floats(0.5, 1.5))
def test_points_of_one_ray_fall_on_one_place(view: View, point: np.ndarray, along: float) -> None:
    source = np.array(view.source_mm)
    near, far = view.project(np.stack([point, source + along * (point - source)]))
    assert_allclose(far[:2], near[:2], atol=1e-6 / view.pixel_mm + 1e-6)
    assert far[2] == pytest.approx(along * near[2])


def test_the_patients_left_falls_right_and_the_head_up() -> None:
    (left_column, left_row, _), (head_column, head_row, _) = AP.project(np.array([[40.0, 0, 0], [0, 0, 40]]))
    assert (left_column, left_row) == pytest.approx((250 + 50, 200))
    assert (head_column, head_row) == pytest.approx((250, 200 - 50))


def test_turning_the_plate_turns_the_patient_clockwise() -> None:
    turned = View(AP.shape, AP.source_mm, AP.detector_mm, AP.centre_mm, AP.pixel_mm, plate_deg=90)
    assert_allclose(turned.to_pixel(0, 40), [250 + 50, 200])
    assert_allclose(turned.to_pixel(40, 0), [250, 200 + 50])


def test_what_is_nearer_to_the_source_is_magnified_more() -> None:
    y = np.array([-150.0, 0, 100])
    column, _, depth = AP.project(np.stack([np.full(3, 80.0), y, np.zeros(3)], 1)).T
    assert_allclose(depth, [750, 900, 1000])
    assert_allclose((column - 250) / 100, [900 / 750, 1, 900 / 1000])


def test_a_source_to_one_side_throws_what_is_in_front_to_the_other() -> None:
    view = View(AP.shape, (100.0, -900.0, 0.0), 150.0, (0.0, 0.0), 0.8)
    column, _, _ = view.project(np.array([[0.0, -90, 0]]))[0]
    # the ray from x = 100 at depth 900 through x = 0 at depth 810 is at x = −100/9 where it has gone 900
    assert (column - 250) * 0.8 == pytest.approx(-100 / 9)


@given(VIEWS)
def test_obliquity_is_the_rays_length_per_mm_of_depth(view: View) -> None:
    x, z = view.plane_mm
    rays = np.stack([x, np.zeros_like(x), z], -1) - np.array(view.source_mm)
    assert_allclose(view.obliquity, np.linalg.norm(rays, axis=-1) / -view.source_mm[1], rtol=1e-5)
    assert view.obliquity.min() >= 1


@given(VIEWS, PLACES, st.floats(0.5, 1.5))
def test_depths_times_obliquity_are_path_lengths(view: View, point: np.ndarray, along: float) -> None:
    source = np.array(view.source_mm)
    other = source + along * (point - source)
    x, z = (source + (point - source) * source[1] / (source[1] - point[1]))[[0, 2]]
    on_it = View((1, 1), view.source_mm, view.detector_mm, (x, z), view.pixel_mm, view.plate_deg)
    depth, other_depth = view.project(np.stack([point, other]))[:, 2]
    length = abs(depth - other_depth) * float(on_it.obliquity[0, 0])
    assert length == pytest.approx(np.linalg.norm(point - other), rel=1e-5, abs=1e-6)


@given(VIEWS, st.integers(1, 4), PLACES)
def test_a_finer_view_shows_the_same_in_more_pixels(view: View, times: int, point: np.ndarray) -> None:
    finer = view.finer(times)
    height, width = view.shape
    assert finer.shape == (height * times, width * times)
    column, row, depth = view.project(point[None])[0]
    assert_allclose(finer.project(point[None]), [[column * times, row * times, depth]], atol=1e-6)
    for fine, coarse in zip(finer.plane_mm, view.plane_mm, strict=True):
        assert_allclose(fine.reshape(height, times, width, times).mean((1, 3)), coarse, atol=2e-3)
