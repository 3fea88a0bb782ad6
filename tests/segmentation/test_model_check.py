"""Model files that lie, ask for too much or come from elsewhere: one line each, within seconds and bounded memory."""

import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from damaged_file import assert_read_or_one_line, damage
from pbrs.errors import InputError
from pbrs.modelfile import store
from pbrs.modelfile.add_model import add_model
from pbrs.modelfile.card import CARD_KEY
from pbrs.modelfile.limits import TRIAL_SECONDS
from pbrs.modelfile.store import read_card
from pbrs.segmentation import Segmenter, model_check
from pbrs.segmentation.onnx_file import read_onnx
from tiny_model import write_tiny_model

FLOAT = TensorProto.FLOAT
RUNTIMES = ["onnxruntime", *(["openvino"] if find_spec("openvino") else [])]


def altered_card(path: Path, **fields: str) -> Path:
    """Write a model whose graph is intact, and whose card's JSON has these texts for its own."""
    model = onnx.load(write_tiny_model(path))
    for old, new in fields.values():
        assert old in model.metadata_props[0].value
        model.metadata_props[0].value = model.metadata_props[0].value.replace(old, new)
    onnx.save(model, path)
    return path


def with_graph(path: Path, nodes: list[Any], constants: dict[str, Any], **ports: Any) -> Path:
    """Write a model with a good card, and these nodes for its graph."""
    model = onnx.load(write_tiny_model(path))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )
    for name, (element_type, shape) in ports.items():
        place = model.graph.input if name == "radiograph" else model.graph.output
        del place[:]
        place.append(helper.make_tensor_value_info(name, element_type, shape))
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"image_size":[32,32]', '"image_size":[30000,30000]', "image_size"),
        ('"image_size":[32,32]', '"image_size":[1,1]', "image_size"),
        ('"image_size":[32,32]', f'"image_size":[{2**62},{2**62}]', "image_size"),
        ('"image_size":[32,32]', f'"image_size":[{"9" * 5000},32]', "card"),
        ('"image_size":[32,32]', '"image_size":[64,64]', "does not fit its card: radiograph"),
        ('"channels":["region"]', '"channels":["region","sacrum"]', "does not fit its card: probability"),
        ('"channels":["region"]', '"channels":[' + ",".join(f'"c{i}"' for i in range(999)) + ',"region"]', "channels"),
        ('"parameters":2', '"parameters":' + "[" * 50_000, "card"),
        ('"threshold":0.5', '"threshold":NaN', "threshold"),
        ('{"iou":0.9}', '{"iou":1e999}', "not finite"),
        ('{"iou":0.9}', '{"iou":NaN}', "not finite"),
    ],
)
def test_a_card_that_says_other_than_the_graph_or_beyond_limits_is_one_line(tmp_path, old, new, said):
    file = altered_card(tmp_path / "liar.onnx", change=(old, new))
    for door in (Segmenter.load, add_model, read_card):
        with pytest.raises(InputError, match=said) as caught:
            door(file)
        assert len(str(caught.value)) < 500
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("operation", ["Expand", "ConstantOfShape", "Tile", "Resize"])
def test_a_graph_that_asks_for_half_a_terabyte_is_one_line(tmp_path, operation, runtime):
    size = 2**37
    nodes = {
        "Expand": [helper.make_node("Expand", ["slope", "size"], ["big"])],
        "ConstantOfShape": [helper.make_node("ConstantOfShape", ["size"], ["big"])],
        "Tile": [
            helper.make_node("Reshape", ["slope", "one"], ["s"]),
            helper.make_node("Tile", ["s", "size"], ["big"]),
        ],
        "Resize": [helper.make_node("Resize", ["radiograph", "", "scales"], ["big"])],
    }[operation]
    nodes += [
        helper.make_node("ReduceMax", ["big"], ["most"], keepdims=0),
        helper.make_node("Mul", ["radiograph", "most"], ["x"]),
    ]
    nodes += [helper.make_node("Sigmoid", ["x"], ["probability"])]
    constants = {"size": np.array([size]), "one": np.array([1]), "scales": np.array([1, 1, 2**14, 2**13], np.float32)}
    file = with_graph(tmp_path / "big.onnx", nodes, constants)
    with pytest.raises(InputError, match=r"big\.onnx cannot be (run|loaded)|big\.onnx needs|big\.onnx takes"):
        Segmenter.load(file, runtime)


def test_a_graph_that_never_ends_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(model_check, "TRIAL_SECONDS", 3)
    assert TRIAL_SECONDS <= 60
    turn = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Sin", ["value"], ["next"])],
        "turn",
        [helper.make_tensor_value_info(*port) for port in (("i", 7, []), ("go", 9, []), ("value", FLOAT, None))],
        [helper.make_tensor_value_info(*port) for port in (("on", 9, []), ("next", FLOAT, None))],
    )
    nodes = [helper.make_node("Loop", ["turns", "yes", "radiograph"], ["probability"], body=turn)]
    file = with_graph(tmp_path / "endless.onnx", nodes, {"turns": np.array(2**62), "yes": np.array(True)})
    with pytest.raises(InputError, match=r"endless\.onnx takes more than 3 s"):
        Segmenter.load(file, "onnxruntime")


@pytest.mark.parametrize(
    ("shape", "element_type", "said"),
    [
        (["N", 1, 2**31, 32], FLOAT, "radiograph is"),
        (["N", 32, 32, 1], FLOAT, "channels come last"),
        ([2, 1, 32, 32], FLOAT, "radiograph is"),
        (["N", 3, 32, 32], FLOAT, "radiograph is"),
        (["N", 32, 32], FLOAT, "radiograph is"),
        (["N", 1, 32, 32], TensorProto.FLOAT16, "float16, expected float32"),
        (["N", 1, 32, 32], TensorProto.BFLOAT16, "bfloat16, expected float32"),
        (["N", 1, 32, 32], TensorProto.UINT8, "uint8, expected float32"),
    ],
)
def test_an_input_of_another_shape_or_type_is_told_without_running_anything(tmp_path, shape, element_type, said):
    nodes = [helper.make_node("Sigmoid", ["radiograph"], ["probability"])]
    file = with_graph(tmp_path / "other.onnx", nodes, {}, radiograph=(element_type, shape))
    with pytest.raises(InputError, match=said):
        read_card(file)


def test_inputs_and_outputs_of_other_names_are_told(tmp_path):
    nodes = [helper.make_node("Sigmoid", ["radiograph"], ["probability"])]
    file = with_graph(tmp_path / "a.onnx", nodes, {}, output=(FLOAT, ["N", 1, 32, 32]))
    with pytest.raises(InputError, match="gives output, expected probability"):
        read_card(file)
    model = onnx.load(write_tiny_model(tmp_path / "b.onnx"))
    model.graph.input.append(helper.make_tensor_value_info("second", FLOAT, [1]))
    onnx.save(model, tmp_path / "b.onnx")
    with pytest.raises(InputError, match="takes radiograph, second, expected radiograph alone"):
        read_card(tmp_path / "b.onnx")


def test_an_old_file_that_names_its_constants_among_the_inputs_and_leaves_sides_open_is_taken(tmp_path):
    file = with_graph(
        tmp_path / "open.onnx",
        [helper.make_node("Mul", ["radiograph", "slope"], ["x"]), helper.make_node("Sigmoid", ["x"], ["probability"])],
        {},
        radiograph=(FLOAT, ["N", 1, "H", "W"]),
        probability=(FLOAT, ["N", 1, "H", "W"]),
    )
    model = onnx.load(file)
    model.graph.input.append(helper.make_tensor_value_info("slope", FLOAT, []))
    onnx.save(model, file)
    assert [port.name for port in read_onnx(file).inputs] == ["radiograph"]
    assert Segmenter.load(file, "onnxruntime").card.name == "tiny"


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([helper.make_node("Neg", ["radiograph"], ["probability"])], "expected probabilities between 0 and 1"),
        (
            [
                helper.make_node("Sub", ["radiograph", "radiograph"], ["z"]),
                helper.make_node("Div", ["z", "z"], ["probability"]),
            ],
            "expected probabilities between 0 and 1",
        ),
        ([helper.make_node("Transpose", ["radiograph"], ["probability"], perm=[1, 2, 3, 0])], "does not fit its card"),
        ([helper.make_node("Unheard", ["radiograph"], ["probability"])], "cannot be loaded"),
        ([helper.make_node("Foo", ["radiograph"], ["probability"], domain="strangers.own")], "cannot be loaded"),
    ],
)
def test_what_a_graph_gives_is_held_against_its_card(tmp_path, nodes, said):
    """NaN, values below 0, sides turned, unknown operators: found by the trial, before any radiograph."""
    file = with_graph(tmp_path / "gives.onnx", nodes, {}, probability=(FLOAT, None))
    with pytest.raises(InputError, match=said):
        Segmenter.load(file, "onnxruntime")
    with pytest.raises(InputError, match=said):
        add_model(file)


def test_an_opset_of_the_future_is_one_line(tmp_path):
    model = onnx.load(write_tiny_model(tmp_path / "new.onnx"))
    model.opset_import[0].version = 999
    onnx.save(model, tmp_path / "new.onnx")
    with pytest.raises(InputError, match=r"new\.onnx cannot be loaded"):
        Segmenter.load(tmp_path / "new.onnx", "onnxruntime")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(b"model", mtime=0), "gzip"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        (b'<?xml version="1.0"?><net/>', "OpenVINO"),
        (b"<!DOCTYPE html><html>log in", "web page"),
        (b'{"irVersion": "8"}', "JSON"),
        (b"ir_version: 8", "text"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_another_kind_of_file_is_named(tmp_path, content, said):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_onnx(tmp_path / "model.onnx")


def test_a_file_of_millions_of_parts_is_refused_before_they_are_all_read(tmp_path, monkeypatch):
    monkeypatch.setattr("pbrs.segmentation.onnx_file.MOST_PARTS", 1000)
    (tmp_path / "parts.onnx").write_bytes(b"\x08\x01" * 2000)
    with pytest.raises(InputError, match="cannot be loaded"):
        read_onnx(tmp_path / "parts.onnx")


def test_the_model_that_ships_and_added_ones_are_not_tried_out_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PBRS_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(store, "_SHIPPED_FILE", write_tiny_model(tmp_path / "shipped.onnx"))
    given_file = write_tiny_model(tmp_path / "given.onnx", channels=("region", "sacrum"))
    add_model(given_file, "clinic")
    monkeypatch.setattr(model_check, "_TRIED", set())
    monkeypatch.setattr(model_check.subprocess, "run", lambda *_, **__: pytest.fail("tried out"))
    Segmenter.load()
    Segmenter.load("clinic")


def test_a_damaged_card_or_file_raises_nothing_but_input_error(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    content = write_tiny_model(folder / "whole.onnx").read_bytes()
    card_begins = content.index(CARD_KEY.encode())

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def damaged(data):
        begins = data.draw(st.sampled_from([0, card_begins]))
        file = folder / "damaged.onnx"
        file.write_bytes(content[:begins] + damage(content[begins:], data))
        assert_read_or_one_line(lambda: read_card(file))

    damaged()
