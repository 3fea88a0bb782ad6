"""ONNX Runtime and OpenVINO: the same answers, nothing read or sent that nobody asked for."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from pbrs.errors import InputError
from pbrs.segmentation import runtime as runtime_module
from pbrs.segmentation.onnx_file import read_onnx
from pbrs.segmentation.openvino_runtime import OpenVinoRuntime
from pbrs.segmentation.runtime import OnnxRuntime, load_runtime
from small_model import write_small_model

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
RUNTIMES = ["onnxruntime", pytest.param("openvino", marks=needs_openvino)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_small_model(tmp_path / "small.onnx")


def radiographs(count: int = 1) -> np.ndarray:
    return np.random.default_rng(0).random((count, 1, 64, 64), dtype=np.float32)


@needs_openvino
def test_openvino_in_float32_computes_what_onnx_runtime_does(model):
    images = radiographs(3)
    expected = OnnxRuntime.load(model).run(images)
    assert expected.shape == (3, 6, 64, 64)
    found = OpenVinoRuntime.of_file(read_onnx(model), precision="f32").run(images)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 1e-5


@needs_openvino
def test_the_default_precision_of_openvino_stays_near_float32(model):
    images = radiographs()
    assert np.abs(load_runtime(model, "openvino").run(images) - OnnxRuntime.load(model).run(images)).max() < 0.05


@pytest.mark.parametrize("choice", RUNTIMES)
def test_weights_stored_in_float16_compute_what_they_are_rounded_to(tmp_path, choice):
    whole = load_runtime(write_small_model(tmp_path / "a.onnx"), choice).run(radiographs())
    half = load_runtime(write_small_model(tmp_path / "b.onnx", float16=True), choice).run(radiographs())
    assert np.abs(whole - half).max() < 1e-4


@needs_openvino
def test_auto_takes_openvino_where_it_is_installed(model):
    assert load_runtime(model).name.startswith("OpenVINO")


def test_auto_takes_onnx_runtime_where_openvino_is_not(model, monkeypatch):
    monkeypatch.setattr(runtime_module, "find_spec", lambda name: None)
    assert load_runtime(model).name.startswith("ONNX Runtime")


def test_auto_takes_onnx_runtime_where_openvino_does_not_load(model, monkeypatch):
    monkeypatch.setattr(runtime_module, "find_spec", lambda name: "installed")
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert load_runtime(model).name.startswith("ONNX Runtime")


def test_openvino_asked_for_and_not_there_is_one_line_that_names_the_extra(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(InputError, match=r"pbrs\[openvino\]") as caught:
        load_runtime(model, "openvino")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("choice", RUNTIMES)
def test_a_damaged_file_is_one_line(model, tmp_path, choice):
    content = model.read_bytes()
    for name, damaged in (("junk", b"junk" * 100), ("empty", b""), ("cut", content[:300]), ("zero", bytes(500))):
        (tmp_path / f"{name}.onnx").write_bytes(damaged)
        with pytest.raises(InputError, match=f"{name}.onnx cannot be loaded") as caught:
            load_runtime(tmp_path / f"{name}.onnx", choice)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"missing\.onnx does not exist"):
        load_runtime(tmp_path / "missing.onnx", choice)


@pytest.mark.parametrize("choice", RUNTIMES)
@pytest.mark.parametrize("where", ["initializer", "constant", "branch", "function"])
def test_weights_outside_the_file_are_refused_wherever_they_are_named(model, tmp_path, choice, where, monkeypatch):
    """A model file must not make us read another file of the machine; runtimes look in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(bytes(24))
    whole = onnx.load(model)
    tensor = numpy_helper.from_array(np.zeros(6, np.float32), "bias")
    onnx.external_data_helper.set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")
    constant = helper.make_node("Constant", [], ["far"], value=tensor)
    if where == "initializer":
        del whole.graph.initializer[1]
        whole.graph.initializer.append(tensor)
    elif where == "constant":
        whole.graph.node.append(constant)
    elif where == "branch":
        inner = helper.make_graph([constant], "inner", [], [])
        whole.graph.node.append(helper.make_node("If", ["bias"], ["never"], then_branch=inner, else_branch=inner))
    else:
        whole.functions.append(helper.make_function("own", "far", [], ["far"], [constant], whole.opset_import))
    (tmp_path / "split.onnx").write_bytes(whole.SerializeToString())
    with pytest.raises(InputError, match="another file"):
        load_runtime(tmp_path / "split.onnx", choice)


def test_the_metadata_are_those_that_onnx_reads(model):
    expected = {entry.key: entry.value for entry in onnx.load(model).metadata_props}
    assert expected
    assert read_onnx(model).metadata == expected


@pytest.mark.parametrize("choice", RUNTIMES)
def test_a_runtime_may_be_run_from_several_threads_at_once(model, choice):
    runtime = load_runtime(model, choice)
    images = radiographs(40)[:, None]
    one_by_one = [runtime.run(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(runtime.run, images))
    assert all(np.array_equal(*pair) for pair in zip(one_by_one, at_once, strict=True))


@pytest.mark.parametrize("choice", RUNTIMES)
def test_loading_and_running_opens_no_socket_and_writes_nothing_into_the_home_folder(model, tmp_path, choice):
    """OpenVINO's own import writes a client number there, and sends a message from a process of its own."""
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir()
    code = f"""
import socket
from pathlib import Path
def refuse(*arguments, **options):
    with open({str(log)!r}, "a") as file:
        print(arguments, file=file)
    raise OSError("refused")
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
import numpy as np
from pbrs.segmentation.runtime import load_runtime
runtime = load_runtime(Path({str(model)!r}), {choice!r})
runtime.run(np.zeros((1, 1, 64, 64), np.float32))
"""
    # Without what tells OpenVINO that it runs in an automatic test, where it keeps quiet.
    clean = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if key in os.environ}
    places = {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home)}
    subprocess.run([sys.executable, "-c", code], check=True, env=clean | places, cwd=tmp_path)
    assert not log.exists(), log.read_text()
    assert list(home.rglob("*")) == []


@needs_openvino
def test_threads_that_begin_at_once_do_not_wait_for_each_other_for_ever(tmp_path):
    """In a process of its own, which can be stopped: requests of several threads used to hang, one time in many."""
    model = write_small_model(tmp_path / "small.onnx", side=224)
    program = f"""
import threading, numpy
from pathlib import Path
from pbrs.segmentation.runtime import load_runtime
for _ in range(25):
    runtime, barrier = load_runtime(Path({str(model)!r}), "openvino"), threading.Barrier(4)
    def work():
        barrier.wait()
        for _ in range(10):
            runtime.run(numpy.zeros((1, 1, 224, 224), numpy.float32))
    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print("done")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "done", done.stderr
