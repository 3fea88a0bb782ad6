"""The six encoders: torchvision's models, and where their features are tapped. A new backbone is one row more."""

from collections.abc import Callable
from dataclasses import dataclass

import torchvision
from torch import nn

from pbrs.errors import InputError

CLASSES = 1000


@dataclass(frozen=True)
class Backbone:
    """One encoder.

    Attributes
    ----------
    name
        As users and files spell it; also torchvision's name for the weights, see `torchvision_name`.
    title
        As the paper prints it.
    torchvision_name
        torchvision's name of the model and of its ImageNet weights (``IMAGENET1K_V1``).
    build
        Makes the network without weights.
    taps
        Graph nodes whose output leaves the encoder, the deepest first: that one feeds the decoder, the other four are
        its skip connections.
    minimum_size
        Smallest input height and width in pixels.
    centre_width
        Width of two convolutions between encoder and decoder, 0 for none.
    """

    name: str
    title: str
    torchvision_name: str
    build: Callable[[], nn.Module]
    taps: tuple[str, str, str, str, str]
    minimum_size: int = 32
    centre_width: int = 0


def _inception_v3() -> nn.Module:
    # torchvision switches `transform_input` on with its weights; here the network normalises its input itself.
    # `aux_logits` only so that the weights' keys fit; the auxiliary head is cut off with the classifier.
    network: nn.Module = torchvision.models.inception_v3(transform_input=False, aux_logits=True, init_weights=True)
    return network


BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "inceptionv3",
            "InceptionV3",
            "inception_v3",
            _inception_v3,
            ("Mixed_7c", "Mixed_6e", "Mixed_5d", "Conv2d_4a_3x3", "Conv2d_2b_3x3"),
            minimum_size=75,
        ),
        Backbone(
            "vgg16",
            "VGG16",
            "vgg16",
            torchvision.models.vgg16,
            ("features.30", "features.29", "features.22", "features.15", "features.8"),
            centre_width=512,
        ),
        Backbone(
            "resnet50",
            "ResNet50",
            "resnet50",
            torchvision.models.resnet50,
            ("layer4", "layer3", "layer2", "layer1", "relu"),
        ),
        Backbone(
            "densenet121",
            "DenseNet121",
            "densenet121",
            torchvision.models.densenet121,
            # `relu` is the functional ReLU after norm5, not one of the modules called relu.
            (
                "relu",
                "features.transition3.conv",
                "features.transition2.conv",
                "features.transition1.conv",
                "features.relu0",
            ),
        ),
        Backbone(
            "efficientnetb3",
            "EfficientNetB3",
            "efficientnet_b3",
            torchvision.models.efficientnet_b3,
            (
                "features.8",
                "features.6.0.block.0",
                "features.4.0.block.0",
                "features.3.0.block.0",
                "features.2.0.block.0",
            ),
        ),
        Backbone(
            "mobilenetv2",
            "MobileNetV2",
            "mobilenet_v2",
            torchvision.models.mobilenet_v2,
            ("features.18", "features.14.conv.0", "features.7.conv.0", "features.4.conv.0", "features.2.conv.0"),
        ),
    )
}


def find_backbone(name: str) -> Backbone:
    """Look a backbone up by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    try:
        return BACKBONES[name]
    except KeyError:
        raise InputError(f"backbone {name!r} is not known: choose one of {', '.join(BACKBONES)}") from None
