"""The body's outline: where torso and thighs lie about the bones, and how thick they are along each ray."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import overload

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.fields import coarser, smoothstep
from pbrs.synthesis.scene import Scene
from pbrs.synthesis.view import View

Floats = NDArray[np.float32]

COARSE_MM = 3.0
"""Pixel of the grid on which soft tissue is drawn; only its sharp edges need the image's own."""


@dataclass(frozen=True)
class Frame:
    """The patient's own axes and a few lengths, in mm, from the landmarks of one scene.

    x runs from the midline to the patient's left and z from the hip centres to the head. `side` is -1 for the
    patient's right.
    """

    view: View
    origin: tuple[float, float]
    lean: float
    trochanter: float
    flank: float
    crest: float
    symphysis: float
    ischium: float
    socket: dict[int, tuple[float, float]]
    neck: dict[int, tuple[float, float]]
    shaft: dict[int, tuple[float, float]]

    @classmethod
    @lru_cache(maxsize=1)  # texture, tissue and bowel of one scene ask in turn
    def of(cls, scene: Scene) -> "Frame":
        """Read the frame off a scene's landmarks."""
        marks = scene.landmarks

        def middle(name: str) -> tuple[float, float]:
            (ax, az), (bx, bz) = marks[f"{name}_left"], marks[f"{name}_right"]
            return float(ax + bx) / 2, float(az + bz) / 2

        x, z = middle("socket")
        crest_x, crest_z = middle("crest")
        lean = float(np.clip((crest_x - x) / max(crest_z - z, 50), -0.15, 0.15))

        def place(name: str) -> tuple[float, float]:
            return float(marks[name][0] - x - lean * (marks[name][1] - z)), float(marks[name][1] - z)

        def breadth(name: str) -> float:
            return (place(f"{name}_left")[0] - place(f"{name}_right")[0]) / 2

        sides = {1: "left", -1: "right"}
        return cls(
            view=scene.view,
            origin=(x, z),
            lean=lean,
            trochanter=float(np.clip(breadth("trochanter"), 90, 220)),
            flank=float(np.clip(breadth("flank"), 90, 220)),
            crest=max(crest_z - z, 50),
            symphysis=min(place("symphysis")[1], 0),
            ischium=min(middle("ischium")[1] - z, -30),
            socket={side: place(f"socket_{name}") for side, name in sides.items()},
            neck={side: place(f"neck_{name}") for side, name in sides.items()},
            shaft={side: place(f"shaft_{name}") for side, name in sides.items()},
        )

    @cached_property
    def coarse(self) -> View:
        """The grid of soft tissue."""
        return coarser(self.view, COARSE_MM)

    @cached_property
    def axes(self) -> tuple[Floats, Floats]:
        """Every coarse pixel's x and z."""
        x, z = self.coarse.plane_mm
        z = z - np.float32(self.origin[1])
        return x - np.float32(self.origin[0]) - np.float32(self.lean) * z, z

    @overload
    def to_plane(self, x: float, z: float) -> tuple[float, float]: ...

    @overload
    def to_plane(
        self, x: NDArray[np.float64], z: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

    def to_plane(
        self, x: float | NDArray[np.float64], z: float | NDArray[np.float64]
    ) -> tuple[float | NDArray[np.float64], float | NDArray[np.float64]]:
        """Give the place on the reference plane of points of the frame."""
        return x + self.origin[0] + self.lean * z, z + self.origin[1]


@dataclass(frozen=True)
class Envelope:
    """Path length in mm through the whole body, and through what lies under the subcutaneous fat; both coarse."""

    whole: Floats
    core: Floats


def envelope(frame: Frame, draw: Draw) -> Envelope:
    """Draw the outline of torso and thighs; without the factor ``body``, a plain slab without an edge."""
    body, thighs, uneven = draw("body"), draw("thighs"), draw("uneven_body")
    x, z = frame.axes
    if body is None:
        slab = np.full(x.shape, 190, np.float32)
        return Envelope(slab, slab * np.float32(0.8))
    fat = body("fat_mm")
    depth = (body("lean_depth_mm") + 1.1 * fat) / 2
    hip = frame.trochanter + body("hip_mm") + fat
    waist = max(hip * body("waist"), frame.flank + 10 + 0.5 * fat)
    up = smoothstep((z - 10) / 110)
    half_width = hip + (waist - hip) * up
    half_depth = depth * (1 + (body("abdomen") - 1) * smoothstep((z - 10) / 130))
    boxy = np.float32(body("boxiness"))
    whole = half_depth * _chord(x / half_width, boxy)
    front = 0.45 * fat
    core = np.maximum(half_depth - front, 10) * _chord(x / np.maximum(half_width - fat, 30), boxy)
    if thighs is not None:
        crotch = frame.ischium + thighs("crotch_mm") + thighs("crotch_slope") * np.abs(x)
        closing = np.sqrt(smoothstep((z - crotch) / thighs("closing_mm") + 0.1))
        legs, lean_legs = _thighs(frame, thighs, hip, depth, fat)
        joint = thighs("joint_mm")
        whole = _smooth_maximum(whole * closing, legs, joint)
        core = _smooth_maximum(core * closing, lean_legs, joint)
    if uneven is not None:
        slope = 1 + uneven("side") * x / 150 + uneven("head_to_foot") * z / 150
        slope = np.clip(slope, 0.5, 1.6, dtype=np.float32)
        whole, core = whole * slope, core * slope
    oblique = frame.coarse.obliquity
    whole = whole * oblique
    return Envelope(whole, np.minimum(core * oblique, whole))


def _thighs(frame: Frame, f: Drawn, hip: float, depth: float, fat: float) -> tuple[Floats, Floats]:
    """Give the thickness of both thighs, whole and without subcutaneous fat; they fade where the torso takes over."""
    _, z = frame.axes
    gap, taper, deep = f("gap_mm"), f("taper"), depth * f("depth")
    opening = 1 - smoothstep((z - frame.symphysis - 30) / 120)
    round_edge = np.float32(0.1)
    legs, lean_legs = np.zeros_like(z), np.zeros_like(z)
    for side in (-1, 1):
        lateral, along = _from_shaft(frame, side)
        neck = abs(frame.neck[side][0])
        outer = hip - neck + 0.05 * fat
        # towards the perineum the thighs meet
        inner = neck - gap + 20 * smoothstep((z - frame.ischium + 45) / 60)
        radius = np.maximum((inner + outer) / 2, 40) * np.clip(1 - taper * along, 0.5, 1.1, dtype=np.float32)
        lean = np.maximum(radius - 0.5 * fat, 10)
        from_axis = np.asarray(lateral - (outer - inner) / 2, np.float32)
        half = np.minimum(deep, 1.15 * radius) * opening
        legs = np.maximum(legs, half * _chord(from_axis / radius, round_edge))
        lean_legs = np.maximum(lean_legs, lean / radius * half * _chord(from_axis / lean, round_edge))
    return legs, lean_legs


def _chord(s: Floats, boxy: np.float32) -> Floats:
    """Give the full thickness, 2 in the middle, of an ellipse made boxier towards a rectangle with round edges."""
    square = s * s
    return np.asarray(2 * np.sqrt(np.maximum(1 - square * (1 - boxy + boxy * square), 0)), np.float32)


def _from_shaft(frame: Frame, side: int) -> tuple[Floats, Floats]:
    """Give each coarse pixel's distance lateral of a femoral shaft's axis, and how far down the thigh it is."""
    x, z = frame.axes
    (nx, nz), (sx, sz) = frame.neck[side], frame.shaft[side]
    down = np.array([sx - nx, min(sz - nz, -40.0)])
    # a thigh lifted towards the tube is seen end on, but its flesh stays where it hangs
    down[0] = np.clip(down[0], 0.9 * down[1], -0.9 * down[1])
    ux, uz = (down / np.hypot(*down)).astype(np.float32)
    dx, dz = x - np.float32(nx), z - np.float32(nz)
    return side * (ux * dz - uz * dx), ux * dx + uz * dz


def _smooth_maximum(a: Floats, b: Floats, joint_mm: float) -> Floats:
    """Give the larger of two, rounded where they are closer than `joint_mm`."""
    near = np.maximum(np.float32(joint_mm) - np.abs(a - b), 0) * ((a > 0) & (b > 0))
    return np.asarray(np.maximum(a, b) + near * near / np.float32(4 * max(joint_mm, 1)), np.float32)
