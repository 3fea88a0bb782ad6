"""Calibrate how a model judges its own segmentations, test it, and write the numbers into the model file.

    python tools/calibrate_quality.py MODEL.onnx

Needs the extras `train`, `synth` and `test`, and the two frozen tests:

    pbrs synthesize --preset pelvissynth-150 --structures -o runs/pelvissynth-150
    pbrs synthesize --preset shifted-200 --structures -o runs/shifted-200

Draws what is not in the cache (about twenty minutes the first time), runs the model on some four thousand inputs, fits,
measures on sources that the fit has not seen, writes the model's card, and `quality.md` and `quality.csv` beside it.
"""

import argparse
import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import quality_damage
import quality_inputs
import quality_pictures
import quality_real
from numpy.typing import NDArray
from quality_fit import ACCEPTABLE_IOU, fit, with_limits, with_other_views
from quality_results import measure_quality, write_results

from pbrs.atomic_write import atomic_path
from pbrs.dataset.folder import Dataset, open_dataset
from pbrs.errors import InputError
from pbrs.modelfile.export import write_card
from pbrs.modelfile.quality_card import QualityCalibration
from pbrs.radiograph.placement import Placement
from pbrs.segmentation import Segmenter
from pbrs.segmentation.many import overlap
from pbrs.segmentation.quality import implausibility, name_view, oddness, predict_iou
from pbrs.segmentation.quality_features import STRUCTURES, measure_output, seen_part
from pbrs.segmentation.quality_warnings import RULES, measure_warnings
from pbrs.segmentation.strays import drop_strays
from pbrs.segmentation.views import disagreement, look

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

DAMAGED = 3
"""Damaged versions of each pelvis."""

WRONG_WAYS = 40
"""Radiographs of each part that are turned and made negatives."""

VIEWED = ("in-range", "pelvissynth-150")
"""What is looked at in several views, undamaged: a kind of each part."""


@dataclass
class Row:
    """One input, and what was measured of it.

    Attributes
    ----------
    kind
        What it is: ``widened``, ``in-range`` (calibration), ``shifted-200``, ``pelvissynth-150`` (test) for pelves.
    tier
        ``pelvis``, or ``a``, ``b``, ``c``.
    part
        ``calibration`` or ``test``.
    source
        Where it comes from.
    damage
        Names of the damage; empty if there is none.
    iou
        Of the mask with the true region at the input's own size; NaN for what is no pelvis.
    features, measures
        See `pbrs.segmentation.quality_features` and `pbrs.segmentation.quality_warnings`.
    factors
        Of the generator.
    turned
        Features of the input turned anticlockwise by 90°, 180° and 270°, where that is looked at.
    oddness
        Of each view.
    """

    kind: str
    tier: str
    part: str
    source: str
    damage: str = ""
    iou: float = float("nan")
    features: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    factors: tuple[str, ...] = ()
    predicted_iou: float = float("nan")
    implausibility: float = float("nan")
    turned: tuple[dict[str, float], ...] = ()
    oddness: dict[str, float] = field(default_factory=dict)
    turned_ious: tuple[float, ...] = ()
    refused: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """An input before the network has seen it."""

    row: Row
    pixels: Floats
    region: Bools | None = None


def collect(model: Path, shifted: Dataset, plain: Dataset, cache: Path, real: Path | None) -> list[Row]:
    """Run the model on all inputs of both parts, and measure its output."""
    segmenter = Segmenter.load(model, "onnxruntime", threads=1)
    if not all(name in segmenter.card.channels for name in STRUCTURES):
        raise InputError(f"{model} has no {', '.join(STRUCTURES)}: only models with structures can be calibrated")
    rows = []
    given = itertools.chain(subjects(shifted, plain, cache), real_subjects(real) if real else ())
    for number, row in enumerate(overlap(lambda subject: _run(segmenter, subject), given, 3), start=1):
        rows.append(row)
        if number % 200 == 0:
            print(f"{number} inputs", flush=True)
    return rows


def real_subjects(folder: Path) -> Iterator[Subject]:
    """Give real radiographs: what is no pelvis for both parts, pelves for the test alone."""
    for kind, source, number, pixels in quality_real.radiographs(folder):
        no_pelvis = kind == "negative"
        part = "calibration" if no_pelvis and source in quality_real.CALIBRATION else "test"
        yield Subject(Row(f"real-{kind}", "b" if no_pelvis else "real", part, f"{source}/{number}"), pixels)


def calibrate(rows: Sequence[Row]) -> QualityCalibration:
    """Fit on what is for calibration, and judge all rows by it."""
    mine = [row for row in rows if row.part == "calibration"]
    pelves = [row for row in mine if row.tier == "pelvis"]
    calibration = fit(
        [row.features for row in pelves],
        np.array([row.iou for row in pelves]),
        np.unique([row.source for row in pelves], return_inverse=True)[1],
        [row.features for row in mine if row.tier in "ab"],
        [row.features for row in mine if row.kind == "real-negative"],
    )
    for row in rows:
        row.predicted_iou = predict_iou(row.features, calibration)
        row.implausibility, _ = implausibility(row.features, calibration)
        row.measures["predicted_iou"] = row.predicted_iou
    clean = [row for row in pelves if not row.damage]
    frontal = calibration
    calibration = _with_other_views(frontal, mine)
    for row in rows:
        row.oddness = oddness(row.features, calibration)
        row.measures["odd_view"] = max(row.oddness.values())
        row.turned_ious = tuple(predict_iou(features, calibration) for features in row.turned)
    # The limit is set by these, so they are judged by weights that were fitted without them.
    for fold in range(5):
        without = _with_other_views(frontal, [row for row in mine if _fold(row) != fold])
        for row in clean:
            if _fold(row) == fold:
                row.measures["odd_view"] = max(oddness(row.features, without).values())
    calibration = with_limits(calibration, [row.measures for row in clean])
    for row in rows:
        row.refused = row.implausibility > calibration.refusal or row.predicted_iou < calibration.least_iou
        row.warnings = broken_rules(row, calibration.limits)
    return calibration


def _with_other_views(calibration: QualityCalibration, rows: Sequence[Row]) -> QualityCalibration:
    found = [row for row in rows if row.tier == "pelvis" and row.iou > ACCEPTABLE_IOU]
    views: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        # What lies turned is told by turning it.
        if row.tier == "c" and not row.kind.startswith("turned"):
            views.setdefault(row.kind, []).append(row.features)
    clean = [row.features for row in found if not row.damage]
    return with_other_views(calibration, [row.features for row in found], clean, views)


def _fold(row: Row) -> int:
    return quality_inputs.number_of(row.source) % 5


def broken_rules(row: Row, limits: dict[str, float]) -> tuple[str, ...]:
    """Name the warnings that are raised, without the refusal."""
    view = name_view(row.measures, row.oddness, limits)[0]
    names = ["unusual_view"] if view != "frontal" else []
    names += [rule.warning for rule in RULES if rule.view == "frontal" and rule.is_broken(row.measures, limits)]
    return tuple(dict.fromkeys(names))


def subjects(shifted: Dataset, plain: Dataset, cache: Path) -> Iterator[Subject]:
    """Give all inputs of both parts."""
    for kind in ("widened", "in-range"):
        recipe = quality_inputs.RECIPES[kind]
        for index in range(recipe.calibration):
            drawn = quality_inputs.drawn(recipe, "calibration", index, cache)
            row = Row(kind, "pelvis", "calibration", f"{kind}-{index}", factors=drawn.factors)
            yield from _pelvis(row, drawn.pixels.astype(np.float32) / 255, drawn.region)
            if kind == "in-range" and index < WRONG_WAYS:
                yield from _wrong_ways(row, drawn.pixels.astype(np.float32) / 255, drawn.region)
    for kind, dataset in (("shifted-200", shifted), ("pelvissynth-150", plain)):
        factors = _factors_of(dataset)
        for number, stem in enumerate(dataset.stems):
            radiograph, region = dataset.read(stem)
            row = Row(kind, "pelvis", "test", f"{kind}/{stem}", factors=factors[stem])
            yield from _pelvis(row, radiograph.pixels, region, DAMAGED if dataset is shifted else 0)
            if dataset is plain and number < WRONG_WAYS:
                yield from _wrong_ways(row, radiograph.pixels, region)
    yield from _no_pelves(cache)
    for kind in quality_inputs.VIEWS:
        recipe = quality_inputs.RECIPES[kind]
        for part in ("calibration", "test"):
            for index in range(recipe.count(part)):
                drawn = quality_inputs.drawn(recipe, part, index, cache)
                row = Row(kind, "c", part, f"{kind}-{part}-{index}")
                yield Subject(row, drawn.pixels.astype(np.float32) / 255, drawn.region)


def _pelvis(row: Row, pixels: Floats, region: Bools, damaged: int = DAMAGED) -> Iterator[Subject]:
    yield Subject(row, pixels, region)
    rng = np.random.default_rng(quality_inputs.number_of(f"{row.kind}/{row.source}"))
    for _ in range(damaged):
        spoilt, left, name = quality_damage.damage(pixels, region, rng)
        yield Subject(Row(row.kind, row.tier, row.part, row.source, name, factors=row.factors), spoilt, left)


def _wrong_ways(row: Row, pixels: Floats, region: Bools) -> Iterator[Subject]:
    """Give a radiograph lying on either side, upside down, as its negative, and one hip of it."""
    quarter = 1 if quality_inputs.number_of(row.source) % 2 else 3
    views = {"turned-90": np.rot90(pixels, quarter), "turned-180": np.rot90(pixels, 2), "negative": 1 - pixels}
    for name, made in views.items():
        yield Subject(Row(name, "c", row.part, row.source), np.ascontiguousarray(made))
    # From about the middle to one side; the middle is that of the region.
    rng = np.random.default_rng(quality_inputs.number_of(f"one_hip/{row.source}"))
    columns, rows = np.flatnonzero(region.any(0)), np.flatnonzero(region.any(1))
    middle, half = (columns[0] + columns[-1]) / 2, (columns[-1] - columns[0]) / 2
    edge = int(np.clip(middle + half * rng.uniform(-0.1, 0.3), 1, pixels.shape[1] - 2))
    top = int(rows[0] + (rows[-1] - rows[0]) * rng.choice([0, rng.uniform(0, 0.35)]))
    one = pixels[top:, edge:], region[top:, edge:]
    if rng.random() < 0.5:
        edge = int(np.clip(2 * middle - edge, 1, pixels.shape[1] - 2))
        one = pixels[top:, :edge], region[top:, :edge]
    yield Subject(Row("one_hip", "c", row.part, row.source), np.ascontiguousarray(one[0]), one[1])


def _no_pelves(cache: Path) -> Iterator[Subject]:
    sources = list(quality_pictures.sources())
    groups = sorted({quality_pictures.group(name) for name, _ in sources}, key=quality_inputs.number_of)
    for source in sources:
        name = source[0]
        part = ("calibration", "test")[groups.index(quality_pictures.group(name)) % 2]
        for pixels in quality_pictures.variations(source, 4):
            yield Subject(Row("picture", "a", part, quality_pictures.group(name)), pixels)
    for kind in ("femur", "lumbar", "thorax"):
        recipe = quality_inputs.RECIPES[kind]
        for part in ("calibration", "test"):
            for index in range(recipe.count(part)):
                drawn = quality_inputs.drawn(recipe, part, index, cache)
                source = (f"{kind}-{part}-{index}", drawn.pixels.astype(np.float32) / 255)
                for pixels in quality_pictures.variations(source, 3):
                    yield Subject(Row(kind, "b", part, source[0]), pixels)
    # The only two real ones are for the test.
    for source in quality_pictures.radiographs():
        for pixels in quality_pictures.variations(source, 12):
            yield Subject(Row("radiograph", "b", "test", source[0]), pixels)


def _run(segmenter: Segmenter, subject: Subject) -> Row:
    card, row = segmenter.card, subject.row
    placement, placed, output = _see(segmenter, subject.pixels)
    seen, grey = seen_part(output, placement), seen_part(placed, placement)
    row.features = measure_output(seen, card.channels, card.threshold)
    row.measures = measure_warnings(seen, card.channels, grey, card.threshold, row.features)
    if subject.region is not None:
        mask = placement.restore(output[card.channels.index("region")]) >= card.threshold
        row.iou = float((mask & subject.region).sum() / max(int((mask | subject.region).sum()), 1))
    if not row.damage and row.kind in VIEWED:
        channel = card.channels.index("region")
        views = look(segmenter.runtime.run, placed, placement, card.channels, ("flip", "scale"))[:, channel]
        row.measures["views"] = disagreement(views, views.mean(0), card.threshold)
    if row.part == "test" and not row.damage and (row.tier in ("pelvis", "real") or row.kind in TURNED):
        turned = []
        for turns in (1, 2, 3):
            where, _, other = _see(segmenter, np.rot90(subject.pixels, turns))
            turned.append(measure_output(seen_part(other, where), card.channels, card.threshold))
        row.turned = tuple(turned)
    return row


TURNED = ("real-negative", "turned-90", "turned-180", "femur", "lumbar")
"""What is looked at turned, beside undamaged pelves."""


def _see(segmenter: Segmenter, pixels: Floats) -> tuple[Placement, Floats, Floats]:
    card = segmenter.card
    placement = Placement.fit(pixels.shape, card.image_size, card.placement)
    placed = placement.place(np.ascontiguousarray(pixels))
    output = segmenter.runtime.run(placed[None, None])[0].copy()
    seen_part(output, placement)[...] = drop_strays(seen_part(output, placement), card.channels, card.threshold)[0]
    return placement, placed, output


def _factors_of(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    with (dataset.path / "anatomy.csv").open(newline="", encoding="utf-8") as file:
        return {
            line["stem"]: tuple(name for name in quality_inputs.METAL if float(line.get(name) or 0) == 1)
            for line in csv.DictReader(file)
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--shifted", type=Path, default=Path("runs/shifted-200"))
    parser.add_argument("--plain", type=Path, default=Path("runs/pelvissynth-150"))
    parser.add_argument("--cache", type=Path, default=Path("runs/quality/inputs"))
    parser.add_argument("--results", type=Path, help="folder of quality.md and .csv; the model's if left out")
    parser.add_argument("--real", type=Path, help="folder KIND/SOURCE/FILE of real radiographs: see quality_real.py")
    given = parser.parse_args()
    results = given.results or given.model.parent
    rows = collect(given.model, open_dataset(given.shifted), open_dataset(given.plain), given.cache, given.real)
    calibration = calibrate(rows)
    measured = measure_quality(rows, calibration)
    if given.real:
        measured["real"] = quality_real.write_results(results, rows, calibration)
    card = Segmenter.load(given.model, "onnxruntime").card
    card = card.model_copy(update={"quality": calibration.model_copy(update={"measured": measured})})
    with atomic_path(given.model) as temporary:
        temporary.write_bytes(given.model.read_bytes())
        write_card(temporary, card)
    write_results(results, rows, calibration, measured, card.name)
    print((results / "quality.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
