import numpy as np
import pytest

from pbrs.synthesis.fields import (
    blur,
    capsule_mm,
    coarser,
    ellipse,
    ellipsoids_mm,
    enlarge,
    noise,
    polyline,
    smoothstep,
)
from pbrs.synthesis.view import View


def view_of(longer_side: int, plate_deg: float = 0.0) -> View:
    return View((longer_side, longer_side * 3 // 4), (0, -1000, 0), 100, (10, -20), 420 / longer_side, plate_deg)


VIEW = view_of(240, 15)


def test_smoothstep_goes_from_0_to_1() -> None:
    np.testing.assert_allclose(smoothstep(np.array([-1, 0, 0.5, 1, 3])), [0, 0, 0.5, 1, 1])


@pytest.mark.parametrize("feature_mm", [8, 30, 100])
@pytest.mark.parametrize("octaves", [1, 3])
def test_noise_has_mean_0_and_variance_1(feature_mm: float, octaves: int) -> None:
    fields = np.stack([noise(np.random.default_rng(k), VIEW, feature_mm, octaves) for k in range(60)])
    assert abs(fields.mean()) < 0.1
    assert fields.var() == pytest.approx(1, abs=0.15)


def test_noise_looks_the_same_at_any_size() -> None:
    small, large = (noise(np.random.default_rng(3), view_of(side), 40, 2) for side in (120, 480))
    averaged = large.reshape(120, 4, 90, 4).mean((1, 3))
    assert np.corrcoef(small.ravel(), averaged.ravel())[0, 1] > 0.99


def test_noise_finer_than_the_pixels_fades() -> None:
    assert noise(np.random.default_rng(1), VIEW, 1.0).std() < 0.4


def test_noise_takes_one_number_from_the_generator_whatever_the_size() -> None:
    ends = []
    for side in (64, 300):
        rng = np.random.default_rng(5)
        noise(rng, view_of(side), 20, 3)
        ends.append(rng.random())
    assert ends[0] == ends[1]


def test_noise_of_larger_features_is_smoother() -> None:
    fine, broad = (np.abs(np.diff(noise(np.random.default_rng(2), VIEW, mm), axis=1)).mean() for mm in (10, 60))
    assert broad < 0.4 * fine


@pytest.mark.parametrize("sigma", [0.5, 2, 7, 20])
def test_blur_spreads_a_point_as_a_gaussian_does(sigma: float) -> None:
    point = np.zeros((201, 201), np.float32)
    point[100, 100] = 1
    spread = blur(point, sigma)
    rows = np.arange(201)
    middle = (spread.sum(1) * rows).sum()
    assert spread.sum() == pytest.approx(1, rel=0.05)
    assert middle == pytest.approx(100, abs=0.5)
    assert np.sqrt((spread.sum(1) * (rows - middle) ** 2).sum()) == pytest.approx(sigma, rel=0.15)


def test_blur_stays_between_the_darkest_and_the_brightest() -> None:
    step = np.zeros((120, 80), np.float32)
    step[50:] = 3
    for sigma in (0.0, 1, 5, 17):
        assert 0 <= blur(step, sigma).min() <= blur(step, sigma).max() <= 3 + 1e-5


def test_an_ellipse_has_its_area() -> None:
    area = (ellipse(VIEW, (10, -30), (60, 35), 30) < 1).sum() * VIEW.pixel_mm**2
    assert area == pytest.approx(np.pi * 60 * 35, rel=0.01)


def test_an_ellipse_turns_from_x_towards_z() -> None:
    x, z = VIEW.plane_mm
    inside = ellipse(VIEW, (0, 0), (80, 10), 45) < 1
    assert inside[np.hypot(x - 40, z - 40).argmin() // VIEW.shape[1], np.hypot(x - 40, z - 40).argmin() % VIEW.shape[1]]
    assert np.corrcoef(x[inside], z[inside])[0, 1] > 0.9


def test_a_rod_has_its_volume() -> None:
    volume = capsule_mm(VIEW, (-40, -50), (30, 20), 12).sum() * VIEW.pixel_mm**2
    assert volume == pytest.approx(np.pi * 12**2 * np.hypot(70, 70) + 4 / 3 * np.pi * 12**3, rel=0.02)


@pytest.mark.parametrize("width_mm", [0.3, 1.5, 6])
def test_a_line_has_its_area_and_place(width_mm: float) -> None:
    line = polyline(VIEW, [(-60, -40), (40, 30)], width_mm)
    assert 0 < line.max() <= 1
    assert line.sum() * VIEW.pixel_mm**2 == pytest.approx(np.hypot(100, 70) * width_mm, rel=0.1)
    x, z = VIEW.plane_mm
    assert (line * x).sum() / line.sum() == pytest.approx(-10, abs=1)
    assert (line * z).sum() / line.sum() == pytest.approx(-5, abs=1)


def test_a_line_may_leave_the_image_or_miss_it() -> None:
    assert polyline(VIEW, [(-900, 0), (900, 0)], 2).any()
    assert not polyline(VIEW, [(900, 900), (950, 950)], 2).any()


@pytest.mark.parametrize("plate_deg", [0, 25])
def test_ellipsoids_are_those_of_ellipse(plate_deg: float) -> None:
    view = view_of(200, plate_deg)
    blobs = [(20.0, 30.0, 40.0, 20.0, 30.0, 50.0), (15.0, 20.0, 10.0, 15.0, 0.0, 20.0)]
    expected = np.zeros(view.shape)
    for x, z, along, across, turn, middle in blobs:
        thickness = middle * np.sqrt(np.maximum(1 - ellipse(view, (x, z), (along, across), turn), 0))
        expected = np.maximum(expected, thickness)
    np.testing.assert_allclose(ellipsoids_mm(view, blobs), expected, atol=0.01)
    assert not ellipsoids_mm(view, []).any()


@pytest.mark.parametrize("shape", [(240, 180), (241, 187), (50, 40)])
@pytest.mark.parametrize("plate_deg", [0, 12])
def test_a_coarse_grid_covers_the_same_places(shape: tuple[int, int], plate_deg: float) -> None:
    view = View(shape, (0, -1000, 0), 100, (10, -20), 0.9, plate_deg)
    coarse = coarser(view, 3)
    x, z = (enlarge(part, coarse, view) for part in coarse.plane_mm)
    inner = slice(2, -3), slice(2, -3)
    assert coarse.shape[0] < view.shape[0]
    assert x.shape == view.shape
    np.testing.assert_allclose(x[inner], view.plane_mm[0][inner], atol=0.01)
    np.testing.assert_allclose(z[inner], view.plane_mm[1][inner], atol=0.01)


def test_a_grid_that_is_coarse_already_stays() -> None:
    assert coarser(VIEW, 0.5) == VIEW
