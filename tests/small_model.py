"""A model file of six channels that no one had to train: one convolution, and the region where any structure is."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pbrs.modelfile.card import CARD_KEY, INPUT_NAME, OUTPUT_NAME, ModelCard

CHANNELS = ("region", "hip_left", "hip_right", "sacrum", "femur_left", "femur_right")


def write_small_model(
    path: Path, channels: tuple[str, ...] = CHANNELS, side: int = 64, float16: bool = False, seed: int = 0
) -> Path:
    """Write the file; its weights are the same in both ways of storing them."""
    random = np.random.default_rng(seed)
    weights = random.normal(0, 3, (len(channels), 1, 5, 5)).astype(np.float16)
    bias = random.normal(0, 1, len(channels)).astype(np.float16)
    stored = np.float16 if float16 else np.float32
    tensors = {"weight": weights.astype(stored), "bias": bias.astype(stored)}
    initializers = [numpy_helper.from_array(values, name) for name, values in tensors.items()]
    initializers.append(numpy_helper.from_array(np.array([1]), "axis"))
    initializers += [numpy_helper.from_array(np.array([edge]), f"edge{edge}") for edge in (1, 99)]
    nodes = [
        helper.make_node("Cast", ["weight"], ["weight32"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["bias"], ["bias32"], to=TensorProto.FLOAT),
        helper.make_node("Conv", [INPUT_NAME, "weight32", "bias32"], ["logits"], pads=[2, 2, 2, 2]),
        helper.make_node("ReduceMax", ["logits", "axis"], ["any"]),
        helper.make_node("Slice", ["logits", "edge1", "edge99", "axis"], ["structures"]),
        helper.make_node("Concat", ["any", "structures"], ["all"], axis=1),
        helper.make_node("Sigmoid", ["all"], [OUTPUT_NAME]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["batch", 1, side, side])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["batch", len(channels), side, side])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {CARD_KEY: _card(channels, side).model_dump_json()})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def _card(channels: tuple[str, ...], side: int) -> ModelCard:
    return ModelCard(
        name="small",
        backbone="mobilenetv2",
        channels=channels,
        image_size=(side, side),
        placement="stretch",
        threshold=0.5,
        parameters=0,
        synthetic=True,
        training={},
        scores={},
        licence="CC0-1.0",
        versions={},
    )
