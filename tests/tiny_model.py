"""A model file without training: bright is bone."""

from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from pbrs.modelfile.card import CARD_KEY, INPUT_NAME, OUTPUT_NAME, ModelCard


def write_tiny_model(
    path: Path, channels: tuple[str, ...] = ("region",), made_channels: int | None = None, **card: Any
) -> Path:
    """Write an ONNX file of a few hundred bytes whose every channel is sigmoid(10 × (grey − 0.5)).

    Parameters
    ----------
    made_channels
        How many channels the graph gives, if not as many as its card says.
    **card
        Fields of the card that are to be others.
    """
    count = len(channels) if made_channels is None else made_channels
    height, width = card.get("image_size", (32, 32))
    constants = {"middle": 0.5, "slope": 10.0}
    graph = helper.make_graph(
        [
            helper.make_node("Sub", [INPUT_NAME, "middle"], ["centred"]),
            helper.make_node("Mul", ["centred", "slope"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["one"]),
            helper.make_node("Concat", ["one"] * count, [OUTPUT_NAME], axis=1),
        ],
        "bright",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["N", 1, height, width])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["N", count, height, width])],
        [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    facts: dict[str, Any] = {
        "name": "tiny",
        "backbone": "none",
        "image_size": (height, width),
        "placement": "stretch",
        "threshold": 0.5,
        "parameters": 2,
        "synthetic": True,
        "training": {"images": 0},
        "scores": {"test": {"iou": 0.9}},
        "licence": "CC0-1.0",
        "versions": {"pbrs": "0.1.0"},
    }
    made = ModelCard.model_validate({**facts, "channels": channels, **card})
    entry = model.metadata_props.add()
    entry.key, entry.value = CARD_KEY, made.model_dump_json()
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path
