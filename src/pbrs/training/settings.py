"""Everything that defines one training, with the paper's recipe as the defaults."""

from pathlib import Path
from reprlib import Repr
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pbrs.atomic_write import write_text
from pbrs.dataset.augmentation import AugmentationSettings
from pbrs.dataset.folder import STRUCTURES
from pbrs.errors import InputError
from pbrs.modelfile.limits import LARGEST_SIDE
from pbrs.network import BACKBONES, find_backbone
from pbrs.radiograph.placement import PlacementMode
from pbrs.yaml_mapping import read_yaml_mapping

SMALLEST_SIDE = 64

LARGEST_COUNT = 2**31 - 1
"""Of epochs and images; what counts them has no more digits."""


_SHORT = Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 80, 80


def _both_sides(size: Any) -> Any:
    """Read ``224`` as 224×224, and ``256x320``."""
    if isinstance(size, str) and all(side.strip().isdecimal() for side in size.split("x")):
        size = tuple(int(side) for side in size.split("x"))
        return size * 2 if len(size) == 1 else size
    return (size, size) if isinstance(size, int) else size


def _as_names(names: Any) -> Any:
    """Read ``region,sacrum`` as a list."""
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else names


def _as_text(devices: Any) -> Any:
    """Read YAML's ``2`` and ``[0, 1]`` as the command line's words."""
    return ",".join(map(str, devices)) if isinstance(devices, list) else str(devices)


class TrainingSettings(BaseModel):
    """Settings of one training; written into its run as ``settings.yaml``, and read back from there."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    backbone: str = Field("densenet121", description=", ".join(BACKBONES))
    encoder_weights: str = Field("imagenet", description="imagenet, none, or a safetensors or .pth file")
    encoder_weights_sha256: str | None = Field(None, description="what that file's SHA-256 must begin with")
    start_from: str | None = Field(
        None, description="a run, a model file or a model's name to go on from, instead of encoder weights"
    )
    channels: Annotated[tuple[str, ...], BeforeValidator(_as_names)] = Field(
        ("region",), min_length=1, description="region, and any of the structures"
    )
    image_size: Annotated[tuple[int, int], BeforeValidator(_both_sides)] = Field(
        (224, 224), description="height and width of the network's input"
    )
    placement: PlacementMode = "stretch"
    batch_size: int = Field(10, ge=1, le=LARGEST_COUNT)
    epochs: int = Field(100, ge=1, le=LARGEST_COUNT)
    learning_rate: float = Field(1e-4, gt=0, description="of Adam; its peak if it follows a cycle")
    schedule: Literal["constant", "one-cycle"] = Field(
        "constant",
        description="one-cycle: the learning rate rises over a tenth of all steps, then falls to nothing",
    )
    weight_averaging: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="decay a step of a moving average of the weights, which is then what is kept; 0: no average",
    )
    focal_alpha: float = Field(0.25, ge=0, le=1)
    focal_gamma: float = Field(2.0, ge=0)
    dice_smooth: float = Field(1e-5, gt=0)
    augmentation: AugmentationSettings = AugmentationSettings()
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 autocast where the processor has it, else float32"
    )
    seed: int = Field(0, ge=0, lt=2**32)
    limit_train: int | None = Field(
        None, ge=1, le=LARGEST_COUNT, description="train on this many images of the training part"
    )
    synthetic: int | None = Field(
        None, ge=1, le=LARGEST_COUNT, description="train without files, on this many newly drawn radiographs an epoch"
    )
    synthetic_looks: int = Field(1, ge=1, le=LARGEST_COUNT, description="radiographs drawn of each anatomy")
    synthetic_without: Annotated[tuple[str, ...], BeforeValidator(_as_names)] = Field(
        (), description="factors and groups of factors that are switched off"
    )
    workers: int | None = Field(
        None,
        ge=0,
        le=4096,
        description="processes that make examples ready; 0 for files and one a processor for synthetic if left out",
    )
    accelerator: str = Field("auto", description="Lightning's accelerator: auto, cpu, gpu, …")
    devices: Annotated[str, BeforeValidator(_as_text)] = Field(
        "1", description="Lightning's devices: auto, a count, or a list such as 0,1"
    )

    @model_validator(mode="after")
    def _check(self) -> "TrainingSettings":
        backbone = find_backbone(self.backbone)
        # Batch normalisation needs more than one value a channel, so the deepest map must be 2×2 at least.
        smallest = max(SMALLEST_SIDE, 107 if backbone.name == "inceptionv3" else 0)
        if min(self.image_size) < smallest:
            raise ValueError(
                f"image size {self.image_size} is too small to train {backbone.title}: at least {smallest}"
            )
        if max(self.image_size) > LARGEST_SIDE:
            raise ValueError(f"image size {self.image_size} is too large: at most {LARGEST_SIDE}")
        if self.channels[0] != "region" or len(set(self.channels)) < len(self.channels):
            raise ValueError("channels must begin with region and name nothing twice")
        unknown = set(self.channels[1:]) - set(STRUCTURES)
        if unknown:
            raise ValueError(f"channels {sorted(unknown)} are not known: expected region, {', '.join(STRUCTURES)}")
        if self.synthetic is None and (self.synthetic_looks > 1 or self.synthetic_without):
            raise ValueError("synthetic_looks and synthetic_without are for synthetic training: set synthetic, too")
        if self.synthetic is not None and self.limit_train is not None:
            raise ValueError("limit_train is for files: set synthetic to the number of radiographs instead")
        return self


def make_settings(values: dict[str, Any]) -> TrainingSettings:
    """Check settings that a user gave.

    Raises
    ------
    InputError
        One line that names the first setting that is wrong.
    """
    try:
        return TrainingSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        # A check of several settings together got them all, and names the wrong one itself.
        got = "" if isinstance(first["input"], dict) else f" (got {_shown(first['input'])})"
        raise InputError(f"{name}: {first['msg'].removeprefix('Value error, ')}{got}") from error


def _shown(value: Any) -> str:
    """Show what was given, cut before it is written out: a list may be long, and Python refuses a long number."""
    try:
        return f"{_SHORT.repr(value):.80}"
    except ValueError:
        return f"a {type(value).__name__} of thousands of digits"


def read_settings_file(path: Path) -> dict[str, Any]:
    """Read settings from a YAML file, unchecked.

    Raises
    ------
    InputError
        If the file is not there, too large, or is no mapping of names to values.
    """
    return read_yaml_mapping(path, "epochs: 100")


def write_settings(path: Path, settings: TrainingSettings) -> None:
    """Write settings as YAML that `read_settings_file` reads back."""
    write_text(path, yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False))
