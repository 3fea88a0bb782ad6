"""The trade-off plot: test IoU against parameters and against time on a CPU, with the Pareto front."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pbrs.evaluation.comparison import pareto_front
from pbrs.evaluation.figures.style import FAINT, INK, MARKERS, PALETTE, label, new_figure, tidy
from pbrs.evaluation.paper import title_of
from pbrs.evaluation.summary import MetricSummary


def draw_trade_off(
    iou: Mapping[str, MetricSummary],
    parameters: Mapping[str, int],
    milliseconds: Mapping[str, float],
    synthetic: bool,
) -> Figure:
    """Draw two panels; backbones without a cost are left out of the panel.

    Parameters
    ----------
    iou
        For each backbone, the summary of its test IoU.
    parameters, milliseconds
        Cost by backbone.
    synthetic
        Whether the axes must say so.
    """
    figure = new_figure(10, 4.6)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_panel(left, iou, {name: count / 1e6 for name, count in parameters.items()})
    _draw_panel(right, iou, milliseconds)
    left.set_xlabel("Parameters (millions)")
    right.set_xlabel("Milliseconds per image (ONNX Runtime, CPU)")
    left.set_ylabel(label("Mean test IoU", synthetic))
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", markersize=8, label=title_of(name))
        for name, colour, marker in _looks(iou)
    ]
    handles += [Line2D([], [], color=INK, linestyle="--", linewidth=1, label="Pareto front")]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(7, len(handles)), frameon=False, fontsize=9)
    return figure


def _draw_panel(axes: Axes, iou: Mapping[str, MetricSummary], cost: Mapping[str, float]) -> None:
    tidy(axes)
    means = {name: summary["mean"] for name, summary in iou.items() if summary["mean"] is not None and name in cost}
    score = {name: mean for name, mean in means.items() if mean is not None}
    if not score:
        axes.set_xticks([])
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=FAINT)
        return
    front = pareto_front(cost, score)
    axes.plot([cost[name] for name in front], [score[name] for name in front], "--", color=INK, linewidth=1, zorder=1)
    for name, colour, marker in _looks(iou):
        if name not in score:
            continue
        low, high = iou[name]["low"], iou[name]["high"]
        if low is not None and high is not None:
            axes.vlines(cost[name], low, high, color=colour, linewidth=1.6, alpha=0.6)
        face = colour if name in front else "white"
        axes.plot(
            cost[name], score[name], marker, color=colour, markerfacecolor=face, markersize=9, markeredgewidth=1.8
        )
    axes.set_xlim(0, 1.08 * max(cost[name] for name in score))
    axes.set_title("filled: on the Pareto front; hollow: beaten in both", fontsize=9, color=FAINT)


def _looks(names: Mapping[str, object]) -> list[tuple[str, str, str]]:
    return [
        (name, PALETTE[place % len(PALETTE)], MARKERS[(place + place // len(PALETTE)) % len(MARKERS)])
        for place, name in enumerate(names)
    ]
