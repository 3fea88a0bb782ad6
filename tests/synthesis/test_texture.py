import numpy as np
import pytest

from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Draw, Table
from pbrs.synthesis.texture import add_texture
from plain_scene import extremes, only, plain_scene

SCENE = plain_scene()
TEXTURE = [name for name, row in FACTORS.items() if row.group == "texture"]
BONE = SCENE.spongiosa_mm > 0
X, Z = SCENE.view.plane_mm
WINGS = BONE & (Z > 70) & (np.abs(X) > 90)
RING = BONE & (Z < 20)


def textured(table: Table, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    return add_texture(SCENE, Draw(table, seed))


def test_without_factors_the_bone_is_even() -> None:
    cortical, spongiosa = textured(only())
    np.testing.assert_allclose(cortical, SCENE.cortical_mm, rtol=1e-5)
    np.testing.assert_allclose(spongiosa, SCENE.spongiosa_mm, rtol=1e-5)


@pytest.mark.parametrize("name", TEXTURE)
def test_each_factor_changes_bone_and_nothing_beside_it(name: str) -> None:
    cortical, spongiosa = textured(only(name))
    changed = np.abs(cortical + spongiosa - SCENE.cortical_mm - SCENE.spongiosa_mm)
    assert changed.max() > 0.1
    assert not changed[~BONE].any()


@pytest.mark.parametrize("end", ["usual", "wide", "low", "high"])
def test_extremes_are_finite_and_not_negative(end: str) -> None:
    for seed in range(5):
        for part in textured(extremes(*TEXTURE)[end], seed):
            assert part.dtype == np.float32
            assert np.isfinite(part).all()
            assert part.min() >= 0


def test_the_same_numbers_give_the_same_bytes() -> None:
    first, again, other = (textured(only(*TEXTURE), seed)[1].tobytes() for seed in (4, 4, 5))
    assert first == again != other


def test_osteoporosis_takes_bone_away() -> None:
    for seed in range(10):
        cortical, spongiosa = textured(only("osteoporosis"), seed)
        assert cortical.sum() < 0.85 * SCENE.cortical_mm.sum()
        assert spongiosa.sum() < 0.8 * SCENE.spongiosa_mm.sum()


def test_lateral_osteopenia_spares_the_ring() -> None:
    _, spongiosa = textured(only("lateral_osteopenia"))
    share = spongiosa / np.maximum(SCENE.spongiosa_mm, 1)
    assert share[WINGS].mean() < 0.8
    assert share[RING].mean() > 0.95


def test_the_level_of_bone_varies_strongly_within_an_image() -> None:
    ratios = []
    for seed in range(40):
        cortical, spongiosa = textured(FACTORS, seed)
        level = (cortical + spongiosa) / np.maximum(SCENE.cortical_mm + SCENE.spongiosa_mm, 1)
        ratios.append(level[WINGS].mean() / level[RING].mean())
    assert min(ratios) < 0.5
    assert max(ratios) > 1.1


def test_sclerosis_lies_over_the_head() -> None:
    cortical, _ = textured(only("sclerosis"))
    added = cortical - SCENE.cortical_mm
    above = BONE & (np.abs(X - 90) < 15) & (Z > 22) & (Z < 45)
    assert added[above].mean() > 10 * added[Z < -30].mean()


@pytest.mark.parametrize("shape", [(96, 128), (200, 150), (420, 512)])
def test_any_size_and_turn_will_do(shape: tuple[int, int]) -> None:
    scene = plain_scene(shape, plate_deg=-20)
    cortical, spongiosa = add_texture(scene, Draw(only(*TEXTURE), 2))
    assert cortical.shape == spongiosa.shape == shape
