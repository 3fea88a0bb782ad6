"""What a study folder holds: its plan, its runs, complete or not, and the speeds measured."""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from pbrs.errors import InputError
from pbrs.evaluation.paper import printed_order
from pbrs.evaluation.scores import Scores, read_scores
from pbrs.evaluation.summary import CaseScores, pool_by_case
from pbrs.json_object import read_json_object
from pbrs.table import read_csv
from pbrs.yaml_mapping import read_yaml_mapping

RUN_NAME = re.compile(r"(?P<backbone>[A-Za-z0-9_]+)-(?P<fold>\d+)-(?P<seed>\d+)")
QUANTITIES = ("loss", "iou", "f1")
PARTS = ("train", "validation")

MOST_FOLDS = 1000


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
    plan = _read_plan(path / "study.yaml")
    found = [match for match in map(RUN_NAME.fullmatch, _folders(path)) if match]
    keys = {(match["backbone"], int(match["fold"]), int(match["seed"])) for match in found} | _planned(plan)
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


class _Plan(BaseModel):
    """``study.yaml``."""

    backbones: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]] = []
    folds: Annotated[int, Field(ge=1, le=MOST_FOLDS)] | None = None
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(min_length=1)] = [0]
    settings: dict[str, Any] = {}
    data_sha256: str | None = None
    command: str | None = None


def _read_plan(path: Path) -> dict[str, Any]:
    """Read ``study.yaml`` with all its names; empty where it is missing."""
    values = _read_yaml(path)
    try:
        return _Plan.model_validate(values).model_dump() if path.exists() else {}
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{path}: {place:.80}: {first['msg']}; expected folds as a number, seeds and backbones as lists"
        ) from error


def _planned(plan: dict[str, Any]) -> set[tuple[str, int, int]]:
    folds = range(plan.get("folds") or 1)
    return {(name, fold, seed) for name in plan.get("backbones", []) for fold in folds for seed in plan["seeds"]}


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
    return read_yaml_mapping(path, "epochs: 100") if path.exists() else {}


def _read_summary(path: Path) -> dict[str, Any]:
    hint = "remove it and resume the study to have it written anew"
    summary = read_json_object(path, hint)
    try:
        int(summary["parameters"])
        for part in PARTS:
            for quantity in QUANTITIES:
                float(summary[part][quantity])
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise InputError(f"{path} lacks what a run's summary holds ({error}): {hint}") from error
    return summary


def _read_history(path: Path) -> dict[str, list[float]]:
    try:
        columns = ["epoch", *(f"{part}_{quantity}" for part in PARTS for quantity in QUANTITIES)]
        rows = read_csv(path, columns)
        return {column: [_finite(row[column]) for row in rows] for column in columns}
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read ({error}): expected a line for every epoch, as `pbrs train` writes"
        ) from error


def _read_speed(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        return {row["backbone"]: _finite(row["milliseconds"]) for row in read_csv(path, ("backbone", "milliseconds"))}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): expected the columns backbone,milliseconds") from error


def _finite(cell: str) -> float:
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(f"{cell:.20} is no finite number")
    return value
