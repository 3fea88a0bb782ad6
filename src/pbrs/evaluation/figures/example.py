"""Fig. 1: a radiograph and its mask."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pbrs.evaluation.figures.style import new_figure, show_image


def draw_example(pixels: NDArray[np.float32], mask: NDArray[np.bool_]) -> Figure:
    """Draw a radiograph, float32 (H, W) in [0, 1], beside its mask, bool (H, W)."""
    height, width = mask.shape
    figure = new_figure(8, min(8.0, 4 * height / width) + 0.4)
    panels = (("(a) radiograph", pixels), ("(b) mask of the pelvic bone region", mask.astype(np.float32)))
    for axes, (title, image) in zip(figure.subplots(1, 2), panels, strict=True):
        show_image(axes, image)
        axes.set_title(title, fontsize=10)
    return figure
