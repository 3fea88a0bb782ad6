"""The paper's comparison: every backbone trained, exported, scored and reported, stopped and resumed at will."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from pbrs.atomic_write import remove_unfinished, write_text
from pbrs.dataset.empty_masks import warn_of_empty
from pbrs.dataset.folder import Dataset
from pbrs.dataset.overlap import check_overlap
from pbrs.dataset.split import Split, fold_split, make_folds, make_split
from pbrs.dataset.split_file import holds_folds, read_folds, read_split, write_folds, write_split
from pbrs.errors import InputError
from pbrs.evaluation.evaluate import REGION, evaluate
from pbrs.evaluation.report import write_report
from pbrs.evaluation.results import read_study
from pbrs.evaluation.scores import write_scores
from pbrs.evaluation.speed import measure_milliseconds
from pbrs.file_lock import is_unused, sole_use_of_folder
from pbrs.modelfile.export import export_run
from pbrs.printable import say
from pbrs.segmentation.segmenter import Segmenter
from pbrs.synthesis.presets import check_trainable
from pbrs.table import write_csv
from pbrs.training.fit import fit
from pbrs.training.run_data import check_source
from pbrs.training.run_folder import RunFolder
from pbrs.training.settings import TrainingSettings, make_settings


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
                    # Checked anew: an image size that suits one backbone may be too small for another.
                    settings = make_settings({**self.settings.model_dump(), "backbone": backbone, "seed": seed})
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
        ``report.html``, renewed after each run and at the end.

    Raises
    ------
    InputError
        If the plan does not fit the study that is in the folder, another process works on it, or a run
        cannot be trained.
    """
    refusal = f"another process works on the study in {study}: wait for it, or choose another folder"
    with sole_use_of_folder(study, refusal):
        return _run_study(dataset, plan, study)


def _run_study(dataset: Dataset, plan: StudyPlan, study: Path) -> Path:
    for folder in (study, *study.glob("*/")):
        remove_unfinished(folder)
    plan = _agree(plan, study)
    if (plan.folds or 1) > max(len(dataset.stems), 1):
        raise InputError(f"{plan.folds} folds of {len(dataset.stems)} cases: ask for fewer")
    runs = list(plan.runs(study))
    split_file = _prepare(dataset, plan, study)
    for number, (path, fold, settings) in enumerate(runs, start=1):
        run = RunFolder(path)
        if not _is_scored(run):
            say(f"{path.name} ({number} of {len(runs)})")
            split = read_split(split_file, fold if plan.folds else None)
            _complete_run(dataset, split, settings, run)
            if number < len(runs):
                write_report(study, dataset)
    if set(read_study(study).milliseconds) != set(plan.backbones):
        _measure_speed(plan, study)
    return write_report(study, dataset)


def _complete_run(dataset: Dataset, split: Split, settings: TrainingSettings, run: RunFolder) -> None:
    """Do the steps of one run that have left no file yet."""
    if not run.summary.exists():
        fit(dataset, split, settings, run.path, resume=True)
    if not run.model.exists():
        export_run(run.path, dataset=dataset.path)
    rows = evaluate(Segmenter.load(run.model, "onnxruntime"), dataset, split.stems("test"))
    write_scores(run.path / "scores.csv", rows[REGION])


def _is_scored(run: RunFolder) -> bool:
    return all(file.exists() for file in (run.summary, run.model, run.path / "scores.csv"))


def _measure_speed(plan: StudyPlan, study: Path) -> None:
    models = {backbone: study / f"{backbone}-0-{plan.seeds[0]}" / "model.onnx" for backbone in plan.backbones}
    rows = ({"backbone": name, "milliseconds": taken} for name, taken in measure_milliseconds(models).items())
    write_csv(study / "speed.csv", ("backbone", "milliseconds"), rows)


def _agree(plan: StudyPlan, study: Path) -> StudyPlan:
    """Compare the plan with that of the folder, and add what is new to it; nothing is written."""
    if (study / "study.yaml").exists():
        before: dict[str, Any] = read_study(study).plan
        common = _common_settings(plan)
        changed = [name for name in common if before["settings"].get(name) != common[name]]
        if before["folds"] != plan.folds:
            changed.insert(0, "folds")
        if changed:
            raise InputError(
                f"{study} was begun with other {', '.join(changed)}: choose another folder for a new study"
            )
        return replace(
            plan,
            backbones=tuple(dict.fromkeys((*before["backbones"], *plan.backbones))),
            seeds=tuple(dict.fromkeys((*before["seeds"], *plan.seeds))),
        )
    if not is_unused(study):
        raise InputError(f"{study} is not an empty folder and holds no study: choose another folder")
    return plan


def _prepare(dataset: Dataset, plan: StudyPlan, study: Path) -> Path:
    """Check the study's split and data, then write both down with the plan; nothing is written before all is right.

    The split is the study's own of an earlier call, else the data set's if it is of the kind asked for, else a new one
    (70/10/20, or folds).
    """
    check_trainable(dataset.info, dataset.path)
    check_source(True, plan.settings)
    file, own = study / "split.csv", dataset.path / "split.csv"
    source = file if file.exists() else own if own.exists() and holds_folds(own) == bool(plan.folds) else None
    parts: dict[str, str] = {}
    folds: dict[str, int] = {}
    if plan.folds:
        folds = read_folds(source) if source else make_folds(dataset, plan.folds)
        if max(folds.values()) + 1 != plan.folds:
            raise InputError(f"{source} holds {max(folds.values()) + 1} folds, not {plan.folds}: ask for as many")
    else:
        parts = (read_split(source) if source else make_split(dataset)).parts
    if lost := sorted({*parts, *folds} - set(dataset.stems)):
        raise InputError(f"{source} names {lost[0]}, which {dataset.path} does not hold with image and mask")
    for fold in range(plan.folds or 1):
        # Near-duplicates are looked for by each run, which reads the images anyway.
        check_overlap(fold_split(folds, fold) if folds else Split(parts), dataset.patients, [])
    if not file.exists():
        _refuse_empty(
            dataset, [fold_split(folds, fold) for fold in range(plan.folds)] if plan.folds else [Split(parts)]
        )
    digest = dataset.digest(sorted({*parts, *folds}))
    if file.exists() and read_study(study).plan["data_sha256"] != digest:
        raise InputError(f"the images or masks of {dataset.path} are not those that {study} was begun with")
    values = {
        "backbones": list(plan.backbones),
        "folds": plan.folds,
        "seeds": list(plan.seeds),
        "settings": _common_settings(plan),
        "data_sha256": digest,
        "command": plan.command,
    }
    write_text(study / "study.yaml", yaml.safe_dump(values, sort_keys=False))
    if not file.exists():
        if folds:
            write_folds(file, folds)
        else:
            write_split(file, Split(parts))
    return file


def _refuse_empty(dataset: Dataset, splits: Sequence[Split]) -> None:
    """Refuse parts without any bone before the study begins; each run tells of single empty masks."""
    stems = sorted({stem for split in splits for stem in split.parts})
    empty = {stem for stem in stems if not dataset.read(stem)[1].any()}
    for split in splits:
        for part in ("train", "validation"):
            warn_of_empty(part, split.stems(part), empty)


def _common_settings(plan: StudyPlan) -> dict[str, Any]:
    return plan.settings.model_dump(mode="json", exclude={"backbone", "seed"})
