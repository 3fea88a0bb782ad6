"""A study folder written by hand: made-up curves and scores, and a model file that only compares grey values."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pbrs.evaluation.scores import Scores, write_scores
from pbrs.table import write_csv
from phantom import write_phantoms

PARAMETERS = {
    "inceptionv3": 29_950_321,
    "vgg16": 23_752_273,
    "resnet50": 32_576_209,
    "densenet121": 12_144_977,
    "efficientnetb3": 17_867_833,
    "mobilenetv2": 8_047_441,
}
# Test IoU of every backbone, chosen so that the conclusion comes out as the paper's.
IOU = dict(zip(PARAMETERS, (0.925, 0.883, 0.913, 0.915, 0.921, 0.830), strict=True))
MILLISECONDS = dict(zip(PARAMETERS, (41.0, 66.0, 38.0, 35.0, 24.0, 11.0), strict=True))


def write_model(path: Path, channels: tuple[str, ...] = ("region",)) -> None:
    """Write a model file of 64×64 input whose probability is sigmoid(20 · (grey − 0.5)) in every channel."""
    card = {
        "name": "grey values",
        "backbone": "none",
        "channels": channels,
        "image_size": [64, 64],
        "placement": "stretch",
        "threshold": 0.5,
        "parameters": 2,
        "synthetic": True,
        "training": {},
        "scores": {},
        "licence": "Apache-2.0",
        "versions": {},
    }
    shape = ["N", 1, 64, 64]
    graph = helper.make_graph(
        [
            helper.make_node("Sub", ["radiograph", "middle"], ["above"]),
            helper.make_node("Mul", ["above", "sharpness"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["one"]),
            helper.make_node("Concat", ["one"] * len(channels), ["probability"], axis=1),
        ],
        "grey",
        [helper.make_tensor_value_info("radiograph", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", len(channels), 64, 64])],
        [
            helper.make_tensor("middle", TensorProto.FLOAT, [], [0.5]),
            helper.make_tensor("sharpness", TensorProto.FLOAT, [], [20.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"pbrs_card": json.dumps(card)})
    onnx.save(model, path)


def make_scores(iou: float, hd95_px: float = 12.0, spacing_mm: float | None = None) -> Scores:
    """Make scores that agree with each other as far as the report looks at them."""
    return Scores(
        iou=iou,
        f1=2 * iou / (1 + iou),
        precision=min(1.0, iou + 0.03),
        recall=min(1.0, iou + 0.04),
        hd95_px=hd95_px,
        hd95_percent_diagonal=hd95_px / 15.0,
        hd95_mm=None if spacing_mm is None else hd95_px * spacing_mm,
        surface_dice_2px=max(0.0, 1.6 * iou - 0.8),
        surface_dice_2mm=None if spacing_mm is None else iou,
        truth_px=1000,
        prediction_px=990,
    )


def write_run(
    study: Path,
    backbone: str,
    stems: Sequence[str],
    fold: int = 0,
    seed: int = 0,
    epochs: int = 30,
    finished: bool = True,
) -> Path:
    """Write one run with curves that rise to the backbone's IoU."""
    run = study / f"{backbone}-{fold}-{seed}"
    run.mkdir(parents=True)
    random = np.random.default_rng([list(PARAMETERS).index(backbone), fold, seed])
    iou = IOU[backbone]
    (run / "settings.yaml").write_text(
        f"backbone: {backbone}\nencoder_weights: none\nimage_size: [224, 224]\nplacement: stretch\nbatch_size: 10\n"
        f"epochs: 30\nlearning_rate: 0.0001\nseed: {seed}\n"
    )
    rows = []
    for epoch in range(1, epochs + 1):
        row: dict[str, object] = {"epoch": epoch, "learning_rate": 1e-4, "seconds": 2.5}
        for part, top, speed in (("train", iou + 0.012, 4.0), ("validation", iou - 0.004, 5.0)):
            value = top * (1 - math.exp(-epoch / speed)) + random.normal(0, 0.006)
            row |= {f"{part}_iou": value, f"{part}_f1": 2 * value / (1 + value), f"{part}_loss": 1.02 - value}
        rows.append(row)
    write_csv(run / "history.csv", list(rows[0]), rows)
    if not finished:
        return run
    scores = {"loss": 0.1, "iou": iou - 0.004, "f1": 2 * iou / (1 + iou), "images": 10}
    summary = {
        "backbone": backbone,
        "seed": seed,
        "fold": fold,
        "epochs": epochs,
        "best_epoch": epochs - 2,
        "parameters": PARAMETERS[backbone],
        "synthetic": False,
        "train": {**scores, "iou": iou + 0.012},
        "validation": scores,
        "seconds": 2.5 * epochs,
    }
    (run / "summary.json").write_text(json.dumps(summary))
    difficulty = np.random.default_rng(7).normal(0, 0.02, len(stems))
    noise = random.normal(0, 0.006, len(stems))
    write_scores(
        run / "scores.csv",
        [
            (stem, make_scores(float(np.clip(iou + difficulty[place] + noise[place], 0, 0.99))))
            for place, stem in enumerate(stems)
        ],
    )
    write_model(run / "model.onnx")
    return run


def write_study(study: Path, stems: Sequence[str], backbones: Sequence[str] = tuple(PARAMETERS)) -> Path:
    """Write a complete study of one seed and no folds."""
    study.mkdir(parents=True)
    (study / "study.yaml").write_text(
        f"backbones: [{', '.join(backbones)}]\nfolds: null\nseeds: [0]\ncommand: pbrs study pelves --epochs 30\n"
    )
    for backbone in backbones:
        write_run(study, backbone, stems)
    write_csv(
        study / "speed.csv",
        ("backbone", "milliseconds"),
        [{"backbone": name, "milliseconds": MILLISECONDS[name]} for name in backbones],
    )
    return study


@pytest.fixture
def pelves(tmp_path: Path) -> Path:
    """A dataset folder of six phantoms."""
    return write_phantoms(tmp_path / "pelves", 6)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """A model file that calls bright region."""
    path = tmp_path / "model.onnx"
    write_model(path)
    return path


class Studies:
    """Writes study folders; what the tests of results and report share."""

    parameters = PARAMETERS
    iou = IOU
    write_study = staticmethod(write_study)
    write_run = staticmethod(write_run)
    make_scores = staticmethod(make_scores)


@pytest.fixture(scope="session")
def studies() -> type[Studies]:
    """How to write a study folder by hand."""
    return Studies


@pytest.fixture
def model_with_sacrum(tmp_path: Path) -> Path:
    """A model file with a structure beside the region."""
    path = tmp_path / "with_sacrum.onnx"
    write_model(path, ("region", "sacrum"))
    return path
