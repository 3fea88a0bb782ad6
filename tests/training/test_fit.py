"""Training: one seed gives one result, and a killed run goes on to the bits of an undisturbed one."""

import csv
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from command_line import pbrs
from pbrs.dataset.examples import load_examples
from pbrs.dataset.folder import file_sha256, open_dataset
from pbrs.dataset.split import Split
from pbrs.dataset.split_file import read_split
from pbrs.errors import InputError
from pbrs.modelfile.add_model import add_model
from pbrs.modelfile.export import export_run
from pbrs.modelfile.state import read_model_state
from pbrs.network import build_unet
from pbrs.training.fit import assess, fit
from pbrs.training.resolve import resolve_settings
from pbrs.training.run_folder import RunFolder, read_weights
from pbrs.training.settings import TrainingSettings, make_settings, write_settings
from pbrs.training.start import origin_of_start
from pbrs.training.task import SegmentationTask
from phantom import write_phantoms

EPOCHS = 3


def arguments(dataset: Path, run: Path, *more: str) -> list[str]:
    return [
        *("train", str(dataset), "-o", str(run), "--encoder-weights", "none", "--backbone", "mobilenetv2"),
        *("--image-size", "96", "--batch-size", "4", "--epochs", str(EPOCHS), "--accelerator", "cpu", *more),
    ]


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    return torch.load(RunFolder(run).checkpoint, weights_only=True)["state_dict"]


def history_of(run: Path) -> list[dict[str, str]]:
    with RunFolder(run).history.open() as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def epochs_of(run: Path) -> int:
    return len(history_of(run)) if RunFolder(run).history.exists() else 0


def assert_same_run(run: Path, other: Path) -> None:
    ours, theirs = weights_of(run), weights_of(other)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    best, other_best = (safetensors.torch.load_file(RunFolder(path).best) for path in (run, other))
    assert all(torch.equal(best[name], other_best[name]) for name in best)
    assert history_of(run) == history_of(other)


@pytest.fixture(scope="module")
def undisturbed(phantoms, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("fit") / "undisturbed"
    done = pbrs(*arguments(phantoms, run))
    assert done.status == 0, done.err
    assert f"epoch {EPOCHS}/{EPOCHS}" in done.out
    return run


def interrupt(
    phantoms: Path, run: Path, reached: Callable[[], bool], number: signal.Signals, *more: str
) -> tuple[int, str]:
    """Start a training, send it a signal once `reached`, and give its exit status and what it said on stderr."""
    command = [sys.executable, "-m", "pbrs", *arguments(phantoms, run, *more)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not reached():
        time.sleep(0.002)
    process.send_signal(number)
    _, message = process.communicate(timeout=120)
    return process.returncode, message


def test_kill_9_and_resume_gives_the_bits_of_an_undisturbed_run(phantoms, undisturbed, tmp_path):
    run = tmp_path / "killed"
    status, _ = interrupt(phantoms, run, lambda: epochs_of(run) >= 1, signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert not RunFolder(run).summary.exists()
    done = pbrs(*arguments(phantoms, run, "--resume"))
    assert done.status == 0, done.err
    assert "epoch 1/" not in done.out, "whole epochs are not trained again"
    assert_same_run(run, undisturbed)
    ours, theirs = (RunFolder(path).read_summary() for path in (run, undisturbed))
    assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_says_how_to_go_on_and_resume_gives_the_same_bits(phantoms, undisturbed, tmp_path, number):
    run = tmp_path / "interrupted"
    status, message = interrupt(phantoms, run, lambda: epochs_of(run) >= 1, number)
    assert status == 130
    assert "--resume" in message
    assert "Traceback" not in message
    assert pbrs(*arguments(phantoms, run, "--resume")).status == 0
    assert_same_run(run, undisturbed)


def test_a_cluster_that_ends_the_workers_too_gives_one_line(phantoms, tmp_path):
    """SLURM, systemd and timeout send SIGTERM to all processes: PyTorch would make an error of the workers' deaths."""
    run = tmp_path / "ended"
    command = [sys.executable, "-m", "pbrs", *arguments(phantoms, run, "--workers", "1"), "--epochs", "500"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while process.poll() is None and epochs_of(run) < 1:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGTERM)
    _, message = process.communicate(timeout=120)
    assert process.returncode == 130, message
    assert "--resume" in message
    assert "Traceback" not in message


@pytest.mark.soak
@pytest.mark.parametrize("attempt", range(12))
def test_killed_again_and_again_at_any_moment_the_run_ends_with_the_same_bits(phantoms, undisturbed, tmp_path, attempt):
    """Kill after a random time, also while loading, between two files of an epoch, and while scoring at the end."""
    random = np.random.default_rng(attempt)
    run = tmp_path / "tormented"
    for _ in range(3):
        begun = epochs_of(run)
        patience = time.monotonic() + random.uniform(0, 2.5)

        def reached(begun: int = begun, patience: float = patience) -> bool:
            return epochs_of(run) > begun or (RunFolder(run).settings.exists() and time.monotonic() > patience + 6)

        command = [sys.executable, "-m", "pbrs", *arguments(phantoms, run, "--resume")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not reached():
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.3))
        process.kill()
        process.wait()
    assert pbrs(*arguments(phantoms, run, "--resume")).status == 0
    assert_same_run(run, undisturbed)


def test_a_run_killed_before_its_first_epoch_begins_again(phantoms, undisturbed, tmp_path):
    run = tmp_path / "early"
    run.mkdir()
    for file in (RunFolder(undisturbed).settings, RunFolder(undisturbed).record):
        (run / file.name).write_bytes(file.read_bytes())
    assert pbrs(*arguments(phantoms, run, "--resume")).status == 0
    assert_same_run(run, undisturbed)


def test_stochastic_depth_goes_on_as_it_would_have(phantoms, tmp_path, brief_settings):
    """EfficientNet drops whole blocks at random while training: what is drawn must not depend on the interruption."""
    data, split = open_dataset(phantoms), read_split(phantoms / "split.csv")
    longer = make_settings({**brief_settings, "backbone": "efficientnetb3", "image_size": 64, "epochs": 2})
    fit(data, split, longer, tmp_path / "undisturbed")
    fit(data, split, longer.model_copy(update={"epochs": 1}), tmp_path / "resumed")
    fit(data, split, longer, tmp_path / "resumed", resume=True)
    assert_same_run(tmp_path / "resumed", tmp_path / "undisturbed")


def test_another_seed_gives_another_result(phantoms, undisturbed, tmp_path):
    run = tmp_path / "other"
    assert pbrs(*arguments(phantoms, run, "--seed", "1", "--epochs", "1")).status == 0
    assert history_of(run) != history_of(undisturbed)[:1]


def test_a_run_in_use_is_not_overwritten_and_settings_do_not_change_on_resume(phantoms, undisturbed):
    before = {path: path.stat().st_mtime_ns for path in undisturbed.iterdir()}
    again = pbrs(*arguments(phantoms, undisturbed))
    assert again.status == 2
    assert "--resume" in again.err
    changed = pbrs(*arguments(phantoms, undisturbed, "--resume", "--lr", "0.5"))
    assert changed.status == 2
    assert "learning_rate" in changed.err
    assert {path: path.stat().st_mtime_ns for path in undisturbed.iterdir()} == before


def test_the_best_weights_are_those_of_the_smallest_validation_loss(brief_run):
    history = history_of(brief_run)
    losses = [float(row["validation_loss"]) for row in history]
    best = losses.index(min(losses)) + 1
    assert RunFolder(brief_run).read_summary()["best_epoch"] == best
    assert read_weights(RunFolder(brief_run).best)[1]["epoch"] == best
    assert [int(row["epoch"]) for row in history] == list(range(1, len(history) + 1))


def test_a_brief_training_learns_to_find_phantoms(brief_run):
    summary = RunFolder(brief_run).read_summary()
    assert summary["validation"]["iou"] > 0.6
    assert summary["synthetic"] is True


def test_a_resumed_run_may_train_for_more_epochs(phantoms, tmp_path, brief_settings):
    data, split = open_dataset(phantoms), read_split(phantoms / "split.csv")
    run = tmp_path / "longer"
    fit(data, split, make_settings({**brief_settings, "epochs": 2}), run)
    fit(data, split, make_settings({**brief_settings, "epochs": 3}), run, resume=True)
    assert len(history_of(run)) == 3
    with pytest.raises(InputError, match="already"):
        fit(data, split, make_settings({**brief_settings, "epochs": 4}), run)


def test_data_that_changed_under_a_run_is_noticed(phantoms, tmp_path, brief_settings):
    data, split = open_dataset(phantoms), read_split(phantoms / "split.csv")
    settings = make_settings({**brief_settings, "epochs": 1})
    run = tmp_path / "moved"
    fit(data, split, settings, run)
    parts = {**split.parts, "phantom_000": "test"}
    with pytest.raises(InputError, match="have changed"):
        fit(data, Split(parts), settings, run, resume=True)


def test_an_empty_validation_part_is_refused_before_anything_is_written(phantoms, tmp_path, brief_settings):
    split = Split(dict.fromkeys(open_dataset(phantoms).stems, "train"))
    with pytest.raises(InputError, match="validation part"):
        fit(open_dataset(phantoms), split, make_settings(brief_settings), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_part_whose_masks_are_all_empty_is_refused_before_anything_is_written(phantoms, tmp_path, brief_settings):
    shutil.copytree(phantoms, tmp_path / "data")
    data, split = open_dataset(tmp_path / "data"), read_split(phantoms / "split.csv")
    for stem in split.stems("validation"):
        with Image.open(data.masks[stem]) as mask:
            size = mask.size
        Image.new("L", size).save(data.masks[stem])
    with pytest.raises(InputError, match="masks of the validation part are empty"):
        fit(data, split, make_settings(brief_settings), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_limit_train_draws_by_seed(phantoms, tmp_path, brief_settings):
    data, split = open_dataset(phantoms), read_split(phantoms / "split.csv")
    fit(data, split, make_settings({**brief_settings, "epochs": 1, "limit_train": 3}), tmp_path / "few")
    record = RunFolder(tmp_path / "few").read_record()
    assert len(record["parts"]["train"]) == 3
    assert set(record["parts"]["train"]) <= set(split.stems("train"))


def test_a_malicious_checkpoint_is_refused_before_it_runs(phantoms, tmp_path, brief_settings):
    class RunsCode:
        def __reduce__(self):
            return Path.touch, (tmp_path / "owned",)

    data, split = open_dataset(phantoms), read_split(phantoms / "split.csv")
    settings = make_settings({**brief_settings, "epochs": 1})
    run = tmp_path / "run"
    fit(data, split, settings, run)
    for write in (torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))):
        write(RunsCode(), RunFolder(run).checkpoint)
        with pytest.raises(InputError, match="cannot be read safely"):
            fit(data, split, make_settings({**brief_settings, "epochs": 2}), run, resume=True)
    assert not (tmp_path / "owned").exists()


def test_start_from_a_run_and_from_its_model_file_is_the_same_state(brief_run):
    state, _ = read_weights(RunFolder(brief_run).best)
    card, exported = read_model_state(RunFolder(brief_run).model)
    assert card.backbone == "mobilenetv2"
    for name, value in state.items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(exported[name], value, rtol=0, atol=1e-6)
    missing, unexpected = build_unet("mobilenetv2").load_state_dict(exported, strict=False)
    assert unexpected == []
    assert all(name.endswith("num_batches_tracked") for name in missing)


@pytest.mark.parametrize("kind", ["run", "file"])
def test_start_from_goes_on_where_the_model_was(phantoms, brief_run, tmp_path, kind, monkeypatch):
    monkeypatch.setattr("torch.hub.urlopen", lambda *_, **__: pytest.fail("the network was asked"))
    start = brief_run if kind == "run" else RunFolder(brief_run).model
    # encoder_weights stays at its default, imagenet: it must not even be looked for.
    given = {"start_from": str(start), "epochs": 1, "batch_size": 4, "learning_rate": 1e-5, "precision": "float32"}
    settings = resolve_settings(given)
    assert (settings.backbone, settings.image_size) == ("mobilenetv2", (96, 96))
    data, split = open_dataset(phantoms), read_split(phantoms / "split.csv")
    tuned = fit(data, split, settings, tmp_path / "tuned")
    before = RunFolder(brief_run).read_summary()["validation"]["iou"]
    assert tuned["validation"]["iou"] == pytest.approx(before, abs=0.1)
    assert RunFolder(tmp_path / "tuned").read_record()["start"].startswith("weights of")


def test_a_model_with_structures_can_be_tuned_on_the_region_alone(phantoms, tmp_path, brief_settings):
    """What the data set has no masks of is kept: its channels come out about as they went in."""
    data, split = open_dataset(phantoms), read_split(phantoms / "split.csv")
    channels = ("region", "hip_left", "hip_right")
    first = make_settings({**brief_settings, "epochs": 1, "channels": channels})
    fit(data, split, first, tmp_path / "first")
    without = {name: value for name, value in brief_settings.items() if name != "encoder_weights"}
    tuned = resolve_settings({**without, "epochs": 2, "start_from": str(tmp_path / "first")})
    assert tuned.channels == channels
    fit(data, split, tuned, tmp_path / "tuned")
    before, after = (read_weights(RunFolder(tmp_path / name).best)[0] for name in ("first", "tuned"))
    assert not torch.equal(before["head.weight"][0], after["head.weight"][0])
    assert (before["head.weight"][1:] - after["head.weight"][1:]).abs().max() < 0.02


def test_a_cycle_ends_at_nothing_and_a_resumed_run_goes_on_with_cycle_and_average(phantoms, tmp_path):
    """Also what is kept is the average: neither the weights of the training nor those it began with."""
    options = ("--schedule", "one-cycle", "--weight-averaging", "0.9", "--epochs", "3")
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    assert pbrs(*arguments(phantoms, whole, *options)).status == 0
    number = signal.SIGKILL
    interrupt(phantoms, resumed, lambda: epochs_of(resumed) >= 1, number, *options)
    assert 1 <= epochs_of(resumed) < 3
    refused = pbrs(*arguments(phantoms, resumed, *options[:-1], "4", "--resume"))
    assert refused.status == 2
    assert "epochs = 3" in refused.err
    assert pbrs(*arguments(phantoms, resumed, *options, "--resume")).status == 0
    assert_same_run(whole, resumed)
    rates = [float(row["learning_rate"]) for row in history_of(whole)]
    assert rates[0] > rates[1] > rates[2]
    assert rates[2] < rates[0] / 5
    checkpoint = torch.load(RunFolder(whole).checkpoint, weights_only=True)
    assert history_of(whole)[-1]["validation_loss"] == min(row["validation_loss"] for row in history_of(whole))
    kept = read_weights(RunFolder(whole).best)[0]["head.weight"]
    assert torch.equal(kept, checkpoint["state_dict"]["network.head.weight"])
    assert not torch.equal(kept, checkpoint["current_model_state"]["network.head.weight"])


def test_start_from_something_else_is_one_line(tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"no onnx at all")
    for start in (tmp_path / "junk.onnx", tmp_path / "missing.onnx", tmp_path, ""):
        with pytest.raises(InputError) as caught:
            resolve_settings({"start_from": str(start)})
        assert "\n" not in str(caught.value)


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """Other pictures than the phantoms, said to be of patients."""
    folder = write_phantoms(tmp_path / "patients", 3, first=100)
    parts = ("train", "train", "validation")
    lines = [f"phantom_{index},{part}" for index, part in enumerate(parts, start=100)]
    (folder / "split.csv").write_text("\n".join(["stem,part", *lines]) + "\n")
    return folder


@pytest.mark.parametrize("kind", ["run", "file"])
def test_the_card_remembers_what_the_start_was_trained_on(patients, phantoms, brief_settings, tmp_path, kind):
    """A model tuned on synthetic radiographs alone is still one that has seen the patients of its start."""
    first, tuned = tmp_path / "first", tmp_path / "tuned"
    brief = make_settings({**brief_settings, "epochs": 1})
    fit(open_dataset(patients), read_split(patients / "split.csv"), brief, first)
    export_run(first)
    start = first if kind == "run" else RunFolder(first).model
    settings = resolve_settings({"start_from": str(start), "epochs": 1, "accelerator": "cpu"})
    fit(open_dataset(phantoms), read_split(phantoms / "split.csv"), settings, tuned)
    card = export_run(tuned)
    assert card.synthetic is False
    assert len(card.seen) == 3 + 9
    assert all(card.has_seen(file_sha256(file)) for file in (patients / "images").iterdir())
    scored = pbrs("evaluate", tuned, patients, "--part", "all", "-o", tmp_path / "scores")
    assert "3 of these 3 radiographs were used to train" in scored.err
    assert origin_of_start(str(tuned)) == {"synthetic": False, "seen": list(card.seen)}


def test_a_run_that_does_not_record_its_starts_origin_is_resumed_exported_and_started_from(
    phantoms, brief_run, tmp_path
):
    """Runs begun before 0.1.0 was out."""
    run = tmp_path / "run"
    shutil.copytree(brief_run, run)
    record = {name: value for name, value in RunFolder(run).read_record().items() if name != "start_origin"}
    RunFolder(run).record.write_text(json.dumps(record))
    settings = RunFolder(run).read_settings().model_copy(update={"epochs": 13})
    fit(open_dataset(phantoms), read_split(phantoms / "split.csv"), settings, run, resume=True)
    card = export_run(run)
    assert (card.synthetic, len(card.seen)) == (True, 9)
    assert origin_of_start(str(run)) == {"synthetic": True, "seen": list(card.seen)}


def test_a_models_name_goes_before_a_run_that_is_still_reached_with_a_dot(brief_run, tmp_path, monkeypatch):
    """As with `--model`."""
    monkeypatch.setenv("PBRS_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    add_model(RunFolder(brief_run).model, "clinic")
    (tmp_path / "clinic").mkdir()
    write_settings(RunFolder(tmp_path / "clinic").settings, TrainingSettings(backbone="vgg16"))
    assert resolve_settings({"start_from": "clinic"}).backbone == "mobilenetv2"
    assert resolve_settings({"start_from": "./clinic"}).backbone == "vgg16"


@pytest.mark.parametrize("place", ["flags", "file"])
@pytest.mark.parametrize(
    "ignored", [{"encoder_weights": "nofile.safetensors"}, {"encoder_weights_sha256": "0123456789"}]
)
def test_encoder_weights_that_a_start_would_replace_are_refused(brief_run, tmp_path, place, ignored):
    file = tmp_path / "settings.yaml"
    file.write_text(json.dumps(ignored if place == "file" else {}))
    given = {"start_from": str(brief_run), **(ignored if place == "flags" else {})}
    with pytest.raises(InputError, match="do not go together"):
        resolve_settings(given, file)


def test_settings_of_a_run_that_started_from_a_model_may_be_given_back(brief_run, tmp_path):
    settings = resolve_settings({"start_from": str(brief_run)})
    write_settings(tmp_path / "settings.yaml", settings)
    assert resolve_settings({}, tmp_path / "settings.yaml") == settings


def test_settings_come_from_flags_before_the_file_and_defaults_are_the_papers(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("epochs: 7\nbatch_size: 3\nimage_size: 256\naugmentation:\n  rotation_deg: 5\n")
    settings = resolve_settings({"epochs": 9}, file)
    assert (settings.epochs, settings.batch_size, settings.image_size) == (9, 3, (256, 256))
    assert settings.augmentation.rotation_deg == 5
    paper = TrainingSettings()
    assert (paper.image_size, paper.batch_size, paper.epochs, paper.learning_rate) == ((224, 224), 10, 100, 1e-4)
    assert (paper.focal_alpha, paper.focal_gamma, paper.dice_smooth) == (0.25, 2.0, 1e-5)
    assert (paper.encoder_weights, paper.placement, paper.channels) == ("imagenet", "stretch", ("region",))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"epoch": 3}, "epoch"),
        ({"epochs": 0}, "epochs"),
        ({"backbone": "resnet18"}, "resnet18"),
        ({"image_size": 32}, "too small"),
        ({"channels": ["sacrum"]}, "begin with region"),
        ({"channels": ["region", "skull"]}, "skull"),
        ({"augmentation": {"scale": 3}}, "augmentation.scale"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(values, named):
    with pytest.raises(InputError, match=named) as caught:
        make_settings(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "got"),
    [({"image_size": 10}, None), ({"channels": "region,ilium"}, None), ({"epochs": 0}, "(got 0)")],
)
def test_what_was_got_is_told_where_it_is_one_settings_value(values, got):
    with pytest.raises(InputError) as caught:
        make_settings({"backbone": "vgg16", **values})
    assert str(caught.value).endswith(got) if got else "got" not in str(caught.value)


def test_settings_survive_their_file(brief_run, brief_settings):
    assert RunFolder(brief_run).read_settings() == make_settings(brief_settings)


def test_run_json_says_what_was_trained_on(brief_run, phantoms):
    record = json.loads(RunFolder(brief_run).record.read_text())
    assert record["dataset"] == str(phantoms.resolve())
    assert len(record["parts"]["train"]) == 7
    assert record["versions"]["torch"] == torch.__version__
    assert os.linesep not in record["start"]


def test_weights_that_cannot_be_had_leave_no_run_behind(phantoms, tmp_path):
    outcome = pbrs(*arguments(phantoms, tmp_path / "run", "--encoder-weights", str(tmp_path / "missing.pth")))
    assert outcome.status == 2
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_stops_with_advice(phantoms, tmp_path):
    outcome = pbrs(*arguments(phantoms, tmp_path / "run", "--lr", "1e30", "--precision", "float32"))
    assert outcome.status == 2
    assert "lower --lr" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_a_longer_resume_leaves_nothing_of_the_shorter_run_and_a_shorter_one_is_refused(phantoms, brief_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(brief_run, run)
    data, split = open_dataset(phantoms), read_split(phantoms / "split.csv")
    settings = RunFolder(run).read_settings()
    with pytest.raises(InputError, match="--epochs 12 or more"):
        fit(data, split, settings.model_copy(update={"epochs": 3}), run, resume=True)
    assert RunFolder(run).read_settings() == settings
    assert RunFolder(run).model.exists()
    fit(data, split, settings.model_copy(update={"epochs": 13}), run, resume=True)
    assert RunFolder(run).read_summary()["epochs"] == 13
    for stale in ("model.onnx", "calibration.png", "calibration.csv"):
        assert not (run / stale).exists(), f"{stale} is of the shorter run"


def test_interrupting_the_final_scoring_is_an_interrupt(brief_run, phantoms, monkeypatch):
    task = SegmentationTask(build_unet("mobilenetv2"), RunFolder(brief_run).read_settings())
    examples = load_examples(open_dataset(phantoms), ["phantom_000"], ("region",), (96, 96), "stretch")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SegmentationTask, "validation_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        assess(task, examples)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--accelerator", "gpu"), ("--accelerator", "abacus"), ("--devices", "x"), ("--seed", "5000000000")],
)
def test_devices_that_are_not_there_leave_no_run_behind(phantoms, tmp_path, option, value):
    outcome = pbrs(*arguments(phantoms, tmp_path / "run", option, value))
    assert outcome.status == 2
    assert len(outcome.err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_yaml_may_spell_settings_as_the_command_line_does():
    settings = make_settings({"devices": [0, 1], "image_size": "256x320", "channels": "region, sacrum"})
    assert (settings.devices, settings.image_size, settings.channels) == ("0,1", (256, 320), ("region", "sacrum"))
    assert make_settings({"devices": 2}).devices == "2"


@pytest.mark.soak
def test_two_devices_share_the_work_and_write_one_run(phantoms, tmp_path):
    """Two processes on the CPU stand for two GPUs."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "pbrs", *arguments(phantoms, run, "--devices", "2")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"epoch {EPOCHS}/{EPOCHS}") == 1
    assert epochs_of(run) == EPOCHS
    assert not list(run.glob(".writing-*"))
    summary = RunFolder(run).read_summary()
    network = build_unet("mobilenetv2")
    network.load_state_dict(read_weights(RunFolder(run).best)[0])
    task = SegmentationTask(network, RunFolder(run).read_settings())
    stems = RunFolder(run).read_record()["parts"]["train"]
    examples = load_examples(open_dataset(phantoms), stems, ("region",), (96, 96), "stretch")
    assert assess(task, examples)["loss"] == pytest.approx(summary["train"]["loss"], rel=1e-4)
