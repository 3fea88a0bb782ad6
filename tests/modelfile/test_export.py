"""Model files: one file, its card, and what PyTorch computes."""

import csv
import json
import shutil

import numpy as np
import onnx
import pytest
import torch

from command_line import pbrs
from pbrs.dataset.folder import open_dataset
from pbrs.errors import InputError
from pbrs.modelfile import export
from pbrs.modelfile.card import CARD_KEY, ModelCard, parse_card
from pbrs.modelfile.export import export_run
from pbrs.modelfile.state import read_model_state
from pbrs.modelfile.store import read_card
from pbrs.network import build_unet
from pbrs.radiograph import Placement
from pbrs.segmentation import Segmenter
from pbrs.training.run_folder import RunFolder, read_weights


def test_the_model_file_computes_what_pytorch_does(brief_run, phantoms):
    network = build_unet("mobilenetv2").eval()
    network.load_state_dict(read_weights(RunFolder(brief_run).best)[0])
    segmenter = Segmenter.load(brief_run, runtime="onnxruntime")
    dataset = open_dataset(phantoms)
    for stem in dataset.stems:
        radiograph, _ = dataset.read(stem)
        placement = Placement.fit(radiograph.shape, (96, 96), "stretch")
        with torch.no_grad():
            placed = torch.from_numpy(placement.place(radiograph.pixels))[None, None]
            expected = placement.restore(torch.sigmoid(network(placed))[0, 0].numpy())
        assert np.abs(segmenter.segment(radiograph).probability - expected).max() < 1e-4


def test_it_is_one_file_with_everything_in_it(brief_run, tmp_path):
    shutil.copy(brief_run / "model.onnx", tmp_path / "alone.onnx")
    Segmenter.load(tmp_path / "alone.onnx")
    model = onnx.load(tmp_path / "alone.onnx", load_external_data=False)
    assert all(tensor.data_location != onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer)


def test_the_card_says_what_the_model_is(brief_run, phantoms):
    model = onnx.load(brief_run / "model.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    card = parse_card(metadata, "model.onnx")
    assert (card.backbone, card.channels, card.image_size) == ("mobilenetv2", ("region",), (96, 96))
    assert card.parameters == 8_047_441
    assert card.synthetic is True
    assert card.licence == "CC0-1.0"
    assert card.training["images"] == {"train": 7, "validation": 2, "test": 3}
    assert card.scores["parity"]["largest_difference"] < 1e-4
    assert ModelCard.model_validate_json(json.dumps(json.loads(metadata[CARD_KEY]))) == card


def test_no_path_of_the_machine_is_in_the_model_file(brief_run, phantoms):
    content = (brief_run / "model.onnx").read_bytes()
    for path in (phantoms.parent, brief_run.parent, export.__file__):
        assert str(path).encode() not in content


def test_the_threshold_is_the_best_of_the_validation_part(brief_run, phantoms):
    dataset = open_dataset(phantoms)
    segmenter = Segmenter.load(brief_run, runtime="onnxruntime")

    def mean_f1(threshold: float) -> float:
        scores = []
        for stem in RunFolder(brief_run).read_record()["parts"]["validation"]:
            radiograph, truth = dataset.read(stem)
            mask = segmenter.segment(radiograph, threshold).mask
            scores.append(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
        return float(np.mean(scores))

    chosen = mean_f1(segmenter.card.threshold)
    assert all(chosen >= mean_f1(threshold) - 1e-3 for threshold in np.linspace(0.05, 0.95, 19))


def test_the_calibration_curve_is_drawn_and_written(brief_run):
    assert (brief_run / "calibration.png").read_bytes().startswith(b"\x89PNG")
    with (brief_run / "calibration.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["pixels"]) for row in rows) == 2 * 96 * 112
    assert all(0 <= float(row["observed"]) <= 1 for row in rows)


def test_a_graph_that_computes_something_else_is_not_exported(brief_run, tmp_path, monkeypatch):
    run = tmp_path / "run"
    shutil.copytree(brief_run, run)
    (run / "model.onnx").unlink()
    write_graph = export.write_graph

    def write_another(network, image_size, path):
        torch.manual_seed(0)
        write_graph(build_unet("mobilenetv2").eval(), image_size, path)

    monkeypatch.setattr(export, "write_graph", write_another)
    with pytest.raises(RuntimeError, match="differs from PyTorch"):
        export_run(run)
    assert not list(run.glob("*.onnx"))


def test_an_incomplete_run_and_a_lost_data_set_are_one_line(brief_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(brief_run, run)
    (run / "summary.json").unlink()
    unfinished = pbrs("export", run)
    assert unfinished.status == 2
    assert "--resume" in unfinished.err
    shutil.copy(brief_run / "summary.json", run)
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "dataset": str(tmp_path / "gone")}))
    with pytest.raises(InputError, match="gone"):
        export_run(run)


def test_a_model_may_have_another_name_than_its_run(brief_run, tmp_path):
    """Also that of the shipped one: its reports are to say what `--model` takes."""
    done = pbrs("export", brief_run, "-o", tmp_path / "made.onnx", "--name", "pelvis")
    assert done.status == 0, done.err
    assert read_card(tmp_path / "made.onnx")[0].name == "pelvis"
    refused = pbrs("export", brief_run, "-o", tmp_path / "none.onnx", "--name", "a/b")
    assert refused.status == 2
    assert "cannot be a model's name" in refused.err
    assert not (tmp_path / "none.onnx").exists()


def test_what_is_no_run_is_refused(tmp_path):
    outcome = pbrs("export", tmp_path)
    assert outcome.status == 2
    assert "not a run" in outcome.err


def test_half_precision_halves_the_file_and_computes_what_its_rounded_weights_do(brief_run, phantoms, tmp_path):
    small = tmp_path / "small.onnx"
    done = pbrs("export", str(brief_run), "-o", str(small), "--float16")
    assert done.status == 0, done.err
    assert small.stat().st_size < 0.55 * (brief_run / "model.onnx").stat().st_size
    network = build_unet("mobilenetv2").eval()
    card, state = read_model_state(small)
    exact = read_weights(RunFolder(brief_run).best)[0]
    assert torch.equal(state["head.weight"], exact["head.weight"].half().float())
    assert torch.equal(state["head.bias"], exact["head.bias"])
    network.load_state_dict(state, strict=False)
    radiograph, _ = open_dataset(phantoms).read(open_dataset(phantoms).stems[0])
    placement = Placement.fit(radiograph.shape, (96, 96), "stretch")
    with torch.no_grad():
        placed = torch.from_numpy(placement.place(radiograph.pixels))[None, None]
        expected = placement.restore(torch.sigmoid(network(placed))[0, 0].numpy())
    assert np.abs(Segmenter.load(small, runtime="onnxruntime").segment(radiograph).probability - expected).max() < 1e-4
    assert card.scores["parity"]["largest_difference"] < 1e-4
