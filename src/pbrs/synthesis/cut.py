"""Cutting bones: a closed surface becomes two closed surfaces, along a plane or a rough surface."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pbrs.synthesis.skeleton import Bone, Points
from pbrs.synthesis.surface import Surface

Where = Callable[[NDArray[np.floating]], NDArray[np.float64]]
"""Signed distance, in mm, of points (N, 3) from where a bone is cut."""


def plane(point: Points, normal: Points) -> Where:
    """Cut along a plane; positive on the side that `normal` points to."""
    unit = np.asarray(normal) / np.linalg.norm(normal)
    return lambda points: (points - point) @ unit


def rough_plane(point: Points, normal: Points, roughness_mm: float, rng: np.random.Generator) -> Where:
    """Cut along a plane with waves of 8 to 40 mm upon it, of `roughness_mm` in all: a fracture."""
    flat = plane(point, normal)
    waves = rng.normal(size=(5, 3))
    waves *= (2 * np.pi / rng.uniform(8, 40, 5) / np.linalg.norm(waves, axis=1))[:, None]
    phase = rng.uniform(0, 2 * np.pi, 5)
    return lambda points: flat(points) + roughness_mm / np.sqrt(2.5) * np.sin((points - point) @ waves.T + phase).sum(1)


def within(where: Where, point: Points, reach_mm: float) -> Where:
    """Cut nothing off that lies further than `reach_mm` from a point."""
    return lambda points: np.minimum(where(points), reach_mm - np.linalg.norm(points - point, axis=1))


def cut(bone: Bone, where: Where) -> tuple[Bone, Bone]:
    """Cut a bone in two: the piece where `where` is negative, and the other. Either may be empty."""
    outer, inner = (cut_surface(surface, where(surface.vertices)) for surface in (bone.outer, bone.inner))
    return Bone(outer[0], inner[0], bone.structure), Bone(outer[1], inner[1], bone.structure)


def cut_surface(surface: Surface, value: NDArray[np.floating]) -> tuple[Surface, Surface]:
    """Cut a closed surface where `value`, a number for each vertex, changes its sign; both parts come out closed."""
    side = value >= 0
    corners = side[surface.faces]
    is_cap = np.arange(len(surface.faces)) >= len(surface.faces) - surface.caps
    crossed = corners.any(1) & ~corners.all(1)
    if not crossed.any():
        nothing = Surface(surface.vertices, surface.faces[:0])
        return (nothing, surface) if side[surface.faces].any() else (surface, nothing)
    # Turn each triangle that is crossed so that the corner which is alone on its side comes first.
    alone = np.where(corners[crossed].sum(1, keepdims=True) == 1, corners[crossed], ~corners[crossed]).argmax(1)
    turned = np.take_along_axis(surface.faces[crossed], (alone[:, None] + np.arange(3)) % 3, 1)
    # One new vertex for each edge that is crossed, the same for both its triangles.
    edges = np.sort(np.concatenate([turned[:, [0, 1]], turned[:, [0, 2]]]), 1)
    edges, number = np.unique(edges, axis=0, return_inverse=True)
    first, second = value[edges].T
    share = (first / (first - second))[:, None]
    new = surface.vertices[edges[:, 0]] * (1 - share) + surface.vertices[edges[:, 1]] * share
    start, count = len(surface.vertices), len(edges)
    one, two = start + number[: len(turned)], start + number[len(turned) :]
    # Each closed line of new edges is closed with a fan about its middle.
    graph = coo_matrix((np.ones(len(one)), (one - start, two - start)), shape=(count, count))
    lines, line = connected_components(graph, directed=False)
    middle = np.stack([np.bincount(line, new[:, axis], lines) for axis in range(3)], 1) / np.bincount(line)[:, None]
    vertices = np.concatenate([surface.vertices, new, middle]).astype(np.float32)
    tip = np.stack([turned[:, 0], one, two], 1)
    base = np.stack([np.stack([one, turned[:, 1], turned[:, 2]], 1), np.stack([one, turned[:, 2], two], 1)], 1)
    fan = np.stack([start + count + line[one - start], two, one], 1)  # closes the side of the lone corner

    def part(high: bool) -> Surface:
        whole = corners.all(1) if high else ~corners.any(1)
        lone = side[turned[:, 0]] == high
        is_wall = ~is_cap[crossed]
        walls = [surface.faces[whole & ~is_cap], tip[lone & is_wall], base[~lone & is_wall].reshape(-1, 3)]
        caps = [surface.faces[whole & is_cap], tip[lone & ~is_wall], base[~lone & ~is_wall].reshape(-1, 3)]
        caps += [fan[lone], fan[~lone][:, ::-1]]
        return Surface(vertices, np.concatenate(walls + caps).astype(np.int32), sum(map(len, caps)))

    return part(False), part(True)
