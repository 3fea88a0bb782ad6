"""`pbrs segment`: radiographs in, masks out."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from pbrs.radiograph import Polarity
from pbrs.segmentation.folder import SegmentOptions, segment_files
from pbrs.segmentation.roi import Margin
from pbrs.segmentation.segmenter import Segmenter


def segment(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT", help="Radiographs (PNG, JPEG, TIFF, DICOM) or folders of them.")
    ],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="Folder to write into.")],
    model: Annotated[Path, typer.Option("--model", "-m", help="Model file, or a run's folder with model.onnx in it.")],
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Probability from which a pixel is bone; the model's own if left out."),
    ] = None,
    margin: Annotated[
        str, typer.Option(help="What to leave around the region of interest: 20px, or 5% of its larger side.")
    ] = "5%",
    polarity: Annotated[
        Polarity, typer.Option(help="inverted: bone is dark in these files, turn them over.")
    ] = "as-is",
) -> None:
    """Find the pelvic bone region: writes masks, overlays, regions of interest and a report."""
    segmenter = Segmenter.load(model)
    report = segment_files(segmenter, inputs, out, SegmentOptions(threshold, Margin.parse(margin), polarity), _progress)
    for image in report["images"]:
        for warning in image["warnings"]:
            print(f"{image['input']}: {warning}", file=sys.stderr)
    for failure in report["failed"]:
        print(f"pbrs: failed: {failure['error']}", file=sys.stderr)
    done, failed = len(report["images"]), len(report["failed"])
    print(f"segmented {done} of {done + failed} radiographs in {report['seconds']:.1f} s")
    print(f"masks, overlays, regions of interest and report.json are in {out}")
    if failed:
        raise typer.Exit(2)


def _progress(files: Sequence[Path]) -> Iterator[Path]:
    yield from track(
        files, description="segmenting", transient=True, disable=len(files) == 1 or not sys.stdout.isatty()
    )
