"""What a study folder holds: its plan, its runs, complete or not, and the speeds measured."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pbrs.errors import InputError
from pbrs.evaluation.paper import printed_order
from pbrs.evaluation.scores import Scores, read_scores
from pbrs.evaluation.summary import CaseScores, pool_by_case
from pbrs.json_object import read_json_object
from pbrs.table import read_csv

RUN_NAME = re.compile(r"(?P<backbone>[A-Za-z0-9_]+)-(?P<fold>\d+)-(?P<seed>\d+)")
QUANTITIES = ("loss", "iou", "f1")
PARTS = ("train", "validation")


@dataclass(frozen=True)
class Run:
    """One run of a study, as far as it got.

    Attributes
    ----------
    backbone, fold, seed
        What its folder is called after.
    path
        The folder, which may not exist yet.
    settings
        ``settings.yaml``; empty where missing.
    summary
        ``summary.json``, which is written at the end of the training; None before.
    history
        ``history.csv`` by column; empty where missing.
    scores
        Test scores, or None where the run was not scored yet.
    """

    backbone: str
    fold: int
    seed: int
    path: Path
    settings: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    scores: list[tuple[str, Scores]] | None = None

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.backbone}-{self.fold}-{self.seed}"

    @property
    def epochs_done(self) -> int:
        """Whole epochs in its history."""
        return len(self.history.get("epoch", []))

    @property
    def state(self) -> str:
        """``complete``, or in words what is missing."""
        if self.summary is not None:
            return "complete" if self.scores is not None else "trained, not scored on the test part"
        if self.epochs_done == 0:
            return "not begun"
        planned = self.settings.get("epochs")
        return f"training stopped after {self.epochs_done} epochs" + (f" of {planned}" if planned else "")


@dataclass(frozen=True)
class StudyResults:
    """A study folder, read.

    Attributes
    ----------
    path
        The folder.
    plan
        ``study.yaml``; empty where missing.
    runs
        Planned or found, in the paper's order, then by fold and seed.
    milliseconds
        ``speed.csv`` by backbone; empty where missing.
    """

    path: Path
    plan: dict[str, Any]
    runs: list[Run]
    milliseconds: dict[str, float]

    @property
    def backbones(self) -> list[str]:
        """Those with a run, planned or found, in the paper's order."""
        return list(dict.fromkeys(run.backbone for run in self.runs))

    @property
    def is_synthetic(self) -> bool:
        """Whether any run says that it was trained on synthetic images."""
        return any((run.summary or {}).get("synthetic", False) for run in self.runs)

    def of(self, backbone: str) -> list[Run]:
        """The runs of one backbone."""
        return [run for run in self.runs if run.backbone == backbone]

    def parameters(self) -> dict[str, int]:
        """Parameter count by backbone, for those that finished a run."""
        return {run.backbone: int(run.summary["parameters"]) for run in self.runs if run.summary is not None}

    def mean(self, backbone: str, part: str, quantity: str) -> float | None:
        """Mean over the finished runs of one score of the best epoch's weights; None without any."""
        values = [float(run.summary[part][quantity]) for run in self.of(backbone) if run.summary is not None]
        return sum(values) / len(values) if values else None

    def cases(self) -> dict[str, dict[str, CaseScores]]:
        """Test scores by backbone and stem, averaged over folds and seeds; only backbones that have some."""
        pooled = {
            backbone: pool_by_case([run.scores for run in self.of(backbone) if run.scores is not None])
            for backbone in self.backbones
        }
        return {backbone: cases for backbone, cases in pooled.items() if cases}


def read_study(path: Path) -> StudyResults:
    """Read a study folder; runs that are missing or not finished are told by their `Run.state`.

    Raises
    ------
    InputError
        If the folder holds no study, or a file in it is damaged.
    """
    plan = _read_yaml(path / "study.yaml")
    found = [match for match in map(RUN_NAME.fullmatch, _folders(path)) if match]
    keys = {(match["backbone"], int(match["fold"]), int(match["seed"])) for match in found} | _planned(path, plan)
    if not keys:
        raise InputError(f"{path} holds no study: expected study.yaml or runs such as densenet121-0-0 (`pbrs study`)")
    ordered = sorted(keys, key=lambda key: (printed_order(key[0]), key[1:]))
    return StudyResults(
        path=path,
        plan=plan,
        runs=[_read_run(path / f"{backbone}-{fold}-{seed}", backbone, fold, seed) for backbone, fold, seed in ordered],
        milliseconds=_read_speed(path / "speed.csv"),
    )


def _folders(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir() if entry.is_dir()) if path.is_dir() else []


def _planned(path: Path, plan: dict[str, Any]) -> set[tuple[str, int, int]]:
    try:
        folds = range(int(plan.get("folds") or 1))
        seeds = [int(seed) for seed in plan.get("seeds") or [0]]
        return {(str(name), fold, seed) for name in plan.get("backbones") or [] for fold in folds for seed in seeds}
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{path / 'study.yaml'}: {error}; expected folds as a number, seeds and backbones as lists"
        ) from error


def _read_run(path: Path, backbone: str, fold: int, seed: int) -> Run:
    summary = path / "summary.json"
    scores = path / "scores.csv"
    history = path / "history.csv"
    return Run(
        backbone=backbone,
        fold=fold,
        seed=seed,
        path=path,
        settings=_read_yaml(path / "settings.yaml"),
        summary=_read_summary(summary) if summary.exists() else None,
        history=_read_history(history) if history.exists() else {},
        scores=read_scores(scores) if scores.exists() else None,
    )


def _read_yaml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read ({str(error).splitlines()[0]}): expected a YAML file") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds {type(values).__name__}: expected lines such as `epochs: 100`")
    return values


def _read_summary(path: Path) -> dict[str, Any]:
    hint = "remove it and resume the study to have it written anew"
    summary = read_json_object(path, hint)
    try:
        int(summary["parameters"])
        for part in PARTS:
            for quantity in QUANTITIES:
                float(summary[part][quantity])
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} lacks what a run's summary holds ({error}): {hint}") from error
    return summary


def _read_history(path: Path) -> dict[str, list[float]]:
    try:
        columns = ["epoch", *(f"{part}_{quantity}" for part in PARTS for quantity in QUANTITIES)]
        rows = read_csv(path, columns)
        return {column: [float(row[column]) for row in rows] for column in columns}
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read ({error}): expected a line for every epoch, as `pbrs train` writes"
        ) from error


def _read_speed(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        return {row["backbone"]: float(row["milliseconds"]) for row in read_csv(path, ("backbone", "milliseconds"))}
    except ValueError as error:
        raise InputError(f"{path} cannot be read ({error}): expected the columns backbone,milliseconds") from error
