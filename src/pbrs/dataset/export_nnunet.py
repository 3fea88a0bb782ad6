"""To nnU-Net v2: its raw dataset layout with 8-bit grey PNGs."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from pbrs.atomic_write import write_json, write_png
from pbrs.dataset.export_cases import exported_parts, grey8
from pbrs.dataset.folder import Dataset
from pbrs.dataset.new_folder import new_folder


def export_nnunet(dataset: Dataset, target: Path, progress: Callable[[Sequence[str]], Iterable[str]] = iter) -> int:
    """Write a raw dataset of nnU-Net v2 [1]_ and return the number of cases.

    ``imagesTr/STEM_0000.png`` with ``labelsTr/STEM.png`` (0 background, 1 region) for the parts train and validation,
    as nnU-Net makes folds of its own; ``imagesTs`` and ``labelsTs`` for the part test. Without a split, or with one
    into folds, every case is training data. Structures overlap, which label images cannot say: they are left out.

    Parameters
    ----------
    dataset
        Its cases with image and mask are written.
    target
        The folder to make; nnU-Net wants it to be called ``DatasetNNN_Name``.
    progress
        Wraps the loop over the stems, to show how far it is.

    Raises
    ------
    InputError
        If the folder exists, or a case cannot be read; then nothing is written.

    References
    ----------
    .. [1] https://github.com/MIC-DKFZ/nnUNet/blob/master/documentation/dataset_format.md
    """
    parts = exported_parts(dataset) or {}
    training = 0
    with new_folder(target) as folder:
        for stem in progress(dataset.stems):
            radiograph, mask = dataset.read(stem)
            suffix = "Ts" if parts.get(stem) == "test" else "Tr"
            training += suffix == "Tr"
            write_png(folder / f"images{suffix}" / f"{stem}_0000.png", grey8(radiograph.pixels))
            write_png(folder / f"labels{suffix}" / f"{stem}.png", mask.astype(np.uint8))
        write_json(
            folder / "dataset.json",
            {
                "channel_names": {"0": "radiograph"},
                "labels": {"background": 0, "pelvic_bone_region": 1},
                "numTraining": training,
                "file_ending": ".png",
                "overwrite_image_reader_writer": "NaturalImage2DIO",
                "licence": str(dataset.info.get("licence") or "not recorded"),
                "synthetic": dataset.is_synthetic,
            },
        )
    return len(dataset.stems)
