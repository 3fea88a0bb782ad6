"""The command line as a whole: help, version, and what the user sees when something fails."""

import errno
import subprocess
import sys

import pytest

import pbrs as package
from command_line import pbrs
from pbrs.cli import main as command_line_main

COMMANDS = ("segment", "train", "export", "evaluate", "study", "synthesize", "dataset")


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
