"""The tables of a study, as rows for CSV files and for the report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pbrs.evaluation.comparison import Conclusion, PairedTest, compare_pairs, pareto_front
from pbrs.evaluation.paper import TABLE_I
from pbrs.evaluation.results import PARTS, StudyResults
from pbrs.evaluation.summary import CaseScores, MetricSummary, summarise_cases
from pbrs.table import write_csv

TESTED_METRICS = ("iou", "f1", "surface_dice_2px")
"""The metrics of the paired tests: none of them can be infinite, so that no case falls out."""

Row = dict[str, Any]


def table_one(study: StudyResults, synthetic: bool) -> list[Row]:
    """Table I: parameters and the scores of the best epochs' weights, ours and as printed; None where there is none."""
    parameters = study.parameters()
    rows = []
    for backbone in study.backbones:
        printed = TABLE_I.get(backbone)
        row: Row = {"backbone": backbone, "runs": sum(run.summary is not None for run in study.of(backbone))}
        row["parameters"] = parameters.get(backbone)
        row["paper_parameters_millions"] = printed and printed.parameters_millions
        for part in PARTS:
            for quantity in ("iou", "f1"):
                row[f"{part}_{quantity}"] = study.mean(backbone, part, quantity)
                row[f"paper_{part}_{quantity}"] = printed and getattr(printed, f"{part}_{quantity}")
        rows.append({**row, "synthetic": synthetic})
    return rows


def summarise_backbones(
    cases: Mapping[str, Mapping[str, CaseScores]], seed: int
) -> dict[str, dict[str, MetricSummary]]:
    """Summarise the pooled test scores of every backbone."""
    return {backbone: summarise_cases(its_cases, seed) for backbone, its_cases in cases.items()}


def test_score_table(
    study: StudyResults, summaries: Mapping[str, Mapping[str, MetricSummary]], synthetic: bool
) -> list[Row]:
    """Test scores: one row for each backbone and metric that is known of any case."""
    return [
        {
            "backbone": backbone,
            "runs": sum(run.scores is not None for run in study.of(backbone)),
            "metric": metric,
            **summary,
            "synthetic": synthetic,
        }
        for backbone, metrics in summaries.items()
        for metric, summary in metrics.items()
        if summary["finite"] + summary["infinite"] > 0
    ]


def paired_tests(cases: Mapping[str, Mapping[str, CaseScores]]) -> list[PairedTest]:
    """Test every pair of backbones on each of `TESTED_METRICS`."""
    return [test for metric in TESTED_METRICS for test in compare_pairs(cases, metric)]


def trade_off_table(
    study: StudyResults, summaries: Mapping[str, Mapping[str, MetricSummary]], synthetic: bool
) -> list[Row]:
    """Cost and mean test IoU of every backbone, and whether it is on either Pareto front."""
    iou = {name: metrics["iou"]["mean"] for name, metrics in summaries.items()}
    score = {name: mean for name, mean in iou.items() if mean is not None}
    parameters, milliseconds = study.parameters(), study.milliseconds
    fronts = (pareto_front(parameters, score), pareto_front(milliseconds, score))
    return [
        {
            "backbone": name,
            "parameters": parameters.get(name),
            "milliseconds": milliseconds.get(name),
            "test_iou": score.get(name),
            "pareto_parameters": name in fronts[0],
            "pareto_milliseconds": name in fronts[1],
            "synthetic": synthetic,
        }
        for name in study.backbones
    ]


def runs_table(study: StudyResults) -> list[Row]:
    """List every run, planned or found, with how far it got."""
    return [
        {
            "run": run.name,
            "state": run.state,
            "epochs": run.epochs_done,
            "best_epoch": (run.summary or {}).get("best_epoch"),
            "seconds": (run.summary or {}).get("seconds"),
            "test_cases": None if run.scores is None else len(run.scores),
        }
        for run in study.runs
    ]


def write_tables(
    folder: Path,
    tables: Mapping[str, Sequence[Row]],
    tests: Sequence[PairedTest],
    conclusion: Conclusion | None,
    synthetic: bool,
) -> None:
    """Write each table as ``NAME.csv``; one that has no rows is left out, and an older one of its name removed."""
    rows: dict[str, Sequence[Row]] = dict(tables)
    rows["paired_tests"] = [{**asdict(test), "synthetic": synthetic} for test in tests]
    rows["conclusion"] = [_conclusion_row(conclusion, synthetic)] if conclusion is not None else []
    for name, its_rows in rows.items():
        path = folder / f"{name}.csv"
        if its_rows:
            write_csv(path, list(its_rows[0]), its_rows)
        else:
            path.unlink(missing_ok=True)


def _conclusion_row(conclusion: Conclusion, synthetic: bool) -> Row:
    derived = {
        "iou_loss": conclusion.iou_loss,
        "f1_loss": conclusion.f1_loss,
        "saving_percent": conclusion.saving_percent,
    }
    return {**asdict(conclusion), **derived, "synthetic": synthetic}
