"""COCO instance annotations: one file for all the images of a call."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pbrs
from pbrs.atomic_write import atomic_path
from pbrs.radiograph.anatomy import ANATOMY, REGION, in_order
from pbrs.segmentation.formats.image import ModelIdentity
from pbrs.segmentation.spool import Spool

COCO_FILE = "coco.json"


class CocoCollector:
    """Collects annotations image by image, from any thread, and writes them as one file [1]_.

    Every mask that is not empty is one annotation: polygons along the pixel edges where it has no holes, compressed run
    lengths where it has some, because COCO's polygons cannot say holes. Both give the same mask again.

    References
    ----------
    .. [1] https://cocodataset.org/#format-data
    """

    def __init__(self, model: ModelIdentity) -> None:
        self._model = model
        self._lock = Lock()
        self._spool = Spool()
        self._places: dict[str, int] = {}
        self._names: dict[str, None] = {}

    def add(self, file_name: str, stem: str, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        """Trace the masks of one image, bool (H, W) by name; `file_name` is how the file calls the image."""
        from pbrs.dataset.coco_annotation import annotate_mask

        height, width = masks[REGION].shape
        entry = {"file_name": file_name, "stem": stem, "width": width, "height": height}
        annotations = {name: annotate_mask(mask) for name, mask in masks.items() if mask.any()}
        with self._lock:
            self._places[stem] = self._spool.append([entry, annotations])
            self._names |= dict.fromkeys(annotations)

    def write(self, out: Path) -> str:
        """Write ``coco.json``, images in the order of their stems, and give its path within `out`."""
        with (
            self._lock,
            atomic_path(out / COCO_FILE) as temporary,
            temporary.open("w", encoding="ascii", newline="\n") as file,
        ):
            file.writelines(self._parts())
        return COCO_FILE

    def _parts(self) -> Iterator[str]:
        """Make the file's JSON, a line for each image and annotation; one image is in memory at a time."""
        names = in_order([*ANATOMY, *self._names])
        numbers = {name: number for number, name in enumerate(names, start=1)}
        info = {
            "description": f"segmented by PBRS {pbrs.__version__}",
            "model": self._model.name,
            "model_sha256": self._model.sha256,
        }
        categories = [{"id": numbers[name], "name": name, "supercategory": "bone"} for name in names]
        yield f'{{\n"info": {json.dumps(info)},\n"categories": {json.dumps(categories)},\n"images": '
        yield from _lines({"id": number, **entry} for number, entry, _ in self._collected())
        yield ',\n"annotations": '
        yield from _lines(self._annotations(numbers))
        yield "\n}\n"

    def _collected(self) -> Iterator[tuple[int, dict[str, Any], dict[str, dict[str, Any]]]]:
        for number, stem in enumerate(sorted(self._places), start=1):
            entry, annotations = self._spool.read(self._places[stem])
            yield number, entry, annotations

    def _annotations(self, numbers: Mapping[str, int]) -> Iterator[dict[str, Any]]:
        made = 0
        for image, _, annotations in self._collected():
            for name, annotation in annotations.items():
                made += 1
                yield {"id": made, "image_id": image, "category_id": numbers[name], **annotation}


def _lines(values: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    before = "[\n"
    for value in values:
        yield before + json.dumps(value)
        before = ",\n"
    yield "[]" if before == "[\n" else "\n]"
