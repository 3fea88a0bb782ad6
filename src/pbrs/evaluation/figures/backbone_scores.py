"""Fig. 3: IoU and F1 of each backbone on the test part, with 95 % intervals."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pbrs.evaluation.figures.style import FAINT, INK, PALETTE, label, new_figure, tidy
from pbrs.evaluation.paper import title_of
from pbrs.evaluation.summary import CaseScores, MetricSummary

SPREAD = 0.22


def draw_test_scores(
    cases: Mapping[str, Mapping[str, CaseScores]],
    summaries: Mapping[str, Mapping[str, MetricSummary]],
    synthetic: bool,
) -> Figure:
    """Draw every case as a faint dot, and the mean with its interval and value.

    Parameters
    ----------
    cases
        For each backbone, scores by stem.
    summaries
        For each of them, what `summary.summarise_cases` gives.
    synthetic
        Whether the axes must say so.
    """
    names = list(cases)
    figure = new_figure(1.2 + 1.35 * max(3, len(names)), 6.4)
    panels = figure.subplots(2, 1, sharex=True)
    for axes, (metric, title), colour in zip(panels, (("iou", "IoU"), ("f1", "F1")), PALETTE[:2], strict=True):
        for place, name in enumerate(names):
            values = [value for value in (case[metric] for case in cases[name].values()) if value is not None]
            axes.scatter(place - 0.16 + _jitter(len(values)), values, s=9, color=FAINT, alpha=0.45, linewidths=0)
            _draw_mean(axes, place + 0.1, summaries[name][metric], colour)
        axes.set_ylabel(label(f"Test {title}", synthetic), fontsize=10)
        axes.set_xlim(-0.6, len(names) - 0.4)
        tidy(axes)
        axes.grid(False, axis="x")
    panels[-1].set_xticks(range(len(names)), [title_of(name) for name in names])
    panels[0].set_title("Grey: every test case. Colour: mean and bootstrap 95 % interval.", fontsize=9, color=INK)
    return figure


def _draw_mean(axes: Axes, place: float, summary: MetricSummary, colour: str) -> None:
    mean, low, high = summary["mean"], summary["low"], summary["high"]
    if mean is None:
        return
    if low is not None and high is not None:
        axes.errorbar(place, mean, [[mean - low], [high - mean]], color=colour, capsize=4, linewidth=2)
    axes.plot(place, mean, "o", color=colour, markersize=7)
    axes.annotate(f"{mean:.3f}", (place, mean), (7, 0), textcoords="offset points", va="center", fontsize=9)


def _jitter(count: int) -> NDArray[np.float64]:
    # The golden ratio spreads any number of dots evenly and needs no random numbers.
    offsets: NDArray[np.float64] = (np.arange(count, dtype=np.float64) * 0.618034 % 1 - 0.5) * SPREAD
    return offsets
