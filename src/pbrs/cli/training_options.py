"""Options that `pbrs train` and `pbrs study` share, and how they become settings."""

from typing import Annotated, Any

import typer

from pbrs.errors import InputError

EncoderWeights = Annotated[
    str | None, typer.Option(help="imagenet (default; downloaded once), none, or a safetensors or .pth file.")
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training part (100).")]
BatchSize = Annotated[int | None, typer.Option(help="Images a step (10).")]
ImageSize = Annotated[str | None, typer.Option(help="Network input in pixels: 224, or 256x320 (height×width).")]
Placement = Annotated[str | None, typer.Option(help="stretch (default, the paper's) or letterbox (keeps proportions).")]
LearningRate = Annotated[float | None, typer.Option("--lr", help="Learning rate of Adam (0.0001).")]
Schedule = Annotated[
    str | None,
    typer.Option(
        help="constant (default, the paper's) or one-cycle: up to --lr in a tenth of all steps, then down to 0."
    ),
]
WeightAveraging = Annotated[
    float | None,
    typer.Option(help="Keep a moving average of the weights with this decay a step, such as 0.999 (0: none)."),
]
Precision = Annotated[
    str | None, typer.Option(help="auto (default: bfloat16 where the processor has it), float32 or bfloat16.")
]
LimitTrain = Annotated[int | None, typer.Option(help="Train on this many images of the training part.")]
Accelerator = Annotated[str | None, typer.Option(help="Lightning's: auto (default), cpu, gpu …")]
Devices = Annotated[str | None, typer.Option(help="Lightning's: a count (1), a list as 0,1, or auto.")]


def given_settings(image_size: str | None, **options: Any) -> dict[str, Any]:
    """Gather the options that were given, by the names of `TrainingSettings`.

    Raises
    ------
    InputError
        If the image size is not one.
    """
    options["image_size"] = None if image_size is None else parse_size(image_size)
    return {name: value for name, value in options.items() if value is not None}


def parse_list(text: str) -> list[str]:
    """Read ``a,b,c``."""
    return [item.strip() for item in text.split(",") if item.strip()]


def parse_lists(texts: list[str] | None) -> list[str]:
    """Read an option that may be given several times, each with commas."""
    return [item for text in texts or () for item in parse_list(text)]


def parse_size(text: str) -> tuple[int, int]:
    """Read ``224`` or ``256x320`` as height and width.

    Raises
    ------
    InputError
        If it is neither.
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        raise InputError(f"image size {text!r} is not a size: write 224, or 256x320 for height and width")
    return int(parts[0]), int(parts[-1])
