"""What grey values tell of a segmentation: contrast, burnt bone, metal, and joints that are not bone yet."""

import numpy as np
from numpy.typing import NDArray

from pbrs.segmentation.quality_features import FEMORA, HIPS, Bools, Floats

_MOST_PIECES = 12
"""Bright pieces looked at for metal, the largest."""

_LEAST_PIECE_PX = 15
_METAL_FROM = (0.45, 0.65)
"""How far from the middle grey of bone to the brightest of the radiograph metal begins; both are tried."""

_JOINT = 0.2
"""Radius of a hip joint, in units of the distance between the hip bones' centres."""


def measure_grey(placed: Floats, region: Bools) -> dict[str, float]:
    """Measure contrast, burnt bone and polarity.

    Parameters
    ----------
    placed
        float32 (h, w) in [0, 1], bone bright.
    region
        bool (h, w); not empty.

    Returns
    -------
    dict
        ``range``, ``burnt`` and ``bone_step``; see docs/quality.md.
    """
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    low, high = np.quantile(placed[box][::2, ::2], (0.05, 0.95))
    bone = placed[region]
    burnt = float(((bone >= 0.99) | (bone <= 0.01)).mean())
    near = _grown(region, 4) & ~_grown(region, 1)
    step = float(bone.mean() - placed[near].mean()) if near.any() else 0.0
    return {"range": float(high - low), "burnt": burnt, "bone_step": step}


def measure_metal(placed: Floats, region: Bools) -> float:
    """Measure the piece in or at the region that looks most like metal: 100 × its share of the region × step × edge.

    Metal is far brighter than bone (step: its mean less the median of what surrounds it) and ends within a pixel (edge:
    the lower quartile of the gradient along its border). Bone's own brightness is the median of the region's inside,
    which neither text beside it nor metal in it lifts.

    Parameters
    ----------
    placed
        float32 (h, w) in [0, 1], bone bright.
    region
        bool (h, w); not empty.
    """
    from scipy import ndimage

    inside = ndimage.binary_erosion(region, iterations=2)
    bone = float(np.median(placed[inside if inside.sum() > 50 else region]))
    brightest = float(np.quantile(placed[::2, ::2], 0.998))
    bright = placed >= bone + min(_METAL_FROM) * (brightest - bone)
    near = ndimage.binary_dilation(region, iterations=3)
    if brightest <= bone or not (bright & near).any():
        return 0.0
    gradient = ndimage.gaussian_gradient_magnitude(placed, 0.7)
    most = 0.0
    for share in _METAL_FROM:
        core = ndimage.binary_opening(placed >= bone + share * (brightest - bone), np.ones((2, 2), bool))
        label, count = ndimage.label(core)
        whole = np.bincount(label.ravel(), minlength=count + 1)[1:]
        sizes = np.bincount(label[near], minlength=count + 1)[1:]
        # What lies mostly beside the bones is a marker, a frame or the table.
        sizes = np.where(4 * sizes > whole, sizes, 0)
        boxes = ndimage.find_objects(label)
        for number in np.argsort(-sizes)[:_MOST_PIECES]:
            if sizes[number] >= _LEAST_PIECE_PX:
                around = tuple(slice(max(side.start - 5, 0), side.stop + 5) for side in boxes[number])
                piece = label[around] == number + 1
                most = max(most, int(sizes[number]) * _metallic(piece, placed[around], gradient[around]))
    return 100 * most / float(region.sum())


def _metallic(piece: Bools, grey: Floats, gradient: Floats) -> float:
    from scipy import ndimage

    ring = ndimage.binary_dilation(piece, iterations=4) & ~ndimage.binary_dilation(piece)
    if not ring.any():
        return 0.0
    step = float(grey[piece].mean() - np.median(grey[ring]))
    border = piece & ~ndimage.binary_erosion(piece)
    return max(step, 0.0) * float(np.quantile(gradient[border], 0.25))


def measure_joints(structures: dict[str, Floats], placed: Floats, region: Bools) -> float | None:
    """Tell how much of the hip joints is bone, as brightness: about 1 in adults, less where there is still cartilage.

    Within each joint (a circle about where hip bone and femur meet) the region's pixels are compared with the soft
    tissue near them; the 20th percentile of that, as a share of the median of all bone. Mean of both sides.

    Parameters
    ----------
    structures
        float32 (h, w) in [0, 1] by name: hip bones and femora.
    placed
        float32 (h, w) in [0, 1], bone bright.
    region
        bool (h, w).

    Returns
    -------
    float or None
        None where no joint is seen, or none is brighter than what surrounds it.
    """
    from scipy import ndimage

    half = slice(None, None, 2), slice(None, None, 2)
    grey, bone = placed[half], region[half]
    found = {name: structures[name][half] for name in (*HIPS, *FEMORA)}
    centres = [_centre(np.square(found[name])) for name in HIPS]
    apart = max(float(np.hypot(*(centres[0] - centres[1]))), 5.0)
    tissue = ~ndimage.binary_dilation(bone)
    weight = ndimage.gaussian_filter(tissue.astype(np.float32), 0.12 * apart)
    around = ndimage.gaussian_filter(np.where(tissue, grey, 0), 0.12 * apart) / np.maximum(weight, 1e-3)
    brighter = grey - around
    inside = bone & ~(tissue | ndimage.binary_dilation(tissue, iterations=1))
    if not inside.any() or (usual := float(np.median(brighter[inside]))) <= 0:
        return None
    y, x = np.mgrid[: bone.shape[0], : bone.shape[1]]
    shares = []
    for hip, femur in zip(HIPS, FEMORA, strict=True):
        meeting = ndimage.gaussian_filter(found[hip], 0.08 * apart) * ndimage.gaussian_filter(
            found[femur], 0.08 * apart
        )
        row, column = _centre(meeting)
        joint = (np.hypot(y - row, x - column) < _JOINT * apart) & inside
        if joint.sum() >= 10:
            shares.append(float(np.quantile(brighter[joint], 0.2)) / usual)
    found_share = float(np.mean(shares)) if shares else 0.0
    # Below 0, where what surrounds a joint is brighter than it: a frame, or a burnt-out side.
    return found_share if found_share > 0 else None


def _centre(mass: Floats) -> NDArray[np.float64]:
    total = float(mass.sum()) + 1e-6
    rows, columns = np.arange(mass.shape[0]), np.arange(mass.shape[1])
    return np.array([float(mass.sum(1) @ rows), float(mass.sum(0) @ columns)]) / total


def _grown(mask: Bools, by: int) -> Bools:
    """Grow a mask by a square of `by` pixels each way."""
    grown = mask
    for axis in (0, 1):
        grown = _any_within(grown, by, axis)
    return grown


def _any_within(mask: Bools, by: int, axis: int) -> Bools:
    count = np.cumsum(np.insert(mask.astype(np.int32), 0, 0, axis=axis), axis=axis)
    length = mask.shape[axis]
    high = np.minimum(np.arange(length) + by + 1, length)
    low = np.maximum(np.arange(length) - by, 0)
    return np.asarray(np.take(count, high, axis) > np.take(count, low, axis))
