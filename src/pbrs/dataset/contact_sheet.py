"""A contact sheet: every case small, its mask drawn over it, its stem below, on pages to look through."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import binary_erosion

from pbrs.atomic_write import write_png
from pbrs.tile_sheet import join_tiles, load_font, shorten

COLUMNS, ROWS = 8, 6
CASES_PER_PAGE = COLUMNS * ROWS

_TILE = 224
_GAP = 10
_CAPTION = 24
_BACKGROUND = (18, 20, 24)
_TEXT = (225, 228, 232)
_WARNING = (255, 178, 62)
_REGION = np.array([38, 198, 208], dtype=np.float32)


class ContactSheet:
    """Pages of `CASES_PER_PAGE` cases, each written when it is full: only one is in memory.

    Parameters
    ----------
    folder
        Where ``page_001.png`` and so on go; pages of an earlier sheet there are removed.
    """

    def __init__(self, folder: Path) -> None:
        self.pages: list[Path] = []
        self._folder = folder
        self._font = load_font(14)
        self._tiles: list[Image.Image] = []
        for old in folder.glob("page_*.png"):
            old.unlink()

    def add(
        self, stem: str, pixels: NDArray[np.float32] | None, mask: NDArray[np.bool_] | None, remark: str = ""
    ) -> None:
        """Add one case.

        Parameters
        ----------
        stem
            Written below the picture; shortened in its middle where it is too long.
        pixels
            float32 (H, W) in [0, 1]; None where the image cannot be read.
        mask
            bool (H, W) of the same shape; None where there is none.
        remark
            What is wrong, in a few words; the tile gets a coloured frame.
        """
        tile = Image.new("RGB", (_TILE, _TILE + _CAPTION), _BACKGROUND)
        if pixels is not None:
            picture = _overlay(pixels, mask)
            tile.paste(picture, ((_TILE - picture.width) // 2, (_TILE - picture.height) // 2))
        draw = ImageDraw.Draw(tile)
        if remark:
            draw.rectangle((0, 0, _TILE - 1, _TILE - 1), outline=_WARNING, width=3)
            width = draw.textlength(remark, font=self._font)
            draw.rectangle((0, _TILE - 24, width + 14, _TILE - 1), fill=_WARNING)
            draw.text((7, _TILE - 12), remark, font=self._font, fill=_BACKGROUND, anchor="lm")
        caption = shorten(stem, _TILE, draw, self._font)
        draw.text((_TILE / 2, _TILE + _CAPTION / 2), caption, font=self._font, fill=_TEXT, anchor="mm")
        self._tiles.append(tile)
        if len(self._tiles) == CASES_PER_PAGE:
            self.close()

    def close(self) -> None:
        """Write the page that is not full yet, if there is one."""
        if not self._tiles:
            return
        path = self._folder / f"page_{len(self.pages) + 1:03d}.png"
        write_png(path, join_tiles(self._tiles, COLUMNS, _GAP, _BACKGROUND))
        self.pages.append(path)
        self._tiles.clear()


def _overlay(pixels: NDArray[np.float32], mask: NDArray[np.bool_] | None) -> Image.Image:
    """Picture and mask, fitted into a tile: the region tinted, its outline bright."""
    height, width = pixels.shape
    scale = _TILE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.BILINEAR)
    grey = np.repeat(np.clip(np.asarray(small), 0, 1)[:, :, None] * 255, 3, axis=2)
    if mask is not None:
        covered = Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
        share = np.asarray(covered)[:, :, None]
        grey = grey * (1 - 0.25 * share) + _REGION * (0.25 * share)
        inside = share[:, :, 0] >= 0.5
        grey[inside & ~binary_erosion(inside)] = _REGION
    return Image.fromarray(np.round(grey).astype(np.uint8))
