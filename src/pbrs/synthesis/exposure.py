"""Exposure: from millimetres of material along each ray to the signal of the detector."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.beam import DEFAULT_ALUMINIUM_MM, DEFAULT_TUBE_KV, Beam, beam
from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.fields import blur
from pbrs.synthesis.grid import cut_off, grid_lines
from pbrs.synthesis.scatter import scatter
from pbrs.synthesis.view import View

Floats = NDArray[np.float32]

_SLIT_SIGMA = 12**-0.5  # standard deviation of a slit of width 1


def expose(materials: Mapping[str, Floats], fraction: Floats, view: View, draw: Draw) -> Floats:
    """Expose the detector through the materials.

    Parameters
    ----------
    materials
        Material of `attenuation.csv` → its length along each ray in mm at full density, float32 (H, W).
    fraction
        Share of the beam that the collimator lets through, float32 (H, W) in [0, 1].
    view
        The projection.
    draw
        Random numbers.

    Returns
    -------
    float32 (H, W), at least 0: the detector's signal, 1 where the open beam falls on it.
    """
    passed = transmission(materials, _drawn_beam(draw("beam"), tuple(materials)), view.shape)
    falling = fraction * _heel(draw("heel_effect"), view)
    signal = falling * passed
    signal += scatter(falling, passed, view, draw)
    signal *= cut_off(draw("grid_cut_off"), view)
    signal = _shaken(draw("motion"), _focused(draw("focal_spot"), signal, view), view)
    unit = automatic_level(signal, fraction * np.square(1 - passed)) / _dose(draw("exposure_error"))
    signal = _counted(signal, unit, view, draw)
    signal *= grid_lines(draw("grid_lines"), view)
    saturation = draw("saturation")
    if saturation:
        np.minimum(signal, np.float32(unit * saturation("times_level")), out=signal)
    return np.maximum(signal, np.float32(0), out=signal)


def transmission(materials: Mapping[str, Floats], through: Beam, shape: tuple[int, int]) -> Floats:
    """Give the share of the open beam's signal left behind the materials, by Beer and Lambert's law in each band."""
    left = np.zeros(shape, np.float32)
    layer = np.empty(shape, np.float32)
    for band, weight in enumerate(through.weights):
        depth = np.zeros(shape, np.float32)
        for name, thickness_mm in materials.items():
            np.multiply(thickness_mm, np.float32(-through.per_mm[name][band]), out=layer)
            depth += layer
        np.exp(depth, out=depth)
        depth *= np.float32(weight)
        left += depth
    return left


def automatic_level(signal: Floats, weight: Floats) -> float:
    """Give the signal by which an automatic exposure control sets the dose: the geometric mean; 1 without weight."""
    part = (slice(None, None, 4), slice(None, None, 4))
    total = float(weight[part].sum(dtype=np.float64))
    if total < 1e-3:
        return 1.0
    logarithm = np.log(np.maximum(signal[part], np.float32(1e-4)))
    return float(np.exp((weight[part] * logarithm).sum(dtype=np.float64) / total))


def _drawn_beam(drawn: Drawn | None, materials: Sequence[str]) -> Beam:
    if drawn is None:
        return beam(DEFAULT_TUBE_KV, DEFAULT_ALUMINIUM_MM, materials)
    return beam(drawn("tube_kv"), drawn("aluminium_mm"), materials)


def _heel(drawn: Drawn | None, view: View) -> Floats:
    """Let the beam weaken towards the anode, which lies mostly along the patient."""
    if drawn is None:
        return np.ones((1, 1), np.float32)
    x, z = view.plane_mm
    along = z if drawn.happens(0.85) else x
    return np.asarray(np.exp(along * np.float32(drawn.sign() * drawn("loss_per_m") / 1000)), np.float32)


def _dose(drawn: Drawn | None) -> float:
    """Give the dose as a multiple of what the automatic control would have given."""
    return 1.0 if drawn is None else drawn("times")


def _focused(drawn: Drawn | None, signal: Floats, view: View) -> Floats:
    """Blur by the focal spot's size: on the reference plane, its share of the distance to the detector."""
    if drawn is None:
        return signal
    shadow_mm = drawn("size_mm") * view.detector_mm / (view.detector_mm - view.source_mm[1])
    return blur(signal, _SLIT_SIGMA * shadow_mm / view.pixel_mm)


def _shaken(drawn: Drawn | None, signal: Floats, view: View) -> Floats:
    """Let the patient move: two exposures, since what moves rests longest at its turning points."""
    if drawn is None:
        return signal
    angle = np.deg2rad(drawn("direction_deg"))
    half_px = drawn("shift_mm") / 2 / view.pixel_mm
    right, down = half_px * np.cos(angle), half_px * np.sin(angle)
    size = signal.shape[1], signal.shape[0]
    ends = [
        cv2.warpAffine(signal, np.array([[1, 0, dx], [0, 1, dy]]), size, borderMode=cv2.BORDER_REPLICATE)
        for dx, dy in ((right, down), (-right, -down))
    ]
    return np.asarray((ends[0] + ends[1]) * np.float32(0.5), np.float32)


def _counted(signal: Floats, unit: float, view: View, draw: Draw) -> Floats:
    """Count quanta, spread their light over the detector, read it out; `unit` is the signal of the stated dose.

    The noise of the quanta is spread with their light, hence correlated.
    """
    quanta, spread, readout = draw("quantum_noise"), draw("detector_blur"), draw("electronic_noise")
    if quanta:
        counted = quanta("quanta_per_mm2") * view.pixel_mm**2
        noise = quanta.rng.standard_normal(signal.shape, np.float32)
        signal = signal + noise * np.sqrt(np.maximum(signal, 0) * np.float32(unit / counted))
    if spread:
        signal = blur(signal, spread("sigma_mm") / view.pixel_mm)
    if readout:
        noise = readout.rng.standard_normal(signal.shape, np.float32)
        signal = signal + noise * np.float32(unit * readout("share_of_1_mm") / view.pixel_mm)
    return signal
