"""Examples for training: a data set's images and masks, placed once into the network's size and kept in memory."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils import data

from pbrs.dataset.augmentation import Augmentation, mix_seed
from pbrs.dataset.folder import Dataset
from pbrs.radiograph.placement import Placement, PlacementMode


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
    """

    stems: tuple[str, ...]
    images: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    available: NDArray[np.bool_]
    channels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.stems)

    def digest(self) -> str:
        """SHA-256 of everything that training sees, hexadecimal."""
        digest = hashlib.sha256("\n".join((*self.channels, *self.stems)).encode())
        for array in (self.images, self.masks, self.available):
            digest.update(array.tobytes())
        return digest.hexdigest()


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
    for index, stem in enumerate(progress(stems)):
        radiograph, region = dataset.read(stem)
        fit = Placement.fit(radiograph.shape, image_size, placement)
        images[index] = np.rint(fit.place(radiograph.pixels) * 255).astype(np.uint8)
        for channel, name in enumerate(channels):
            mask = region if name == "region" else dataset.read_structure(stem, name, radiograph.shape)
            if mask is not None:
                masks[index, channel] = fit.place_mask(mask)
                available[index, channel] = True
    return Examples(tuple(stems), images, masks, available, channels)


Batch = tuple[Tensor, Tensor, Tensor]
"""Images float32 (N, 1, H, W) in [0, 1]; masks float32 (N, C, H, W) of 0 and 1; available bool (N, C)."""


class ExampleData(data.Dataset[Batch]):
    """Examples as torch wants them: looked up by (epoch, index), augmented if `augmentation` is given.

    What comes out depends on (seed, epoch, index) alone, so that neither workers nor a resumed run change it.
    """

    def __init__(self, examples: Examples, seed: int, augmentation: Augmentation | None = None) -> None:
        self.examples = examples
        self.seed = seed
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        epoch, index = key
        image = torch.from_numpy(self.examples.images[index]).unsqueeze(0).float() / 255
        mask = torch.from_numpy(self.examples.masks[index]).float()
        available = torch.from_numpy(self.examples.available[index])
        if self.augmentation is not None:
            image, mask, flipped = self.augmentation(image, mask, (self.seed, epoch, index))
            if flipped:
                available = available[self.augmentation.flipped_channels]
        return image, mask, available


class EpochOrder(data.Sampler[tuple[int, int]]):
    """(epoch, index) of every example, in an order that depends on (seed, epoch) alone.

    The trainer calls `set_epoch` before each epoch.
    """

    def __init__(self, count: int, seed: int, shuffle: bool) -> None:
        self.count = count
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = list(range(self.count))
        if self.shuffle:
            generator = torch.Generator().manual_seed(mix_seed(self.seed, self.epoch))
            order = torch.randperm(self.count, generator=generator).tolist()
        return ((self.epoch, index) for index in order)
