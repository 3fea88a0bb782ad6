"""The spine below and above the sacrum's model: a coccyx, and the lumbar vertebrae L3 to L5, of simple solids."""

import numpy as np

from pbrs.synthesis.factors import Drawn
from pbrs.synthesis.skeleton import Bone, Points
from pbrs.synthesis.surface import Surface, ellipsoid, join, rotation, tube

_CORTEX_MM = 0.8


def make_coccyx(sacrum_tip: Points, scale: float, coccyx: Drawn | None) -> Bone:
    """Make three to five segments that hang from the sacrum's tip and curve forwards; labelled as sacrum."""
    count = coccyx.count("segments") if coccyx else 4
    length = (coccyx("length_mm") if coccyx else 32.0) * scale
    bend, aside = (coccyx("bend_deg"), coccyx("aside_deg")) if coccyx else (45.0, 0.0)
    width = (coccyx("width_mm") if coccyx else 10.0) * scale
    step = length / count
    place = np.asarray(sacrum_tip) + [0, 0, 0.3 * step]
    segments = []
    for segment in range(count):
        share = segment / count
        turn = rotation("y", aside * share) @ rotation("x", -(10 + bend * share))
        place = place + turn @ np.array([0, 0, -step])
        radius = width * (1 - 0.6 * share)
        segments.append(ellipsoid(place, np.array([radius, 0.5 * radius + 1, 0.62 * step])))
    outer = join(segments)
    return Bone(outer, outer.inset(np.full(len(outer.vertices), _CORTEX_MM * scale, np.float32)), "sacrum")


def make_lumbar(promontory: Points, rim: Points, scale: float, lumbar: Drawn | None) -> Bone:
    """Stack L5, L4 and L3 upon the upper plate of S1, which runs from the promontory back to `rim`; context only."""
    if lumbar is None:
        empty = Surface(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
        return Bone(empty, empty, None)
    size = lumbar("size") * scale
    plate = rim - promontory
    tilt = float(np.degrees(np.arctan2(plate[2], plate[1]))) * lumbar("plate")
    place = promontory + plate * 0.45
    aside = 0.0
    parts = []
    for _ in range(3):
        turn = rotation("y", aside) @ rotation("x", tilt)
        up = turn @ np.array([0, 0, 1.0])
        height, disc = lumbar("body_mm") * size, lumbar("disc_mm") * size
        middle = place + up * (disc + height / 2)
        parts += [part.moved(turn, np.zeros(3), middle) for part in _vertebra(size, height, lumbar)]
        place = place + up * (disc + height)
        tilt, aside = tilt * lumbar("lordosis") - 6, aside + lumbar("scoliosis_deg")
    outer = join(parts)
    return Bone(outer, outer.inset(np.full(len(outer.vertices), _CORTEX_MM * size, np.float32)), None)


def _vertebra(size: float, height: float, lumbar: Drawn) -> list[Surface]:
    """Make a body, transverse and spinous processes, pedicles and articular processes about the body's centre."""
    half = np.array([24.0, 17.0]) * size
    waist = np.array([1.0, 0.98, 0.9, 0.86, 0.9, 0.98, 1.0])[:, None]
    level = np.linspace(-height / 2, height / 2, len(waist))
    along = np.stack([np.zeros_like(level), np.zeros_like(level), level], 1)
    parts = [tube(half * waist, along, 24, 2.4)]
    reach, thick = lumbar("process_mm") * size, lumbar("process_thick_mm") * size

    def add(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> None:
        parts.append(ellipsoid(np.array(centre) * size, np.array(radii)))

    for sign in (-1, 1):
        add((sign * 16, 21, 5), (5 * size, 8 * size, 7 * size))  # pedicle
        add((sign * (13 + reach / size / 2), 24, 4), (reach / 2, thick, thick))  # transverse process
        add((sign * 15, 33, 14), (5 * size, 5 * size, 10 * size))  # upper and lower articular processes
        add((sign * 12, 34, -14), (5 * size, 5 * size, 10 * size))
        add((sign * 7, 36, -2), (8 * size, 4 * size, 9 * size))  # lamina
    add((0, 50, -6), (3.5 * size, 14 * size, 10 * size))  # spinous process
    return parts
