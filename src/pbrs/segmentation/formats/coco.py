"""COCO instance annotations: one file for all the images of a call."""

from pathlib import Path
from threading import Lock
from typing import Any

import pbrs
from pbrs.atomic_write import write_json
from pbrs.radiograph.anatomy import ANATOMY, in_order
from pbrs.segmentation.formats.image import ModelIdentity, SegmentedImage

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
        self._images: dict[str, tuple[dict[str, Any], dict[str, dict[str, Any]]]] = {}

    def add(self, image: SegmentedImage, file_name: str) -> None:
        """Trace the masks of one image; `file_name` is how the file calls the image."""
        from pbrs.dataset.coco_annotation import annotate_mask

        height, width = image.radiograph.shape
        entry = {"file_name": file_name, "stem": image.stem, "width": width, "height": height}
        annotations = {name: annotate_mask(mask) for name, mask in image.masks.items() if mask.any()}
        with self._lock:
            self._images[image.stem] = (entry, annotations)

    def write(self, out: Path) -> str:
        """Write ``coco.json``, images in the order of their stems, and give its path within `out`."""
        with self._lock:
            collected = sorted(self._images.items())
        names = in_order([*ANATOMY, *(name for _, (_, annotations) in collected for name in annotations)])
        numbers = {name: number for number, name in enumerate(names, start=1)}
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, (_, (entry, drawn)) in enumerate(collected, start=1):
            images.append({"id": number, **entry})
            for name, annotation in drawn.items():
                identity = {"id": len(annotations) + 1, "image_id": number, "category_id": numbers[name]}
                annotations.append({**identity, **annotation})
        content = {
            "info": {
                "description": f"segmented by PBRS {pbrs.__version__}",
                "model": self._model.name,
                "model_sha256": self._model.sha256,
            },
            "images": images,
            "annotations": annotations,
            "categories": [{"id": numbers[name], "name": name, "supercategory": "bone"} for name in names],
        }
        write_json(out / COCO_FILE, content)
        return COCO_FILE
