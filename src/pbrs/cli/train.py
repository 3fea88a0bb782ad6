"""`pbrs train`: one network on one data set."""

from pathlib import Path
from typing import Annotated

import typer

from pbrs.cli import training_options as options
from pbrs.errors import Interrupted
from pbrs.printable import say


def train(
    out: Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="Folder of this run.")],
    dataset: Annotated[
        Path | None,
        typer.Argument(help="Dataset folder with images/, masks/ and split.csv; left out with --synthetic."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of settings; the options below go before it.")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="inceptionv3, vgg16, resnet50, densenet121 (default), efficientnetb3 or mobilenetv2."),
    ] = None,
    encoder_weights: options.EncoderWeights = None,
    encoder_weights_sha256: Annotated[
        str | None, typer.Option(help="What that file's SHA-256 must begin with.")
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Go on from a run, a model file or a model by name (pelvis: ours)."),
    ] = None,
    channels: Annotated[
        str | None, typer.Option(help="region (default), and structures to learn beside it, with commas between.")
    ] = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    image_size: options.ImageSize = None,
    placement: options.Placement = None,
    learning_rate: options.LearningRate = None,
    schedule: options.Schedule = None,
    weight_averaging: options.WeightAveraging = None,
    precision: options.Precision = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random (0).")] = None,
    limit_train: options.LimitTrain = None,
    synthetic: Annotated[
        int | None, typer.Option(metavar="N", help="Train without files, on N newly drawn radiographs an epoch.")
    ] = None,
    looks: Annotated[int | None, typer.Option(help="Radiographs drawn of each anatomy (1); with --synthetic.")] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Switch off a factor or group of factors; with --synthetic."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that make examples ready (files: 0, synthetic: one a processor).")
    ] = None,
    accelerator: options.Accelerator = None,
    devices: options.Devices = None,
    split: Annotated[Path | None, typer.Option(help="Split to use; DATASET/split.csv if left out.")] = None,
    fold: Annotated[int | None, typer.Option(help="Fold to test on, where the split holds folds.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN where it stopped.")] = False,
) -> None:
    """Train a U-Net with the paper's recipe; ^C any time, and go on with --resume."""
    # Imported here: torch takes seconds, which --help and `pbrs segment` need not wait for.
    from pbrs.dataset.folder import open_dataset
    from pbrs.dataset.split_file import read_split
    from pbrs.training.fit import fit
    from pbrs.training.resolve import resolve_settings
    from pbrs.training.run_data import check_source

    given = options.given_settings(
        image_size,
        backbone=backbone,
        encoder_weights=encoder_weights,
        encoder_weights_sha256=encoder_weights_sha256,
        start_from=start_from,
        channels=None if channels is None else options.parse_list(channels),
        epochs=epochs,
        batch_size=batch_size,
        placement=placement,
        learning_rate=learning_rate,
        schedule=schedule,
        weight_averaging=weight_averaging,
        precision=precision,
        seed=seed,
        limit_train=limit_train,
        synthetic=synthetic,
        synthetic_looks=looks,
        synthetic_without=options.parse_lists(without) or None,
        workers=workers,
        accelerator=accelerator,
        devices=devices,
    )
    resolved = resolve_settings(given, settings, out, resume)
    check_source(dataset is not None, resolved)
    data = None if dataset is None else open_dataset(dataset)
    parts = None if dataset is None else read_split(split or dataset / "split.csv", fold)
    try:
        summary = fit(data, parts, resolved, out, resume)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; whole epochs are kept in {out}: go on with --resume") from None
    kind = " (synthetic radiographs)" if summary["synthetic"] else ""
    for part in ("train", "validation"):
        scores = summary[part]
        say(f"{part}{kind}: IoU {scores['iou']:.4f}, F1 {scores['f1']:.4f} over {scores['images']} images")
    if "drawing" in summary:
        say(_told_of_drawing(summary["drawing"], summary["seconds"]))
    say(f"best epoch {summary['best_epoch']} of {summary['epochs']}; next: pbrs export {out}")


def _told_of_drawing(drawing: dict[str, float], seconds: float) -> str:
    return (
        f"rendering took {drawing['share']:.0%} of the time: the training waited for it {drawing['waited_seconds']} of "
        f"{seconds} s ({drawing['processor_seconds']} s of processor time in {drawing['workers'] or 'no'} processes of "
        "its own)"
    )
