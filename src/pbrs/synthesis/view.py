"""The view: where tube, patient and detector stand, and which pixel a point of the patient falls on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SMALLEST_PX, LARGEST_PX = 192, 1024
"""Longer side of the images that are drawn."""


@dataclass(frozen=True)
class View:
    """Perspective projection onto a flat detector behind the patient.

    The room's coordinates, in mm: x to the patient's left, y backwards (towards the detector), z to the head; the
    origin lies midway between the hip centres. Columns run with x (the patient's left is on the image's right side),
    rows against z.

    The *reference plane* is y = 0, the coronal plane through the hip centres. A pixel's position on it, `x_mm` and
    `z_mm`, is where its ray crosses that plane: everything drawn in two dimensions is placed there, in the
    patient's millimetres.

    Attributes
    ----------
    shape
        (H, W) of the image in pixels.
    source_mm
        The focal spot (x, y, z), in front of the patient: y < 0.
    detector_mm
        Distance from the reference plane to the detector, y > 0.
    centre_mm
        (x, z) on the reference plane that falls on the image's centre.
    pixel_mm
        Side of a pixel as seen on the reference plane.
    plate_deg
        Turn of the detector about the ray through `centre_mm`: of the patient clockwise in the image.
    """

    shape: tuple[int, int]
    source_mm: tuple[float, float, float]
    detector_mm: float
    centre_mm: tuple[float, float]
    pixel_mm: float
    plate_deg: float = 0.0

    def project(self, points_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """Project points (N, 3) in mm to (column, row, distance in mm from the source along the ray's axis).

        Column and row are continuous: 0 is the outer edge of the first pixel, its centre lies at 0.5. The third
        value is the depth y − y(source); path lengths along a ray are its differences times `obliquity`.
        """
        column, row = self.to_pixel(*self.on_plane(points_mm))
        return np.stack([column, row, np.asarray(points_mm, np.float64)[:, 1] - self.source_mm[1]], 1)

    def on_plane(self, points_mm: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Tell (x_mm, z_mm) where the rays through points (N, 3), or a point (3,), cross the reference plane."""
        return on_plane(self.source_mm, points_mm)

    def to_pixel(
        self, x_mm: NDArray[np.floating] | float, z_mm: NDArray[np.floating] | float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Tell the (column, row) of a place on the reference plane."""
        dx = (np.asarray(x_mm, np.float64) - self.centre_mm[0]) / self.pixel_mm
        dz = (self.centre_mm[1] - np.asarray(z_mm, np.float64)) / self.pixel_mm
        turn = np.deg2rad(self.plate_deg)
        cos, sin = np.cos(turn), np.sin(turn)
        return cos * dx - sin * dz + self.shape[1] / 2, sin * dx + cos * dz + self.shape[0] / 2

    @cached_property
    def plane_mm(self) -> tuple[Floats, Floats]:
        """Where the ray of each pixel's centre crosses the reference plane: x_mm and z_mm, float32 (H, W)."""
        height, width = self.shape
        turn = np.deg2rad(self.plate_deg)
        cos, sin = np.cos(turn), np.sin(turn)
        right = (np.arange(width) + 0.5 - width / 2) * self.pixel_mm
        down = (np.arange(height) + 0.5 - height / 2)[:, None] * self.pixel_mm
        x = self.centre_mm[0] + cos * right + sin * down
        z = self.centre_mm[1] + sin * right - cos * down
        return x.astype(np.float32), z.astype(np.float32)

    @cached_property
    def obliquity(self) -> Floats:
        """Length of each pixel's ray per mm of depth, float32 (H, W), at least 1."""
        x, z = self.plane_mm
        sx, sy, sz = self.source_mm
        return np.sqrt(1 + ((x - sx) ** 2 + (z - sz) ** 2) / sy**2).astype(np.float32)

    def finer(self, times: int) -> "View":
        """Give the same view with pixels of 1 / `times` the size."""
        height, width = self.shape
        return View(
            (height * times, width * times),
            self.source_mm,
            self.detector_mm,
            self.centre_mm,
            self.pixel_mm / times,
            self.plate_deg,
        )


def on_plane(
    source_mm: tuple[float, float, float], points_mm: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tell where rays from a source through points (N, 3), or a point (3,), cross the plane y = 0: x and z in mm."""
    points = np.asarray(points_mm, np.float64)
    sx, sy, sz = source_mm
    scale = -sy / (points[..., 1] - sy)
    return sx + (points[..., 0] - sx) * scale, sz + (points[..., 2] - sz) * scale
