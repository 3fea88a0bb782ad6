"""A canvas: objects painted on the reference plane as millimetres of material along each ray, with soft pixel edges."""

from collections.abc import Sequence

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.view import View

Floats = NDArray[np.float32]
Points = NDArray[np.float64]
Box = tuple[slice, slice]

LARGE_PX = 60_000
"""Shapes whose box has more pixels than this are drawn with 2 × 2 samples a pixel, smaller ones with 4 × 4."""


class Canvas:
    """Millimetres of each material, added up as objects are painted.

    Attributes
    ----------
    view
        What is painted on; places are (x_mm, z_mm) on its reference plane.
    materials
        Material → float32 (H, W) in mm; only what was painted.
    opaque
        bool (H, W): where nothing behind an object can be seen.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.materials: dict[str, Floats] = {}
        self.opaque = np.zeros(view.shape, np.bool_)

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the image on the reference plane."""
        height, width = self.view.shape
        return width * self.view.pixel_mm, height * self.view.pixel_mm

    def place(self, across: float, down: float) -> tuple[float, float]:
        """Give the (x_mm, z_mm) at fractions of the image's width and height; they may lie beyond 0 and 1."""
        width, height = self.size_mm
        right, below = (across - 0.5) * width, (down - 0.5) * height
        turn = np.deg2rad(self.view.plate_deg)
        cos, sin = float(np.cos(turn)), float(np.sin(turn))
        x, z = self.view.centre_mm
        return x + cos * right + sin * below, z + sin * right - cos * below

    def rod(
        self,
        material: str,
        points_mm: Points,
        radius_mm: float | NDArray[np.floating],
        hollow: float = 0.0,
        depth: float = 1.0,
    ) -> None:
        """Paint a round rod along a line; a single point makes a ball.

        Parameters
        ----------
        material
            What it is made of.
        points_mm
            (N, 2); a row of NaN lifts the pen.
        radius_mm
            One radius, or one for each point.
        hollow
            Inner radius relative to the outer.
        depth
            Thickness along the ray relative to a round section.
        """
        box, chord_px = self._along(points_mm, radius_mm, hollow, False)
        self._add(material, box, chord_px * np.float32(self.view.pixel_mm * depth))

    def ribbon(self, material: str, points_mm: Points, width_mm: float, thickness_mm: float) -> None:
        """Paint a flat ribbon of even thickness along a line, (N, 2); a row of NaN lifts the pen."""
        box, cover = self._along(points_mm, width_mm / 2, 0.0, True)
        self._add(material, box, cover * np.float32(thickness_mm))

    def plate(self, material: str, outlines_mm: Sequence[Points], thickness_mm: float, opaque: bool = False) -> None:
        """Paint a flat plate; outlines inside others are holes (even-odd)."""
        box, cover = self._inside([self._to_pixel(outline) for outline in outlines_mm])
        self._add(material, box, cover * np.float32(thickness_mm))
        if opaque:
            self.opaque[box] |= cover >= 0.5

    def stamp(
        self, material: str, picture: Floats, centre_mm: tuple[float, float], height_mm: float, turn_deg: float,
        thickness_mm: float,
    ) -> None:  # fmt: skip
        """Paint a picture, float32 (h, w) in [0, 1], `height_mm` high, turned clockwise; 1 is `thickness_mm` of it."""
        high, wide = picture.shape
        scale = height_mm / high / self.view.pixel_mm
        corners = np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]]) / 2 * scale
        turn = np.deg2rad(turn_deg + self.view.plate_deg)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        centre = self._to_pixel(np.array([centre_mm], np.float64))[0]
        box, (left, top) = self._box(corners @ matrix.T + centre, 1)
        rows, columns = _size(box)
        if rows == 0 or columns == 0:
            return
        fine = 4
        linear = matrix * scale * fine
        shift = (centre - (left, top)) * fine - 0.5 - linear @ ((wide - 1) / 2, (high - 1) / 2)
        drawn = cv2.warpAffine(picture, np.column_stack([linear, shift]), (columns * fine, rows * fine))
        cover = np.asarray(cv2.resize(drawn, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
        self._add(material, box, cover * np.float32(thickness_mm))

    def add(self, material: str, mm: Floats) -> None:
        """Add a map of the whole image, float32 (H, W) in mm."""
        self._add(material, (slice(0, None), slice(0, None)), mm)

    def _add(self, material: str, box: Box, mm: Floats) -> None:
        if mm.size:
            if material not in self.materials:
                self.materials[material] = np.zeros(self.view.shape, np.float32)
            self.materials[material][box] += mm

    def _to_pixel(self, points_mm: Points) -> Points:
        points = np.asarray(points_mm, np.float64)
        return np.stack(self.view.to_pixel(points[:, 0], points[:, 1]), 1)

    def _box(self, points_px: Points, margin_px: float) -> tuple[Box, tuple[int, int]]:
        height, width = self.view.shape
        low = np.clip(np.floor(np.nanmin(points_px, 0) - margin_px), 0, (width, height)).astype(int)
        high = np.clip(np.ceil(np.nanmax(points_px, 0) + margin_px), low, (width, height)).astype(int)
        return (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))), (int(low[0]), int(low[1]))

    def _along(
        self, points_mm: Points, radius_mm: float | NDArray[np.floating], hollow: float, flat: bool
    ) -> tuple[Box, Floats]:
        points = self._to_pixel(points_mm)
        radii = np.empty(len(points))
        radii[:] = np.asarray(radius_mm) / self.view.pixel_mm
        box, (left, top) = self._box(points, float(radii.max()) + 1)
        crop = np.zeros(_size(box), np.float32)
        if crop.size:
            _trace(crop, points - (left, top), radii, hollow, flat)
        return box, crop

    def _inside(self, outlines_px: Sequence[Points]) -> tuple[Box, Floats]:
        box, (left, top) = self._box(np.concatenate(outlines_px), 0)
        rows, columns = _size(box)
        if rows == 0 or columns == 0:
            return box, np.zeros((rows, columns), np.float32)
        fine = 4 if rows * columns < LARGE_PX else 2
        # far corners would overflow cv2's fixed point; what is off the box is not seen anyway
        shifted = [
            np.round(np.clip((outline - (left, top)) * fine - 0.5, -30_000, 30_000) * 16).astype(np.int32)
            for outline in outlines_px
        ]
        drawn = np.zeros((rows * fine, columns * fine), np.uint8)
        cv2.fillPoly(drawn, shifted, 255, shift=4)
        cover = cv2.resize(drawn, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
        return box, cover * np.float32(1 / 255)


def _size(box: Box) -> tuple[int, int]:
    return box[0].stop - box[0].start, box[1].stop - box[1].start


@numba.njit(cache=True)
def _chord_area(across: float, radius: float) -> float:
    """Give the area of a disc between its middle and a parallel line `across` from it, with sign."""
    if across <= -radius:
        return -np.pi / 2 * radius * radius
    if across >= radius:
        return np.pi / 2 * radius * radius
    return float(across * np.sqrt(radius * radius - across * across) + radius * radius * np.arcsin(across / radius))


@numba.njit(cache=True)
def _trace(crop: Floats, points: Points, radii: NDArray[np.float64], hollow: float, flat: bool) -> None:
    """Fill `crop` with a rod's mean chord in px across each pixel, or with a ribbon's coverage.

    A pixel takes what is nearest to it, so that joints of a bent rod leave no seam.
    """
    height, width = crop.shape
    outside = np.full((height, width), np.float32(1e9))
    radius = np.zeros((height, width), np.float32)
    for start in range(max(1, len(points) - 1)):
        end = min(start + 1, len(points) - 1)
        ax, ay, bx, by = points[start, 0], points[start, 1], points[end, 0], points[end, 1]
        if np.isnan(ax) or np.isnan(bx):
            continue
        ux, uy = bx - ax, by - ay
        squared = ux * ux + uy * uy
        reach = max(radii[start], radii[end]) + 1
        for row in range(max(0, int(min(ay, by) - reach)), min(height, int(max(ay, by) + reach) + 1)):
            for column in range(max(0, int(min(ax, bx) - reach)), min(width, int(max(ax, bx) + reach) + 1)):
                px, py = column + 0.5 - ax, row + 0.5 - ay
                t = 0.0
                if squared > 0:
                    t = min(max((px * ux + py * uy) / squared, 0.0), 1.0)
                r = radii[start] + (radii[end] - radii[start]) * t
                beyond = np.sqrt((px - t * ux) ** 2 + (py - t * uy) ** 2) - r
                if beyond < outside[row, column]:
                    outside[row, column] = beyond
                    radius[row, column] = r
    for row in range(height):
        for column in range(width):
            if outside[row, column] < 0.5:
                r = radius[row, column]
                d = outside[row, column] + r
                if flat:
                    crop[row, column] = max(0.0, min(d + 0.5, r) - max(d - 0.5, -r))
                else:
                    inner = r * hollow
                    solid = _chord_area(d + 0.5, r) - _chord_area(d - 0.5, r)
                    crop[row, column] = solid - _chord_area(d + 0.5, inner) + _chord_area(d - 0.5, inner)
