"""What all figures share: colours that colour-blind readers tell apart, and saving with the same bytes every time."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from pbrs.atomic_write import atomic_path

INK = "#222222"
FAINT = "#8a8a8a"
GRID = "#e3e3e3"

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), black and yellow left out.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")

_SAVING: dict[Any, Any] = {"svg.hashsalt": "pbrs", "svg.fonttype": "path", "font.family": "DejaVu Sans"}
LONGEST_SIDE_PX = 700


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure, in inches, that no global state of matplotlib knows of."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write ``NAME.png`` and ``NAME.svg``, without date or version, so that equal figures are equal bytes."""
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    # Neither file may say when it was made or by which version.
    metadata: list[dict[str, str | None]] = [{"Software": None}, {"Date": None, "Creator": None}]
    for path, nothing in zip(paths, metadata, strict=True):
        with matplotlib.rc_context(_SAVING), atomic_path(path) as temporary:
            figure.savefig(temporary, format=path.suffix[1:], dpi=150, metadata=nothing)
    return paths


def tidy(axes: Axes) -> None:
    """Leave only what carries information: two spines, a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def show_image(axes: Axes, pixels: NDArray[np.float32] | NDArray[np.uint8]) -> None:
    """Show grey float (H, W) in [0, 1], or colour uint8 (H, W, 3), without axes; large images are shown smaller."""
    grey = pixels.ndim == 2
    image = Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8) if grey else pixels)
    image.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX), Image.Resampling.BOX)
    axes.imshow(np.asarray(image), cmap="gray" if grey else None, vmin=0, vmax=255, interpolation="antialiased")
    axes.set_axis_off()


def label(quantity: str, synthetic: bool) -> str:
    """Name a score on an axis; scores on synthetic images always say so."""
    return f"{quantity} (synthetic images)" if synthetic else quantity
