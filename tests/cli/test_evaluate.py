"""`pbrs evaluate` as a user meets it."""

import csv
import json
import shutil
import subprocess
import sys

import pytest

from command_line import pbrs
from pbrs.modelfile.add_model import add_model
from tiny_model import write_tiny_model


def test_scores_of_the_test_part_are_written_and_shown(phantoms, brief_run, tmp_path):
    outcome = pbrs("evaluate", brief_run, phantoms, "-o", tmp_path)
    assert outcome.status == 0, outcome.err
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["stem"] for row in rows] == ["phantom_009", "phantom_010", "phantom_011"]
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["scores"]["iou"]["mean"] == pytest.approx(sum(float(row["iou"]) for row in rows) / 3)
    assert summary["synthetic"] is True
    assert "synthetic" in outcome.out
    assert f"{summary['scores']['iou']['mean']:.4f}" in outcome.out


def test_all_needs_no_split_and_an_empty_part_is_refused(phantoms, brief_run, tmp_path):
    whole = pbrs("evaluate", brief_run, phantoms, "--part", "all", "-o", tmp_path / "all")
    assert whole.status == 0
    assert "12 synthetic radiographs" in whole.out
    split = tmp_path / "split.csv"
    split.write_text("stem,part\n" + "".join(f"phantom_{index:03d},train\n" for index in range(12)))
    empty = pbrs("evaluate", brief_run, phantoms, "--split", split, "-o", tmp_path / "none")
    assert empty.status == 2
    assert "test part" in empty.err
    assert not (tmp_path / "none").exists()


def test_images_that_the_model_was_trained_on_are_pointed_out(phantoms, brief_run, tmp_path):
    fair = pbrs("evaluate", brief_run, phantoms, "-o", tmp_path / "fair")
    assert fair.err == ""
    assert json.loads((tmp_path / "fair" / "summary.json").read_text())["seen_in_training"] == 0
    leaking = pbrs("evaluate", brief_run, phantoms, "--part", "all", "-o", tmp_path / "all")
    assert "9 of these 12 radiographs were used to train" in leaking.err
    assert json.loads((tmp_path / "all" / "summary.json").read_text())["seen_in_training"] == 9


def test_a_file_in_the_place_of_the_output_folder_is_refused_first(phantoms, brief_run, tmp_path):
    (tmp_path / "scores").write_text("mine")
    outcome = pbrs("evaluate", brief_run, phantoms, "-o", tmp_path / "scores")
    assert outcome.status == 2
    assert (tmp_path / "scores").read_text() == "mine"


def test_the_rest_is_what_is_in_no_part_of_the_split(phantoms, brief_run, tmp_path):
    split = tmp_path / "split.csv"
    split.write_text("stem,part\n" + "".join(f"phantom_{index:03d},train\n" for index in range(7)))
    outcome = pbrs("evaluate", brief_run, phantoms, "--part", "rest", "--split", split, "-o", tmp_path / "rest")
    assert outcome.status == 0, outcome.err
    with (tmp_path / "rest" / "scores.csv").open() as file:
        assert [row["stem"] for row in csv.DictReader(file)] == [f"phantom_{index:03d}" for index in range(7, 12)]


def test_a_models_name_is_taken_and_a_file_of_that_name_with_a_dot(phantoms, tmp_path, monkeypatch):
    monkeypatch.setenv("PBRS_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    added = add_model(write_tiny_model(tmp_path / "tiny.onnx"), "clinic")
    (tmp_path / "clinic").write_text("no model")
    assert pbrs("evaluate", "clinic", phantoms).status == 0
    assert json.loads((tmp_path / "evaluation" / "summary.json").read_text())["model"]["sha256"] == added.sha256
    named = pbrs("evaluate", "./clinic", phantoms, "-o", "other")
    assert named.status == 2
    assert "clinic" in named.err
    assert not (tmp_path / "other").exists()


def test_scores_of_structures_are_named_and_do_not_outlive_the_next_call(phantoms, tmp_path):
    model, out = write_tiny_model(tmp_path / "tiny.onnx", channels=("region", "sacrum")), tmp_path / "out"
    with_sacrum = tmp_path / "with_sacrum"
    shutil.copytree(phantoms, with_sacrum)
    shutil.copytree(phantoms / "masks", with_sacrum / "structures" / "sacrum")
    told = pbrs("evaluate", model, with_sacrum, "-o", out)
    assert told.status == 0, told.err
    assert "scores_sacrum.csv" in told.out.splitlines()[-1]
    assert (out / "scores_sacrum.csv").exists()
    (out / "scores_mine.csv").touch()
    again = pbrs("evaluate", model, phantoms, "-o", out)
    assert "scores_sacrum" not in again.out
    assert {file.name for file in out.iterdir()} == {"scores.csv", "scores_mine.csv", "summary.json"}


def test_views_are_scored_and_named(phantoms, tmp_path):
    model = write_tiny_model(tmp_path / "tiny.onnx")
    plain, scaled = (tmp_path / name for name in ("plain", "scaled"))
    assert pbrs("evaluate", model, phantoms, "-o", plain).status == 0
    assert pbrs("evaluate", model, phantoms, "-o", scaled, "--views", "Scale").status == 0
    assert json.loads((plain / "summary.json").read_text())["views"] == []
    assert json.loads((scaled / "summary.json").read_text())["views"] == ["scale"]
    assert (plain / "scores.csv").read_text() != (scaled / "scores.csv").read_text()
    refused = pbrs("evaluate", model, phantoms, "-o", tmp_path / "none", "--views", "turn")
    assert refused.status == 2
    assert "flip" in refused.err
    assert not (tmp_path / "none").exists()


def test_it_needs_nothing_of_the_extra_for_training():
    code = (
        "import sys; import pbrs.cli.evaluate;"
        "heavy = {'torch', 'torchvision', 'lightning', 'monai', 'onnx'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
