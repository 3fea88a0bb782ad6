"""Masks from LabelMe's JSON: polygons, rectangles, circles and painted masks."""

import base64
import binascii
import io
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pbrs.dataset.found_mask import FoundMask, check_size, fit
from pbrs.dataset.json_file import finite_points, member, whole_number
from pbrs.dataset.rings import fill_rings
from pbrs.errors import InputError

_SHAPES = ("polygon", "rectangle", "circle", "mask")


def read_labelme(file: Path, content: dict[str, Any], resize: bool) -> list[FoundMask]:
    """Find one mask for each label of one LabelMe file: the union of the label's shapes.

    Parameters
    ----------
    file
        The JSON file; the image is the one of its stem, or the one that it names.
    content
        What it holds.
    resize
        Whether masks of another size than the image are resized to it, or refused.

    Raises
    ------
    InputError
        If a shape is of a kind that has no area (a line, points), or something is missing.
    """
    drawn = whole_number(content, "imageHeight", file), whole_number(content, "imageWidth", file)
    shapes: dict[str, list[Any]] = defaultdict(list)
    for shape in member(content, "shapes", file, list):
        kind = shape.get("shape_type") or "polygon" if isinstance(shape, dict) else None
        if kind not in _SHAPES:
            raise InputError(f"{file.name}: a shape is a {kind}: expected {', '.join(_SHAPES)}; draw it anew")
        shapes[str(member(shape, "label", file))].append(shape)
    named = content.get("imagePath")
    stem = PurePosixPath(str(named).replace("\\", "/")).stem if named else file.stem
    return [FoundMask(stem, label, file, _Union(parts, drawn, file, stem, resize)) for label, parts in shapes.items()]


class _Union:
    """The mask that several shapes make together, drawn when called."""

    def __init__(self, shapes: Sequence[Any], drawn: tuple[int, int], file: Path, stem: str, resize: bool) -> None:
        self._shapes = shapes
        self._drawn = drawn
        self._file = file
        self._stem = stem
        self._resize = resize

    def __call__(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        check_size(self._drawn, shape, self._file, self._stem, self._resize)
        mask = np.zeros(self._drawn, dtype=np.bool_)
        for part in self._shapes:
            mask |= self._draw(part)
        return fit(mask, shape, self._file, self._stem, self._resize)

    def _draw(self, shape: dict[str, Any]) -> NDArray[np.bool_]:
        kind = shape.get("shape_type") or "polygon"
        points = finite_points(shape.get("points"), self._file, least=3 if kind == "polygon" else 2)
        if kind == "polygon":
            return fill_rings([points], self._drawn)
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        if kind == "rectangle":
            return fill_rings([np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])], self._drawn)
        if kind == "circle":
            # The first point is the centre, the second lies on the rim.
            radius = np.hypot(*(points[1] - points[0]))
            row, column = np.ogrid[: self._drawn[0], : self._drawn[1]]
            inside: NDArray[np.bool_] = np.hypot(column + 0.5 - points[0, 0], row + 0.5 - points[0, 1]) <= radius
            return inside
        return self._painted(shape, int(np.clip(x0, 0, 1e6)), int(np.clip(y0, 0, 1e6)))

    def _painted(self, shape: dict[str, Any], left: int, top: int) -> NDArray[np.bool_]:
        """A painted mask: a small PNG, base64, whose upper left pixel belongs at the first point."""
        try:
            data = base64.b64decode(member(shape, "mask", self._file, str), validate=True)
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                width, height = image.size
                if top + height > self._drawn[0] or left + width > self._drawn[1]:
                    raise InputError(f"{self._file.name}: a painted mask reaches beyond the image: save it again")
                painted = np.asarray(image.convert("L")) > 0
        except (binascii.Error, OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise InputError(
                f"{self._file.name}: a painted mask cannot be decoded: save it again in LabelMe"
            ) from error
        mask = np.zeros(self._drawn, dtype=np.bool_)
        mask[top : top + height, left : left + width] = painted
        return mask
