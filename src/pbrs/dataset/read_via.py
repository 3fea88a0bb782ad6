"""Masks from JSON of the VGG Image Annotator (VIA) 1 and 2: polygons, rectangles, circles and ellipses."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.annotation import (
    Annotation,
    Draw,
    box_corners,
    draw_ellipse,
    draw_polygons,
    found_mask,
    not_drawn,
)
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.json_file import finite_points, member
from pbrs.dataset.rings import Ring
from pbrs.errors import InputError

_PROJECT = "_via_img_metadata"
_LABELS = ("label", "class", "name", "type", "structure", "category")
_NUMBERS = {"rect": ("x", "y", "width", "height"), "circle": ("cx", "cy", "r"), "ellipse": ("cx", "cy", "rx", "ry")}


def is_via(content: Any) -> bool:
    """Tell whether parsed JSON is of this format: a project, or the annotations alone."""
    if not isinstance(content, dict):
        return False
    if _PROJECT in content or {"project", "metadata", "file"} <= content.keys():
        return True
    entries = list(content.values())
    return bool(entries) and all(
        isinstance(entry, dict) and {"filename", "regions"} <= entry.keys() for entry in entries
    )


def read_via(file: Path, content: dict[str, Any], resize: bool) -> list[FoundMask]:
    """Find one mask for each image and label: the union of its regions.

    The label is the only attribute of a region, or the one called ``label``, ``class``, ``name`` or the like. VIA does
    not say how large the annotated picture was: outlines that reach beyond the image are refused, as they were drawn
    on another one.

    Parameters
    ----------
    file
        The JSON file, for messages.
    content
        A project [1]_ or the exported annotations.
    resize
        Not used: there is no size to compare.

    Raises
    ------
    InputError
        If something is missing, or the file is of VIA 3.

    References
    ----------
    .. [1] https://www.robots.ox.ac.uk/~vgg/software/via/docs/user_guide.html
    """
    if _PROJECT not in content and "metadata" in content:
        raise InputError(f"{file.name} is a project of VIA 3: annotate with VIA 2, or export it as COCO")
    entries = member(content, _PROJECT, file, dict) if _PROJECT in content else content
    found = []
    for entry in entries.values():
        name = member(entry, "filename", file, str)
        regions = member(entry, "regions", file)
        # VIA 1 numbers them as keys.
        regions = list(regions.values()) if isinstance(regions, dict) else regions
        if not isinstance(regions, list):
            raise InputError(f"{file.name}: regions of {name} are no list: export the annotations again")
        labelled: dict[str | None, list[Annotation]] = defaultdict(list)
        for number, region in enumerate(regions, start=1):
            shape = member(region, "shape_attributes", file, dict)
            kind = str(member(shape, "name", file))
            annotation = Annotation(f"region {number}", _draw(shape, kind, file), kind == "rect")
            labelled[_label(region.get("region_attributes"), file)].append(annotation)
        found += [found_mask([name], label, file, its, None, resize) for label, its in labelled.items()]
    return found


def _label(attributes: Any, file: Path) -> str | None:
    if not isinstance(attributes, dict) or not attributes:
        return None
    keys = {str(key).casefold(): key for key in attributes}
    key = next((keys[name] for name in _LABELS if name in keys), None)
    if key is None and len(attributes) > 1:
        raise InputError(
            f"{file.name}: regions have the attributes {', '.join(map(str, attributes))[:80]}: call the one with the "
            "label `label`"
        )
    value = attributes[key if key is not None else next(iter(attributes))]
    if isinstance(value, dict):
        # A checkbox: what is ticked.
        ticked = [str(name) for name, on in value.items() if on]
        if len(ticked) > 1:
            raise InputError(f"{file.name}: a region has the labels {', '.join(ticked)[:80]}: tick one")
        return ticked[0] if ticked else None
    return str(value).strip() or None


def _draw(shape: dict[str, Any], kind: str, file: Path) -> Draw:
    if kind == "polygon":

        def draw_polygon(size: tuple[int, int]) -> NDArray[np.bool_]:
            # Read only when its label is used.
            outline = _outline(shape, file)
            return draw_polygons([outline], beyond=False)(size)

        return draw_polygon
    if kind not in _NUMBERS:
        return not_drawn(kind)

    def draw(size: tuple[int, int]) -> NDArray[np.bool_]:
        # In pairs with 0, so that what is no number is told.
        numbers = [finite_points([member(shape, key, file), 0], file, 1)[0, 0] for key in _NUMBERS[kind]]
        x, y, first, last = float(numbers[0]), float(numbers[1]), float(numbers[2]), float(numbers[-1])
        if kind == "rect":
            return draw_polygons([box_corners(x, y, x + first, y + last)], beyond=False)(size)
        # VIA tells the turn in radians.
        theta = float(finite_points([shape.get("theta") or 0, 0], file, 1)[0, 0])
        return draw_ellipse((x, y), (first, last), float(np.rad2deg(theta)), beyond=False)(size)

    return draw


def _outline(shape: dict[str, Any], file: Path) -> Ring:
    x, y = (member(shape, key, file, list) for key in ("all_points_x", "all_points_y"))
    if len(x) != len(y):
        raise InputError(f"{file.name}: a polygon has {len(x)} x and {len(y)} y: export it again")
    return finite_points([list(pair) for pair in zip(x, y, strict=True)], file)
