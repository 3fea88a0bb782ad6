"""Bowel: gas in loops, stool with bubbles in it, and the clutter of walls and fluid, in the place of soft tissue."""

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.body import Frame
from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.fields import blur, ellipsoids_mm, enlarge, noise, smoothstep
from pbrs.synthesis.scene import Scene

Floats = NDArray[np.float32]
Blob = tuple[float, ...]


def draw_bowel(scene: Scene, tissue: dict[str, Floats], draw: Draw) -> dict[str, Floats]:
    """Draw what the bowel holds.

    Parameters
    ----------
    scene
        The bones.
    tissue
        ``muscle``, ``adipose`` and ``water`` in mm, as `pbrs.synthesis.tissue.draw_tissue` gives them.
    draw
        The random numbers.

    Returns
    -------
    The same with ``stool``, float32 (H, W) in mm. Gas attenuates nothing: it only takes muscle and fat away, at most
    four fifths of them.
    """
    frame = Frame.of(scene)
    taken, stool = _stool(frame, draw)
    gas = np.maximum(_loops(frame, draw), _rectum(frame, draw))
    np.maximum(gas, _bubbles(frame, draw), out=gas)
    taken = np.maximum(taken, gas)
    muscle, adipose = tissue["muscle"], tissue["adipose"]
    soft = muscle + adipose
    left = 1 - np.minimum(taken / np.maximum(soft, 1), 0.8)
    # where there is too little tissue to displace, the bowel is as flat as it
    room = np.minimum(soft * 0.8 / np.maximum(taken, 1), 1)
    muscle = muscle * left
    clutter = enlarge(_clutter(frame, draw) + _fluid(frame, draw), frame.coarse, frame.view)
    muscle = np.maximum(muscle + clutter * smoothstep((soft - 30) / 60), 0.2 * muscle)
    return {**tissue, "muscle": muscle, "adipose": adipose * left, "stool": stool * room}


def _loops(frame: Frame, draw: Draw) -> Floats:
    """Fill loops with gas: sigmoid, colon on either side, small bowel, now and then low over the pubis."""
    gas = draw("bowel_gas")
    if gas is None:
        return np.zeros(frame.view.shape, np.float32)
    return blur(ellipsoids_mm(frame.view, _every_loop(frame, gas)), gas("border_mm") / frame.view.pixel_mm)


def _place(frame: Frame, rng: np.random.Generator) -> tuple[float, float]:
    """Choose where in the abdomen a loop begins."""
    where = rng.random()
    if where < 0.35:  # rectum and sigmoid
        return rng.uniform(-45, 45), rng.uniform(-10, 100)
    if where < 0.7:  # caecum, ascending and descending colon
        return rng.choice([-1.0, 1.0]) * rng.uniform(50, max(frame.flank - 25, 60)), rng.uniform(30, frame.crest + 40)
    if where < 0.9:  # small bowel
        return rng.uniform(-110, 110), rng.uniform(50, frame.crest + 70)
    return rng.uniform(-55, 55), frame.symphysis + rng.uniform(-25, 35)


def _every_loop(frame: Frame, f: Drawn) -> list[Blob]:
    """Give the ellipsoids of as many loops as the factor has, anywhere in the abdomen."""
    return [blob for _ in range(f.count("loops")) for blob in _loop(frame, f, _place(frame, f.rng))]


def _loop(frame: Frame, f: Drawn, start: tuple[float, float]) -> list[Blob]:
    """Give the ellipsoids along a winding loop: wide apart they are haustra, close together a smooth tube."""
    rng = f.rng
    radius, thickness, pitch = f("radius_mm"), f("thickness_mm"), rng.choice([0.35, 0.9, 1.2])
    number = max(1, round(f("length_mm") / (radius * pitch)))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.5 * np.sqrt(pitch), number))
    width, stretch = radius * rng.uniform(0.75, 1.15, number), rng.uniform(0.7, 1.1, number)
    turn, depth = np.degrees(heading) + rng.uniform(-25, 25, number), thickness * rng.uniform(0.7, 1, number)
    x, z = (
        start[0] + radius * pitch * np.cumsum(np.cos(heading)),
        start[1] + radius * pitch * np.cumsum(np.sin(heading)),
    )
    # the pelvic floor, its walls and those of the abdomen hold the bowel
    floor = frame.symphysis - 15
    z = floor + np.abs(z - floor)
    wall = 55 + max(frame.flank - radius - 55, 0) * smoothstep(z / 60)
    x, z = frame.to_plane(np.clip(x, -wall, wall), z)
    return list(zip(x, z, width * stretch, width, turn, depth, strict=True))


def _rectum(frame: Frame, draw: Draw) -> Floats:
    """Fill the rectum with gas, from the coccyx up in front of the sacrum."""
    rectum = draw("rectal_gas")
    if rectum is None:
        return np.zeros(frame.view.shape, np.float32)
    rng = rectum.rng
    radius, thickness = rectum("radius_mm"), rectum("thickness_mm")
    x, z = rng.normal(0, 8), rectum("low_mm")
    blobs: list[Blob] = []
    for _ in range(rectum.count("segments")):
        size = radius * rng.uniform(0.7, 1.15)
        blobs.append((*frame.to_plane(x, z), size, size * rng.uniform(0.8, 1.2), 0.0, thickness * rng.uniform(0.7, 1)))
        x, z = x + rng.normal(0, 9), z + 0.9 * radius
    return blur(ellipsoids_mm(frame.view, blobs), rectum("border_mm") / frame.view.pixel_mm)


def _bubbles(frame: Frame, draw: Draw) -> Floats:
    """Scatter small bubbles of gas in clusters."""
    bubbles = draw("gas_bubbles")
    if bubbles is None:
        return np.zeros(frame.view.shape, np.float32)
    rng = bubbles.rng
    blobs: list[Blob] = []
    for _ in range(bubbles.count("clusters")):
        cx, cz = _place(frame, rng)
        for x, z in rng.normal((cx, cz), bubbles("spread_mm"), (bubbles.count("number"), 2)):
            radius = bubbles("radius_mm")
            stretch = rng.uniform(0.7, 1.6)
            blobs.append((*frame.to_plane(x, z), radius * stretch, radius, rng.uniform(0, 180), 1.2 * radius))
    return blur(ellipsoids_mm(frame.view, blobs), bubbles("border_mm") / frame.view.pixel_mm)


def _stool(frame: Frame, draw: Draw) -> tuple[Floats, Floats]:
    """Fill loops with stool; give the tissue in mm whose place it takes, and the stool: the rest is gas in it."""
    stool = draw("stool")
    if stool is None:
        return np.zeros(frame.view.shape, np.float32), np.zeros(frame.view.shape, np.float32)
    filled = blur(ellipsoids_mm(frame.view, _every_loop(frame, stool)), stool("border_mm") / frame.view.pixel_mm)
    speckle = noise(stool.rng, frame.view, stool("speckle_mm"), 3, 0.6)
    gas = smoothstep((speckle - stool("threshold")) / stool("softness")) * np.float32(stool("gas"))
    return filled, filled * (1 - gas)


def _clutter(frame: Frame, draw: Draw) -> Floats:
    """Draw the general unrest of bowel: contents of all densities, and their walls, in mm more or less of muscle."""
    clutter = draw("bowel_clutter")
    if clutter is None:
        return np.zeros(frame.coarse.shape, np.float32)
    view = frame.coarse
    x, z = frame.axes
    contents = noise(clutter.rng, view, clutter("feature_mm"), 3, clutter("roughness"))
    walls = 1 - np.minimum(np.abs(noise(clutter.rng, view, clutter("loop_mm"), 2, 0.3)) * 4, 1)
    inside = smoothstep((z - frame.symphysis + 10) / 50) * smoothstep((frame.flank + 10 - np.abs(x)) / 30)
    unrest = np.float32(clutter("amount_mm")) * contents + np.float32(clutter("wall_mm")) * walls
    return np.asarray(unrest * inside, np.float32)


def _fluid(frame: Frame, draw: Draw) -> Floats:
    """Draw loops full of fluid: denser than the fat about them; in mm more of muscle, on the coarse grid."""
    fluid = draw("bowel_fluid")
    if fluid is None:
        return np.zeros(frame.coarse.shape, np.float32)
    return blur(ellipsoids_mm(frame.coarse, _every_loop(frame, fluid)), fluid("border_mm") / frame.coarse.pixel_mm)
