"""One radiograph in, one segmentation out."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pbrs.modelfile.card import ModelCard, parse_card
from pbrs.radiograph.placement import Placement
from pbrs.radiograph.radiograph import Radiograph
from pbrs.segmentation.runtime import OnnxRuntime


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The pelvic bone region of one radiograph, at its native size.

    Attributes
    ----------
    probability
        float32 (H, W) in [0, 1]: of the region.
    mask
        bool (H, W): probability ≥ threshold.
    structures
        bool (H, W) by name, for models that have them; they may overlap.
    threshold
        The one that was used.
    box
        Top, left, bottom and right of the mask in pixels, bottom and right exclusive; None if the mask is empty.
    milliseconds
        For placing, network and restoring.
    warnings
        One line each.
    """

    probability: NDArray[np.float32]
    mask: NDArray[np.bool_]
    structures: dict[str, NDArray[np.bool_]]
    threshold: float
    box: tuple[int, int, int, int] | None
    milliseconds: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Segmenter:
    """A loaded model.

    Attributes
    ----------
    card
        What the model says of itself.
    sha256
        Of the model file, hexadecimal.
    """

    card: ModelCard
    sha256: str
    runtime: OnnxRuntime

    @classmethod
    def load(cls, path: Path, threads: int = 0) -> "Segmenter":
        """Load a model file, or the model file of a run's folder.

        Parameters
        ----------
        path
            A file, or a folder with ``model.onnx`` in it.
        threads
            Threads to compute one image with; 0 leaves it to the runtime.

        Raises
        ------
        pbrs.errors.InputError
            If it cannot be loaded or is not ours.
        """
        file = path / "model.onnx" if path.is_dir() else path
        runtime = OnnxRuntime.load(file, threads)
        return cls(parse_card(runtime.metadata, file.name), runtime.sha256, runtime)

    def segment(self, radiograph: Radiograph, threshold: float | None = None) -> Segmentation:
        """Segment one radiograph.

        Parameters
        ----------
        radiograph
            Of any size.
        threshold
            Probability from which a pixel is bone; the card's if None.
        """
        started = time.perf_counter()
        threshold = self.card.threshold if threshold is None else threshold
        placement = Placement.fit(radiograph.shape, self.card.image_size, self.card.placement)
        (output,) = self.runtime.run(placement.place(radiograph.pixels)[None, None])
        # Probabilities go back to the native size, and are compared there: a restored mask would have steps.
        restored = {name: placement.restore(channel) for name, channel in zip(self.card.channels, output, strict=True)}
        probability = restored["region"]
        mask = probability >= threshold
        return Segmentation(
            probability=probability,
            mask=mask,
            structures={name: values >= threshold for name, values in restored.items() if name != "region"},
            threshold=threshold,
            box=bounding_box(mask),
            milliseconds=(time.perf_counter() - started) * 1000,
            warnings=() if mask.any() else ("no pelvic bone region found",),
        )


def bounding_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Find top, left, bottom and right (exclusive) of what is True in a mask (H, W); None if nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
