"""What the repository keeps of a frozen test: hashes of all pixels, every mask, and some pixels of every image."""

import hashlib
import json
import lzma
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pbrs.atomic_write import atomic_path
from pbrs.dataset.folder import STRUCTURES, Dataset
from pbrs.errors import InputError
from pbrs.radiograph.limits import read_bytes
from pbrs.radiograph.masks import read_mask
from pbrs.radiograph.raster_file import decode_raster
from pbrs.synthesis.presets import Preset, find_preset

SAMPLE_SIDE = 64
"""Of every image 64×64 pixels are kept, one in each cell of a grid."""

MASKS = ("region", *STRUCTURES)


@dataclass(frozen=True, eq=False)
class Case:
    """One image of a frozen test, or what is kept of it.

    Attributes
    ----------
    digests
        SHA-256 of the decoded pixels, hexadecimal, by ``image`` and the names in `MASKS`.
    sample
        uint8 (64, 64): the image at `sampled_pixels`.
    labels
        uint8 (H, W): bit *k* is the mask of ``MASKS[k]``.
    """

    digests: dict[str, str]
    sample: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        height, width = self.labels.shape
        return height, width


@dataclass(frozen=True, eq=False)
class Reference:
    """A frozen test as it was drawn when it was frozen."""

    name: str
    version: int
    generator_version: str
    cases: dict[str, Case]

    def save(self, path: Path) -> None:
        """Write it as one .npz file."""
        cases = list(self.cases.values())
        head = {
            "name": self.name,
            "version": self.version,
            "generator_version": self.generator_version,
            "stems": list(self.cases),
        }
        digests = b"".join(bytes.fromhex(case.digests[name]) for case in cases for name in ("image", *MASKS))
        with atomic_path(path) as temporary:
            np.savez(
                temporary,
                head=np.frombuffer(json.dumps(head).encode(), np.uint8),
                shapes=np.array([case.shape for case in cases], np.int32),
                digests=np.frombuffer(digests, np.uint8),
                samples=_packed([_edges(case.sample, np.subtract) for case in cases]),
                labels=_packed([_edges(case.labels, np.bitwise_xor) for case in cases]),
            )

    @classmethod
    def load(cls, path: Path) -> "Reference":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            shapes = [(int(height), int(width)) for height, width in file["shapes"]]
            digests = file["digests"].reshape(len(shapes), 1 + len(MASKS), 32)
            samples = _unpacked(file["samples"], [(SAMPLE_SIDE, SAMPLE_SIDE)] * len(shapes))
            labels = _unpacked(file["labels"], shapes)
        cases = {
            stem: Case(
                {name: digest.tobytes().hex() for name, digest in zip(("image", *MASKS), of_case, strict=True)},
                _without_edges(sample, np.add),
                _without_edges(label, np.bitwise_xor),
            )
            for stem, of_case, sample, label in zip(head["stems"], digests, samples, labels, strict=True)
        }
        return cls(head["name"], head["version"], head["generator_version"], cases)

    @classmethod
    def of(cls, dataset: Dataset, progress: Callable[[Sequence[str]], Iterable[str]] = iter) -> "Reference":
        """Freeze a dataset that was drawn with ``pbrs synthesize --preset``."""
        preset = find_preset(str(dataset.info.get("preset")))
        cases = {stem: read_case(dataset, stem) for stem in progress(dataset.stems)}
        return cls(preset.name, preset.version, dataset.info["generator_version"], cases)


def frozen_reference(preset: Preset) -> Reference:
    """Load the reference of a preset that comes with this version.

    Raises
    ------
    InputError
        If there is none.
    """
    file = Path(str(files("pbrs.synthesis") / "frozen" / f"{preset.name}.npz"))
    if not file.is_file():
        raise InputError(f"this version of pbrs holds no reference of {preset.title}: install a released one")
    return Reference.load(file)


def sampled_pixels(shape: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give rows and columns, (64, 64) each, of the pixels that are kept of an image of `shape`.

    The image is divided into 64×64 cells; where in its cell pixel *k* lies, is the *k*-th point of the R2 sequence
    (M. Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018): spread evenly, on no regular grid.
    """
    row, column = np.mgrid[:SAMPLE_SIDE, :SAMPLE_SIDE]
    number = row * SAMPLE_SIDE + column
    down, across = (number * step % 1.0 for step in (0.7548776662466927, 0.5698402909980532))
    return (
        np.floor((row + down) * shape[0] / SAMPLE_SIDE).astype(np.intp),
        np.floor((column + across) * shape[1] / SAMPLE_SIDE).astype(np.intp),
    )


def read_case(dataset: Dataset, stem: str) -> Case:
    """Read image and masks of one stem and reduce them to what is kept.

    Raises
    ------
    InputError
        If one of them is missing, cannot be read, or is not what the generator writes.
    """
    file = dataset.images[stem]
    data = read_bytes(file)
    if not data.startswith(b"\x89PNG"):
        raise InputError(f"{file.name} is not a PNG file")
    stored = decode_raster(data, file.name, "PNG").values
    if stored.ndim != 2 or stored.dtype != np.uint8:
        raise InputError(f"{file.name} is not an image of 8-bit grey")
    pixels = stored.astype(np.uint8)
    height, width = pixels.shape
    digests = {"image": pixels_sha256(pixels)}
    labels = np.zeros((height, width), np.uint8)
    for bit, name in enumerate(MASKS):
        masks = dataset.masks if name == "region" else dataset.structures.get(name, {})
        if stem not in masks:
            raise InputError(f"its mask of {name} is missing")
        mask = read_mask(masks[stem], (height, width))
        digests[name] = pixels_sha256(mask)
        labels |= mask.astype(np.uint8) << bit
    return Case(digests, pixels[sampled_pixels((height, width))], labels)


def pixels_sha256(pixels: NDArray[np.generic]) -> str:
    """SHA-256 over shape and values of an image or mask, hexadecimal; a mask counts as 0 and 1."""
    return hashlib.sha256(f"{pixels.shape}/".encode() + np.ascontiguousarray(pixels, np.uint8).tobytes()).hexdigest()


def _edges(values: NDArray[np.uint8], less: np.ufunc) -> NDArray[np.uint8]:
    """Take from each row the one above it: mostly zeros, which compress well."""
    changed = values.copy()
    changed[1:] = less(values[1:], values[:-1])
    return changed


def _without_edges(changed: NDArray[np.uint8], plus: np.ufunc) -> NDArray[np.uint8]:
    """Undo `_edges`."""
    values: NDArray[np.uint8] = plus.accumulate(changed, axis=0, dtype=np.uint8)
    return values


def _packed(arrays: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.frombuffer(lzma.compress(b"".join(array.tobytes() for array in arrays), preset=9), np.uint8)


def _unpacked(packed: NDArray[np.uint8], shapes: Sequence[tuple[int, int]]) -> list[NDArray[np.uint8]]:
    values = np.frombuffer(lzma.decompress(packed.tobytes()), np.uint8)
    ends = np.cumsum([height * width for height, width in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(values, ends[:-1]), shapes, strict=True)]
