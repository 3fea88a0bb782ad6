"""What the paper prints: Table I, and the numbers of its conclusion."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PrintedRow:
    """One line of Table I, as printed.

    Attributes
    ----------
    title
        The backbone's name as printed.
    parameters_millions
        As printed: two decimals.
    train_iou, train_f1, validation_iou, validation_f1
        As printed: three decimals.
    """

    title: str
    parameters_millions: float
    train_iou: float
    train_f1: float
    validation_iou: float
    validation_f1: float


TABLE_I = {
    "inceptionv3": PrintedRow("InceptionV3", 29.93, 0.940, 0.969, 0.926, 0.961),
    "vgg16": PrintedRow("VGG16", 23.75, 0.884, 0.938, 0.885, 0.938),
    "resnet50": PrintedRow("ResNet50", 32.56, 0.929, 0.963, 0.915, 0.955),
    "densenet121": PrintedRow("DenseNet121", 12.14, 0.931, 0.964, 0.909, 0.950),
    "efficientnetb3": PrintedRow("EfficientNetB3", 17.87, 0.934, 0.966, 0.925, 0.960),
    "mobilenetv2": PrintedRow("MobileNetV2", 8.47, 0.861, 0.925, 0.821, 0.901),
}
"""Table I by the backbone's name here, in the order printed."""

MISPRINT = (
    "Table I prints 8.47 M parameters for MobileNetV2. That is a misprint of 8.05 M: the same U-Net built with the "
    "library the paper used has 8,047,441, and the other five printed counts agree with ours within 0.07 %."
)

CHOSEN = "densenet121"
BEST = "inceptionv3"
IOU_LOSS_PERCENT = 0.5
F1_LOSS_PERCENT = 0.2
PARAMETER_SAVING_PERCENT = 59.44
"""The conclusion (section IV): what DenseNet121 loses on the test set against InceptionV3, and what it saves."""


def title_of(backbone: str) -> str:
    """The backbone's name as the paper prints it, or the name itself for one that the paper does not have."""
    return TABLE_I[backbone].title if backbone in TABLE_I else backbone


def printed_order(backbone: str) -> tuple[int, str]:
    """Sort key: the paper's backbones in the order of Table I, then others by name."""
    names = list(TABLE_I)
    return (names.index(backbone) if backbone in names else len(names)), backbone
