"""The command line as a whole: help, version, and what the user sees when something fails."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pbrs as package
from command_line import pbrs
from pbrs.cli import main as command_line_main

COMMANDS = ("segment", "models", "info", "train", "export", "evaluate", "study", "synthesize", "dataset")


def test_help_names_every_command_and_each_has_help_of_its_own():
    overview = pbrs("--help")
    assert overview.status == 0
    for command in COMMANDS:
        assert command in overview.out
        its_own = pbrs(command, "--help")
        assert its_own.status == 0
        assert len(its_own.out.splitlines()) > 8


def test_version():
    assert pbrs("--version").out.strip() == f"pbrs {package.__version__}"


def test_help_and_segment_start_without_torch():
    code = "import sys; import pbrs.cli.main; assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_option_is_status_2():
    assert pbrs("segment", "--no-such-option").status == 2


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/out.png"), 1, "the disk is full: /data/out.png"),
        (PermissionError(errno.EACCES, "Permission denied", "/data"), 1, "Permission denied: /data"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 2, "pip install 'pbrs[train]'"),
        (ModuleNotFoundError("No module named 'numba'", name="numba"), 2, "pip install 'pbrs[synth]'"),
        (RuntimeError("something\nlong"), 1, "internal error, please report it: RuntimeError: something"),
    ],
)
def test_every_failure_is_one_line(monkeypatch, error, status, said):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(command_line_main, "app", fail)
    outcome = pbrs("segment")
    assert outcome.status == status
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_the_overview_says_of_each_command_what_its_own_help_says_first(command):
    made = command_line_main.load_command(command)
    first = (made.help or "").partition("\n\n")[0]
    assert " ".join(first.split()) == command_line_main.COMMANDS[command].summary


def test_a_word_that_is_no_command_is_one_that_sounds_like_it():
    outcome = pbrs("segmnt")
    assert outcome.status == 2
    assert "segment" in outcome.err


HEAVY = "{'torch', 'onnxruntime', 'scipy', 'pydicom', 'matplotlib', 'numba', 'openvino'}"


@pytest.mark.parametrize("command", [["--help"], ["segment", "--help"], ["models", "--help"], ["--version"]])
def test_help_comes_without_importing_anything_slow(command):
    code = (
        f"import atexit, sys; from pbrs.cli.main import main; sys.argv[1:] = {command}; "
        f"atexit.register(lambda: print('HEAVY', {HEAVY} & set(sys.modules))); main()"
    )
    outcome = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "HEAVY set()" in outcome.stdout


def complete(words: str, **environment: str) -> list[str]:
    """What bash would offer after these words; asks a process of its own, as the shell does."""
    code = (
        f"import atexit, sys; from pbrs.cli.main import main; sys.argv[:] = ['pbrs']; "
        f"atexit.register(lambda: print({HEAVY} & set(sys.modules), file=sys.stderr)); main()"
    )
    asking = {"_PBRS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **asking, **environment},
    )
    assert outcome.stderr.strip() == "set()", outcome.stderr
    return outcome.stdout.split()


def test_the_shell_completes_commands_options_and_values(tmp_path):
    assert complete("pbrs s") == ["segment", "study", "synthesize"]
    assert "--preview" in complete("pbrs segment --p")
    assert complete("pbrs segment --format png,n") == ["png,nifti", "png,nrrd"]
    assert complete("pbrs segment --runtime op") == ["openvino"]
    assert complete("pbrs models sh") == ["show"]
    folder = tmp_path / "models"
    folder.mkdir()
    record = {"name": "clinic", "file": "clinic-0.onnx", "sha256": "0", "source": "", "added": ""}
    (folder / "clinic.json").write_text(json.dumps(record))
    assert complete("pbrs segment --model cl", PBRS_MODELS=str(folder)) == ["clinic"]
    # Nothing known begins so: the shell looks for files.
    assert complete("pbrs segment --model runs/x", PBRS_MODELS=str(folder)) == []


@pytest.mark.parametrize(
    ("shell", "said"), [("bash", "complete -o default -F"), ("zsh", "#compdef pbrs"), ("fish", "--command pbrs")]
)
def test_the_script_for_each_shell_is_shown(shell, said):
    code = "import sys; from pbrs.cli.main import main; sys.argv[:] = ['pbrs']; main()"
    environment = {**os.environ, "_PBRS_COMPLETE": f"source_{shell}"}
    outcome = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment)
    assert said in outcome.stdout
    assert "_PBRS_COMPLETE" in outcome.stdout


def test_show_completion_finds_the_shell_that_asks():
    pbrs_file = Path(sys.executable).with_name("pbrs")
    shown = subprocess.run(
        ["bash", "-c", f"{pbrs_file} --show-completion; true"], check=True, capture_output=True, text=True
    )
    assert "complete -o default -F _pbrs_completion pbrs" in shown.stdout


def test_install_completion_writes_into_the_home_folder_alone(tmp_path):
    pbrs_file = Path(sys.executable).with_name("pbrs")
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run(
        ["bash", "-c", f"{pbrs_file} --install-completion; true"], check=True, capture_output=True, env=environment
    )
    assert "_pbrs_completion" in (tmp_path / ".bash_completions" / "pbrs.sh").read_text()
    assert "pbrs.sh" in (tmp_path / ".bashrc").read_text()


@pytest.mark.parametrize(
    "words",
    [
        ["NAME"],
        ["--NAME"],
        ["segment", "--NAME"],
        ["segment", "NAME"],
        ["segment", "x", "-o", "out", "--runtime", "NAME"],
        ["dataset", "NAME"],
        ["dataset", "check", "NAME"],
        ["models", "show", "NAME"],
        ["evaluate", "NAME", "data"],
        ["export", "NAME"],
        ["train", "NAME", "-o", "out"],
        ["study", "NAME", "-o", "out"],
    ],
)
def test_no_command_prints_a_wrong_argument_raw(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    outcome = pbrs(*(word.replace("NAME", "no\x1b[2J\u202e\nfailed") for word in words))
    assert outcome.status == 2
    told = outcome.out + outcome.err
    assert r"no\x1b[2J\u202e" in told.replace("\n", "")
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert not [line for line in told.splitlines() if line.startswith("failed")]
