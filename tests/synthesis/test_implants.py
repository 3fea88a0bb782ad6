"""Implants: a prosthesis where the scene asks for one, and fixation elsewhere."""

import numpy as np
import pytest

from pbrs.synthesis.factors import Draw
from pbrs.synthesis.fields import ellipse
from pbrs.synthesis.implants import PAINTERS, draw_implants
from plain_scene import extremes, only, plain_scene

METALS = ("titanium", "steel", "cobalt_chromium")


def metal_mm(arthroplasty: tuple[str, ...], draw: Draw) -> np.ndarray:
    scene = plain_scene(arthroplasty=arthroplasty)
    materials = draw_implants(scene, draw)
    return sum((materials[name] for name in METALS if name in materials), np.zeros(scene.view.shape, np.float32))


def test_without_factors_or_a_side_there_is_nothing() -> None:
    assert not draw_implants(plain_scene(), Draw(only(), 1))
    assert not draw_implants(plain_scene(), Draw(only("prosthesis"), 1))


@pytest.mark.parametrize("table", [only(), only("prosthesis")], ids=["plain", "drawn"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_prosthesis_stands_in_its_own_hip(side: str, table: dict) -> None:
    x, _ = plain_scene().view.plane_mm
    own = x > 0 if side == "left" else x < 0
    for k in range(12):
        metal = metal_mm((side,), Draw(table, 2, k))
        assert metal[own].max() > 3
        assert metal[~own].max() == 0


def test_a_plain_prosthesis_has_a_head_in_the_socket_and_a_stem_in_the_shaft() -> None:
    scene = plain_scene(arthroplasty=("left",))
    materials = draw_implants(scene, Draw(only(), 1))
    head = ellipse(scene.view, scene.landmarks["head_left"], (10, 10)) < 1
    stem = ellipse(scene.view, (129, -100), (3, 10)) < 1
    assert materials["glass"][head].min() > 20
    assert materials["titanium"][stem].min() > 5
    assert materials["polyethylene"].max() > 3


def test_half_a_hollow_ball_has_half_its_volume() -> None:
    scene = plain_scene((576, 768), arthroplasty=("left",))
    cup = draw_implants(scene, Draw(only(), 1))["polyethylene"]
    # the liner of the plain design: from the head's radius, 15, to the shell's inner one, 24 + 1 − 4
    volume = float(cup.sum(dtype=np.float64)) * scene.view.pixel_mm**2
    assert volume == pytest.approx(2 / 3 * np.pi * (21**3 - 15**3), rel=0.02)


@pytest.mark.parametrize("name", PAINTERS)
def test_each_fixation_is_there_when_its_factor_is(name: str) -> None:
    assert any(metal_mm((), Draw(only(name), 3, k)).max() > 0.5 for k in range(3))


def test_a_nail_spares_the_side_of_a_prosthesis() -> None:
    x, _ = plain_scene().view.plane_mm
    for name in ("femoral_nail", "hip_screw", "neck_screws"):
        without = draw_implants(plain_scene(arthroplasty=("left",)), Draw(only(), 4))
        both = draw_implants(plain_scene(arthroplasty=("left",)), Draw(only(name), 4))
        for material, layer in both.items():
            change = layer - without.get(material, 0)
            assert change[x > 0].max() == 0
        assert not draw_implants(plain_scene(), Draw(only(), 4))
        assert metal_mm(("left", "right"), Draw(only(name), 4)).shape == x.shape


@pytest.mark.parametrize("table", ["wide", "low", "high"])
def test_no_extreme_gives_what_cannot_be(table: str) -> None:
    for k in range(6):
        for arthroplasty in ((), ("right",), ("left", "right")):
            scene = plain_scene((64, 80), arthroplasty)
            made = draw_implants(scene, Draw(extremes(*PAINTERS, "prosthesis")[table], 5, k))
            for layer in made.values():
                assert layer.dtype == np.float32
                assert np.isfinite(layer).all()
                assert layer.min() + 1e-3 >= 0
                assert layer.max() < 200


def test_a_sample_is_the_same_again() -> None:
    first, again = (
        draw_implants(plain_scene(arthroplasty=("left",)), Draw(only(*PAINTERS, "prosthesis"), 6)) for _ in range(2)
    )
    for material, layer in first.items():
        np.testing.assert_array_equal(layer, again[material])
