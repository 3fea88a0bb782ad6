"""Scoring a model on cases of a dataset, at their native resolution."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset import Dataset
from pbrs.evaluation.scores import Scores, score_masks
from pbrs.radiograph.radiograph import Radiograph


class Segmented(Protocol):
    """What a segmenter gives for one radiograph."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The region, bool (H, W) of the radiograph's shape."""


class Segments(Protocol):
    """Anything that segments a radiograph; `pbrs.segmentation.Segmenter` does."""

    def segment(self, radiograph: Radiograph, threshold: float | None = None) -> Segmented:
        """Segment one radiograph; the model's own threshold if none is given."""


def evaluate(
    segmenter: Segments,
    dataset: Dataset,
    stems: Sequence[str],
    threshold: float | None = None,
    progress: Callable[[str, Scores], None] | None = None,
) -> list[tuple[str, Scores]]:
    """Score the region of each case: one image in memory at a time, so that the scores know no batch size.

    Parameters
    ----------
    segmenter
        The model.
    dataset, stems
        The cases, scored in the order given.
    threshold
        Probability from which a pixel belongs to the region; the model's own if None.
    progress
        Called after each case with its stem and scores.

    Returns
    -------
    list of (str, Scores)
        Millimetres are there for images whose file tells its spacing.

    Raises
    ------
    InputError
        If an image or a mask cannot be read.
    """
    rows = []
    for stem in stems:
        radiograph, truth = dataset.read(stem)
        scores = score_masks(segmenter.segment(radiograph, threshold).mask, truth, radiograph.spacing_mm)
        rows.append((stem, scores))
        if progress is not None:
            progress(stem, scores)
    return rows
