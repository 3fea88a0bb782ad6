"""Pieces of a structure that lie too far from its bone to be a fragment of it: rulers, markers, other limbs."""

from collections.abc import Sequence

import numpy as np

from pbrs.segmentation.quality_features import HIPS, STRUCTURES, Floats

FARTHEST = 0.35
"""In units of the distance between the hip bones' centres, some 5 cm: no fragment of a fracture lies as far away."""

_LEAST_APART = 0.15
"""Of the width: hip bones that lie closer together are none, and no measure."""

_MOST_PIECES = 6
"""In more pieces lies nothing that was found for certain: it is left as it is, for the warnings to tell."""

_SEAM_PX = 3
"""What is cleared around a piece: its blurred border."""


def drop_strays(output: Floats, channels: Sequence[str], threshold: float) -> tuple[Floats, tuple[str, ...]]:
    """Clear pieces that cannot belong to the bone that they are called.

    Parameters
    ----------
    output
        float32 (C, h, w) in [0, 1]: the part that the radiograph covers.
    channels
        One name a channel; without all five structures nothing is done.
    threshold
        Probability from which a pixel is bone.

    Returns
    -------
    output, names
        The output itself, or a copy in which such pieces are 0 and the region there no more than other structures; and
        the names of the structures that lost one.
    """
    from scipy import ndimage

    if not all(name in channels for name in STRUCTURES):
        return output, ()
    place = {name: channels.index(name) for name in (*STRUCTURES, "region")}
    masks = {name: output[place[name]] >= threshold for name in STRUCTURES}
    areas = sorted(int(masks[name].sum()) for name in HIPS)
    # Of one hip alone there is no distance to measure by.
    if areas[0] < 0.3 * areas[1] or areas[0] == 0:
        return output, ()
    centres = [np.argwhere(masks[name]).mean(0) for name in HIPS]
    apart = float(np.hypot(*(centres[0] - centres[1])))
    if apart < _LEAST_APART * output.shape[2]:
        return output, ()
    far = FARTHEST * apart
    cleared, names = output, []
    for name, mask in masks.items():
        label, count = ndimage.label(mask, np.ones((3, 3), bool))
        if not 2 <= count <= _MOST_PIECES:
            continue
        main = label == 1 + np.argmax(np.bincount(label.ravel())[1:])
        away = ndimage.distance_transform_edt(~main)
        nearest = np.asarray(ndimage.minimum(away, label, np.arange(1, count + 1)))
        stray = np.isin(label, 1 + np.flatnonzero(nearest > far))
        if stray.any():
            cleared = cleared.copy() if cleared is output else cleared
            seam = ndimage.binary_dilation(stray, iterations=_SEAM_PX) & (stray | ~mask)
            cleared[place[name], seam] = 0
            # The region is nowhere smaller than what is left of the structures.
            others = np.max([cleared[place[other]] for other in STRUCTURES], axis=0)
            region = cleared[place["region"]]
            region[seam] = np.minimum(region, others)[seam]
            names.append(name)
    return cleared, tuple(names)
