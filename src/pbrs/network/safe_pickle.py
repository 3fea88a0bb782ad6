"""Opening torch's pickle files without letting them run code: the only door for ``.pth`` and ``.ckpt``."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from pbrs.errors import InputError


def load_pickle_safely(path: Path) -> Any:
    """Load tensors and plain values from a file of `torch.save`, onto the CPU.

    Raises
    ------
    InputError
        If the file is damaged, or holds anything that would have to be run to be loaded.
    """
    _check_archive(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old pickle protocols: what cannot be loaded is refused below
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # the unpickler raises whatever a damaged file makes it stumble over
            raise InputError(
                f"{path.name} cannot be read safely: it is damaged, or holds code instead of numbers; get a fresh copy"
            ) from error


def _check_archive(path: Path) -> None:
    """Make sure that what lies in the file is no larger than the file: `torch.save` stores it as it is."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        size = path.stat().st_size
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        return  # an older file, or a damaged one, which the unpickler refuses
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or sum(e.file_size for e in entries) > size:
        raise InputError(
            f"{path.name} cannot be read safely: its parts are compressed; expected torch.save(model.state_dict())"
        )
