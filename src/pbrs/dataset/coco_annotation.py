"""One mask as a COCO annotation: polygons, or run lengths where it has holes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.rings import trace_rings
from pbrs.dataset.rle import encode_runs, runs_to_text


def annotate_mask(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Give COCO's segmentation, area, bounding box and crowd flag of a mask.

    Parameters
    ----------
    mask
        bool (H, W), not empty: COCO has no annotation of nothing.

    Returns
    -------
    dict
        ``segmentation`` is a list of polygons along the pixel edges where the mask has no holes, and compressed run
        lengths where it has some, because COCO's polygons cannot say holes.
    """
    outer, holes = trace_rings(mask)
    segmentation: Any
    if holes:
        segmentation = {"size": list(mask.shape), "counts": runs_to_text(encode_runs(mask))}
    else:
        segmentation = [ring.astype(int).ravel().tolist() for ring in outer]
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    return {
        "segmentation": segmentation,
        "area": int(mask.sum()),
        "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
        "iscrowd": 0,
    }
