"""Make the table of attenuation coefficients that synthetic radiographs are computed with, or check it.

    python3 -m venv build/xray && build/xray/bin/pip install xraydb==4.5.8 xraylib==4.3.0
    build/xray/bin/python tools/make_attenuation.py            writes src/pbrs/synthesis/attenuation.csv
    build/xray/bin/python tools/make_attenuation.py --check    compares it, exit status 1 where it differs

What each material is made of, and who says so, stands in attenuation_materials.csv beside this file: chemical formulas
and their shares of the mass. Their coefficients come from the tables of Elam, Ravel & Sieber (Radiat Phys Chem 63
(2002) 121), by xraydb: total attenuation, with both kinds of scattering, as for a narrow beam. What is scattered into
the image has to be added by whoever computes the image.

K edges lie between the energies of iodine at 33.2, barium at 37.4 and lead at 88.0 keV: take the energies as they are
(the middles of bins), never interpolate between them.

The check makes the table again and compares it with xraylib, which reads the same tables: formulas, shares and units
are right if they agree within 3 %. The numbers themselves are compared with the photoelectric effect that Chantler (J
Phys Chem Ref Data 29 (2000) 597) computed independently, where tables are known to differ by some per cent: 4 % is
allowed.
"""

import argparse
import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path

MATERIALS = Path(__file__).with_name("attenuation_materials.csv")
TABLE = Path(__file__).parents[1] / "src/pbrs/synthesis/attenuation.csv"
ENERGIES_KEV = range(30, 121, 5)
XRAYLIB_TOLERANCE, CHANTLER_TOLERANCE = 0.03, 0.04

Composition = dict[str, float]
"""Chemical formulas and their shares of the mass."""


def read_materials() -> dict[str, tuple[float, Composition]]:
    """Give density in g/cm³ and composition by material."""
    materials = {}
    with MATERIALS.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            words = row["composition"].split()
            composition = dict(zip(words[::2], map(float, words[1::2]), strict=True))
            if abs(sum(composition.values()) - 1) > 1e-9:
                raise SystemExit(f"{MATERIALS}: the shares of {row['material']} add up to {sum(composition.values())}")
            materials[row["material"]] = float(row["density_g_cm3"]), composition
    return materials


def by_elements(formula: str, mass_attenuation: Callable[[str], float]) -> float:
    """Give a compound's attenuation in cm²/g from its elements'."""
    import xraydb

    masses = {element: n * xraydb.atomic_mass(element) for element, n in xraydb.chemparse(formula).items()}
    return sum(mass * mass_attenuation(element) for element, mass in masses.items()) / sum(masses.values())


def elam(formula: str, energy_kev: float) -> float:
    """Give a compound's attenuation in cm²/g."""
    import xraydb

    return by_elements(formula, lambda element: float(xraydb.mu_elam(element, energy_kev * 1000, kind="total")))


def chantler(formula: str, energy_kev: float) -> float:
    """Give the same with Chantler's photoelectric effect."""
    import xraydb

    def element_attenuation(element: str) -> float:
        energy = energy_kev * 1000
        scattering = [xraydb.mu_elam(element, energy, kind=kind) for kind in ("coh", "incoh")]
        return float(sum(scattering) + xraydb.mu_chantler(element, energy, photo=True))

    return by_elements(formula, element_attenuation)


def xraylib(formula: str, energy_kev: float) -> float:
    """Give the same by xraylib."""
    import xraylib

    return float(xraylib.CS_Total_CP(formula, energy_kev))


def attenuation(mass_attenuation: Callable[[str, float], float]) -> dict[str, list[float]]:
    """Give attenuation per mm at each of `ENERGIES_KEV` by material, from that of compounds in cm²/g."""
    return {
        material: [
            # cm²/g × g/cm³ = 1/cm
            density / 10 * sum(share * mass_attenuation(formula, energy) for formula, share in composition.items())
            for energy in ENERGIES_KEV
        ]
        for material, (density, composition) in read_materials().items()
    }


def as_text(table: dict[str, list[float]]) -> str:
    """Give the table as the text of a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["material", "density_g_cm3", "energy_kev", "mu_per_mm"])
    for material, (density, _) in read_materials().items():
        for energy, mu in zip(ENERGIES_KEV, table[material], strict=True):
            writer.writerow([material, density, energy, f"{mu:.6g}"])
    return text.getvalue()


def check(table: dict[str, list[float]]) -> bool:
    """Print how far the table is from the committed one, xraylib's and Chantler's; tell whether all is well."""
    is_same = TABLE.read_text(encoding="utf-8") == as_text(table)
    print(f"{TABLE.name} is {'' if is_same else 'NOT '}what xraydb gives")
    by_xraylib, by_chantler = attenuation(xraylib), attenuation(chantler)
    print(f"largest difference to{'xraylib':>12}{'Chantler':>20}")
    largest = [0.0, 0.0]
    for material, row in table.items():
        text = f"{material:21}"
        for i, other in enumerate((by_xraylib, by_chantler)):
            difference, energy = max(
                (abs(a / b - 1), e) for a, b, e in zip(row, other[material], ENERGIES_KEV, strict=True)
            )
            text += f"{difference:12.4%} at {energy} keV"
            largest[i] = max(largest[i], difference)
        print(text)
    print(f"{'of all':21}{largest[0]:12.4%}{largest[1]:22.4%}")
    return is_same and largest[0] <= XRAYLIB_TOLERANCE and largest[1] <= CHANTLER_TOLERANCE


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the committed table instead of writing it")
    table = attenuation(elam)
    if not parser.parse_args().check:
        TABLE.write_text(as_text(table), encoding="utf-8")
    elif not check(table):
        sys.exit(1)


main()
