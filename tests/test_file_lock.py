"""One process at a time, and none for ever."""

import subprocess
import sys

import pytest

from pbrs.errors import InputError
from pbrs.file_lock import sole_use

HOLD = """
import sys
from pathlib import Path
from pbrs.file_lock import sole_use
with sole_use(Path(sys.argv[1]), "held"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_what_another_process_holds_is_refused_until_that_process_is_gone_even_killed(tmp_path):
    file = tmp_path / "lock"
    other = subprocess.Popen([sys.executable, "-c", HOLD, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with other:
        assert other.stdout.readline().strip() == b"held"
        with pytest.raises(InputError, match="taken by another"), sole_use(file, "taken by another"):
            pass
        other.kill()
    assert file.exists()
    with sole_use(file, "taken by another"):
        pass


def test_it_is_let_go_of_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), sole_use(tmp_path / "lock", "taken"):
        raise ZeroDivisionError
    with sole_use(tmp_path / "lock", "taken"):
        pass
