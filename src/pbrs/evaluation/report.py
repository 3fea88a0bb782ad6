"""The report of a study: tables, figures, and one HTML file that needs no network."""

import base64
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from pbrs.atomic_write import write_text
from pbrs.dataset import Dataset
from pbrs.evaluation import paper
from pbrs.evaluation.comparison import MARGIN, Conclusion, conclude
from pbrs.evaluation.figures.backbone_scores import draw_test_scores
from pbrs.evaluation.figures.cases import Case, draw_cases, pick_cases
from pbrs.evaluation.figures.example import draw_example
from pbrs.evaluation.figures.method import draw_method
from pbrs.evaluation.figures.style import save_figure
from pbrs.evaluation.figures.trade_off import draw_trade_off
from pbrs.evaluation.figures.training_curves import draw_training_curves
from pbrs.evaluation.results import Run, StudyResults, read_study
from pbrs.evaluation.scores import METRICS, Scores
from pbrs.evaluation.tables import (
    TESTED_METRICS,
    paired_tests,
    runs_table,
    summarise_backbones,
    table_one,
    test_score_table,
    trade_off_table,
    write_tables,
)
from pbrs.json_object import read_json_object
from pbrs.segmentation import Segmenter

BOOTSTRAP_SEED = 0
PACKAGES = ("pbrs", "numpy", "scipy", "onnxruntime", "torch", "torchvision", "lightning", "monai", "matplotlib")
RASTER = ("figure_1", "figure_2", "figure_4")
"""Figures with photographs in them: they go into the report as PNG, the others as SVG."""


def write_report(study: Path, dataset: Dataset) -> Path:
    """Write ``figures/``, ``tables/`` and ``report.html`` into a study folder, from whatever runs it holds.

    Parameters
    ----------
    study
        The folder, as `pbrs.evaluation.results` describes it. Runs that are missing or not finished are named in the
        report and left out of the tables.
    dataset
        The one that the runs were trained on: Figures 1, 2 and 4 show its images.

    Returns
    -------
    pathlib.Path
        ``report.html``.

    Raises
    ------
    InputError
        If the folder holds no study, or a file in it is damaged.
    """
    results = read_study(study)
    synthetic = dataset.is_synthetic or results.is_synthetic
    cases = results.cases()
    summaries = summarise_backbones(cases, BOOTSTRAP_SEED)
    tests = paired_tests(cases)
    conclusion = conclude(_validation_iou(results), results.parameters(), cases)
    tables = {
        "table_1": table_one(results, synthetic),
        "test_scores": test_score_table(results, summaries, synthetic),
        "trade_off": trade_off_table(results, summaries, synthetic),
        "runs": runs_table(results),
    }
    write_tables(study / "tables", tables, tests, conclusion, synthetic)

    figures: dict[str, Figure | None] = {
        "figure_3": draw_test_scores(cases, summaries, synthetic) if cases else None,
        "figure_5": draw_training_curves({name: results.of(name) for name in results.backbones}, synthetic),
        "trade_off": draw_trade_off(
            {name: metrics["iou"] for name, metrics in summaries.items()},
            results.parameters(),
            results.milliseconds,
            synthetic,
        )
        if cases
        else None,
    }
    figures["figure_1"], figures["figure_2"] = _draw_data(results, dataset)
    shown_run = _choose_run(results, conclusion)
    figures["figure_4"] = None if shown_run is None else _draw_cases(shown_run, dataset, synthetic)
    data = {name: _save(figure, study / "figures", name) for name, figure in figures.items()}

    page = (
        _environment()
        .get_template("report.html")
        .render(
            dataset=_describe_dataset(dataset),
            synthetic=synthetic,
            study=results,
            runs=tables["runs"],
            incomplete=[run for run in results.runs if run.state != "complete"],
            table_one=tables["table_1"],
            summaries=summaries,
            metrics={name: title for name, title in METRICS.items() if _is_known(name, summaries)},
            trade_off=tables["trade_off"],
            tests=tests,
            tested_metrics=TESTED_METRICS,
            unequal_cases=len({tuple(its) for its in cases.values()}) > 1,
            conclusion=conclusion,
            margin_points=100 * MARGIN,
            paper=paper,
            figures=data,
            shown_run=shown_run,
            plan=_as_yaml(results.plan),
            settings=_describe_settings(results),
            commands=_commands(results, dataset),
            versions=_versions(results),
        )
    )
    path = study / "report.html"
    write_text(path, page)
    return path


def _validation_iou(results: StudyResults) -> dict[str, float]:
    means = {name: results.mean(name, "validation", "iou") for name in results.backbones}
    return {name: mean for name, mean in means.items() if mean is not None}


def _is_known(metric: str, summaries: Mapping[str, Mapping[str, Any]]) -> bool:
    return any(its[metric]["finite"] + its[metric]["infinite"] > 0 for its in summaries.values())


def _draw_data(results: StudyResults, dataset: Dataset) -> tuple[Figure | None, Figure | None]:
    """Figures 1 and 2, with the first case that has a mask with something in it."""
    for stem in dataset.stems:
        radiograph, mask = dataset.read(stem)
        if mask.any():
            settings = next((run.settings for run in results.runs if run.settings), {})
            height, width = settings.get("image_size", (224, 224))
            placement = str(settings.get("placement", "stretch"))
            return draw_example(radiograph.pixels, mask), draw_method(
                radiograph.pixels, mask, (int(height), int(width)), placement
            )
    return None, None


def _choose_run(results: StudyResults, conclusion: Conclusion | None) -> Run | None:
    """The run whose cases Fig. 4 shows: of the chosen backbone, or of any, the first that can be run again."""
    able = [run for run in results.runs if run.scores and (run.path / "model.onnx").exists()]
    chosen = [run for run in able if conclusion is not None and run.backbone == conclusion.chosen]
    return next(iter(chosen or able), None)


def _draw_cases(run: Run, dataset: Dataset, synthetic: bool) -> Figure | None:
    known: list[tuple[str, Scores]] = [row for row in run.scores or [] if row[0] in dataset.masks]
    if not known:
        return None
    segmenter = Segmenter.load(run.path / "model.onnx")
    cases = []
    for rank, stem, scores in pick_cases(known):
        radiograph, truth = dataset.read(stem)
        prediction = segmenter.segment(radiograph).mask
        cases.append(Case(rank, stem, scores.iou, scores.f1, radiograph.pixels, truth, prediction))
    return draw_cases(cases, synthetic)


def _save(figure: Figure | None, folder: Path, name: str) -> str | None:
    """Write a figure and give its bytes as a ``data:`` address; remove an older one that no longer holds."""
    if figure is None:
        for suffix in (".png", ".svg"):
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
        return None
    png, svg = save_figure(figure, folder, name)
    path, kind = (png, "image/png") if name in RASTER else (svg, "image/svg+xml")
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pbrs", "evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["p_value"] = lambda p: "< 0.001" if p < 0.001 else f"{p:.3f}"
    environment.filters["signed"] = _signed
    environment.filters["interval"] = _interval
    environment.filters["title"] = paper.title_of
    return environment


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _signed(value: float | None) -> str:
    if value is None:
        return "–"
    text = f"{value:+.3f}"
    # Neither +0.000 nor −0.000: the sign would claim what the digits do not show.
    return "0.000" if float(text) == 0 else text.replace("-", "−")


def _interval(summary: Mapping[str, Any], digits: int = 3) -> Markup:
    """Mean, interval, and how many distances were infinite."""
    text = Markup("{}").format(_number(summary["mean"], digits))
    if summary["low"] is not None:
        text += Markup(' <span class="interval">[{}, {}]</span>').format(
            _number(summary["low"], digits), _number(summary["high"], digits)
        )
    if summary["infinite"]:
        text += Markup(' <span class="infinite">+ {} infinite</span>').format(summary["infinite"])
    return text


def _describe_dataset(dataset: Dataset) -> dict[str, Any]:
    return {"name": dataset.path.resolve().name, "images": len(dataset.images), "cases": len(dataset.stems)}


def _as_yaml(values: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True).strip() if values else ""


def _describe_settings(results: StudyResults) -> str:
    """The settings of the first run; those that differ between runs are told by the runs' names."""
    settings = next((run.settings for run in results.runs if run.settings), {})
    shared = {name: value for name, value in settings.items() if name not in ("backbone", "seed")}
    return _as_yaml(shared)


def _commands(results: StudyResults, dataset: Dataset) -> list[str]:
    name = dataset.path.resolve().name
    study = results.path.resolve().name
    recorded = results.plan.get("command")
    first = [str(recorded)] if recorded else []
    scored = next((run for run in results.runs if run.scores is not None), None)
    if scored is None:
        return first
    fold = f" --fold {scored.fold}" if results.plan.get("folds") else ""
    return [
        *first,
        f"pbrs evaluate {study}/{scored.name}/model.onnx {name} --split {study}/split.csv{fold} --part test",
    ]


def _versions(results: StudyResults) -> dict[str, str]:
    """Versions that wrote this report, and those that trained where a run recorded others."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    trained: dict[str, set[str]] = {}
    for run in results.runs:
        record = run.path / "run.json"
        if record.exists():
            recorded = read_json_object(record, "put back what `pbrs train` wrote there")
            for package, its_version in recorded.get("versions", {}).items():
                trained.setdefault(package, set()).add(str(its_version))
    for package, found in trained.items():
        if found != {versions.get(package)}:
            versions[f"{package} (training)"] = ", ".join(sorted(found))
    return versions
