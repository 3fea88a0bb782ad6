"""The `pbrs` command: gathers its sub-commands, and turns errors into one line."""

import errno
import os
import sys
from importlib.util import find_spec
from typing import Annotated

import typer
from rich.console import Console

import pbrs
from pbrs.cli import dataset, evaluate, export, segment, study, synthesize, train
from pbrs.errors import InputError, Interrupted

INTERRUPTED = 130
TRACEBACK_VARIABLE = "PBRS_TRACEBACK"
_EXTRA_OF = {"cv2": "synth", "numba": "synth"}

app = typer.Typer(
    name="pbrs",
    help="Find the pelvic bone region in frontal pelvic radiographs. Research only; not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("segment")(segment.segment)
app.command("train")(train.train)
app.command("export")(export.export)
app.command("evaluate")(evaluate.evaluate)
app.command("study")(study.study)
app.command("synthesize")(synthesize.synthesize)
app.add_typer(dataset.app, name="dataset")


def _print_version(asked: bool) -> None:
    if asked:
        print(f"pbrs {pbrs.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Find the pelvic bone region in frontal pelvic radiographs. Research only; not a medical device."""


def main() -> None:
    """Run the command line.

    Exits with 0 on success, 2 for bad input, 1 for a failure of ours or of the machine, 130 after ^C. Errors are one
    line; with PBRS_TRACEBACK=1 in the environment a traceback comes before it.
    """
    try:
        app()
    except InputError as error:
        _stop(str(error), 2)
    except (Interrupted, KeyboardInterrupt) as error:
        _stop(str(error) or "interrupted", INTERRUPTED)
    except SystemExit as leaving:
        # typer catches ^C itself, and says nothing.
        if leaving.code == INTERRUPTED:
            _stop("interrupted", INTERRUPTED)
        raise
    except ModuleNotFoundError as error:
        if error.name is None or find_spec("pbrs") is None or error.name.startswith("pbrs"):
            raise
        extra = _EXTRA_OF.get(error.name, "train")
        _stop(f"this command needs {error.name}, which is not installed: pip install 'pbrs[{extra}]'", 2)
    except BrokenPipeError:
        # Whoever read our output has gone, as in `pbrs … | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else f"{error.strerror or error}"
        _stop(f"{reason}: {error.filename}" if error.filename else reason, 1)
    except Exception as error:  # the last line of defence: anything here is a fault of ours
        reason = (str(error).splitlines() or [""])[0]
        _stop(
            f"internal error, please report it: {type(error).__name__}: {reason} ({TRACEBACK_VARIABLE}=1 shows where)",
            1,
        )


def _stop(message: str, status: int) -> None:
    if os.environ.get(TRACEBACK_VARIABLE):
        Console(stderr=True).print_exception()
    print(f"pbrs: {' '.join(message.splitlines())}", file=sys.stderr)
    sys.exit(status)
