"""Opening torch's pickle files without letting them run code: the only door for ``.pth`` and ``.ckpt``."""

import warnings
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old pickle protocols: what cannot be loaded is refused below
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # the unpickler raises whatever a damaged file makes it stumble over
            raise InputError(
                f"{path.name} cannot be read safely: it is damaged, or holds code instead of numbers; get a fresh copy"
            ) from error
