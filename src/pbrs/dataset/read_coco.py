"""Masks from COCO instance annotations: polygons, and run lengths as numbers or as compressed text."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.found_mask import FoundMask, check_size, fit
from pbrs.dataset.json_file import finite_points, member, whole_number
from pbrs.dataset.rings import fill_rings
from pbrs.dataset.rle import decode_runs, text_to_runs
from pbrs.errors import InputError


def read_coco(file: Path, content: dict[str, Any], resize: bool) -> list[FoundMask]:
    """Find one mask for each image and category that has annotations: the union of these.

    Parameters
    ----------
    file
        The JSON file, for messages.
    content
        What it holds.
    resize
        Whether masks of another size than the image are resized to it, or refused.

    Raises
    ------
    InputError
        If images, categories or annotations lack what COCO asks for.

    References
    ----------
    .. [1] COCO data format, https://cocodataset.org/#format-data
    """
    names = {
        whole_number(category, "id", file): str(member(category, "name", file))
        for category in member(content, "categories", file, list)
    }
    images = {whole_number(image, "id", file): image for image in member(content, "images", file, list)}
    segmentations: dict[tuple[int, str], list[Any]] = defaultdict(list)
    for annotation in member(content, "annotations", file, list):
        image, category = (whole_number(annotation, key, file) for key in ("image_id", "category_id"))
        if image not in images or category not in names:
            raise InputError(
                f"{file.name}: an annotation is for image {image}, category {category}, which the file does not list: "
                "export it again"
            )
        segmentations[image, names[category]].append(member(annotation, "segmentation", file))
    found = []
    for (image, name), parts in segmentations.items():
        entry = images[image]
        # Some tools write folders, and Windows tools write them with backslashes. Ours says the stem of its outputs.
        name_of_file = str(member(entry, "file_name", file)).replace("\\", "/")
        stem = str(entry["stem"]) if "stem" in entry else PurePosixPath(name_of_file).stem
        drawn = whole_number(entry, "height", file), whole_number(entry, "width", file)
        found.append(FoundMask(stem, name, file, _Union(parts, drawn, file, stem, resize)))
    return found


class _Union:
    """The mask that several segmentations of one image make together, drawn when called."""

    def __init__(self, parts: Sequence[Any], drawn: tuple[int, int], file: Path, stem: str, resize: bool) -> None:
        self._parts = parts
        self._drawn = drawn
        self._file = file
        self._stem = stem
        self._resize = resize

    def __call__(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        check_size(self._drawn, shape, self._file, self._stem, self._resize)
        mask = np.zeros(self._drawn, dtype=np.bool_)
        for part in self._parts:
            if isinstance(part, list):
                # Several polygons of one annotation are pieces of one object: their union, not holes in one another.
                for polygon in part:
                    mask |= fill_rings([finite_points(polygon, self._file)], self._drawn)
            else:
                mask |= self._from_runs(part)
        return fit(mask, shape, self._file, self._stem, self._resize)

    def _from_runs(self, part: Any) -> NDArray[np.bool_]:
        size = member(part, "size", self._file, list)
        if size != list(self._drawn):
            raise InputError(
                f"{self._file.name}: run lengths of {self._stem} have height and width {size}, its image "
                f"{list(self._drawn)}: export it again"
            )
        counts = member(part, "counts", self._file)
        if isinstance(counts, str):
            counts = text_to_runs(counts)
        if not isinstance(counts, list):
            raise InputError(f"{self._file.name}: counts of {self._stem} are neither text nor numbers: export it again")
        return decode_runs(counts, self._drawn)
