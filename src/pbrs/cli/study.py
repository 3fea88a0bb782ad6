"""`pbrs study`: the paper's comparison on a data set."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from pbrs.cli import training_options as options
from pbrs.errors import InputError, Interrupted
from pbrs.printable import say


def study(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder with images/ and masks/.")],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="STUDY", help="Folder of this study.")],
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file of settings; the options below go before it.")
    ] = None,
    backbones: Annotated[
        str, typer.Option(help="Backbones to compare, with commas between.")
    ] = "inceptionv3,vgg16,resnet50,densenet121,efficientnetb3,mobilenetv2",
    folds: Annotated[
        int | None, typer.Option(help="Cross-validate with this many folds instead of one split.", min=3)
    ] = None,
    seeds: Annotated[str, typer.Option(help="Train with each of these seeds, with commas between.")] = "0",
    encoder_weights: options.EncoderWeights = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    image_size: options.ImageSize = None,
    placement: options.Placement = None,
    learning_rate: options.LearningRate = None,
    precision: options.Precision = None,
    limit_train: options.LimitTrain = None,
    accelerator: options.Accelerator = None,
    devices: options.Devices = None,
) -> None:
    """Train and compare backbones: Table I, Figures 1–5, trade-off and tests in one report. Run again to go on."""
    from pbrs.dataset.folder import open_dataset
    from pbrs.evaluation.study import StudyPlan, run_study
    from pbrs.training.resolve import resolve_settings

    given = options.given_settings(
        image_size,
        encoder_weights=encoder_weights,
        epochs=epochs,
        batch_size=batch_size,
        placement=placement,
        learning_rate=learning_rate,
        precision=precision,
        limit_train=limit_train,
        accelerator=accelerator,
        devices=devices,
    )
    if not all(seed.isdecimal() for seed in options.parse_list(seeds)) or not options.parse_list(seeds):
        raise InputError(f"seeds {seeds!r} are not whole numbers: write 0, or 0,1,2")
    plan = StudyPlan(
        backbones=tuple(options.parse_list(backbones)),
        folds=folds,
        seeds=tuple(int(seed) for seed in options.parse_list(seeds)),
        settings=resolve_settings(given, settings),
        command=_command(),
    )
    try:
        report = run_study(open_dataset(dataset), plan, out)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; all that is complete is kept in {out}: run the same command to go on"
        ) from None
    say(f"report: {report}")


def _command() -> str:
    """Give the command line as typed, but for folders above the ones named: those are nobody's business."""
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return shlex.join(["pbrs", *words])
