"""The table `attenuation.csv`: linear attenuation coefficients of the materials that a ray may cross."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Attenuation:
    """Coefficients at a few energies, the middles of bins; K edges lie between them, so that none may be interpolated.

    Attributes
    ----------
    energy_kev
        (N,), ascending.
    per_mm
        Material → (N,) in 1/mm, at the density that a millimetre of the material stands for.
    """

    energy_kev: NDArray[np.float64]
    per_mm: dict[str, NDArray[np.float64]]


@cache
def attenuation() -> Attenuation:
    """Read the table, made by `tools/make_attenuation.py`."""
    with files("pbrs.synthesis").joinpath("attenuation.csv").open(encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    coefficients: dict[str, dict[float, float]] = {}
    for row in rows:
        coefficients.setdefault(row["material"], {})[float(row["energy_kev"])] = float(row["mu_per_mm"])
    energies = sorted({energy for found in coefficients.values() for energy in found})
    return Attenuation(
        np.array(energies),
        {name: np.array([found[energy] for energy in energies]) for name, found in coefficients.items()},
    )
