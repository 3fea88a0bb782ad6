"""Scoring a model on a dataset folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pbrs.dataset import open_dataset
from pbrs.evaluation.evaluate import evaluate
from pbrs.evaluation.scores import Scores
from pbrs.radiograph.radiograph import Radiograph
from pbrs.segmentation import Segmenter


@dataclass
class Answer:
    mask: np.ndarray


@dataclass
class Brighter:
    """Calls region what is brighter than the threshold."""

    own_threshold: float = 0.4

    def segment(self, radiograph: Radiograph, threshold: float | None = None) -> Answer:
        return Answer(radiograph.pixels >= (self.own_threshold if threshold is None else threshold))


def test_every_case_asked_for_is_scored_in_order_against_its_own_mask(pelves: Path) -> None:
    dataset = open_dataset(pelves)
    stems = [dataset.stems[3], dataset.stems[0]]
    told: list[tuple[str, Scores]] = []
    rows = evaluate(Brighter(), dataset, stems, progress=lambda stem, scores: told.append((stem, scores)))
    assert [stem for stem, _ in rows] == stems
    assert told == rows
    radiograph, truth = dataset.read(stems[0])
    prediction = radiograph.pixels >= 0.4
    assert rows[0][1].iou == pytest.approx((prediction & truth).sum() / (prediction | truth).sum())
    assert rows[0][1].hd95_mm is None


def test_the_threshold_is_the_models_own_unless_one_is_given(pelves: Path) -> None:
    dataset = open_dataset(pelves)
    everything = evaluate(Brighter(), dataset, dataset.stems, threshold=0.0)
    assert all(scores.prediction_px == 96 * 112 for _, scores in everything)
    assert all(scores.prediction_px < 96 * 112 for _, scores in evaluate(Brighter(), dataset, dataset.stems))


def test_a_model_file_is_scored_at_the_native_size(pelves: Path, model_file: Path) -> None:
    dataset = open_dataset(pelves)
    ((_, scores),) = evaluate(Segmenter.load(model_file), dataset, dataset.stems[:1])
    _, truth = dataset.read(dataset.stems[0])
    assert scores.truth_px == truth.sum()
    assert scores.iou > 0.5
