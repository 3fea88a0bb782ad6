"""Test-time views: one radiograph looked at several times, mirrored and at other scales, and averaged."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.radiograph.placement import Placement

View = Literal["flip", "scale"]
VIEWS: tuple[View, ...] = ("flip", "scale")

SCALES = (0.9, 1.1)
"""Of the view ``scale``, beside 1."""

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Float32 (N, 1, H, W) to probabilities (N, C, H, W)."""


def check_views(words: Sequence[str]) -> tuple[View, ...]:
    """Give the views of these names, each once.

    Raises
    ------
    InputError
        If there is another word among them.
    """
    for word in words:
        if word not in VIEWS:
            raise InputError(f"no view is called {word!r}: expected {' or '.join(VIEWS)}, or both")
    return tuple(view for view in VIEWS if view in words)


def look(
    run: Run, placed: NDArray[np.float32], placement: Placement, channels: Sequence[str], views: Sequence[str]
) -> NDArray[np.float32]:
    """Compute the probabilities of each view, brought back to where the radiograph lies.

    Parameters
    ----------
    run
        The network.
    placed
        float32 (H, W): the network's input.
    placement
        How the radiograph lies in it.
    channels
        One name a channel.
    views
        ``"flip"`` adds the mirrored image, with the names' sides swapped back; ``"scale"`` adds the image at `SCALES`.
        With both, each scale is mirrored.

    Returns
    -------
    numpy.ndarray
        float32 (V, C, H, W) in [0, 1], the image as it is first.

    Raises
    ------
    InputError
        If there is no such view, or the image is to be mirrored and a channel has a side of which there is no other.
    """
    views = check_views(views)
    plain = run(placed[None, None])[0]
    seen = [plain, *(_at_scale(run, placed, scale, plain) for scale in SCALES if "scale" in views)]
    if "flip" in views:
        other_side = swap_sides(channels)
        turned = look(run, _mirror(placed, placement), placement, channels, [view for view in views if view != "flip"])
        seen += [_mirror(output[other_side], placement) for output in turned]
    return np.stack(seen)


def disagreement(regions: NDArray[np.float32], mean: NDArray[np.float32], threshold: float) -> float:
    """Tell how far apart the views' masks are.

    Parameters
    ----------
    regions
        float32 (V, H, W): the region's probability in each view.
    mean
        float32 (H, W): their mean.
    threshold
        Probability from which a pixel is bone.

    Returns
    -------
    float
        Mean over the views of 1 − IoU of the view's mask with that of the mean: 0 where all agree, at most 1.
    """
    masks, common = regions >= threshold, mean >= threshold
    both = (masks & common).sum(axis=(1, 2))
    either = (masks | common).sum(axis=(1, 2))
    return float(np.where(either == 0, 0.0, 1 - both / np.maximum(either, 1)).mean())


def swap_sides(channels: Sequence[str]) -> list[int]:
    """Give, for each channel, the number of the one that it is in a mirror; itself for what has no side.

    Raises
    ------
    InputError
        If a side is missing.
    """
    sides = {"left": "right", "right": "left"}
    order = []
    for name in channels:
        stem, _, side = name.rpartition("_")
        other = f"{stem}_{sides[side]}" if side in sides else name
        if other not in channels:
            raise InputError(f"the model has {name} but no {other}: it cannot be asked about a mirrored radiograph")
        order.append(channels.index(other))
    return order


def _mirror(image: NDArray[np.float32], placement: Placement) -> NDArray[np.float32]:
    """Mirror what the radiograph covers, where it lies: a mirrored radiograph is placed between the same bars."""
    columns = slice(placement.left, placement.left + placement.width)
    turned = image.copy()
    turned[..., columns] = image[..., columns][..., ::-1]
    return turned


def _at_scale(run: Run, placed: NDArray[np.float32], scale: float, plain: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shrink or enlarge the image about its centre; what is then out of sight is taken from `plain` (C, H, W)."""
    height, width = placed.shape
    # Whole pixels, the same on both sides: a mirrored image is then seen in exactly the mirrored way.
    margin_y, margin_x = (round(side * abs(1 - min(scale, 1 / scale)) / 2) for side in (height, width))
    inner = slice(margin_y, height - margin_y), slice(margin_x, width - margin_x)
    inner_shape = height - 2 * margin_y, width - 2 * margin_x
    if scale < 1:
        shrunk = Placement(placed.shape, placed.shape, margin_y, margin_x, *inner_shape)
        return np.stack([shrunk.restore(channel) for channel in run(shrunk.place(placed)[None, None])[0]])
    enlarged = Placement.fit(inner_shape, (height, width), "stretch")
    seen = plain.copy()
    for channel, values in zip(seen, run(enlarged.place(placed[inner])[None, None])[0], strict=True):
        channel[inner] = enlarged.restore(values)
    return seen
