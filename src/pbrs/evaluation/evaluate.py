"""Scoring a model on cases of a dataset, at their native resolution."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset import Dataset
from pbrs.evaluation.scores import Scores, score_masks
from pbrs.radiograph.radiograph import Radiograph

REGION = "region"


class Segmented(Protocol):
    """What a segmenter gives for one radiograph."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The region, bool (H, W) of the radiograph's shape."""

    @property
    def structures(self) -> Mapping[str, NDArray[np.bool_]]:
        """The structures by name, each bool (H, W)."""


class Segments(Protocol):
    """Anything that segments a radiograph; `pbrs.segmentation.Segmenter` does."""

    def segment(self, radiograph: Radiograph, threshold: float | None = None, views: Sequence[str] = ()) -> Segmented:
        """Segment one radiograph; the model's own threshold if none is given."""


def evaluate(
    segmenter: Segments,
    dataset: Dataset,
    stems: Iterable[str],
    threshold: float | None = None,
    views: Sequence[str] = (),
) -> dict[str, list[tuple[str, Scores]]]:
    """Score each case: one image in memory at a time, so that the scores know no batch size.

    Parameters
    ----------
    segmenter
        The model.
    dataset, stems
        The cases, scored in the order given.
    threshold
        Probability from which a pixel belongs to the region; the model's own if None.
    views
        Test-time views to average over.

    Returns
    -------
    dict
        Stem and scores of each case: under ``"region"``, and under the name of each structure that the model finds and
        the dataset has a mask of, for the cases that have one. Millimetres are there for images whose file tells its
        spacing.

    Raises
    ------
    InputError
        If an image or a mask cannot be read.
    """
    rows: dict[str, list[tuple[str, Scores]]] = {REGION: []}
    for stem in stems:
        radiograph, truth = dataset.read(stem)
        found = segmenter.segment(radiograph, threshold, views)
        rows[REGION].append((stem, score_masks(found.mask, truth, radiograph.spacing_mm)))
        for name, mask in found.structures.items():
            structure = dataset.read_structure(stem, name, radiograph.shape)
            if structure is not None:
                rows.setdefault(name, []).append((stem, score_masks(mask, structure, radiograph.spacing_mm)))
    return rows
