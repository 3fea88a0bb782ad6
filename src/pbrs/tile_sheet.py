"""Square pictures with captions, side by side on one sheet to look through."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def join_tiles(
    tiles: Sequence[Image.Image], columns: int, gap_px: int, background: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Lay tiles of one size out in rows, from the top left.

    Parameters
    ----------
    tiles
        At least one.
    columns
        Most tiles in a row.
    gap_px
        Between tiles, and around them.
    background
        Red, green, blue, 0–255.

    Returns
    -------
    numpy.ndarray
        uint8 (H, W, 3).
    """
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    width, height = tiles[0].width + gap_px, tiles[0].height + gap_px
    sheet = Image.new("RGB", (columns * width + gap_px, rows * height + gap_px), background)
    for index, tile in enumerate(tiles):
        sheet.paste(tile, (gap_px + index % columns * width, gap_px + index // columns * height))
    return np.asarray(sheet)


def shorten(name: str, width_px: int, draw: ImageDraw.ImageDraw, font: Font) -> str:
    """Shorten a name to fit a width, on one line, whatever is in it.

    Both ends are kept: UIDs begin alike, names with numbers end differently.
    """
    text = name = " ".join(name.split())
    keep = len(name)
    while draw.textlength(text, font=font) > width_px and keep > 8:
        keep -= 1
        text = f"{name[: keep // 3]}…{name[-(keep - keep // 3) :]}"
    return text
