"""Borders: where the beam is collimated, and the shutters, bands and frames that software and film add."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.fields import smoothstep
from pbrs.synthesis.scene import Scene
from pbrs.synthesis.view import View

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Field:
    """What the collimator lets through.

    Attributes
    ----------
    fraction
        Part of the beam that reaches each pixel, float32 (H, W) in [0, 1].
    exposed
        bool (H, W): False where nothing is labelled. It reaches a little into the penumbra, whose brighter part still
        shows bone.
    """

    fraction: Floats
    exposed: Bools


def collimate(view: View, scene: Scene, draw: Draw) -> Field:
    """Close the collimator's blades, or a round cone, around the field."""
    fraction = np.ones(view.shape, np.float32)
    exposed = np.ones(view.shape, np.bool_)
    right, down = _from_centre(view.shape)
    for factor, distance in ((draw("collimation"), _blades_mm), (draw("cone"), _cone_mm)):
        if factor is None:
            continue
        inside_mm = distance(factor, right * np.float32(view.pixel_mm), down * np.float32(view.pixel_mm))
        penumbra = max(factor("penumbra_mm"), 0.2)
        leak = factor("leak")
        fraction *= np.float32(leak) + np.float32(1 - leak) * smoothstep(inside_mm / np.float32(penumbra) + 0.5)
        exposed &= inside_mm > -penumbra / 4
    return Field(fraction, exposed)


def frame(grey: Floats, exposed: Bools, draw: Draw) -> tuple[Floats, Bools]:
    """Add electronic shutters, glowing edges, film frames and letterbox bands.

    Parameters
    ----------
    grey
        The radiograph, float32 (H, W) in [0, 1].
    exposed
        What was exposed, bool (H, W).
    draw
        Random numbers.

    Returns
    -------
    grey
        The radiograph with its borders.
    exposed
        What is exposed and not under a border: never more than was.
    """
    grey = grey.copy()
    blackened = draw("auto_shutter")
    if blackened is not None and not exposed.all():
        reach_px = round((blackened("inset") if blackened.happens(0.7) else -blackened("outset")) * max(grey.shape))
        kept = _shrunk(exposed, reach_px)
        grey[~kept] = _level(blackened)
        exposed = exposed & kept
    glow = draw("edge_glow")
    if glow is not None:
        grey = _glowing(grey, exposed, glow)
    right, down = _from_centre(grey.shape)
    for factor, opening in (
        (draw("shutter"), _shutter),
        (draw("letterbox"), _letterbox),
        (draw("film_frame"), _film_frame),
    ):
        if factor is not None:
            kept = opening(factor, right, down)
            grey[~kept] = _level(factor)
            exposed = exposed & kept
    return grey, exposed


def _from_centre(shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Give each pixel's place from the image's centre in px: to the right (1, W), and down (H, 1)."""
    height, width = shape
    right = np.arange(width, dtype=np.float32)[None] + np.float32(0.5 - width / 2)
    down = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5 - height / 2)
    return right, down


def _blades_mm(factor: Drawn, right: Floats, down: Floats) -> Floats:
    """Give the distance inside the nearest of one to four straight blades."""
    tilt = np.deg2rad(factor("tilt_deg") * factor.rng.random() ** 2)
    cos, sin = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
    along, across = cos * right + sin * down, cos * down - sin * right
    half_width, half_height = -float(right[0, 0]), -float(down[0, 0])
    inside = np.full((down.size, right.size), np.inf, np.float32)
    for side in factor.rng.permutation(4)[: factor.count("sides")]:
        half = half_width if side < 2 else half_height
        # blades close in on little more often than on much
        edge = np.float32(half - min(factor("inset_mm") * factor.rng.random(), 0.35 * half))
        place = along if side < 2 else across
        np.minimum(inside, edge - place if side % 2 else edge + place, out=inside)
    return inside


def _cone_mm(factor: Drawn, right: Floats, down: Floats) -> Floats:
    """Give the distance inside a circle."""
    longer = -max(float(right[0, 0]), float(down[0, 0]), key=abs)
    radius = np.float32(factor("radius") * longer)
    x, y = (np.float32(factor("offset") * factor.sign() * longer) for _ in range(2))
    return np.asarray(radius - np.hypot(right - x, down - y), np.float32)


def _shrunk(exposed: Bools, reach_px: int) -> Bools:
    """Take a rim of `reach_px` off what is exposed, or add one if it is negative."""
    if reach_px == 0:
        return exposed
    side = 2 * abs(reach_px) + 1
    change = cv2.erode if reach_px > 0 else cv2.dilate
    return np.asarray(change(exposed.astype(np.uint8), np.ones((side, side), np.uint8)), np.uint8).astype(bool)


def _level(factor: Drawn) -> np.float32:
    """Draw the grey of a border: mostly black, sometimes white."""
    kind = factor.rng.random()
    return np.float32(0.0 if kind < 0.55 else 1.0 if kind > 0.9 else factor("level"))


def _glowing(grey: Floats, exposed: Bools, factor: Drawn) -> Floats:
    """Brighten what lies next to the edge of the exposed field, as light does that leaks into a cassette."""
    inside = np.pad(exposed, 1).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3)[1:-1, 1:-1]
    width = max(factor("width") * max(grey.shape), 0.5)
    return np.asarray(np.clip(grey + np.float32(factor("strength")) * np.exp(-distance / width) * exposed, 0, 1))


def _shutter(factor: Drawn, right: Floats, down: Floats) -> Bools:
    """Open a rectangle, turned or not, or an ellipse."""
    half_width, half_height = -float(right[0, 0]), -float(down[0, 0])
    tilt = np.deg2rad(factor("tilt_deg")) if factor.happens(0.3) else 0.0
    cos, sin = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
    along, across = cos * right + sin * down, cos * down - sin * right
    if factor.happens(0.2):
        radii = ((0.85 + factor("inset") * factor.sign()) * half for half in (half_width, half_height))
        wide, high = (np.float32(radius * 1.15) for radius in radii)
        return np.asarray((along / wide) ** 2 + (across / high) ** 2 < 1)
    kept = np.ones((down.size, right.size), np.bool_)
    for side in factor.rng.permutation(4)[: factor.count("sides")]:
        half, place = (half_width, along) if side < 2 else (half_height, across)
        edge = np.float32(half * (1 - factor("inset") * factor.rng.random()))
        kept &= (place if side % 2 else -place) < edge
    return kept


def _letterbox(factor: Drawn, right: Floats, down: Floats) -> Bools:
    """Open what lies between bands left and right, or above and below."""
    place, other = (right, down) if factor.happens(0.6) else (down, right)
    half = -float(place.flat[0])
    first, second = (half * (1 - 2 * factor("band")) for _ in range(2))
    if factor.happens(0.5):
        second = first
    elif factor.happens(0.4):
        second = half + 1
    if factor.happens(0.5):
        first, second = second, first
    return np.asarray((place > -first) & (place < second) & np.isfinite(other))


def _film_frame(factor: Drawn, right: Floats, down: Floats) -> Bools:
    """Open a rectangle with rounded corners."""
    half_width, half_height = -float(right[0, 0]), -float(down[0, 0])
    longer = max(half_width, half_height)
    left, top = (factor("width") * longer * factor.rng.uniform(0.3, 1.7) for _ in range(2))
    wide, high = half_width - factor("width") * longer, half_height - factor("width") * longer
    corner = np.float32(min(factor("corner") * longer, wide, high))
    x = np.abs(right - np.float32((left - factor("width") * longer) / 2)) - np.float32(wide) + corner
    y = np.abs(down - np.float32((top - factor("width") * longer) / 2)) - np.float32(high) + corner
    beyond = np.hypot(np.maximum(x, 0), np.maximum(y, 0)) + np.minimum(np.maximum(x, y), 0)
    return np.asarray(beyond < corner)
