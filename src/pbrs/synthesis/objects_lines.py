"""Cables and tubes on, in and under the patient: monitoring, infusion, catheters, drains."""

import numpy as np

from pbrs.synthesis.canvas import Canvas
from pbrs.synthesis.curves import oblong, oval, placed, strokes, through, wander
from pbrs.synthesis.factors import Drawn
from pbrs.synthesis.scene import Scene


def ecg_leads(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Stick on electrodes: foam, gel and snap, each with a wire that leads away."""
    for _ in range(factor.count("electrodes")):
        centre = canvas.place(factor("across"), factor("down"))
        radius = factor("disc_mm")
        canvas.plate("polyethylene", [placed(oval(2 * radius, 2 * radius), centre)], factor("foam_mm"))
        canvas.plate("water", [placed(oval(radius, radius), centre)], 1.5)
        snap = factor("snap_mm")
        canvas.plate("steel", [placed(oval(2 * snap, 2 * snap), centre)], factor("metal_mm"))
        if factor.happens(0.8):
            heading = factor("heading_deg")
            wire = wander(factor.rng, centre, heading, factor("length_mm"), factor("bend"))
            _cable(canvas, wire, factor("wire_mm"), 2.6)
            if factor.happens(0.7):
                clip = placed(oblong(14, 7, 2), centre, heading)
                canvas.ribbon("steel", clip, 1.2, 1.0)


def cables(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Lay cables and tubes across the image, in loops or nearly straight."""
    for _ in range(factor.count("cables")):
        start = canvas.place(factor("across"), factor("down"))
        line = wander(factor.rng, start, factor("heading_deg"), factor("length_mm"), factor("bend"))
        radius = factor("radius_mm")
        if factor.happens(0.6):
            _cable(canvas, line, factor("core_mm"), radius / max(factor("core_mm"), 0.1))
            if factor.happens(0.3):
                canvas.plate("copper", [placed(oblong(14, 8, 2), (line[-1][0], line[-1][1]))], 2.0)
        else:
            canvas.rod("pvc", line, radius, hollow=factor("hollow"))
            if factor.happens(0.3):
                canvas.ribbon("steel", line[:: len(line) - 1] if len(line) < 3 else line[:2], 2 * radius, 1.0)


def infusion(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Lay an infusion's tube with connectors and clamps; at times a needle at its end."""
    start = canvas.place(factor("across"), factor("down"))
    line = wander(factor.rng, start, factor("heading_deg"), factor("length_mm"), factor("bend"))
    radius = factor("radius_mm")
    canvas.rod("pvc", line, radius, hollow=factor("hollow"))
    for _ in range(factor.count("parts")):
        k = int(factor.rng.integers(0, len(line) - 1))
        ahead = float(np.degrees(np.arctan2(*(line[k + 1] - line[k])[::-1])))
        part = placed(oblong(factor("part_mm"), 3.5 * radius, 2), (line[k][0], line[k][1]), ahead)
        canvas.plate("polyethylene", [part], 4 * radius)
        canvas.ribbon("pvc", part, 1.5, 3.0)
    if factor.happens(0.3):
        needle(factor, canvas, scene)


def needle(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Leave a hollow needle with its hub, a pin, or a safety pin."""
    centre, turn, length = canvas.place(*factor.rng.random(2)), factor("turn_deg"), factor("needle_mm")
    radius = factor("bore_mm")
    if factor.happens(0.6):
        canvas.rod("steel", placed([(0, 0), (length, 0)], centre, turn), radius, hollow=0.6)
        canvas.rod("polyethylene", placed([(-12, 0), (0, 0)], centre, turn), np.array([3.5, 1.5]), hollow=0.5)
    elif factor.happens(0.5):
        canvas.rod("steel", placed([(0, 0), (length, 0)], centre, turn), radius)
        canvas.rod("steel", placed([(0, 0)], centre, turn), 3 * radius)
    else:
        bow = [
            (length, 0),
            (0, 0),
            (-3, 2),
            (-1, 5),
            (2, 4),
            (length * 0.5, 6),
            (length, 5),
            (length + 3, 2),
            (length, 0),
        ]
        canvas.rod("steel", placed(bow, centre, turn), radius)


def urinary_catheter(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Lead a catheter out of the bladder, over or beside the symphysis and along a thigh, with its balloon."""
    x, z = scene.landmarks["symphysis"]
    side = factor.sign()
    tip = (x + factor("aside_mm") * side, z + factor("rise_mm"))
    out = (x - factor("aside_mm") * side, z - factor("fall_mm"))
    away = (x + factor("away_mm") * side, z - 2 * factor("fall_mm") - 60)
    line = through([tip, (x, z - 5), out, away, (away[0] + 40 * side, away[1] - 120)], 80)
    radius = factor("radius_mm")
    canvas.rod("pvc", line, radius, hollow=factor("hollow"))
    if factor.happens(0.6):
        canvas.rod("barium", line, factor("stripe_mm"), depth=0.5)
    if factor.happens(0.4):
        balloon = factor("balloon_mm")
        canvas.rod("water", np.array([tip]), balloon, depth=-0.15 if factor.happens(0.4) else 0.1)
        canvas.rod("polyethylene", placed(oval(2 * balloon, 2 * balloon), tip), 0.8)


def vessel_catheter(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Lead a fine catheter or guide wire from a groin up to the great vessels, its hub on the skin."""
    side = factor.sign()
    head = scene.landmarks["head_left" if side > 0 else "head_right"]
    x, z = scene.landmarks["promontory"]
    groin = (head[0] - factor("medial_mm") * side, head[1] - factor("below_mm"))
    line = through([groin, (head[0] - 18 * side, head[1] + 15), (x + 32 * side, z - 25), (x + 14 * side, z + 60)], 50)
    top = line[int(len(line) * (1 - factor("reach"))) :] if factor.happens(0.3) else line
    material, radius = ("steel", 0.5 * factor("radius_mm")) if factor.happens(0.3) else ("barium", factor("radius_mm"))
    canvas.rod(material, top, radius, hollow=0.5, depth=0.7)
    turn = 100 * side + factor("turn_deg")
    canvas.plate("pvc", [placed(oblong(30, 9, 4), groin, turn)], 4.0)
    for k in (-1, 0, 1):
        tube = wander(factor.rng, groin, -90 + 20 * k + factor("turn_deg"), 80, 1.0)
        canvas.rod("pvc", tube, 1.6, hollow=0.5)


def drain(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Lay a drain into the abdomen: a tube whose opaque stripe breaks at its holes."""
    start = canvas.place(factor("across"), factor("down"))
    line = wander(factor.rng, start, factor("heading_deg"), factor("length_mm"), factor("bend"))
    radius = factor("radius_mm")
    canvas.rod("pvc", line, radius, hollow=0.7)
    holes = int(len(line) * factor("perforated"))
    parts = [line[k : k + 2] for k in range(0, holes - 2, 3)]
    canvas.rod("barium", strokes([*parts, line[holes:]]) if holes < len(line) - 1 else strokes(parts), 0.5, depth=0.6)


def _cable(
    canvas: Canvas, line: np.ndarray[tuple[int, ...], np.dtype[np.float64]], core_mm: float, ratio: float
) -> None:
    """Lay a copper core in its sheath, `ratio` times as thick."""
    canvas.rod("pvc", line, core_mm * max(ratio, 1.0))
    canvas.rod("copper", line, core_mm, depth=0.6)
