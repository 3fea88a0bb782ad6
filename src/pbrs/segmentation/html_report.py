"""The report of one call of `segment` as one HTML page that needs no network."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape as escape_html
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pbrs.atomic_write import atomic_path
from pbrs.printable import printable
from pbrs.radiograph.anatomy import REGION, anatomy_of
from pbrs.segmentation.outputs import problem_line, shown_name
from pbrs.segmentation.spool import Spool

MOST_THUMBNAILS = 500
"""Of about 15 kB each; radiographs after these are listed without a picture."""

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #222; background: #fff;
  max-width: 1180px; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd; padding-bottom: .2rem; }
p, li { max-width: 52rem; overflow-wrap: anywhere; }
.research { color: #555; }
.notice { background: #fff3cd; border-left: 5px solid #E69F00; padding: .5rem .9rem; }
.refused { background: #fbe9e7; border-left-color: #c0392b; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 1.2rem;
  margin-top: 1rem; }
.card { border: 1px solid #ddd; border-radius: 6px; overflow: hidden; break-inside: avoid; }
.card.warned { border: 2px solid #E69F00; }
.card .picture { background: #121418; text-align: center; min-height: 2rem; color: #ddd; }
.card img { display: block; margin: 0 auto; max-width: 100%; height: auto; }
.card .facts { padding: .5rem .9rem .8rem; }
.card h3 { font-size: 1rem; margin: .2rem 0; overflow-wrap: anywhere; }
.card ul { margin: .4rem 0; padding-left: 1.1rem; color: #8a5a00; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .87rem; width: 100%; }
th, td { padding: .15rem .4rem; border-bottom: 1px solid #eee; text-align: right; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
.swatch { display: inline-block; width: .8em; height: .8em; border: 1px solid #777; margin-right: .35em; }
.small { font-size: .87rem; color: #555; margin: .2rem 0; }
@media print { body { margin: 0; max-width: none; } }
"""


class HtmlReport:
    """Gathers what the page shows of each radiograph, and writes it at the end."""

    def __init__(self) -> None:
        self._cards = Spool()
        self._thumbnails = 0

    def add(
        self, entry: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], thumbnail: NDArray[np.uint8] | None
    ) -> None:
        """Add one radiograph.

        Parameters
        ----------
        entry
            Its entry in the report.
        rows
            What `pbrs.segmentation.statistics.measure` says of it.
        thumbnail
            uint8 (h, w, 3), or None.
        """
        picture = None
        if thumbnail is not None and self._thumbnails < MOST_THUMBNAILS:
            self._thumbnails += 1
            picture = _data_uri(thumbnail)
        self._cards.append(_card(entry, rows, picture))

    def write(self, path: Path, report: Mapping[str, Any]) -> None:
        """Write the page, with what the call's report says of model, failures and time.

        Everything that comes from a file, its name or a model's card is escaped, and the page forbids itself scripts
        and anything from elsewhere.
        """
        with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.writelines(f"{part}\n" for part in self._parts(report))

    def _parts(self, report: Mapping[str, Any]) -> Iterator[str]:
        done = len(report["images"])
        warned = sum(bool(image["warnings"]) for image in report["images"])
        model = report["model"]
        summary = (
            f"{done} of {done + len(report['refused']) + len(report['failed'])} radiographs segmented in "
            f"{report['seconds']:.1f} s"
        )
        yield from [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>PBRS: {done} radiographs</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>Pelvic bone region: {summary}</h1>",
            f'<p class="research">{escape(str(model["intended_use"]))}</p>',
        ]
        if warned:
            what = "1 of them has warnings: look at it" if warned == 1 else f"{warned} have warnings: look at them"
            yield f'<p class="notice"><strong>{what} before use.</strong></p>'
        for title, entries in (("Refused", report["refused"]), ("Not read", report["failed"])):
            if entries:
                yield f'<h2>{title}</h2><div class="notice refused"><ul>'
                yield from (f"<li>{escape(problem_line(problem))}</li>" for problem in entries)
                yield "</ul></div>"
        yield from ["<h2>Radiographs</h2>", _legend(model["channels"]), '<div class="cards">']
        yield from self._cards
        yield from [
            "</div>",
            "<h2>How this was made</h2>",
            f"<p>PBRS {escape(str(report['pbrs']))}, model {escape(str(model['name']))} "
            f"({escape(str(model['backbone']))}, licence {escape(str(model['licence']))}, "
            f"{'trained on synthetic radiographs only, ' if model['synthetic'] else ''}SHA-256 "
            f"{escape(str(model['sha256']))}). Areas in square centimetres where the file tells its spacing; with "
            "ImagerPixelSpacing they are in the plane of the detector, not of the patient. Left and right are the "
            "patient's.</p>",
            "</body>\n</html>",
        ]


def escape(text: str) -> str:
    """Make text for the page of a name or message: tags and quotes, controls and bidi marks are only shown."""
    return escape_html(printable(text))


def _card(entry: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], picture: str | None) -> str:
    name = escape(shown_name(entry))
    body = f'<img src="{picture}" alt="{name} with the region outlined">' if picture else "picture left out"
    body = f'<a href="{escape(quote(entry["files"]["overlay"]))}">{body}</a>'
    spacing = entry["spacing_mm"]
    size = f"{entry['width']}×{entry['height']} px, {escape(str(entry['format']))}"
    if spacing is not None:
        # Row and column distance; most pixels are square.
        distances = " × ".join(dict.fromkeys(f"{distance:.3f}" for distance in spacing))
        size += f", {distances} mm ({escape(str(entry['spacing_source']))})"
    warnings = "".join(f"<li>{escape(str(warning))}</li>" for warning in entry["warnings"])
    predicted = entry["quality"]["predicted_iou"]
    overlap = "" if predicted is None else f'<p class="small">predicted IoU {predicted:.2f}</p>'
    lines = "".join(_row(row) for row in rows)
    return (
        f'<div class="card{" warned" if warnings else ""}"><div class="picture">{body}</div><div class="facts">'
        f'<h3>{name}</h3><p class="small">{size}</p>{overlap}{f"<ul>{warnings}</ul>" if warnings else ""}'
        f"<table><tr><th></th><th>pixels</th><th>cm²</th><th>of image</th><th>mean grey</th></tr>{lines}</table>"
        "</div></div>\n"
    )


def _row(row: Mapping[str, Any]) -> str:
    square_cm = "–" if row["area_mm2"] is None else f"{row['area_mm2'] / 100:.1f}"
    mean = "–" if row["mean_grey"] is None else f"{row['mean_grey']:.2f}"
    return (
        f"<tr><td>{escape(_spoken(row['structure']))}</td><td>{row['area_px']:,}</td><td>{square_cm}</td>"
        f"<td>{row['fraction']:.1%}</td><td>{mean}</td></tr>"
    )


def _legend(channels: Sequence[str]) -> str:
    shown = [name for name in channels if name != REGION] or [REGION]
    swatches = (
        f'<span class="swatch" style="background: rgb{anatomy_of(name).colour}"></span>{escape(_spoken(name))}'
        for name in shown
    )
    return f'<p class="small">Outlines: {", ".join(swatches)}. A picture leads to its overlay at full size.</p>'


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _data_uri(picture: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
