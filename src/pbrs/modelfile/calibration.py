"""Choosing the threshold of a model, and how far its probabilities can be believed, on the validation part."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pbrs.atomic_write import atomic_path

THRESHOLDS = np.linspace(0.05, 0.95, 91)
BINS = 20


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the validation part says about a model's probabilities.

    Attributes
    ----------
    threshold
        The one of 0.05, 0.06 … 0.95 with the largest mean F1 of the images; of equal ones, the nearest to 0.5.
    mean_f1
        float (91,): mean F1 at each threshold.
    pixels
        int (20,): pixels whose probability fell into each twentieth of [0, 1].
    predicted, observed
        float (20,): mean probability of those pixels, and the fraction of them that is bone; NaN where there are none.
    """

    threshold: float
    mean_f1: NDArray[np.float64]
    pixels: NDArray[np.int64]
    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error (Guo et al. 2017): mean |predicted - observed|, weighted by pixels."""
        filled = self.pixels > 0
        gap = np.abs(self.predicted - self.observed)[filled]
        return float(np.average(gap, weights=self.pixels[filled]))

    def rows(self) -> Iterator[dict[str, float]]:
        """Give the rows of ``calibration.csv``: the bins that hold pixels."""
        for predicted, observed, pixels in zip(self.predicted, self.observed, self.pixels, strict=True):
            if pixels:
                yield {"probability": float(predicted), "observed": float(observed), "pixels": int(pixels)}


def calibrate(predictions: Iterable[tuple[NDArray[np.float32], NDArray[np.bool_]]]) -> Calibration:
    """Choose a threshold and measure calibration.

    Parameters
    ----------
    predictions
        One or more pairs of probability float32 (H, W) in [0, 1] and true mask bool (H, W), at native size.
    """
    f1 = []
    pixels, bone = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    total = np.zeros(BINS)
    for probability, mask in predictions:
        f1.append(_f1_by_threshold(probability, mask))
        bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1).ravel()
        pixels += np.bincount(bins, minlength=BINS)
        bone += np.bincount(bins, weights=mask.ravel(), minlength=BINS).astype(np.int64)
        total += np.bincount(bins, weights=probability.ravel(), minlength=BINS)
    mean_f1 = np.mean(f1, axis=0)
    best = np.flatnonzero(mean_f1 >= mean_f1.max() - 1e-12)
    chosen = best[np.argmin(np.abs(THRESHOLDS[best] - 0.5))]
    filled = np.where(pixels > 0, pixels, np.nan)
    return Calibration(round(float(THRESHOLDS[chosen]), 2), mean_f1, pixels, total / filled, bone / filled)


def draw_calibration(calibration: Calibration, path: Path, title: str, synthetic: bool) -> None:
    """Draw the reliability curve and F1 against the threshold, side by side, as a PNG."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    reliability, thresholds = figure.subplots(1, 2)
    reliability.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="perfect")
    reliability.plot(
        calibration.predicted, calibration.observed, marker="o", label=f"this model (error {calibration.error:.3f})"
    )
    reliability.set(xlabel="predicted probability", ylabel="fraction of pixels that are bone", xlim=(0, 1), ylim=(0, 1))
    reliability.legend(loc="upper left")
    thresholds.plot(THRESHOLDS, calibration.mean_f1)
    thresholds.axvline(calibration.threshold, color="0.4", linestyle=":", label=f"chosen: {calibration.threshold:.2f}")
    thresholds.set(xlabel="threshold", ylabel="mean F1 of the images", xlim=(0, 1))
    thresholds.legend(loc="lower center")
    # A dollar sign would begin a formula.
    figure.suptitle((title + (" (synthetic radiographs)" if synthetic else "")).replace("$", r"\$"))
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _f1_by_threshold(probability: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compute F1 at every threshold from the sorted probabilities: 1 where prediction and truth are both empty."""
    above = len(probability.ravel()) - np.searchsorted(np.sort(probability, axis=None), THRESHOLDS, side="left")
    in_bone = np.sort(probability[mask])
    both = len(in_bone) - np.searchsorted(in_bone, THRESHOLDS, side="left")
    size = above + len(in_bone)
    return np.where(size == 0, 1.0, 2 * both / np.maximum(size, 1))
