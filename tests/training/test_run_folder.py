"""The files of a run, damaged, forged or in use: one line each."""

import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from damaged_file import assert_read_or_one_line, damage
from pbrs.errors import InputError
from pbrs.evaluation.results import read_study
from pbrs.file_lock import is_unused, sole_use_of_folder
from pbrs.modelfile.export import export_run
from pbrs.network.safe_pickle import load_pickle_safely
from pbrs.training.checkpoint import epochs_done
from pbrs.training.fit import fit
from pbrs.training.run_folder import RunFolder, origin_of_run, read_weights, write_weights
from pbrs.training.settings import make_settings
from pbrs.training.start import origin_of_start

DIGEST = "0123456789abcdef" * 4
RECORD: dict[str, Any] = {
    "dataset": "x",
    "synthetic": False,
    "parts": {"train": ["a"], "validation": ["b"], "test": []},
    "sha256": {"train": DIGEST, "validation": DIGEST},
    "image_sha256": {"a": DIGEST, "b": DIGEST},
    "precision": "32-true",
    "versions": {"pbrs": "1"},
    "start": "encoder weights: none",
    "start_origin": {"synthetic": True, "seen": [DIGEST[:12]]},
}
SUMMARY: dict[str, Any] = {
    "epochs": 2,
    "best_epoch": 1,
    "parameters": 5,
    "synthetic": False,
    "train": {"loss": 0.5, "iou": 0.5, "f1": 0.5},
    "validation": {"loss": 0.5, "iou": 0.5, "f1": 0.5},
}


def write_run(folder: Path, record: Any = None, summary: Any = None) -> RunFolder:
    folder.mkdir(exist_ok=True)
    run = RunFolder(folder)
    run.settings.write_text("backbone: mobilenetv2\n")
    run.record.write_text(json.dumps(RECORD if record is None else record))
    run.summary.write_text(json.dumps(SUMMARY if summary is None else summary))
    return run


@pytest.mark.parametrize("name", ["dataset", "synthetic", "parts", "sha256", "image_sha256", "start", "versions"])
@pytest.mark.parametrize("value", [None, 5, [1], {"a": {"b": 1}}, "gone"])
def test_a_record_that_lacks_something_is_one_line_at_every_door(tmp_path, name, value):
    record = {**RECORD, name: value}
    if (name, value) in (("dataset", None), ("dataset", "gone"), ("start", "gone")):
        return
    if value == "gone":
        del record[name]
    run = write_run(tmp_path / "run", record)
    for door in (run.read_record, lambda: origin_of_start(str(run.path)), lambda: export_run(run.path)):
        with pytest.raises(InputError, match=rf"run\.json is damaged \({name}") as caught:
            door()
        assert len(str(caught.value).splitlines()) == 1


def test_a_whole_record_tells_what_was_learnt_from(tmp_path):
    run = write_run(tmp_path / "run")
    assert origin_of_run(run.read_record()) == {"synthetic": False, "seen": [DIGEST[:12]]}
    assert run.read_summary() == SUMMARY


@pytest.mark.parametrize("text", ["NaN", "1e999", "9" * 5000, "[" * 5000, '"x"', "null", "-1", "{}"])
def test_a_summary_with_a_number_that_is_none_is_one_line(tmp_path, text):
    run = write_run(tmp_path / "densenet121-0-0")
    run.summary.write_text(json.dumps(SUMMARY).replace('"parameters": 5', f'"parameters": {text}'))
    with pytest.raises(InputError, match=r"summary\.json"):
        run.read_summary()


@pytest.mark.parametrize(
    "file", ["run.json", "summary.json", "settings.yaml", "history.csv", "study.yaml", "scores.csv"]
)
def test_damaged_files_of_a_run_or_study_raise_nothing_but_input_error(tmp_path_factory, file):
    study = tmp_path_factory.mktemp("fuzz")
    run = write_run(study / "densenet121-0-0")
    columns = "epoch,train_loss,train_iou,train_f1,validation_loss,validation_iou,validation_f1,learning_rate,seconds"
    run.history.write_text(f"{columns}\n" + "".join(f"{n},0.5,0.5,0.5,0.5,0.5,0.5,0.001,1.5\n" for n in (1, 2)))
    (study / "study.yaml").write_text("backbones:\n- densenet121\nfolds: null\nseeds:\n- 0\nsettings: {}\n")
    names = "stem,iou,f1,precision,recall,hd95_px,hd95_percent_diagonal,hd95_mm,surface_dice_2px,surface_dice_2mm"
    (run.path / "scores.csv").write_text(f"{names},truth_px,prediction_px\na,.5,.5,.5,.5,1,1,,.5,,10,10\n")
    whole = (study if file == "study.yaml" else run.path) / file
    content = whole.read_bytes()

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def damaged(data):
        whole.write_bytes(damage(content, data))
        for door in (lambda: read_study(study), run.read_record, run.read_summary, run.read_settings):
            assert_read_or_one_line(door)

    damaged()


@pytest.mark.parametrize(
    "text",
    [
        "folds: 1000000000000",
        "folds: -1",
        "seeds: 5",
        "seeds: []",
        "backbones: [../../x]",
        "backbones: abc",
        "seeds: [a]",
        "settings: 3",
        "backbones: ['a\\0b']",
    ],
)
def test_a_plan_of_a_study_that_cannot_be_is_one_line_at_once(tmp_path, text):
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(InputError, match=r"study\.yaml"):
        read_study(tmp_path)


@pytest.mark.parametrize(
    ("tensors", "metadata"),
    [
        ({"a": torch.ones(2)}, None),
        ({"a": torch.ones(2)}, {"pbrs": "[1]"}),
        ({"a": torch.ones(2)}, {"pbrs": "[" * 5000}),
        ({"a": torch.ones(2)}, {"pbrs": '{"backbone": 3, "channels": []}'}),
        ({"a": torch.ones(2)}, {"pbrs": '{"backbone": "x", "channels": "region"}'}),
        ({"a": torch.full((2,), torch.nan)}, {"pbrs": '{"backbone": "x", "channels": ["region"]}'}),
        ({"a": torch.ones(2, dtype=torch.complex64)}, {"pbrs": '{"backbone": "x", "channels": ["region"]}'}),
    ],
)
def test_forged_weights_are_one_line(tmp_path, tensors, metadata):
    safetensors.torch.save_file(tensors, tmp_path / "best.safetensors", metadata)
    with pytest.raises(InputError, match=r"best\.safetensors cannot be read"):
        read_weights(tmp_path / "best.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"callbacks": 3},
        {
            "callbacks": {"EpochEnd": {}},
            **dict.fromkeys(("epoch", "global_step", "loops", "state_dict", "optimizer_states", "lr_schedulers")),
        },
    ],
)
def test_a_checkpoint_that_is_none_is_one_line(tmp_path, content):
    torch.save(content, tmp_path / "last.ckpt")
    with pytest.raises(InputError, match=r"last\.ckpt cannot be gone on from"):
        epochs_done(RunFolder(tmp_path))


def test_weights_that_unpack_to_more_than_they_hold_are_refused(tmp_path):
    torch.save({"a": torch.zeros(100_000)}, tmp_path / "whole.pth")
    with (
        zipfile.ZipFile(tmp_path / "whole.pth") as whole,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in whole.namelist():
            bomb.writestr(name, whole.read(name))
    assert load_pickle_safely(tmp_path / "whole.pth")["a"].shape == (100_000,)
    with pytest.raises(InputError, match="compressed"):
        load_pickle_safely(tmp_path / "bomb.pth")


HOLD = """
import sys
from pathlib import Path
from pbrs.file_lock import sole_use_of_folder
with sole_use_of_folder(Path(sys.argv[1]), "held"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_training_in_a_folder_is_told_and_the_first_keeps_it(tmp_path):
    run = tmp_path / "run"
    other = subprocess.Popen([sys.executable, "-c", HOLD, run], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with other:
        assert other.stdout.readline().strip() == b"held"
        with pytest.raises(InputError, match="another process trains or exports"):
            fit(None, None, make_settings({"synthetic": 1}), run)
        write_run(run)
        with pytest.raises(InputError, match="another process trains or exports"):
            export_run(run)
        other.kill()
    # What a killed process leaves does not keep the next one out.
    with sole_use_of_folder(run, "held"):
        pass


def test_a_folder_in_which_nothing_was_written_is_not_left_behind(tmp_path):
    folder = tmp_path / "a" / "b"
    with sole_use_of_folder(folder, "held"):
        assert is_unused(folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_weights_have_the_permissions_that_the_users_umask_asks_for(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_weights(tmp_path / "best.safetensors", {"a": torch.ones(2)}, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "best.safetensors").stat().st_mode) == 0o666 & ~mask
