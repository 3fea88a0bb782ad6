"""Print the tables of docs/model-card.md: scores of `pbrs evaluate` on the two frozen tests, and a training's curve.

    python tools/model_card_tables.py SCORES_OF_PELVISSYNTH_150 SCORES_OF_SHIFTED_200 RUN/followed.csv …

The first two are folders that `pbrs evaluate -o` wrote; the others come from `tools/follow_training.py`, in the order
of the trainings, of which each went on where the one before it ended.
"""

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

STRUCTURES = ("hip_left", "hip_right", "sacrum", "femur_left", "femur_right")


def score_table(plain: dict[str, Any], shifted: dict[str, Any]) -> Iterator[str]:
    yield "| | pelvissynth-150: IoU | F1 | HD95 | shifted-200: IoU | F1 | HD95 |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name in ("region", *STRUCTURES):
        cells = [name]
        for summary in (plain, shifted):
            scores = summary["scores"] if name == "region" else summary["structures"][name]
            cells += [_mean(scores[score], interval=name == "region") for score in ("iou", "f1")]
            far = scores["hd95_percent_diagonal"]
            cells.append(f"{far['mean']:.1f} %" + (f" ({far['infinite']} infinite)" if far["infinite"] else ""))
        yield f"| {' | '.join(cells)} |"


def curve_table(runs: Sequence[Path]) -> Iterator[str]:
    yield "| training | steps | IoU | F1 of the region | hips | sacrum | femora |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    before = 0
    for run in runs:
        with run.open(newline="", encoding="utf-8") as file:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        for row in rows:
            steps = before + int(row["step"])
            hips, femora = ((row[f"f1_{bone}_left"] + row[f"f1_{bone}_right"]) / 2 for bone in ("hip", "femur"))
            scores = (row["iou"], row["f1_region"], hips, row["f1_sacrum"], femora)
            yield f"| {run.parent.name} | {steps:,} | {' | '.join(f'{s:.3f}' for s in scores)} |"
        before += int(rows[-1]["step"])


def _mean(score: dict[str, float], interval: bool) -> str:
    return f"{score['mean']:.3f}" + (f" [{score['low']:.3f}, {score['high']:.3f}]" if interval else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plain", type=Path)
    parser.add_argument("shifted", type=Path)
    parser.add_argument("followed", type=Path, nargs="*")
    given = parser.parse_args()
    plain, shifted = (json.loads((path / "summary.json").read_text()) for path in (given.plain, given.shifted))
    print("\n".join([*score_table(plain, shifted), "", *curve_table(given.followed)]))


if __name__ == "__main__":
    main()
