"""Masks from COCO instance annotations: polygons, and run lengths as numbers or as compressed text."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.annotation import Annotation, Draw, NoArea, draw_polygons, found_mask
from pbrs.dataset.found_mask import FoundMask
from pbrs.dataset.json_file import finite_points, member, whole_number
from pbrs.dataset.rle import decode_runs, text_to_runs
from pbrs.errors import InputError


def is_coco(content: Any) -> bool:
    """Tell whether parsed JSON is of this format."""
    return isinstance(content, dict) and "annotations" in content and "images" in content


def read_coco(file: Path, content: dict[str, Any], resize: bool) -> list[FoundMask]:
    """Find one mask for each image and category that has annotations: the union of these.

    Parameters
    ----------
    file
        The JSON file, for messages.
    content
        What it holds. Roboflow's exports [2]_ say what an image was called before (``extra.name``).
    resize
        Whether masks of another size than the image are resized to it, or refused.

    Raises
    ------
    InputError
        If images, categories or annotations lack what COCO asks for.

    References
    ----------
    .. [1] COCO data format, https://cocodataset.org/#format-data
    .. [2] https://roboflow.com/formats/coco-json
    """
    names = {
        whole_number(category, "id", file): str(member(category, "name", file))
        for category in member(content, "categories", file, list)
    }
    images = {whole_number(image, "id", file): image for image in member(content, "images", file, list)}
    annotations: dict[tuple[int, str], list[Annotation]] = defaultdict(list)
    for number, entry in enumerate(member(content, "annotations", file, list), start=1):
        image, category = (whole_number(entry, key, file) for key in ("image_id", "category_id"))
        if image not in images or category not in names:
            raise InputError(
                f"{file.name}: an annotation is for image {image}, category {category}, which the file does not list: "
                "export it again"
            )
        # A tool that draws boxes leaves the outline out altogether.
        outline = entry.get("segmentation") if "bbox" in entry else member(entry, "segmentation", file)
        told = f"annotation {str(entry.get('id', number))[:20]}"
        annotations[image, names[category]].append(Annotation(told, _draw(outline, file)))
    found = []
    for (image, name), its in annotations.items():
        entry = images[image]
        extra = entry.get("extra")
        before = [str(extra["name"])] if isinstance(extra, dict) and extra.get("name") else []
        # Ours says the stem of its outputs.
        file_name = str(member(entry, "file_name", file))
        called = [f"{entry['stem']}.png"] if "stem" in entry else [file_name, *before]
        drawn = whole_number(entry, "height", file), whole_number(entry, "width", file)
        found.append(found_mask(called, name, file, its, drawn, resize))
    return found


def _draw(outline: Any, file: Path) -> Draw:
    def draw(size: tuple[int, int]) -> NDArray[np.bool_]:
        if not outline:
            raise NoArea("it has a box only and no outline (segmentation is empty)")
        if isinstance(outline, list):
            # Some tools write the one polygon without the list around it.
            polygons = [outline] if all(isinstance(value, int | float) for value in outline) else outline
            return draw_polygons([finite_points(polygon, file) for polygon in polygons])(size)
        return _from_runs(outline, size, file)

    return draw


def _from_runs(outline: Any, drawn: tuple[int, int], file: Path) -> NDArray[np.bool_]:
    size = member(outline, "size", file, list)
    if size != list(drawn):
        raise InputError(
            f"{file.name}: run lengths have height and width {str(size)[:40]}, their image {list(drawn)}: export it "
            "again"
        )
    counts = member(outline, "counts", file)
    if isinstance(counts, str):
        counts = text_to_runs(counts)
    if not isinstance(counts, list):
        raise InputError(f"{file.name}: counts of run lengths are neither text nor numbers: export it again")
    mask = decode_runs(counts, drawn)
    if not mask.any():
        raise NoArea("its run lengths are empty")
    return mask
