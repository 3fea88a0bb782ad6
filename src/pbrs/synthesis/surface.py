"""Closed surfaces of triangles: normals, offsets inwards, and simple solids."""

from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed surface.

    Attributes
    ----------
    vertices
        float32 (N, 3) in mm.
    faces
        int32 (M, 3), counter-clockwise as seen from outside.
    caps
        How many of the last faces close a cut: they bound the solid, but are no part of the bone's own surface.
    """

    vertices: Floats
    faces: NDArray[np.int32]
    caps: int = 0

    def moved(self, turn: NDArray[np.floating], about: NDArray[np.floating], shift: NDArray[np.floating]) -> "Surface":
        """Turn by a rotation matrix (3, 3) about a point, then shift."""
        vertices = (self.vertices - about) @ np.asarray(turn).T + about + shift
        return Surface(vertices.astype(np.float32), self.faces, self.caps)

    def inset(self, depth_mm: Floats) -> "Surface":
        """Move every vertex inwards along its normal by its `depth_mm`, float (N,)."""
        return Surface(self.vertices - normals(self.vertices, self.faces) * depth_mm[:, None], self.faces)


@numba.njit(cache=True)
def normals(vertices, faces):  # type: ignore[no-untyped-def]
    """Unit normals float32 (N, 3) of vertices, outwards: the mean of their triangles' weighted by area."""
    total = np.zeros(vertices.shape, np.float32)
    for triangle in range(faces.shape[0]):
        a, b, c = faces[triangle]
        ux, uy, uz = vertices[b] - vertices[a]
        vx, vy, vz = vertices[c] - vertices[a]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for vertex in (a, b, c):
            total[vertex, 0] += nx
            total[vertex, 1] += ny
            total[vertex, 2] += nz
    for vertex in range(total.shape[0]):
        length = np.sqrt(total[vertex, 0] ** 2 + total[vertex, 1] ** 2 + total[vertex, 2] ** 2)
        if length > 0:
            total[vertex] /= length
    return total


def join(surfaces: list[Surface]) -> Surface:
    """Put several closed surfaces into one; where they overlap, both count."""
    starts = np.cumsum([0] + [len(surface.vertices) for surface in surfaces])
    return Surface(
        np.concatenate([surface.vertices for surface in surfaces]),
        np.concatenate([surface.faces + start for surface, start in zip(surfaces, starts, strict=False)]).astype(
            np.int32
        ),
    )


def tube(
    radii_mm: NDArray[np.floating], centres_mm: NDArray[np.floating], sides: int = 20, square: float = 2.0
) -> Surface:
    """Make a closed tube of superelliptic rings that lie in planes of equal z.

    Parameters
    ----------
    radii_mm
        float (K, 2), half width (x) and half depth (y) of each ring.
    centres_mm
        float (K, 3), their centres, from the lowest to the highest.
    sides
        Corners of a ring.
    square
        Exponent of the superellipse: 2 is an ellipse, more is squarer.
    """
    angle = np.arange(sides) * 2 * np.pi / sides
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    ring = np.sign(ring) * np.abs(ring) ** (2 / square)
    count = len(radii_mm)
    vertices = np.zeros((count, sides, 3))
    vertices[:, :, :2] = ring[None] * radii_mm[:, None]
    vertices += centres_mm[:, None]
    corner = np.arange(sides)
    following = (corner + 1) % sides
    faces = []
    for start in range(0, (count - 1) * sides, sides):
        low, low_next = start + corner, start + following
        high, high_next = low + sides, low_next + sides
        faces += [np.stack([low, low_next, high_next], 1), np.stack([low, high_next, high], 1)]
    bottom, top = count * sides, count * sides + 1
    faces += [
        np.stack([np.full(sides, bottom), following, corner], 1),
        np.stack([np.full(sides, top), corner + bottom - sides, following + bottom - sides], 1),
    ]
    whole = np.concatenate([vertices.reshape(-1, 3), centres_mm[[0, -1]]])
    return Surface(whole.astype(np.float32), np.concatenate(faces).astype(np.int32))


def ellipsoid(centre_mm: NDArray[np.floating], radii_mm: NDArray[np.floating]) -> Surface:
    """Make an ellipsoid with radii along x, y and z; its last two vertices are its lowest and its highest."""
    ball = _ball()
    return Surface((ball.vertices * radii_mm + centre_mm).astype(np.float32), ball.faces)


@lru_cache(maxsize=1)
def _ball() -> Surface:
    polar = (np.arange(7) + 0.5) * np.pi / 7
    centres = np.stack([np.zeros(7), np.zeros(7), -np.cos(polar)], 1)
    body = tube(np.repeat(np.sin(polar)[:, None], 2, 1), centres, 12)
    body.vertices[-2:, 2] = -1, 1
    return body


def rotation(axis: str, degrees: float) -> NDArray[np.float64]:
    """Give the matrix (3, 3) that turns by `degrees` about the axis ``x``, ``y`` or ``z``, right-handed."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[[first, second], [first, second]] = cos
    matrix[first, second], matrix[second, first] = -sin, sin
    return matrix


def fit_sphere(points_mm: NDArray[np.floating]) -> tuple[NDArray[np.float64], float]:
    """Fit a sphere to points (N, 3) by linear least squares; returns its centre and radius."""
    points = np.asarray(points_mm, np.float64)
    unknown = np.linalg.lstsq(np.c_[2 * points, np.ones(len(points))], (points**2).sum(1), rcond=None)[0]
    return unknown[:3], float(np.sqrt(unknown[3] + unknown[:3] @ unknown[:3]))
