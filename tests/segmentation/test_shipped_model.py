"""The model that ships: on radiographs drawn by another generator than the one it was trained on."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pbrs.evaluation.scores import score_masks
from pbrs.modelfile.store import find_model
from pbrs.network import count_parameters
from pbrs.radiograph import read_mask, read_radiograph
from pbrs.segmentation import Segmenter
from pbrs.training.settings import make_settings
from pbrs.training.start import build_start, settings_of_start

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.load(runtime="onnxruntime")


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.png")), ids=lambda file: file.stem)
def test_it_finds_the_pelvis_its_sides_and_does_not_refuse(segmenter, file):
    radiograph = read_radiograph(file)
    found = segmenter.segment(radiograph)
    truth = read_mask(EXAMPLES / "masks" / file.name, radiograph.shape)
    assert score_masks(found.mask, truth).f1 > 0.9
    assert found.quality is not None
    assert found.quality.looks_like_pelvis
    middle = {name: np.flatnonzero(mask.any(axis=0)).mean() for name, mask in found.structures.items() if mask.any()}
    # The patient faces the reader.
    assert middle["femur_right"] < middle["sacrum"] < middle["femur_left"]
    assert middle["hip_right"] < middle["sacrum"] < middle["hip_left"]
    assert not (np.any(list(found.structures.values()), axis=0) & ~found.mask).any()


def test_it_is_small_and_says_what_it_is(segmenter):
    assert find_model().stat().st_size < 40e6
    assert segmenter.card.synthetic
    assert segmenter.card.licence == "Apache-2.0"
    assert "not a medical device" in segmenter.card.intended_use
    content = find_model().read_bytes()
    assert b"/work" not in content
    assert b"/home" not in content


def test_a_training_can_start_from_it():
    file = find_model()
    settings = make_settings({**settings_of_start(file), "start_from": str(file)})
    network, record = build_start(settings)
    assert record == "start from: pelvis.onnx"
    assert count_parameters(network) == Segmenter.load().card.parameters
    with torch.no_grad():
        assert network.eval()(torch.zeros(1, 1, *settings.image_size)).shape[1] == 6
