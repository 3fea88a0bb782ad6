"""The model that ships: on radiographs drawn by another generator than the one it was trained on."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pbrs.dataset.folder import open_dataset
from pbrs.dataset.split_file import read_split
from pbrs.evaluation.scores import score_masks
from pbrs.modelfile.export import export_run
from pbrs.modelfile.store import find_model
from pbrs.network import count_parameters
from pbrs.radiograph import read_mask, read_radiograph
from pbrs.segmentation import Segmenter
from pbrs.segmentation.quality import NotAPelvisError, check_pelvis
from pbrs.segmentation.quality_features import STRUCTURES
from pbrs.synthesis.generator import generate
from pbrs.training.fit import fit
from pbrs.training.resolve import resolve_settings
from pbrs.training.run_folder import RunFolder
from pbrs.training.start import build_start

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


TURNS = {90: 1, 180: 2, 270: 3}
"""Degrees clockwise by which a picture lies that `numpy.rot90` brings upright in so many steps."""


@pytest.mark.parametrize("degrees", TURNS)
def test_a_pelvis_that_lies_turned_is_refused_by_name_or_segmented_upright(segmenter, degrees):
    told = 0
    for file in sorted(EXAMPLES.glob("*.png"))[:4]:
        radiograph = read_radiograph(file)
        lying = replace(radiograph, pixels=np.ascontiguousarray(np.rot90(radiograph.pixels, -TURNS[degrees])))
        truth = np.rot90(read_mask(EXAMPLES / "masks" / file.name, radiograph.shape), -TURNS[degrees])
        as_it_lies = segmenter.segment(lying)
        if as_it_lies.quality.view != "turned":
            continue
        told += 1
        assert as_it_lies.quality.turned_deg == degrees
        with pytest.raises(NotAPelvisError, match=rf"lies turned by {degrees}°.*--upright auto"):
            check_pelvis(as_it_lies.quality, file.name)
        upright = segmenter.segment(lying, upright="auto")
        assert score_masks(upright.mask, truth).f1 > 0.9
        assert upright.quality.looks_like_pelvis
        assert upright.quality.warnings[0].name == "turned"
        straight = segmenter.segment(radiograph)
        for name, mask in straight.structures.items():
            assert score_masks(upright.structures[name], np.rot90(mask, -TURNS[degrees])).f1 > 0.99, name
    assert told >= 3


def test_upright_pelves_and_their_negatives_are_told_apart(segmenter):
    views = {"frontal": [], "negative": []}
    for file in sorted(EXAMPLES.glob("*.png")):
        radiograph = read_radiograph(file)
        views["frontal"].append(segmenter.segment(radiograph).quality)
        views["negative"].append(segmenter.segment(replace(radiograph, pixels=1 - radiograph.pixels)).quality)
    assert {quality.view for quality in views["frontal"]} == {"frontal"}
    odd = [not quality.looks_like_pelvis or quality.view != "frontal" for quality in views["negative"]]
    assert sum(odd) >= 8
    for quality in views["frontal"]:
        assert quality.predicted_iou is not None
        assert quality.predicted_iou < 1
        low, high = quality.predicted_iou_interval
        assert low < quality.predicted_iou < high


def test_it_is_small_and_says_what_it_is(segmenter):
    assert find_model().stat().st_size < 40e6
    assert segmenter.card.synthetic
    assert segmenter.card.licence == "Apache-2.0"
    assert "not a medical device" in segmenter.card.intended_use
    content = find_model().read_bytes()
    assert b"/work" not in content
    assert b"/home" not in content


def test_a_training_can_start_from_it_by_name():
    settings = resolve_settings({"start_from": "pelvis"})
    network, record = build_start(settings)
    assert record == "weights of pelvis.onnx"
    assert count_parameters(network) == Segmenter.load().card.parameters
    with torch.no_grad():
        assert network.eval()(torch.zeros(1, 1, *settings.image_size)).shape[1] == 6


def draw(folder, seed, count):
    """Radiographs of the generator that the model was trained with, but of no training: file, region, structures."""
    samples = [generate(seed, index, size=384) for index in range(count)]
    files = [folder / f"{index}.png" for index in range(count)]
    for file, sample in zip(files, samples, strict=True):
        Image.fromarray(sample.pixels).save(file)
    return [(file, sample.mask, sample.masks) for file, sample in zip(files, samples, strict=True)]


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    drawn = draw(tmp_path_factory.mktemp("strangers"), 77, 8)
    return [(read_radiograph(file), structures) for file, _, structures in drawn]


def structure_f1(segmenter, radiographs):
    scores = {name: [] for name in STRUCTURES}
    for radiograph, masks in radiographs:
        found = segmenter.segment(radiograph).structures
        for name in STRUCTURES:
            scores[name].append(score_masks(found[name], masks[name]).f1)
    return {name: float(np.mean(values)) for name, values in scores.items()}


@pytest.mark.parametrize("epochs", [6, pytest.param(100, marks=pytest.mark.soak)])
def test_tuned_on_ten_region_only_images_it_still_knows_the_structures(epochs, tmp_path, segmenter, strangers):
    """100 epochs are what a user gets who only names the data."""
    data, run = tmp_path / "data", tmp_path / "run"
    for name in ("images", "masks"):
        (data / name).mkdir(parents=True)
    drawn = draw(data / "images", 78, 10)
    for file, region, _ in drawn:
        Image.fromarray(region).save(data / "masks" / file.name)
    lines = [f"{file.stem},{'validation' if index >= 8 else 'train'}" for index, (file, *_) in enumerate(drawn)]
    (data / "split.csv").write_text("\n".join(["stem,part", *lines]) + "\n")

    settings = resolve_settings({"start_from": "pelvis", "epochs": epochs, "accelerator": "cpu"})
    fit(open_dataset(data), read_split(data / "split.csv"), settings, run)
    export_run(run, licence="CC0-1.0")
    tuned = Segmenter.load(RunFolder(run).model, "onnxruntime")

    before, after = structure_f1(segmenter, strangers), structure_f1(tuned, strangers)
    assert min(before.values()) > 0.85
    assert {
        name: round(before[name] - after[name], 3) for name in STRUCTURES if after[name] < before[name] - 0.02
    } == {}
    # It did learn something.
    rows = list(csv.DictReader(RunFolder(run).history.read_text().splitlines()))
    assert min(float(row["validation_loss"]) for row in rows) <= float(rows[0]["validation_loss"])
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
