"""What one run is trained on: its examples, checked for leakage, and the record of them."""

import hashlib
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lightning
import numpy as np
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from rich.progress import track

import pbrs
from pbrs.dataset.empty_masks import warn_of_empty
from pbrs.dataset.examples import Examples, ExampleSource, load_examples
from pbrs.dataset.folder import Dataset
from pbrs.dataset.hashing import hash_images, near_duplicates
from pbrs.dataset.overlap import check_overlap
from pbrs.dataset.split import PARTS, Split
from pbrs.errors import InputError
from pbrs.printable import say
from pbrs.synthesis.presets import check_trainable
from pbrs.training.precision import lightning_precision
from pbrs.training.run_folder import RunFolder
from pbrs.training.settings import TrainingSettings
from pbrs.training.synthetic_source import TRAINING_SEEDS, SyntheticExamples, hold, training_samples, validation_samples


@dataclass(frozen=True, eq=False)
class RunData:
    """What a run learns from.

    Attributes
    ----------
    train, validation
        Examples of the two parts.
    assessed
        The training examples that the summary's scores are of: all of them, where they come from files.
    record
        What they are, for ``run.json``.
    """

    train: ExampleSource
    validation: Examples
    assessed: ExampleSource
    record: dict[str, Any]


def load_run_data(dataset: Dataset | None, split: Split | None, settings: TrainingSettings) -> RunData:
    """Make the examples of a run ready: from a data set with its split, or synthetic ones if the settings say so.

    Raises
    ------
    InputError
        If there is both or neither, a part is empty, a file cannot be read, parts overlap, or the data are a frozen
        test's with widened ranges.
    """
    check_source(dataset is not None, settings)
    if dataset is None or split is None:
        return _synthetic_data(settings)
    return _data_of_files(dataset, split, settings)


def check_source(has_dataset: bool, settings: TrainingSettings) -> None:
    """Make sure that there is one source of examples.

    Raises
    ------
    InputError
        If there is a data set and the settings say ``synthetic``, or neither.
    """
    if has_dataset == (settings.synthetic is not None):
        raise InputError("train on a DATASET or on --synthetic N: give one of the two")


def _data_of_files(dataset: Dataset, split: Split, settings: TrainingSettings) -> RunData:
    """Read the examples, and make sure that no patient and no picture stands in two parts."""
    preset = check_trainable(dataset.info, dataset.path)
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
    for part, examples in (("train", train), ("validation", validation)):
        if warning := warn_of_empty(part, examples.stems, examples.empty):
            _tell(warning)
    _tell_missing(train, dataset)
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
        **({} if preset is None else {"preset": preset.title}),
        **_machine(settings),
    }
    return RunData(train, validation, train, record)


@rank_zero_only
def _tell(warning: str) -> None:
    say(f"pbrs: {warning}", error=True)


@rank_zero_only
def _tell_missing(train: Examples, dataset: Dataset) -> None:
    """Print which channels have no mask at all to learn from."""
    missing = [name for index, name in enumerate(train.channels) if not train.available[:, index].any()]
    if missing:
        # Not "are kept": layers are shared, and the region is the largest of all channels.
        say(
            f"no masks of {', '.join(missing)} for training in {dataset.path}: these channels follow what the region "
            "learns"
        )


def _synthetic_data(settings: TrainingSettings) -> RunData:
    """Draw the validation part; training examples are drawn when they are needed."""
    from pbrs.synthesis.generator import GENERATOR_VERSION

    train = training_samples(settings)
    validation = hold(validation_samples(settings), _progress)
    record = {
        "dataset": None,
        "synthetic": True,
        "generator_version": GENERATOR_VERSION,
        "parts": {"train": [], "validation": list(validation.stems), "test": []},
        "sha256": {"validation": hashlib.sha256(validation.images.tobytes() + validation.masks.tobytes()).hexdigest()},
        "image_sha256": {},
        **_machine(settings),
    }
    return RunData(train, validation, SyntheticExamples(settings, len(validation), TRAINING_SEEDS), record)


def _machine(settings: TrainingSettings) -> dict[str, Any]:
    """Tell in which arithmetic, and with what, a run computes."""
    return {
        "precision": lightning_precision(settings),
        "versions": {
            "pbrs": pbrs.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": lightning.__version__,
        },
    }


def check_unchanged(run: RunFolder, record: dict[str, Any]) -> None:
    """Make sure that a run goes on with the data and the arithmetic that it began with.

    Raises
    ------
    InputError
        If anything is different.
    """
    begun = run.read_record()
    if begun.get("generator_version") != record.get("generator_version"):
        raise InputError(
            f"{run.path} began with generator {begun.get('generator_version')}, this is {record['generator_version']}: "
            "train anew, or go on with the pbrs that began it"
        )
    for part, digest in record["sha256"].items():
        if begun.get("sha256", {}).get(part) != digest:
            of = "the generator, or of this machine," if record["dataset"] is None else record["dataset"]
            raise InputError(f"the {part} images or masks of {of} have changed since {run.path} began: train anew")
    if begun.get("precision") != record["precision"]:
        raise InputError(
            f"{run.path} began in {begun.get('precision')}, this machine would go on in {record['precision']}: "
            "train anew, or go on where it began"
        )


def _progress(names: Sequence[str]) -> Iterator[str]:
    yield from track(names, description="making images ready", transient=True, disable=not sys.stdout.isatty())
