"""Masks as closed rings of pixel-edge corners, and back: exact in both directions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]
"""float64 (N, 2): x and y in pixels. Pixel (row, column) covers the square from (column, row) to (column+1, row+1)."""

# Steps along x and y of the four directions, each a right turn from the one before (y points down).
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))


def fill_rings(rings: Sequence[Ring], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill rings by the even-odd rule: a pixel is inside when its centre is within an odd number of rings.

    Parameters
    ----------
    rings
        Each float (N, 2), x and y; closed by itself. What lies outside the picture is cut off.
    shape
        Height and width.

    Returns
    -------
    numpy.ndarray
        bool (H, W) = `shape`.
    """
    height, width = shape
    # Each edge, where it crosses the line through a row's pixel centres, toggles all pixels to its right.
    toggles = np.zeros((height, width + 1), dtype=np.int32)
    for ring in rings:
        ends = np.roll(ring, -1, axis=0)
        top, bottom = np.minimum(ring[:, 1], ends[:, 1]), np.maximum(ring[:, 1], ends[:, 1])
        first = np.ceil(np.clip(top - 0.5, 0, height)).astype(np.int64)
        last = np.ceil(np.clip(bottom - 0.5, 0, height)).astype(np.int64)
        counts = last - first
        edge = np.repeat(np.arange(len(ring)), counts)
        rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
        (x0, y0), (x1, y1) = ring[edge].T, ends[edge].T
        x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
        columns = np.ceil(np.clip(x - 0.5, 0, width)).astype(np.int64)
        np.add.at(toggles, (rows, columns), 1)
    inside: NDArray[np.bool_] = np.cumsum(toggles, axis=1)[:, :width] % 2 == 1
    return inside


def trace_rings(mask: NDArray[np.bool_]) -> tuple[list[Ring], list[Ring]]:
    """Trace a mask's outlines along pixel edges: outer rings and the rings of holes.

    Pixels that touch at a corner only belong to different rings, and background that touches the outside at a corner
    only is no hole. `fill_rings` of both together gives the mask again.

    Parameters
    ----------
    mask
        bool (H, W).

    Returns
    -------
    outer, holes
        float64 (N, 2) each, corners only, without repeating the first.
    """
    padded = np.pad(mask, 1)
    # Every boundary edge, directed so that the mask lies on its right: by its starting corner, the directions it takes.
    leaving: dict[tuple[int, int], set[int]] = {}
    above, below = padded[:-1, 1:-1], padded[1:, 1:-1]
    left, right = padded[1:-1, :-1], padded[1:-1, 1:]
    for direction, edges, (dx, dy) in (
        (0, below & ~above, (0, 0)),  # the mask's upper side, run to the right
        (2, above & ~below, (1, 0)),  # the lower side, to the left
        (1, left & ~right, (0, 0)),  # the right side, down
        (3, right & ~left, (0, 1)),  # the left side, up
    ):
        for y, x in np.argwhere(edges).tolist():
            leaving.setdefault((x + dx, y + dy), set()).add(direction)
    outer: list[Ring] = []
    holes: list[Ring] = []
    while leaving:
        ring = _follow(leaving)
        x, y = ring.T
        doubled_area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
        (outer if doubled_area > 0 else holes).append(ring)
    return outer, holes


def _follow(leaving: dict[tuple[int, int], set[int]]) -> Ring:
    """Walk one ring, taking its edges out of `leaving`."""
    # The first corner left is where an upper side begins, as these were put in first, row by row: never mid-side.
    x, y = start = next(iter(leaving))
    direction = first = min(leaving[start])
    corners = [start]
    while True:
        directions = leaving[x, y]
        directions.remove(direction)
        if not directions:
            del leaving[x, y]
        x, y = x + _STEPS[direction][0], y + _STEPS[direction][1]
        right_turn = (direction + 1) % 4
        if (x, y) == start and (start not in leaving or right_turn == first):
            return np.array(corners, dtype=np.float64)
        # Where two pixels touch at a corner, turning right keeps to the pixel that we are walking around.
        onward = next(turn for turn in (right_turn, direction, (direction + 3) % 4) if turn in leaving[x, y])
        if onward != direction:
            corners.append((x, y))
            direction = onward
