"""A patient of few shapes, and tables in which only some factors are there: for tests of exposure and processing."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Range, Table, widened
from pbrs.synthesis.fields import capsule_mm
from pbrs.synthesis.view import View

Floats = NDArray[np.float32]

GROUPS = ("detector", "processing")


def view_of(longer_side: int) -> View:
    return View((longer_side, longer_side * 15 // 16), (20.0, -1000.0, 40.0), 120.0, (0.0, 0.0), 440 / longer_side)


def patient(view: View) -> dict[str, Floats]:
    """Give a round body of muscle, a rod of bone in it, a pocket of air beside that, a bar of steel; air around."""
    x, _ = view.plane_mm
    muscle = 200 * np.sqrt(np.maximum(1 - (x / 180) ** 2, 0)) - capsule_mm(view, (60, 100), (60, 60), 20)
    return {
        "muscle": np.maximum(muscle, 0).astype(np.float32),
        "cortical_bone": capsule_mm(view, (-60, 120), (-60, -150), 15) * np.float32(0.6),
        "steel": capsule_mm(view, (0, -100), (40, -100), 4),
    }


def body(view: View) -> NDArray[np.bool_]:
    return patient(view)["muscle"] > 3


def only(*names: str) -> Table:
    """Give the table in which these factors are always there and no others are."""
    return {name: replace(row, probability=float(name in names)) for name, row in FACTORS.items()}


def fixed(table: Table, name: str, **numbers: float) -> Table:
    """Give the table with numbers of one factor fixed."""
    ranges = {key: Range(number, number) for key, number in numbers.items()}
    return dict(table) | {name: replace(table[name], ranges=dict(table[name].ranges) | ranges)}


def extreme_tables() -> dict[str, Table]:
    """Give tables in which every factor of `GROUPS` is there: widened by half, at all lows, at all highs."""
    everything = only(*(name for name, row in FACTORS.items() if row.group in GROUPS))
    wide = widened(everything, 1.5)
    return {"widened": wide, "lows": _extreme(wide, high=False), "highs": _extreme(wide, high=True)}


@contextmanager
def opencv_threads(count: int) -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _extreme(table: Table, *, high: bool) -> Table:
    def end(values: Range) -> Range:
        number = values.high if high else values.low
        if number > 5:
            number = math.floor(number)  # it may be one to count by
        return replace(values, low=number, high=number)

    return {
        name: replace(row, ranges={key: end(values) for key, values in row.ranges.items()})
        for name, row in table.items()
    }
