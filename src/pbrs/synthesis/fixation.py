"""Metal that fixes fractures: nails, screws, plates, wires, an external fixator, rods of the spine."""

from dataclasses import dataclass

import numpy as np

from pbrs.synthesis.canvas import Canvas
from pbrs.synthesis.curves import Points, beside, oblong, placed, strokes, through, unit
from pbrs.synthesis.factors import Drawn
from pbrs.synthesis.scene import Scene

OUTWARDS = {"left": 1, "right": -1}
"""Sign of x towards the outside of each side."""


@dataclass(frozen=True)
class _Hip:
    """A femur to be fixed, in the scene's plane in mm: its landmarks, and unit vectors down its shaft and outwards."""

    head: Points
    base: Points
    trochanter: Points
    axis: Points
    aside: Points


def screw(
    canvas: Canvas, material: str, start: Points, end: Points, radius_mm: float,
    thread: float = 1.0, hollow: float = 0.0,
) -> None:  # fmt: skip
    """Drive in a screw from its head at `start`; `thread` is the threaded share of its length, from the tip."""
    length = max(float(np.hypot(*(end - start))), 1.0)
    count = int(np.clip(length / 1.4, 4, 90))
    share = np.linspace(0, 1, count)
    threaded = share > 1 - thread
    radii = radius_mm * np.where(threaded, np.where(np.arange(count) % 2, 1.0, 0.78), 0.72)
    radii[: max(1, count // 15)] = 1.25 * radius_mm
    radii[-1] = 0.4 * radius_mm
    canvas.rod(material, start + share[:, None] * (end - start), radii, hollow)


def femoral_nail(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Nail a femur: a long nail or a short one with its lag screw, and locking screws across."""
    hip = _free_hip(factor, scene)
    if hip is None:
        return
    head, base, axis, aside = hip.head, hip.base, hip.axis, hip.aside
    metal, radius = _metal(factor), factor("radius_mm")
    entry = 0.5 * (hip.trochanter + base - 45 * axis) + 5 * axis
    end = base + factor("length_mm") * axis
    line = through([entry, base + 10 * axis, 0.5 * (base + end), end], 24)
    radii = radius * np.interp(np.linspace(0, 1, 24), [0, 0.25, 0.4, 1], [1.35, 1.35, 1, 1])
    canvas.rod(metal, line, radii, hollow=factor("hollow"))
    if factor.happens(0.8):
        for shift in (0.0, 9.0)[: factor.count("lag_screws")]:
            start = base + 12 * axis + 18 * aside - shift * axis
            to = head + factor("off_mm") * axis - shift * axis + 0.6 * scene.head_radius_mm * unit(head - base)
            screw(canvas, metal, start, to, 5.2 if shift == 0 else 3.2, thread=0.3)
    for k in range(factor.count("locking")):
        middle = end - (15 + 22 * k) * axis
        screw(canvas, metal, middle + 19 * aside, middle - 17 * aside, 2.4)


def hip_screw(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Fix a hip with a sliding screw in a barrel, and a plate along the shaft."""
    hip = _free_hip(factor, scene)
    if hip is None:
        return
    axis, aside = hip.axis, hip.aside
    metal, half = _metal(factor), factor("half_shaft_mm")
    elbow = hip.base + 14 * axis + half * aside
    canvas.ribbon(metal, np.stack([elbow - 8 * axis, elbow + factor("plate_mm") * axis]), 5.5, 16.0)
    lag = hip.head + factor("off_mm") * axis + 0.55 * scene.head_radius_mm * unit(hip.head - elbow)
    canvas.rod(metal, np.stack([elbow, elbow + 38 * unit(lag - elbow)]), 6.3, hollow=0.5)
    screw(canvas, metal, elbow, lag, 6.0, thread=0.25)
    for k in range(factor.count("screws")):
        start = elbow + (22 + 16 * k) * axis + 3 * aside
        screw(canvas, metal, start, start - (2 * half + 8) * aside, 2.3)


def neck_screws(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Fix a femoral neck with two or three parallel hollow screws, or pins."""
    hip = _free_hip(factor, scene)
    if hip is None:
        return
    metal, radius = _metal(factor), factor("radius_mm")
    along = unit(hip.head - hip.base)
    across = np.array([-along[1], along[0]])
    apart = factor("apart_mm")
    for shift in (-apart, apart, 0.2 * apart)[: factor.count("screws")]:
        start = hip.base + 10 * hip.aside - 14 * along + shift * across
        to = hip.head + shift * across + scene.head_radius_mm * factor("reach") * along
        if radius < 1.4:
            canvas.rod(metal, np.stack([start - 8 * along, to]), radius)
        else:
            screw(canvas, metal, start, to, radius, thread=0.3, hollow=0.35)


def cerclage(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Tie wires around a shaft or the greater trochanter."""
    side = "left" if factor.happens(0.5) else "right"
    out = OUTWARDS[side]
    base, shaft = (np.array(scene.landmarks[f"{name}_{side}"]) for name in ("neck", "shaft"))
    axis, half = unit(shaft - base), factor("half_shaft_mm")
    aside = _outwards(axis, out)
    for _ in range(factor.count("loops")):
        middle = base + factor("below_mm") * axis
        t = np.linspace(0, 2 * np.pi, 30)[:, None]
        loop = middle + half * np.cos(t) * aside + (factor("tilt_mm") * np.sin(t) + 2 * np.cos(t)) * axis
        knot = middle + half * aside
        canvas.rod("steel", loop, factor("wire_mm"))
        canvas.rod("steel", np.stack([knot, knot + 7 * aside + 3 * axis]), 1.4 * factor("wire_mm"))


def iliosacral_screws(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Screw an ilium to the sacrum, or both through it."""
    x, z = scene.landmarks["promontory"]
    for side in (-1, 1) if factor.happens(0.4) else (factor.sign(),):
        for k in range(factor.count("screws")):
            start = np.array([x + side * factor("outside_mm"), z - factor("below_mm") - 18 * k])
            to = np.array([x - side * factor("past_mm"), start[1] + factor("rise_mm")])
            screw(canvas, _metal(factor), start, to, factor("radius_mm"), thread=0.4, hollow=0.35)
            if factor.happens(0.5):
                canvas.ribbon("titanium", np.stack([start - (0, 6.5), start + (0, 6.5)]), 1.8, 10.0)


def ring_plates(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Plate the symphysis, the pelvic brim or the posterior column, with screws."""
    x, z = scene.landmarks["symphysis"]
    kind, side = factor.rng.random(), factor.sign()
    name = "left" if side > 0 else "right"
    head, ischium = np.array(scene.landmarks[f"socket_{name}"]), np.array(scene.landmarks[f"ischium_{name}"])
    flank = np.array(scene.landmarks[f"crest_{name}"])
    if kind < 0.4:
        half = factor("half_mm")
        course = np.array([(x - half, z + 10), (x, z + 16), (x + half, z + 10)])
    elif kind < 0.75:
        sacroiliac = np.array(scene.landmarks["promontory"]) + (side * factor("sacroiliac_mm"), -10)
        brim = 0.55 * head + 0.45 * np.array([x, z]) + (0, 22)
        course = np.stack([np.array([x + 12 * side, z + 12]), brim, head + (-22 * side, 36), sacroiliac])
    else:
        above = 0.5 * (head + flank)
        course = np.stack([ischium + (10 * side, 15), head + (-4 * side, -12), head + (2 * side, 32), above])
    line = through(course, 60) + factor.rng.normal(size=2) * 3
    metal, wide = _metal(factor), factor("wide_mm")
    holes = max(3, int(np.hypot(*np.diff(line, axis=0).T).sum() / 13))
    waist = 1 + 0.12 * np.cos(np.linspace(0, 2 * np.pi * holes, 60))
    canvas.rod(metal, line, 0.5 * wide * waist, depth=factor("thick_mm") / max(wide, 1.0))
    for k in range(holes):
        if factor.happens(0.75):
            at = line[int((k + 0.5) / holes * 60)]
            turn = np.deg2rad(factor("turn_deg")) + (np.pi / 2 if at[1] < head[1] + 60 else 0)
            screw(canvas, metal, at, at - factor("screw_mm") * np.array([np.cos(turn), np.sin(turn)]), 1.75)


def external_fixator(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Hold the ring from outside: pins in both iliac bones, clamps, and bars in front."""
    bars: list[Points] = []
    low = factor.happens(0.4)
    for name, out in OUTWARDS.items():
        crest, socket = np.array(scene.landmarks[f"crest_{name}"]), np.array(scene.landmarks[f"socket_{name}"])
        foot = socket + (0, 40) if low else crest - (0, 5)
        away = unit(np.array([out * factor("spread"), factor("rise")]))
        for k in range(factor.count("pins")):
            start = foot + (out * 11 * k, -6 * k)
            canvas.rod("steel", np.stack([start - 40 * away, start + factor("pin_mm") * away]), factor("radius_mm"))
            clamp = start + 0.8 * factor("pin_mm") * away
            block = placed(oblong(20, 26, 4), (float(clamp[0]), float(clamp[1])), factor("turn_deg"))
            canvas.plate("aluminium" if factor.happens(0.5) else "steel", [block], 12.0)
        bars.append(foot + 0.8 * factor("pin_mm") * away)
    middle = 0.5 * (bars[0] + bars[1]) + (0, factor("arch_mm"))
    metal, hollow = ("polyethylene", 0.0) if factor.happens(0.5) else ("steel", 0.8)
    for bar in ([bars[0], middle], [middle, bars[1]]) if factor.happens(0.7) else ([bars[0], bars[1]],):
        canvas.rod(metal, np.stack(bar), factor("bar_mm"), hollow=hollow)
    canvas.plate("aluminium", [placed(oblong(30, 24, 4), (float(middle[0]), float(middle[1])), 20)], 14.0)


def spinal_fusion(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Stiffen the lower spine: screws in the pedicles, two rods."""
    x, z = scene.landmarks["promontory"]
    lean, apart = factor("lean"), factor("half_mm")
    rods = []
    for side in (-1, 1):
        places = [np.array([x + side * apart + lean * 34 * k, z - 8 + 34 * k]) for k in range(factor.count("levels"))]
        rods.append(np.stack(places))
        for at in places:
            canvas.plate("titanium", [placed(oblong(12, 14, 3), (float(at[0]), float(at[1])))], 6.0)
            screw(canvas, "titanium", at + (side * 3, 0), at - (side * factor("inwards_mm"), 2), 3.2)
    canvas.rod("titanium", strokes([beside(rod, 1.0) for rod in rods]), 2.75)


def _free_hip(factor: Drawn, scene: Scene) -> _Hip | None:
    """Pick a side without prosthesis, if there is one."""
    sides = [side for side in ("left", "right") if side not in scene.arthroplasty]
    if not sides:
        return None
    side = sides[int(factor.rng.integers(len(sides)))]
    head, base, shaft, tip = (
        np.array(scene.landmarks[f"{name}_{side}"], np.float64) for name in ("head", "neck", "shaft", "trochanter")
    )
    axis = unit(shaft - base)
    return _Hip(head, base, tip, axis, _outwards(axis, OUTWARDS[side]))


def _metal(factor: Drawn) -> str:
    return "titanium" if factor.happens(0.5) else "steel"


def _outwards(axis: Points, out: int) -> Points:
    """Give the normal of a shaft's axis that points outwards."""
    normal = np.array([-axis[1], axis[0]])
    return normal if normal[0] * out > 0 else -normal
