"""`pbrs models`: the model that ships with PBRS, and those a user added."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pbrs.printable import printable, say

if TYPE_CHECKING:
    from pbrs.modelfile.store import StoredModel

app = typer.Typer(help="List, show, add and remove models. Nothing is ever downloaded.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def complete_model(incomplete: str) -> list[str]:
    """Give the names of models that begin so, for the shell; none, where it should look for files."""
    from pbrs.modelfile.store import model_names

    try:
        return [name for name in model_names() if name.startswith(incomplete)]
    except OSError:
        return []


def _complete_added(incomplete: str) -> list[str]:
    from pbrs.modelfile.store import SHIPPED_NAME

    return [name for name in complete_model(incomplete) if name != SHIPPED_NAME]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the models that `--model NAME` takes."""
    from pbrs.modelfile.store import damaged_records, list_models, models_folder

    models = list_models()
    for damaged in damaged_records():
        say(f"pbrs: {damaged}", error=True)
    if json:
        _print_json([_described(model) for model in models])
        return
    from rich.console import Console
    from rich.table import Table

    # A terminal folds the table; a pipe or a file gets it whole.
    console = Console(width=None if sys.stdout.isatty() else 200)
    if models:
        table = Table("name", "MB", "SHA-256", "from", "added", box=None, padding=(0, 2, 0, 0))
        for model in models:
            origin = "ships with PBRS, used if none is named" if model.shipped else model.source
            table.add_row(*map(_text, (model.name, _megabytes(model), model.sha256[:12], origin, model.added[:10])))
        console.print(table)
    else:
        say("no models: add one with `pbrs models add FILE`")
    say(f"added models are kept in {models_folder()}")


@app.command("show")
def show(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="Name, model file, or a run's folder; the model that ships with PBRS if left out.",
            autocompletion=complete_model,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show a model's card: what it finds, how it was trained and scored, what it may be used for."""
    from pbrs.modelfile.store import find_model, read_card

    file = find_model(model)
    card, sha256 = read_card(file)
    facts = card.model_dump(mode="json")
    if json:
        _print_json({"file": str(file), "sha256": sha256, "card": facts})
        return
    from rich.console import Console
    from rich.table import Table

    height, width = card.image_size
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows: dict[str, Any] = {
        "file": file,
        "SHA-256": sha256,
        "size": f"{file.stat().st_size / 1e6:.1f} MB, {card.parameters:,} parameters",
        "network": f"U-Net with {card.backbone}",
        "finds": ", ".join(card.channels),
        "input": f"{width}×{height} pixels, {card.placement}",
        "threshold": f"{card.threshold:.2f}",
        "trained on": "synthetic radiographs only" if card.synthetic else "radiographs of patients",
        "licence": card.licence,
        "intended use": card.intended_use,
        "versions": ", ".join(f"{name} {number}" for name, number in card.versions.items()),
    }
    for name, value in rows.items():
        table.add_row(_text(name), _text(value))
    training = {name: value for name, value in facts["training"].items() if name != "settings"}
    for heading, values in (("training", training), ("scores", facts["scores"])):
        for index, (name, value) in enumerate(_flat(values)):
            table.add_row(_text("" if index else heading), _text(f"{name}: {value}"))
    table.add_row("settings", "with --json")
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(_text(card.name, "bold"))
    console.print(table)


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Model file, or a run's folder with model.onnx in it.")],
    name: Annotated[str | None, typer.Option(help="Name to call it by; the file's own if left out.")] = None,
    sha256: Annotated[
        str | None,
        typer.Option(
            metavar="HEX",
            help="What the file's SHA-256 must begin with, 8 digits or more: as told by whoever gave it to you.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a model of this name.")] = False,
) -> None:
    """Keep a copy of a model file under a name; its SHA-256 is checked now and whenever it is used."""
    from pbrs.modelfile.add_model import add_model

    added = add_model(file, name, sha256, force)
    say(f"{added.name}: {_megabytes(added)} MB, SHA-256 {added.sha256}")
    say(f"next: pbrs segment IMAGE --model {added.name}")


@app.command("remove")
def remove(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="As `pbrs models list` shows it.", autocompletion=_complete_added)
    ],
) -> None:
    """Delete the copy of an added model."""
    from pbrs.modelfile.store import remove_model

    remove_model(name)
    say(f"{name} is removed")


def _described(model: "StoredModel") -> dict[str, Any]:
    return {
        "name": model.name,
        "file": str(model.file),
        "sha256": model.sha256,
        "bytes": model.file.stat().st_size if model.file.is_file() else None,
        "shipped": model.shipped,
        "source": model.source or None,
        "added": model.added or None,
    }


def _megabytes(model: "StoredModel") -> str:
    return f"{model.file.stat().st_size / 1e6:.1f}" if model.file.is_file() else "gone"


def _flat(values: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Make lines of nested settings and scores: ``test iou mean``, 0.95."""
    lines: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += _flat(value, f"{before}{name} ")
        else:
            lines.append((f"{before}{name}", f"{value:.4g}" if isinstance(value, float) else f"{value}"))
    return lines


def _text(value: object, style: str = "") -> Any:
    # No mark-up: names and paths may hold brackets.
    from rich.text import Text

    return Text(printable(str(value)), style=style)


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, indent=2))
