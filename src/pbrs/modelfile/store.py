"""Where model files are found: the one that ships with PBRS, those a user added by name, or any file."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pbrs.errors import InputError
from pbrs.json_object import read_json_object

if TYPE_CHECKING:
    from pbrs.modelfile.card import ModelCard

SHIPPED_NAME = "pelvis"
FOLDER_VARIABLE = "PBRS_MODELS"
"""Environment variable with the folder of added models, for those who keep them elsewhere than in the home folder."""

_SHIPPED_FILE = Path(__file__).parent / "shipped" / f"{SHIPPED_NAME}.onnx"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class StoredModel:
    """One model that can be asked for by name.

    Attributes
    ----------
    name
        What ``--model`` takes.
    file
        The model file.
    sha256
        What the file's SHA-256 was when it was added, hexadecimal; of the shipped model, what it is.
    shipped
        Whether it came with PBRS.
    source
        Name of the file that it was added from; empty for the shipped one.
    added
        When, in UTC, as ISO 8601; empty for the shipped one.
    """

    name: str
    file: Path
    sha256: str
    shipped: bool = False
    source: str = ""
    added: str = ""


def models_folder() -> Path:
    """Tell where added models are kept: `PBRS_MODELS` if it is set, or the user's data folder."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("pbrs", appauthor=False) / "models"


def find_model(model: Path | str | None = None) -> Path:
    """Find a model file.

    Parameters
    ----------
    model
        None for the model that ships with PBRS; the name of one that was added (its SHA-256 is checked); a model file;
        or a run's folder with ``model.onnx`` in it. A name goes before a file or folder of that name, which is still
        reached as ``./NAME``.

    Raises
    ------
    InputError
        If there is no such model, or an added one is not what it was when it was added.
    """
    if model is None or str(model) == SHIPPED_NAME:
        if not _SHIPPED_FILE.is_file():
            raise InputError("this copy of PBRS came without a model: give one with --model FILE")
        return _SHIPPED_FILE
    if not str(model):
        raise InputError("the model's name is empty: expected a name that `pbrs models list` shows, a file or a folder")
    path = Path(model)
    if is_model_name(model) and (stored := read_record(record_file(str(model)))):
        return _checked(stored)
    if path.is_dir():
        return _model_of_folder(path)
    if not path.is_file():
        raise InputError(
            f"no model {model}: expected an .onnx file of `pbrs export`, a run's folder, or a name that "
            "`pbrs models list` shows"
        )
    return path


def is_model_name(model: Path | str) -> bool:
    """Tell whether this is the shipped model's name or an added one's, which goes before a file or folder."""
    # A Path loses "./", a string keeps it.
    name = str(model)
    return name == SHIPPED_NAME or (_NAME.fullmatch(name) is not None and record_file(name).exists())


def check_name(name: str) -> None:
    """Make sure that this can be a model's name.

    Raises
    ------
    InputError
        If it is not 1 to 64 letters, digits, ``.``, ``_`` and ``-``, or ends like a file's.
    """
    if not _NAME.fullmatch(name) or name.lower().endswith(".onnx"):
        raise InputError(
            f"{name!r} cannot be a model's name: expected 1 to 64 letters, digits, '.', '_' and '-', without .onnx at "
            "the end; choose one with --name"
        )


def list_models() -> list[StoredModel]:
    """List the shipped model, and those that were added, by name; without those of `damaged_records`."""
    shipped = [_SHIPPED_FILE] if _SHIPPED_FILE.is_file() else []
    return [
        *(StoredModel(SHIPPED_NAME, file, _sha256(file), shipped=True) for file in shipped),
        *_records()[0],
    ]


def damaged_records() -> list[str]:
    """Tell of each damaged record of an added model, in a line, what to do about it."""
    return _records()[1]


def model_names() -> list[str]:
    """Name the shipped model and those that were added, without looking into any file of a model."""
    shipped = [SHIPPED_NAME] if _SHIPPED_FILE.is_file() else []
    return [*shipped, *sorted(stored.name for stored in _records()[0])]


def remove_model(name: str) -> None:
    """Forget an added model, and delete its copy; also where its record is damaged.

    Raises
    ------
    InputError
        If none of this name was added.
    """
    if name == SHIPPED_NAME:
        raise InputError(f"{name} is the model that ships with PBRS: it cannot be removed")
    if not is_model_name(name):
        raise InputError(f"no model {name} was added: `pbrs models list` shows those that were")
    record_file(name).unlink()
    # By their names, not by the record: it may be damaged.
    copy = re.compile(rf"{re.escape(name)}-[0-9a-f]{{12}}\.onnx", re.IGNORECASE)
    for file in models_folder().iterdir():
        if copy.fullmatch(file.name):
            file.unlink()


def read_card(file: Path) -> "tuple[ModelCard, str]":
    """Give the card and the SHA-256 of a model file; nothing in it is run.

    Raises
    ------
    InputError
        If it cannot be read or is not ours.
    """
    from pbrs.segmentation.model_check import check_graph
    from pbrs.segmentation.onnx_file import read_onnx

    onnx = read_onnx(file)
    return check_graph(onnx), onnx.sha256


def _model_of_folder(folder: Path) -> Path:
    model = folder / "model.onnx"
    if model.is_file():
        return model
    # As `RunFolder` names it, which needs PyTorch.
    if (folder / "settings.yaml").exists():
        raise InputError(f"no model.onnx in {folder}: make it with `pbrs export {folder}`")
    raise InputError(
        f"{folder} is neither a run's folder nor holds model.onnx: expected an .onnx file of `pbrs export`, a run's "
        "folder, or a name that `pbrs models list` shows"
    )


def _checked(stored: StoredModel) -> Path:
    if not stored.file.is_file():
        raise InputError(f"model {stored.name} is gone from {stored.file.parent}: add it again with --force")
    if (digest := _sha256(stored.file)) != stored.sha256:
        raise InputError(
            f"model {stored.name} is damaged: SHA-256 is {digest[:12]}…, was {stored.sha256[:12]}… when it was added; "
            "add it again with --force"
        )
    return stored.file


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def record_file(name: str) -> Path:
    """Tell where the record of an added model is, or would be."""
    # In small letters: some file systems know no difference.
    return models_folder() / f"{name.lower()}.json"


def _records() -> tuple[list[StoredModel], list[str]]:
    """Read all records; of those that are damaged give what is to be said."""
    models, damaged = [], []
    for file in sorted(models_folder().glob("*.json")):
        try:
            stored = read_record(file)
        except InputError as error:
            damaged.append(str(error))
        else:
            models += [stored] if stored else []
    return models, damaged


def read_record(file: Path) -> StoredModel | None:
    """Read what was recorded of a model; None where nothing was.

    Raises
    ------
    InputError
        If the record is damaged.
    """
    try:
        if not file.exists():
            return None
        record = read_json_object(file, "it is damaged")
        stored = StoredModel(
            name=str(record["name"]),
            file=file.parent / Path(str(record["file"])).name,
            sha256=str(record["sha256"]),
            source=str(record["source"]),
            added=str(record["added"]),
        )
    except (ValueError, KeyError) as error:
        raise InputError(f"{file} is damaged: `pbrs models remove {file.stem}`, and add the model again") from error
    return stored
