"""What the JSON files of a run must hold to be gone on from, exported or compared."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from pbrs.errors import InputError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Beginning = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="allow", allow_inf_nan=False)


class _Parts(_Checked):
    train: list[str]
    validation: list[str]
    test: list[str]


class _Origin(_Checked):
    synthetic: StrictBool
    seen: list[Beginning]


class RunRecord(_Checked):
    """``run.json``."""

    dataset: str | None
    synthetic: StrictBool
    parts: _Parts
    sha256: dict[str, Sha256]
    image_sha256: dict[str, Sha256]
    start: str
    start_origin: _Origin | None = None
    generator_version: str | None = None
    preset: str | None = None
    versions: dict[str, str]


class _Measured(_Checked):
    loss: float
    iou: float
    f1: float


class RunSummary(_Checked):
    """``summary.json``."""

    epochs: Count
    best_epoch: Count
    parameters: Count
    synthetic: StrictBool
    train: _Measured
    validation: _Measured


def check_file(kind: type[BaseModel], values: dict[str, Any], file: Path, hint: str) -> dict[str, Any]:
    """Give back what a file holds, if it is what it must hold.

    Raises
    ------
    InputError
        One line that names what is missing or wrong first.
    """
    try:
        kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{file} is damaged ({place:.80}: {first['msg']:.120}): {hint}") from error
    return values
