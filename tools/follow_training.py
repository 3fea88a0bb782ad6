"""Score every epoch of a training that runs, on a dataset that it does not know; for the curve in docs/model-card.md.

    python tools/follow_training.py runs/pelvis-1 runs/shifted-200

Looks at the run's checkpoint until its last epoch is done, and adds a line to RUN/followed.csv for each that it meets:
mean IoU and F1 of the region and F1 of each structure, at native size and probability 0.5. The weights are those
that are kept: averaged, if the run averages.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pbrs.dataset.folder import Dataset, open_dataset
from pbrs.network import UNet, build_unet
from pbrs.network.safe_pickle import load_pickle_safely
from pbrs.radiograph.placement import Placement
from pbrs.table import write_csv
from pbrs.training.epoch_end import EpochEnd
from pbrs.training.run_folder import RunFolder
from pbrs.training.settings import TrainingSettings


def follow(run: RunFolder, dataset: Dataset, seconds: float) -> None:
    settings = run.read_settings()
    target = run.path / "followed.csv"
    rows: list[dict[str, float]] = []
    if target.exists():
        with target.open(newline="", encoding="utf-8") as file:
            counts = ("epoch", "step")
            rows = [
                {name: int(float(value)) if name in counts else float(value) for name, value in row.items()}
                for row in csv.DictReader(file)
            ]
    while True:
        # Asked first: what has ended by now is scored below to its last epoch.
        is_over = run.summary.exists()
        checkpoint = load_pickle_safely(run.checkpoint) if run.checkpoint.exists() else None
        epoch = len(checkpoint["callbacks"][EpochEnd.__name__]["history"]) if checkpoint else 0
        if checkpoint and epoch not in {row["epoch"] for row in rows}:
            network = build_unet(settings.backbone, "none", settings.channels).eval()
            state = checkpoint["state_dict"].items()
            network.load_state_dict({name.removeprefix("network."): value for name, value in state})
            rows.append({"epoch": epoch, "step": checkpoint["global_step"], **score(network, settings, dataset)})
            write_csv(target, tuple(rows[0]), rows)
            print(rows[-1], flush=True)
        if epoch >= settings.epochs or is_over:
            return
        time.sleep(seconds)


@torch.no_grad()
def score(network: UNet, settings: TrainingSettings, dataset: Dataset) -> dict[str, float]:
    overlaps: dict[str, list[tuple[float, float]]] = {name: [] for name in settings.channels}
    for stem in dataset.stems:
        radiograph, region = dataset.read(stem)
        fit = Placement.fit(radiograph.shape, settings.image_size, settings.placement, radiograph.pixel_aspect)
        output = torch.sigmoid(network(torch.from_numpy(fit.place(radiograph.pixels))[None, None]))[0].numpy()
        for name, probability in zip(settings.channels, output, strict=True):
            truth = region if name == "region" else dataset.read_structure(stem, name, radiograph.shape)
            if truth is not None:
                overlaps[name].append(overlap(fit.restore(probability) >= 0.5, truth))
    return {
        "iou": float(np.mean([iou for iou, _ in overlaps["region"]])),
        **{f"f1_{name}": float(np.mean([f1 for _, f1 in values])) for name, values in overlaps.items()},
    }


def overlap(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> tuple[float, float]:
    both, total = int((found & truth).sum()), int(found.sum()) + int(truth.sum())
    return (1.0, 1.0) if total == 0 else (both / (total - both), 2 * both / total)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--seconds", type=float, default=20, help="between two looks at the checkpoint")
    given = parser.parse_args()
    follow(RunFolder(given.run), open_dataset(given.dataset), given.seconds)
