"""Real radiographs for the refusal's limit and the test of the verdict; used by `calibrate_quality.py --real FOLDER`.

The folder holds KIND/SOURCE/FILE and stays outside the repository: nothing of it, no picture and no name of a file, is
written down. KIND: ``negative`` (other body parts), ``pelvis`` (upright adults), ``pelvis_metal``, ``child``,
``infant``, ``otherview``, ``abdomen_with_pelvis``. What is no pelvis is for calibration if its source is in
`CALIBRATION`, else for the test; pelves are for the test alone. Where each came from:
docs/results/verdict-sources.md.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pbrs.atomic_write import atomic_path, write_text
from pbrs.errors import InputError
from pbrs.modelfile.quality_card import QualityCalibration
from pbrs.radiograph import find_radiographs, read_radiograph
from pbrs.segmentation.quality import DOUBTFUL_IOU
from pbrs.segmentation.quality_features import Floats
from pbrs.table import write_csv

if TYPE_CHECKING:
    from calibrate_quality import Row

CALIBRATION = ("fracatlas_part", "knee_oa_alien166", "txv_tests", "pydicom_data")
"""Of a data set or package with a free licence (docs/results/verdict-sources.md): only these move a limit."""

_CLEARLY = 0.05
_KINDS = ("pelvis", "pelvis_metal", "child", "infant", "otherview", "abdomen_with_pelvis", "negative")


def radiographs(folder: Path) -> Iterator[tuple[str, str, int, Floats]]:
    """Give kind, source, number and pixels of each that can be read."""
    for kind in _KINDS:
        for source in sorted(path for path in (folder / kind).glob("*") if path.is_dir()):
            for number, file in enumerate(find_radiographs([source])):
                try:
                    pixels = read_radiograph(file).pixels
                except InputError:
                    continue
                step = max(1, max(pixels.shape) // 1600)
                yield kind, source.name, number, np.ascontiguousarray(pixels[::step, ::step])


def turned_by(as_it_lies: float, turned: Sequence[float]) -> int:
    """Tell by how many quarters it would be called turned, as `Segmenter` does."""
    found = [as_it_lies, *turned]
    best = int(np.argmax(found))
    if as_it_lies >= DOUBTFUL_IOU + _CLEARLY or best == 0:
        return 0
    return best if found[best] >= max(DOUBTFUL_IOU, as_it_lies + _CLEARLY) else 0


def write_results(folder: Path, rows: Sequence["Row"], calibration: QualityCalibration) -> dict[str, Any]:
    """Write ``verdict.md``, ``verdict.csv`` and ``verdict.png``, on the test's rows alone; give the numbers."""
    test = [row for row in rows if row.part == "test" and not row.damage]
    real = [row for row in test if row.kind.startswith("real-")]
    columns = ("kind", "source", "predicted_iou", "implausibility", "refused", "turned_deg", "warnings")
    write_csv(folder / "verdict.csv", columns, (_line(row) for row in real))
    lines = [
        "# The verdict on real radiographs",
        "",
        "Written by `python tools/calibrate_quality.py MODEL.onnx --real FOLDER`. No radiograph counted here moved a",
        "limit, but the rule of growing skeletons was chosen on the infants, and that of metal with the metal in view.",
        "Refused is",
        f"a predicted IoU below {calibration.least_iou} or an implausibility above {calibration.refusal}.",
        "",
        "| kind | radiographs | sources | refused | called turned | mean, least, largest predicted IoU | below 0.85 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    numbers: dict[str, Any] = {}
    for kind in _KINDS:
        those = [row for row in real if row.kind == f"real-{kind}"]
        if those:
            ious = np.array([row.predicted_iou for row in those])
            refused = sum(row.refused for row in those)
            turned = sum(turned_by(row.predicted_iou, row.turned_ious) > 0 for row in those)
            sources = len({row.source.split("/")[0] for row in those})
            numbers[kind] = {"count": len(those), "refused": refused}
            lines.append(
                f"| {kind} | {len(those)} | {sources} | {refused} ({refused / len(those):.1%}) | {turned} "
                f"| {ious.mean():.3f}, {ious.min():.3f}, {ious.max():.3f} | {(ious < DOUBTFUL_IOU).sum()} |"
            )
    lines += [
        "",
        "| real pelves turned, of all above | called turned rightly | refused as no pelvis | silent |",
        "| --- | --- | --- | --- |",
    ]
    pelves = [row for row in real if row.kind in ("real-pelvis", "real-pelvis_metal")]
    for quarters in (1, 2, 3):
        told, gone, silent = 0, 0, 0
        for row in pelves:
            every = [row.predicted_iou, *row.turned_ious]
            lies = [every[(place - quarters) % 4] for place in range(4)]
            if turned_by(lies[0], lies[1:]) == quarters:
                told += 1
            elif lies[0] < calibration.least_iou:
                gone += 1
            elif lies[0] >= DOUBTFUL_IOU:
                silent += 1
        lines.append(f"| {90 * quarters}° | {told} of {len(pelves)} | {gone} | {silent} |")
        numbers[f"turned {90 * quarters}"] = {"count": len(pelves), "told": told, "silent": silent}
    names = sorted({name for row in real for name in row.warnings})
    shown = ("pelvis", "pelvis_metal", "child", "infant")
    lines += ["", f"| warning, of those not refused | {' | '.join(shown)} |", f"| --- |{' --- |' * len(shown)}"]
    for name in names:
        cells = []
        for kind in shown:
            those = [row for row in real if row.kind == f"real-{kind}" and not row.refused]
            cells.append(f"{sum(name in row.warnings for row in those)} of {len(those)}")
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    sources: dict[str, int] = {}
    for row in rows:
        if row.kind == "real-negative":
            name = f"{row.source.split('/')[0]} ({row.part})"
            sources[name] = sources.get(name, 0) + 1
    lines += [
        "",
        "Other body parts by source: " + ", ".join(f"{name} {count}" for name, count in sources.items()) + ".",
    ]
    lines += ["", "![Predicted IoU by kind](verdict.png)", ""]
    write_text(folder / "verdict.md", "\n".join(lines))
    _draw(folder / "verdict.png", test, calibration)
    return numbers


def _line(row: "Row") -> dict[str, object]:
    return {
        "kind": row.kind,
        "source": row.source.split("/")[0],
        "predicted_iou": round(row.predicted_iou, 4),
        "implausibility": round(row.implausibility, 4),
        "refused": int(row.refused),
        "turned_deg": 90 * turned_by(row.predicted_iou, row.turned_ious),
        "warnings": " ".join(row.warnings),
    }


def _draw(path: Path, rows: Sequence["Row"], calibration: QualityCalibration) -> None:
    kinds = dict.fromkeys(row.kind for row in sorted(rows, key=lambda row: (row.tier, row.kind)))
    found = {kind: np.array([row.predicted_iou for row in rows if row.kind == kind]) for kind in kinds}
    figure = Figure(figsize=(9, 0.38 * len(found) + 1.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    for place, ious in enumerate(found.values()):
        spread: NDArray[np.float64] = rng.uniform(-0.3, 0.3, len(ious))
        axes.scatter(ious, place + spread, s=5, alpha=0.5, linewidths=0)
    names = [
        kind if kind.startswith("real-") or kind in ("picture", "radiograph") else f"{kind} (synthetic)"
        for kind in found
    ]
    axes.set_yticks(
        range(len(found)), [f"{name}, {len(ious)}" for name, ious in zip(names, found.values(), strict=True)]
    )
    axes.invert_yaxis()
    axes.axvline(calibration.least_iou, color="0.2", label=f"refused below {calibration.least_iou:.2f}")
    axes.axvline(DOUBTFUL_IOU, color="0.2", linestyle=":", label=f"warned of below {DOUBTFUL_IOU:.2f}")
    axes.set(xlabel="predicted IoU", xlim=(0, 1), title="Predicted IoU of the test's inputs, undamaged")
    axes.legend(loc="upper left")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
