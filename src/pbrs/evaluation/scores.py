"""The scores of one predicted mask against the truth, and the table of them."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.evaluation.boundary import BoundaryDistances, measure_boundaries
from pbrs.table import read_csv, write_csv

PERCENTILE = 95
TOLERANCE_PX = 2.0
TOLERANCE_MM = 2.0


@dataclass(frozen=True)
class Scores:
    """Scores of one mask.

    Where both masks are empty, every score is 1 and every distance 0; where one is, every score is 0 and every distance
    infinite.

    Attributes
    ----------
    iou, f1, precision, recall
        In [0, 1]. F1 is the same number as the Dice coefficient.
    hd95_px
        The larger of the two directed 95th percentiles of the boundary distances, in pixels.
    hd95_percent_diagonal
        The same in per cent of the image's diagonal, to compare images of different sizes.
    hd95_mm
        The same in millimetres; None where the spacing is not known.
    surface_dice_2px, surface_dice_2mm
        In [0, 1]: the part of both boundaries within 2 px, 2 mm of the other; the latter None without spacing.
    truth_px, prediction_px
        Areas in pixels.
    """

    iou: float
    f1: float
    precision: float
    recall: float
    hd95_px: float
    hd95_percent_diagonal: float
    hd95_mm: float | None
    surface_dice_2px: float
    surface_dice_2mm: float | None
    truth_px: int
    prediction_px: int


METRICS = {
    "iou": "IoU",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "hd95_px": "HD95 (px)",
    "hd95_percent_diagonal": "HD95 (% of diagonal)",
    "hd95_mm": "HD95 (mm)",
    "surface_dice_2px": "Surface Dice 2 px",
    "surface_dice_2mm": "Surface Dice 2 mm",
}
"""The fields of `Scores` that are scores, not areas, and what to call them in a table."""

COLUMNS = ("stem", *(field.name for field in fields(Scores)))


def score_masks(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], spacing_mm: tuple[float, float] | None = None
) -> Scores:
    """Score a predicted mask.

    Parameters
    ----------
    prediction, truth
        bool (H, W) of one shape.
    spacing_mm
        Row and column distance of pixel centres in millimetres, or None where it is not known.

    Raises
    ------
    InputError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.zeros((4, 4), bool)
    >>> truth[:2] = True
    >>> score_masks(np.ones((4, 4), bool), truth).iou
    0.5
    """
    if prediction.shape != truth.shape:
        raise InputError(
            f"prediction {_size(prediction)} does not match truth {_size(truth)}: score masks of the image's own size"
        )
    truth_px, prediction_px = int(np.count_nonzero(truth)), int(np.count_nonzero(prediction))
    if truth_px == 0 or prediction_px == 0:
        return _score_empty(truth_px, prediction_px, spacing_mm is not None)
    both = int(np.count_nonzero(prediction & truth))
    in_px = measure_boundaries(prediction, truth)
    hd95_px = in_px.hausdorff(PERCENTILE)
    in_mm = None if spacing_mm is None else _in_millimetres(in_px, prediction, truth, spacing_mm)
    return Scores(
        iou=both / (truth_px + prediction_px - both),
        f1=2 * both / (truth_px + prediction_px),
        precision=both / prediction_px,
        recall=both / truth_px,
        hd95_px=hd95_px,
        hd95_percent_diagonal=100 * hd95_px / math.hypot(*truth.shape),
        hd95_mm=None if in_mm is None else in_mm.hausdorff(PERCENTILE),
        surface_dice_2px=in_px.surface_dice(TOLERANCE_PX),
        surface_dice_2mm=None if in_mm is None else in_mm.surface_dice(TOLERANCE_MM),
        truth_px=truth_px,
        prediction_px=prediction_px,
    )


def write_scores(path: Path, rows: Iterable[tuple[str, Scores]]) -> None:
    """Write the scores of many images, one a line; infinite is ``inf`` and what is not known is empty."""
    write_csv(path, COLUMNS, ({"stem": stem, **asdict(scores)} for stem, scores in rows))


def read_scores(path: Path) -> list[tuple[str, Scores]]:
    """Read what `write_scores` wrote.

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column or holds something else than numbers.
    """
    try:
        return [(row["stem"], _parse(row)) for row in read_csv(path, COLUMNS)]
    except ValueError as error:
        raise InputError(
            f"scores {path} cannot be read ({error}): expected the columns {','.join(COLUMNS)}; evaluate the model anew"
        ) from error


def _score_empty(truth_px: int, prediction_px: int, spacing_known: bool) -> Scores:
    score, distance = (1.0, 0.0) if truth_px == prediction_px else (0.0, math.inf)
    return Scores(
        iou=score,
        f1=score,
        precision=score,
        recall=score,
        hd95_px=distance,
        hd95_percent_diagonal=distance,
        hd95_mm=distance if spacing_known else None,
        surface_dice_2px=score,
        surface_dice_2mm=score if spacing_known else None,
        truth_px=truth_px,
        prediction_px=prediction_px,
    )


def _in_millimetres(
    in_px: BoundaryDistances, prediction: NDArray[np.bool_], truth: NDArray[np.bool_], spacing_mm: tuple[float, float]
) -> BoundaryDistances:
    row_mm, column_mm = spacing_mm
    # Nearly every radiograph has square pixels: then nothing need be measured twice.
    return in_px.scaled(row_mm) if row_mm == column_mm else measure_boundaries(prediction, truth, spacing_mm)


def _parse(row: dict[str, str]) -> Scores:
    def known(name: str) -> float | None:
        return float(row[name]) if row[name] else None

    return Scores(
        iou=float(row["iou"]),
        f1=float(row["f1"]),
        precision=float(row["precision"]),
        recall=float(row["recall"]),
        hd95_px=float(row["hd95_px"]),
        hd95_percent_diagonal=float(row["hd95_percent_diagonal"]),
        hd95_mm=known("hd95_mm"),
        surface_dice_2px=float(row["surface_dice_2px"]),
        surface_dice_2mm=known("surface_dice_2mm"),
        truth_px=int(row["truth_px"]),
        prediction_px=int(row["prediction_px"]),
    )


def _size(mask: NDArray[np.bool_]) -> str:
    return "×".join(str(side) for side in mask.shape)
