import numpy as np
import pytest

from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Draw, Table
from pbrs.synthesis.tissue import draw_tissue
from plain_scene import extremes, only, plain_scene

SCENE = plain_scene((190, 192))
BOWEL = {"bowel_gas", "rectal_gas", "gas_bubbles", "stool", "bowel_clutter", "bowel_fluid"}
TISSUE = [name for name, row in FACTORS.items() if row.group == "tissue" and name not in BOWEL]
OUTLINE = ("body", "thighs")
FOLDS = ("buttock_fold", "groin_crease", "thigh_crease", "apron", "skin_fold")
X, Z = SCENE.view.plane_mm


def tissue(table: Table, seed: int = 1) -> dict[str, np.ndarray]:
    return draw_tissue(SCENE, Draw(table, seed))


def total(table: Table, seed: int = 1) -> np.ndarray:
    return sum(tissue(table, seed).values())


def test_without_factors_there_is_an_even_slab() -> None:
    drawn = tissue(only())
    assert set(drawn) == {"muscle", "adipose", "water"}
    assert np.ptp(drawn["muscle"]) == 0
    assert drawn["muscle"].min() > drawn["adipose"].min() > 0


@pytest.mark.parametrize("name", TISSUE)
def test_each_factor_changes_the_tissue(name: str) -> None:
    def shows(seed: int) -> bool:
        without = only() if name == "body" else only("body")
        a, b = tissue(only("body", name), seed), tissue(without, seed)
        return max(np.abs(a[part] - b[part]).max() for part in a) > 0.3

    assert any(shows(seed) for seed in range(4))


@pytest.mark.parametrize("end", ["usual", "wide", "low", "high"])
def test_extremes_are_finite_and_not_negative(end: str) -> None:
    for seed in range(6):
        for part in tissue(extremes(*TISSUE)[end], seed).values():
            assert part.dtype == np.float32
            assert part.shape == SCENE.view.shape
            assert np.isfinite(part).all()
            assert part.min() >= 0


def test_the_same_numbers_give_the_same_bytes() -> None:
    first, again, other = (total(FACTORS, seed).tobytes() for seed in (4, 4, 5))
    assert first == again != other


def test_hips_and_thighs_are_as_thick_as_those_of_adults() -> None:
    hips = np.array(
        [total(only(*OUTLINE), seed)[(np.abs(X) < 40) & (np.abs(Z - 30) < 10)].mean() for seed in range(60)]
    )
    thighs = np.array([total(only(*OUTLINE), seed)[(np.abs(X - 110) < 20) & (Z < -150)].mean() for seed in range(60)])
    assert 130 < hips.min() < 180
    assert 240 < hips.max() < 400
    assert 90 < thighs.min() < 150
    assert 180 < thighs.max() < 340
    assert np.median(thighs) < np.median(hips)


def test_air_surrounds_the_body_and_parts_the_thighs_in_some() -> None:
    scene = plain_scene((190, 192))
    x, z = scene.view.plane_mm
    between = (np.abs(x) < 4) & (z < -130)
    outside, gaps = [], []
    for seed in range(30):
        thickness = sum(draw_tissue(scene, Draw(only(*OUTLINE), seed)).values())
        outside.append(thickness[np.abs(z) < 20].min())
        gaps.append(thickness[between].max() == 0)
        assert thickness[scene.region].min() > 5
    assert min(outside) == 0
    assert 0 < sum(gaps) < 30


def test_a_fatter_patient_is_wider_and_thicker() -> None:
    both = [only(*OUTLINE, table=extremes("body", "thighs")[end]) for end in ("low", "high")]
    thin, fat = (total(table) for table in both)
    assert thin.sum() < 0.7 * fat.sum()


@pytest.mark.parametrize("name", FOLDS)
def test_folds_have_sharp_edges_across_the_bones(name: str) -> None:
    def steepest(seed: int) -> float:
        added = total(only(name), seed) - total(only(), seed)
        return float((np.abs(np.gradient(added, SCENE.view.pixel_mm)[0]) * SCENE.region).max())

    assert max(steepest(seed) for seed in range(8)) > 2


def test_the_bladder_is_water_above_the_symphysis() -> None:
    for seed in range(5):
        water = tissue(only("body", "bladder"), seed)["water"]
        assert (water * X).sum() / water.sum() == pytest.approx(0, abs=15)
        assert -25 < (water * Z).sum() / water.sum() < 70


def test_soft_tissue_beside_bone_varies_as_much_as_bone_adds() -> None:
    x_near = (np.abs(X) < 150) & ~SCENE.region
    spreads = [np.ptp(np.percentile(total(FACTORS, seed)[x_near], (10, 90))) for seed in range(20)]
    assert np.median(spreads) > 50


@pytest.mark.parametrize("shape", [(96, 128), (200, 150), (420, 512)])
def test_any_size_and_turn_will_do(shape: tuple[int, int]) -> None:
    scene = plain_scene(shape, plate_deg=-20)
    assert {part.shape for part in draw_tissue(scene, Draw(only(*TISSUE), 2)).values()} == {shape}


def test_tissue_looks_the_same_at_any_size() -> None:
    small, large = (
        sum(draw_tissue(plain_scene(shape), Draw(only(*TISSUE), 3)).values()) for shape in ((120, 160), (480, 640))
    )
    averaged = large.reshape(120, 4, 160, 4).mean((1, 3))
    assert np.median(np.abs(small - averaged)) < 2
