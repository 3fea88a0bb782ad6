"""The `pbrs` command: gathers its sub-commands, and turns errors into one line."""

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup

from pbrs.errors import InputError, Interrupted
from pbrs.printable import printable, say

INTERRUPTED = 130
TRACEBACK_VARIABLE = "PBRS_TRACEBACK"
_EXTRA_OF = {"cv2": "synth", "numba": "synth"}


class _Entry(NamedTuple):
    """A command: what it does, as the first line of its own help says, and its panel in the overview."""

    summary: str
    panel: str


_USE, _TRAIN, _DATA = "Use a model", "Train, measure, compare", "Data"

COMMANDS = {
    "segment": _Entry("Find the pelvic bone region: writes masks, overlays, regions of interest and a report.", _USE),
    "models": _Entry("List, show, add and remove models. Nothing is ever downloaded.", _USE),
    "info": _Entry("Tell versions, processor, runtimes, extras and models: what to send with a question.", _USE),
    "train": _Entry("Train a U-Net with the paper's recipe; ^C any time, and go on with --resume.", _TRAIN),
    "export": _Entry(
        "Export a run's best weights as one ONNX file, checked against PyTorch, with its threshold chosen and its "
        "card.",
        _TRAIN,
    ),
    "evaluate": _Entry(
        "Score a model against true masks: IoU, F1, precision, recall, HD95, surface Dice, each image at its own size.",
        _TRAIN,
    ),
    "study": _Entry(
        "Train and compare backbones: Table I, Figures 1–5, trade-off and tests in one report. Run again to go on.",
        _TRAIN,
    ),
    "synthesize": _Entry(
        "Draw synthetic pelvic radiographs with exact masks: no patient was imaged. After ^C the same command goes on.",
        _DATA,
    ),
    "dataset": _Entry("Look through, divide, import, export and verify a folder of radiographs and masks.", _DATA),
}
"""Each is the module `pbrs.cli.NAME`, which holds a function of that name, or an `app` of sub-commands."""


_UsageError: Any = typer.BadParameter.__base__
"""Of wrong commands and options; typer gives it no name of its own."""


@contextmanager
def _quoting_printably() -> Iterator[None]:
    """Let typer, which draws its errors by itself, quote wrong arguments only as `printable` shows them."""
    try:
        yield
    except _UsageError as error:
        error.message = printable(error.message)
        raise


class _Commands(TyperGroup):
    """Loads a command's module when that command is meant; help and completion of all need only the summaries."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (summary, panel) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=summary, rich_help_panel=panel))

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _quoting_printably():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with _quoting_printably():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load_command(str(name)), rest


def load_command(name: str) -> Any:
    """Import a command's module, and make the command of it."""
    module = import_module(f"pbrs.cli.{name}")
    if hasattr(module, "app"):
        command: Any = typer.main.get_group(module.app)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(epilog=getattr(module, "EPILOG", None))(getattr(module, name))
        command = typer.main.get_command(alone)
    command.name = name
    return command


app = typer.Typer(
    name="pbrs",
    cls=_Commands,
    help="Find the pelvic bone region in frontal pelvic radiographs. Research only; not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        import pbrs

        say(f"pbrs {pbrs.__version__}")
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

    Exits with 0 on success, 2 for bad input, 1 for a failure of ours or of the machine, 130 after ^C or SIGTERM (of
    `kill`, of a cluster whose time is up), which are taken alike. Errors are one line; with PBRS_TRACEBACK=1 in the
    environment a traceback comes before it. A letter that the terminal's encoding does not have is written as its
    number, as are controls and bidi marks in names (`pbrs.printable`).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _interrupt)
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


def _interrupt(*_: object) -> None:
    """Take SIGTERM as ^C."""
    # Whoever ends us may have ended our workers, too: of that PyTorch would make an error of ours.
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    raise KeyboardInterrupt


def _stop(message: str, status: int) -> None:
    if os.environ.get(TRACEBACK_VARIABLE):
        Console(stderr=True).print_exception()
    say(f"pbrs: {message}", error=True)
    sys.exit(status)
