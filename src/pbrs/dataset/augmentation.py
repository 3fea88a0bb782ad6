"""Random changes of a training image and its masks together, as the paper lists them."""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from pbrs.errors import InputError


class AugmentationSettings(BaseModel):
    """How far training images are changed. The paper names the changes but no ranges; these are ours."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    enabled: bool = True
    flip_probability: float = Field(0.5, ge=0, le=1)
    affine_probability: float = Field(0.9, ge=0, le=1)
    scale: float = Field(0.2, ge=0, lt=1, description="size changes by up to this fraction either way")
    rotation_deg: float = Field(15, ge=0, le=180)
    shift: float = Field(0.1, ge=0, le=1, description="shift by up to this fraction of the side")
    shear_deg: float = Field(8, ge=0, lt=90)
    noise_probability: float = Field(0.3, ge=0, le=1)
    noise_deviation: float = Field(0.03, ge=0, description="largest standard deviation of Gaussian noise, of [0, 1]")
    grey_probability: float = Field(0.5, ge=0, le=1, description="for brightness, contrast and saturation each")
    brightness: float = Field(0.2, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, le=1)
    saturation: float = Field(
        0.2, ge=0, le=1, description="does nothing to a grey image; kept because the paper has it"
    )


class Augmentation:
    """The paper's augmentation of one example.

    Parameters
    ----------
    settings
        Probabilities and ranges.
    channels
        Names of the mask's channels: a flip swaps each ``…_left`` with its ``…_right``.

    Raises
    ------
    InputError
        If a channel of one side comes without that of the other.
    """

    def __init__(self, settings: AugmentationSettings, channels: tuple[str, ...]) -> None:
        self.settings = settings
        self.flipped_channels = [channels.index(_other_side(name, channels)) for name in channels]
        self.affine = v2.RandomAffine(
            degrees=settings.rotation_deg,
            translate=(settings.shift, settings.shift),
            scale=(1 - settings.scale, 1 + settings.scale),
            shear=[-settings.shear_deg, settings.shear_deg],
            interpolation=InterpolationMode.BILINEAR,
            fill=0,
        )
        probability = settings.grey_probability
        self.grey = v2.Compose(
            [
                v2.RandomApply([v2.ColorJitter(brightness=settings.brightness)], probability),
                v2.RandomApply([v2.ColorJitter(contrast=settings.contrast)], probability),
                v2.RandomApply([v2.ColorJitter(saturation=settings.saturation)], probability),
            ]
        )

    def __call__(self, image: Tensor, mask: Tensor, key: tuple[int, int, int]) -> tuple[Tensor, Tensor, bool]:
        """Change one example.

        Parameters
        ----------
        image
            float32 (1, H, W) in [0, 1].
        mask
            float32 (C, H, W) of 0 and 1.
        key
            (seed, epoch, index): the same key gives the same change, whatever was drawn before.

        Returns
        -------
        image, mask
            As they came in, changed; bilinear for the image, nearest for the mask, 0 beyond the border.
        flipped
            Whether left and right were swapped.
        """
        settings = self.settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mix_seed(*key))
            flipped = bool(torch.rand(()) < settings.flip_probability)
            if flipped:
                image, mask = image.flip(-1), mask[self.flipped_channels].flip(-1)
            if torch.rand(()) < settings.affine_probability:
                image, mask = self.affine(tv_tensors.Image(image), tv_tensors.Mask(mask))
            image = torch.Tensor(self.grey(tv_tensors.Image(image)))
            if torch.rand(()) < settings.noise_probability:
                deviation = torch.rand(()) * settings.noise_deviation
                image = image + deviation * torch.randn(image.shape)
        return image.clamp(0, 1), torch.Tensor(mask), flipped


def mix_seed(*numbers: int) -> int:
    """Mix integers into one 63-bit seed, so that neighbouring keys give unrelated random numbers.

    The mixing is SplitMix64's (Steele, Lea, Flood 2014).
    """
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) % 2**64
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        state = (state ^ state >> 27) * 0x94D049BB133111EB % 2**64
        state ^= state >> 31
    return state >> 1


def _other_side(name: str, channels: tuple[str, ...]) -> str:
    for side, other in (("_left", "_right"), ("_right", "_left")):
        if name.endswith(side):
            mirrored = name.removesuffix(side) + other
            if mirrored not in channels:
                raise InputError(
                    f"channel {name} comes without {mirrored}: a flipped image has no mask for it; name both"
                )
            return mirrored
    return name
