"""`pbrs dataset`: look through, divide, import, export and verify a folder of radiographs and masks."""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pbrs.atomic_write import write_json
from pbrs.cli.progress import progress_bar
from pbrs.dataset.check import CheckReport, check_dataset
from pbrs.dataset.export_coco import export_coco
from pbrs.dataset.export_nnunet import export_nnunet
from pbrs.dataset.folder import open_dataset
from pbrs.dataset.hashing import hash_images, near_duplicates
from pbrs.dataset.import_masks import ImportReport, import_masks
from pbrs.dataset.import_pxr150 import import_pxr150
from pbrs.dataset.split import PARTS, make_folds, make_split
from pbrs.dataset.split_file import refuse_overwriting, write_folds, write_split
from pbrs.errors import InputError
from pbrs.printable import printable, say
from pbrs.synthesis.verify import verify_dataset

app = typer.Typer(
    help="Look through, divide, import, export and verify a folder of radiographs and masks.", no_args_is_help=True
)

_MOST_SHOWN = 20


class MaskFormat(StrEnum):
    """What `import-masks` reads."""

    AUTO = "auto"
    MITK = "mitk"
    PNG = "png"
    COCO = "coco"
    LABELME = "labelme"
    YOLO = "yolo"
    CVAT = "cvat"
    LABELSTUDIO = "labelstudio"
    VIA = "via"


class ExportFormat(StrEnum):
    """What `export` writes."""

    NNUNET = "nnunet"
    COCO = "coco"


DatasetArgument = Annotated[
    Path, typer.Argument(metavar="DATASET", help="Dataset folder: images/ and masks/ with files of the same names.")
]
NewDataset = Annotated[Path, typer.Option("--output", "-o", metavar="DATASET", help="Dataset folder to make.")]
Seed = Annotated[int, typer.Option(help="Number that fixes the random choice: the same seed, the same result.")]


@app.command("check")
def check(
    dataset: DatasetArgument,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the whole report as JSON.")] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the contact sheet goes; DATASET/contact_sheet if left out."),
    ] = None,
    pages: Annotated[int, typer.Option(min=0, help="Most pages of the contact sheet, 48 images each.")] = 10,
) -> None:
    """Find unreadable files, masks that do not fit, doubles and faulty tables; draw a contact sheet to look at.

    Ends with status 0 if nothing is wrong (warnings are allowed), 2 if there are errors.
    """
    place = sheet or dataset / "contact_sheet"
    report = check_dataset(open_dataset(dataset), place if pages else None, max(pages, 1), progress_bar("reading"))
    if json is not None:
        write_json(json, report.to_json())
    _print_report(report)
    if report.errors:
        raise typer.Exit(2)


@app.command("split")
def split(
    dataset: DatasetArgument,
    parts: Annotated[
        str, typer.Option(metavar="T/V/T", help="Per cent for training, validation and test.")
    ] = "70/10/20",
    folds: Annotated[int | None, typer.Option(metavar="K", help="Make K folds for cross-validation instead.")] = None,
    draw: Annotated[
        int | None, typer.Option(metavar="N", help="Divide N cases drawn at random; the others are in no part.")
    ] = None,
    seed: Seed = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace the split that is there.")] = False,
) -> None:
    """Divide the cases at random into training, validation and test, and write split.csv.

    All images of one patient (patients.csv) and all images that look the same stay together.
    """
    fractions = _fractions(parts)
    if draw is not None and folds is not None:
        raise InputError("--draw goes with --parts, not with --folds: leave one of them out")
    opened = open_dataset(dataset)
    file = dataset / "split.csv"
    refuse_overwriting(file, force)
    images = {stem: opened.images[stem] for stem in opened.stems}
    duplicates = near_duplicates(hash_images(images, progress_bar("comparing images")))
    if folds is None:
        made = make_split(opened, fractions, seed, duplicates, draw)
        write_split(file, made, force)
        counts = ", ".join(f"{part} {len(made.stems(part))}" for part in PARTS)
    else:
        fold_of = make_folds(opened, folds, seed, duplicates)
        write_folds(file, fold_of, force)
        counts = ", ".join(f"fold {fold}: {count}" for fold, count in sorted(Counter(fold_of.values()).items()))
    by = "by image" if opened.patients is None else "by patient"
    say(f"{file}: {counts} ({by}, seed {seed})")
    if duplicates:
        say(f"{len(duplicates)} pairs of images look the same and were kept together; `pbrs dataset check` names them")


@app.command("import-pxr150")
def pxr150(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The 150 images as downloaded from figshare.")],
    output: NewDataset,
    masks: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Masks that you drew, named like the images.")
    ] = None,
    seed: Seed = 0,
    any_count: Annotated[bool, typer.Option("--any-count", help="Accept more or fewer than 150 images.")] = False,
) -> None:
    """Take the paper's 100 of the 150 PXR150 radiographs, with the masks you drew for them."""
    report = import_pxr150(
        folder, output, masks=masks, seed=seed, any_count=any_count, progress=progress_bar("importing")
    )
    _print_import(report)
    if masks is None:
        say(
            f"Next: draw the masks for {output / 'images'} (MITK, LabelMe, any tool that `import-masks` reads), then "
            f"run this again with --masks FOLDER --seed {seed} and another -o."
        )


@app.command("import-masks")
def masks(
    masks: Annotated[
        Path,
        typer.Argument(
            metavar="MASKS",
            help="What your annotation tool wrote: a folder or one file (COCO, LabelMe, YOLO, CVAT, Label Studio, VIA, "
            "or masks); or what `pbrs segment` wrote, corrected.",
        ),
    ],
    images: Annotated[Path, typer.Option(metavar="FOLDER", help="The radiographs, named like the masks.")],
    output: NewDataset,
    mask_format: Annotated[
        MaskFormat,
        typer.Option(
            "--format",
            help="auto looks at the files; mitk is NRRD, NIfTI, MetaImage, SEG, PNG, TIFF or JPEG.",
        ),
    ] = MaskFormat.AUTO,
    resize_masks: Annotated[
        bool,
        typer.Option(
            "--resize-masks",
            help="Resize masks without geometry that are not of the image's size but have its proportions.",
        ),
    ] = False,
    category: Annotated[
        str | None, typer.Option(metavar="NAME", help="The label of the bone region, where there are several.")
    ] = None,
    structures: Annotated[
        bool, typer.Option("--structures", help="Of a folder of `pbrs segment`, take the structures, too.")
    ] = False,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="The radiographs show no patient: scores made with them will say so.")
    ] = False,
) -> None:
    """Make a dataset folder of radiographs and the masks drawn for them in MITK or another annotation tool."""
    report = import_masks(
        masks,
        images,
        output,
        mask_format=mask_format.value,
        resize=resize_masks,
        category=category,
        structures=structures,
        synthetic=synthetic,
        progress=progress_bar("importing"),
    )
    _print_import(report)


@app.command("export")
def export(
    dataset: DatasetArgument,
    export_format: Annotated[ExportFormat, typer.Option("--format", help="For nnU-Net v2, or as COCO instances.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="Folder to make.")],
) -> None:
    """Write the dataset as other programs want it."""
    write = export_nnunet if export_format is ExportFormat.NNUNET else export_coco
    cases = write(open_dataset(dataset), output, progress_bar("exporting"))
    say(f"{output}: {cases} cases")


@app.command("verify")
def verify(dataset: DatasetArgument) -> None:
    """Tell whether a frozen test (`pbrs synthesize --preset`) is, pixel for pixel, the one that scores are quoted for.

    Ends with status 0 if it is identical or differs within the tolerance, 2 if not.
    """
    verdict = verify_dataset(open_dataset(dataset), progress_bar("comparing"))
    for stem, problem in list(verdict.problems.items())[:_MOST_SHOWN]:
        say(f"{stem}: {problem}")
    if len(verdict.problems) > _MOST_SHOWN:
        say(f"… and {len(verdict.problems) - _MOST_SHOWN} more")
    say(f"{verdict.title}: {verdict.summary}")
    if verdict.problems:
        raise typer.Exit(2)


def _fractions(parts: str) -> tuple[float, float, float]:
    try:
        train, validation, test = (float(part) / 100 for part in parts.split("/"))
    except ValueError as error:
        raise InputError(f"--parts {parts}: expected three per cents such as 70/10/20") from error
    return train, validation, test


def _print_report(report: CheckReport) -> None:
    console = Console(soft_wrap=True)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, count in report.counts.items():
        table.add_row(name, str(count))
    table.add_row("formats", ", ".join(f"{name} {count}" for name, count in report.formats.items()) or "none")
    if report.height and report.width:
        (least_height, most_height), (least_width, most_width) = report.height, report.width
        span = f"width {least_width} to {most_width}, height {least_height} to {most_height}"
        table.add_row("sizes", f"{span} px ({report.shapes} different)")
    if report.region_share:
        least, median, most = report.region_share
        table.add_row("mask covers", f"{least:.1%} to {most:.1%} of the image (median {median:.1%})")
    table.add_row("look-alike pairs", str(len(report.near_duplicates)))
    console.print(table)
    for problem in report.problems[:_MOST_SHOWN]:
        colour = "red" if problem.severity == "error" else "yellow"
        console.print(
            Text.assemble((f"{problem.severity:8}", colour), printable(f"{problem.subject}: {problem.message}"))
        )
    if len(report.problems) > _MOST_SHOWN:
        say(f"… and {len(report.problems) - _MOST_SHOWN} more: --json FILE writes them all")
    if report.pages:
        more = f" and {len(report.pages) - 1} more pages" if len(report.pages) > 1 else ""
        say(f"contact sheet: {report.pages[0]}{more}")
    warnings = len(report.problems) - report.errors
    say(f"{report.path}: {report.errors} errors, {warnings} warnings")


def _print_import(report: ImportReport) -> None:
    for note in report.notes:
        say(note)
    say(f"{report.path}: {report.images} images, {report.masks} masks")
