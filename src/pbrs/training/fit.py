"""Training one network on one split of a data set: from examples to a complete run folder."""

import sys
from pathlib import Path
from typing import Any

import lightning
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.callbacks import Callback, RichProgressBar
from torch.utils.data import DataLoader

from pbrs.atomic_write import remove_unfinished, write_json
from pbrs.dataset.augmentation import Augmentation
from pbrs.dataset.examples import Batch, EpochOrder, ExampleData, ExampleSource
from pbrs.dataset.folder import Dataset
from pbrs.dataset.split import Split
from pbrs.errors import InputError
from pbrs.file_lock import is_unused, sole_use_of_folder
from pbrs.network import build_unet, count_parameters
from pbrs.printable import say
from pbrs.synthesis.workers import START_METHOD, control_c_later, one_thread_each, processors, start_worker
from pbrs.training.checkpoint import check_fits, epochs_done
from pbrs.training.epoch_end import EpochEnd
from pbrs.training.precision import lightning_precision
from pbrs.training.quiet_lightning import quiet_lightning
from pbrs.training.run_data import check_unchanged, load_run_data
from pbrs.training.run_folder import RunFolder, fill_network, in_use, read_weights
from pbrs.training.settings import TrainingSettings, write_settings
from pbrs.training.start import build_start, origin_of_start
from pbrs.training.synthetic_source import SyntheticExamples
from pbrs.training.task import SegmentationTask
from pbrs.training.waiting import Waiting
from pbrs.training.weight_average import WeightAverage


def fit(
    dataset: Dataset | None, split: Split | None, settings: TrainingSettings, path: Path, resume: bool = False
) -> dict[str, Any]:
    """Train a network, or go on where a training stopped.

    On a CPU, the weights that come out depend on the settings and the data alone: a run that was killed and resumed any
    number of times ends with the same bits as one that was not.

    Parameters
    ----------
    dataset, split
        What to train and validate on; None where the settings say ``synthetic``.
    settings
        How. A resumed run must have the settings that it was started with, but for the number of epochs (that, too,
        where the learning rate follows a cycle).
    path
        The run's folder; see `RunFolder`.
    resume
        Go on in a folder that holds a run.

    Returns
    -------
    dict
        The run's summary: best epoch, parameters, and loss, IoU and F1 of the best weights on the training and
        validation part (eval mode, no augmentation, network size). Of a synthetic training also what drawing took.

    Raises
    ------
    InputError
        If the folder is in use or another process trains in it, the data cannot be read or has changed, or
        parts of the split overlap.
    KeyboardInterrupt
        On ^C. All whole epochs are kept.
    """
    # With several devices Lightning starts this program once more for each: only the first looks after the files.
    if getattr(rank_zero_only, "rank", 0) != 0:
        return _fit(dataset, split, settings, path, resume, is_first=False)
    with sole_use_of_folder(path, in_use(path)):
        return _fit(dataset, split, settings, path, resume, is_first=True)


def _fit(
    dataset: Dataset | None, split: Split | None, settings: TrainingSettings, path: Path, resume: bool, is_first: bool
) -> dict[str, Any]:
    run = RunFolder(path)
    if is_first:
        if resume:
            remove_unfinished(path)
        _check_folder(run, settings, resume)
    data = load_run_data(dataset, split, settings)
    if resume and run.record.exists():
        check_unchanged(run, data.record)
    waiting = Waiting(data.train.seconds) if isinstance(data.train, SyntheticExamples) else None
    workers = settings.workers if settings.workers is not None else processors() if waiting else 0
    averaging = WeightAverage(settings.weight_averaging) if settings.weight_averaging else None
    epoch_end = EpochEnd(run, averaging, lambda row: say(_line(row, settings.epochs)))
    callbacks: list[Callback] = [callback for callback in (averaging, epoch_end, waiting) if callback is not None]
    trainer = _make_trainer(settings, run, callbacks)
    augmentation = Augmentation(settings.augmentation, settings.channels) if settings.augmentation.enabled else None
    lightning.seed_everything(settings.seed, verbose=False)
    if run.checkpoint.exists():
        # Everything is in the checkpoint: no weights are read or downloaded for a resumed run.
        network = build_unet(settings.backbone, "none", settings.channels)
    else:
        network, data.record["start"] = build_start(settings)
        data.record["start_origin"] = origin_of_start(settings.start_from)
    # Only now: what was refused so far has left no folder behind, and removed nothing.
    if is_first:
        _remove_stale(run, settings.epochs)
        write_settings(run.settings, settings)
        if "start" in data.record:
            write_json(run.record, data.record)
    task = SegmentationTask(network, settings)
    check_fits(run, task)
    # Synthetic examples come in their own order: looks of one anatomy lie side by side there, which saves time.
    train = _loader(
        data.train, settings, augmentation, shuffle=waiting is None, workers=workers, epoch=epochs_done(run)
    )
    with quiet_lightning(), one_thread_each():
        trainer.fit(
            task,
            train,
            _loader(data.validation, settings),
            ckpt_path=run.checkpoint if run.checkpoint.exists() else None,
            weights_only=True,
        )
    if is_first:
        epoch_end.write_history()

    fill_network(network, read_weights(run.best)[0], run.best)
    seconds = sum(row["seconds"] for row in epoch_end.history)
    summary = {
        "backbone": settings.backbone,
        "seed": settings.seed,
        "epochs": settings.epochs,
        "best_epoch": epoch_end.best_epoch,
        "parameters": count_parameters(network),
        "synthetic": data.record["synthetic"],
        "train": assess(task, data.assessed),
        "validation": assess(task, data.validation),
        "seconds": round(seconds, 1),
        **({"drawing": waiting.summary(seconds, workers)} if waiting else {}),
    }
    if is_first:
        write_json(run.summary, summary)
    return summary


def assess(task: SegmentationTask, examples: ExampleSource) -> dict[str, float]:
    """Score a network on examples as they are: eval mode, no augmentation, float32.

    Returns
    -------
    dict
        Mean loss, IoU and F1 of the region at network size, and the number of images.
    """
    with quiet_lightning():
        trainer = lightning.Trainer(
            accelerator="cpu",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        (scores,) = trainer.validate(task, _loader(examples, task.settings, shared=False), verbose=False)
    return {name: scores[f"validation_{name}"] for name in ("loss", "iou", "f1")} | {"images": len(examples)}


def _make_trainer(settings: TrainingSettings, run: RunFolder, callbacks: list[Callback]) -> lightning.Trainer:
    if sys.stdout.isatty():
        callbacks = [*callbacks, RichProgressBar()]
    try:
        with quiet_lightning():
            return lightning.Trainer(
                max_epochs=settings.epochs,
                accelerator=settings.accelerator,
                devices=settings.devices,
                precision=lightning_precision(settings),  # type: ignore[arg-type]
                callbacks=callbacks,
                enable_progress_bar=sys.stdout.isatty(),
                logger=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
                use_distributed_sampler=False,  # `EpochOrder` gives each device its share
                default_root_dir=run.path,
            )
    except (MisconfigurationException, ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"accelerator {settings.accelerator}, devices {settings.devices}: {' '.join(str(error).split())[:160]}"
        ) from error


class _Loader(DataLoader[Batch]):
    """A loader whose processes leave ^C to this one."""

    def __iter__(self) -> Any:
        with control_c_later():
            return super().__iter__()


def _loader(
    examples: ExampleSource,
    settings: TrainingSettings,
    augmentation: Augmentation | None = None,
    shuffle: bool = False,
    shared: bool = True,
    workers: int = 0,
    epoch: int = 0,
) -> DataLoader[Batch]:
    order = EpochOrder(len(examples), settings.seed, shuffle, shared)
    # Workers begin with the first batches before Lightning says which epoch it goes on with.
    order.set_epoch(epoch)
    return _Loader(
        ExampleData(examples, settings.seed, augmentation),
        batch_size=settings.batch_size,
        sampler=order,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context=START_METHOD if workers else None,
        worker_init_fn=start_worker if workers else None,
    )


def _check_folder(run: RunFolder, settings: TrainingSettings, resume: bool) -> None:
    if run.settings.exists():
        if not resume:
            raise InputError(f"{run.path} holds a run already: go on with --resume, or choose another folder")
        # Neither changes what an epoch computes; the number of epochs does where a cycle ends with the last.
        free = {"workers"} if settings.schedule == "one-cycle" else {"workers", "epochs"}
        started, wanted = (made.model_dump(exclude=free) for made in (run.read_settings(), settings))
        changed = [name for name in wanted if wanted[name] != started[name]]
        if changed:
            raise InputError(
                f"{run.path} was started with {changed[0]} = {started[changed[0]]}, not {wanted[changed[0]]}: "
                "a resumed run keeps its settings; choose another folder for new ones"
            )
        _check_epochs(run, settings.epochs)
    elif not is_unused(run.path):
        raise InputError(f"{run.path} is not an empty folder and holds no run: choose another folder")


def _check_epochs(run: RunFolder, epochs: int) -> None:
    done = epochs_done(run)
    if epochs < done:
        raise InputError(f"{run.path} has trained {done} epochs already: resume it with --epochs {done} or more")


def _remove_stale(run: RunFolder, epochs: int) -> None:
    """Remove what was made of a shorter run, if there are epochs to do."""
    if epochs > epochs_done(run):
        for file in (run.summary, run.model, *run.path.glob("calibration.*")):
            file.unlink(missing_ok=True)


def _line(row: dict[str, float], epochs: int) -> str:
    parts = (
        f"{part} loss {row[f'{part}_loss']:.4f} IoU {row[f'{part}_iou']:.4f} F1 {row[f'{part}_f1']:.4f}"
        for part in ("train", "validation")
    )
    return f"epoch {row['epoch']:.0f}/{epochs} | {' | '.join(parts)} | {row['seconds']:.1f} s"
