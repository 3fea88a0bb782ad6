"""Texture: how dense each bone is and where, its trabeculae, and what age and disease make of them."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pbrs.synthesis.body import Frame
from pbrs.synthesis.factors import Draw
from pbrs.synthesis.fields import ellipsoids_mm, enlarge, noise, smoothstep
from pbrs.synthesis.scene import Scene

Floats = NDArray[np.float32]


def add_texture(scene: Scene, draw: Draw) -> tuple[Floats, Floats]:
    """Give the scene's compact and spongy bone the density and texture of one patient.

    Parameters
    ----------
    scene
        The bones, of even density.
    draw
        The random numbers.

    Returns
    -------
    cortical_mm, spongiosa_mm
        float32 (H, W) ≥ 0, in mm of bone of full density; 0 where the scene's are both 0.
    """
    frame = Frame.of(scene)
    cortical_level, spongy_level = _levels(draw)
    density = enlarge(_density(frame, draw), frame.coarse, frame.view)
    streaks = _streaks(scene, frame, draw)
    texture = np.maximum(1 + _trabeculae(frame, draw) + streaks, 0.1)
    cortical = scene.cortical_mm * density * np.float32(cortical_level) * (0.6 + 0.4 * texture)
    spongiosa = scene.spongiosa_mm * density * np.float32(spongy_level) * texture * _cysts(frame, draw)
    bone = smoothstep((scene.cortical_mm + scene.spongiosa_mm) / 4)
    cortical += bone * (_sclerosis(frame, scene, draw) + _islands(frame, draw))
    return cortical, spongiosa


def _levels(draw: Draw) -> tuple[float, float]:
    """Choose the density of all compact and all spongy bone."""
    cortical = spongiosa = 1.0
    for name in ("bone_density", "osteoporosis"):
        f = draw(name)
        if f is not None:
            cortical *= f("cortical")
            spongiosa *= f("spongiosa")
    return cortical, spongiosa


def _density(frame: Frame, draw: Draw) -> Floats:
    """Draw how density varies over the bones, on the coarse grid: broadly, in patches, and in the wings."""
    x, z = frame.axes
    density = np.ones_like(x)
    for name in ("bone_level", "patchy_density"):
        f = draw(name)
        if f is not None:
            density *= np.clip(1 + f("amount") * noise(f.rng, frame.coarse, f("size_mm"), 2), 0.25, 2.5)
    above = smoothstep((z - 25) / 35)
    wings, lateral = draw("wing_density"), draw("lateral_osteopenia")
    if wings is not None:
        beside = smoothstep((np.abs(x) - 35) / 35)
        density *= 1 + (np.float32(wings("level")) - 1) * above * beside
    if lateral is not None:
        outer = smoothstep((np.abs(x) - lateral("from_mm")) / lateral("over_mm"))
        density *= 1 - np.float32(lateral("loss")) * above * outer
    return np.maximum(density, 0.05)


def _trabeculae(frame: Frame, draw: Draw) -> Floats | float:
    """Draw the mesh of trabeculae, relative to the density."""
    f = draw("trabeculae")
    if f is None:
        return 0.0
    return np.float32(f("amount")) * noise(f.rng, frame.view, f("size_mm"), 2, 0.8)


def _streaks(scene: Scene, frame: Frame, draw: Draw) -> Floats | float:
    """Draw the trabeculae that follow the load: a fan from the calcar through the head, and arcs across it."""
    f = draw("stress_lines")
    if f is None:
        return 0.0
    width, length = f("width_mm"), f("length_mm")
    grain = noise(f.rng, frame.coarse, 4 * frame.coarse.pixel_mm)
    total = np.zeros(frame.view.shape, np.float32)
    amounts = f("amount"), f("amount") * f.rng.uniform(0, 1)
    x, z = frame.view.plane_mm
    for side in (-1, 1):
        nx, nz = frame.neck[side]
        cx, cz = frame.to_plane(nx - side * f("inward_mm"), nz - f("below_mm"))
        middle = frame.origin[0]
        mine = (scene.spongiosa_mm > 0) & ((x - middle) * side >= 0)
        _fan(total, mine, (x, z), grain, (cx, cz, float(side), width, length, *amounts))
    # grain is drawn at 4 pixels a blob: what is finer than the image's pixels fades
    return total * np.float32(min(1.0, width / (1.5 * frame.view.pixel_mm)))


@njit(cache=True)
def _fan(
    total: Floats,
    mine: NDArray[np.bool_],
    plane_mm: tuple[Floats, Floats],
    grain: Floats,
    numbers: tuple[float, float, float, float, float, float, float],
) -> None:
    cx, cz, side, width, length, radial, arcs = numbers
    rows, columns = grain.shape
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            if not mine[i, j]:
                continue
            dx, dz = (plane_mm[0][i, j] - cx) * side, plane_mm[1][i, j] - cz
            away = np.hypot(dx, dz)
            around = np.arctan2(dx, dz) * 90
            value = 0.0
            for k in range(2):
                # grain has blobs of 4 pixels: 4 pixels of it to a streak's width
                u = (around / width if k == 0 else around / length) * 4 + 7 * side
                v = (away / length if k == 0 else away / width) * 4 + 31 * k
                c, r = int(np.floor(u)), int(np.floor(v))
                fu, fv = u - c, v - r
                c0, c1, r0, r1 = c % columns, (c + 1) % columns, r % rows, (r + 1) % rows
                upper = grain[r0, c0] * (1 - fu) + grain[r0, c1] * fu
                lower = grain[r1, c0] * (1 - fu) + grain[r1, c1] * fu
                value += (radial if k == 0 else arcs) * (upper * (1 - fv) + lower * fv)
            total[i, j] = value


def _sclerosis(frame: Frame, scene: Scene, draw: Draw) -> Floats | float:
    """Thicken the bone under the cartilage of the sockets, most in their roofs; in mm of compact bone."""
    f = draw("sclerosis")
    if f is None:
        return 0.0
    x, z = frame.axes
    total = np.zeros_like(x)
    for side in (-1, 1):
        sx, sz = frame.socket[side]
        away = np.hypot(x - np.float32(sx), z - np.float32(sz)) - np.float32(scene.head_radius_mm + 3)
        rim = np.where(away > 0, np.exp(-away / f("depth_mm")), np.maximum(1 + away / 3, 0))
        total += np.float32(f("thickness_mm")) * rim * smoothstep((z - sz) / scene.head_radius_mm)
    return enlarge(total, frame.coarse, frame.view)


def _islands(frame: Frame, draw: Draw) -> Floats | float:
    """Scatter islands of compact bone."""
    f = draw("bone_islands")
    if f is None:
        return 0.0
    blobs = [
        (*f.rng.uniform((-150, -150), (150, 130)), f("radius_mm"), f("radius_mm"), f.rng.uniform(0, 180), f("depth_mm"))
        for _ in range(f.count("number"))
    ]
    return ellipsoids_mm(frame.view, [(*frame.to_plane(x, z), *rest) for x, z, *rest in blobs])


def _cysts(frame: Frame, draw: Draw) -> Floats | float:
    """Hollow out round places in the spongy bone; gives the share that is left."""
    f = draw("cysts")
    if f is None:
        return 1.0
    blobs: list[tuple[float, ...]] = []
    for _ in range(f.count("number")):
        x, z = frame.socket[f.sign()] if f.happens(0.5) else (0.0, 20.0)
        x, z = frame.to_plane(x + f.rng.normal(0, 35), z + f.rng.normal(0, 35))
        blobs.append((x, z, f("radius_mm"), f("radius_mm"), f.rng.uniform(0, 180), f("loss")))
    return 1 - ellipsoids_mm(frame.view, blobs)
