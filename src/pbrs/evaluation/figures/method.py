"""Fig. 2: the method, drawn: radiograph, network input, U-Net, probability, mask at native size."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from numpy.typing import NDArray
from PIL import Image

from pbrs.evaluation.figures.style import FAINT, INK, PALETTE, new_figure

DECODER_WIDTHS = (256, 128, 64, 32, 16)
LEVELS = len(DECODER_WIDTHS)
ENCODER, DECODER, PLAIN = PALETTE[0], PALETTE[2], "#f2f2f2"

# The drawing's own units: 16 wide, 8 high, y upwards.
WIDTH, HEIGHT = 16.0, 8.0
TOP = 6.3
STEP_X, STEP_Y = 0.62, 1.0
ENCODER_X, DECODER_X = 4.7, 8.6


def draw_method(
    pixels: NDArray[np.float32], mask: NDArray[np.bool_], image_size: tuple[int, int], placement: str
) -> Figure:
    """Draw the path of the data.

    Parameters
    ----------
    pixels, mask
        An example: float32 (H, W) in [0, 1] and bool (H, W), drawn as thumbnails.
    image_size
        Height and width of the network's input.
    placement
        ``stretch`` or ``letterbox``.
    """
    figure = new_figure(12, 6)
    axes = figure.subplots()
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, HEIGHT)
    axes.set_aspect("equal")
    axes.set_axis_off()
    size = f"{image_size[0]}×{image_size[1]}"
    native = f"{mask.shape[0]}×{mask.shape[1]}"
    _thumbnail(axes, pixels, 0.1, f"radiograph\n{native}")
    _box(axes, 2.75, 1.25, f"input\n{size}\nin [0, 1]")
    _arrow(axes, (2.05, TOP), (2.75, TOP), placement)
    _arrow(axes, (4.0, TOP), (ENCODER_X, TOP))
    _draw_unet(axes)
    end = DECODER_X + LEVELS * STEP_X
    _box(axes, end + 0.55, 1.25, f"probability\n{size}\nsigmoid")
    _arrow(axes, (end, TOP), (end + 0.55, TOP))
    _arrow(axes, (end + 1.8, TOP), (end + 2.3, TOP))
    _thumbnail(axes, mask.astype(np.float32), end + 2.3, f"mask at native size\n{native}")
    axes.text(end + 2.05, TOP - 1.15, "restore,\nthen threshold", ha="center", va="top", fontsize=8, color=FAINT)
    return figure


def _draw_unet(axes: Axes) -> None:
    """Encoder down, decoder up: level 0 is the input's size, each one below half as large."""
    for level in range(LEVELS):
        y = TOP - level * STEP_Y
        left = ENCODER_X + level * STEP_X
        right = DECODER_X + (LEVELS - 1 - level) * STEP_X
        # Blocks get shorter with the size of their maps; the encoder's first block is the input itself.
        tall = 0.86 - 0.1 * level
        _block(axes, (left, y), tall, ENCODER, "1" if level == 0 else f"1/{2**level}")
        _block(axes, (right, y), tall, DECODER, str(DECODER_WIDTHS[LEVELS - 1 - level]))
        if level > 0:
            _arrow(axes, (left + 0.5, y), (right, y), colour=FAINT)
        below = y - STEP_Y + (tall - 0.1) / 2
        _step(axes, (left + 0.25, y - tall / 2), (left + STEP_X + 0.25, below))
        if level < LEVELS - 1:
            _step(axes, (right - STEP_X + 0.25, below), (right + 0.25, y - tall / 2))
    y = TOP - LEVELS * STEP_Y
    left = ENCODER_X + LEVELS * STEP_X
    axes.add_patch(Rectangle((left, y - 0.18), 0.5, 0.36, facecolor=ENCODER, edgecolor=INK, linewidth=0.6))
    axes.text(left + 0.25, y, "1/32", ha="center", va="center", color="white", fontsize=7)
    lowest = TOP - (LEVELS - 1) * STEP_Y - (0.86 - 0.1 * (LEVELS - 1)) / 2
    _step(axes, (left + 0.5, y), (DECODER_X + 0.25, lowest))
    _captions(axes)


def _captions(axes: Axes) -> None:
    axes.text(
        ENCODER_X + 0.15,
        TOP + 0.75,
        "encoder: one of six backbones\n(numbers: size of the maps)",
        ha="left",
        va="bottom",
        fontsize=8.5,
        color=ENCODER,
    )
    axes.text(
        DECODER_X + LEVELS * STEP_X,
        TOP + 0.75,
        "decoder\n(numbers: widths)",
        ha="right",
        va="bottom",
        fontsize=8.5,
        color=DECODER,
    )
    axes.text(
        0.1,
        0.25,
        "Grey arrows: four skip connections, concatenated. Each decoder level: nearest ×2 upsampling, concatenation, "
        "two 3×3 convolutions with batch norm and ReLU;\nthe head is one 3×3 convolution. VGG16 alone has two more "
        "512-wide convolutions between encoder and decoder.",
        fontsize=8.5,
        color=INK,
        va="bottom",
    )


def _thumbnail(axes: Axes, picture: NDArray[np.float32], x: float, text: str) -> None:
    height, width = picture.shape
    scale = 1.95 / max(height, width)
    image = Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))
    image.thumbnail((400, 400), Image.Resampling.BOX)
    middle, half_width, half_height = x + 0.975, width * scale / 2, height * scale / 2
    axes.imshow(
        np.asarray(image),
        cmap="gray",
        vmin=0,
        vmax=255,
        extent=(middle - half_width, middle + half_width, TOP - half_height, TOP + half_height),
        aspect="equal",
    )
    axes.text(middle, TOP + 1.1, text, ha="center", va="bottom", fontsize=8.5, color=INK)


def _box(axes: Axes, x: float, side: float, text: str) -> None:
    axes.add_patch(Rectangle((x, TOP - side / 2), side, side, facecolor=PLAIN, edgecolor=INK, linewidth=0.8))
    axes.text(x + side / 2, TOP, text, ha="center", va="center", fontsize=8, color=INK)


def _block(axes: Axes, middle: tuple[float, float], tall: float, colour: str, text: str) -> None:
    x, y = middle
    axes.add_patch(Rectangle((x, y - tall / 2), 0.5, tall, facecolor=colour, edgecolor=INK, linewidth=0.6))
    axes.text(x + 0.25, y, text, ha="center", va="center", color="white", fontsize=8)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], text: str = "", colour: str = INK) -> None:
    axes.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=9, color=colour, linewidth=1, shrinkA=1, shrinkB=1)
    )
    if text:
        axes.text((start[0] + end[0]) / 2, start[1] + 0.12, text, ha="center", va="bottom", fontsize=8, color=FAINT)


def _step(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=7, color=INK, linewidth=0.8, shrinkA=0, shrinkB=0)
    )
