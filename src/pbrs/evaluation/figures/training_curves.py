"""Fig. 5: loss, IoU and F1 of every epoch, for training and validation; one panel for each backbone."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.typing import LineStyleType

from pbrs.evaluation.figures.style import FAINT, INK, PALETTE, label, new_figure, tidy
from pbrs.evaluation.paper import title_of
from pbrs.evaluation.results import PARTS, QUANTITIES, Run

COLOURS = dict(zip(QUANTITIES, (PALETTE[3], PALETTE[0], PALETTE[1]), strict=True))
TITLES = {"loss": "loss", "iou": "IoU", "f1": "F1"}
STYLES: dict[str, LineStyleType] = {"train": (0, (3, 2)), "validation": "-"}
HIGHEST = 2.0


def draw_training_curves(runs: Mapping[str, Sequence[Run]], synthetic: bool) -> Figure:
    """Draw the mean over the runs of a backbone, with the range of the runs behind it.

    Parameters
    ----------
    runs
        For each backbone, its runs; those without a history are left out, and a backbone without any says so.
    synthetic
        Whether the axes must say so.
    """
    columns = min(3, max(1, len(runs)))
    rows = max(1, math.ceil(len(runs) / columns))
    figure = new_figure(max(6.0, 3.9 * columns), 3.1 * rows + 0.7)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for panel, (axes, (backbone, its_runs)) in enumerate(zip(panels, runs.items(), strict=False)):
        begun = [run for run in its_runs if run.epochs_done]
        axes.set_title(f"({_letter(panel)}) {title_of(backbone)}{_tell(begun)}", fontsize=10, color=INK)
        _draw_panel(axes, begun)
    for axes in panels[len(runs) :]:
        axes.set_visible(False)
    for axes in panels[::columns]:
        axes.set_ylabel(label("Loss, IoU, F1", synthetic), fontsize=9)
    panels[0].set_ylim(0, _ceiling(runs))
    _add_legend(figure)
    return figure


def _draw_panel(axes: Axes, runs: Sequence[Run]) -> None:
    tidy(axes)
    axes.set_xlabel("epoch", fontsize=9)
    if not runs:
        axes.set_xticks([])
        axes.text(0.5, 0.5, "no run yet", transform=axes.transAxes, ha="center", color=FAINT)
        return
    for part in PARTS:
        for quantity in QUANTITIES:
            epochs, mean, low, high = _over_runs(runs, f"{part}_{quantity}")
            if len(runs) > 1:
                axes.fill_between(epochs, low, high, color=COLOURS[quantity], alpha=0.12, linewidth=0)
            marker = "." if len(epochs) < 3 else ""
            axes.plot(epochs, mean, linestyle=STYLES[part], color=COLOURS[quantity], linewidth=1.4, marker=marker)
    for run in runs:
        if run.summary is not None and "best_epoch" in run.summary:
            axes.axvline(run.summary["best_epoch"], color=FAINT, linewidth=0.8, linestyle=":")


def _tell(runs: Sequence[Run]) -> str:
    """Name what is not plain: more than one run, or one that is not finished."""
    unfinished = sum(run.summary is None for run in runs)
    several = f" · {len(runs)} runs" if len(runs) > 1 else ""
    return several + (f" · {unfinished} not finished" if unfinished else "")


def _over_runs(runs: Sequence[Run], column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Epochs, mean, lowest and highest over the runs; a run that stopped early counts as far as it went."""
    values: dict[float, list[float]] = {}
    for run in runs:
        for epoch, value in zip(run.history["epoch"], run.history[column], strict=True):
            values.setdefault(epoch, []).append(value)
    epochs = sorted(values)
    table = [(np.mean(values[epoch]), min(values[epoch]), max(values[epoch])) for epoch in epochs]
    mean, low, high = np.array(table, float).T
    return np.array(epochs), mean, low, high


def _ceiling(runs: Mapping[str, Sequence[Run]]) -> float:
    """Top of the shared axis: room for the losses, but one early spike must not flatten every curve."""
    histories = [run.history for its_runs in runs.values() for run in its_runs]
    losses = [loss for history in histories for part in PARTS for loss in history.get(f"{part}_loss", [])]
    finite = [loss for loss in losses if math.isfinite(loss)]
    return 1.03 * min(HIGHEST, max([1.0, *finite]))


def _add_legend(figure: Figure) -> None:
    handles = [Line2D([], [], color=COLOURS[quantity], label=TITLES[quantity]) for quantity in QUANTITIES]
    handles += [Line2D([], [], color=INK, linestyle=STYLES[part], label=part) for part in PARTS]
    handles += [Line2D([], [], color=FAINT, linestyle=":", label="best epoch (smallest validation loss)")]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)


def _letter(panel: int) -> str:
    return chr(ord("a") + panel) if panel < 26 else str(panel + 1)
