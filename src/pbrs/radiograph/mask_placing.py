"""Laying a mask over its radiograph: by its size, by its geometry, or resized to it.

1. A mask of the radiograph's size is never moved, only turned to rows and columns (`mask_orientation`).
2. One that says which part of the image it is (3D Slicer) or where its pixels lie is placed there. The image's spacing
   is what the mask was drawn at: if the mask has a spacing that the radiograph's file states, both have the same
   pixels. Otherwise the mask is resampled, nearest pixel, by the spacing of a DICOM radiograph, or, by a factor that
   programs resample with, by a picture's resolution or the 1 mm that ITK gives one; a mask whose first pixel lies a
   whole number of its own pixels from the origin may also have the picture's pixels. Where two readings are possible
   and differ, the mask is refused, and so is one that lies beyond the radiograph.
3. A mask without geometry may be resized where that is asked for, if its proportions are the image's. One at the
   origin with a spacing of 1 is such a mask: programs write that where they know nothing.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import affine_transform

from pbrs.errors import InputError
from pbrs.radiograph.image_grid import ImageGrid, axes_of_letters
from pbrs.radiograph.mask_orientation import is_exchanged, to_rows_and_columns
from pbrs.radiograph.mask_segment import DrawnOn, MaskGeometry

_SAME_SPACING = 2e-3
"""Relative: decimal strings of spacings are rounded."""

_WHOLE = 0.02
"""Of a pixel: how far from a whole number of pixels an origin may be."""

_FACTORS = (1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4, 6, 8, 10, 16)
"""Of resampling over a picture: 3D Slicer's oversampling, and what programs shrink by."""

Mask = NDArray[np.bool_]


def lay_over(mask: Mask, geometry: MaskGeometry | None, image: ImageGrid, source: str, resize: bool) -> Mask:
    """Lay a mask over its radiograph.

    Parameters
    ----------
    mask
        bool (X, Y), in index order.
    geometry
        Where its pixels lie, if its file says so.
    image
        The radiograph's grid.
    source
        The mask's file, for messages.
    resize
        Resize a mask of another size that has no geometry, nearest pixel, instead of refusing it.

    Returns
    -------
    numpy.ndarray
        bool (H, W), of the radiograph's shape.

    Raises
    ------
    InputError
        If it is of another size and has no geometry (or `resize` is set and the proportions differ), lies beyond the
        radiograph, or may lie in two places.
    """
    steps = None if geometry is None else _steps_in(image, geometry)
    turned = to_rows_and_columns(mask, steps)
    if turned.shape == image.shape:
        return turned
    if geometry is None or steps is None or geometry.letters_only or _says_nothing(geometry):
        return resized(turned, image.shape, source, resize)
    drawn_on = geometry.drawn_on or DrawnOn()
    if drawn_on.size is not None:
        return _over_told_image(mask, geometry, drawn_on, image, source)
    if abs(np.linalg.det(steps)) < 1e-6 * np.abs(geometry.steps).max() ** 2:
        raise _unclear(turned, image, source, "it does not lie in the radiograph's plane")
    if is_exchanged(steps):
        first = None if drawn_on.first is None else (drawn_on.first[1], drawn_on.first[0])
        mask, steps = np.ascontiguousarray(mask.T), np.ascontiguousarray(steps[:, ::-1])
    else:
        first = drawn_on.first
    own = (float(np.linalg.norm(steps[:, 1])), float(np.linalg.norm(steps[:, 0])))
    is_stated = any(_is_same(own, spacing) for spacing in image.stated)
    if first is not None and (is_stated or image.spacing_mm is None or _is_same(own, (1.0, 1.0))):
        return _pasted(mask, first, steps, image, source)
    origin = image.axes.T @ (geometry.origin - image.origin)
    spacings = _spacings(mask, origin, own, is_stated, image)
    if not spacings:
        raise _unclear(turned, image, source, "it has a spacing that the radiograph does not state")
    places = [_sampled(mask, origin, steps, spacing, image) for spacing in spacings]
    inside = [place for place in places if place is not None]
    if not inside:
        raise _beyond(turned, image, source)
    if any((place != inside[0]).any() for place in inside[1:]):
        raise _unclear(turned, image, source, "its spacing is not the radiograph's, and it could lie in two places")
    if _is_corner(mask, origin, own, image) and is_stated:
        raise _unclear(turned, image, source, "it is smaller, has its proportions, and lies in its first corner")
    return inside[0]


def resized(mask: Mask, shape: tuple[int, int], source: str, resize: bool) -> Mask:
    """Resize a mask (H, W) without geometry to `shape`, nearest pixel, if asked to; raises InputError if it may not."""
    size = f"mask {mask.shape[1]}×{mask.shape[0]} does not match image {shape[1]}×{shape[0]} ({source})"
    if not have_same_proportions((mask.shape[0], mask.shape[1]), shape):
        raise InputError(
            f"{size}, and has other proportions: it was cropped or squashed; export it at the image's size"
        )
    if not resize:
        raise InputError(f"{size}: export it at the image's size, or pass --resize-masks")
    picture = Image.fromarray(mask).resize((shape[1], shape[0]), Image.Resampling.NEAREST)
    return np.asarray(picture, dtype=np.bool_)


def have_same_proportions(drawn: tuple[int, int], shape: tuple[int, int]) -> bool:
    """Tell whether one size is the other times a factor, but for one pixel of the smaller on either side."""
    (height, width), (rows, columns) = sorted((drawn, shape))
    least = max((height - 1) / rows, (width - 1) / columns)
    most = min((height + 1) / rows, (width + 1) / columns)
    return least <= most


def _steps_in(image: ImageGrid, geometry: MaskGeometry) -> NDArray[np.float64] | None:
    """Give a mask's steps along the image's columns and rows, (2, 2); None where nothing relates them."""
    if not geometry.letters_only:
        return image.axes.T @ geometry.steps
    if not image.letters:
        return None
    steps = axes_of_letters(image.letters).T @ geometry.steps
    return steps if abs(np.linalg.det(steps)) > 0.5 else None


def _says_nothing(geometry: MaskGeometry) -> bool:
    plain = np.allclose(np.sort(np.abs(geometry.steps).max(axis=0)), 1) and not np.any(geometry.origin)
    return bool(plain and geometry.drawn_on is None)


def _is_same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return bool(np.allclose(one, other, rtol=_SAME_SPACING, atol=0))


def _is_resampled(own: tuple[float, float], spacing: tuple[float, float]) -> bool:
    factors = [one / other for one, other in zip(own, spacing, strict=True)]
    return any(np.allclose(factors, factor, rtol=_SAME_SPACING) for factor in _FACTORS)


def _spacings(
    mask: Mask, origin: NDArray[np.float64], own: tuple[float, float], is_stated: bool, image: ImageGrid
) -> list[tuple[float, float]]:
    """Give the spacings, row and column, that the radiograph may have for the program that wrote the mask."""
    if is_stated:
        return [own]
    first = origin / (own[1], own[0])
    is_whole = bool(np.abs(first - np.round(first)).max() < _WHOLE) and not _is_corner(mask, origin, own, image)
    if image.spacing_mm is None:
        # Of a picture: what its resolution says, else ITK's 1 mm, by a factor that programs resample with.
        stated = [spacing for spacing in image.stated[:1] if _is_resampled(own, spacing)]
        return stated or [own] * is_whole + [(1.0, 1.0)] * _is_resampled(own, (1.0, 1.0))
    if _is_same(own, (1.0, 1.0)) and is_whole:
        return [own, image.spacing_mm]
    return [image.spacing_mm]


def _is_corner(mask: Mask, origin: NDArray[np.float64], own: tuple[float, float], image: ImageGrid) -> bool:
    """Tell whether a mask looks like the whole image at another size whose geometry was not adapted."""
    at_origin = np.abs(origin / (own[1], own[0])).max() < 0.75
    return bool(at_origin) and have_same_proportions((mask.shape[1], mask.shape[0]), image.shape)


def _sampled(
    mask: Mask, origin: NDArray[np.float64], steps: NDArray[np.float64], spacing: tuple[float, float], image: ImageGrid
) -> Mask | None:
    """Sample a mask in the image's pixels, (H, W); None where bone lies beyond the image."""
    pixel = np.diag([spacing[1], spacing[0]])
    to_image = np.linalg.solve(pixel, steps)  # from the mask's index to column and row
    first = np.linalg.solve(pixel, origin)
    if np.allclose(np.abs(to_image), np.eye(2), atol=4 * _SAME_SPACING):
        to_image, first = np.round(to_image), np.round(first)  # the same pixels: no drift over the width
    bone = np.argwhere(mask)
    if len(bone):
        corners = np.array([bone.min(axis=0), bone.max(axis=0)])
        ends = np.array([(x, y) for x in corners[:, 0] for y in corners[:, 1]]) @ to_image.T + first
        size = np.array([image.shape[1], image.shape[0]])
        if (ends < -0.501).any() or (ends > size - 0.499).any():
            return None
    to_mask = np.linalg.inv(to_image)
    found = affine_transform(
        mask.astype(np.uint8),
        to_mask,
        -to_mask @ first,
        output_shape=(image.shape[1], image.shape[0]),
        order=0,
        mode="grid-constant",
    )
    return np.ascontiguousarray(found.T) > 0


def _pasted(mask: Mask, first: tuple[int, int], steps: NDArray[np.float64], image: ImageGrid, source: str) -> Mask:
    """Put a mask at its index of the image that it was drawn on, then turn both as the whole image would be."""
    size = (image.shape[1], image.shape[0])
    unturned = replace(image, axes=np.eye(3)[:, :2], origin=np.zeros(3))
    whole = _sampled(mask, np.asarray(first, np.float64), np.eye(2), (1.0, 1.0), unturned)
    if whole is None:
        raise _beyond(mask.T, image, source)
    return to_rows_and_columns(whole.T.reshape(size), steps)


def _over_told_image(mask: Mask, geometry: MaskGeometry, drawn_on: DrawnOn, image: ImageGrid, source: str) -> Mask:
    """Place a mask in the image whose whole geometry its file tells, and that image over the radiograph."""
    assert drawn_on.size is not None
    assert drawn_on.origin is not None
    assert drawn_on.steps is not None
    told = image.axes.T @ drawn_on.steps
    size = drawn_on.size[::-1] if is_exchanged(told) else drawn_on.size
    if (size[1], size[0]) != image.shape:
        raise InputError(
            f"{source}: drawn on an image of {size[0]}×{size[1]} pixels, but this one has "
            f"{image.shape[1]}×{image.shape[0]}: choose the image it was drawn on"
        )
    # Least squares: both planes are the same, in whatever direction of space they lie.
    to_index = np.linalg.pinv(drawn_on.steps)
    steps, first = to_index @ geometry.steps, to_index @ (geometry.origin - drawn_on.origin)
    grid = ImageGrid((drawn_on.size[1], drawn_on.size[0]))
    whole = None if abs(np.linalg.det(steps)) < 1e-6 else _sampled(mask, first, steps, (1.0, 1.0), grid)
    if whole is None:
        raise _beyond(mask.T, image, source)
    return to_rows_and_columns(np.ascontiguousarray(whole.T), told)


def _beyond(mask: NDArray[np.bool_], image: ImageGrid, source: str) -> InputError:
    return _unclear(mask, image, source, "it lies beyond it")


def _unclear(mask: NDArray[np.bool_], image: ImageGrid, source: str, why: str) -> InputError:
    return InputError(
        f"mask {mask.shape[1]}×{mask.shape[0]} cannot be placed in image {image.shape[1]}×{image.shape[0]} ({source}): "
        f"by its geometry {why}; export it in the geometry of the image it was drawn on, at that image's size"
    )
