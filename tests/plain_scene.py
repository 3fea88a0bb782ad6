"""A scene made of a few ellipses and rods, and tables of factors, for tests that need no anatomy."""

from dataclasses import replace

import numpy as np

from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Range, Table, widened
from pbrs.synthesis.fields import ellipse, to_segment_mm
from pbrs.synthesis.scene import Scene
from pbrs.synthesis.view import View


def plain_scene(shape: tuple[int, int] = (144, 192), arthroplasty: tuple[str, ...] = (), plate_deg: float = 0) -> Scene:
    view = View(shape, (0, -1000, 30), 100, (0, 30), 430 / shape[1], plate_deg)
    masks, landmarks = {"sacrum": ellipse(view, (0, 70), (45, 50)) < 1}, {}
    for out, side in ((-1, "right"), (1, "left")):
        masks[f"hip_{side}"] = ellipse(view, (95 * out, 80), (50, 75)) < 1
        masks[f"femur_{side}"] = to_segment_mm(view, (130 * out, -45), (126 * out, -250)) < 16
        places = {
            "head": (90, 0), "socket": (90, 0), "neck": (130, -40), "trochanter": (150, 5), "shaft": (128, -150),
            "crest": (100, 150), "flank": (145, 120), "ischium": (60, -65),
        }  # fmt: skip
        landmarks.update({f"{name}_{side}": (out * x, z) for name, (x, z) in places.items()})
    landmarks.update(symphysis=(0, -25), promontory=(0, 110), coccyx=(0, 5))
    bone = np.logical_or.reduce(list(masks.values())) * np.float32(10)
    return Scene(view, bone / 3, bone, masks, landmarks, 24.0, arthroplasty)


def only(*names: str, table: Table = FACTORS) -> Table:
    """Give the table with these factors always there, and no other."""
    return {name: replace(row, probability=float(name in names)) for name, row in table.items()}


def pinned(**factors: dict[str, float]) -> Table:
    """Give the table with these factors always there, and no other; a number that is not given is 0."""
    table = only(*factors)
    for name, numbers in factors.items():
        ranges = {key: Range(at, at) for key in table[name].ranges for at in [numbers.get(key, 0.0)]}
        assert numbers.keys() <= ranges.keys()
        table[name] = replace(table[name], ranges=ranges)
    return table


def extremes(*names: str) -> dict[str, Table]:
    """Give tables with only these factors: as they are, widened by half, and every number at an end of that."""
    wide = widened(FACTORS, 1.5)

    def pinned(end: str) -> Table:
        return {
            name: replace(row, ranges={key: _only(values, getattr(values, end)) for key, values in row.ranges.items()})
            for name, row in wide.items()
        }

    tables = {"usual": FACTORS, "wide": wide, "low": pinned("low"), "high": pinned("high")}
    return {name: only(*names, table=table) for name, table in tables.items()}


def _only(values: Range, number: float) -> Range:
    return replace(values, low=number, high=number)
