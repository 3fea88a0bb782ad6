"""Folds: the sharp curved edges of buttocks, groin, apron and skin, genitals, and cloth under and over the patient."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pbrs.synthesis.body import Frame
from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.fields import blur, ellipsoids_mm, enlarge, noise, polyline, smoothstep

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Step:
    """What a fold adds: `amount_mm` on its inner side, reached within `width_mm` and lost over `decay_mm`."""

    amount_mm: float
    width_mm: float
    decay_mm: float
    gap_mm: float

    @classmethod
    def drawn(cls, f: Drawn, sign: int = 1) -> "_Step":
        return cls(sign * f("amount_mm"), f("width_mm"), f("decay_mm"), f("gap_mm") if f.happens(0.5) else 0.0)


def draw_folds(frame: Frame, draw: Draw) -> Floats:
    """Draw what folds and genitals add to the body's thickness in mm, float32 (H, W); a crease takes away."""
    total = np.zeros(frame.view.shape, np.float32)
    _buttocks(total, frame, draw)
    _groin(total, frame, draw)
    _thigh_creases(total, frame, draw)
    _apron(total, frame, draw)
    _skin(total, frame, draw)
    total += _genitals(frame, draw)
    return total


def draw_cloth(frame: Frame, draw: Draw) -> Floats:
    """Draw the folds of sheets and clothes: faint lines anywhere, in mm of soft tissue, float32 (H, W)."""
    cloth = draw("cloth")
    total = np.zeros(frame.view.shape, np.float32)
    if cloth is None:
        return total
    for _ in range(cloth.count("folds")):
        turn = cloth.rng.uniform(0, np.pi)
        step = cloth("length_mm") / 6 * np.array([np.cos(turn), np.sin(turn)])
        start = cloth.rng.uniform((-220, -200), (220, 220))
        bends = np.cumsum(cloth.rng.normal(0, 3, (7, 2)), 0)
        points = [frame.to_plane(*(start + k * step + bends[k])) for k in range(7)]
        total += polyline(frame.view, points, cloth("width_mm")) * np.float32(cloth("amount_mm"))
    return total


def _buttocks(total: Floats, frame: Frame, draw: Draw) -> None:
    """Let the buttocks' round lower borders hang across ischium and femur."""
    fold = draw("buttock_fold")
    if fold is None:
        return
    x, z = frame.axes
    radius, outward, below, wave = fold("radius_mm"), fold("outward_mm"), fold("below_mm"), fold("wave_mm")
    for side in (-1, 1):
        cx = side * (outward + fold.rng.uniform(-10, 10))
        cz = frame.ischium - below + fold.rng.uniform(-12, 12) + radius
        distance = np.hypot((x - cx) * fold("flatness"), z - cz) + wave * noise(fold.rng, frame.coarse, 90)
        window = smoothstep((cz - z) / (0.6 * radius)) * smoothstep((side * x + 5) / 30)
        _add_step(total, frame, radius - distance, window, _Step.drawn(fold))


def _groin(total: Floats, frame: Frame, draw: Draw) -> None:
    """Crease the groins, from beside the genitals up and out across the neck of the femur to the iliac spine."""
    crease = draw("groin_crease")
    if crease is None:
        return
    x, z = frame.axes
    step = _Step.drawn(crease, crease.sign())
    slope, offset, bend = crease("slope"), crease("offset_mm"), crease("bend")
    for side in (-1, 1):
        out = side * x - 25
        line = frame.symphysis - 25 + offset + slope * out + bend * (out - 50) ** 2 / 100
        distance = (z - line + 5 * crease.rng.normal()) / np.hypot(1, slope)
        window = smoothstep((out + 15) / 25) * smoothstep((crease("length_mm") - out) / 30)
        _add_step(total, frame, distance, window, step)


def _thigh_creases(total: Floats, frame: Frame, draw: Draw) -> None:
    """Crease each thigh across its shaft."""
    crease = draw("thigh_crease")
    if crease is None:
        return
    x, z = frame.axes
    for side in (-1, 1):
        if not crease.happens(0.75):
            continue
        out = side * x - 80
        line = frame.ischium + crease("offset_mm") + crease("slope") * out + crease("bend") * out**2 / 100
        window = smoothstep((out + crease("inward_mm")) / 20) * smoothstep((crease("outward_mm") - out) / 20)
        _add_step(total, frame, z - line, window, _Step.drawn(crease, crease.sign()))


def _apron(total: Floats, frame: Frame, draw: Draw) -> None:
    """Hang an apron of abdominal fat over hips and pubis."""
    apron = draw("apron")
    if apron is None:
        return
    x, z = frame.axes
    middle = x - np.float32(apron("shift_mm"))
    line = frame.symphysis + apron("above_mm") + apron("rise") * middle**2 / 100
    line = line + noise(apron.rng, frame.coarse, 120) * np.float32(apron("wave_mm"))
    window = smoothstep((apron("half_width_mm") - np.abs(middle)) / 40)
    _add_step(total, frame, z - line, window, _Step.drawn(apron))


def _skin(total: Floats, frame: Frame, draw: Draw) -> None:
    """Fold the skin anywhere else, in any direction."""
    skin = draw("skin_fold")
    if skin is None:
        return
    x, z = frame.axes
    for _ in range(skin.count("folds")):
        cx, cz = skin.rng.uniform(-170, 170), skin.rng.uniform(-170, 150)
        turn = skin.rng.uniform(0, 2 * np.pi)
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        along, across = cos * (x - cx) + sin * (z - cz), cos * (z - cz) - sin * (x - cx)
        across = across + skin("bend") * along * along / 100
        half = skin("length_mm") / 2
        _add_step(total, frame, across, smoothstep((half - np.abs(along)) / 20), _Step.drawn(skin))


def _genitals(frame: Frame, draw: Draw) -> Floats:
    """Draw penis and scrotum, or the labia and the cleft between them, below the symphysis."""
    genitals = draw("genitals")
    if genitals is None:
        return np.zeros(frame.view.shape, np.float32)
    view, rng = frame.view, genitals.rng
    x, z = genitals("shift_mm"), frame.symphysis - genitals("below_mm")
    thickness, size = genitals("thickness_mm"), genitals("size")
    px, pz = frame.to_plane(x, z)
    if genitals.happens(0.55):
        turn = rng.normal(0, 35)
        length = rng.uniform(30, 55) * size
        lean = np.deg2rad(turn)
        blobs = [
            (px, pz - 25 * size, 33 * size, 28 * size, 0.0, thickness),
            (px - 14 * size, pz - 33 * size, 22 * size, 27 * size, 10.0, 0.9 * thickness),
            (px + 15 * size, pz - 30 * size, 22 * size, 27 * size, -10.0, 0.9 * thickness),
        ]
        shaft = (px + 0.5 * length * np.sin(lean), pz - 0.5 * length * np.cos(lean), 14 * size, length, turn)
        shadow = ellipsoids_mm(view, blobs) + ellipsoids_mm(view, [(*shaft, 0.6 * thickness)])
    else:
        half = 15 * size
        blobs = [(px + side * half, pz - 12 * size, half, 36 * size, side * -6.0, 0.3 * thickness) for side in (-1, 1)]
        cleft = polyline(view, [(px, pz + 10 * size), (px + rng.normal(0, 2), pz - 40 * size)], rng.uniform(2, 6))
        shadow = ellipsoids_mm(view, blobs) - cleft * np.float32(0.2 * thickness)
    return blur(shadow, genitals("border_mm") / view.pixel_mm)


def _add_step(
    total: Floats, frame: Frame, distance: NDArray[np.floating], window: NDArray[np.floating], step: _Step
) -> None:
    """Add a step along the line ``distance == 0`` (coarse, in mm, positive inside) where `window` is above 0."""
    fine_distance, fine_window = (
        np.ascontiguousarray(enlarge(np.asarray(part, np.float32), frame.coarse, frame.view))
        for part in (distance, window)
    )
    width = max(step.width_mm, 0.5 * frame.view.pixel_mm)
    _step(total, fine_distance, fine_window, (step.amount_mm, width, step.decay_mm, step.gap_mm))


@njit(cache=True)
def _step(total: Floats, distance: Floats, window: Floats, numbers: tuple[float, float, float, float]) -> None:
    amount, width, decay, gap = numbers
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            d = distance[i, j]
            if window[i, j] <= 0 or d < -2 * width:
                continue
            t = min(max(d / width + 0.5, 0.0), 1.0)
            added = t * t * (3 - 2 * t) * amount
            if d > 0:
                added /= 1 + (d / decay) ** 2
            near = 1 - (d / (2 * width)) ** 2
            if near > 0:
                added -= gap * near * near
            total[i, j] += window[i, j] * added
