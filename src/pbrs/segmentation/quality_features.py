"""What the network's output says of itself: how sure it is, and whether what it found could be a pelvis.

Nothing here looks at grey values: a real radiograph may look unlike all synthetic ones, and its mask be right.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.radiograph.placement import Placement

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

FINEST_PX = 170
"""Longer side at which pieces and holes are counted."""

HIPS = ("hip_left", "hip_right")
FEMORA = ("femur_left", "femur_right")
STRUCTURES = (*HIPS, "sacrum", *FEMORA)

GEOMETRY = (
    *("hip_share", "sacrum_share", "hip_balance", "femur_balance", "hips_apart", "axis_level", "sacrum_aside"),
    *("sacrum_above", "femora_below", "femora_apart", "femora_uneven", "hips_overlap", "femora_overlap"),
    *("hips_height", "sacrum_height", "pubis_height", "coccyx_below", "foramina"),
)
"""Features of where the structures lie and how large they are, whatever the network's certainty."""

_EPSILON = 1e-6

_PUBIC = 0.12
"""How far to either side of the middle the pubic bones are looked at, in units of the hips' distance."""


def seen_part(values: NDArray[Any], placement: Placement) -> NDArray[Any]:
    """Cut from values (…, h, w) of the network's size the part that the radiograph covers."""
    rows = slice(placement.top, placement.top + placement.height)
    return values[..., rows, placement.left : placement.left + placement.width]


def measure_output(output: Floats, channels: Sequence[str], threshold: float) -> dict[str, float]:
    """Measure the features of one output.

    Parameters
    ----------
    output
        float32 (C, h, w) in [0, 1]: the part that the radiograph covers, sides as in an image whose right is the
        patient's left.
    channels
        One name a channel; ``region`` among them.
    threshold
        Probability from which a pixel is bone.

    Returns
    -------
    dict
        Feature by name: those of the region, and for models with all five structures those of their arrangement. Areas
        are shares; distances are in units of that between the hips' centres.
    """
    found = dict(zip(channels, output, strict=True))
    region = found["region"]
    features = {
        "area": float((region >= threshold).mean()),
        **{f"region_{name}": value for name, value in _certainty(region, threshold).items()},
        "region_pieces": loose_share(region >= threshold),
        "region_contact": float(np.concatenate(border_of(region >= threshold)).mean()),
        "region_outline": _outline(region >= threshold),
    }
    if all(name in found for name in STRUCTURES):
        structures = {name: found[name] for name in STRUCTURES}
        features |= _structure_certainty(structures, region, threshold)
        features |= _arrangement(structures)
        features["foramina"] = float(np.mean([hole_areas(found[name] >= threshold)[:1].sum() for name in HIPS]))
    return features


def border_of(mask: Bools) -> tuple[Bools, Bools, Bools, Bools]:
    """Give the outermost rows and columns of a mask: top, bottom, left, right."""
    return mask[0], mask[-1], mask[:, 0], mask[:, -1]


def coarse(mask: Bools) -> Bools:
    """Leave out rows and columns until the longer side is at most about `FINEST_PX`."""
    step = max(1, round(max(mask.shape) / FINEST_PX))
    return mask[::step, ::step]


def loose_share(mask: Bools) -> float:
    """Tell what share of a mask lies outside its largest piece; 0 if it is empty."""
    from scipy import ndimage

    small = coarse(mask)
    label, count = ndimage.label(small, np.ones((3, 3), bool))
    if count < 2:
        return 0.0
    sizes = np.bincount(label.ravel())[1:]
    return float(1 - sizes.max() / sizes.sum())


def hole_areas(mask: Bools) -> NDArray[np.float64]:
    """Give the areas of a mask's holes, largest first, as shares of the mask's own; holes at the border are none."""
    from scipy import ndimage

    small = np.pad(coarse(mask), 1)
    label, count = ndimage.label(~small)
    sizes = np.bincount(label.ravel(), minlength=count + 1).astype(np.float64)
    # Label 0 is the mask itself, and the first pixel lies outside it.
    holes = np.delete(sizes, [0, label[0, 0]])
    return np.sort(holes)[::-1] / max(int(small.sum()), 1)


def _certainty(probability: Floats, threshold: float) -> dict[str, float]:
    """Measure how sure the network is of one channel.

    ``expected`` is the IoU that the mask would have if every probability were right: E|A∩B| / E|A∪B|.
    """
    mask = probability >= threshold
    total, inside, count = float(probability.sum()), float(probability[mask].sum()), int(mask.sum())
    pixels = probability.size
    doubt = 4 * (total - float(np.vdot(probability, probability)))
    return {
        "sure": inside / count if count else 0.0,
        "doubt": doubt / max(total, 0.01 * pixels),
        "expected": inside / max(count + total - inside, 0.01 * pixels),
    }


def _structure_certainty(structures: dict[str, Floats], region: Floats, threshold: float) -> dict[str, float]:
    masks = {name: values >= threshold for name, values in structures.items()}
    certainty = {name: _certainty(values, threshold) for name, values in structures.items()}
    expected = {name: values["expected"] for name, values in certainty.items()}
    union, whole = np.logical_or.reduce(list(masks.values())), region >= threshold
    loose = [loose_share(mask) if mask.any() else 1.0 for mask in masks.values()]
    return {
        "hip_expected": (expected["hip_left"] + expected["hip_right"]) / 2,
        "sacrum_expected": expected["sacrum"],
        "femur_expected": (expected["femur_left"] + expected["femur_right"]) / 2,
        "least_expected": min(expected.values()),
        "mean_doubt": float(np.mean([values["doubt"] for values in certainty.values()])),
        "agreement": float((union & whole).sum() / max(int((union | whole).sum()), 1)),
        "missing": float(sum(mask.mean() < 0.003 for mask in masks.values())),
        "mean_pieces": float(np.mean(loose)),
        "most_pieces": float(np.max(loose)),
    }


def _arrangement(structures: dict[str, Floats]) -> dict[str, float]:
    """Measure sizes and places, from probabilities: they change smoothly, and are there when a mask is empty."""
    height, width = structures["sacrum"].shape
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    squared = {name: np.square(values) for name, values in structures.items()}
    rows = {name: values.sum(1, dtype=np.float64) for name, values in squared.items()}
    columns = {name: values.sum(0, dtype=np.float64) for name, values in squared.items()}
    least = _EPSILON * height * width
    mass = {name: float(values.sum()) + least for name, values in rows.items()}
    # What was not found at all lies in the image's middle.
    centre = {
        name: np.array(
            [
                (columns[name] @ x + least * width / 2) / mass[name],
                (rows[name] @ y + least * height / 2) / mass[name],
            ]
        )
        for name in structures
    }
    hips, femora = mass["hip_left"] + mass["hip_right"], mass["femur_left"] + mass["femur_right"]
    total = hips + femora + mass["sacrum"]
    axis = centre["hip_left"] - centre["hip_right"]
    apart = max(float(np.hypot(*axis)), 0.02 * width)
    across, down = axis / apart, np.array([-axis[1], axis[0]]) / apart
    middle = (centre["hip_left"] + centre["hip_right"]) / 2
    place = {
        name: np.array([(centre[name] - middle) @ across, (centre[name] - middle) @ down]) / apart for name in centre
    }
    both_rows, both_columns = (part["hip_left"] + part["hip_right"] for part in (rows, columns))
    # Of the hip bones, what lies near the middle column: the pubic bones at the symphysis.
    near = np.exp(-np.square((x - middle[0]) / (_PUBIC * apart)))
    pubis = (squared["hip_left"] + squared["hip_right"]) @ near
    sacrum_top, sacrum_tip = _rows_between(rows["sacrum"], 0.02, 0.98)
    pubis_top, pubis_bottom = _rows_between(pubis, 0.1, 0.9)
    return {
        "hip_share": hips / total,
        "sacrum_share": mass["sacrum"] / total,
        "hip_balance": abs(float(np.log(mass["hip_left"] / mass["hip_right"]))),
        "femur_balance": abs(float(np.log(mass["femur_left"] / mass["femur_right"]))),
        "hips_apart": apart / float(np.sqrt(hips)),
        "axis_level": float(across[0]),
        "sacrum_aside": abs(float(place["sacrum"][0])),
        "sacrum_above": float(-place["sacrum"][1]),
        "femora_below": float(place["femur_left"][1] + place["femur_right"][1]) / 2,
        "femora_apart": float(place["femur_left"][0] - place["femur_right"][0]),
        "femora_uneven": abs(float(place["femur_left"][1] - place["femur_right"][1])),
        "hips_overlap": _overlap(squared["hip_left"], squared["hip_right"]),
        "femora_overlap": _overlap(squared["femur_left"], squared["femur_right"]),
        "hips_height": _spread(both_rows, y) / max(_spread(both_columns, x), 1.0),
        # These three change as the pelvis tilts: in an inlet view the sacrum is short, in an outlet view it is long.
        "sacrum_height": (sacrum_tip - sacrum_top) / apart,
        "pubis_height": (pubis_bottom - pubis_top) / apart,
        "coccyx_below": (sacrum_tip - pubis_top) / apart,
    }


def _rows_between(mass: NDArray[np.floating], low: float, high: float) -> tuple[float, float]:
    """Give the rows above which these shares of a profile's mass lie."""
    share = np.cumsum(mass + _EPSILON)
    rows = np.searchsorted(share, np.array([low, high]) * share[-1])
    return float(rows[0]), float(rows[1])


def _overlap(one: Floats, other: Floats) -> float:
    return float(np.minimum(one, other).sum() / (np.minimum(one.sum(), other.sum()) + _EPSILON * one.size))


def _spread(mass: NDArray[np.floating], place: NDArray[np.floating]) -> float:
    total = mass.sum() + _EPSILON
    middle = mass @ place / total
    return float(np.sqrt(mass @ (place - middle) ** 2 / total))


def _outline(mask: Bools) -> float:
    """Tell the length of a mask's outline by the root of its area: 3.5 for a disc; 0 if it is empty."""
    area = int(mask.sum())
    steps = int((mask[1:] ^ mask[:-1]).sum() + (mask[:, 1:] ^ mask[:, :-1]).sum())
    return steps / np.sqrt(area) if area else 0.0
