"""To COCO instance annotations, with the images as 8-bit grey PNGs."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pbrs.atomic_write import write_json, write_png
from pbrs.dataset.coco_annotation import annotate_mask
from pbrs.dataset.export_cases import exported_parts, grey8
from pbrs.dataset.folder import STRUCTURES, Dataset
from pbrs.dataset.match import REGION
from pbrs.dataset.new_folder import new_folder


def export_coco(dataset: Dataset, target: Path, progress: Callable[[Sequence[str]], Iterable[str]] = iter) -> int:
    """Write ``images/STEM.png`` and ``instances.json`` [1]_ and return the number of cases.

    With a split into parts there is ``instances_train.json``, ``instances_validation.json`` and ``instances_test.json``
    instead. Each channel (the region, and each structure that the dataset has) is a category, each mask one annotation:
    polygons along the pixel edges where the mask has no holes, compressed run lengths where it has some, because COCO's
    polygons cannot say holes. Both give the same mask again.

    Parameters
    ----------
    dataset
        Its cases with image and mask are written.
    target
        The folder to make.
    progress
        Wraps the loop over the stems, to show how far it is.

    Raises
    ------
    InputError
        If the folder exists, or a case cannot be read; then nothing is written.

    References
    ----------
    .. [1] https://cocodataset.org/#format-data
    """
    parts = exported_parts(dataset)
    channels = [REGION, *(name for name in STRUCTURES if name in dataset.structures)]
    files: dict[str, dict[str, list[Any]]] = {}
    with new_folder(target) as folder:
        for number, stem in enumerate(progress(dataset.stems), start=1):
            name = "instances" if parts is None else f"instances_{parts[stem]}"
            content = files.setdefault(name, {"images": [], "annotations": []})
            radiograph, mask = dataset.read(stem)
            height, width = radiograph.shape
            write_png(folder / "images" / f"{stem}.png", grey8(radiograph.pixels))
            content["images"].append({"id": number, "file_name": f"{stem}.png", "width": width, "height": height})
            for category, channel in enumerate(channels, start=1):
                drawn = mask if channel == REGION else dataset.read_structure(stem, channel, radiograph.shape)
                # COCO has no annotation of nothing.
                if drawn is not None and drawn.any():
                    identity = {"id": len(content["annotations"]) + 1, "image_id": number, "category_id": category}
                    content["annotations"].append({**identity, **annotate_mask(drawn)})
        categories = [
            {"id": i, "name": channel, "supercategory": "bone"} for i, channel in enumerate(channels, start=1)
        ]
        info = {
            "description": f"exported by PBRS from {dataset.path.resolve().name}",
            "licence": str(dataset.info.get("licence") or "not recorded"),
            "synthetic": dataset.is_synthetic,
        }
        for name, content in files.items():
            write_json(folder / f"{name}.json", {"info": info, **content, "categories": categories})
    return len(dataset.stems)
