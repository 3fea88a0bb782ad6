"""Curves: outlines and lines in millimetres of the reference plane, to be painted on a canvas."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

Points = NDArray[np.float64]
Place = tuple[float, float]
LIFT = np.full((1, 2), np.nan)
"""Lifts the pen between two strokes."""


def unit(vector: Points) -> Points:
    """Give a vector (2,) the length 1."""
    return np.asarray(vector / max(float(np.hypot(vector[0], vector[1])), 1e-6))


def placed(local_mm: ArrayLike, centre_mm: Place, turn_deg: float = 0.0) -> Points:
    """Turn points (N, 2) anticlockwise about the origin, then move the origin to `centre_mm`."""
    turn = np.deg2rad(turn_deg)
    cos, sin = np.cos(turn), np.sin(turn)
    points = np.asarray(local_mm, np.float64)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]) + centre_mm, np.float64)


def strokes(lines: Sequence[Points]) -> Points:
    """Join lines into one that lifts the pen between them."""
    return np.concatenate([part for line in lines for part in (line, LIFT)][:-1])


def dots(places: Points) -> Points:
    """Make each place a stroke of its own: balls, when painted as a rod."""
    spread = np.repeat(places, 3, 0)
    spread[2::3] = np.nan
    return spread[:-1]


def oval(width_mm: float, height_mm: float, corners: int = 32) -> Points:
    """Give an ellipse about the origin, closed."""
    angle = np.linspace(0, 2 * np.pi, corners + 1)
    return np.stack([width_mm / 2 * np.cos(angle), height_mm / 2 * np.sin(angle)], 1)


def oblong(width_mm: float, height_mm: float, corner_mm: float = 0.0) -> Points:
    """Give a rectangle about the origin with rounded corners, closed."""
    corner = min(corner_mm, width_mm / 2, height_mm / 2)
    quarter = np.linspace(0, np.pi / 2, 5 if corner > 0 else 1)
    parts = []
    for k, (sx, sz) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        angle = quarter + k * np.pi / 2
        middle = np.array([sx * (width_mm / 2 - corner), sz * (height_mm / 2 - corner)])
        parts.append(middle + corner * np.stack([np.cos(angle), np.sin(angle)], 1))
    return np.concatenate([*parts, parts[0][:1]])


def through(places: ArrayLike, count: int = 60) -> Points:
    """Give a smooth line through places (N, 2), N ≥ 2."""
    knots = np.asarray(places, np.float64)
    step = np.maximum(np.hypot(*np.diff(knots, axis=0).T), 1e-3)
    along = np.concatenate([[0.0], np.cumsum(step)])
    return np.asarray(CubicSpline(along, knots)(np.linspace(0, along[-1], count)), np.float64)


def wander(rng: np.random.Generator, start_mm: Place, heading_deg: float, length_mm: float, bend: float) -> Points:
    """Give a line that starts at a place and turns this way and that; `bend` is about its turn in radians in 100 mm."""
    count = max(8, int(length_mm / 5))
    step = length_mm / count
    kicks = rng.normal(size=count) * bend * step / 100
    turn = np.convolve(kicks, np.exp(-np.arange(60) * step / 60), "full")[:count]
    heading = np.deg2rad(heading_deg) + np.cumsum(turn)
    steps = step * np.stack([np.cos(heading), np.sin(heading)], 1)
    return np.concatenate([[start_mm], start_mm + np.cumsum(steps, 0)])


def beside(line: Points, offset_mm: float) -> Points:
    """Give the line that runs `offset_mm` to the left of another."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1])[:, None], 1e-9)
    return line + offset_mm * np.stack([-along[:, 1], along[:, 0]], 1)
