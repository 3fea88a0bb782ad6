"""The frozen tests: what they are, that they stay what they are, and that nothing is trained on what only tests."""

import json

import numpy as np
import pytest

from cheap_generator import cheap
from command_line import pbrs
from pbrs.errors import InputError
from pbrs.synthesis.dataset_plan import DatasetPlan
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.generator import GENERATOR_VERSION, generate
from pbrs.synthesis.presets import PRESETS, Preset, check_seed, check_trainable, preset_of
from pbrs.synthesis.reference import frozen_reference, sampled_pixels
from pbrs.synthesis.verify import MOST_LEVELS, MOST_MASK_PIXELS, MOST_PIXELS

__all__ = ["cheap"]
PELVISSYNTH, SHIFTED = PRESETS["pelvissynth-150"], PRESETS["shifted-200"]


def test_there_are_two_with_seeds_of_their_own():
    assert {(preset.name, preset.count, preset.widening) for preset in PRESETS.values()} == {
        ("pelvissynth-150", 150, 1.0),
        ("shifted-200", 200, 1.5),
    }
    for preset in PRESETS.values():
        plan = DatasetPlan.of(preset)
        assert (plan.size, plan.looks, plan.structures, plan.without) == (512, 1, True, ())
        with pytest.raises(InputError, match=preset.name):
            check_seed(preset.seed)
    check_seed(0)


def test_the_shifted_test_draws_from_ranges_half_as_wide_again():
    assert PELVISSYNTH.table == FACTORS
    for name, row in FACTORS.items():
        shifted = SHIFTED.table[name]
        assert shifted.probability == row.probability
        for key, values in row.ranges.items():
            assert shifted.ranges[key] == values.widened(1.5)


def test_a_dataset_is_known_by_its_preset_or_by_its_seed():
    assert preset_of({"preset": "shifted-200", "seed": 3}) is SHIFTED
    assert preset_of({"synthetic": True, "seed": SHIFTED.seed}) is SHIFTED
    assert preset_of({"synthetic": True, "seed": 0, "preset": None}) is None
    assert preset_of({}) is None
    assert preset_of({"preset": "unheard-of"}) is None


def test_training_takes_the_normal_ranges_and_refuses_the_shifted_ones():
    assert check_trainable({"preset": "pelvissynth-150"}, "data") is PELVISSYNTH
    with pytest.raises(InputError, match="data is the frozen test shifted-200"):
        check_trainable({"preset": "shifted-200"}, "data")


@pytest.fixture
def small_presets(monkeypatch):
    """The two presets with few, small radiographs."""
    for preset in list(PRESETS.values()):
        small = Preset(preset.name, preset.version, 12, preset.seed, preset.widening, size=200)
        monkeypatch.setitem(PRESETS, preset.name, small)


def test_train_and_study_refuse_the_shifted_test(cheap, small_presets, tmp_path):
    data = tmp_path / "shifted"
    assert pbrs("synthesize", "--preset", "shifted-200", "-o", data, "--workers", 1).status == 0
    assert pbrs("dataset", "split", data).status == 0
    for command in ("train", "study"):
        refused = pbrs(command, data, "-o", tmp_path / "out", "--encoder-weights", "none")
        assert refused.status == 2
        assert "shifted-200, whose ranges no training may see" in refused.err
        assert not (tmp_path / "out").exists()


def test_a_run_on_the_other_one_remembers_that(cheap, small_presets, tmp_path):
    data, run = tmp_path / "data", tmp_path / "run"
    assert pbrs("synthesize", "--preset", "pelvissynth-150", "-o", data, "--workers", 1).status == 0
    assert pbrs("dataset", "split", data).status == 0
    brief = ("--backbone", "mobilenetv2", "--encoder-weights", "none", "--image-size", "64", "--epochs", "1")
    trained = pbrs("train", data, "-o", run, *brief, "--accelerator", "cpu")
    assert trained.status == 0, trained.err
    assert json.loads((run / "run.json").read_text())["preset"] == "pelvissynth-150 version 1"


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_the_generator_still_draws_what_was_frozen(preset):
    """If this fails, the benchmark has changed: raise its version, and freeze it anew with tools/freeze_preset.py."""
    reference = frozen_reference(preset)
    assert (reference.name, reference.version) == (preset.name, preset.version)
    assert reference.generator_version == GENERATOR_VERSION
    assert len(reference.cases) == preset.count
    for index in (0, preset.count // 2, preset.count - 1):
        kept = reference.cases[DatasetPlan.of(preset).stem(index)]
        sample = generate(preset.seed, index, size=preset.size, table=preset.table)
        assert sample.pixels.shape == kept.shape
        levels = np.abs(sample.pixels[sampled_pixels(kept.shape)].astype(int) - kept.sample)
        assert np.mean(levels > MOST_LEVELS) <= MOST_PIXELS
        assert np.sum(sample.mask != (kept.labels & 1)) <= MOST_MASK_PIXELS
