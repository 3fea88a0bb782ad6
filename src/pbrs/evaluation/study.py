"""The paper's comparison: every backbone trained, exported, scored and reported, stopped and resumed at will."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from pbrs.atomic_write import remove_unfinished, write_csv, write_text
from pbrs.dataset.folder import Dataset
from pbrs.dataset.split import (
    Split,
    check_overlap,
    holds_folds,
    make_folds,
    make_split,
    read_folds,
    read_split,
    write_folds,
    write_split,
)
from pbrs.errors import InputError
from pbrs.evaluation.evaluate import evaluate
from pbrs.evaluation.report import write_report
from pbrs.evaluation.results import read_study
from pbrs.evaluation.scores import write_scores
from pbrs.evaluation.speed import measure_milliseconds
from pbrs.modelfile.export import export_run
from pbrs.network import find_backbone
from pbrs.segmentation.segmenter import Segmenter
from pbrs.training.fit import fit
from pbrs.training.run_folder import RunFolder
from pbrs.training.settings import TrainingSettings


@dataclass(frozen=True)
class StudyPlan:
    """What a study trains: every backbone on every fold with every seed.

    Attributes
    ----------
    backbones
        By name.
    folds
        Number of folds, or None for one split into training, validation and test part.
    seeds
        Of the trainings.
    settings
        What all runs have in common; backbone and seed are each run's own.
    command
        How the study was asked for, for its report.
    """

    backbones: tuple[str, ...]
    folds: int | None
    seeds: tuple[int, ...]
    settings: TrainingSettings
    command: str

    def runs(self, study: Path) -> Iterator[tuple[Path, int, TrainingSettings]]:
        """Give folder, fold and settings of every run."""
        for seed in self.seeds:
            for fold in range(self.folds or 1):
                for backbone in self.backbones:
                    settings = self.settings.model_copy(update={"backbone": backbone, "seed": seed})
                    yield study / f"{backbone}-{fold}-{seed}", fold, settings


def run_study(dataset: Dataset, plan: StudyPlan, study: Path) -> Path:
    """Train, export and score whatever of a study is not done yet, and write its report.

    Every step of every run leaves a file that is whole or not there, so a study that was killed goes on where it
    stopped: nothing that is complete is done again. Backbones and seeds may be added to a study; folds, data and
    settings stay.

    Parameters
    ----------
    dataset
        Nothing is written into it.
    plan
        What to train.
    study
        The study's folder.

    Returns
    -------
    pathlib.Path
        ``report.html``, which is also renewed after each run.

    Raises
    ------
    InputError
        If the plan does not fit the study that is in the folder, or a run cannot be trained.
    """
    for backbone in plan.backbones:
        find_backbone(backbone)
    remove_unfinished(study)
    plan = _agree(plan, study)
    split_file = _prepare_split(dataset, plan, study)
    runs = list(plan.runs(study))
    report = study / "report.html"
    for number, (path, fold, settings) in enumerate(runs, start=1):
        run = RunFolder(path)
        if not _is_scored(run):
            print(f"{path.name} ({number} of {len(runs)})", flush=True)
            split = read_split(split_file, fold if plan.folds else None)
            _complete_run(dataset, split, settings, run)
            report = write_report(study, dataset)
    if set(read_study(study).milliseconds) != set(plan.backbones) or not report.exists():
        _measure_speed(plan, study)
        report = write_report(study, dataset)
    return report


def _complete_run(dataset: Dataset, split: Split, settings: TrainingSettings, run: RunFolder) -> None:
    """Do the steps of one run that have left no file yet."""
    if not run.summary.exists():
        fit(dataset, split, settings, run.path, resume=True)
    if not run.model.exists():
        export_run(run.path, dataset=dataset.path)
    write_scores(run.path / "scores.csv", evaluate(Segmenter.load(run.model), dataset, split.stems("test")))


def _is_scored(run: RunFolder) -> bool:
    return all(file.exists() for file in (run.summary, run.model, run.path / "scores.csv"))


def _measure_speed(plan: StudyPlan, study: Path) -> None:
    models = {backbone: study / f"{backbone}-0-{plan.seeds[0]}" / "model.onnx" for backbone in plan.backbones}
    rows = ({"backbone": name, "milliseconds": taken} for name, taken in measure_milliseconds(models).items())
    write_csv(study / "speed.csv", ("backbone", "milliseconds"), rows)


def _agree(plan: StudyPlan, study: Path) -> StudyPlan:
    """Compare the plan with the folder's own, add what is new, and write it down."""
    file = study / "study.yaml"
    common = plan.settings.model_dump(mode="json", exclude={"backbone", "seed"})
    if file.exists():
        before: dict[str, Any] = read_study(study).plan
        changed = [name for name in common if before.get("settings", {}).get(name) != common[name]]
        if before.get("folds") != plan.folds:
            changed.insert(0, "folds")
        if changed:
            raise InputError(
                f"{study} was begun with other {', '.join(changed)}: choose another folder for a new study"
            )
        plan = StudyPlan(
            backbones=tuple(dict.fromkeys((*before["backbones"], *plan.backbones))),
            folds=plan.folds,
            seeds=tuple(dict.fromkeys((*before["seeds"], *plan.seeds))),
            settings=plan.settings,
            command=plan.command,
        )
    elif study.exists() and (not study.is_dir() or any(study.iterdir())):
        raise InputError(f"{study} is not an empty folder and holds no study: choose another folder")
    values = {**asdict(plan), "backbones": list(plan.backbones), "seeds": list(plan.seeds), "settings": common}
    write_text(file, yaml.safe_dump(values, sort_keys=False))
    return plan


def _prepare_split(dataset: Dataset, plan: StudyPlan, study: Path) -> Path:
    """Give the study a split of its own: its earlier one, the data set's, or a new one (70/10/20, or folds)."""
    file = study / "split.csv"
    own = dataset.path / "split.csv"
    if file.exists():
        pass
    elif plan.folds:
        write_folds(file, make_folds(dataset, plan.folds))
    elif own.exists() and not holds_folds(own):
        write_split(file, read_split(own))
    else:
        write_split(file, make_split(dataset))
    stems = set(read_folds(file) if plan.folds else read_split(file).parts)
    if lost := sorted(stems - set(dataset.stems)):
        raise InputError(f"{file} names {lost[0]}, which {dataset.path} does not hold with image and mask")
    for fold in range(plan.folds or 1):
        check_overlap(read_split(file, fold if plan.folds else None), dataset.patients, [])
    return file
