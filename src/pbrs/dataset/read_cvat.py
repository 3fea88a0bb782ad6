"""Masks from CVAT's XML for images 1.1: polygons, painted masks, boxes and ellipses."""

import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.annotation import (
    Annotation,
    Draw,
    NoArea,
    box_corners,
    draw_ellipse,
    draw_polygons,
    found_mask,
    not_drawn,
    paste,
    turn,
)
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.json_file import finite_points
from pbrs.errors import InputError

_NO_SHAPES = ("tag", "attribute")
_PASCAL_VOC = "annotation"
_MOST_PIXELS = 100_000_000


def parse_xml(file: Path) -> ET.Element:
    """Parse XML; entities of its own, which could grow without end or name other files, are refused.

    Raises
    ------
    InputError
        If the file cannot be read, is no XML or declares an entity.
    """

    def refuse(*_: Any) -> int:
        raise InputError(f"{file.name} declares entities, which no annotation tool writes: export it again")

    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(file.read_bytes(), True)
        return builder.close()
    except (OSError, ValueError, LookupError, expat.ExpatError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file} cannot be read as XML ({str(error)[:100]}): export it again") from error


def is_cvat(content: Any) -> bool:
    """Tell whether parsed XML is of this format, or of the one that is mistaken for it."""
    return isinstance(content, ET.Element) and content.tag in ("annotations", _PASCAL_VOC)


def read_cvat(file: Path, content: ET.Element, resize: bool) -> list[FoundMask]:
    """Find one mask for each image and label: the union of its shapes.

    Parameters
    ----------
    file
        The XML file, for messages.
    content
        Its root, of `CVAT for images 1.1` [1]_.
    resize
        Whether masks of another size than the image are resized to it, or refused.

    Raises
    ------
    InputError
        If something is missing, or the export is one of a video.

    References
    ----------
    .. [1] https://docs.cvat.ai/docs/manual/advanced/xml_format/
    """
    if content.tag == _PASCAL_VOC:
        raise InputError(f"{file.name} is of Pascal VOC, which has boxes only: export outlines, such as COCO's")
    if content.find("track") is not None:
        raise InputError(f"{file.name} is `CVAT for video`: export the task as `CVAT for images 1.1`")
    found = []
    for image in content.iter("image"):
        name = image.get("name")
        if not name:
            raise InputError(f"{file.name}: an image has no name: export it again")
        drawn = _whole(image, "height", file), _whole(image, "width", file)
        labelled: dict[str | None, list[Annotation]] = defaultdict(list)
        for number, shape in enumerate(image, start=1):
            if shape.tag not in _NO_SHAPES:
                annotation = Annotation(f"{shape.tag} {number}", _draw(shape, file), shape.tag == "box")
                labelled[shape.get("label")].append(annotation)
        found += [found_mask([name], label, file, its, drawn, resize) for label, its in labelled.items()]
    return found


def _draw(shape: ET.Element, file: Path) -> Draw:
    if shape.tag not in ("polygon", "mask", "box", "ellipse"):
        return not_drawn(shape.tag)

    def draw(size: tuple[int, int]) -> NDArray[np.bool_]:
        if shape.tag == "polygon":
            pairs = [pair.split(",") for pair in (shape.get("points") or "").split(";") if pair.strip()]
            return draw_polygons([finite_points(pairs, file)])(size)
        if shape.tag == "mask":
            return _painted(shape, file)(size)
        degrees = _number(shape, "rotation", file, 0.0)
        if shape.tag == "ellipse":
            x, y, radius_x, radius_y = (_number(shape, key, file) for key in ("cx", "cy", "rx", "ry"))
            return draw_ellipse((x, y), (radius_x, radius_y), degrees)(size)
        left, top, right, bottom = (_number(shape, key, file) for key in ("xtl", "ytl", "xbr", "ybr"))
        corners = box_corners(left, top, right, bottom)
        return draw_polygons([turn(corners, degrees, ((left + right) / 2, (top + bottom) / 2))])(size)

    return draw


def _painted(shape: ET.Element, file: Path) -> Draw:
    """CVAT's own run lengths: of background and mask in turn, row by row within the mask's box."""
    left, top, width, height = (_whole(shape, key, file) for key in ("left", "top", "width", "height"))
    try:
        runs = [int(run) for run in (shape.get("rle") or "").split(",")]
    except ValueError as error:
        raise InputError(f"{file.name}: run lengths {(shape.get('rle') or '')[:40]!r}: export it again") from error
    if width < 1 or height < 1 or not any(runs[1::2]):
        raise NoArea("its run lengths are empty")
    if min(runs) < 0 or sum(runs) != width * height or width * height > _MOST_PIXELS:
        raise InputError(
            f"{file.name}: run lengths do not sum to the {width}×{height} pixels of a mask: export it again"
        )
    small = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    return paste(small, left, top)


def _number(element: ET.Element, key: str, file: Path, default: float | None = None) -> float:
    text = element.get(key)
    if text is None and default is not None:
        return default
    return float(finite_points([text, 0], file, least=1)[0, 0])


def _whole(element: ET.Element, key: str, file: Path) -> int:
    number = _number(element, key, file)
    if number != int(number):
        raise InputError(f"{file.name}: {key} is {element.get(key)}, expected a whole number: export it again")
    return int(number)
