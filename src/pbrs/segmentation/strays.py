"""Pieces of a structure that lie too far from its bone to be a fragment of it: rulers, markers, other limbs."""

from collections.abc import Sequence

import numpy as np

from pbrs.segmentation.quality_features import HIPS, STRUCTURES, Floats

FARTHEST = 0.35
"""In units of the distance between the hip bones' centres, some 5 cm: no fragment of a fracture lies as far away."""

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
        The output itself, or a copy in which such pieces are 0, in the region too where no other structure is; and the
        names of the structures that lost one.
    """
    from scipy import ndimage

    if not all(name in channels for name in STRUCTURES):
        return output, ()
    place = {name: channels.index(name) for name in (*STRUCTURES, "region")}
    masks = {name: output[place[name]] >= threshold for name in STRUCTURES}
    if not all(masks[name].any() for name in HIPS):
        return output, ()
    centres = [np.argwhere(masks[name]).mean(0) for name in HIPS]
    far = FARTHEST * float(np.hypot(*(centres[0] - centres[1])))
    cleared, names = output, []
    for name, mask in masks.items():
        label, count = ndimage.label(mask, np.ones((3, 3), bool))
        if count < 2:
            continue
        main = label == 1 + np.argmax(np.bincount(label.ravel())[1:])
        away = ndimage.distance_transform_edt(~main)
        nearest = np.asarray(ndimage.minimum(away, label, np.arange(1, count + 1)))
        stray = np.isin(label, 1 + np.flatnonzero(nearest > far))
        if stray.any():
            cleared = cleared.copy() if cleared is output else cleared
            seam = ndimage.binary_dilation(stray, iterations=_SEAM_PX) & (stray | ~mask)
            cleared[place[name], seam] = 0
            others = np.logical_or.reduce([cleared[place[other]] >= threshold for other in STRUCTURES])
            cleared[place["region"], seam & ~others] = 0
            names.append(name)
    return cleared, tuple(names)
