"""The card that a model file carries: what goes in, what comes out, how to use it, where it comes from."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pbrs.errors import InputError
from pbrs.modelfile.limits import LARGEST_CARD_BYTES, LARGEST_SIDE, MOST_CHANNELS, SMALLEST_SIDE
from pbrs.modelfile.quality_card import QualityCalibration
from pbrs.radiograph.placement import PlacementMode

CARD_KEY = "pbrs_card"
INPUT_NAME = "radiograph"
OUTPUT_NAME = "probability"
SEEN_DIGITS = 12
"""Of a SHA-256: enough to tell images apart, short enough for a data set of thousands in a card."""


ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""Structures are written into folders of their channels' names: a model from elsewhere must not choose any path."""


Side = Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE)]


class ModelCard(BaseModel):
    """What a model file says of itself; JSON in the ONNX metadata under ``pbrs_card``.

    The network's input ``radiograph`` is float32 (N, 1, H, W) in [0, 1], bone bright; its output ``probability`` is
    float32 (N, C, H, W) in [0, 1], one channel a name of `channels`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str = Field(max_length=200)
    backbone: str
    channels: tuple[ChannelName, ...] = Field(max_length=MOST_CHANNELS)
    image_size: tuple[Side, Side] = Field(description="height and width of the network's input")
    placement: PlacementMode
    threshold: float = Field(
        gt=0, lt=1, description="probability from which a pixel is bone; chosen on the validation part"
    )
    parameters: int = Field(ge=0, lt=2**63)
    synthetic: bool = Field(description="whether it and its start were trained on synthetic radiographs only")
    training: dict[str, Any] = Field(description="settings, number of images, where the weights started from")
    seen: tuple[str, ...] = Field(
        (),
        description="beginnings of the SHA-256 of the image files that it or its start was trained or chosen on",
    )
    scores: dict[str, Any] = Field(description="of the best weights, by part")
    quality: QualityCalibration | None = Field(None, description="by which its segmentations are judged, if it has one")
    licence: str
    intended_use: str = "Research only; not a medical device."
    versions: dict[str, str]

    @field_validator("channels")
    @classmethod
    def _region_and_each_once(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        if "region" not in channels or len(set(channels)) < len(channels):
            raise ValueError(f"expected region and each name once, not {', '.join(channels) or 'none'}")
        return channels

    def has_seen(self, sha256: str) -> bool:
        """Tell whether the image file with this SHA-256 was used to train or choose the model or its start."""
        return sha256[:SEEN_DIGITS] in self.seen


def parse_card(metadata: Mapping[str, str], source: str) -> ModelCard:
    """Read the card out of an ONNX file's metadata.

    Raises
    ------
    InputError
        If there is none, or it is not one that this version reads.
    """
    if CARD_KEY not in metadata:
        raise InputError(f"{source} is not a PBRS model file: it carries no card; make one with `pbrs export RUN`")
    text = metadata[CARD_KEY]
    if len(text) > LARGEST_CARD_BYTES:
        raise InputError(f"{source} carries a card of {len(text):,} letters: expected at most {LARGEST_CARD_BYTES:,}")
    try:
        card = ModelCard.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "card"
        raise InputError(
            f"{source} carries a card that this version cannot read ({field:.80}: {first['msg']:.200})"
        ) from error
    if not _is_finite(card.model_dump()):
        raise InputError(f"{source} carries a card that this version cannot read: a number in it is not finite")
    return card


def _is_finite(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
