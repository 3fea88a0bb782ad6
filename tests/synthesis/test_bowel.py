import numpy as np
import pytest

from pbrs.synthesis.bowel import draw_bowel
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Draw, Table
from plain_scene import extremes, only, plain_scene

SCENE = plain_scene()
BOWEL = ["bowel_gas", "rectal_gas", "gas_bubbles", "stool", "bowel_clutter", "bowel_fluid"]
GAS = BOWEL[:3]
X, Z = SCENE.view.plane_mm
SLAB = {
    "muscle": np.full(SCENE.view.shape, 150, np.float32),
    "adipose": np.full(SCENE.view.shape, 50, np.float32),
    "water": np.zeros(SCENE.view.shape, np.float32),
}


def bowel(table: Table, seed: int = 1, tissue: dict[str, np.ndarray] = SLAB) -> dict[str, np.ndarray]:
    return draw_bowel(SCENE, tissue, Draw(table, seed))


def lost(table: Table, seed: int = 1) -> np.ndarray:
    drawn = bowel(table, seed)
    return 200 - drawn["muscle"] - drawn["adipose"] - drawn["stool"]


def test_without_factors_the_tissue_stays() -> None:
    drawn = bowel(only())
    assert not drawn["stool"].any()
    assert all((drawn[name] == SLAB[name]).all() for name in SLAB)


@pytest.mark.parametrize("name", BOWEL)
def test_each_factor_changes_the_tissue(name: str) -> None:
    assert any(np.abs(lost(only(name), seed)).max() > 0.5 for seed in range(4))


@pytest.mark.parametrize("name", GAS)
def test_gas_only_takes_away(name: str) -> None:
    for seed in range(6):
        assert lost(only(name), seed).min() > -1e-3
        assert not bowel(only(name), seed)["stool"].any()


def test_stool_and_the_gas_in_it_fill_the_room_they_take() -> None:
    drawn = bowel(only("stool"))
    taken = 200 - drawn["muscle"] - drawn["adipose"]
    assert drawn["stool"].max() > 5
    assert (drawn["stool"] <= taken + 1e-3).all()
    assert drawn["stool"].sum() < 0.98 * taken.sum()


@pytest.mark.parametrize("end", ["usual", "wide", "low", "high"])
@pytest.mark.parametrize("soft_mm", [0, 4, 200])
def test_extremes_are_finite_and_not_negative_however_thin_the_body(end: str, soft_mm: float) -> None:
    thin = {name: part * np.float32(soft_mm / 200) for name, part in SLAB.items()}
    for seed in range(3):
        for part in bowel(extremes(*BOWEL)[end], seed, thin).values():
            assert part.dtype == np.float32
            assert np.isfinite(part).all()
            assert part.min() >= 0
            assert soft_mm or not part.any()


def test_some_tissue_is_always_left() -> None:
    for seed in range(10):
        drawn = bowel(only(*BOWEL, table=extremes(*BOWEL)["high"]), seed)
        assert (drawn["muscle"] + drawn["adipose"]).min() > 5


def test_the_same_numbers_give_the_same_bytes() -> None:
    first, again, other = (lost(FACTORS, seed).tobytes() for seed in (4, 4, 5))
    assert first == again != other


def test_gas_lies_over_sacrum_and_wings_in_nearly_every_image() -> None:
    sacrum, wings = SCENE.masks["sacrum"], SCENE.masks["hip_left"] | SCENE.masks["hip_right"]
    gas = [lost(FACTORS, seed) > 4 for seed in range(40)]
    assert sum(g[sacrum].mean() > 0.02 for g in gas) >= 30
    assert sum(g[wings].mean() > 0.02 for g in gas) >= 24


def test_gas_stays_in_the_belly() -> None:
    for seed in range(20):
        gas = lost(only("bowel_gas", "rectal_gas"), seed)
        assert not gas[Z < -95].any()
        assert not gas[(np.abs(X) > 190)].any()


def test_the_view_may_have_any_size_and_turn() -> None:
    for shape in ((96, 128), (420, 512)):
        scene = plain_scene(shape, plate_deg=20)
        tissue = {name: np.full(shape, 90, np.float32) for name in SLAB}
        assert {part.shape for part in draw_bowel(scene, tissue, Draw(only(*BOWEL), 2)).values()} == {shape}
