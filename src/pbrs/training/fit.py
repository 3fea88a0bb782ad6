"""Training one network on one split of a data set: from examples to a complete run folder."""

import logging
import platform
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar
from rich.progress import track
from torch.utils.data import DataLoader

import pbrs
from pbrs.atomic_write import remove_unfinished, write_json
from pbrs.dataset.augmentation import Augmentation
from pbrs.dataset.examples import Batch, EpochOrder, ExampleData, Examples, load_examples
from pbrs.dataset.folder import Dataset
from pbrs.dataset.hashing import near_duplicates, perceptual_hash
from pbrs.dataset.split import PARTS, Split, check_overlap
from pbrs.errors import InputError
from pbrs.network import build_unet, count_parameters
from pbrs.network.safe_pickle import load_pickle_safely
from pbrs.training.epoch_end import EpochEnd
from pbrs.training.precision import lightning_precision
from pbrs.training.run_folder import RunFolder, read_weights
from pbrs.training.settings import TrainingSettings, write_settings
from pbrs.training.start import build_start
from pbrs.training.task import SegmentationTask


def fit(dataset: Dataset, split: Split, settings: TrainingSettings, path: Path, resume: bool = False) -> dict[str, Any]:
    """Train a network, or go on where a training stopped.

    On a CPU, the weights that come out depend on the settings and the data alone: a run that was killed and resumed any
    number of times ends with the same bits as one that was not.

    Parameters
    ----------
    dataset, split
        What to train and validate on.
    settings
        How. A resumed run must have the settings that it was started with, but for the number of epochs.
    path
        The run's folder; see `RunFolder`.
    resume
        Go on in a folder that holds a run.

    Returns
    -------
    dict
        The run's summary: best epoch, parameters, and loss, IoU and F1 of the best weights on the training and
        validation part (eval mode, no augmentation, network size).

    Raises
    ------
    InputError
        If the folder is in use, the data cannot be read or has changed, or parts of the split overlap.
    KeyboardInterrupt
        On ^C. All whole epochs are kept.
    """
    run = RunFolder(path)
    if resume:
        remove_unfinished(path)
    _check_folder(run, settings, resume)
    train, validation = _load(dataset, split, settings)
    record = _record(dataset, split, settings, train, validation)
    if resume and run.record.exists():
        _check_unchanged(run, record)
    lightning.seed_everything(settings.seed, verbose=False)
    if run.checkpoint.exists():
        # Everything is in the checkpoint: no weights are read or downloaded for a resumed run.
        load_pickle_safely(run.checkpoint)
        network = build_unet(settings.backbone, "none", settings.channels)
    else:
        network, record["start"] = build_start(settings)
    # Only now: what was refused so far has left no folder behind.
    write_settings(run.settings, settings)
    if "start" in record:
        write_json(run.record, record)
    task = SegmentationTask(network, settings)
    epoch_end = _train(task, train, validation, settings, run)

    network.load_state_dict(read_weights(run.best)[0])
    summary = {
        "backbone": settings.backbone,
        "seed": settings.seed,
        "epochs": settings.epochs,
        "best_epoch": epoch_end.best_epoch,
        "parameters": count_parameters(network),
        "synthetic": dataset.is_synthetic,
        "train": assess(task, train),
        "validation": assess(task, validation),
        "seconds": round(sum(row["seconds"] for row in epoch_end.history), 1),
    }
    write_json(run.summary, summary)
    return summary


def assess(task: SegmentationTask, examples: Examples) -> dict[str, float]:
    """Score a network on examples as they are: eval mode, no augmentation, float32.

    Returns
    -------
    dict
        Mean loss, IoU and F1 of the region at network size, and the number of images.
    """
    with _quiet_lightning():
        trainer = lightning.Trainer(
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        (scores,) = trainer.validate(task, _loader(examples, task.settings, None), verbose=False)
    return {name: scores[f"validation_{name}"] for name in ("loss", "iou", "f1")} | {"images": len(examples)}


def _train(
    task: SegmentationTask, train: Examples, validation: Examples, settings: TrainingSettings, run: RunFolder
) -> EpochEnd:
    epoch_end = EpochEnd(run, lambda row: print(_line(row, settings.epochs), flush=True))
    callbacks: list[Callback] = [epoch_end]
    if sys.stdout.isatty():
        callbacks.append(RichProgressBar())
    with _quiet_lightning():
        trainer = lightning.Trainer(
            max_epochs=settings.epochs,
            accelerator=settings.accelerator,
            devices=settings.devices,
            precision=lightning_precision(settings),  # type: ignore[arg-type]
            callbacks=callbacks,
            enable_progress_bar=sys.stdout.isatty(),
            logger=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=run.path,
        )
        augmentation = Augmentation(settings.augmentation, settings.channels) if settings.augmentation.enabled else None
        try:
            trainer.fit(
                task,
                _loader(train, settings, augmentation, shuffle=True),
                _loader(validation, settings, None),
                ckpt_path=run.checkpoint if run.checkpoint.exists() else None,
                weights_only=True,
            )
        except SystemExit as leaving:
            # Lightning turns ^C into an exit of its own; the caller decides what to say.
            raise KeyboardInterrupt from leaving
    epoch_end.write_history()
    return epoch_end


def _loader(
    examples: Examples, settings: TrainingSettings, augmentation: Augmentation | None, shuffle: bool = False
) -> DataLoader[Batch]:
    return DataLoader(
        ExampleData(examples, settings.seed, augmentation),
        batch_size=settings.batch_size,
        sampler=EpochOrder(len(examples), settings.seed, shuffle),
    )


def _load(dataset: Dataset, split: Split, settings: TrainingSettings) -> tuple[Examples, Examples]:
    stems = {part: split.stems(part) for part in PARTS}
    for part in ("train", "validation"):
        if not stems[part]:
            raise InputError(
                f"the {part} part of the split is empty: make a split with `pbrs dataset split {dataset.path}`"
            )
    if settings.limit_train is not None:
        drawn = np.random.default_rng(settings.seed).permutation(stems["train"])[: settings.limit_train]
        stems["train"] = sorted(drawn.tolist())

    def progress(names: Sequence[str]) -> Iterator[str]:
        yield from track(names, description="reading images", transient=True, disable=not sys.stdout.isatty())

    train, validation = (
        load_examples(dataset, stems[part], settings.channels, settings.image_size, settings.placement, progress)
        for part in ("train", "validation")
    )
    hashes = {
        stem: perceptual_hash(image.astype(np.float32) / 255)
        for examples in (train, validation)
        for stem, image in zip(examples.stems, examples.images, strict=True)
    }
    check_overlap(split, dataset.patients, near_duplicates(hashes))
    return train, validation


def _record(
    dataset: Dataset, split: Split, settings: TrainingSettings, train: Examples, validation: Examples
) -> dict[str, Any]:
    return {
        "dataset": str(dataset.path.resolve()),
        "synthetic": dataset.is_synthetic,
        "parts": {"train": train.stems, "validation": validation.stems, "test": split.stems("test")},
        "sha256": {"train": train.digest(), "validation": validation.digest()},
        "precision": lightning_precision(settings),
        "versions": {
            "pbrs": pbrs.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": lightning.__version__,
        },
    }


def _check_folder(run: RunFolder, settings: TrainingSettings, resume: bool) -> None:
    if run.settings.exists():
        if not resume:
            raise InputError(f"{run.path} holds a run already: go on with --resume, or choose another folder")
        started, wanted = run.read_settings().model_dump(exclude={"epochs"}), settings.model_dump(exclude={"epochs"})
        changed = [name for name in wanted if wanted[name] != started[name]]
        if changed:
            raise InputError(
                f"{run.path} was started with {changed[0]} = {started[changed[0]]}, not {wanted[changed[0]]}: "
                "a resumed run keeps its settings; choose another folder for new ones"
            )
    elif run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
        raise InputError(f"{run.path} is not an empty folder and holds no run: choose another folder")


def _check_unchanged(run: RunFolder, record: dict[str, Any]) -> None:
    started = run.read_record()
    for part, digest in record["sha256"].items():
        if started.get("sha256", {}).get(part) != digest:
            raise InputError(
                f"the {part} images or masks of {record['dataset']} have changed since {run.path} began: train anew"
            )


def _line(row: dict[str, float], epochs: int) -> str:
    parts = (
        f"{part} loss {row[f'{part}_loss']:.4f} IoU {row[f'{part}_iou']:.4f} F1 {row[f'{part}_f1']:.4f}"
        for part in ("train", "validation")
    )
    return f"epoch {row['epoch']:.0f}/{epochs} | {' | '.join(parts)} | {row['seconds']:.1f} s"


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Leave Lightning's advice out of the terminal, and give ^C back to whoever had it."""
    interrupt = signal.getsignal(signal.SIGINT)
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*LeafSpec.*")
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            signal.signal(signal.SIGINT, interrupt)
