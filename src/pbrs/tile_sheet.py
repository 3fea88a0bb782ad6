"""Square pictures with captions, side by side on one sheet to look through."""

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "segoeui.ttf", "Arial.ttf")
"""Of Linux, Windows and macOS, with far more letters than Pillow's own, which has hardly any beyond ASCII."""


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


def load_font(size: int) -> Font:
    """Load the first font of `_FONTS` that is installed, else Pillow's own."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def spell(text: str, font: Font) -> str:
    """Write a text with the letters that a font has: others lose their accents, or become question marks."""
    missing = bytes(font.getmask("\U0010ffff"))

    def has(letter: str) -> bool:
        return bytes(font.getmask(letter)) != missing

    letters = []
    for letter in " ".join(unicodedata.normalize("NFC", text).split()):
        plain = letter if has(letter) else "".join(filter(has, unicodedata.normalize("NFKD", letter)))
        letters.append(plain or "?")
    return "".join(letters)


def shorten(name: str, width_px: int, draw: ImageDraw.ImageDraw, font: Font) -> str:
    """Shorten a name to fit a width, on one line, whatever is in it.

    Both ends are kept: UIDs begin alike, names with numbers end differently.
    """
    text = name = spell(name, font)
    keep = len(name)
    while draw.textlength(text, font=font) > width_px and keep > 8:
        keep -= 1
        text = f"{name[: keep // 3]}…{name[-(keep - keep // 3) :]}"
    return text
