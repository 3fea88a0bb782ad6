"""Soft tissue: how many mm of muscle, fat and water each ray crosses."""

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.body import Envelope, Frame, envelope
from pbrs.synthesis.factors import Draw
from pbrs.synthesis.fields import blur, ellipsoids_mm, enlarge, noise, polyline, smoothstep
from pbrs.synthesis.folds import draw_cloth, draw_folds
from pbrs.synthesis.scene import Scene

Floats = NDArray[np.float32]


def draw_tissue(scene: Scene, draw: Draw) -> dict[str, Floats]:
    """Draw the soft tissue of one patient.

    Parameters
    ----------
    scene
        The bones, whose landmarks say where the tissue belongs; their own path is still to be taken off.
    draw
        The random numbers.

    Returns
    -------
    Path length in mm, float32 (H, W) ≥ 0, through ``muscle``, ``adipose`` and ``water``; outside the body none but
    that of cloth.
    """
    frame = Frame.of(scene)
    body = envelope(frame, draw)
    muscle, adipose = _compartments(frame, body, draw)
    muscle, adipose = _lumps(frame, muscle, adipose, draw)
    muscle, adipose = _muscles(frame, muscle, adipose, draw)
    muscle, adipose = _fat_planes(frame, muscle, adipose, draw)
    muscle, adipose, water = _bladder(frame, muscle, adipose, draw)
    muscle, adipose, water = (enlarge(part, frame.coarse, frame.view) for part in (muscle, adipose, water))

    folds = draw_folds(frame, draw) * smoothstep((muscle + adipose) / 15)
    more, less = np.maximum(folds, 0), np.maximum(-folds, 0)
    from_adipose = np.minimum(less, 0.8 * adipose)
    adipose = adipose - from_adipose + 0.6 * more + draw_cloth(frame, draw)
    muscle = muscle - np.minimum(less - from_adipose, 0.8 * muscle) + 0.4 * more
    return {"muscle": muscle, "adipose": adipose, "water": water}


def _compartments(frame: Frame, body: Envelope, draw: Draw) -> tuple[Floats, Floats]:
    """Part the body into muscle and fat: subcutaneous, between the muscles, and among the bowels."""
    visceral = draw("visceral_fat")
    share: Floats | np.float32 = np.float32(0.1)
    if visceral is not None:
        x, z = frame.axes
        inside = smoothstep((frame.flank - 25 - np.abs(x)) / 40) * smoothstep((z - frame.symphysis) / 50)
        share = share + np.float32(visceral("share")) * inside
    muscle = body.core * (1 - share)
    return muscle, body.whole - muscle


def _lumps(frame: Frame, muscle: Floats, adipose: Floats, draw: Draw) -> tuple[Floats, Floats]:
    """Make the body uneven: swell and thin it broadly, and put masses with soft borders into it."""
    lumps = draw("lumps")
    if lumps is None:
        return muscle, adipose
    view = frame.coarse
    swell = 1 + np.float32(lumps("swell")) * noise(lumps.rng, view, lumps("size_mm"), 2)
    added = np.zeros(view.shape, np.float32)
    for _ in range(lumps.count("masses")):
        mass = noise(lumps.rng, view, lumps("size_mm"), 2)
        border = smoothstep((mass - lumps.rng.uniform(-0.2, 1)) / lumps("border"))
        added += np.float32(lumps("mass_mm")) * border
    swell = np.clip(swell + added / np.maximum(muscle + adipose, 60), 0.5, 1.6)
    return muscle * swell, adipose * swell


def _muscles(frame: Frame, muscle: Floats, adipose: Floats, draw: Draw) -> tuple[Floats, Floats]:
    """Let single muscles stand out against fat: they take its place, and swell the body."""
    muscles = draw("muscles")
    if muscles is None:
        return muscle, adipose
    rng = muscles.rng
    thick = muscles("thickness_mm")
    blobs: list[tuple[float, ...]] = []

    def add(a: tuple[float, float], b: tuple[float, float], half_width: float, share: float) -> None:
        """Add a muscle from `a` to `b`."""
        (ax, az), (bx, bz) = frame.to_plane(*a), frame.to_plane(*b)
        length, turn = np.hypot(bx - ax, bz - az), np.degrees(np.arctan2(bz - az, bx - ax))
        size = rng.uniform(0.75, 1.3)
        radii = (0.6 * length, half_width * size)
        blobs.append(((ax + bx) / 2, (az + bz) / 2, *radii, turn, thick * share * rng.uniform(0.6, 1.3)))

    for side in (-1, 1):
        (nx, nz), (sx, sz) = frame.neck[side], frame.shaft[side]
        hip_x, _ = frame.socket[side]
        add((side * (frame.flank - 30), frame.crest - 20), (nx, nz + 40), 45, 1)  # gluteal
        add((side * 38, frame.crest + 60), (side * 62, 45), 27, 1)  # psoas
        add((side * 62, 45), (nx - 12 * side, nz - 25), 20, 0.9)  # iliopsoas
        add((side * 48, 20), (side * 52, frame.ischium + 30), 12, 0.5)  # obturator internus
        add((side * 25, frame.symphysis - 10), (sx - 30 * side, sz), 32, 1)  # adductors
        add((nx + 12 * side, nz - 30), (sx + 22 * side, sz - 40), 20, 0.7)  # vastus lateralis
        add((hip_x + 12 * side, 40), (sx - 5 * side, sz), 18, 0.7)  # rectus femoris
        add((side * 30, 60), (nx + 5 * side, nz + 15), 38, 0.9)  # gluteus maximus
    relief = ellipsoids_mm(frame.coarse, blobs)
    relief = blur(relief, muscles("border_mm") / frame.coarse.pixel_mm) * smoothstep((muscle + adipose) / 40)
    swap = np.minimum(relief * np.float32(1 - muscles("bulge")), 0.7 * adipose)
    return muscle + relief, adipose - swap


def _fat_planes(frame: Frame, muscle: Floats, adipose: Floats, draw: Draw) -> tuple[Floats, Floats]:
    """Draw the planes of fat between muscles that a radiograph shows as dark stripes about the hip."""
    planes = draw("fat_planes")
    if planes is None:
        return muscle, adipose
    fat = np.zeros_like(muscle)
    for side in (-1, 1):
        (nx, nz), (sx, sz) = frame.neck[side], frame.shaft[side]
        courses = (
            ((side * (frame.flank - 15), 70), (nx + 5 * side, 45), (nx + 16 * side, 5)),  # gluteal
            ((side * 60, 40), (side * 88, -5), (nx - 14 * side, nz - 30)),  # iliopsoas
            ((side * 40, 30), (side * 46, -10), (side * 44, -40)),  # obturator
            ((side * 75, 30), (nx - 12 * side, 22), (nx, 18)),  # capsule
            ((side * 35, -60), (side * 70, -90), (sx - 18 * side, sz)),  # adductors
            ((nx + 22 * side, nz - 20), (nx + 24 * side, nz - 70), (sx + 25 * side, sz - 30)),  # fascia lata
        )
        for course in courses:
            if planes.happens(0.6):
                points = _curve(np.array(course) + planes.rng.normal(0, 5, (3, 2)))
                plane = polyline(frame.coarse, [frame.to_plane(*point) for point in points], planes("width_mm"))
                fat = np.maximum(fat, plane * np.float32(planes("thickness_mm")))
    swap = np.minimum(blur(fat, 1.2 / frame.coarse.pixel_mm), 0.6 * muscle)
    return muscle - swap, adipose + swap


def _curve(through: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Give nine points of the parabola through three."""
    t = np.linspace(0, 1, 9)[:, None]
    a, b, c = through
    points = a * (1 - t) * (1 - 2 * t) + b * 4 * t * (1 - t) + c * t * (2 * t - 1)
    return [(float(x), float(z)) for x, z in points]


def _bladder(frame: Frame, muscle: Floats, adipose: Floats, draw: Draw) -> tuple[Floats, Floats, Floats]:
    """Fill the bladder, above the symphysis: water in the place of fat and bowel."""
    bladder = draw("bladder")
    if bladder is None:
        return muscle, adipose, np.zeros_like(muscle)
    across = bladder("radius_mm")
    height = across * bladder("height")
    place = frame.to_plane(bladder("shift_mm"), frame.symphysis + 0.85 * height + bladder("above_mm"))
    full = ellipsoids_mm(frame.coarse, [(*place, across, height, bladder("turn_deg"), across * bladder("depth"))])
    full = blur(full, 1.5 / frame.coarse.pixel_mm)
    inside = muscle + adipose
    water = np.minimum(full, 0.7 * inside)
    # a full bladder also lifts the belly, so not all of its water replaces something
    from_adipose = np.minimum(0.8 * water, 0.7 * adipose)
    from_muscle = np.minimum(np.maximum(0.85 * water - from_adipose, 0), 0.7 * muscle)
    return muscle - from_muscle, adipose - from_adipose, water
