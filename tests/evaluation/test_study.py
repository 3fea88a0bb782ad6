"""The study: every run once, whatever happens, and a report of it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image, ImageOps

from command_line import pbrs

RUNS = ("mobilenetv2-0-0", "mobilenetv2-0-1")


def arguments(dataset: Path, study: Path, *more: str) -> list[str]:
    return [
        *("study", str(dataset), "-o", str(study), "--backbones", "mobilenetv2", "--seeds", "0,1", "--epochs", "2"),
        *("--encoder-weights", "none", "--image-size", "64", "--batch-size", "4", "--accelerator", "cpu", *more),
    ]


def times_of(run: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in run.iterdir()}


@pytest.fixture(scope="module")
def killed_and_finished(phantoms, tmp_path_factory) -> tuple[Path, dict[str, int], str, str]:
    """A study killed with kill -9 while its second run trains, and finished by the same command."""
    study = tmp_path_factory.mktemp("study") / "study"
    command = [sys.executable, "-m", "pbrs", *arguments(phantoms, study)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while process.poll() is None and not (study / RUNS[1] / "history.csv").exists():
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, said
    before = times_of(study / RUNS[0])
    finished = pbrs(*arguments(phantoms, study))
    assert finished.status == 0, finished.err
    return study, before, said, finished.out


def test_after_kill_9_nothing_is_lost_and_nothing_is_trained_twice(killed_and_finished):
    study, before, first, second = killed_and_finished
    assert times_of(study / RUNS[0]) == before, "a complete run is not touched again"
    assert RUNS[0] in first
    assert RUNS[0] not in second
    assert "epoch 1/2" not in second, "the epoch that was whole is not trained again"
    assert second.count("epoch 2/2") == 1
    for run in RUNS:
        for file in ("settings.yaml", "history.csv", "summary.json", "model.onnx", "scores.csv", "calibration.png"):
            assert (study / run / file).stat().st_size > 0


def test_the_report_and_its_tables_and_figures_are_there(killed_and_finished):
    study = killed_and_finished[0]
    page = (study / "report.html").read_text()
    assert "synthetic" in page
    assert "8.47" in page, "the paper's numbers stand beside ours"
    for figure in ("figure_1", "figure_2", "figure_3", "figure_4", "figure_5", "trade_off"):
        for suffix in (".png", ".svg"):
            assert (study / "figures" / f"{figure}{suffix}").stat().st_size > 1000
    assert (study / "tables" / "table_1.csv").exists()
    assert (study / "speed.csv").read_text().startswith("backbone,milliseconds\nmobilenetv2,")


def test_the_same_command_once_more_does_nothing(phantoms, killed_and_finished):
    study = killed_and_finished[0]
    (study / "report.html").write_text("stale: killed before it could be written")
    before = [times_of(study / run) for run in RUNS]
    again = pbrs(*arguments(phantoms, study))
    assert again.status == 0
    assert "epoch" not in again.out
    assert [times_of(study / run) for run in RUNS] == before
    assert "Table I" in (study / "report.html").read_text(), "the report is always made anew"


def test_other_settings_or_folds_need_another_folder(phantoms, killed_and_finished):
    study = killed_and_finished[0]
    for more, named in ((("--epochs", "9"), "epochs"), (("--folds", "3"), "folds")):
        outcome = pbrs(*arguments(phantoms, study, *more))
        assert outcome.status == 2
        assert named in outcome.err


def test_the_data_set_is_not_written_to(phantoms, killed_and_finished):
    assert {path.name for path in phantoms.iterdir()} == {"images", "masks", "split.csv", "dataset.json"}


def test_the_plan_holds_the_command_without_folders_of_the_machine(killed_and_finished):
    plan = yaml.safe_load((killed_and_finished[0] / "study.yaml").read_text())
    assert plan["backbones"] == ["mobilenetv2"]
    assert plan["seeds"] == [0, 1]
    assert plan["command"].startswith("pbrs study phantoms -o study")


def test_a_folder_with_something_else_in_it_is_left_alone(phantoms, tmp_path):
    (tmp_path / "thesis.txt").write_text("important")
    outcome = pbrs(*arguments(phantoms, tmp_path))
    assert outcome.status == 2
    assert "holds no study" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_unknown_backbone_and_bad_seeds_are_refused_before_anything_is_written(phantoms, tmp_path):
    for option, value in (("--backbones", "resnet18"), ("--seeds", "a")):
        outcome = pbrs(*arguments(phantoms, tmp_path / "new", option, value))
        assert outcome.status == 2
        assert value in outcome.err
        assert not (tmp_path / "new").exists()


def test_other_images_under_the_same_names_are_noticed(phantoms, killed_and_finished, tmp_path):
    other = tmp_path / "phantoms"
    shutil.copytree(phantoms, other)
    image = other / "images" / "phantom_000.png"
    ImageOps.invert(Image.open(image)).save(image)
    outcome = pbrs(*arguments(other, killed_and_finished[0]))
    assert outcome.status == 2
    assert "not those" in outcome.err


def test_a_split_that_is_wrong_can_be_mended(phantoms, tmp_path):
    data = tmp_path / "phantoms"
    shutil.copytree(phantoms, data)
    good = (data / "split.csv").read_text()
    (data / "split.csv").write_text(good + "ghost,test\n")
    refused = pbrs(*arguments(data, tmp_path / "study"))
    assert refused.status == 2
    assert "ghost" in refused.err
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("copied_from", ["train", "validation"])
def test_a_training_image_copied_into_the_test_part_is_an_error(phantoms, tmp_path, copied_from):
    data = tmp_path / "phantoms"
    shutil.copytree(phantoms, data)
    stem = {"train": "phantom_000", "validation": "phantom_007"}[copied_from]
    for kind in ("images", "masks"):
        shutil.copy(data / kind / f"{stem}.png", data / kind / "leak.png")
    (data / "split.csv").write_text((data / "split.csv").read_text() + "leak,test\n")
    outcome = pbrs(*arguments(data, tmp_path / "study"))
    assert outcome.status == 2
    assert "leak" in outcome.err
    assert "overlap" in outcome.err


@pytest.mark.soak
def test_folds_test_every_case_once(phantoms, tmp_path):
    from pbrs.evaluation.scores import read_scores

    study = tmp_path / "folds"
    command = ["study", str(phantoms), "-o", str(study), "--folds", "3", "--epochs", "1", "--backbones", "mobilenetv2"]
    outcome = pbrs(*command, "--encoder-weights", "none", "--image-size", "64", "--batch-size", "4")
    assert outcome.status == 0, outcome.err
    tested = [stem for fold in range(3) for stem, _ in read_scores(study / f"mobilenetv2-{fold}-0" / "scores.csv")]
    assert sorted(tested) == [f"phantom_{index:03d}" for index in range(12)]


@pytest.mark.soak
@pytest.mark.parametrize("attempt", range(2))
def test_killed_again_and_again_at_any_moment_the_study_ends_as_an_undisturbed_one(
    phantoms, killed_and_finished, tmp_path, attempt
):
    """Kill after a random time: while training, exporting, scoring, measuring speed or drawing."""
    random = np.random.default_rng(attempt)
    study = tmp_path / "study"
    command = [sys.executable, "-m", "pbrs", *arguments(phantoms, study)]
    for _ in range(5):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(5, 30))
        process.kill()
        process.wait()
    assert pbrs(*arguments(phantoms, study)).status == 0
    assert not list(study.rglob(".writing-*"))
    for run in RUNS:
        ours, theirs = study / run, killed_and_finished[0] / run
        for name in ("scores.csv", "calibration.csv", "settings.yaml"):
            assert (ours / name).read_bytes() == (theirs / name).read_bytes()
        histories = [(folder / "history.csv").read_text().splitlines() for folder in (ours, theirs)]
        assert [line.rsplit(",", 1)[0] for line in histories[0]] == [line.rsplit(",", 1)[0] for line in histories[1]]
    assert "Table I" in (study / "report.html").read_text()
