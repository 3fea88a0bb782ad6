"""Masks from LabelMe's JSON: polygons, rectangles, circles and painted masks."""

import base64
import binascii
import io
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pbrs.dataset.annotation import (
    Annotation,
    Draw,
    box_corners,
    draw_ellipse,
    draw_polygons,
    found_mask,
    not_drawn,
    paste,
)
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.image_name import stem_of_name
from pbrs.dataset.json_file import finite_points, member, whole_number
from pbrs.errors import InputError


def is_labelme(content: Any) -> bool:
    """Tell whether parsed JSON is of this format."""
    return isinstance(content, dict) and "shapes" in content


def read_labelme(file: Path, content: dict[str, Any], resize: bool) -> list[FoundMask]:
    """Find one mask for each label of one LabelMe file: the union of the label's shapes.

    Parameters
    ----------
    file
        The JSON file. Its image is the one of its own name, as LabelMe opens it; if there is none, the one that it
        names (``imagePath``), which is stale where files were renamed or copied.
    content
        What it holds.
    resize
        Whether masks of another size than the image are resized to it, or refused.

    Raises
    ------
    InputError
        If something is missing.
    """
    drawn = whole_number(content, "imageHeight", file), whole_number(content, "imageWidth", file)
    shapes: dict[str, list[Annotation]] = defaultdict(list)
    for number, shape in enumerate(member(content, "shapes", file, list), start=1):
        label = str(member(shape, "label", file))
        kind = str(shape.get("shape_type") or "polygon")
        shapes[label].append(Annotation(f"shape {number}", _draw(shape, kind, file), kind == "rectangle"))
    named = content.get("imagePath")
    names = [f"{file.stem}.png", *([str(named)] if named else [])]
    stale = bool(named) and stem_of_name(str(named)) != stem_of_name(names[0])
    remarks = ("LabelMe files name another image (imagePath) than their own name, which counts",) if stale else ()
    return [found_mask(names, label, file, its, drawn, resize, remarks) for label, its in shapes.items()]


def _draw(shape: dict[str, Any], kind: str, file: Path) -> Draw:
    if kind not in ("polygon", "rectangle", "circle", "mask"):
        return not_drawn(kind)

    def draw(size: tuple[int, int]) -> Any:
        points = finite_points(shape.get("points"), file, least=3 if kind == "polygon" else 2)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        if kind == "polygon":
            return draw_polygons([points])(size)
        if kind == "rectangle":
            return draw_polygons([box_corners(left, top, right, bottom)])(size)
        if kind == "circle":
            # The first point is the centre, the second lies on the rim.
            radius = float(np.hypot(*(points[1] - points[0])))
            return draw_ellipse(points[0].tolist(), (radius, radius))(size)
        return paste(_painted(shape, file), int(left), int(top))(size)

    return draw


def _painted(shape: dict[str, Any], file: Path) -> Any:
    """A painted mask: a small PNG, base64, whose upper left pixel belongs at the first point."""
    try:
        data = base64.b64decode(member(shape, "mask", file, str), validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            return np.asarray(image.convert("L")) > 0
    # Pillow raises these and more of damaged chunks.
    except (binascii.Error, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file.name}: a painted mask cannot be decoded: save it again in LabelMe") from error
