"""Projection: how far each ray runs inside a closed surface, by signed-depth rasterisation of its triangles.

A ray's path inside a closed surface is the sum of the depths at which it leaves, less those at which it enters. Each
triangle adds its depth to every ray that meets it, with the sign of the side that it shows; the order in which
triangles come does not matter.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.surface import Surface
from pbrs.synthesis.view import View

RAYS = 2
"""Rays along each side of a pixel: coverage and mean path length of a pixel come from the square of it."""

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


Box = tuple[slice, slice]
"""The rows and columns of an image that a surface falls on."""


def box_of(view: View, surface: Surface) -> Box:
    """Tell which rows and columns of the image a surface can fall on; none where it lies outside."""
    if len(surface.faces) == 0:
        return slice(0, 0), slice(0, 0)
    points = view.project(surface.vertices)
    (left, top), (right, bottom) = points[:, :2].min(0), points[:, :2].max(0)
    height, width = view.shape
    rows, columns = np.clip([top, bottom + 1], 0, height), np.clip([left, right + 1], 0, width)
    return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))


def trace(view: View, surface: Surface, box: Box | None = None) -> tuple[Floats, Bools]:
    """Follow the ray through each pixel's centre across a closed surface.

    Parameters
    ----------
    view
        The view; ``view.finer(RAYS)`` for what `to_pixels` is to average.
    surface
        In the room's mm.
    box
        The part of the image to be drawn; all of it if left out.

    Returns
    -------
    depth_mm
        Depth along the y axis that the ray runs inside, float32 of the box's shape, ≥ 0; the path's length is this
        times `View.obliquity`.
    hit
        bool: the surface's silhouette, without its caps: a ray inside meets a wall before or behind them, but where the
        fans of caps reach beyond the solid they enclose nothing. Where two walls touch or cross, a ray that meets them
        may run 0 mm inside.
    """
    rows, columns = box if box else (slice(0, view.shape[0]), slice(0, view.shape[1]))
    shape = (max(0, rows.stop - rows.start), max(0, columns.stop - columns.start))
    depth, hit = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    if depth.size and len(surface.faces):
        points = view.project(surface.vertices)
        points[:, 0] -= columns.start
        points[:, 1] -= rows.start
        # Depths from the reference plane are small numbers, which lose fewer digits. Depth is not linear across a
        # triangle in perspective, but for triangles of a few mm, a metre away, it is so to a thousandth of their size.
        points[:, 2] += view.source_mm[1]
        _add_depths(points, surface.faces, len(surface.faces) - surface.caps, depth, hit)
    depth[depth < 0] = 0
    return depth, hit


def to_pixels(rays: Floats | Bools) -> Floats:
    """Average the `RAYS` × `RAYS` rays of each pixel: float32, a mean path length, or the coverage of a `hit`."""
    total = sum(rays[row::RAYS, column::RAYS].astype(np.float32) for row in range(RAYS) for column in range(RAYS))
    return np.asarray(total / RAYS**2, np.float32)


@numba.njit(cache=True, inline="always")
def _edge(points, start, end):  # type: ignore[no-untyped-def]
    """Give an edge as (x, y, dx, dy, sign).

    Neighbours share an edge: both take it from its vertex of lower number, so that they find the same distance of a
    ray to the last bit, and a ray that meets the edge itself counts for just one of them.
    """
    if start < end:
        x, y = points[start, 0], points[start, 1]
        return x, y, points[end, 0] - x, points[end, 1] - y, 1.0
    x, y = points[end, 0], points[end, 1]
    return x, y, points[start, 0] - x, points[start, 1] - y, -1.0


@numba.njit(cache=True)
def _add_depths(points, faces, walls, depth, hit):  # type: ignore[no-untyped-def]
    """Add each triangle's depth to `depth`, positive where a ray leaves; mark `hit` for the first `walls` of them."""
    height, width = depth.shape
    for triangle in range(faces.shape[0]):
        a, b, c = faces[triangle, 0], faces[triangle, 1], faces[triangle, 2]
        x0, y0, x1, y1, x2, y2 = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
        area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
        if area == 0.0:
            continue
        first, last = max(0, int(np.ceil(min(x0, x1, x2) - 0.5))), min(width - 1, int(np.floor(max(x0, x1, x2) - 0.5)))
        top, bottom = max(0, int(np.ceil(min(y0, y1, y2) - 0.5))), min(height - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
        if last < first or bottom < top:
            continue
        ax, ay, adx, ady, asign = _edge(points, b, c)
        bx, by, bdx, bdy, bsign = _edge(points, c, a)
        cx, cy, cdx, cdy, csign = _edge(points, a, b)
        leaves = area > 0
        # Which side of each edge, as it was taken, the inside lies on.
        aside, bside, cside = (asign > 0) == leaves, (bsign > 0) == leaves, (csign > 0) == leaves
        za, zb, zc = asign * points[a, 2] / area, bsign * points[b, 2] / area, csign * points[c, 2] / area
        if not leaves:
            za, zb, zc = -za, -zb, -zc
        for row in range(top, bottom + 1):
            py = row + 0.5
            arow, brow, crow = adx * (py - ay), bdx * (py - by), cdx * (py - cy)
            for column in range(first, last + 1):
                px = column + 0.5
                da = arow - ady * (px - ax)
                if (da >= 0) != aside:
                    continue
                db = brow - bdy * (px - bx)
                if (db >= 0) != bside:
                    continue
                dc = crow - cdy * (px - cx)
                if (dc >= 0) != cside:
                    continue
                depth[row, column] += da * za + db * zb + dc * zc
                if triangle < walls:
                    hit[row, column] = True
