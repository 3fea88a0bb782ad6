"""What annotation tools draw (polygons, boxes, ellipses, run lengths), and the mask that several make together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.found_mask import FoundMask, check_size, fit
from pbrs.dataset.image_name import possible_stems
from pbrs.dataset.rings import Ring, fill_rings
from pbrs.errors import InputError
from pbrs.file_name import name_as_text

Draw = Callable[[tuple[int, int]], NDArray[np.bool_]]
"""Draws an annotation into a picture of that height and width, bool (H, W)."""

_MOST_BEYOND = 0.02
"""Share of the side by which an outline may overshoot a picture whose size the export does not say."""


class NoArea(Exception):  # noqa: N818 -- caught here: it becomes an InputError that names file, image and annotation
    """An annotation encloses no pixel; the message says why."""


@dataclass(frozen=True)
class Annotation:
    """One annotation, not drawn yet.

    Attributes
    ----------
    name
        What a message calls it, such as ``annotation 3``.
    draw
        Draws it; raises NoArea where it encloses nothing.
    is_box
        Whether it is a rectangle, which is rarely the outline of a bone.
    """

    name: str
    draw: Draw
    is_box: bool = False


def found_mask(
    names: Sequence[str],
    label: str | None,
    file: Path,
    annotations: Sequence[Annotation],
    drawn: tuple[int, int] | None,
    resize: bool,
    remarks: tuple[str, ...] = (),
) -> FoundMask:
    """Give the mask that the annotations of one label make together in one image.

    Parameters
    ----------
    names
        What the image's file may be called, the likeliest first.
    label
        Of the annotations; None where they have none.
    file
        The export, for messages.
    annotations
        At least one.
    drawn
        Height and width of the picture that was annotated; None where the export does not say it.
    resize
        Whether a mask of another size than the image is resized to it, or refused.
    remarks
        What is to be told of this mask.
    """
    stem, *others = possible_stems(*names)
    label = name_as_text(label) if label else None
    if all(annotation.is_box for annotation in annotations):
        remarks = (*remarks, "masks are boxes only, which are hardly outlines of bone")
    read = _Union(annotations, drawn, file, stem, resize)
    return FoundMask(stem, label, file, read, tuple(others), remarks)


class _Union:
    """The mask that several annotations make together, drawn when called."""

    def __init__(
        self, annotations: Sequence[Annotation], drawn: tuple[int, int] | None, file: Path, stem: str, resize: bool
    ) -> None:
        self._annotations = annotations
        self._drawn = drawn
        self._file = file
        self._stem = stem
        self._resize = resize

    def __call__(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        size = self._drawn or shape
        check_size(size, shape, self._file, self._stem, self._resize)
        mask = np.zeros(size, dtype=np.bool_)
        for annotation in self._annotations:
            try:
                one = annotation.draw(size)
                if not one.any():
                    raise NoArea("it encloses no pixel")
            except NoArea as error:
                raise InputError(
                    f"{self._file.name}: {annotation.name} of {self._stem} is no mask: {error}; draw it anew, or "
                    "remove it"
                ) from error
            mask |= one
        return fit(mask, shape, self._file, self._stem, self._resize)


def draw_polygons(polygons: Sequence[Ring], unit: str = "pixels", beyond: bool = True) -> Draw:
    """Draw the union of polygons, each float64 (N, 2), x and y in pixels.

    Parameters
    ----------
    polygons
        Several are pieces of one thing: their union, not holes in one another.
    unit
        What the coordinates are, for messages; those of ``pixels`` must not all lie between 0 and 1.
    beyond
        Whether they may reach far beyond the picture. Where the export does not say the picture's size, that tells
        that another picture was annotated.
    """

    def draw(size: tuple[int, int]) -> NDArray[np.bool_]:
        if not polygons:
            raise NoArea("it has no outline (a box or points only)")
        points = np.concatenate(list(polygons))
        height, width = size
        if unit == "pixels" and max(size) > 2 and points.min() >= 0 and points.max() <= 1:
            raise NoArea("its coordinates lie between 0 and 1, where pixels are expected")
        most = np.array([width, height])
        if (points.max(axis=0) <= 0).any() or (points.min(axis=0) >= most).any():
            raise NoArea(f"it lies beyond the image of {width}×{height} pixels")
        slack = _MOST_BEYOND * most + 2
        if not beyond and ((points < -slack).any() or (points > most + slack).any()):
            raise NoArea(f"it reaches beyond the image of {width}×{height} pixels, so that another one was annotated")
        mask = np.zeros(size, dtype=np.bool_)
        for polygon in polygons:
            mask |= fill_rings([polygon], size)
        if not mask.any():
            raise NoArea("its points lie on a line or within one pixel, it encloses no pixel")
        return mask

    return draw


def box_corners(left: float, top: float, right: float, bottom: float) -> Ring:
    """Give the corners of an upright rectangle, float64 (4, 2)."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)


def turn(points: Ring, degrees: float, about: tuple[float, float]) -> Ring:
    """Turn points, float64 (N, 2), clockwise on the screen (y points down) about a point."""
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned: Ring = (points - about) @ matrix + about
    return turned


def draw_ellipse(centre: Sequence[float], radii: Sequence[float], degrees: float = 0, beyond: bool = True) -> Draw:
    """Draw an ellipse turned clockwise: the pixels whose centres lie in it or on its rim.

    Parameters
    ----------
    centre, radii
        x and y in pixels.
    degrees
        Clockwise on the screen.
    beyond
        As in `draw_polygons`.
    """

    def draw(size: tuple[int, int]) -> NDArray[np.bool_]:
        if min(radii) <= 0:
            raise NoArea("its radius is not above 0")
        (x, y), most = centre, np.array([size[1], size[0]])
        if not beyond and ((np.array(centre) < 0).any() or (centre > most).any()):
            raise NoArea(f"it lies beyond the image of {size[1]}×{size[0]} pixels, so that another one was annotated")
        row, column = np.ogrid[: size[0], : size[1]]
        across, down = column + 0.5 - x, row + 0.5 - y
        cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        along, beside = (across * cosine + down * sine) / radii[0], (down * cosine - across * sine) / radii[1]
        inside: NDArray[np.bool_] = np.hypot(along, beside) <= 1
        return inside

    return draw


def not_drawn(kind: str) -> Draw:
    """Refuse a kind of annotation that encloses nothing, such as a line; told when its label is used."""

    def draw(size: tuple[int, int]) -> NDArray[np.bool_]:
        raise NoArea(f"it is a {kind[:40]}, which is no outline")

    return draw


def paste(small: NDArray[np.bool_], left: int, top: int) -> Draw:
    """Draw a small mask, bool (H, W), whose upper left pixel lies at (`left`, `top`)."""

    def draw(size: tuple[int, int]) -> NDArray[np.bool_]:
        height, width = small.shape
        if not small.any():
            raise NoArea("its run lengths or painted pixels are empty")
        if left < 0 or top < 0 or top + height > size[0] or left + width > size[1]:
            raise NoArea(f"it reaches beyond the image of {size[1]}×{size[0]} pixels")
        mask = np.zeros(size, dtype=np.bool_)
        mask[top : top + height, left : left + width] = small
        return mask

    return draw
