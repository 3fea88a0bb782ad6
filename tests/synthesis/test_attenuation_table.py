"""The table of attenuation coefficients agrees with what NIST publishes, and has every material that is drawn."""

import csv
from importlib.resources import files
from itertools import pairwise

import pytest

MATERIALS = {
    "muscle", "adipose", "water", "stool", "cortical_bone", "spongiosa", "contrast", "barium", "aluminium", "titanium",
    "steel", "cobalt_chromium", "copper", "lead", "polyethylene", "pvc", "bone_cement", "glass", "calcification",
}  # fmt: skip
# keV between which attenuation jumps up: iodine's K edge at 33.17, barium's at 37.44, lead's at 88.00.
EDGES = {"contrast": (30, 35), "barium": (35, 40), "bone_cement": (35, 40), "lead": (85, 90)}
# Density in g/cm³ and μ/ρ in cm²/g by keV: Hubbell & Seltzer, NISTIR 5632, tables 1 to 4 (tissues: ICRU Report 44).
NIST = {
    "water": (1.0, {30: 0.3756, 40: 0.2683, 50: 0.2269, 60: 0.2059, 80: 0.1837, 100: 0.1707}),
    "cortical_bone": (1.92, {30: 1.331, 40: 0.6655, 50: 0.4242, 60: 0.3148, 80: 0.2229, 100: 0.1855}),
    "adipose": (0.95, {30: 0.3063, 40: 0.2396, 50: 0.2123, 60: 0.1974, 80: 0.1800, 100: 0.1688}),
    "muscle": (1.05, {30: 0.3783, 40: 0.2685, 50: 0.2262, 60: 0.2048, 80: 0.1823, 100: 0.1693}),
    "aluminium": (2.699, {30: 1.128, 40: 0.5685, 50: 0.3681, 60: 0.2778, 80: 0.2018, 100: 0.1704}),
    "lead": (11.35, {30: 30.32, 40: 14.36, 50: 8.041, 60: 5.021, 80: 2.419, 100: 5.549}),
}

Table = dict[str, dict[int, float]]


@pytest.fixture(scope="module")
def table() -> Table:
    table: Table = {}
    with (files("pbrs.synthesis") / "attenuation.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            table.setdefault(row["material"], {})[int(row["energy_kev"])] = float(row["mu_per_mm"])
    return table


def test_every_material_is_there_at_every_energy(table: Table) -> None:
    assert set(table) == MATERIALS
    for row in table.values():
        assert list(row) == list(range(30, 121, 5))


@pytest.mark.parametrize("material", NIST)
def test_coefficients_are_those_of_nist(table: Table, material: str) -> None:
    density, mass_attenuation = NIST[material]
    for energy, expected in mass_attenuation.items():
        assert table[material][energy] == pytest.approx(expected * density / 10, rel=0.03)


@pytest.mark.parametrize("material", sorted(MATERIALS))
def test_attenuation_falls_with_energy_but_at_k_edges(table: Table, material: str) -> None:
    for (low, before), (high, after) in pairwise(table[material].items()):
        assert (after > before) == ((low, high) == EDGES.get(material)), f"{low} to {high} keV"
        assert after > 0


def test_contrast_holds_its_iodine(table: Table) -> None:
    # 85 mg/ml, μ/ρ of iodine at 60 keV 7.579 cm²/g (NISTIR 5632 table 3); the rest attenuates about as water does
    iodine = 0.085 * 7.579 / 10
    assert table["contrast"][60] == pytest.approx(iodine + table["water"][60], rel=0.03)


def test_materials_come_in_the_order_they_look_in_a_radiograph(table: Table) -> None:
    darkest_first = (
        "adipose", "muscle", "spongiosa", "cortical_bone", "aluminium", "titanium", "steel", "cobalt_chromium", "lead",
    )  # fmt: skip
    at_60_kev = [table[material][60] for material in darkest_first]
    assert at_60_kev == sorted(at_60_kev)
