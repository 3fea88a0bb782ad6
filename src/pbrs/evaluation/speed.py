"""How long a model takes for one radiograph on this machine's CPU."""

import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pbrs.segmentation.segmenter import Segmenter

ROUNDS = 20
WARM_UP_ROUNDS = 3


def measure_milliseconds(models: Mapping[str, Path]) -> dict[str, float]:
    """Time one image through each model, network alone, ONNX Runtime's default threads.

    The models take turns, so that a machine that slows down slows them all; the median of 20 rounds counts.

    Parameters
    ----------
    models
        Model file by name.

    Returns
    -------
    dict
        Median milliseconds by name.
    """
    segmenters = {name: Segmenter.load(path) for name, path in models.items()}
    radiographs = {
        name: np.random.default_rng(0).random((1, 1, *segmenter.card.image_size), dtype=np.float32)
        for name, segmenter in segmenters.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in models}
    for round_number in range(WARM_UP_ROUNDS + ROUNDS):
        for name, segmenter in segmenters.items():
            started = time.perf_counter()
            segmenter.runtime.run(radiographs[name])
            if round_number >= WARM_UP_ROUNDS:
                taken[name].append((time.perf_counter() - started) * 1000)
    return {name: statistics.median(times) for name, times in taken.items()}
