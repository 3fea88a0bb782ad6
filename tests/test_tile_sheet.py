"""Tiles on a sheet."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pbrs.tile_sheet import join_tiles, load_font, shorten, spell


def test_tiles_lie_in_rows_with_gaps_between_and_around():
    tiles = [Image.new("RGB", (4, 3), (value, 0, 0)) for value in (10, 20, 30)]
    sheet = join_tiles(tiles, columns=2, gap_px=1, background=(0, 0, 9))
    assert sheet.shape == (1 + 2 * 4, 1 + 2 * 5, 3)
    assert (sheet[1:4, 1:5, 0] == 10).all()
    assert (sheet[1:4, 6:10, 0] == 20).all()
    assert (sheet[5:8, 1:5, 0] == 30).all()
    assert (sheet[5:8, 6:10] == (0, 0, 9)).all()
    assert np.asarray(join_tiles(tiles[:1], columns=2, gap_px=1, background=(0, 0, 9))).shape == (5, 6, 3)


def test_a_long_name_keeps_both_ends_and_fits():
    draw, font = ImageDraw.Draw(Image.new("RGB", (9, 9))), ImageFont.load_default(size=14)
    name = "1.2.840.113619.2.5.1762583153.215519.978957063.78"
    text = shorten(name, 120, draw, font)
    assert draw.textlength(text, font=font) <= 120
    assert text.startswith("1.2.")
    assert text.endswith("063.78")
    assert shorten("short\nname", 120, draw, font) == "short name"


@pytest.mark.parametrize("installed", [True, False])
def test_no_letter_of_a_caption_is_drawn_as_a_box(monkeypatch, installed):
    if not installed:
        monkeypatch.setattr("pbrs.tile_sheet._FONTS", ())
    font = load_font(15)
    box = bytes(font.getmask("\U0010ffff"))
    written = spell("Hüftbein größer_été_ñ_Ж骨 –…\u0301 e\u0301.png", font)
    assert written
    assert not [letter for letter in written if bytes(font.getmask(letter)) == box]


def test_pillows_own_font_gets_letters_without_accents():
    assert spell("Hüfte_été ñ Ж.png", ImageFont.load_default(15)) == "Hufte_ete n ?.png"
