"""The U-Net: one of six encoders, and one decoder for all of them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.feature_extraction import create_feature_extractor

from pbrs.errors import InputError
from pbrs.network.backbones import Backbone, find_backbone
from pbrs.network.encoder_weights import load_encoder_weights

DECODER_WIDTHS = (256, 128, 64, 32, 16)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


class UNet(nn.Module):
    """A U-Net whose encoder is one of the six backbones.

    Its input is float32 (N, 1, H, W) in [0, 1], bone bright, of any height and width that the backbone can take; its
    output is float32 (N, C, H, W), one logit per channel and pixel; the first channel, the region, is nowhere below
    another. Repeating the grey values to three channels and normalising them as ImageNet was happens inside, so that no
    one who uses the network can forget it.

    Parameters
    ----------
    backbone
        Which encoder; random weights.
    channels
        One name per output channel, the region first.
    """

    def __init__(self, backbone: Backbone, channels: Sequence[str] = ("region",)) -> None:
        super().__init__()
        self.backbone = backbone
        self.channels = tuple(channels)
        self.encoder = create_feature_extractor(
            backbone.build(), {tap: str(depth) for depth, tap in enumerate(backbone.taps)}, suppress_diff_warning=True
        )
        widths = _tap_widths(self.encoder, backbone)
        entering, *skips = widths
        self.centre = nn.Sequential()
        if backbone.centre_width:
            self.centre = _two_convolutions(entering, backbone.centre_width)
            entering = backbone.centre_width
        blocks = []
        for width, skip in zip(DECODER_WIDTHS, [*skips, 0], strict=True):
            blocks.append(_two_convolutions(entering + skip, width))
            entering = width
        self.decoder = nn.ModuleList(blocks)
        self.head = nn.Conv2d(entering, len(self.channels), kernel_size=3, padding=1)
        # Not persistent: constants of the graph, neither saved nor counted.
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).view(1, 3, 1, 1), persistent=False)

    mean: Tensor
    deviation: Tensor

    def forward(self, radiographs: Tensor) -> Tensor:
        """Compute logits (N, C, H, W) of radiographs (N, 1, H, W) in [0, 1]."""
        height, width = radiographs.shape[-2:]
        if min(height, width) < self.backbone.minimum_size:
            raise InputError(
                f"{self.backbone.title} cannot take {height}×{width} pixels: "
                f"give it at least {self.backbone.minimum_size}×{self.backbone.minimum_size}"
            )
        features = self.encoder((radiographs - self.mean) / self.deviation)
        deepest, *skips = (features[str(depth)] for depth in range(len(self.backbone.taps)))
        decoded = self.centre(deepest)
        for block, skip in zip(self.decoder, [*skips, None], strict=True):
            size = radiographs.shape[-2:] if skip is None else skip.shape[-2:]
            decoded = functional.interpolate(decoded, size=size, mode="nearest")
            decoded = block(decoded if skip is None else torch.cat([decoded, skip], dim=1))
        logits: Tensor = self.head(decoded)
        if len(self.channels) > 1:
            # The region is what any structure is: nothing of one may be missing in it.
            logits = torch.cat([logits.amax(dim=1, keepdim=True), logits[:, 1:]], dim=1)
        return logits


def build_unet(
    name: str,
    encoder_weights: str = "none",
    channels: Sequence[str] = ("region",),
    encoder_weights_sha256: str | None = None,
) -> UNet:
    """Make the U-Net of a backbone.

    Parameters
    ----------
    name
        inceptionv3, vgg16, resnet50, densenet121, efficientnetb3 or mobilenetv2.
    encoder_weights
        ``"none"``, ``"imagenet"`` or a file; see `load_encoder_weights`.
    channels
        One name per output channel.
    encoder_weights_sha256
        What the file's SHA-256 must begin with.

    Raises
    ------
    InputError
        If the backbone is not known, or its weights cannot be had.
    """
    backbone = find_backbone(name)
    network = UNet(backbone, channels)
    load_encoder_weights(network.encoder, backbone, encoder_weights, encoder_weights_sha256)
    return network


def count_parameters(network: nn.Module) -> int:
    """Count weights and the running means and variances of batch normalisation, as Keras (and so Table I) does."""
    statistics = (buffer for name, buffer in network.named_buffers() if name.endswith(("running_mean", "running_var")))
    return sum(parameter.numel() for parameter in network.parameters()) + sum(buffer.numel() for buffer in statistics)


def _two_convolutions(entering: int, leaving: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (entering, leaving):
        layers += [
            nn.Conv2d(width, leaving, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(leaving),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


@torch.no_grad()
def _tap_widths(encoder: nn.Module, backbone: Backbone) -> list[int]:
    """Measure how many channels each tap has; in eval mode, so that no statistic moves."""
    encoder.eval()
    features = encoder(torch.zeros(1, 3, backbone.minimum_size, backbone.minimum_size))
    encoder.train()
    return [features[str(depth)].shape[1] for depth in range(len(backbone.taps))]
