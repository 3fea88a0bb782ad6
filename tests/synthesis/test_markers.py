"""Markers: lead letters attenuate, burnt-in text paints over; neither is bone."""

import numpy as np
import pytest

from pbrs.synthesis.factors import Draw
from pbrs.synthesis.markers import burn_in, lead_markers
from plain_scene import extremes, only, plain_scene

BURNT = ("burnt_side", "burnt_text", "ruler", "icon", "arrow")


def burnt(table: dict, *key: int, shape: tuple[int, int] = (144, 192)) -> np.ndarray:
    scene = plain_scene(shape)
    grey = np.full(shape, 0.4, np.float32)
    written = burn_in(grey, np.ones(shape, bool), scene, Draw(table, *key))
    assert (grey == np.float32(0.4)).all()
    return written


def test_without_factors_nothing_changes() -> None:
    assert not lead_markers(plain_scene(), Draw(only(), 1))
    assert (burnt(only(), 1) == np.float32(0.4)).all()


def test_a_lead_letter_is_thick_enough_to_look_white_and_small() -> None:
    for k in range(20):
        lead = lead_markers(plain_scene(), Draw(only("lead_letter"), 2, k)).get("lead")
        if lead is not None and lead.any():
            assert 0.1 < lead.max() < 8
            assert (lead > 0).mean() < 0.2


def test_lead_letters_mostly_keep_to_the_edges() -> None:
    layers = [lead_markers(plain_scene(), Draw(only("lead_letter"), 3, k)).get("lead") for k in range(80)]
    ink = np.sum([layer > 0 for layer in layers if layer is not None], 0)
    assert ink[40:-40, 50:-50].mean() < 0.5 * ink.mean()


@pytest.mark.parametrize("name", BURNT)
def test_each_factor_writes_on_part_of_the_image(name: str) -> None:
    changed = [(np.abs(burnt(only(name), 4, k) - 0.4) > 0.02).mean() for k in range(12)]
    assert np.mean(np.array(changed) > 0) > 0.7
    assert max(changed) < 0.5


@pytest.mark.parametrize("table", ["wide", "low", "high"])
def test_no_extreme_leaves_the_greys(table: str) -> None:
    for k in range(6):
        for shape in ((96, 72), (300, 400)):
            grey = burnt(extremes(*BURNT)[table], 5, k, shape=shape)
            assert grey.dtype == np.float32
            assert np.isfinite(grey).all()
            assert grey.min() >= 0
            assert grey.max() <= 1.0001
            lead = lead_markers(plain_scene(shape), Draw(extremes("lead_letter")[table], 5, k))
            assert all(np.isfinite(layer).all() and layer.min() >= 0 for layer in lead.values())


def test_a_sample_is_the_same_again_and_another_is_not() -> None:
    first, again, other = (burnt(only(*BURNT), 6, k) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
