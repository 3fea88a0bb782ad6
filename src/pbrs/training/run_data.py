"""What one run is trained on: its examples, checked for leakage, and the record of them."""

import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lightning
import numpy as np
import torch
from rich.progress import track

import pbrs
from pbrs.dataset.examples import Examples, load_examples
from pbrs.dataset.folder import Dataset
from pbrs.dataset.hashing import hash_images, near_duplicates
from pbrs.dataset.split import PARTS, Split, check_overlap
from pbrs.errors import InputError
from pbrs.training.precision import lightning_precision
from pbrs.training.run_folder import RunFolder
from pbrs.training.settings import TrainingSettings


@dataclass(frozen=True, eq=False)
class RunData:
    """Examples of the training and validation part, and the record of them for ``run.json``."""

    train: Examples
    validation: Examples
    record: dict[str, Any]


def load_run_data(dataset: Dataset, split: Split, settings: TrainingSettings) -> RunData:
    """Read the examples of a run, and make sure that no patient and no picture stands in two parts.

    Raises
    ------
    InputError
        If a part is empty, a file cannot be read, or parts overlap.
    """
    stems = {part: split.stems(part) for part in PARTS}
    for part in ("train", "validation"):
        if not stems[part]:
            raise InputError(
                f"the {part} part of the split is empty: make a split with `pbrs dataset split {dataset.path}`"
            )
    if settings.limit_train is not None:
        drawn = np.random.default_rng(settings.seed).permutation(stems["train"])[: settings.limit_train]
        stems["train"] = sorted(drawn.tolist())
    train, validation = (
        load_examples(dataset, stems[part], settings.channels, settings.image_size, settings.placement, _progress)
        for part in ("train", "validation")
    )
    hashes = {**train.hashes, **validation.hashes}
    # The test part is only looked at: a copy of a training image in it would make its scores worthless.
    hashes |= hash_images({stem: dataset.images[stem] for stem in stems["test"] if stem in dataset.images})
    check_overlap(split, dataset.patients, near_duplicates(hashes))
    record = {
        "dataset": str(dataset.path.resolve()),
        "synthetic": dataset.is_synthetic,
        "parts": stems,
        "sha256": {part: dataset.digest(stems[part]) for part in ("train", "validation")},
        "image_sha256": {**train.sha256, **validation.sha256},
        "precision": lightning_precision(settings),
        "versions": {
            "pbrs": pbrs.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": lightning.__version__,
        },
    }
    return RunData(train, validation, record)


def check_unchanged(run: RunFolder, record: dict[str, Any]) -> None:
    """Make sure that a run goes on with the data and the arithmetic that it began with.

    Raises
    ------
    InputError
        If anything is different.
    """
    begun = run.read_record()
    for part, digest in record["sha256"].items():
        if begun.get("sha256", {}).get(part) != digest:
            raise InputError(
                f"the {part} images or masks of {record['dataset']} have changed since {run.path} began: train anew"
            )
    if begun.get("precision") != record["precision"]:
        raise InputError(
            f"{run.path} began in {begun.get('precision')}, this machine would go on in {record['precision']}: "
            "train anew, or go on where it began"
        )


def _progress(names: Sequence[str]) -> Iterator[str]:
    yield from track(names, description="reading images", transient=True, disable=not sys.stdout.isatty())
