"""Lettering: words as pictures, in several typefaces."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Floats = NDArray[np.float32]
FACES = ("sans", "italic", "dots")
"""Typefaces: two of cv2's own, and the coarse one of old screens, made of square dots."""


@cache
def _face(name: str) -> cv2.FontFace:
    return cv2.FontFace(name)


def written(lines: Sequence[str], height_px: int, face: str = "sans", weight: int = 400) -> Floats:
    """Write lines of text; coverage, float32 (h, w) in [0, 1].

    Parameters
    ----------
    lines
        What to write.
    height_px
        Height of a line's type, at least 4.
    face
        One of `FACES`.
    weight
        From 100, thin, to 1000, black; the dotted face has only one.
    """
    pictures = [_dotted(line, height_px) if face == "dots" else _drawn(line, height_px, face, weight) for line in lines]
    width = max(picture.shape[1] for picture in pictures)
    rows = [np.pad(picture, ((0, 0), (0, width - picture.shape[1]))) for picture in pictures]
    return np.concatenate(rows).astype(np.float32) / np.float32(255)


def _drawn(line: str, height_px: int, face: str, weight: int) -> NDArray[np.uint8]:
    margin = height_px // 4 + 1
    picture = np.zeros((height_px + 2 * margin, (len(line) + 2) * height_px + 2 * margin), np.uint8)
    (end, _), _ = cv2.putText(picture, line, (margin, height_px + margin // 2), (255,), _face(face), height_px, weight)
    return np.asarray(picture[:, : end + margin], np.uint8)


def _dotted(line: str, height_px: int) -> NDArray[np.uint8]:
    font = ImageFont.load_default_imagefont()
    picture = Image.new("L", (int(font.getlength(line)) + 2, 12))
    ImageDraw.Draw(picture).text((1, 0), line, 255, font)
    times = max(4, height_px + height_px // 4) / 12
    size = max(1, round(picture.width * times)), max(1, round(12 * times))
    return np.asarray(picture.resize(size, Image.Resampling.NEAREST if times >= 1 else Image.Resampling.BOX), np.uint8)
