"""The trainable state inside a model file, so that training can go on from it."""

from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from pbrs.errors import InputError
from pbrs.modelfile.card import ModelCard
from pbrs.segmentation.model_check import check_graph
from pbrs.segmentation.onnx_file import read_onnx

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
    file = read_onnx(path)
    card = check_graph(file)
    try:
        tensors = onnx.load_model_from_string(file.content).graph.initializer
    except (DecodeError, ValueError) as error:
        raise InputError(f"{path.name} is not a PBRS model file: it is not an ONNX file") from error
    state = {}
    for tensor in tensors:
        name = tensor.name.removeprefix(STATE_PREFIX)
        if name.startswith(TRAINED):
            state[name] = _read_tensor(tensor, path.name)
    return card, state


def _read_tensor(tensor: onnx.TensorProto, source: str) -> Tensor:
    """Give a tensor's numbers, half precision as float32."""
    try:
        # A copy: the array that numpy_helper gives is a read-only view of the file's bytes.
        values = numpy_helper.to_array(tensor).copy()
    except Exception as error:  # whatever a damaged tensor makes numpy and onnx stumble over
        raise InputError(
            f"{source} is damaged: its tensor {tensor.name:.80} cannot be read ({_first_line(error)}); get a fresh copy"
        ) from error
    if values.dtype.kind not in "fi" or values.dtype.itemsize > 8:
        raise InputError(f"{source} is damaged: its tensor {tensor.name:.80} holds {values.dtype}, expected float32")
    if not np.isfinite(values).all():
        raise InputError(f"{source} is damaged: its tensor {tensor.name:.80} holds what is no number; get a fresh copy")
    stored = torch.from_numpy(values)
    return stored.float() if stored.dtype == torch.float16 else stored


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
