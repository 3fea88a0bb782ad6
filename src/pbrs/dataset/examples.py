"""Examples for training: a data set's images and masks, placed once into the network's size and kept in memory."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
import torch.distributed
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import data

from pbrs.dataset.augmentation import Augmentation, mix_seed
from pbrs.dataset.folder import Dataset
from pbrs.dataset.hashing import perceptual_hash
from pbrs.radiograph.placement import Placement, PlacementMode

Example = tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]
"""Image (H, W), masks (C, H, W), and which masks there are (C,): one row of `Examples`."""


class ExampleSource(Protocol):
    """Whatever examples come from: files held in memory, or a generator that draws them."""

    def __len__(self) -> int:
        """Count the examples of an epoch."""
        ...

    def example(self, epoch: int, index: int) -> Example:
        """Give an example; the same key gives the same one."""
        ...


@dataclass(frozen=True, eq=False)
class Examples:
    """Radiographs and masks at the network's size.

    Attributes
    ----------
    stems
        Names, N of them.
    images
        uint8 (N, H, W), bone bright.
    masks
        bool (N, C, H, W), one channel a name of `channels`.
    available
        bool (N, C): False where the data set has no mask of that channel for that image.
    channels
        Names of the masks' channels.
    hashes
        Perceptual hash, uint64 (4,), of each radiograph by stem.
    sha256
        Of each image file, hexadecimal, by stem.
    empty
        Stems whose mask of the region is empty at the image's own size.
    """

    stems: tuple[str, ...]
    images: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    available: NDArray[np.bool_]
    channels: tuple[str, ...]
    hashes: dict[str, NDArray[np.uint64]] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)
    empty: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.stems)

    def example(self, epoch: int, index: int) -> Example:
        """Give example `index`, the same in every epoch."""
        return self.images[index], self.masks[index], self.available[index]


def load_examples(
    dataset: Dataset,
    stems: Sequence[str],
    channels: tuple[str, ...],
    image_size: tuple[int, int],
    placement: PlacementMode,
    progress: Callable[[Sequence[str]], Iterator[str]] = iter,
) -> Examples:
    """Read and place the examples named by `stems`.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    images = np.zeros((len(stems), *image_size), np.uint8)
    masks = np.zeros((len(stems), len(channels), *image_size), np.bool_)
    available = np.zeros((len(stems), len(channels)), np.bool_)
    hashes, sha256 = {}, {}
    empty: list[str] = []
    for index, stem in enumerate(progress(stems)):
        radiograph, region = dataset.read(stem)
        hashes[stem], sha256[stem] = perceptual_hash(radiograph.pixels), radiograph.sha256
        if not region.any():
            empty.append(stem)
        fit = Placement.fit(radiograph.shape, image_size, placement, radiograph.pixel_aspect)
        images[index] = place_image(fit, radiograph.pixels)
        for channel, name in enumerate(channels):
            mask = region if name == "region" else dataset.read_structure(stem, name, radiograph.shape)
            if mask is not None:
                masks[index, channel] = fit.place_mask(mask)
                available[index, channel] = True
    return Examples(tuple(stems), images, masks, available, channels, hashes, sha256, tuple(empty))


def place_image(fit: Placement, pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Place an image of float32 (H, W) in [0, 1] as examples hold it."""
    return np.rint(fit.place(pixels) * 255).astype(np.uint8)


Batch = tuple[Tensor, Tensor, Tensor]
"""Images float32 (N, 1, H, W) in [0, 1]; masks float32 (N, C, H, W) of 0 and 1; available bool (N, C)."""


class ExampleData(data.Dataset[Batch]):
    """Examples as torch wants them: looked up by (epoch, index), augmented if `augmentation` is given.

    What comes out depends on (seed, epoch, index) alone, so that neither workers nor a resumed run change it.
    """

    def __init__(self, examples: ExampleSource, seed: int, augmentation: Augmentation | None = None) -> None:
        self.examples = examples
        self.seed = seed
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        epoch, index = key
        pixels, masks, there = self.examples.example(epoch, index)
        image = torch.from_numpy(pixels).unsqueeze(0).float() / 255
        mask = torch.from_numpy(masks).float()
        available = torch.from_numpy(there)
        if self.augmentation is not None:
            image, mask, flipped = self.augmentation(image, mask, (self.seed, epoch, index))
            if flipped:
                available = available[self.augmentation.flipped_channels]
        return image, mask, available


class EpochOrder(data.Sampler[tuple[int, int]]):
    """(epoch, index) of every example, in an order that depends on (seed, epoch) alone.

    The trainer calls `set_epoch` before each epoch. If `shared`, each of several devices gets its share of the order;
    the first examples come twice where they do not share evenly.
    """

    def __init__(self, count: int, seed: int, shuffle: bool, shared: bool = True) -> None:
        self.count = count
        self.seed = seed
        self.shuffle = shuffle
        self.shared = shared
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return math.ceil(self.count / self._devices()[1])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = list(range(self.count))
        if self.shuffle:
            generator = torch.Generator().manual_seed(mix_seed(self.seed, self.epoch))
            order = torch.randperm(self.count, generator=generator).tolist()
        device, devices = self._devices()
        order += order[: len(self) * devices - self.count]
        return ((self.epoch, index) for index in order[device::devices])

    def _devices(self) -> tuple[int, int]:
        """Tell which device this is, and of how many that share the order."""
        if not (self.shared and torch.distributed.is_available() and torch.distributed.is_initialized()):
            return 0, 1
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
