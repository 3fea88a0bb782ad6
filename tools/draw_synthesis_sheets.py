"""Draw the sheets of docs/synthesis.md: 24 samples, the same with their masks, and one factor at a time.

python tools/draw_synthesis_sheets.py docs/synthesis
"""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pbrs.atomic_write import atomic_path
from pbrs.dataset.folder import STRUCTURES
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import GROUPS, Table
from pbrs.synthesis.generator import SyntheticRadiograph, generate

SEED = 2026
CELL = 300
SMALL = 176
COLOURS = {"hip_left": (80, 80, 255), "hip_right": (80, 220, 80), "sacrum": (255, 160, 60)} | {
    "femur_left": (60, 220, 255),
    "femur_right": (255, 90, 255),
}  # BGR
QUIET = ("injury", "objects", "processing", "texture")
"""Groups that the sheet of single factors begins without: what is left is a plain radiograph."""


def main(folder: str) -> None:
    samples = [generate(SEED, index, size=CELL) for index in range(24)]
    write_jpeg(Path(folder) / "samples.jpg", sheet([cell(s.pixels, CELL) for s in samples], 6))
    write_jpeg(Path(folder) / "masks.jpg", sheet([cell(outlined(s), CELL) for s in samples], 6))
    write_jpeg(Path(folder) / "factors.jpg", factors())


def factors() -> NDArray[np.uint8]:
    """One cell a factor, by group: the same plain radiograph with that factor at the upper end of its ranges."""
    plain = {
        name: replace(row, probability=0.0) if row.group in QUIET or row.probability < 0.9 else row
        for name, row in FACTORS.items()
    }
    rows = []
    for group in GROUPS:
        names = [name for name, row in FACTORS.items() if row.group == group]
        cells = [cell(generate(SEED, 3, size=SMALL, table=plain).pixels, SMALL, f"{group}: none")]
        for name in names:
            sample = generate(SEED, 3, size=SMALL, table=with_factor(plain, name))
            cells.append(cell(sample.pixels, SMALL, name))
        rows.append(sheet(cells, 10))
    return np.vstack(rows)


def with_factor(table: Table, name: str) -> Table:
    row = FACTORS[name]
    high = {key: replace(values, low=(values.low + 2 * values.high) / 3) for key, values in row.ranges.items()}
    return {**table, name: replace(row, probability=1.0, ranges=high)}


def outlined(sample: SyntheticRadiograph) -> NDArray[np.uint8]:
    picture = cv2.cvtColor(sample.pixels, cv2.COLOR_GRAY2BGR)
    for name in STRUCTURES:
        lines, _ = cv2.findContours(sample.masks[name].astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, lines, -1, COLOURS[name], 1)
    return picture


def cell(picture: NDArray[np.uint8], side: int, title: str = "") -> NDArray[np.uint8]:
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    height, width = picture.shape[:2]
    border = cv2.BORDER_CONSTANT
    padded = cv2.copyMakeBorder(picture, 0, side - height, 0, side - width, border, value=(70, 50, 40))
    if title:
        padded = cv2.copyMakeBorder(padded, 16, 0, 0, 4, border, value=(255, 255, 255))
        cv2.putText(padded, title, (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return padded


def sheet(cells: list[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    blank = np.full_like(cells[0], 255)
    cells = [*cells, *[blank] * (-len(cells) % columns)]
    return np.vstack([np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)])


def write_jpeg(path: Path, picture: NDArray[np.uint8]) -> None:
    with atomic_path(path) as temporary:
        cv2.imwrite(str(temporary), picture, [cv2.IMWRITE_JPEG_QUALITY, 82])


main(sys.argv[1])
