"""The state in a model file, for training to go on from: whole, or one line."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, numpy_helper

from damaged_file import assert_read_or_one_line, damage
from pbrs.errors import InputError
from pbrs.modelfile.state import read_model_state
from tiny_model import write_tiny_model


def write_state(path: Path, tensor: onnx.TensorProto | None = None) -> Path:
    model = onnx.load(write_tiny_model(path))
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
    model.graph.initializer.append(numpy_helper.from_array(values, "network.head.weight"))
    model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), "network.encoder.weight"))
    if tensor is not None:
        tensor.name = "network.decoder.bad"
        model.graph.initializer.append(tensor)
    path.write_bytes(model.SerializeToString())
    return path


def test_tensors_come_back_as_float32_under_their_names(tmp_path):
    card, state = read_model_state(write_state(tmp_path / "a.onnx"))
    assert card.name == "tiny"
    assert set(state) == {"head.weight", "encoder.weight"}
    for tensor in state.values():
        assert np.array_equal(tensor.numpy(), np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2))
        assert str(tensor.dtype) == "torch.float32"


@pytest.mark.parametrize(
    "tensor",
    [
        TensorProto(data_type=TensorProto.FLOAT, dims=[2, 2], raw_data=b"1234"),
        TensorProto(data_type=TensorProto.FLOAT, dims=[2**40], raw_data=b"1234"),
        TensorProto(data_type=TensorProto.FLOAT, dims=[-1, 7], raw_data=b"1234"),
        TensorProto(data_type=999, dims=[1], raw_data=b"1234"),
        TensorProto(data_type=0, dims=[1], raw_data=b"1234"),
        TensorProto(data_type=TensorProto.STRING, dims=[1], string_data=[b"a"]),
        TensorProto(data_type=TensorProto.STRING, dims=[1], raw_data=b"1234"),
        TensorProto(data_type=TensorProto.COMPLEX64, dims=[1], raw_data=bytes(8)),
        TensorProto(data_type=TensorProto.FLOAT, dims=[1], raw_data=np.float32(np.nan).tobytes()),
        TensorProto(data_type=TensorProto.FLOAT, dims=[1], segment=TensorProto.Segment(begin=0, end=1)),
    ],
)
def test_a_damaged_tensor_is_one_line_that_names_it(tmp_path, tensor):
    with pytest.raises(InputError, match=r"b\.onnx is damaged: its tensor network\.decoder\.bad"):
        read_model_state(write_state(tmp_path / "b.onnx", tensor))


def test_a_card_that_does_not_fit_the_graph_is_refused_here_too(tmp_path):
    file = write_tiny_model(tmp_path / "liar.onnx", channels=("region", "sacrum"), made_channels=1)
    with pytest.raises(InputError, match="does not fit its card"):
        read_model_state(file)


def test_a_damaged_file_raises_nothing_but_input_error(tmp_path_factory):
    file = tmp_path_factory.mktemp("fuzz") / "state.onnx"
    content = write_state(file).read_bytes()

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def damaged(data):
        file.write_bytes(damage(content, data))
        assert_read_or_one_line(lambda: read_model_state(file))

    damaged()
