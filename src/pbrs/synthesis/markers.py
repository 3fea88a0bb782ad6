"""Markers: lead letters on the cassette, and the text, scales, icons and arrows that software burns in."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.canvas import Canvas
from pbrs.synthesis.curves import oblong, oval, placed
from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.lettering import FACES, written
from pbrs.synthesis.scene import Scene

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

SIDES = ("R", "L", "R", "L", "R", "L", "D", "I", "G", "E", "S", "RT", "LT", "RIGHT", "LEFT", "Re", "Li")
WORDS = (
    "AP", "SUPINE", "PORTABLE", "PELVIS", "PELVIS AP", "ERECT", "MOBILE", "TRAUMA", "ER", "BED", "PORT", "UPRIGHT",
    "A/P", "GRID", "DX", "CR", "Beckenuebersicht", "BASSIN FACE", "CADERA", "HIPS", "XR PELVIS 1V", "STAT", "SEMI",
    "Bacino AP", "HIP BOTH", "P-A", "DEC", "1 of 2", "Compressed 10:1", "NOT FOR DIAGNOSIS", "Zoom 34%", "+", "*",
)  # fmt: skip


def lead_markers(scene: Scene, draw: Draw) -> dict[str, Floats]:
    """Lay lead letters on the cassette, mostly near an edge of the image; material → mm, float32 (H, W)."""
    canvas = Canvas(scene.view)
    factor = draw("lead_letter")
    if factor is not None:
        for _ in range(factor.count("markers")):
            _lead_letter(factor, canvas)
    return canvas.materials


def burn_in(grey: Floats, exposed: Bools, scene: Scene, draw: Draw) -> Floats:
    """Write on the radiograph, float32 (H, W) in [0, 1], what workstations and printers do; give a new one."""
    grey = grey.copy()
    for name, paint in _BURNT.items():
        factor = draw(name)
        if factor is not None:
            paint(factor, grey, scene.view.pixel_mm)
    return grey


def _lead_letter(factor: Drawn, canvas: Canvas) -> None:
    """Lay one marker: bare letters, or letters on a strip or disc with a rim, at times with initials below."""
    rng = factor.rng
    across, down = _near_edge(factor)
    centre = canvas.place(across, down)
    height, turn = factor("height_mm"), factor("turn_deg")
    if factor.happens(0.1):
        turn += 90.0 * factor.count("quarters")
    word = str(rng.choice(SIDES))
    lines = [word]
    if factor.happens(0.25):
        lines.append("".join(rng.choice(list("ABCDEFGHJKLMNPRSTVW"), int(rng.integers(2, 4)))))
    picture = written(lines, 64, str(rng.choice(("sans", "italic"))), int(rng.integers(300, 1000)))
    if factor.happens(0.07):
        picture = np.ascontiguousarray(picture[:, ::-1])
    thickness = factor("thickness_mm")
    # in `written`, a line's type fills two thirds of its height
    high = height * 1.5 * len(lines)
    wide = high * picture.shape[1] / picture.shape[0]
    canvas.stamp("lead", picture, centre, high, turn, thickness)
    if factor.happens(0.4):
        if factor.happens(0.35):
            outline = oval(1.25 * max(high, wide), 1.25 * max(high, wide))
        else:
            outline = oblong(wide + height * 0.5, high * 1.05, height * rng.uniform(0, 0.4))
        outline = placed(outline, centre, -turn - canvas.view.plate_deg)
        canvas.plate(str(rng.choice(("polyethylene", "aluminium"))), [outline], rng.uniform(0.5, 3))
        if factor.happens(0.7):
            canvas.ribbon("lead", outline, rng.uniform(0.6, 2.5), thickness)
    if factor.happens(0.2):
        # balls of an arrow or of a level
        at = np.asarray(centre) + rng.uniform(-1, 1, 2) * height
        canvas.rod("steel", np.array([at]), rng.uniform(0.8, 2.5))


def _near_edge(factor: Drawn) -> tuple[float, float]:
    """Give fractions of width and height near one of the image's edges, now and then anywhere."""
    rng = factor.rng
    if factor.happens(0.12):
        return float(rng.uniform(0, 1)), float(rng.uniform(0, 1))
    margin, along = factor("margin"), float(rng.uniform(0.02, 0.98))
    side = margin if factor.happens(0.5) else 1 - margin
    return (side, along) if factor.happens(0.7) else (along, side)


def _burn(grey: Floats, picture: Floats, top: int, left: int, level: float) -> None:
    """Paint a coverage on to the radiograph; what lies beyond its edges is cut."""
    height, width = grey.shape
    rows = slice(max(top, 0), min(top + picture.shape[0], height))
    columns = slice(max(left, 0), min(left + picture.shape[1], width))
    if rows.start < rows.stop and columns.start < columns.stop:
        part = picture[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        grey[rows, columns] += (np.float32(level) - grey[rows, columns]) * part


def _corner(factor: Drawn, shape: tuple[int, ...], size: tuple[int, ...]) -> tuple[int, int]:
    """Give the top and left of something `size` big: by an edge or corner, at times cut by it."""
    rng = factor.rng
    margin = factor("margin") * max(shape) * (-1 if factor.happens(0.12) else 1)
    ends = [(margin, whole - part - margin) for whole, part in zip(shape, size, strict=True)]
    place = [pair[int(factor.happens(0.5))] for pair in ends]
    if factor.happens(0.4):
        axis = int(factor.happens(0.4))
        low, high = sorted(ends[axis])
        place[axis] = float(rng.uniform(low, high))
    return round(place[0]), round(place[1])


def _type_px(factor: Drawn, grey: Floats) -> int:
    return max(5, int(factor("height") * max(grey.shape)))


def _level(factor: Drawn) -> float:
    return 1.0 if factor.happens(0.6) else factor("level")


def _text(factor: Drawn, grey: Floats, lines: Sequence[str], weights: tuple[int, int]) -> None:
    """Burn in lines of text, at times with a box around, on a box of even grey, or with a dark shadow."""
    rng = factor.rng
    picture = written(
        lines, _type_px(factor, grey), str(rng.choice(FACES, p=(0.6, 0.1, 0.3))), int(rng.integers(*weights))
    )
    stretch = rng.uniform(0.75, 1.25)
    size = max(3, round(picture.shape[1] * stretch)), picture.shape[0]
    picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
    top, left = _corner(factor, grey.shape, picture.shape)
    level, kind = _level(factor), rng.random()
    if kind < 0.12:
        _burn(grey, np.ones_like(picture), top, left, rng.uniform(0, 0.3) if level > 0.6 else rng.uniform(0.7, 1))
    elif kind < 0.27:
        edge = max(1, round(picture.shape[0] * 0.05))
        outline = np.ones_like(picture)
        outline[edge:-edge, edge:-edge] = 0
        _burn(grey, outline, top, left, level)
    elif kind < 0.45:
        _burn(grey, picture, top + 1, left + 1, 0.0)
    _burn(grey, picture, top, left, level)


def _side(factor: Drawn, grey: Floats, pixel_mm: float) -> None:
    """Burn in a side letter, in a circle or not."""
    word = str(factor.rng.choice(SIDES))
    if factor.happens(0.15):
        height = _type_px(factor, grey)
        size = 2 * height
        ring = np.zeros((size, size), np.uint8)
        cv2.circle(ring, (size // 2, size // 2), int(0.45 * size), (255,), max(1, size // 24), cv2.LINE_AA)
        letter = written([word[0]], height)
        top, left = _corner(factor, grey.shape, ring.shape)
        level = _level(factor)
        _burn(grey, ring.astype(np.float32) / np.float32(255), top, left, level)
        _burn(grey, letter, top + (size - letter.shape[0]) // 2, left + (size - letter.shape[1]) // 2, level)
        return
    _text(factor, grey, [f"[{word}]" if factor.happens(0.1) else word], (300, 1000))


def _lines(factor: Drawn, grey: Floats, pixel_mm: float) -> None:
    """Burn in blocks of invented lines such as a printer's or a workstation's."""
    for _ in range(factor.count("blocks")):
        _text(factor, grey, [_line(factor) for _ in range(factor.count("lines"))], (200, 700))


def _line(factor: Drawn) -> str:
    """Invent a line."""
    rng = factor.rng
    number = rng.integers
    kind = rng.random()
    if kind < 0.5:
        return str(rng.choice(WORDS))
    if kind < 0.65:
        return str(rng.choice(list("./-"))).join(
            (f"{number(1, 29):02}", f"{number(1, 13):02}", f"{number(1990, 2026)}")
        )
    if kind < 0.75:
        return f"{number(0, 24):02}:{number(0, 60):02}" + (f":{number(0, 60):02}" if factor.happens(0.5) else "")
    return str(
        rng.choice(
            (
                f"{number(60, 100)} kV {number(5, 60)} mAs",
                f"W {number(100, 9999)} C {number(100, 4999)}",
                f"WL: {number(100, 4096)} WW: {number(100, 4096)}",
                f"SID {number(95, 130)} cm",
                f"Im: {number(1, 4)}/{number(4, 9)}",
                f"Se: {number(1, 999)}",
                f"EI {number(100, 2500)} DI {number(-40, 40) / 10}",
                f"ID {number(10_000, 999_999)}",
                f"M {number(18, 98)}Y",
                f"S={number(50, 900)} L={number(15, 26) / 10}",
            )
        )
    )


def _ruler(factor: Drawn, grey: Floats, pixel_mm: float) -> None:
    """Burn in a ruler's ticks along an edge, every centimetre, longer every five, with or without its line."""
    rng = factor.rng
    upright = factor.happens(0.7)
    page = grey if upright else grey.T
    height, width = page.shape
    length, step = factor("length") * height, 10 * max(factor("scale") / pixel_mm, 0.3)
    first = (height - length) * rng.random()
    right = factor.happens(0.6)
    at = round(factor("margin") * width)
    level, thick = _level(factor), max(1, round(height / 500))
    tick = max(2, round(factor("tick") * max(grey.shape)))
    for k in range(int(length / step) + 1):
        reach = tick if k % 5 == 0 else tick // 2
        picture = np.ones((thick, reach), np.float32)
        _burn(page, picture, round(first + k * step), width - at - reach if right else at, level)
    if factor.happens(0.6):
        _burn(page, np.ones((round(length), thick), np.float32), round(first), width - at if right else at, level)
    if factor.happens(0.4):
        label = written([f"{int(length / step)} cm" if factor.happens(0.6) else "10 cm"], max(5, tick), "sans", 400)
        _burn(
            page,
            label if upright else label.T,
            round(first + length),
            width - at - label.shape[1] if right else at,
            level,
        )


def _icon(factor: Drawn, grey: Floats, pixel_mm: float) -> None:
    """Burn in a block such as a coloured icon leaves: a rounded square or a disc with a sign on it."""
    rng = factor.rng
    side = max(6, round(factor("side") * max(grey.shape)))
    shape = np.zeros((side, max(6, round(side * rng.uniform(0.6, 2.5)))), np.float32)
    high, wide = shape.shape
    if factor.happens(0.4):
        cv2.ellipse(shape, (wide // 2, high // 2), (wide // 2 - 1, high // 2 - 1), 0, 0, 360, (1.0,), -1)
    else:
        shape[:] = 1
    top, left = _corner(factor, grey.shape, shape.shape)
    _burn(grey, shape, top, left, factor("level"))
    for _ in range(int(rng.integers(0, 4))):
        sign = np.zeros_like(shape)
        ends = (rng.random((2, 2)) * (wide, high)).astype(int).tolist()
        cv2.line(sign, ends[0], ends[1], (1.0,), max(1, side // 8))
        _burn(grey, sign * shape, top, left, factor("level"))


def _arrow(factor: Drawn, grey: Floats, pixel_mm: float) -> None:
    """Burn in what readers leave: arrows, circles, and measured lines with their length."""
    rng = factor.rng
    height, width = grey.shape
    drawn = np.zeros(grey.shape, np.uint8)
    thick = max(1, round(max(grey.shape) / rng.uniform(200, 600)))
    for _ in range(factor.count("notes")):
        tip = rng.uniform(0.1, 0.9, 2) * (width, height)
        turn, length = rng.uniform(0, 2 * np.pi), factor("length") * max(grey.shape)
        end = tip + length * np.array([np.cos(turn), np.sin(turn)])
        a, b = tip.astype(int).tolist(), end.astype(int).tolist()
        kind = rng.random()
        if kind < 0.5:
            cv2.arrowedLine(drawn, b, a, (255,), thick, cv2.LINE_AA, 0, rng.uniform(0.15, 0.45))
        elif kind < 0.65:
            cv2.ellipse(
                drawn, a, (int(length / 2), int(length * rng.uniform(0.3, 0.5))), 0, 0, 360, (255,), thick, cv2.LINE_AA
            )
        else:
            cv2.line(drawn, a, b, (255,), thick, cv2.LINE_AA)
            for x, y in (a, b):
                cv2.drawMarker(drawn, (x, y), (255,), int(rng.choice((0, 1))), 5 * thick, thick)
            label = written([f"{length * pixel_mm:.1f} mm"], max(6, max(grey.shape) // 45))
            _burn(grey, label, b[1], b[0], 1.0)
    grey += (np.float32(_level(factor)) - grey) * (drawn.astype(np.float32) / np.float32(255))


_BURNT = {
    "burnt_side": _side,
    "burnt_text": _lines,
    "ruler": _ruler,
    "icon": _icon,
    "arrow": _arrow,
}
