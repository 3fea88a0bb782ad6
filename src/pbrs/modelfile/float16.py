"""Storing the weights of a model file in half precision; it computes in single precision all the same."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from pbrs.modelfile.state import STATE_PREFIX, TRAINED


def rounded(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Round the weights of convolutions to float16, and give everything as float32.

    Biases and the statistics of batch normalisation stay as they are: they are few, and small variances would vanish.
    """
    return {name: tensor.half().float() if _is_weight(tensor.ndim) else tensor for name, tensor in state.items()}


def store_as_float16(path: Path) -> None:
    """Store the weights in an ONNX file as float16, each behind a node that casts it back.

    Runtimes undo the casts once, when they load the file. Nothing changes in what is computed if the weights have been
    `rounded` before.

    Parameters
    ----------
    path
        An ONNX file with everything in it; rewritten.
    """
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        # Fixed constants, such as ImageNet's mean, were not rounded.
        trained = tensor.name.removeprefix(STATE_PREFIX).startswith(TRAINED)
        if not trained or not _is_weight(len(tensor.dims)):
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype("float16"), tensor.name)
        tensor.CopyFrom(half)
        widened = f"{tensor.name}.float32"
        for node in graph.node:
            for position, name in enumerate(node.input):
                if name == tensor.name:
                    node.input[position] = widened
        casts.append(helper.make_node("Cast", [tensor.name], [widened], to=TensorProto.FLOAT))
    names = {tensor.name for tensor in graph.initializer}
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])
    # Their types in the graph's notes are those from before.
    kept = [value for value in graph.value_info if value.name not in names]
    del graph.value_info[:]
    graph.value_info.extend(kept)
    onnx.save(model, path)


def _is_weight(dimensions: int) -> bool:
    return dimensions == 4
