"""`pbrs export`: the model file of a run."""

from pathlib import Path
from typing import Annotated

import typer

from pbrs.printable import say


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a complete run.")],
    out: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Model file; RUN/model.onnx if left out.")
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="The run's dataset folder, if it has been moved since training.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name to write into the model's card; the name of RUN if left out.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence to write into the model's card.")] = "unstated",
    float16: Annotated[
        bool, typer.Option("--float16", help="Store rounded weights, half the file's size; it computes in float32.")
    ] = False,
) -> None:
    """Export a run's best weights as one ONNX file, checked against PyTorch, with its threshold chosen and its card."""
    from pbrs.modelfile.export import export_run

    card = export_run(run, out, dataset, licence, float16, name)
    file = out or run / "model.onnx"
    difference = card.scores["parity"]["largest_difference"]
    megabytes = file.stat().st_size / 1e6
    say(f"{file}: {megabytes:.1f} MB, threshold {card.threshold:.2f}, within {difference:.1e} of PyTorch")
    say(f"next: pbrs segment IMAGE -o OUT --model {file}")
