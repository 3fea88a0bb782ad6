"""What is inside the patient and is not bone: calcifications, contrast medium, devices, surgeons' clips."""

import numpy as np

from pbrs.synthesis.canvas import Canvas
from pbrs.synthesis.curves import Points, beside, dots, oblong, oval, placed, strokes, through, wander
from pbrs.synthesis.factors import Drawn
from pbrs.synthesis.fields import ellipse
from pbrs.synthesis.scene import Scene


def phleboliths(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Calcify veins beside the bladder: small balls, often with a clear centre."""
    x, z = scene.landmarks["symphysis"]
    for _ in range(factor.count("stones")):
        at = (x + factor("aside_mm") * factor.sign(), z + factor("above_mm"))
        hollow = factor("hollow") if factor.happens(0.6) else 0.0
        canvas.rod("calcification", np.array([at]), factor("radius_mm"), hollow, factor("density"))


def arteries(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Calcify the iliac and femoral arteries: tram lines in pieces."""
    rng = factor.rng
    x, z = scene.landmarks["promontory"]
    for side, name in ((-1, "right"), (1, "left")):
        if factor.happens(0.15):
            continue
        head, shaft = scene.landmarks[f"head_{name}"], scene.landmarks[f"shaft_{name}"]
        course = [
            (x + 12 * side, z + 55),
            (x + factor("apart_mm") * side, z - 10),
            (head[0] - factor("medial_mm") * side, head[1] + 20),
            (head[0] - factor("medial_mm") * side, head[1] - 60),
            (shaft[0] - 25 * side, shaft[1] - 60),
        ]
        line = through(course, 120)
        radius = factor("radius_mm")
        parts = []
        for wall in (-radius, radius):
            wavy = beside(line, wall) + rng.normal(size=(120, 2)) * factor("ragged_mm")
            length = 4
            for start in range(0, 120 - length, length):
                if factor.happens(factor("share")):
                    parts.append(wavy[start : start + length + 1])
        if parts:
            canvas.rod("calcification", strokes(parts), factor("wall_mm"), depth=factor("density"))


def granulomas(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Calcify what injections left in the buttocks, or a fibroid: eggshells and crumbs."""
    rng = factor.rng
    x, z = scene.landmarks["promontory"]
    for _ in range(factor.count("lumps")):
        at = (x + factor("aside_mm") * factor.sign(), z + factor("above_mm"))
        radius = factor("radius_mm")
        if factor.happens(0.5):
            shell = oval(2 * radius, 2 * radius * rng.uniform(0.4, 1)) * rng.uniform(0.9, 1.1, (33, 1))
            canvas.rod("calcification", placed(shell, at, rng.uniform(0, 180)), factor("wall_mm"))
        else:
            crumbs = np.asarray(at) + rng.normal(size=(factor.count("crumbs"), 2)) * radius * 0.6
            canvas.rod("calcification", dots(crumbs), factor("wall_mm") * 1.5)


def contrast_medium(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Fill bladder, ureters, vessels or bowel with iodine, diluted."""
    rng, view = factor.rng, canvas.view
    x, z = scene.landmarks["symphysis"]
    top = scene.landmarks["promontory"]
    kind = rng.random()
    strength = factor("strength")
    if kind < 0.65:
        wide, high = factor("width_mm"), factor("height_mm")
        inside = 1 - ellipse(view, (x + factor("aside_mm"), z + 0.35 * high), (wide / 2, high / 2), factor("turn_deg"))
        chord = np.sqrt(np.maximum(inside, 0)) * np.float32(0.8 * wide * strength)
        level_mm = factor("level")
        if factor.happens(0.3):
            chord = chord * np.clip((inside + level_mm) * 4, 0, 1)
        canvas.add("contrast", chord)
    if 0.45 < kind < 0.8:
        for side in (-1, 1):
            if factor.happens(0.7):
                ends = [
                    (x + 15 * side, z + 25),
                    (x + 50 * side, z + 60),
                    (top[0] + 35 * side, top[1]),
                    (top[0] + 40 * side, top[1] + 130),
                ]
                line = through(np.asarray(ends) + rng.normal(size=(4, 2)) * 5, 60)
                canvas.rod("contrast", line, factor("ureter_mm"), depth=min(6 * strength, 1.0))
    if kind > 0.75:
        start = canvas.place(*rng.uniform(0.1, 0.9, 2))
        loop = wander(rng, start, factor("turn_deg"), factor("loop_mm"), 4.0)
        bulge = 1 + 0.3 * np.sin(np.arange(len(loop)) * rng.uniform(0.8, 2.5))
        canvas.rod("contrast", loop, factor("bowel_mm") * bulge, depth=strength)


def barium_remains(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Leave barium in the colon, its pouches and the appendix."""
    rng = factor.rng
    for _ in range(factor.count("clusters")):
        start = canvas.place(factor("across"), factor("down"))
        line = wander(rng, start, rng.uniform(0, 360), factor("length_mm"), 3.0)
        spots = line[rng.integers(0, len(line), factor.count("spots"))] + rng.normal(size=(1, 2)) * 6
        canvas.rod("barium", dots(spots), factor("radius_mm"), depth=factor("strength"))
        if factor.happens(0.4):
            canvas.rod("barium", line, factor("radius_mm") * rng.uniform(0.4, 1.5), depth=factor("strength"))


def womb_devices(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Insert a pessary, an intra-uterine device, or a tampon, whose air attenuates nothing."""
    x, z = scene.landmarks["symphysis"]
    at, turn, kind = (x + factor("aside_mm"), z + factor("above_mm")), factor("turn_deg"), factor.rng.random()
    if kind < 0.35:
        wide = factor("ring_mm")
        canvas.rod("pvc", placed(oval(wide, wide * factor("squash")), at, turn), factor("rim_mm"))
    elif kind < 0.7:
        arm = 0.5 * factor("device_mm")
        shape = strokes([np.array([(-arm, arm), (0, 0.9 * arm), (arm, arm)]), np.array([(0, 0.9 * arm), (0, -arm)])])
        canvas.rod("barium", placed(shape, at, turn), 0.8, depth=0.5)
        if factor.happens(0.5):
            canvas.rod("copper", placed([(0, 0.6 * arm), (0, -0.8 * arm)], at, turn), 0.8, depth=0.5)
    else:
        length = factor("tampon_mm")
        canvas.rod("muscle", placed([(0, -length / 2), (0, length / 2)], at, turn), factor("rim_mm") * 2, depth=-0.8)


def surgical_clips(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Leave clips of an operation: single ones about a place, a row of staples in the skin, a mesh's tacks."""
    rng = factor.rng
    centre = canvas.place(*rng.random(2))
    count, size = factor.count("clips"), factor("size_mm")
    kind = rng.random()
    if kind < 0.5:
        places: Points = np.asarray(centre) + rng.normal(size=(count, 2)) * factor("spread_mm")
        shapes = [
            np.array([(-size / 2, rng.uniform(0, 2)), (size / 2, 0), (-size / 2, -rng.uniform(0, 2))]) for _ in places
        ]
        turns = rng.uniform(0, 360, count)
    elif kind < 0.8:
        row = wander(rng, centre, rng.uniform(0, 360), factor("apart_mm") * count, 0.6)
        places = row[np.linspace(0, len(row) - 1, count).astype(int)]
        bent = np.array([(-size / 2, 1), (-size / 2, 0), (size / 2, 0), (size / 2, 1)])
        shapes = [bent] * count
        ahead = row[-1] - row[0]
        turns = np.degrees(np.arctan2(ahead[1], ahead[0])) + 90 + rng.normal(size=count) * 8
    else:
        arc = oval(2.5 * factor("spread_mm"), 2 * factor("spread_mm"), count)[:count]
        places = np.asarray(centre) + arc
        t = np.linspace(0, 5 * np.pi, 24)
        shapes = [np.stack([1.8 * np.cos(t), t / 4 + 0.8 * np.sin(t)], 1)] * count
        turns = rng.uniform(0, 360, count)
    lines = [placed(shape, (at[0], at[1]), turn) for shape, at, turn in zip(shapes, places, turns, strict=True)]
    canvas.rod("titanium" if factor.happens(0.6) else "steel", strokes(lines), factor("wire_mm"))


def sterilisation_clips(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Clip both tubes."""
    x, z = scene.landmarks["symphysis"]
    for side in (-1, 1):
        at, turn = (x + side * factor("aside_mm"), z + factor("above_mm")), factor.rng.uniform(0, 180)
        size = factor("size_mm")
        canvas.plate("titanium", [placed(oblong(size, 0.3 * size, 1), at, turn)], 1.5)
        canvas.rod("titanium", placed([(-size / 2, 1.5), (size / 2, 0.5)], at, turn), 0.8)
