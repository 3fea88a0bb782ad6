"""Contact sheets of one call of `segment`: every radiograph small, with what was found drawn over it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pbrs.atomic_write import write_png
from pbrs.radiograph.anatomy import anatomy_of
from pbrs.radiograph.find import PREVIEW
from pbrs.radiograph.radiograph import Radiograph
from pbrs.segmentation.formats.image import HasMasks
from pbrs.segmentation.overlay import REGION_COLOUR, erode
from pbrs.tile_sheet import join_tiles, load_font, shorten

COLUMNS, ROWS = 6, 4
TILES = COLUMNS * ROWS
"""Radiographs on one sheet."""

THUMBNAIL_PX = 320

_GAP = 12
_CAPTION = 26
_BACKGROUND = (18, 20, 24)
_TEXT = (225, 228, 232)
_WARNING = (255, 178, 62)


def draw_thumbnail(radiograph: Radiograph, segmentation: HasMasks, size: int = THUMBNAIL_PX) -> NDArray[np.uint8]:
    """Draw a radiograph small: the region tinted, and outlined in its structures' colours, or in its own without any.

    Parameters
    ----------
    size
        Longer side in pixels; a smaller radiograph is enlarged, so that it is seen as well as the others.

    Returns
    -------
    numpy.ndarray
        uint8 (h, w, 3).
    """
    scale = size / max(radiograph.shape)
    height, width = (max(1, round(side * scale)) for side in radiograph.shape)
    grey = _scale(radiograph.pixels, (width, height))
    picture = np.repeat(grey[..., None] * 255, 3, axis=2)
    region = _scale(segmentation.mask, (width, height))
    tint = np.asarray(REGION_COLOUR, np.float32)
    picture += 0.2 * region[..., None] * (tint - picture)
    for name, mask in segmentation.structures.items() or [("region", segmentation.mask)]:
        inside = _scale(mask, (width, height)) >= 0.5
        # border_value=1: where a structure meets the image's border there is no outline to draw.
        outline = inside & ~erode(inside, 1)
        picture[outline] = anatomy_of(name).colour
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


class PreviewSheets:
    """Sheets of `TILES` radiographs, each written when it is full: only one is in memory.

    Parameters
    ----------
    out
        Where ``preview.png``, ``preview_2.png`` and so on go; sheets of an earlier call there are removed.
    """

    def __init__(self, out: Path) -> None:
        self.files: list[Path] = []
        self._out = out
        self._tiles: list[Image.Image] = []
        self._font = load_font(15)
        for old in out.glob("preview*.png"):
            if PREVIEW.fullmatch(old.name):
                old.unlink()

    def add(self, name: str, thumbnail: NDArray[np.uint8], has_warnings: bool = False) -> None:
        """Add one radiograph; with warnings, its tile gets a coloured frame.

        Parameters
        ----------
        name
            Written below; shortened in its middle where it is too long, letters that the font has not replaced.
        thumbnail
            uint8 (h, w, 3), at most `THUMBNAIL_PX` in height and width.
        """
        tile = Image.new("RGB", (THUMBNAIL_PX, THUMBNAIL_PX + _CAPTION), _BACKGROUND)
        height, width = thumbnail.shape[:2]
        tile.paste(Image.fromarray(thumbnail), ((THUMBNAIL_PX - width) // 2, (THUMBNAIL_PX - height) // 2))
        draw = ImageDraw.Draw(tile)
        if has_warnings:
            draw.rectangle((0, 0, THUMBNAIL_PX - 1, THUMBNAIL_PX - 1), outline=_WARNING, width=4)
        place = (THUMBNAIL_PX / 2, THUMBNAIL_PX + _CAPTION / 2)
        colour = _WARNING if has_warnings else _TEXT
        caption = shorten(name, THUMBNAIL_PX, draw, self._font)
        draw.text(place, caption, font=self._font, fill=colour, anchor="mm")
        self._tiles.append(tile)
        if len(self._tiles) == TILES:
            self.close()

    def close(self) -> None:
        """Write the sheet that is not full yet, if there is one."""
        if not self._tiles:
            return
        number = len(self.files) + 1
        file = self._out / ("preview.png" if number == 1 else f"preview_{number}.png")
        write_png(file, join_tiles(self._tiles, COLUMNS, _GAP, _BACKGROUND))
        self.files.append(file)
        self._tiles.clear()


def _scale(plane: NDArray[np.float32] | NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.float32]:
    """Bring a plane (H, W) to `size` (width, height): averaged, or smoothly enlarged; a mask becomes a share."""
    how = Image.Resampling.BOX if max(plane.shape) > max(size) else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(size, how))
