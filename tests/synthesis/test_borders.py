"""Borders: what is exposed is exactly what no blade, shutter, band or frame covers."""

import numpy as np
import pytest

from pbrs.synthesis.borders import Field, collimate, frame
from pbrs.synthesis.factors import Draw
from plain_scene import extremes, only, plain_scene

SHAPE = (144, 192)
FRAMES = ("shutter", "letterbox", "film_frame")


def collimated(table: dict, *key: int) -> Field:
    scene = plain_scene(SHAPE)
    return collimate(scene.view, scene, Draw(table, *key))


def framed(table: dict, *key: int, exposed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    grey = np.full(SHAPE, 0.437, np.float32)
    before = np.ones(SHAPE, bool) if exposed is None else exposed
    kept = before.copy()
    made = frame(grey, before, Draw(table, *key))
    assert (grey == np.float32(0.437)).all()
    assert (before == kept).all()
    return made


def test_without_factors_everything_is_exposed() -> None:
    field = collimated(only(), 1)
    assert (field.fraction == 1).all()
    assert field.exposed.all()
    grey, exposed = framed(only(), 1)
    assert (grey == np.float32(0.437)).all()
    assert exposed.all()


@pytest.mark.parametrize("name", ["collimation", "cone"])
def test_little_of_the_beam_passes_beyond_the_field_and_much_within(name: str) -> None:
    fields = [collimated(only(name), 2, k) for k in range(20)]
    assert sum(not field.exposed.all() for field in fields) > 8
    for field in fields:
        assert field.fraction[field.exposed].min() > 0.1
        assert field.fraction[~field.exposed].max(initial=0) < 0.25
        assert field.exposed.mean() > 0.4


def test_software_blackens_what_is_not_exposed_and_may_leave_a_rim() -> None:
    exposed = np.zeros(SHAPE, bool)
    exposed[20:-20, 30:-30] = True
    rims = 0
    for k in range(20):
        grey, kept = framed(only("auto_shutter"), 3, k, exposed=exposed)
        painted = grey != np.float32(0.437)
        assert painted[0].all()
        assert not (kept & ~exposed).any()
        assert not (kept & painted).any()
        rims += int((~painted & ~exposed).any())
    assert 0 < rims < 20
    grey, kept = framed(only("auto_shutter"), 3)
    assert (grey == np.float32(0.437)).all()


@pytest.mark.parametrize("name", FRAMES)
def test_a_border_is_one_grey_and_exactly_what_is_not_exposed(name: str) -> None:
    for k in range(20):
        grey, exposed = framed(only(name), 4, k)
        assert (grey[exposed] == np.float32(0.437)).all()
        assert len(np.unique(grey[~exposed])) <= 1
        assert 0.4 < exposed.mean() <= 1
        assert exposed[72, 96]
    assert any(not framed(only(name), 4, k)[1].all() for k in range(5))


def test_a_glowing_edge_brightens_but_hides_nothing() -> None:
    grey, exposed = framed(only("edge_glow"), 5)
    assert exposed.all()
    assert grey[0, 96] > 0.45
    assert grey[72, 96] == pytest.approx(0.437, abs=0.01)


@pytest.mark.parametrize("table", ["wide", "low", "high"])
def test_no_extreme_hides_the_middle_or_leaves_the_greys(table: str) -> None:
    for k in range(10):
        field = collimated(extremes("collimation", "cone")[table], 6, k)
        assert np.isfinite(field.fraction).all()
        assert 0 <= field.fraction.min() <= field.fraction.max() <= 1.0001
        every = extremes("auto_shutter", "edge_glow", *FRAMES)[table]
        grey, exposed = framed(every, 6, k, exposed=field.exposed)
        assert np.isfinite(grey).all()
        assert 0 <= grey.min() <= grey.max() <= 1
        assert exposed[72, 96]
        assert exposed.mean() > 0.15


def test_a_sample_is_the_same_again() -> None:
    first, again = (framed(only(*FRAMES, "edge_glow"), 7) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
