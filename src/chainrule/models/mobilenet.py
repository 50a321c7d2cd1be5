"""MobileNetV3-small: inverted residual blocks, found by a search for low latency on phones."""

from __future__ import annotations

from chainrule.models.model_card import ModelCard, chain, image, require_counts
from chainrule.nn.activation import Activation
from chainrule.nn.blocks.residual import MOBILE_NORM, InvertedResidual
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Sequential
from chainrule.nn.layers.convolution import Conv
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.pooling import GlobalAveragePool

# Table 2 row by row: kernel, expanded channels, channels, squeeze-and-excite, activation, stride.
TABLE_2 = (
    (3, 16, 16, True, "relu", 2),
    (3, 72, 24, False, "relu", 2),
    (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hard_silu", 2),
    (5, 240, 40, True, "hard_silu", 1),
    (5, 240, 40, True, "hard_silu", 1),
    (5, 120, 48, True, "hard_silu", 1),
    (5, 144, 48, True, "hard_silu", 1),
    (5, 288, 96, True, "hard_silu", 2),
    (5, 576, 96, True, "hard_silu", 1),
    (5, 576, 96, True, "hard_silu", 1),
)


def mobilenet_v3_small(classes: int = 1000, *, dropout: float = 0.2) -> Sequential:
    """Build MobileNetV3-small, a network for phones with 2.5 million parameters.

    Shapes: (B, 224, 224, 3) -> (B, classes); any other size works too.

    Args:
        classes: number of classes.
        dropout: dropout rate before the head; 0 omits the layer.

    Raises:
        UsageError E102: classes below 1, or a rate outside 0 to 1.

    Example:
        >>> print(mobilenet_v3_small().layers[6])
        InvertedResidual(5, 96, 40, squeeze_excite=True, activation='hard_silu', stride=2)

    Reference: Howard and others (2019), Searching for MobileNetV3 (ICCV), table 2; the same network as in
    torchvision.
    """
    require_counts("mobilenet_v3_small", classes=classes)
    blocks: dict[str, Layer] = {
        f"block{i}": InvertedResidual(*sizes, squeeze_excite=squeeze, activation=activation, stride=stride)
        for i, (*sizes, squeeze, activation, stride) in enumerate(TABLE_2, 1)
    }
    return chain(
        conv1=_conv(16, 3, 2),  # (B, 224, 224, 3) -> (B, 112, 112, 16)
        norm1=MOBILE_NORM,
        activation1=Activation("hard_silu"),
        **blocks,  # -> (B, 7, 7, 96)
        conv2=_conv(576, 1, 1),  # -> (B, 7, 7, 576)
        norm2=MOBILE_NORM,
        activation2=Activation("hard_silu"),
        pool=GlobalAveragePool(),  # -> (B, 576)
        dense=Dense(1024, "hard_silu"),
        drop=Dropout(dropout) if dropout else None,
        head=Dense(classes),
    )


def _conv(channels: int, kernel: int, stride: int) -> Conv:
    padding = (kernel - 1) // 2
    return Conv(channels, kernel, stride=stride, padding=padding, bias=False, weight_initializer="he")


MOBILENET_V3_SMALL = ModelCard(
    mobilenet_v3_small,
    "MobileNetV3-small 移动端网络",
    ("A small network for phones, of inverted residual blocks.", "面向手机的小型网络，由倒残差块组成。"),
    2_542_856,
    "torchvision 0.28",
    "Howard and others (2019), Searching for MobileNetV3 (ICCV)",
    image(224, 224, 3),
)
