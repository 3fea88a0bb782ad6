"""The beam: a spectrum of few energy bands, made from tube voltage and filtration as the detector sees them.

Sources: Kramers' law for the tube (H. A. Kramers, Phil. Mag. 46, 836 (1923)): the energy that leaves a thick target
falls linearly from 0 keV to the tube voltage. Filtration by aluminium. A scintillator of caesium iodide, whose signal
is the energy it absorbs. Left out: characteristic lines, absorption in the anode (but for the heel effect), escape of
fluorescence, and photons below the table's 30 keV, hardly any of which pass a pelvis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.attenuation import attenuation

DEFAULT_TUBE_KV = 75.0
DEFAULT_ALUMINIUM_MM = 3.0
"""Usual for an adult pelvis."""

_BANDS_FROM_KEV = (0.0, 38.0, 47.0, 58.0)
_SCINTILLATOR_G_CM2 = 0.2  # 0.6 mm of needles, packed to three quarters
_TYPICAL_PATIENT_MM = 120.0  # of water: what hardens each band before its mean coefficient is taken


@dataclass(frozen=True, eq=False)
class Beam:
    """Share of each energy band in the signal of the open beam, and each material's coefficients.

    Attributes
    ----------
    weights
        (B,), sum 1.
    per_mm
        Material → (B,), the band's linear attenuation coefficient in 1/mm.
    """

    weights: NDArray[np.float64]
    per_mm: Mapping[str, NDArray[np.float64]]


def spectrum(tube_kv: float, aluminium_mm: float) -> NDArray[np.float64]:
    """Give the open beam's signal at each of the table's energies, sum 1."""
    table = attenuation()
    emitted = np.maximum(tube_kv - table.energy_kev, 0)
    filtered = emitted * np.exp(-table.per_mm["aluminium"] * aluminium_mm)
    response = filtered * (1 - np.exp(-_caesium_iodide_cm2_g(table.energy_kev) * _SCINTILLATOR_G_CM2))
    return np.asarray(response / response.sum(), np.float64)


def beam(tube_kv: float, aluminium_mm: float, materials: Sequence[str]) -> Beam:
    """Divide the spectrum into bands, each with a weight and a coefficient for each of the materials.

    From 60 kV on, up to 230 mm of muscle with 25 mm of compact bone, the signal is within 6 % of the whole spectrum's.
    """
    table = attenuation()
    there = table.energy_kev < tube_kv
    response = spectrum(tube_kv, aluminium_mm)[there]
    hardened = response * np.exp(-table.per_mm["water"][there] * _TYPICAL_PATIENT_MM)
    bands = np.digitize(table.energy_kev[there], _BANDS_FROM_KEV) - 1
    behind = np.bincount(bands, hardened)
    return Beam(
        np.bincount(bands, response).astype(np.float64),
        {name: np.bincount(bands, hardened * table.per_mm[name][there]) / behind for name in materials},
    )


def _caesium_iodide_cm2_g(energy_kev: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the mass attenuation coefficient of CsI: a power law with iodine's and caesium's K edges.

    Within 5 % of NIST's tables (Hubbell and Seltzer, NISTIR 5632) from 20 to 120 keV.
    """
    edges = np.where(energy_kev < 33.17, 0.18, np.where(energy_kev < 35.98, 0.57, 1.0))
    return np.asarray(7.92 * edges * (energy_kev / 60) ** -2.66, np.float64)
