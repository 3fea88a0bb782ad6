"""What patients lie on and are wrapped in: mattress springs, spine boards, slings, folds of cloth, dressings, pads."""

import numpy as np

from pbrs.synthesis.canvas import Canvas
from pbrs.synthesis.curves import beside, oblong, placed, strokes, through, wander
from pbrs.synthesis.factors import Drawn
from pbrs.synthesis.fields import ellipse, noise, smoothstep
from pbrs.synthesis.scene import Scene


def springs(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Lie on a mattress: rows of coils seen from above, or some springs from the side."""
    wire = factor("wire_mm")
    if factor.happens(0.35):
        for _ in range(factor.count("loose")):
            length, across, turns = factor("spring_mm"), factor("coil_mm") * 0.35, factor.count("turns")
            t = np.linspace(0, turns * 2 * np.pi, turns * 14)
            local = np.stack([length * (t / t[-1] - 0.5) + across * 0.25 * np.sin(t), across * np.cos(t)], 1)
            canvas.rod("steel", placed(local, canvas.place(*factor.rng.random(2)), factor("turn_deg")), wire)
        return
    apart = max(factor("apart_mm"), 30.0)
    wide, high = canvas.size_mm
    first, last = sorted(factor.rng.random(2)) if factor.happens(0.5) else (0.0, 1.0)
    lean = np.array([factor("lean_mm") * factor.sign(), factor("lean_mm") * factor.sign()])
    coil, turns = factor("coil_mm"), factor.count("turns")
    t = np.linspace(0, turns * 2 * np.pi, turns * 18)
    radius = coil * (1 - factor("waist") * np.sin(t / t[-1] * np.pi))
    local = radius[:, None] * np.stack([np.cos(t), np.sin(t)], 1) + (t / t[-1])[:, None] * lean
    offset = factor.rng.random(2)
    coils = []
    for i in range(int(np.ceil(wide / apart)) + 1):
        for j in range(int(high * first / apart), int(np.ceil(high * last / apart)) + 1):
            centre = canvas.place(*((np.array([i, j]) - offset) * apart / (wide, high)))
            coils.append(placed(local, centre, factor("turn_deg") * 0.1))
    canvas.rod("steel", strokes(coils), wire)


def board(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Lie on a spine board: its edges, hand holes, ribs and pins for straps."""
    x, z = canvas.place(0.5, 0.5)
    turn, wide = factor("turn_deg"), factor("width_mm")
    centre = (x + factor("aside_mm"), z)
    holes = []
    for side in (-1, 1):
        for k in range(-3, 4):
            hole = oblong(factor("hole_mm") * 0.3, factor("hole_mm"), 12)
            hole += (side * (wide / 2 - factor("rim_mm") - 12), k * factor("apart_mm"))
            holes.append(placed(hole, centre, turn))
    outline = placed(oblong(wide, 2000), centre, turn)
    canvas.plate("polyethylene", [outline, *holes], factor("thickness_mm"))
    for rim in (outline, *(holes if factor.happens(0.5) else ())):
        canvas.ribbon("polyethylene", rim, factor("rim_mm") * 0.4, factor("thickness_mm") * 0.8)
    if factor.happens(0.5):
        for hole in holes:
            canvas.rod("steel" if factor.happens(0.3) else "polyethylene", hole[[0, len(hole) // 2]], 3.0)


def binder(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Put on a pelvic sling about the trochanters: its band with seams, and the buckle in front."""
    left, right = scene.landmarks["trochanter_left"], scene.landmarks["trochanter_right"]
    centre = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2 + factor("above_mm"))
    turn, high = factor("turn_deg"), factor("height_mm")
    band = placed([(-400, 0), (400, 0)], centre, turn)
    canvas.ribbon("polyethylene", band, high, factor("thickness_mm"))
    for share in (-0.5, 0.5, *factor.rng.uniform(-0.45, 0.45, factor.count("seams"))):
        canvas.ribbon("polyethylene", beside(band, share * high), factor("seam_mm"), factor("thickness_mm"))
    wide = factor("buckle_mm")
    frame = oblong(wide, 0.6 * high, 6) + (factor("aside_mm"), 0)
    canvas.plate("polyethylene", [placed(frame, centre, turn)], 4.0)
    canvas.ribbon("polyethylene", placed(frame, centre, turn), 4, 6.0)
    if factor.happens(0.5):
        t = np.linspace(0, 60, 240)
        for share in (-0.2, 0.2):
            coil = np.stack([t / 60 * 0.7 * wide - 0.35 * wide, share * high + 3 * np.cos(2 * t)], 1)
            canvas.rod("steel", placed(coil + (factor("aside_mm"), 0), centre, turn), 0.5)
    if factor.happens(0.5):
        lace = [(wide * (0.5 + 0.5 * (k % 2)), high * (k / 12 - 0.5)) for k in range(13)]
        canvas.rod("polyethylene", placed(lace, centre, turn), 1.5)


def folds(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Wrinkle sheets and clothes: soft ridges, and steps where a layer ends."""
    rng = factor.rng
    for _ in range(factor.count("folds")):
        start = canvas.place(*rng.random(2))
        line = wander(rng, start, factor("heading_deg"), factor("length_mm"), factor("bend"))
        thick = factor("thickness_mm")
        if factor.happens(0.65):
            fading = np.sin(np.linspace(0.05, np.pi, len(line))) * factor("width_mm")
            canvas.rod("water", line, np.maximum(fading, 0.1), depth=min(thick / max(factor("width_mm"), 0.5), 1.0))
        else:
            canvas.ribbon("water", line, 8 * factor("width_mm"), thick)


def dressing(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Pack a wound: crumpled gauze with its opaque thread, or a flat dressing's weave."""
    rng, view = factor.rng, canvas.view
    centre, turn = canvas.place(*rng.random(2)), factor("turn_deg")
    wide, high = factor("width_mm"), factor("height_mm")
    if factor.happens(0.5):
        inside = smoothstep((1 - ellipse(view, centre, (wide / 2, high / 2), turn)) * 3)
        crumpled = np.maximum(1 + factor("crumple") * noise(rng, view, 9.0, 2), 0)
        canvas.add("water", inside * crumpled * np.float32(factor("thickness_mm")))
    else:
        pitch = max(factor("pitch_mm"), 2.0)
        rows = np.arange(-high / 2, high / 2, pitch)
        columns = np.arange(-wide / 2, wide / 2, pitch)
        weave = [np.array([(-wide / 2, z), (wide / 2, z)]) for z in rows]
        weave += [np.array([(x, -high / 2), (x, high / 2)]) for x in columns]
        canvas.rod("water", placed(strokes(weave), centre, turn), 0.3 * pitch, depth=0.5)
        canvas.plate("water", [placed(oblong(wide, high), centre, turn)], 0.3 * factor("thickness_mm"))
    if factor.happens(0.5):
        canvas.rod("barium", wander(rng, centre, turn, 1.5 * wide, factor("curl")), factor("thread_mm"), depth=0.6)


def pad(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Lie on an absorbent pad or wear a nappy: a layer with edges, soaked and creased in places."""
    rng, view = factor.rng, canvas.view
    x, z = scene.landmarks["symphysis"]
    wide, high = factor("width_mm"), factor("height_mm")
    local = through([(-wide / 2, high / 2), (-0.3 * wide, 0), (-wide / 2, -high / 2)], 12)
    outline = np.concatenate([local, -local]) if factor.happens(0.5) else oblong(wide, high, 20)
    shape = placed(outline, (x + factor("aside_mm"), z + factor("above_mm")), factor("turn_deg"))
    thick = factor("thickness_mm")
    layer = Canvas(view)
    layer.plate("water", [shape], 1.0)
    if "water" in layer.materials:
        soaked = np.maximum(1 + factor("crumple") * noise(rng, view, 25.0, 3), 0)
        canvas.add("water", layer.materials["water"] * soaked * np.float32(thick))
