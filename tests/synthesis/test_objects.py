"""Objects: each is there when its factor is, and attenuates as matter does."""

import numpy as np
import pytest

from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Draw
from pbrs.synthesis.objects import PAINTERS, Objects, draw_objects
from plain_scene import extremes, only, plain_scene


def drawn(name: str, index: int, shape: tuple[int, int] = (144, 192)) -> Objects:
    return draw_objects(plain_scene(shape), Draw(only(name), 1, index))


def test_without_factors_there_is_nothing() -> None:
    nothing = draw_objects(plain_scene(), Draw(only(), 1))
    assert not nothing.materials
    assert not nothing.opaque.any()


@pytest.mark.parametrize("name", PAINTERS)
def test_each_object_is_there_when_its_factor_is(name: str) -> None:
    assert any(np.abs(layer).max() > 0.01 for k in range(4) for layer in drawn(name, k).materials.values())


@pytest.mark.parametrize("name", PAINTERS)
@pytest.mark.parametrize("table", ["wide", "low", "high"])
def test_no_extreme_gives_what_cannot_be(name: str, table: str) -> None:
    rows = extremes(name)[table]
    for k, scene in enumerate((plain_scene(), plain_scene((64, 48), plate_deg=-9), plain_scene((64, 80)))):
        objects = draw_objects(scene, Draw(rows, 2, k))
        for material, layer in objects.materials.items():
            assert layer.dtype == np.float32
            assert layer.shape == scene.view.shape
            assert np.isfinite(layer).all()
            assert layer.min() >= -1e-3 or material in ("muscle", "water")


def test_a_sample_is_the_same_again_and_another_is_not() -> None:
    first, again, other = (draw_objects(plain_scene(), Draw(only(*PAINTERS), 3, k)) for k in (0, 0, 1))
    assert first.materials.keys() == again.materials.keys()
    for material, layer in first.materials.items():
        np.testing.assert_array_equal(layer, again.materials[material])
    assert not np.array_equal(first.materials["steel"], other.materials["steel"])


def test_only_the_shield_is_opaque() -> None:
    everything_else = [name for name in PAINTERS if name != "gonad_shield"]
    assert not draw_objects(plain_scene(), Draw(only(*everything_else), 4)).opaque.any()
    for k in range(8):
        shield = drawn("gonad_shield", k)
        thick = shield.materials["lead"] > 0.6 * shield.materials["lead"].max()
        assert 100 < shield.opaque.sum() < 0.3 * shield.opaque.size
        assert (shield.opaque == thick).mean() > 0.99


@pytest.mark.parametrize("name", [name for name in PAINTERS if name not in ("pad", "dressing")])
def test_an_object_weighs_the_same_at_any_size_of_pixel(name: str) -> None:
    def weight(shape: tuple[int, int]) -> dict[str, float]:
        layers = drawn(name, 5, shape).materials
        return {key: float(np.abs(layer).mean(dtype=np.float64)) for key, layer in layers.items()}

    coarse, fine = weight((216, 288)), weight((432, 576))
    for material in coarse.keys() & fine.keys():
        assert coarse[material] == pytest.approx(fine[material], rel=0.1, abs=1e-4)


def test_springs_and_rings_lie_beside_bone_as_well_as_over_it() -> None:
    region = plain_scene().region
    for name in ("springs", "rings", "calibration_ball"):
        bright = np.sum([(sum(drawn(name, k).materials.values()) > 0.5) for k in range(30)], 0)
        assert bright[region].any()
        assert bright[~region].any()


def test_every_object_is_in_the_table() -> None:
    assert all(FACTORS[name].group == "objects" and FACTORS[name].probability > 0 for name in PAINTERS)
