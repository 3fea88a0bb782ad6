"""Scoring a model on a dataset folder."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from command_line import pbrs
from pbrs.dataset import open_dataset
from pbrs.evaluation.evaluate import evaluate
from pbrs.evaluation.scores import read_scores
from pbrs.radiograph.radiograph import Radiograph
from pbrs.segmentation import Segmenter


@dataclass
class Answer:
    mask: np.ndarray
    structures: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Brighter:
    """Calls region what is brighter than the threshold."""

    own_threshold: float = 0.4

    def segment(self, radiograph: Radiograph, threshold: float | None = None, views: Sequence[str] = ()) -> Answer:
        return Answer(radiograph.pixels >= (self.own_threshold if threshold is None else threshold))


def test_every_case_asked_for_is_scored_in_order_against_its_own_mask(pelves: Path) -> None:
    dataset = open_dataset(pelves)
    stems = [dataset.stems[3], dataset.stems[0]]
    rows = evaluate(Brighter(), dataset, iter(stems))["region"]
    assert [stem for stem, _ in rows] == stems
    radiograph, truth = dataset.read(stems[0])
    prediction = radiograph.pixels >= 0.4
    assert rows[0][1].iou == pytest.approx((prediction & truth).sum() / (prediction | truth).sum())
    assert rows[0][1].hd95_mm is None


def test_the_threshold_is_the_models_own_unless_one_is_given(pelves: Path) -> None:
    dataset = open_dataset(pelves)
    everything = evaluate(Brighter(), dataset, dataset.stems, threshold=0.0)["region"]
    assert all(scores.prediction_px == 96 * 112 for _, scores in everything)
    assert all(scores.prediction_px < 96 * 112 for _, scores in evaluate(Brighter(), dataset, dataset.stems)["region"])


def test_a_model_file_is_scored_at_the_native_size(pelves: Path, model_file: Path) -> None:
    dataset = open_dataset(pelves)
    ((_, scores),) = evaluate(Segmenter.load(model_file), dataset, dataset.stems[:1])["region"]
    _, truth = dataset.read(dataset.stems[0])
    assert scores.truth_px == truth.sum()
    assert scores.iou > 0.5


@dataclass
class WithStructures:
    """Calls half of what is bright one structure, and all of it another that the dataset knows nothing of."""

    def segment(self, radiograph: Radiograph, threshold: float | None = None, views: Sequence[str] = ()) -> Answer:
        bright = radiograph.pixels >= 0.4
        half = bright.copy()
        half[:, : half.shape[1] // 2] = False
        return Answer(bright, {"hip_left": half, "sacrum": bright})


def test_structures_are_scored_where_model_and_dataset_have_them(pelves: Path, tmp_path: Path) -> None:
    shutil.copytree(pelves, tmp_path / "data")
    stems = open_dataset(pelves).stems[:2]
    (tmp_path / "data" / "structures" / "hip_left").mkdir(parents=True)
    shutil.copy(tmp_path / "data" / "masks" / f"{stems[0]}.png", tmp_path / "data" / "structures" / "hip_left")
    rows = evaluate(WithStructures(), open_dataset(tmp_path / "data"), stems)
    assert rows.keys() == {"region", "hip_left"}
    assert [stem for stem, _ in rows["hip_left"]] == stems[:1]
    assert rows["hip_left"][0][1].truth_px == rows["region"][0][1].truth_px
    assert rows["hip_left"][0][1].prediction_px < rows["region"][0][1].prediction_px


def test_the_command_writes_a_table_of_each_structure(pelves: Path, model_with_sacrum: Path, tmp_path: Path) -> None:
    shutil.copytree(pelves, tmp_path / "data")
    shutil.copytree(tmp_path / "data" / "masks", tmp_path / "data" / "structures" / "sacrum")
    done = pbrs("evaluate", str(model_with_sacrum), str(tmp_path / "data"), "--part", "all", "-o", str(tmp_path))
    assert done.status == 0, done.err
    assert "sacrum" in done.out
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["structures"]["sacrum"]["iou"] == summary["scores"]["iou"]
    assert read_scores(tmp_path / "scores_sacrum.csv") == read_scores(tmp_path / "scores.csv")
