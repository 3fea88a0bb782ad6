"""`pbrs train --synthetic`: nothing is drawn twice, and only (seed, epoch, index) decide what comes out."""

import json
import re

import numpy as np
import pytest
import safetensors.torch
import torch

from cheap_generator import cheap, draw
from command_line import pbrs
from pbrs.dataset.examples import ExampleData, load_examples
from pbrs.dataset.folder import open_dataset
from pbrs.errors import InputError
from pbrs.synthesis import generator
from pbrs.synthesis.dataset_plan import DatasetPlan
from pbrs.synthesis.presets import PRESETS
from pbrs.synthesis.write_dataset import write_dataset
from pbrs.training import synthetic_source
from pbrs.training.fit import fit
from pbrs.training.run_folder import RunFolder
from pbrs.training.settings import make_settings
from pbrs.training.synthetic_source import SyntheticExamples, hold, training_samples, validation_samples

__all__ = ["cheap"]


@pytest.fixture
def settings(brief_settings):
    return make_settings({**brief_settings, "synthetic": 8, "epochs": 2, "image_size": 64, "workers": 0})


def weights(run):
    return safetensors.torch.load_file(RunFolder(run).best)


def assert_same_run(one, other):
    ours, theirs = weights(one), weights(other)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    ours, theirs = (RunFolder(run).history.read_text().splitlines() for run in (one, other))
    assert [line.rsplit(",", 1)[0] for line in ours] == [line.rsplit(",", 1)[0] for line in theirs]


def test_an_example_is_what_reading_it_from_a_file_would_give(cheap, tmp_path, settings):
    channels = ("region", "hip_left", "hip_right")
    chosen = settings.model_copy(update={"channels": channels, "placement": "letterbox"})
    source = SyntheticExamples(chosen, 4, seeds=0)
    write_dataset(DatasetPlan(4, size=192, structures=True), tmp_path / "drawn")
    dataset = open_dataset(tmp_path / "drawn")
    read = load_examples(dataset, dataset.stems, channels, (64, 64), "letterbox")
    held = hold(source)
    assert np.array_equal(held.images, read.images)
    assert np.array_equal(held.masks, read.masks)
    assert held.available.all()


def test_no_sample_is_drawn_twice_nor_validated_on_nor_in_any_dataset(cheap, settings, tmp_path):
    fit(None, None, settings, tmp_path / "run")
    seeds = sorted({seed for seed, _ in cheap})
    assert len(seeds) == 2
    assert min(seeds) >= 2**32, "`pbrs synthesize` takes smaller seeds only"
    training = [index for seed, index in cheap if seed == seeds[0]]
    validation = [index for seed, index in cheap if seed == seeds[1]]
    assert training[: 2 * 8] == list(range(16))
    assert validation == list(range(20)), "drawn once"


@pytest.mark.parametrize(("epoch", "count"), [(7, 20), (300, 43), (10_000, 200)])
def test_validation_has_a_seventh_within_bounds(settings, epoch, count):
    assert len(validation_samples(settings.model_copy(update={"synthetic": epoch}))) == count


def test_an_epoch_depends_on_seed_epoch_and_index_alone(cheap, settings):
    data = ExampleData(training_samples(settings), settings.seed)
    later, again = data[(3, 2)], ExampleData(training_samples(settings), settings.seed)[(3, 2)]
    assert torch.equal(later[0], again[0])
    assert torch.equal(later[1], again[1])
    assert not torch.equal(data[(2, 2)][0], later[0])


def test_samples_are_drawn_a_little_larger_than_the_network_sees_them(settings, monkeypatch):
    sizes = []
    monkeypatch.setattr(generator, "generate", lambda *key, **options: sizes.append(options["size"]) or draw(*key))
    for side in ((64, 64), (224, 224), (256, 320), (1024, 1024)):
        training_samples(settings.model_copy(update={"image_size": side})).draw(0)
    assert sizes == [192, 258, 368, 1024]


def test_looks_and_factors_are_handed_on(settings, monkeypatch):
    asked = {}
    monkeypatch.setattr(generator, "generate", lambda *key, **options: asked.update(options) or draw(*key))
    chosen = settings.model_copy(update={"synthetic_looks": 3, "synthetic_without": ("tissue",)})
    training_samples(chosen).draw(0)
    assert asked["looks"] == 3
    assert all((row.probability == 0) for row in asked["table"].values() if row.group == "tissue")
    assert any(row.probability for row in asked["table"].values())


def test_a_resumed_run_ends_with_the_bits_of_an_undisturbed_one(cheap, settings, tmp_path):
    fit(None, None, settings, tmp_path / "undisturbed")
    fit(None, None, settings.model_copy(update={"epochs": 1}), tmp_path / "resumed")
    cheap.clear()
    fit(None, None, settings, tmp_path / "resumed", resume=True)
    assert (2**32, 8) in cheap
    assert_same_run(tmp_path / "resumed", tmp_path / "undisturbed")


def test_workers_change_no_bit_of_a_run_that_is_resumed_with_them(settings, tmp_path, monkeypatch):
    """Drawn by the generator itself: other processes know nothing of a stand-in."""
    monkeypatch.setattr(synthetic_source, "FEWEST_VALIDATED", 2)
    real = settings.model_copy(update={"synthetic": 4, "synthetic_without": ("objects",)})
    fit(None, None, real, tmp_path / "alone")
    fit(None, None, real.model_copy(update={"epochs": 1}), tmp_path / "helped")
    summary = fit(None, None, real.model_copy(update={"workers": 2}), tmp_path / "helped", resume=True)
    assert_same_run(tmp_path / "alone", tmp_path / "helped")
    assert summary["drawing"]["processor_seconds"] > 0
    assert 0 < summary["drawing"]["share"] < 1
    assert summary["drawing"]["workers"] == 2


@pytest.mark.soak
def test_workers_read_files_to_the_same_bits(phantoms, settings, tmp_path):
    from pbrs.dataset.split_file import read_split

    data, split = open_dataset(phantoms), read_split(phantoms / "split.csv")
    files = settings.model_copy(update={"synthetic": None})
    fit(data, split, files, tmp_path / "alone")
    fit(data, split, files.model_copy(update={"epochs": 1}), tmp_path / "helped")
    fit(data, split, files.model_copy(update={"workers": 1}), tmp_path / "helped", resume=True)
    assert_same_run(tmp_path / "alone", tmp_path / "helped")


def test_a_run_is_trained_exported_and_scored_without_any_file(cheap, tmp_path):
    run = tmp_path / "run"
    brief = ("--backbone", "mobilenetv2", "--encoder-weights", "none", "--image-size", "64", "--epochs", "1")
    trained = pbrs("train", "-o", run, "--synthetic", 8, "--workers", 0, *brief, "--accelerator", "cpu")
    assert trained.status == 0, trained.err
    assert re.search(r"rendering took \d+% of the time", trained.out)
    assert "validation (synthetic radiographs)" in trained.out
    record = json.loads(RunFolder(run).record.read_text())
    assert (record["dataset"], record["synthetic"]) == (None, True)
    assert record["generator_version"] == generator.GENERATOR_VERSION
    assert len(record["parts"]["validation"]) == 20
    exported = pbrs("export", run)
    assert exported.status == 0, exported.err
    write_dataset(DatasetPlan(3, size=192), tmp_path / "drawn")
    scored = pbrs("evaluate", run, tmp_path / "drawn", "--part", "all", "-o", tmp_path / "scores")
    assert scored.status == 0, scored.err
    assert scored.err == "", "none of these was used in training"

    from pbrs.modelfile.state import read_model_state

    card, _ = read_model_state(run / "model.onnx")
    assert card.synthetic
    assert card.training["generator_version"] == generator.GENERATOR_VERSION
    assert card.training["images"] == {"train": 8, "validation": 20, "test": 0}
    assert card.seen == ()


def test_another_generator_neither_resumes_nor_exports_a_run(cheap, settings, tmp_path, monkeypatch):
    fit(None, None, settings.model_copy(update={"epochs": 1}), tmp_path / "run")
    monkeypatch.setattr(generator, "GENERATOR_VERSION", "other")
    with pytest.raises(InputError, match="began with generator"):
        fit(None, None, settings, tmp_path / "run", resume=True)
    assert RunFolder(tmp_path / "run").summary.exists(), "what was refused has removed nothing"
    assert "trained with generator" in pbrs("export", tmp_path / "run").err


def test_a_generator_that_draws_otherwise_under_the_same_version_is_noticed(cheap, settings, tmp_path, monkeypatch):
    fit(None, None, settings.model_copy(update={"epochs": 1}), tmp_path / "run")
    monkeypatch.setattr(generator, "generate", lambda seed, index, **options: draw(seed, index + 1, **options))
    with pytest.raises(InputError, match="have changed"):
        fit(None, None, settings, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give one of the two"),
        (["DATA", "--synthetic", "8"], "give one of the two"),
        (["--synthetic", "8", "--seed", str(PRESETS["pelvissynth-150"].seed)], "reserved for the frozen test"),
        (["--synthetic", "8", "--limit-train", "3"], "limit_train is for files"),
        (["--synthetic", "8", "--without", "bones"], "no factor or group is called bones"),
        (["--synthetic", "0"], "synthetic"),
        (["DATA", "--looks", "3"], "for synthetic training"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line_and_no_run(phantoms, tmp_path, options, said):
    run = tmp_path / "run"
    refused = pbrs("train", *(phantoms if word == "DATA" else word for word in options), "-o", run)
    assert refused.status == 2
    assert said in refused.err
    assert len(refused.err.strip().splitlines()) == 1
    assert not run.exists()


def test_a_study_compares_on_files(phantoms, tmp_path):
    (tmp_path / "settings.yaml").write_text("synthetic: 8\n")
    refused = pbrs("study", phantoms, "-o", tmp_path / "study", "--settings", tmp_path / "settings.yaml")
    assert refused.status == 2
    assert "give one of the two" in refused.err
    assert not (tmp_path / "study").exists()
