"""Processing: what the vendor's software makes of the detector's signal before anyone sees it."""

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.enhancement import enhance, equalise
from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.shading import shade

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_LEAST_SIGNAL = 1e-3  # of the median in the region of interest: about −7 as a natural logarithm
_WHOLE_WINDOW = (0.5, 99.5)  # percentiles


def process(signal: Floats, interest: Bools, draw: Draw) -> Floats:
    """Turn the detector's signal into grey.

    Parameters
    ----------
    signal
        float32 (H, W), at least 0, as `pbrs.synthesis.exposure.expose` gives it.
    interest
        bool (H, W): the patient in the exposed field, by which the software sets its window.
    draw
        Random numbers.

    Returns
    -------
    float32 (H, W) in [0, 1], bone bright.
    """
    sampled = _Sampled(interest)
    image = _respond(draw("power_response"), signal, sampled)
    image = _limited(image, sampled)
    image = enhance(image, draw)
    grey = _windowed(image, sampled, draw)
    grey = _toned(grey, draw)
    grey = equalise(grey, draw("local_equalisation"))
    return np.clip(shade(grey, draw), 0, 1)


class _Sampled:
    """The region of interest on a coarse lattice: some ten thousand pixels tell percentiles well enough."""

    def __init__(self, interest: Bools) -> None:
        step = max(1, max(interest.shape) // 128)
        self._part = (slice(step // 2, None, step), slice(step // 2, None, step))
        self._inside = interest[self._part]
        if np.count_nonzero(self._inside) < 16:
            self._inside = np.ones_like(self._inside)

    def percentiles(self, image: Floats, *percent: float) -> tuple[float, ...]:
        return tuple(map(float, np.percentile(image[self._part][self._inside], percent)))


def _respond(drawn: Drawn | None, signal: Floats, sampled: _Sampled) -> Floats:
    """Give minus the logarithm of the signal, or minus a power of it: Box and Cox's transform, which joins the two."""
    (median,) = sampled.percentiles(signal, 50)
    relative = np.maximum(signal / np.float32(max(median, 1e-6)), np.float32(_LEAST_SIGNAL))
    if drawn is None:
        return np.asarray(-np.log(relative), np.float32)
    power = np.float32(drawn("power"))
    return np.asarray((1 - relative**power) / power, np.float32)


def _limited(image: Floats, sampled: _Sampled) -> Floats:
    """Keep air and metal from being so far from the tissue that every filter rings about them."""
    low, high = sampled.percentiles(image, 1, 99)
    span = high - low
    return np.clip(image, low - span / 2, high + span)


def _windowed(image: Floats, sampled: _Sampled, draw: Draw) -> Floats:
    """Map a window of levels to [0, 1]; what lies outside is not yet cut off."""
    window, dark, bright = draw("window"), draw("dark_window"), draw("bright_window")
    percent = (window("low_percentile"), window("high_percentile")) if window else _WHOLE_WINDOW
    low, high = sampled.percentiles(image, *percent)
    span = max(high - low, 1e-4)
    if window:
        low, high = low - window("below") * span, high + window("above") * span
    if dark:
        low += dark("cut") * span
    if bright:
        high -= bright("cut") * span
    return (image - np.float32(low)) / np.float32(max(high - low, 0.1 * span))


def _toned(grey: Floats, draw: Draw) -> Floats:
    """Apply film's characteristic curve (Hurter and Driffield's, a logistic) or cut off; then a gamma."""
    film, gamma = draw("film_curve"), draw("gamma")
    if film:
        slope = np.float32(film("slope"))
        middle = np.float32(film("middle"))
        grey = 1 / (1 + np.exp(slope * (middle - grey)))
    grey = np.clip(grey, 0, 1)
    return grey ** np.float32(gamma("exponent")) if gamma else grey
