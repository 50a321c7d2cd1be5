"""VGG-16: convolutions of 3 x 3, and three dense layers."""

from __future__ import annotations

from chainrule.models.model_card import ModelCard, chain, dense_head, image, require_counts
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Flatten, Sequential
from chainrule.nn.layers.convolution import Conv
from chainrule.nn.layers.pooling import AdaptiveAveragePool, MaxPool

# Column D of table 1: the number of convolutions before each pooling, and of their channels.
COLUMN_D = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


def vgg16(classes: int = 1000, *, dropout: float = 0.5) -> Sequential:
    """Build VGG-16; two convolutions of 3 x 3 have the receptive field of one of 5 x 5, with fewer weights.

    Shapes: (B, 224, 224, 3) -> (B, classes); other sizes of at least 32 x 32 are pooled to the same 7 x 7
    positions.

    Args:
        classes: number of classes.
        dropout: dropout rate after the two wide dense layers; 0 omits the layers.

    Raises:
        UsageError E102: classes below 1, or a rate outside 0 to 1.
        ShapeError E215: an image below 32 x 32; the error shows the computation.

    Example:
        >>> print(vgg16().names[:4])
        ('conv1_1', 'conv1_2', 'pool1', 'conv2_1')

    Reference: Simonyan and Zisserman (2015), Very deep convolutional networks for large-scale image
    recognition (ICLR), table 1, column D.
    """
    require_counts("vgg16", classes=classes)
    features: dict[str, Layer] = {}
    for i, (convolutions, channels) in enumerate(COLUMN_D, 1):
        for j in range(1, convolutions + 1):
            features[f"conv{i}_{j}"] = Conv(channels, 3, padding=1, activation="relu")
        features[f"pool{i}"] = MaxPool(2)  # (B, H, W, C) -> (B, H/2, W/2, C)
    return chain(
        **features,
        pool=AdaptiveAveragePool(7),  # -> (B, 7, 7, 512)
        flatten=Flatten(),  # -> (B, 25088)
        **dict(dense_head(classes, dropout).named()),
    )


VGG16 = ModelCard(
    vgg16,
    "VGG-16 卷积网络",
    ("Thirteen convolutions of 3 x 3 and three dense layers.", "十三个 3×3 卷积层加三个全连接层。"),
    138_357_544,
    "torchvision 0.28",
    "Simonyan and Zisserman (2015), Very deep convolutional networks for large-scale image recognition "
    "(ICLR)",
    image(224, 224, 3),
)
