"""`pbrs segment`: radiographs in, masks out."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shutil import copyfileobj
from typing import Annotated, Any, Literal

import typer

from pbrs.cli.models import complete_model
from pbrs.cli.training_options import parse_lists
from pbrs.errors import InputError
from pbrs.printable import say

EPILOG = """
[bold]Examples[/bold]

pbrs segment pelvis.dcm

pbrs segment images/ -o results --preview --report

pbrs segment a.png b.png -o results --statistics --format png,nifti
"""

# For the shell's completion, which has no time to import the tables that choose.
_FORMATS = {
    "png": "masks, overlays and regions of interest as pictures; always written",
    "seg": "DICOM Segmentation, of DICOM radiographs",
    "sc": "the overlay as DICOM Secondary Capture",
    "nifti": "NIfTI, as MITK opens it",
    "nrrd": "NRRD, as MITK opens it",
    "coco": "COCO JSON with polygons and RLE",
}
_VIEWS = {"flip": "also look at the mirror image", "scale": "also look closer, and from further away"}

_WRITTEN = "What is written"
_FOUND = "How bone is found"
_SPEED = "Speed"


def _complete_format(incomplete: str) -> list[tuple[str, str]]:
    return _complete_list(_FORMATS, incomplete)


def complete_views(incomplete: str) -> list[tuple[str, str]]:
    """Offer the test-time views that begin so, with what they do."""
    return _complete_list(_VIEWS, incomplete)


def _complete_list(words: dict[str, str], incomplete: str) -> list[tuple[str, str]]:
    before, comma, last = incomplete.rpartition(",")
    return [(f"{before}{comma}{word}", meaning) for word, meaning in words.items() if word.startswith(last)]


def segment(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT", help="Radiographs (PNG, JPEG, TIFF, BMP, DICOM), or folders of them."),
    ],
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Folder to write into; made if it is not there.")
    ] = Path("pbrs-out"),
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="Name of an added model (see pbrs models list), model file, or a run's folder; "
            "the model that ships with PBRS if left out.",
            autocompletion=complete_model,
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Beside the PNGs: seg, sc (DICOM), nifti, nrrd, coco; several: commas, or again; png: nothing more. "
            "If left out: seg for DICOM radiographs, where the dicom extra is installed.",
            rich_help_panel=_WRITTEN,
            autocompletion=_complete_format,
        ),
    ] = None,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview", help="Write all radiographs on one picture to look through.", rich_help_panel=_WRITTEN
        ),
    ] = False,
    statistics: Annotated[
        bool,
        typer.Option(
            "--statistics", help="Write area, place and mean grey of each structure.", rich_help_panel=_WRITTEN
        ),
    ] = False,
    page: Annotated[
        bool,
        typer.Option(
            "--report", help="Write a page for the browser: pictures, numbers, warnings.", rich_help_panel=_WRITTEN
        ),
    ] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the report as JSON, and nothing else, for machines.", rich_help_panel=_WRITTEN
        ),
    ] = False,
    margin: Annotated[
        str,
        typer.Option(
            help="What to leave around the region of interest: 20px, or 5% of its larger side.",
            rich_help_panel=_WRITTEN,
        ),
    ] = "5%",
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which a pixel is bone, between 0 and 1; the model's own if left out.",
            rich_help_panel=_FOUND,
        ),
    ] = None,
    polarity: Annotated[
        Literal["as-is", "inverted"],
        typer.Option(help="inverted: bone is dark in these files, turn them over.", rich_help_panel=_FOUND),
    ] = "as-is",
    upright: Annotated[
        Literal["as-is", "auto"],
        typer.Option(
            help="auto: segment a radiograph that lies on its side or upside down upright, and turn the masks back; "
            "as-is: refuse it and say so.",
            rich_help_panel=_FOUND,
        ),
    ] = "as-is",
    views: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VIEW",
            help="flip, scale, or both with a comma: look at each radiograph in several ways and average; slower.",
            rich_help_panel=_FOUND,
            autocompletion=complete_views,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Segment what does not look like a frontal pelvic radiograph, too.",
            rich_help_panel=_FOUND,
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with a call into OUT that was stopped: what is finished and unchanged is not done again.",
            rich_help_panel=_SPEED,
        ),
    ] = False,
    runtime: Annotated[
        Literal["auto", "onnxruntime", "openvino"],
        typer.Option(help="What computes; auto takes openvino where it is installed.", rich_help_panel=_SPEED),
    ] = "auto",
    threads: Annotated[
        int,
        typer.Option(
            min=0,
            help="Processors for one radiograph, and how many are worked on at a time; 0: as many as there are.",
            rich_help_panel=_SPEED,
        ),
    ] = 0,
) -> None:
    """Find the pelvic bone region: writes masks, overlays, regions of interest and a report.

    Works on this computer alone: no network, no account. Research only; not a medical device.

    Ends with status 0 if every radiograph was segmented, 2 if one could not be read or was refused.
    """
    # Imported here: they take a moment, which --help and the shell's completion need not wait for.
    from pbrs.segmentation.folder import SegmentOptions, segment_files
    from pbrs.segmentation.many import MOST_WORKERS
    from pbrs.segmentation.report import REPORT
    from pbrs.segmentation.roi import Margin
    from pbrs.segmentation.segmenter import Segmenter
    from pbrs.segmentation.summaries import Summaries
    from pbrs.segmentation.views import check_views

    if threshold is not None and not 0 < threshold < 1:
        raise InputError(f"--threshold {threshold:g} leaves nothing to decide: expected more than 0 and less than 1")
    options = SegmentOptions(
        threshold=threshold,
        margin=Margin.parse(margin),
        polarity=polarity,
        formats=tuple(formats or ()),
        views=check_views([word.lower() for word in parse_lists(views)]),
        upright=upright,
        force=force,
        workers=min(threads, MOST_WORKERS),
        resume=resume,
    )
    segmenter = Segmenter.load(model, runtime, threads)
    summaries = Summaries(out, preview, statistics, page)
    try:
        on_image = summaries.add if summaries.wanted else None
        report = segment_files(segmenter, inputs, out, options, _progress, on_image, summaries.patterns)
    except InputError:
        # Nothing was begun: what an earlier call wrote stays.
        raise
    except BaseException:
        summaries.close()
        raise
    summaries.close()
    summaries.write_page(report)
    _tell_problems(report)
    if json:
        # It is in ASCII, which every console and pipe takes.
        with (out / REPORT).open(encoding="ascii") as written:
            copyfileobj(written, sys.stdout)
    else:
        _tell_result(report, out, summaries.written)
    if report["failed"] or report["refused"]:
        raise typer.Exit(2)


def _tell_problems(report: Mapping[str, Any]) -> None:
    from pbrs.segmentation.outputs import problem_line

    for image in report["images"]:
        for warning in image["warnings"]:
            say(f"{image['input']}: {warning}", error=True)
    for word in ("refused", "failed"):
        for problem in report[word]:
            say(f"pbrs: {word}: {problem_line(problem)}", error=True)
    for kind in report["left_out"]:
        more = kind["count"] - len(kind["examples"])
        named = ", ".join(kind["examples"]) + (f" and {more} more" if more else "")
        say(f"pbrs: left out: {kind['count']}, {kind['kind']}: {named}", error=True)
    for note in report["notes"]:
        say(f"pbrs: {note}", error=True)


def _tell_result(report: Mapping[str, Any], out: Path, written: list[str]) -> None:
    done, refused, failed = (len(report[kind]) for kind in ("images", "refused", "failed"))
    model = report["model"]
    kept = f", {report['kept']} of them by an earlier call" if report["kept"] else ""
    say(
        f"segmented {done} of {done + refused + failed} radiographs in {report['seconds']:.1f} s{kept} "
        f"(model {model['name']}, {model['sha256'][:12]})"
    )
    what = "masks, overlays, regions of interest and report.json are" if done else "report.json is"
    say(f"{what} in {out}")
    for name in written:
        say(f"look at {out / name}")


def _progress(files: Sequence[Path]) -> Iterable[Path]:
    from rich.console import Console
    from rich.progress import track

    # Not on the standard output: with --json that is for the report alone.
    console = Console(stderr=True)
    yield from track(
        files, "segmenting", console=console, transient=True, disable=len(files) == 1 or not console.is_terminal
    )
