"""Running `pbrs` inside the test's process: what a user would type, and what they would see."""

import contextlib
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from pbrs.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """Exit status and output of one command."""

    status: int
    out: str
    err: str


def pbrs(*arguments: str | Path) -> Outcome:
    """Run `pbrs ARGUMENTS`."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    command = ["pbrs", *map(str, arguments)]
    with mock.patch.object(sys, "argv", command), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    return Outcome(status, out.getvalue(), err.getvalue())
