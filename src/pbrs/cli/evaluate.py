"""`pbrs evaluate`: scores of a model on a data set."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from pbrs.atomic_write import write_json
from pbrs.cli.models import complete_model
from pbrs.cli.segment import complete_views
from pbrs.cli.training_options import parse_lists
from pbrs.dataset.folder import STRUCTURES, Dataset, file_sha256, open_dataset
from pbrs.dataset.split import Split
from pbrs.dataset.split_file import read_split
from pbrs.errors import InputError
from pbrs.evaluation.evaluate import REGION
from pbrs.evaluation.evaluate import evaluate as score_cases
from pbrs.evaluation.scores import METRICS, write_scores
from pbrs.evaluation.summary import MetricSummary, summarise
from pbrs.printable import printable, say
from pbrs.segmentation.segmenter import Segmenter
from pbrs.segmentation.views import check_views

Part = Literal["train", "validation", "test", "rest", "all"]


def evaluate(
    model: Annotated[
        # No Path, which loses the "./" by which a file is told from a name.
        str,
        typer.Argument(
            metavar="MODEL",
            help="Name (see pbrs models list), model file, or a run's folder with model.onnx in it.",
            autocompletion=complete_model,
        ),
    ],
    dataset: Annotated[Path, typer.Argument(help="Dataset folder with images/ and masks/.")],
    part: Annotated[
        Part, typer.Option(help="Part of the split to score; rest is what is in no part, all needs no split.")
    ] = "test",
    fold: Annotated[int | None, typer.Option(help="Fold to test on, where the split holds folds.")] = None,
    split: Annotated[Path | None, typer.Option(help="Split to use; DATASET/split.csv if left out.")] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Probability from which a pixel is bone; the model's own.")
    ] = None,
    views: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VIEW",
            help="flip, scale, or both with a comma: test-time views, as of pbrs segment.",
            autocompletion=complete_views,
        ),
    ] = None,
    runtime: Annotated[
        Literal["onnxruntime", "openvino", "auto"],
        typer.Option(help="What computes; onnxruntime, in float32, gives the same scores everywhere."),
    ] = "onnxruntime",
    seed: Annotated[int, typer.Option(help="Of the bootstrap intervals.")] = 0,
    out: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Folder for scores.csv, scores_NAME.csv of each structure that is scored, and summary.json.",
        ),
    ] = Path("evaluation"),
) -> None:
    """Score a model against true masks: IoU, F1, precision, recall, HD95, surface Dice, each image at its own size."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: give a folder to write into with -o")
    looks = check_views([word.lower() for word in parse_lists(views)])
    segmenter = Segmenter.load(model, runtime)
    data = open_dataset(dataset)
    stems = data.stems if part == "all" else _stems(data, read_split(split or dataset / "split.csv", fold), part)
    if not stems:
        raise InputError(f"the {part} part of {dataset} has no image with a mask: choose another --part")
    shown = track(stems, description="scoring", transient=True, disable=not sys.stdout.isatty())
    rows = score_cases(segmenter, data, shown, threshold, looks)
    summaries = {channel: summarise(its_rows, seed) for channel, its_rows in rows.items()}
    structures = {name: summary for name, summary in summaries.items() if name != REGION}
    synthetic = data.is_synthetic
    seen = sum(segmenter.card.has_seen(file_sha256(data.images[stem])) for stem in stems)
    write_scores(out / "scores.csv", rows[REGION])
    for name in STRUCTURES:
        # An earlier call may have scored others.
        (out / f"scores_{name}.csv").unlink(missing_ok=True)
    for name in structures:
        write_scores(out / f"scores_{name}.csv", rows[name])
    write_json(
        out / "summary.json",
        {
            "model": {"name": segmenter.card.name, "sha256": segmenter.sha256},
            "runtime": segmenter.runtime.name,
            "dataset": data.path.resolve().name,
            "synthetic": synthetic,
            "part": part,
            "images": len(stems),
            "seen_in_training": seen,
            "threshold": segmenter.card.threshold if threshold is None else threshold,
            "views": list(looks),
            "bootstrap_seed": seed,
            "scores": summaries[REGION],
            **({"structures": structures} if structures else {}),
        },
    )
    images = f"{len(stems)} {'synthetic ' if synthetic else ''}radiographs"
    Console().print(_table(summaries[REGION], f"{segmenter.card.name} on {images} ({part}), at native resolution"))
    if structures:
        Console().print(_structure_table(structures))
    if seen and part not in ("train", "validation"):
        say(
            f"pbrs: {seen} of these {len(stems)} radiographs were used to train or to choose this model: "
            "the scores say nothing of new ones",
            error=True,
        )
    files = ("scores.csv", *(f"scores_{name}.csv" for name in structures))
    say(f"{', '.join(files)} and summary.json are in {out}")


def _stems(data: Dataset, split: Split, part: str) -> list[str]:
    return [stem for stem in data.stems if stem not in split.parts] if part == "rest" else split.stems(part)


def _table(summary: dict[str, MetricSummary], title: str) -> Table:
    table = Table(
        "score", "mean", "95 % interval", "images", "infinite", title=Text(printable(title)), title_justify="left"
    )
    for name, heading in METRICS.items():
        metric = summary[name]
        if metric["finite"] + metric["infinite"] == 0:
            continue  # millimetres, where no image tells its spacing
        interval = "–" if metric["low"] is None else f"{metric['low']:.4f} – {metric['high']:.4f}"
        mean = "–" if metric["mean"] is None else f"{metric['mean']:.4f}"
        table.add_row(heading, mean, interval, str(metric["finite"]), str(metric["infinite"]))
    return table


def _structure_table(structures: dict[str, dict[str, MetricSummary]]) -> Table:
    shown = ("iou", "f1", "hd95_px", "hd95_percent_diagonal")
    table = Table("structure", *(METRICS[name] for name in shown), "images", "infinite")
    for name, summary in structures.items():
        means = (summary[metric]["mean"] for metric in shown)
        of = summary["hd95_px"]
        cells = ("–" if mean is None else f"{mean:.4f}" for mean in means)
        table.add_row(name, *cells, str(of["finite"] + of["infinite"]), str(of["infinite"]))
    return table
