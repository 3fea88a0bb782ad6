"""Fields: smooth noise, blur, ellipses, rods and lines, drawn in millimetres of the reference plane."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from pbrs.synthesis.view import View

Floats = NDArray[np.float32]
Point = tuple[float, float]


def smoothstep(x: NDArray[np.floating]) -> Floats:
    """Give 0 below 0, 1 above 1, and 3x² − 2x³ between: a soft step."""
    t = np.clip(x, 0, 1, dtype=np.float32)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def noise(rng: np.random.Generator, view: View, feature_mm: float, octaves: int = 1, roughness: float = 0.5) -> Floats:
    """Draw smooth noise whose blobs are about `feature_mm` wide.

    The pattern depends on the view's extent in mm, not on its pixels; `rng` advances by one draw.

    Parameters
    ----------
    rng
        Where the pattern comes from.
    view
        What to cover.
    feature_mm
        Size of the blobs of the first octave; each further octave's are half as large.
    octaves
        Number of octaves.
    roughness
        Amplitude of an octave relative to the one before.

    Returns
    -------
    float32 (H, W), expected mean 0 and variance 1; what is finer than the pixels fades.
    """
    height, width = view.shape
    random = np.random.Generator(np.random.Philox(int(rng.integers(2**62))))
    total = np.zeros(view.shape, np.float32)
    power = 0.0
    for octave in range(octaves):
        sigma_mm = feature_mm / 2**octave / 4
        cell_mm = max(sigma_mm, view.pixel_mm)
        rows, columns = (max(2, round(side * view.pixel_mm / cell_mm) + 1) for side in view.shape)
        sigma = sigma_mm / cell_mm
        margin = 4
        shape = rows + 2 * margin, columns + 2 * margin
        # bytes are quick to draw, and blurring makes them normal
        white = np.frombuffer(random.bytes(shape[0] * shape[1]), np.int8).reshape(shape).astype(np.float32)
        blurred = cv2.GaussianBlur(white + 0.5, (2 * margin - 1, 2 * margin - 1), max(sigma, 0.05))
        gain = roughness**octave / np.sqrt(65535 / 12) * _gain(sigma) * min(1, 2 * sigma)
        inside = blurred[margin:-margin, margin:-margin] * np.float32(gain)
        total += np.asarray(cv2.resize(inside, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
        power += roughness ** (2 * octave)
    return total / np.float32(np.sqrt(power))


def _gain(sigma: float) -> float:
    """Tell what brings white noise back to its standard deviation after a Gaussian blur of `sigma` cells."""
    x = np.arange(-3, 4)
    weights = np.exp(-(x**2) / (2 * max(sigma, 0.05) ** 2))
    return float(weights.sum() ** 2 / (weights**2).sum())


def blur(image: NDArray[np.floating], sigma_px: float) -> Floats:
    """Blur with a Gaussian of `sigma_px`, the edges continued; a wide one is applied to a smaller copy."""
    sharp = np.asarray(image, np.float32)
    if sigma_px < 0.2:
        return sharp.copy()
    height, width = sharp.shape
    times = max(1, int(sigma_px / 3))
    if times > 1:
        size = -(-width // times), -(-height // times)
        small = np.asarray(cv2.resize(sharp, size, interpolation=cv2.INTER_AREA), np.float32)
    else:
        small = sharp
    sigma = sigma_px * small.shape[1] / width
    reach = 2 * int(3 * sigma + 1) + 1
    small = np.asarray(cv2.GaussianBlur(small, (reach, reach), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)
    if times == 1:
        return small
    # linear, so that nothing falls below the darkest or rises above the brightest
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def ellipse(view: View, centre_mm: Point, radii_mm: Point, turn_deg: float = 0.0) -> Floats:
    """Give the squared radius from the ellipse's centre, 1 on its rim, float32 (H, W).

    `radii_mm` are along x and z before the ellipse is turned from x towards z.
    """
    x, z = view.plane_mm
    turn = np.deg2rad(turn_deg)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    dx, dz = x - np.float32(centre_mm[0]), z - np.float32(centre_mm[1])
    along = (cos * dx + sin * dz) / np.float32(radii_mm[0])
    across = (cos * dz - sin * dx) / np.float32(radii_mm[1])
    return np.asarray(along * along + across * across, np.float32)


def to_segment_mm(view: View, a_mm: Point, b_mm: Point) -> Floats:
    """Give the distance of each pixel from the segment between two points, float32 (H, W) in mm."""
    x, z = view.plane_mm
    ux, uz = np.float32(b_mm[0] - a_mm[0]), np.float32(b_mm[1] - a_mm[1])
    dx, dz = x - np.float32(a_mm[0]), z - np.float32(a_mm[1])
    along = np.clip((dx * ux + dz * uz) / max(float(ux * ux + uz * uz), 1e-6), 0, 1, dtype=np.float32)
    return np.asarray(np.hypot(dx - along * ux, dz - along * uz), np.float32)


def capsule_mm(view: View, a_mm: Point, b_mm: Point, radius_mm: float) -> Floats:
    """Give the thickness in mm of a rod with round ends that lies in the reference plane, float32 (H, W)."""
    distance = to_segment_mm(view, a_mm, b_mm)
    return np.asarray(2 * np.sqrt(np.maximum(np.float32(radius_mm**2) - distance * distance, 0)), np.float32)


def polyline(view: View, points_mm: Sequence[Point], width_mm: float) -> Floats:
    """Draw a line through points, with round ends; its coverage of each pixel, float32 (H, W) in [0, 1]."""
    points = np.asarray(points_mm, np.float64)
    column, row = view.to_pixel(points[:, 0], points[:, 1])
    width = width_mm / view.pixel_mm
    coverage = np.zeros(view.shape, np.float32)
    _add_line(coverage, column, row, max(width, 1.0) / 2)
    # a line finer than a pixel was drawn one pixel wide
    return coverage * np.float32(min(width, 1.0))


@njit(cache=True)
def _add_line(coverage: Floats, column: NDArray[np.float64], row: NDArray[np.float64], half: float) -> None:
    height, width = coverage.shape
    for k in range(len(column) - 1):
        ux, uy = column[k + 1] - column[k], row[k + 1] - row[k]
        square = max(ux * ux + uy * uy, 1e-9)
        first, last = min(row[k], row[k + 1]) - half - 1, max(row[k], row[k + 1]) + half + 1
        for i in range(max(0, int(first)), min(height, int(last) + 1)):
            left, right = min(column[k], column[k + 1]) - half - 1, max(column[k], column[k + 1]) + half + 1
            if abs(uy) > 0.5:
                # only the part of this row that is near the line
                at = column[k] + (i + 0.5 - row[k]) / uy * ux
                reach = (half + 1) * np.sqrt(square) / abs(uy)
                left, right = max(left, at - reach), min(right, at + reach)
            for j in range(max(0, int(left)), min(width, int(right) + 1)):
                dx, dy = j + 0.5 - column[k], i + 0.5 - row[k]
                along = min(max((dx * ux + dy * uy) / square, 0.0), 1.0)
                near = half + 0.5 - np.hypot(dx - along * ux, dy - along * uy)
                if near > coverage[i, j]:
                    coverage[i, j] = min(near, 1.0)


def ellipsoids_mm(view: View, blobs: Sequence[tuple[float, ...]]) -> Floats:
    """Give the thickness in mm of a union of ellipsoids that lie in the reference plane, float32 (H, W).

    Each blob is (x_mm, z_mm, radius along x, radius along z, turn in degrees from x towards z, thickness at its centre
    in mm). Where blobs overlap, the thicker one counts.
    """
    thickness = np.zeros(view.shape, np.float32)
    rows = np.array(blobs, np.float64).reshape(-1, 6)
    column, row = view.to_pixel(rows[:, 0], rows[:, 1])
    radii = np.maximum(rows[:, 2:4] / view.pixel_mm, 0.3)
    _add_ellipsoids(thickness, column, row, radii, np.deg2rad(view.plate_deg - rows[:, 4]), rows[:, 5])
    return thickness


@njit(cache=True)
def _add_ellipsoids(
    thickness: Floats,
    column: NDArray[np.float64],
    row: NDArray[np.float64],
    radii: NDArray[np.float64],
    turn: NDArray[np.float64],
    middle: NDArray[np.float64],
) -> None:
    height, width = thickness.shape
    for k in range(len(middle)):
        cos, sin = np.cos(turn[k]), np.sin(turn[k])
        reach_x = np.hypot(radii[k, 0] * cos, radii[k, 1] * sin)
        reach_y = np.hypot(radii[k, 0] * sin, radii[k, 1] * cos)
        for i in range(max(0, int(row[k] - reach_y)), min(height, int(row[k] + reach_y) + 1)):
            for j in range(max(0, int(column[k] - reach_x)), min(width, int(column[k] + reach_x) + 1)):
                dx, dy = j + 0.5 - column[k], i + 0.5 - row[k]
                along = (cos * dx + sin * dy) / radii[k, 0]
                across = (cos * dy - sin * dx) / radii[k, 1]
                left = 1 - along * along - across * across
                if left > 0:
                    thickness[i, j] = max(thickness[i, j], middle[k] * np.sqrt(left))


def coarser(view: View, pixel_mm: float) -> View:
    """Give a view of whole multiples of the pixels, of at most `pixel_mm`, from the same upper left corner."""
    times = max(1, int(pixel_mm / view.pixel_mm + 0.3))
    height, width = (-(-side // times) for side in view.shape)
    right = (width * times - view.shape[1]) / 2 * view.pixel_mm
    down = (height * times - view.shape[0]) / 2 * view.pixel_mm
    turn = np.deg2rad(view.plate_deg)
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    x, z = view.centre_mm
    return replace(
        view,
        shape=(height, width),
        centre_mm=(x + cos * right + sin * down, z + sin * right - cos * down),
        pixel_mm=view.pixel_mm * times,
    )


def enlarge(image: Floats, coarse: View, view: View) -> Floats:
    """Enlarge an image of ``coarser(view, ...)`` to `view`."""
    if coarse.shape == view.shape:
        return image
    times = round(coarse.pixel_mm / view.pixel_mm)
    size = coarse.shape[1] * times, coarse.shape[0] * times
    enlarged = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return enlarged[: view.shape[0], : view.shape[1]]
