"""One radiograph in, one segmentation out; or many."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pbrs.errors import InputError
from pbrs.modelfile.card import ModelCard
from pbrs.modelfile.store import find_model, is_model_name
from pbrs.radiograph import Polarity, read_radiograph
from pbrs.radiograph.placement import Placement
from pbrs.radiograph.radiograph import Radiograph
from pbrs.segmentation.many import overlap
from pbrs.segmentation.model_check import check_graph, check_probability, try_out
from pbrs.segmentation.onnx_file import read_onnx
from pbrs.segmentation.quality import Quality, assess
from pbrs.segmentation.runtime import Runtime, RuntimeChoice, runtime_of_file
from pbrs.segmentation.views import disagreement, look, swap_sides


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
        bool (H, W) by name, for models that have them; sides are the patient's; they may overlap.
    threshold
        The one that was used.
    box
        Top, left, bottom and right of the mask in pixels, bottom and right exclusive; None if the mask is empty.
    milliseconds
        For placing, network and restoring.
    warnings
        One line each.
    quality
        How far to trust it; see `pbrs.segmentation.quality.assess`.
    views_disagreement
        With test-time views: how far apart their masks are, 0 to 1 (`pbrs.segmentation.views.disagreement`); else None.
    """

    probability: NDArray[np.float32]
    mask: NDArray[np.bool_]
    structures: dict[str, NDArray[np.bool_]]
    threshold: float
    box: tuple[int, int, int, int] | None
    milliseconds: float
    warnings: tuple[str, ...]
    quality: Quality
    views_disagreement: float | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one of many inputs.

    Attributes
    ----------
    source
        As it was given.
    radiograph
        As it was read; None if it could not be.
    segmentation
        None if there is none.
    error
        Why there is none; else None.
    """

    source: Path | str | Radiograph
    radiograph: Radiograph | None
    segmentation: Segmentation | None
    error: InputError | None


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
    runtime: Runtime

    @classmethod
    def load(cls, model: Path | str | None = None, runtime: RuntimeChoice = "auto", threads: int = 0) -> "Segmenter":
        """Load a model file.

        Parameters
        ----------
        model
            A file, a folder with ``model.onnx`` in it, or the name of a model that was added; the one that ships with
            PBRS if None.
        runtime
            ``"auto"`` takes OpenVINO where it is installed, else ONNX Runtime.
        threads
            Threads to compute one image with; 0 leaves it to the runtime.

        Raises
        ------
        pbrs.errors.InputError
            If it cannot be loaded, is not ours, does not do what its card says or asks for too much memory or time, or
            the runtime is not there. A file or folder is tried out in another process first.
        """
        path = find_model(model)
        file = read_onnx(path)
        card = check_graph(file)
        if model is not None and not is_model_name(model):
            try_out(file, runtime)
        return cls(card, file.sha256, runtime_of_file(file, runtime, threads))

    def segment(
        self, radiograph: Radiograph, threshold: float | None = None, views: Sequence[str] = ()
    ) -> Segmentation:
        """Segment one radiograph.

        Parameters
        ----------
        radiograph
            Of any size.
        threshold
            Probability from which a pixel is bone, 0 to 1 without both; the card's if None. Quality and the views'
            disagreement are always those at the card's.
        views
            Test-time views to average over beside the image as it is: ``"flip"``, ``"scale"``, both or none.

        Raises
        ------
        pbrs.errors.InputError
            If there is no such view, or it must be mirrored and the model knows only one side of a structure; or if the
            threshold is not between 0 and 1.
        """
        started = time.perf_counter()
        threshold = self.card.threshold if threshold is None else threshold
        if not 0 < threshold < 1:
            raise InputError(f"threshold {threshold}: expected a probability between 0 and 1, neither of them")
        placement = Placement.fit(radiograph.shape, self.card.image_size, self.card.placement, radiograph.pixel_aspect)
        placed = placement.place(radiograph.pixels)
        seen = look(self._compute, placed, placement, self.card.channels, views)
        output = seen.mean(axis=0)
        region = self.card.channels.index("region")
        apart = disagreement(seen[:, region], output[region], self.card.threshold) if views else None
        quality = assess(output, self.card.channels, placed, placement, self.card.threshold, self.card.quality, apart)
        if radiograph.patient_left == "left":
            # The network names sides as if the patient faced the reader, whose right is the patient's left.
            output = output[swap_sides(self.card.channels)]
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
            warnings=(
                *(() if mask.any() else ("no pelvic bone region found",)),
                *(warning.text for warning in quality.warnings),
            ),
            views_disagreement=apart,
            quality=quality,
        )

    def _compute(self, placed: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on one image (1, 1, H, W), and make sure that it gives probabilities."""
        probability = self.runtime.run(placed)
        check_probability(probability, self.card, self.card.name)
        return probability

    def segment_many(
        self,
        inputs: Iterable[Path | str | Radiograph],
        threshold: float | None = None,
        views: Sequence[str] = (),
        polarity: Polarity = "as-is",
        workers: int = 0,
    ) -> Iterator[Outcome]:
        """Segment many radiographs: threads read and compute the next ones while you use the last.

        Parameters
        ----------
        inputs
            Files, or radiographs that have been read; taken as they are needed.
        threshold, views
            As in `segment`.
        polarity
            Of files: ``"inverted"`` for those in which bone is dark.
        workers
            Threads; 0 for one more than there are cores, at most 4.

        Yields
        ------
        Outcome
            One an input, in their order. A file that cannot be read has its error there, and does not stop the others.
            At most ``workers + 1`` are held that you have not yet taken.
        """

        def work(source: Path | str | Radiograph) -> Outcome:
            try:
                radiograph = source if isinstance(source, Radiograph) else read_radiograph(Path(source), polarity)
            except InputError as error:
                return Outcome(source, None, None, error)
            try:
                return Outcome(source, radiograph, self.segment(radiograph, threshold, views), None)
            except InputError as error:
                return Outcome(source, radiograph, None, error)

        yield from overlap(work, inputs, workers)


def bounding_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Find top, left, bottom and right (exclusive) of what is True in a mask (H, W); None if nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
