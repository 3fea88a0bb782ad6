"""The trainable state inside a model file, so that training can go on from it."""

from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from pbrs.errors import InputError
from pbrs.modelfile.card import ModelCard, parse_card

STATE_PREFIX = "network."
"""Begins the name of every parameter in an exported graph."""

TRAINED = ("encoder.", "centre.", "decoder.", "head.")
"""Parts of the network that hold what was trained; the other constants of the graph are fixed."""


def read_model_state(path: Path) -> tuple[ModelCard, dict[str, Tensor]]:
    """Read card and state dictionary of a model file.

    The export keeps every parameter under its own name, so the state is the graph's named constants. Nothing in the
    file is run.

    Raises
    ------
    InputError
        If the file is missing, damaged, keeps its weights elsewhere, or is no PBRS model file.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist: expected a run folder or a model file (.onnx)")
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError, OSError) as error:
        raise InputError(f"{path.name} is not a PBRS model file: it is not an ONNX file") from error
    card = parse_card({entry.key: entry.value for entry in model.metadata_props}, path.name)
    state = {}
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise InputError(f"{path.name} keeps weights in another file: expected one file with everything in it")
        name = tensor.name.removeprefix(STATE_PREFIX)
        if name.startswith(TRAINED):
            # A copy: the array that numpy_helper gives is a read-only view of the file's bytes.
            stored = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            state[name] = stored.float() if stored.dtype == torch.float16 else stored
    return card, state
