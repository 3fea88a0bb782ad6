"""What hides or strikes the patient: gonad shields, gravel and glass, bullets and their fragments."""

import numpy as np

from pbrs.synthesis.canvas import Canvas
from pbrs.synthesis.curves import Points, dots, oblong, oval, placed, through
from pbrs.synthesis.factors import Drawn
from pbrs.synthesis.scene import Scene


def gonad_shield(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Lay a lead shield over the lower pelvis or the scrotum, well or badly placed; nothing under it can be seen."""
    x, z = scene.landmarks["symphysis"]
    above = factor("above_mm") if factor.happens(0.6) else -factor("below_mm")
    centre = (x + factor("aside_mm"), z + above)
    outline = placed(_shield(factor) * (factor("width_mm"), factor("height_mm")), centre, factor("turn_deg"))
    canvas.plate("lead", [outline], factor("lead_mm"), opaque=True)
    if factor.happens(0.3):
        canvas.ribbon("pvc", outline, 6.0, 2.0)
    if factor.happens(0.15):
        tape = placed([(-130, 0), (130, 0)], centre, factor("turn_deg"))
        canvas.ribbon("pvc", tape, 20.0, 0.5)


def calibration_ball(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Place a steel ball to measure by, on its arm, or leave a prosthesis's head with its neck."""
    centre, turn = canvas.place(factor("across"), factor("down")), factor("turn_deg")
    radius = factor("radius_mm")
    canvas.rod("steel", np.array([centre]), radius)
    if factor.happens(0.3):
        canvas.rod("titanium", placed([(0, 0), (35, 0)], centre, turn), np.array([6.0, 8.0]))
    else:
        canvas.rod("polyethylene", placed([(0, 0), (factor("arm_mm"), 0)], centre, turn), 5.0)
        canvas.rod("polyethylene", placed(oval(2 * radius + 8, 2 * radius + 8), centre), 3.0)


def _shield(factor: Drawn) -> Points:
    """Give one of the usual outlines, about 1 wide and high, pointing down."""
    t = np.linspace(0, 2 * np.pi, 48)
    lobed = 0.35 + 0.15 * np.cos(2 * t)
    wing = np.concatenate([[(0.1, -0.5), (0.2, -0.1)], through([(0.5, 0.1), (0.5, 0.4), (0.3, 0.5), (0, 0.4)], 20)])
    apron = through([(-0.5, 0.5), (-0.42, 0.0), (-0.15, -0.45), (0.15, -0.45), (0.42, 0.0), (0.5, 0.5)], 30)
    heart = np.stack([16 * np.sin(t) ** 3, 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)], 1)
    shapes = (
        heart / 32,
        np.array([(-0.5, 0.5), (0.5, 0.5), (0.08, -0.5), (-0.08, -0.5)]),
        oval(1, 1, 48),
        oblong(1, 1, factor.rng.uniform(0, 0.4)),
        np.array([(0, 0.5), (0.5, 0), (0, -0.5), (-0.5, 0)]),
        np.stack([lobed * np.cos(t), 1.4 * lobed * np.sin(t)], 1),
        np.concatenate([wing, (wing * (-1, 1))[::-1]]),
        np.concatenate([apron, [(0.2, 0.42), (-0.2, 0.42)]]),
    )
    return shapes[int(factor.rng.integers(len(shapes)))]


def debris(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Scatter gravel or glass on skin, clothes or table."""
    rng = factor.rng
    count = factor.count("grains")
    spread = factor("spread_mm") * rng.uniform(0.4, 1, 2)
    places = np.asarray(canvas.place(*rng.random(2))) + rng.normal(size=(count, 2)) * spread
    sizes = factor("size_mm") * rng.lognormal(0, 0.5, count)
    material = "glass" if factor.happens(0.5) else "calcification"
    if factor.happens(0.5):
        canvas.rod(material, dots(places), np.repeat(sizes, 3)[:-1] / 2)
        return
    for at, size in zip(places, sizes, strict=True):
        corners = np.sort(rng.uniform(0, 2 * np.pi, 6))
        shard = np.stack([np.cos(corners), np.sin(corners)], 1) * rng.uniform(0.3, 0.8, (6, 1)) * size
        canvas.plate(material, [placed(shard, (at[0], at[1]))], 0.7 * size)


def bullets(factor: Drawn, canvas: Canvas, scene: Scene) -> None:
    """Leave bullets, pellets or splinters of metal, with the dust that they shed along their way."""
    rng = factor.rng
    centre = canvas.place(*rng.uniform(0.1, 0.9, 2))
    kind = rng.random()
    if kind < 0.5:
        radius, turn = factor("calibre_mm") / 2, factor("turn_deg")
        length = radius * rng.uniform(1.5, 3.5)
        canvas.rod(
            "lead", placed([(0, 0), (length, 0), (1.3 * length, 0)], centre, turn), np.array([1, 1, 0.5]) * radius
        )
    pellets = np.asarray(centre) + rng.normal(size=(factor.count("pellets"), 2)) * factor("spread_mm")
    if kind < 0.8:
        sizes = factor("dust_mm") * rng.lognormal(0, 0.6, len(pellets))
    else:
        sizes = np.full(len(pellets), factor("pellet_mm"))
    canvas.rod("lead", dots(pellets), np.repeat(sizes, 3)[:-1] / 2)
