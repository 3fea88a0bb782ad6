"""Masks from Label Studio's JSON: polygons, brushes, rectangles and ellipses."""

from collections import defaultdict
from pathlib import Path
from typing import Any

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
    turn,
)
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.image_name import name_in_address
from pbrs.dataset.json_file import finite_points, member, whole_number
from pbrs.dataset.label_studio_rle import decode_brush
from pbrs.errors import InputError

_SHAPES = ("polygon", "brush", "rectangle", "ellipse")


def is_label_studio(content: Any) -> bool:
    """Tell whether parsed JSON is of this format: a list of tasks, or one task."""
    tasks = content if isinstance(content, list) else [content]
    return bool(tasks) and all(
        isinstance(task, dict) and ({"data", "annotations"} <= task.keys() or "annotation_id" in task) for task in tasks
    )


def read_label_studio(file: Path, content: Any, resize: bool) -> list[FoundMask]:
    """Find one mask for each image and label: the union of what was drawn.

    Of a task with several annotations the one marked as ground truth counts; cancelled ones and predictions do not.

    Parameters
    ----------
    file
        The JSON file, for messages.
    content
        Tasks as the export `JSON` [1]_ holds them.
    resize
        Whether masks of another size than the image are resized to it, or refused.

    Raises
    ------
    InputError
        If something is missing, or several annotations of one task might count.

    References
    ----------
    .. [1] https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks
    """
    found = []
    for task in content if isinstance(content, list) else [content]:
        if "data" not in task:
            raise InputError(f"{file.name} is of the export JSON-MIN: export as JSON")
        names = _names_of(task)
        labelled: dict[tuple[str | None, tuple[int, int]], list[Annotation]] = defaultdict(list)
        results = _results(task, names[0], file)
        # One thing that was drawn may come twice, as its shape and with its label.
        with_label = {result.get("id") for result in results if str(result.get("type")).endswith("labels")}
        for number, result in enumerate(results, start=1):
            kind = str(result.get("type"))
            if "original_width" not in result or (kind in _SHAPES and result.get("id") in with_label):
                continue
            size = whole_number(result, "original_height", file), whole_number(result, "original_width", file)
            value = member(result, "value", file, dict)
            label, shape = _label(value, kind, file), _shape(value, kind)
            if result.get("image_rotation"):
                draw = not_drawn(f"{shape} on a turned image")
            else:
                draw = _draw(value, shape, file)
            labelled[label, size].append(Annotation(f"result {number}", draw, shape == "rectangle"))
        found += [found_mask(names, label, file, its, size, resize) for (label, size), its in labelled.items()]
    return found


def _names_of(task: dict[str, Any]) -> list[str]:
    data = task["data"] if isinstance(task["data"], dict) else {}
    texts = [data["image"]] if isinstance(data.get("image"), str) else [v for v in data.values() if isinstance(v, str)]
    uploaded = task.get("file_upload")
    names = [*(name_in_address(text) for text in texts), *([uploaded] if isinstance(uploaded, str) else [])]
    return names or [f"task {task.get('id')}"]


def _results(task: dict[str, Any], name: str, file: Path) -> list[dict[str, Any]]:
    annotations = [one for one in member(task, "annotations", file, list) if isinstance(one, dict)]
    counting = [one for one in annotations if not one.get("was_cancelled") and one.get("result")]
    true = [one for one in counting if one.get("ground_truth")]
    chosen = true or counting
    if len(chosen) > 1:
        raise InputError(
            f"{file.name}: {len(chosen)} annotations of {name}: keep one, or mark one as ground truth in Label Studio"
        )
    results = member(chosen[0], "result", file, list) if chosen else []
    return [result for result in results if isinstance(result, dict)]


def _shape(value: dict[str, Any], kind: str) -> str:
    if kind in ("labels", "hypertextlabels"):
        # The type tells of the label only: the numbers tell the shape.
        keys = {"points": "polygon", "rle": "brush", "radiusX": "ellipse", "width": "rectangle"}
        return next((shape for key, shape in keys.items() if key in value), kind)
    return kind.removesuffix("labels")


def _label(value: dict[str, Any], kind: str, file: Path) -> str | None:
    labels = value.get(kind)
    if not isinstance(labels, list) or not labels:
        return None
    if len(labels) > 1:
        raise InputError(f"{file.name}: one shape has the labels {', '.join(map(str, labels))[:80]}: keep one")
    return str(labels[0])


def _draw(value: dict[str, Any], shape: str, file: Path) -> Draw:
    if shape not in _SHAPES:
        return not_drawn(shape)

    def draw(size: tuple[int, int]) -> NDArray[np.bool_]:
        height, width = size
        # Label Studio counts in per cent of the picture.
        scale = np.array([width, height]) / 100
        if shape == "polygon":
            return draw_polygons([finite_points(value.get("points"), file) * scale], "per cent")(size)
        if shape == "brush":
            mask = decode_brush(member(value, "rle", file, list), size)
            if not mask.any():
                raise NoArea("its run lengths are empty")
            return mask
        keys = ("x", "y", "width", "height") if shape == "rectangle" else ("x", "y", "radiusX", "radiusY")
        numbers = finite_points([member(value, key, file) for key in keys], file, least=2) * scale
        (x, y), (across, down) = numbers.tolist()
        degrees = float(finite_points([value.get("rotation") or 0, 0], file, least=1)[0, 0])
        if shape == "ellipse":
            return draw_ellipse((x, y), (across, down), degrees)(size)
        # Turned about its upper left corner.
        return draw_polygons([turn(box_corners(x, y, x + across, y + down), degrees, (x, y))], "per cent")(size)

    return draw
