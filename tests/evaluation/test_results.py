"""Reading a study folder: complete, partial and damaged."""

from pathlib import Path
from typing import Any

import pytest

from pbrs.errors import InputError
from pbrs.evaluation.results import read_study

STEMS = ["a", "b", "c", "d"]


def test_a_complete_study_is_read_in_the_papers_order(tmp_path: Path, studies: Any) -> None:
    study = read_study(studies.write_study(tmp_path / "study", STEMS))
    assert study.backbones == list(studies.parameters)
    assert {run.state for run in study.runs} == {"complete"}
    assert study.parameters() == studies.parameters
    assert study.milliseconds["vgg16"] == 66
    assert study.mean("vgg16", "validation", "iou") == pytest.approx(studies.iou["vgg16"] - 0.004)
    assert [len(cases) for cases in study.cases().values()] == [4] * 6


def test_runs_that_are_planned_but_missing_or_stopped_say_so(tmp_path: Path, studies: Any) -> None:
    study = tmp_path / "study"
    study.mkdir()
    (study / "study.yaml").write_text("backbones: [vgg16, densenet121, mobilenetv2]\nfolds: null\nseeds: [0, 1]\n")
    studies.write_run(study, "vgg16", STEMS)
    studies.write_run(study, "vgg16", STEMS, seed=1, epochs=11, finished=False)
    (studies.write_run(study, "densenet121", STEMS) / "scores.csv").unlink()
    states = {run.name: run.state for run in read_study(study).runs}
    assert states == {
        "vgg16-0-0": "complete",
        "vgg16-0-1": "training stopped after 11 epochs of 30",
        "densenet121-0-0": "trained, not scored on the test part",
        "densenet121-0-1": "not begun",
        "mobilenetv2-0-0": "not begun",
        "mobilenetv2-0-1": "not begun",
    }


def test_folds_of_one_seed_are_pooled_case_by_case(tmp_path: Path, studies: Any) -> None:
    study = tmp_path / "study"
    studies.write_run(study, "vgg16", ["a", "b"], fold=0)
    studies.write_run(study, "vgg16", ["c", "d"], fold=1)
    studies.write_run(study, "vgg16", ["c", "d"], fold=1, seed=1)
    results = read_study(study)
    assert list(results.cases()["vgg16"]) == STEMS
    values = [dict(run.scores)["c"].iou for run in results.runs if "c" in dict(run.scores or [])]
    assert results.cases()["vgg16"]["c"]["iou"] == pytest.approx(sum(values) / 2)


def test_other_folders_are_no_runs(tmp_path: Path, studies: Any) -> None:
    study = studies.write_study(tmp_path / "study", STEMS, ["vgg16"])
    for name in ("figures", "tables", "vgg16-0", "vgg16-0-0-old", ".vgg16-0-0"):
        (study / name).mkdir()
    assert [run.name for run in read_study(study).runs] == ["vgg16-0-0"]


@pytest.mark.parametrize("name", ["", "empty"])
def test_a_folder_without_a_study_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no study"):
        read_study(tmp_path / (name or "missing"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("study.yaml", "backbones: [vgg16]\nseeds: [x]\n"),
        ("study.yaml", "backbones: [\n"),
        ("study.yaml", "- a list\n"),
        ("speed.csv", "backbone,ms\nvgg16,1\n"),
        ("vgg16-0-0/summary.json", "{}"),
        ("vgg16-0-0/summary.json", "[1]"),
        ("vgg16-0-0/history.csv", "epoch\n1\n"),
        ("vgg16-0-0/scores.csv", "stem\na\n"),
    ],
)
def test_a_damaged_file_is_named_in_one_line(tmp_path: Path, studies: Any, name: str, text: str) -> None:
    study = studies.write_study(tmp_path / "study", STEMS, ["vgg16"])
    (study / name).write_text(text)
    with pytest.raises(InputError, match=name) as caught:
        read_study(study)
    assert "\n" not in str(caught.value)
