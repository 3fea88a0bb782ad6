"""One radiograph in, one segmentation out; or many."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
from pbrs.segmentation.quality import DOUBTFUL_IOU, Quality, assess, called_turned, with_strays
from pbrs.segmentation.quality_features import seen_part
from pbrs.segmentation.runtime import Runtime, RuntimeChoice, runtime_of_file
from pbrs.segmentation.strays import drop_strays
from pbrs.segmentation.views import disagreement, look, swap_sides

Upright = Literal["as-is", "auto"]
"""Whether a radiograph that lies turned is segmented as it lies, or upright."""

_CLEARLY = 0.05
"""How much larger the predicted IoU must be of the turned picture than as it lies."""


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
        self,
        radiograph: Radiograph,
        threshold: float | None = None,
        views: Sequence[str] = (),
        upright: Upright = "as-is",
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
        upright
            ``"auto"`` turns a radiograph that lies on its side or upside down upright, segments it so, and turns the
            masks back; ``"as-is"`` only says that it does. Calibrated models can tell.

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
        pixels, aspect = radiograph.pixels, radiograph.pixel_aspect
        seen = self._look(pixels, aspect, views)
        quality, turns = seen.quality, self._turns(pixels, aspect, seen.quality)
        left, back = radiograph.patient_left, 0
        if turns and upright == "auto":
            seen = self._look(*_turned(pixels, aspect, turns), views)
            quality, back = called_turned(quality, 90 * turns, seen.quality), -turns
            # Upside down, left and right are exchanged in the file, if it names them; on its side, the usual is taken.
            is_named = turns == 2 and not radiograph.patient_left_assumed
            left = "left" if is_named and left == "right" else "right"
        elif turns:
            quality = called_turned(quality, 90 * turns, None)
        quality, output = with_strays(quality, seen.strays), seen.output
        if left == "left":
            # The network names sides as if the patient faced the reader, whose right is the patient's left.
            output = output[swap_sides(self.card.channels)]
        # Probabilities go back to the native size, and are compared there: a restored mask would have steps.
        restored = {
            name: np.ascontiguousarray(np.rot90(seen.placement.restore(channel), back))
            for name, channel in zip(self.card.channels, output, strict=True)
        }
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
            views_disagreement=seen.apart,
            quality=quality,
        )

    def _look(self, pixels: NDArray[np.float32], pixel_aspect: float, views: Sequence[str]) -> "_Seen":
        """Run the network on an image as it lies, leave out what cannot be bone, and judge the rest."""
        card = self.card
        placement = Placement.fit(pixels.shape, card.image_size, card.placement, pixel_aspect)
        placed = placement.place(pixels)
        looks = look(self._compute, placed, placement, card.channels, views)
        output = looks.mean(axis=0)
        region = card.channels.index("region")
        apart = disagreement(looks[:, region], output[region], card.threshold) if views else None
        inner, strays = drop_strays(seen_part(output, placement), card.channels, card.threshold)
        seen_part(output, placement)[...] = inner
        quality = assess(output, card.channels, placed, placement, card.threshold, card.quality, apart)
        return _Seen(output, placement, quality, apart, strays)

    def _compute(self, placed: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on one image (1, 1, H, W), and make sure that it gives probabilities."""
        probability = self.runtime.run(placed)
        check_probability(probability, self.card, self.card.name)
        return probability

    def _turns(self, pixels: NDArray[np.float32], pixel_aspect: float, quality: Quality) -> int:
        """Tell by how many quarters an image lies turned clockwise; looked at only where its mask is doubtful."""
        if quality.predicted_iou is None or quality.predicted_iou >= DOUBTFUL_IOU + _CLEARLY:
            return 0
        found = {0: quality.predicted_iou}
        for turns in (1, 2, 3):
            found[turns] = self._look(*_turned(pixels, pixel_aspect, turns), ()).quality.predicted_iou or 0.0
        best = max(found, key=lambda turns: found[turns])
        return best if found[best] >= max(DOUBTFUL_IOU, found[0] + _CLEARLY) else 0

    def segment_many(
        self,
        inputs: Iterable[Path | str | Radiograph],
        threshold: float | None = None,
        views: Sequence[str] = (),
        polarity: Polarity = "as-is",
        workers: int = 0,
        upright: Upright = "as-is",
    ) -> Iterator[Outcome]:
        """Segment many radiographs: threads read and compute the next ones while you use the last.

        Parameters
        ----------
        inputs
            Files, or radiographs that have been read; taken as they are needed.
        threshold, views, upright
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
                return Outcome(source, radiograph, self.segment(radiograph, threshold, views, upright), None)
            except InputError as error:
                return Outcome(source, radiograph, None, error)

        yield from overlap(work, inputs, workers)


def _turned(pixels: NDArray[np.float32], aspect: float, turns: int) -> tuple[NDArray[np.float32], float]:
    """Turn an image and its pixels anticlockwise by quarters."""
    return np.ascontiguousarray(np.rot90(pixels, turns)), (1 / aspect if turns % 2 else aspect)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the network saw in an image: probabilities at its own size, where the image lies in them, their worth."""

    output: NDArray[np.float32]
    placement: Placement
    quality: Quality
    apart: float | None
    strays: tuple[str, ...]


def bounding_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Find top, left, bottom and right (exclusive) of what is True in a mask (H, W); None if nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
