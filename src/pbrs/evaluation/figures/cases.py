"""Fig. 4: the best, the median and the worst test case: radiograph, truth, prediction, and where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from pbrs.evaluation.figures.style import label, new_figure, show_image
from pbrs.evaluation.scores import Scores

# Blue, yellow and vermilion differ in hue for every common colour blindness, and the last two in lightness as well.
AGREED = (86, 180, 233)
EXTRA = (240, 228, 66)
MISSED = (213, 94, 0)
STRENGTH = {"agreed": 0.45, "error": 0.9}
LONGEST_STEM = 40


@dataclass(frozen=True, eq=False)
class Case:
    """One row of the figure.

    Attributes
    ----------
    rank
        ``best``, ``median`` or ``worst``.
    stem
        Which case.
    iou, f1
        Its test scores.
    pixels
        float32 (H, W) in [0, 1].
    truth, prediction
        bool (H, W).
    """

    rank: str
    stem: str
    iou: float
    f1: float
    pixels: NDArray[np.float32]
    truth: NDArray[np.bool_]
    prediction: NDArray[np.bool_]


def pick_cases(rows: Sequence[tuple[str, Scores]]) -> list[tuple[str, str, Scores]]:
    """Pick rank, stem and scores of the best, median and worst case by IoU; fewer where there are fewer cases.

    Of an even number of cases the median is the worse of the middle two; ties go by stem.
    """
    ordered = sorted(rows, key=lambda row: (-row[1].iou, row[0]))
    places = {"best": 0, "median": len(ordered) // 2, "worst": len(ordered) - 1}
    picked = [(rank, *ordered[place]) for rank, place in places.items() if ordered]
    taken: set[str] = set()
    return [row for row in picked if not (row[1] in taken or taken.add(row[1]))]  # type: ignore[func-returns-value]


def draw_cases(cases: Sequence[Case], synthetic: bool) -> Figure:
    """Draw one row of four pictures for each case; at least one."""
    heights = [min(1.5, max(0.5, case.truth.shape[0] / case.truth.shape[1])) for case in cases]
    figure = new_figure(11, 2.75 * sum(heights) + 0.55 * len(cases) + 0.6)
    grid = figure.subplots(len(cases), 4, squeeze=False, height_ratios=heights)
    for row, case in zip(grid, cases, strict=True):
        pictures: tuple[tuple[str, NDArray[np.float32] | NDArray[np.uint8]], ...] = (
            ("radiograph", case.pixels),
            ("truth", case.truth.astype(np.float32)),
            ("prediction", case.prediction.astype(np.float32)),
            ("differences", colour_differences(case.pixels, case.truth, case.prediction)),
        )
        for axes, (title, picture) in zip(row, pictures, strict=True):
            show_image(axes, picture)
            axes.set_title(title, fontsize=9)
        row[0].set_title(f"{case.rank}: {_plain(case.stem)}\nradiograph", fontsize=9)
        row[3].set_title(label(f"IoU {case.iou:.3f}, F1 {case.f1:.3f}", synthetic), fontsize=9)
    figure.legend(
        handles=[
            Patch(color=_hex(AGREED), label="found (true positive)"),
            Patch(facecolor=_hex(EXTRA), edgecolor="#999", linewidth=0.5, label="too much (false positive)"),
            Patch(color=_hex(MISSED), label="missed (false negative)"),
        ],
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=9,
    )
    return figure


def colour_differences(
    pixels: NDArray[np.float32], truth: NDArray[np.bool_], prediction: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Colour a radiograph by where prediction and truth agree.

    Parameters
    ----------
    pixels
        float32 (H, W) in [0, 1].
    truth, prediction
        bool (H, W).

    Returns
    -------
    numpy.ndarray
        uint8 (H, W, 3): blue where both, yellow where only the prediction, vermilion where only the truth; grey
        elsewhere.
    """
    picture = np.repeat(np.clip(pixels, 0, 1)[..., None] * 255, 3, axis=-1)
    painted = (
        (truth & prediction, AGREED, STRENGTH["agreed"]),
        (prediction & ~truth, EXTRA, STRENGTH["error"]),
        (truth & ~prediction, MISSED, STRENGTH["error"]),
    )
    for where, colour, strength in painted:
        picture[where] = picture[where] * (1 - strength) + np.array(colour, np.float32) * strength
    return np.rint(picture).astype(np.uint8)


def _plain(stem: str) -> str:
    # matplotlib would typeset what stands between two dollar signs.
    short = stem if len(stem) <= LONGEST_STEM else stem[: LONGEST_STEM - 1] + "…"
    return short.replace("$", r"\$")


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
