"""What patients wear and carry: zips, buttons, buckles, coins, keys, rings, a phone."""

import numpy as np

from pbrs.synthesis.canvas import Canvas
from pbrs.synthesis.curves import beside, oblong, oval, placed, strokes, through, wander
from pbrs.synthesis.factors import Drawn
from pbrs.synthesis.scene import Scene


def zips(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Sew in a zip: two rows of teeth, shut or gaping at one end, its slider and stops."""
    x, z = scene.landmarks["symphysis"]
    start = (x + factor("aside_mm"), z + factor("above_mm"))
    if factor.happens(0.3):
        start = canvas.place(*factor.rng.random(2))
    line = wander(factor.rng, start, -90 + factor("turn_deg"), factor("length_mm"), factor("bend"))
    pitch, tooth = max(factor("pitch_mm"), 0.8), factor("tooth_mm")
    count = min(int(factor("length_mm") / pitch), 150) + 2
    spine = through(line, count)
    gape = np.linspace(0, 1, count) * (factor("gape_mm") if factor.happens(0.3) else 0.0)
    teeth = []
    for side in (-1, 1):
        row = spine + side * (beside(spine, 1.0) - spine) * gape[:, None]
        outer = row + side * (beside(spine, tooth) - spine)
        teeth += [np.stack(pair) for pair in list(zip(row, outer, strict=True))[(side + 1) // 2 :: 2]]
    canvas.rod("copper" if factor.happens(0.7) else "pvc", strokes(teeth), 0.35 * pitch, depth=0.9)
    slider = placed(oblong(2.2 * tooth + 3, 3 * tooth, 1.5), (spine[0][0], spine[0][1]))
    canvas.plate("copper", [slider], 2.0)
    canvas.ribbon("copper", placed(oblong(5, 16, 2), (spine[0][0], spine[0][1] - 10), factor("turn_deg") * 4), 1.5, 1.2)


def buttons(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Sew on buttons, press studs or rivets: in a row, or strewn."""
    count = factor.count("buttons")
    start = canvas.place(*factor.rng.random(2))
    row = wander(factor.rng, start, factor("turn_deg"), factor("apart_mm") * count, 0.5)
    radius, thick = factor("radius_mm"), factor("thickness_mm")
    kind = factor.rng.random()
    for k in range(count):
        at = (
            row[int((k + 0.5) / count * len(row))]
            if factor.happens(0.8)
            else np.array(canvas.place(*factor.rng.random(2)))
        )
        centre = (float(at[0]), float(at[1]))
        disc = placed(oval(2 * radius, 2 * radius), centre)
        if kind < 0.4:
            holes = [
                placed(oval(2, 2, 8), (centre[0] + sx, centre[1] + sz))
                for sx, sz in ((-2, 2), (2, 2), (-2, -2), (2, -2))
            ]
            canvas.plate("pvc", [disc, *holes[: 4 if factor.happens(0.6) else 2]], 1.5 * thick)
        elif kind < 0.75:
            canvas.plate("copper", [disc], 0.5 * thick)
            canvas.rod("copper", disc, 0.9)
            canvas.plate("steel", [placed(oval(0.7 * radius, 0.7 * radius), centre)], thick)
        else:
            canvas.plate("copper", [disc, placed(oval(0.9 * radius, 0.9 * radius), centre)], thick)


def buckle(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Put on a belt with its buckle, eyelets or not."""
    x, z = scene.landmarks["promontory"]
    centre = (x + factor("aside_mm"), z + factor("above_mm"))
    turn, width = factor("turn_deg"), factor("belt_mm")
    if factor.happens(0.6):
        sag = factor("sag_mm")
        belt = through([(-260, sag), (-120, sag / 4), (0, 0), (120, sag / 4), (260, sag)], 30)
        canvas.ribbon("pvc", placed(belt, centre, turn), width, factor("leather_mm"))
        if factor.happens(0.4):
            for k in range(1, 6):
                canvas.rod("copper", placed(oval(6, 6, 16), (centre[0] + 25 + 22 * k, centre[1]), turn), 0.8)
    frame = placed(oblong(factor("frame_mm"), width + 12, factor("corner_mm")), centre, turn)
    canvas.rod("steel" if factor.happens(0.6) else "copper", frame, factor("bar_mm"), depth=factor("depth"))
    bar = placed([(-factor("frame_mm") / 2, 0), (factor("frame_mm") / 2, 0)], centre, turn)
    canvas.rod("steel", bar, 0.7 * factor("bar_mm"))


def coins_and_keys(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Fill a pocket with coins or a bunch of keys."""
    rng = factor.rng
    centre = canvas.place(*rng.random(2))
    spread = factor("spread_mm")
    if factor.happens(0.6):
        for _ in range(factor.count("coins")):
            at = (centre[0] + rng.normal() * spread, centre[1] + rng.normal() * spread)
            diameter = 2 * factor("coin_mm")
            disc = placed(
                oval(diameter, diameter * (rng.uniform(0.2, 1) if factor.happens(0.3) else 1)), at, factor("turn_deg")
            )
            canvas.plate("copper" if factor.happens(0.6) else "steel", [disc], factor("thick_mm"))
        return
    ring = factor("ring_mm")
    canvas.rod("steel", placed(oval(2 * ring, 2 * ring), centre), 1.0)
    for _ in range(factor.count("keys")):
        turn, length = factor("turn_deg"), factor("key_mm")
        bits = [(0.45 * length + k * 0.05 * length, -2 - 2.5 * rng.random()) for k in range(11)]
        blade = [(0.4 * length, 3), (0.98 * length, 3), (length, 0), *bits[::-1], (0.4 * length, -3)]
        bow = oval(0.4 * length, 0.36 * length) + (0.2 * length, 0)
        eye = oval(0.1 * length, 0.12 * length, 12) + (0.08 * length, 0)
        canvas.plate("copper", [placed(bow, centre, turn), placed(eye, centre, turn)], factor("thick_mm"))
        canvas.plate("copper", [placed(blade, centre, turn)], factor("thick_mm"))


def rings(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Leave rings: of fingers, jewellery, tags, seen from the front or askew."""
    for _ in range(factor.count("rings")):
        diameter = 2 * factor("radius_mm")
        outline = oval(diameter, diameter * factor("squash"), 40)
        centre = canvas.place(*factor.rng.random(2))
        if factor.happens(0.25):
            outline = outline[: int(factor.rng.integers(20, 40))]
            canvas.rod("steel", placed(outline[[0, -1]], centre, 0), 2.2)
        canvas.rod(
            "steel" if factor.happens(0.5) else "copper", placed(outline, centre, factor("turn_deg")), factor("wire_mm")
        )


def phone(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Leave a phone in a pocket: case, battery, boards with their parts, coil."""
    rng = factor.rng
    centre, turn = canvas.place(factor("across"), factor("down")), factor("turn_deg")
    wide, high = factor("width_mm"), factor("height_mm")

    def part(material: str, middle: tuple[float, float], size: tuple[float, float], thickness_mm: float) -> None:
        local = oblong(*size, 1.5) + middle
        canvas.plate(material, [placed(local, centre, turn)], thickness_mm)

    canvas.plate("aluminium", [placed(oblong(wide, high, 9), centre, turn)], factor("case_mm"))
    canvas.ribbon("aluminium", placed(oblong(wide, high, 9), centre, turn), 3, 4)
    part("glass", (0, 0), (wide - 4, high - 4), 1.2)
    part("copper", (0.12 * wide, -0.1 * high), (0.55 * wide, 0.55 * high), factor("battery_mm"))
    for _ in range(factor.count("parts")):
        middle = ((rng.random() - 0.5) * 0.8 * wide, (rng.random() - 0.5) * 0.85 * high)
        part("copper", middle, (rng.uniform(2, 14), rng.uniform(2, 14)), rng.uniform(0.1, 1.0))
    canvas.rod("copper", placed(oval(40, 40), centre, turn), 1.0)
