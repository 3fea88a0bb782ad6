"""One radiograph in, one segmentation out, with no PyTorch anywhere."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import helper

from pbrs.errors import InputError
from pbrs.modelfile.card import CARD_KEY
from pbrs.radiograph import read_radiograph
from pbrs.segmentation import Segmenter
from pbrs.segmentation.segmenter import bounding_box
from tiny_model import write_tiny_model


def test_finds_the_phantoms_it_was_trained_on(brief_run, phantoms):
    from pbrs.dataset.folder import open_dataset

    dataset = open_dataset(phantoms)
    segmenter = Segmenter.load(brief_run)
    for stem in dataset.stems[9:]:
        radiograph, truth = dataset.read(stem)
        segmentation = segmenter.segment(radiograph)
        assert segmentation.mask.shape == segmentation.probability.shape == truth.shape
        assert (segmentation.mask & truth).sum() / (segmentation.mask | truth).sum() > 0.55
        assert np.array_equal(segmentation.mask, segmentation.probability >= segmenter.card.threshold)
        assert segmentation.box == bounding_box(segmentation.mask)


def test_the_threshold_can_be_chosen_and_is_compared_at_native_size(brief_run, phantoms):
    radiograph = read_radiograph(sorted((phantoms / "images").iterdir())[0])
    segmenter = Segmenter.load(brief_run)
    areas = [segmenter.segment(radiograph, threshold).mask.sum() for threshold in (0.1, 0.5, 0.9)]
    assert areas == sorted(areas, reverse=True)
    assert areas[0] > areas[2]


def test_nothing_found_is_a_warning_not_a_crash(brief_run, phantoms):
    radiograph = read_radiograph(sorted((phantoms / "images").iterdir())[0])
    segmentation = Segmenter.load(brief_run).segment(radiograph, threshold=0.999999)
    assert segmentation.box is None
    assert segmentation.warnings[0] == "no pelvic bone region found"


def test_a_bounding_box_is_exclusive_at_its_far_sides():
    mask = np.zeros((20, 30), bool)
    assert bounding_box(mask) is None
    mask[4, 7] = mask[10, 25] = True
    assert bounding_box(mask) == (4, 7, 11, 26)


def test_segmenting_imports_no_torch_and_opens_no_socket(brief_run, phantoms):
    """Closes "loading a trained model must not download anything" and "running without a network"."""
    image = sorted((phantoms / "images").iterdir())[0]
    code = f"""
import socket, sys
def refuse(*arguments, **options):
    raise SystemExit("a socket was opened")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from pathlib import Path
from pbrs.segmentation import Segmenter
from pbrs.radiograph import read_radiograph
Segmenter.load(Path({str(brief_run)!r})).segment(read_radiograph(Path({str(image)!r})))
heavy = {{"torch", "torchvision", "lightning", "monai", "onnx", "matplotlib"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_that_is_no_model_is_one_line(tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"junk" * 100)
    (tmp_path / "empty.onnx").write_bytes(b"")
    for name in ("junk.onnx", "empty.onnx", "missing.onnx"):
        with pytest.raises(InputError, match=name) as caught:
            Segmenter.load(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_an_onnx_file_without_our_card_is_refused(brief_run, tmp_path):
    model = onnx.load(brief_run / "model.onnx")
    for props, named in (({}, "no card"), ({CARD_KEY: "{}"}, "cannot read"), ({CARD_KEY: "no json"}, "cannot read")):
        del model.metadata_props[:]
        helper.set_model_props(model, props)
        onnx.save(model, tmp_path / "other.onnx")
        with pytest.raises(InputError, match=named) as caught:
            Segmenter.load(tmp_path / "other.onnx")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("channels", ["region", name]) for name in ("../../escaped", "/absolute", "a/b", "", "Sacrum", "x" * 65)),
        *(("channels", names) for names in (["sacrum"], [], ["region", "region"])),
        *(("image_size", size) for size in ([0, 32], [32, -1])),
    ],
)
def test_a_card_that_names_paths_or_nothing_usable_is_refused(tmp_path, field, value):
    """A model file from elsewhere must not choose where on the disk masks are written."""
    model = onnx.load(write_tiny_model(tmp_path / "tiny.onnx", channels=("region", "sacrum")))
    card = json.loads(model.metadata_props[0].value) | {field: value}
    del model.metadata_props[:]
    helper.set_model_props(model, {CARD_KEY: json.dumps(card)})
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(InputError, match=f"cannot read \\({field}"):
        Segmenter.load(tmp_path / "other.onnx")


def test_weights_outside_the_file_are_refused(brief_run, tmp_path):
    """A model file must not make us read another file of the machine."""
    model = onnx.load(brief_run / "model.onnx")
    onnx.save_model(
        model, tmp_path / "split.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    with pytest.raises(InputError, match="cannot be loaded"):
        Segmenter.load(tmp_path / "split.onnx")
