"""Implants: hip prostheses where the scene leaves room for one, and the metal that fixes fractures."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis import fixation
from pbrs.synthesis.canvas import Canvas
from pbrs.synthesis.curves import Points, oval, placed, unit
from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.scene import Scene

Floats = NDArray[np.float32]

PAINTERS: dict[str, Callable[[Drawn, Canvas, Scene], None]] = {
    "femoral_nail": fixation.femoral_nail,
    "hip_screw": fixation.hip_screw,
    "neck_screws": fixation.neck_screws,
    "cerclage": fixation.cerclage,
    "iliosacral_screws": fixation.iliosacral_screws,
    "ring_plates": fixation.ring_plates,
    "external_fixator": fixation.external_fixator,
    "spinal_fusion": fixation.spinal_fusion,
}
"""What paints each factor of fixation."""


@dataclass(frozen=True)
class Design:
    """One hip prosthesis; the defaults are a plain cementless total hip.

    Attributes
    ----------
    kind
        ``total``, ``bipolar``, ``hemi`` or ``resurfacing``.
    stem_metal, cup_metal
        Materials.
    stem_mm, wide_mm, tip_mm
        Length of the stem below the cut, its radius there and at its tip.
    head_mm, shell_mm
        Radius of the head of a total hip; thickness of the cup's shell.
    cement_mm
        Thickness of the cement around the stem, 0 for none.
    inclination_deg, anteversion_deg
        Of the cup's opening, to the side and to the front.
    screws
        Number of screws through the cup.
    slip_mm
        By how far (x, z) the head has left the cup, x outwards.
    """

    kind: str = "total"
    stem_metal: str = "titanium"
    cup_metal: str = "titanium"
    stem_mm: float = 120.0
    wide_mm: float = 11.0
    tip_mm: float = 5.0
    head_mm: float = 15.0
    shell_mm: float = 4.0
    cement_mm: float = 0.0
    inclination_deg: float = 42.0
    anteversion_deg: float = 15.0
    screws: int = 0
    slip_mm: tuple[float, float] = (0.0, 0.0)


def draw_implants(scene: Scene, draw: Draw) -> dict[str, Floats]:
    """Draw the prosthesis of each side in `scene.arthroplasty`, and fixation; material → mm, float32 (H, W)."""
    canvas = Canvas(scene.view)
    factor = draw("prosthesis")
    # both sides mostly have the same make
    design = Design() if factor is None else _design(factor)
    for side in scene.arthroplasty:
        if factor is not None and factor.happens(0.4):
            design = _design(factor)
        _prosthesis(design, canvas, scene, side)
    for name, paint in PAINTERS.items():
        fixing = draw(name)
        if fixing is not None:
            paint(fixing, canvas, scene)
    return canvas.materials


def _design(factor: Drawn) -> Design:
    rng = factor.rng
    cemented = factor.happens(0.35)
    design = Design(
        kind=str(rng.choice(("total", "bipolar", "hemi", "resurfacing"), p=(0.6, 0.17, 0.17, 0.06))),
        stem_metal="cobalt_chromium" if cemented else str(rng.choice(("titanium", "titanium", "steel"))),
        cup_metal=str(rng.choice(("titanium", "cobalt_chromium", "bone_cement"), p=(0.65, 0.2, 0.15))),
        stem_mm=factor("stem_mm") * (1.6 if factor.happens(0.1) else 1.0),
        wide_mm=factor("wide_mm"),
        tip_mm=factor("tip_mm"),
        head_mm=factor("head_mm"),
        shell_mm=factor("shell_mm"),
        cement_mm=factor("cement_mm") if cemented else 0.0,
        inclination_deg=factor("inclination_deg"),
        anteversion_deg=factor("anteversion_deg"),
        screws=factor.count("screws") if factor.happens(0.4) else 0,
    )
    if factor.happens(0.12):
        return replace(design, slip_mm=(factor("slip_out_mm"), factor("slip_up_mm")))
    return design


def _prosthesis(design: Design, canvas: Canvas, scene: Scene, side: str) -> None:
    out = fixation.OUTWARDS[side]
    socket = np.array(scene.landmarks[f"socket_{side}"])
    head = np.array(scene.landmarks[f"head_{side}"]) + (out * design.slip_mm[0], design.slip_mm[1])
    base, shaft = (np.array(scene.landmarks[f"{name}_{side}"]) for name in ("neck", "shaft"))
    ball_mm = design.head_mm
    if design.kind in ("total", "resurfacing"):
        _cup(design, canvas, socket, out, scene.head_radius_mm + 1.0)
    else:
        ball_mm = scene.head_radius_mm
    if design.kind == "resurfacing":
        cap = max(scene.head_radius_mm - design.shell_mm, 8.0)
        towards = unit(base - head)
        _half_shell(canvas, "cobalt_chromium", head, (cap - 3.0, cap), np.array([-towards[0], -towards[1], 0.2]))
        canvas.rod("cobalt_chromium", np.stack([head, head + towards * 45]), np.array([4.0, 2.5]))
        return
    if design.kind == "bipolar":
        canvas.rod("cobalt_chromium", head[None], ball_mm, hollow=max(1 - 3.0 / ball_mm, 0.0))
        canvas.rod("polyethylene", head[None], max(ball_mm - 3.0, 1.0))
        ball_mm = min(design.head_mm, ball_mm - 5.0)
    canvas.rod("glass" if design.kind == "total" and design.cement_mm == 0 else "cobalt_chromium", head[None], ball_mm)
    _stem(design, canvas, head, base, shaft)


def _stem(design: Design, canvas: Canvas, head: Points, base: Points, shaft: Points) -> None:
    """Draw the neck's taper and the stem that follows the shaft, with its cement."""
    axis = unit(shaft - base)
    line = base + np.linspace(-10, design.stem_mm, 30)[:, None] * axis
    share = np.linspace(0, 1, 30)
    radius = design.tip_mm + (design.wide_mm - design.tip_mm) * (1 - share) ** 1.5
    if design.cement_mm > 0:
        longer = np.concatenate([line, [line[-1] + 15 * axis]])
        canvas.rod("bone_cement", longer, np.append(radius, design.tip_mm) + design.cement_mm)
    canvas.rod(design.stem_metal, line, radius, depth=1.2)
    canvas.rod(design.stem_metal, np.stack([base, head]), np.array([0.9 * design.wide_mm, 6.0]))


def _cup(design: Design, canvas: Canvas, centre: Points, out: int, radius_mm: float) -> None:
    """Draw the cup: a half shell and its liner, or a plastic cup in cement with a wire around its rim."""
    tilt, version = np.deg2rad(90 - design.inclination_deg), np.deg2rad(design.anteversion_deg)
    # the dome points inwards and up; the opening outwards, down and to the front
    dome = np.array([-out * np.cos(tilt) * np.cos(version), np.sin(tilt) * np.cos(version), np.sin(version)])
    inner = max(radius_mm - design.shell_mm, 1.0)
    _half_shell(canvas, design.cup_metal, centre, (inner, radius_mm), dome)
    _half_shell(canvas, "polyethylene", centre, (min(design.head_mm, inner), inner), dome)
    if design.cup_metal == "bone_cement":
        across = np.degrees(np.arctan2(dome[1], dome[0])) + 90
        rim = placed(oval(2 * inner, 2 * inner * abs(dome[2])), (float(centre[0]), float(centre[1])), across)
        canvas.rod("steel", rim, 0.5)
    for k in range(design.screws):
        turn = np.arctan2(dome[1], dome[0]) + (k - (design.screws - 1) / 2) * 0.45 * out
        direction = np.array([np.cos(turn), np.sin(turn)])
        start = centre + direction * inner
        fixation.screw(canvas, design.cup_metal, start, start + direction * (18.0 + 8 * k), 2.8)


def _half_shell(canvas: Canvas, material: str, centre: Points, radii_mm: tuple[float, float], dome: Points) -> None:
    """Add the path through half of a hollow ball, on the side `dome` (x, z, y) of its centre."""
    x, z = canvas.view.plane_mm
    inner, outer = radii_mm
    dx, dz = x - np.float32(centre[0]), z - np.float32(centre[1])
    squared = dx * dx + dz * dz
    near = np.nonzero(squared < outer**2)
    dx, dz, squared = dx[near], dz[near], squared[near]
    # along a ray, y beyond the cutting plane through the centre: what lies behind it belongs to the half
    depth = dome[2] if abs(dome[2]) > 0.02 else 0.02
    cut = -(dx * np.float32(dome[0]) + dz * np.float32(dome[1])) / np.float32(depth)
    cut = cut if depth > 0 else -cut
    path = np.zeros(canvas.view.shape, np.float32)
    for radius, sign in ((outer, 1), (inner, -1)):
        half = np.sqrt(np.maximum(np.float32(radius**2) - squared, 0))
        path[near] += np.float32(sign) * (half - np.clip(cut, -half, half))
    canvas.add(material, np.maximum(path, 0))
