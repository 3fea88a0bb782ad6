"""`pbrs synthesize`: whole or not at all, the same bytes however it is drawn, and nothing drawn twice."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cheap_generator import cheap, draw
from command_line import pbrs
from pbrs.dataset.check import check_dataset
from pbrs.dataset.folder import STRUCTURES, open_dataset
from pbrs.dataset.split_file import read_split
from pbrs.errors import InputError, Interrupted
from pbrs.synthesis import generator
from pbrs.synthesis.dataset_plan import DatasetPlan
from pbrs.synthesis.presets import PRESETS
from pbrs.synthesis.write_dataset import write_dataset

__all__ = ["cheap"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_it_writes_a_dataset_that_has_nothing_wrong_with_it(cheap, tmp_path):
    folder = tmp_path / "drawn"
    done = pbrs("synthesize", "-n", 6, "-o", folder, "--seed", 4, "--size", 200, "--structures", "--workers", 1)
    assert done.status == 0, done.err
    dataset = open_dataset(folder)
    assert dataset.stems == [f"synth_{index:05d}" for index in range(6)]
    assert dataset.is_synthetic
    assert check_dataset(dataset).problems == []
    for index, stem in enumerate(dataset.stems):
        sample = draw(4, index, size=200)
        assert np.array_equal(np.asarray(Image.open(dataset.images[stem])), sample.pixels)
        assert np.array_equal(np.asarray(Image.open(dataset.masks[stem])), sample.mask * np.uint8(255))
        for name in STRUCTURES:
            assert np.array_equal(dataset.read_structure(stem, name, sample.mask.shape), sample.masks[name])


def test_its_tables_say_what_was_drawn(cheap, tmp_path):
    folder = tmp_path / "drawn"
    write_dataset(DatasetPlan(5, seed=3, size=200, looks=2, without=("tissue",)), folder)
    drawn = rows(folder / "anatomy.csv")
    assert [row["anatomy"] for row in drawn] == ["s3-a0", "s3-a0", "s3-a1", "s3-a1", "s3-a2"]
    assert float(drawn[4]["pelvis.tilt_deg"]) == draw(3, 4, size=200, looks=2).parameters["pelvis.tilt_deg"]
    patients = open_dataset(folder).patients
    assert patients == {row["stem"]: row["anatomy"] for row in drawn}
    info = json.loads((folder / "dataset.json").read_text())
    assert (info["seed"], info["looks"], info["size"], info["without"], info["preset"]) == (3, 2, 200, ["tissue"], None)
    assert info["licence"] == "CC0-1.0"
    assert info["anatomy"]["licence"] == "MPL-2.0"
    assert info["generator_version"] == generator.GENERATOR_VERSION


def test_any_number_of_workers_writes_the_same_bytes(tmp_path):
    """Drawn by the generator itself: other processes know nothing of a stand-in."""
    for workers in (1, 2):
        write_dataset(DatasetPlan(3, size=192, structures=True), tmp_path / str(workers), workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_more_radiographs_of_a_seed_begin_with_the_same_ones(cheap, tmp_path):
    for count in (2, 4):
        write_dataset(DatasetPlan(count, seed=7, size=200), tmp_path / str(count))
    few, many = contents(tmp_path / "2"), contents(tmp_path / "4")
    assert all(many[name] == few[name] for name in few if name.endswith(".png"))


def test_no_anatomy_stands_in_two_parts_of_a_split(cheap, tmp_path):
    folder = tmp_path / "drawn"
    assert pbrs("synthesize", "-n", 30, "--looks", 3, "-o", folder, "--size", 200, "--workers", 1).status == 0
    assert pbrs("dataset", "split", folder, "--parts", "60/20/20").status == 0
    split, patients = read_split(folder / "split.csv"), open_dataset(folder).patients
    parts = {
        anatomy: {split.parts[stem] for stem in patients if patients[stem] == anatomy}
        for anatomy in set(patients.values())
    }
    assert len(parts) == 10
    assert all(len(held) == 1 for held in parts.values())
    assert {part for held in parts.values() for part in held} == {"train", "validation", "test"}


def test_an_interrupted_one_leaves_no_dataset_and_goes_on_where_it_stopped(cheap, tmp_path, monkeypatch):
    plan = DatasetPlan(6, size=200, looks=2)
    write_dataset(plan, tmp_path / "undisturbed")
    drawing = generator.generate

    def interrupted(seed: int, index: int, **options: object):
        if index == 3:
            raise KeyboardInterrupt
        return drawing(seed, index, **options)

    folder = tmp_path / "drawn"
    with monkeypatch.context() as patch:
        patch.setattr(generator, "generate", interrupted)
        with pytest.raises(Interrupted, match=r"3 of 6 .*same command"):
            write_dataset(plan, folder)
    assert not folder.exists()
    # What a kill while writing would have left.
    (tmp_path / "drawn.unfinished/dataset/images/.writing-1.png").write_bytes(b"half")
    cheap.clear()
    write_dataset(plan, folder)
    assert [index for _, index in cheap] == [3, 4, 5]
    assert contents(folder) == contents(tmp_path / "undisturbed")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawn", "undisturbed"]


@pytest.mark.parametrize("step", ["rename", "rmtree"])
def test_control_c_at_the_very_end_says_whether_the_dataset_is_complete(cheap, tmp_path, monkeypatch, step):
    """Before it has its name all is kept and the same command goes on; afterwards it is complete."""

    def interrupt(*_: object, **__: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    plan, target = DatasetPlan(2, 0, 64), tmp_path / "data"
    monkeypatch.setattr(*{"rename": (Path, "rename"), "rmtree": (shutil, "rmtree")}[step], interrupt)
    with pytest.raises(Interrupted) as caught:
        write_dataset(plan, target)
    if step == "rename":
        assert "2 of 2 radiographs that are drawn are kept" in str(caught.value)
        assert not target.exists()
    else:
        assert "data is complete, with all 2 radiographs" in str(caught.value)
        assert [folder.name for folder in tmp_path.iterdir()] == ["data"]


def test_another_plan_does_not_go_on_with_what_is_unfinished(cheap, tmp_path, monkeypatch):
    def interrupted(*_: object, **__: object):
        raise KeyboardInterrupt

    folder = tmp_path / "drawn"
    with monkeypatch.context() as patch:
        patch.setattr(generator, "generate", interrupted)
        assert pbrs("synthesize", "-n", 3, "-o", folder, "--workers", 1).status == 130
    refused = pbrs("synthesize", "-n", 3, "-o", folder, "--seed", 1, "--workers", 1)
    assert refused.status == 2
    assert "begun with seed 0, not 1" in refused.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_control_c_ends_it_and_its_workers_with_one_line(tmp_path, number):
    folder = tmp_path / "drawn"
    command = [sys.executable, "-m", "pbrs", "synthesize", "-n", "5000", "-o", str(folder), "--size", "192"]
    process = subprocess.Popen([*command, "--workers", "2"], stderr=subprocess.PIPE, text=True, start_new_session=True)
    patience = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < patience and not list(tmp_path.glob("*/rows/synth*")):
        time.sleep(0.01)
    # As a terminal or a cluster does: to the command and all its workers.
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert len(said.strip().splitlines()) == 1
    assert "the same command goes on" in said
    assert not folder.exists()
    while subprocess.run(["pgrep", "-g", str(process.pid)], stdout=subprocess.DEVNULL, check=False).returncode == 0:
        assert time.monotonic() < patience, "its workers live on"
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "presses"), [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGTERM, 1)])
def test_control_c_while_workers_start_gives_one_line_too(tmp_path, number, presses):
    command = [sys.executable, "-m", "pbrs", "synthesize", "-n", "200", "-o", str(tmp_path / "drawn"), "--size", "192"]
    process = subprocess.Popen([*command, "--workers", "2"], stderr=subprocess.PIPE, text=True, start_new_session=True)
    workers = ["pgrep", "-g", str(process.pid), "-f", "spawn_main"]
    patience = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < patience:
        if subprocess.run(workers, stdout=subprocess.DEVNULL, check=False).returncode == 0:
            break
        time.sleep(0.01)
    for _ in range(presses):
        os.killpg(process.pid, number)
        time.sleep(0.05)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert len(said.strip().splitlines()) == 1, said


def test_what_is_not_ours_in_the_place_of_the_unfinished_is_left_alone(cheap, tmp_path):
    (tmp_path / "drawn.unfinished").mkdir()
    (tmp_path / "drawn.unfinished" / "mine.txt").write_text("mine")
    refused = pbrs("synthesize", "-n", 1, "-o", tmp_path / "drawn")
    assert refused.status == 2
    assert "in the way" in refused.err
    assert (tmp_path / "drawn.unfinished" / "mine.txt").read_text() == "mine"
    assert cheap == []


@pytest.mark.parametrize(("text", "said"), [("{", "cannot be read as a JSON object"), ("[]", "holds a list")])
def test_a_damaged_record_of_the_unfinished_is_told_in_one_line(cheap, tmp_path, text, said):
    (tmp_path / "drawn.unfinished" / "dataset").mkdir(parents=True)
    (tmp_path / "drawn.unfinished" / "dataset" / "dataset.json").write_text(text)
    refused = pbrs("synthesize", "-n", 1, "-o", tmp_path / "drawn")
    assert refused.status == 2
    assert said in refused.err
    assert "drawn.unfinished and begin anew" in refused.err.replace("\n", " ")


def test_the_same_command_twice_at_once_is_refused_the_second_time(cheap, tmp_path, monkeypatch):
    said = []
    drawing = generator.generate

    def disturbed(seed: int, index: int, **options: object):
        again = [sys.executable, "-m", "pbrs", "synthesize", "-n", "2", "--size", "200", "-o", str(tmp_path / "drawn")]
        done = subprocess.run(again, capture_output=True, text=True, check=False)
        said.append((done.returncode, done.stderr.strip()))
        return drawing(seed, index, **options)

    monkeypatch.setattr(generator, "generate", disturbed)
    write_dataset(DatasetPlan(1, size=200), tmp_path / "drawn")
    [(status, message)] = said
    assert status == 2
    assert "another process draws into" in message
    assert len(message.splitlines()) == 1
    assert open_dataset(tmp_path / "drawn").stems == ["synth_00000"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawn"]


def test_a_folder_that_is_there_is_left_alone(cheap, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    refused = pbrs("synthesize", "-n", 1, "-o", tmp_path)
    assert refused.status == 2
    assert "exists already" in refused.err
    assert cheap == []


def test_a_sample_that_cannot_be_drawn_is_named(tmp_path, monkeypatch):
    def broken(*_: object, **__: object):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(generator, "generate", broken)
    with pytest.raises(RuntimeError, match="seed 5, sample 0: ZeroDivisionError: division by zero"):
        write_dataset(DatasetPlan(1, seed=5), tmp_path / "drawn")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "how many radiographs"),
        (["-n", 3, "--seed", PRESETS["shifted-200"].seed], "reserved for the frozen test shifted-200"),
        (["-n", 3, "--without", "tissue,bones"], "no factor or group is called bones"),
        (["--preset", "pelvissynth-150", "--seed", 1], "fixes --seed"),
        (["--preset", "pelvissynth-150", "--without", "tissue"], "fixes --without"),
        (["--preset", "pelvis"], "no preset is called pelvis"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(tmp_path, options, said):
    refused = pbrs("synthesize", *map(str, options), "-o", tmp_path / "drawn")
    assert refused.status == 2
    assert said in refused.err
    assert len(refused.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_switches_off_something_unknown_writes_nothing(tmp_path):
    with pytest.raises(InputError, match="no factor"):
        write_dataset(DatasetPlan(1, without=("bones",)), tmp_path / "drawn")
    assert list(tmp_path.iterdir()) == []
