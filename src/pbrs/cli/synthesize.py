"""`pbrs synthesize`: a dataset of drawn radiographs with exact masks."""

from pathlib import Path
from typing import Annotated

import typer

from pbrs.cli.progress import progress_bar
from pbrs.cli.training_options import parse_lists
from pbrs.errors import InputError
from pbrs.printable import say
from pbrs.synthesis.presets import check_seed, find_preset
from pbrs.synthesis.view import LARGEST_PX, SMALLEST_PX
from pbrs.synthesis.workers import processors


def synthesize(
    out: Annotated[Path, typer.Option("--output", "-o", metavar="DATASET", help="Dataset folder to make.")],
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, max=99_999, help="Number of radiographs.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="Of everything random (0).")] = None,
    size: Annotated[
        int | None, typer.Option(min=SMALLEST_PX, max=LARGEST_PX, help="Longer side in pixels (512).")
    ] = None,
    structures: Annotated[
        bool, typer.Option("--structures", help="Write a mask of each structure, too: hips, sacrum, femora.")
    ] = False,
    looks: Annotated[int | None, typer.Option(min=1, help="Radiographs drawn of each anatomy (1).")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that draw; as many as there are processors if left out.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Switch off a factor or group of factors; several: commas, or again."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Draw a frozen test instead: pelvissynth-150 or shifted-200.")
    ] = None,
) -> None:
    """Draw synthetic pelvic radiographs with exact masks: no patient was imaged. After ^C the same command goes on."""
    from pbrs.synthesis.dataset_plan import DatasetPlan
    from pbrs.synthesis.write_dataset import write_dataset

    off = tuple(parse_lists(without))
    if preset is not None:
        given = {"-n": count, "--seed": seed, "--size": size, "--looks": looks, "--without": off or None}
        if fixed := [option for option, value in given.items() if value is not None]:
            raise InputError(f"--preset {preset} fixes {fixed[0]}: leave that option out")
        plan = DatasetPlan.of(find_preset(preset))
    elif count is None:
        raise InputError("how many radiographs? give -n N, or --preset pelvissynth-150 or shifted-200")
    else:
        check_seed(seed or 0)
        plan = DatasetPlan(count, seed or 0, size or 512, looks or 1, structures, off)
    write_dataset(plan, out, workers or processors(), progress_bar("drawing"))
    anatomies = -(-plan.count // plan.looks)
    say(f"{out}: {plan.count} synthetic radiographs of {anatomies} anatomies, seed {plan.seed}")
