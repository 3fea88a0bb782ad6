"""Whether pixels are square, as far as a file says so credibly."""

from math import isfinite

SQUARE = 0.01
"""A difference of height and width up to this is a matter of rounding: 1 %."""

MOST_ASPECT = 4.0
"""Beyond this nothing that makes radiographs has such pixels."""


def told_aspect(height: float, width: float, teller: str) -> tuple[float, list[str]]:
    """Give the height of a pixel divided by its width.

    Parameters
    ----------
    height, width
        Of a pixel, in one unit.
    teller
        What in the file says so, for messages.

    Returns
    -------
    aspect, warnings
        1 where pixels are square, or what is said of them is not credible.
    """
    if not (isfinite(height) and isfinite(width) and height > 0 and width > 0):
        return 1.0, []
    aspect = height / width
    if abs(aspect - 1) <= SQUARE:
        return 1.0, []
    told = f"{teller} says that pixels are {aspect:.3g} times as high as wide"
    if not 1 / MOST_ASPECT <= aspect <= MOST_ASPECT:
        return 1.0, [f"{told}, which is not credible: taken as square"]
    return aspect, [f"{told}: seen in these proportions"]
