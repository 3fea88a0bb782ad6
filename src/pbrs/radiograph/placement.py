"""How a native image is fitted into a network's input, and exactly how to undo it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PlacementMode = Literal["stretch", "letterbox"]


@dataclass(frozen=True)
class Placement:
    """The fit of one native image into one network input.

    Pixels are areas: a native image covers its whole rectangle of the input, edge to edge, so that placing and
    restoring use the same linear map and nothing is shifted by half a pixel.

    Attributes
    ----------
    native_shape
        Height and width of the native image in pixels.
    input_shape
        Height and width of the network's input.
    top, left, height, width
        The rectangle of the input that the image covers; the rest is zero.
    """

    native_shape: tuple[int, int]
    input_shape: tuple[int, int]
    top: int
    left: int
    height: int
    width: int

    @classmethod
    def fit(
        cls, native_shape: tuple[int, int], input_shape: tuple[int, int], mode: PlacementMode, aspect: float = 1.0
    ) -> "Placement":
        """Fit an image into an input.

        Parameters
        ----------
        native_shape, input_shape
            Height and width in pixels.
        mode
            ``"stretch"`` fills the input (the paper's way: proportions change); ``"letterbox"`` keeps proportions and
            centres the image between bars of zeros.
        aspect
            Height of a native pixel divided by its width. The letterbox keeps the proportions of what the image shows,
            not those of its pixel counts; what is stretched fills the input anyway.
        """
        if mode == "stretch":
            return cls(native_shape, input_shape, 0, 0, *input_shape)
        true_shape = (native_shape[0] * aspect, native_shape[1])
        scale = min(input_shape[0] / true_shape[0], input_shape[1] / true_shape[1])
        height, width = (
            min(most, max(1, round(side * scale))) for side, most in zip(true_shape, input_shape, strict=True)
        )
        return cls(
            native_shape, input_shape, (input_shape[0] - height) // 2, (input_shape[1] - width) // 2, height, width
        )

    def place(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Resample native float32 (H, W) to the network's input, area-weighted where it shrinks."""
        placed = np.zeros(self.input_shape, np.float32)
        placed[self._window] = _resample(pixels, (self.height, self.width))
        return placed

    def place_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Resample a native mask (H, W): True where at least half of the input's pixel is covered."""
        return self.place(mask.astype(np.float32)) >= 0.5

    def restore(self, probability: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring a probability of the input's shape back to the native one. Threshold only after this."""
        return _resample(probability[self._window], self.native_shape)

    @property
    def _window(self) -> tuple[slice, slice]:
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def _resample(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resize (H, W) to `shape`; bilinear, with the kernel widened where it shrinks, so that nothing aliases."""
    if values.shape == shape:
        return values
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    resized = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32)
