"""The block of the examples with images: convolution, batch normalization, ReLU."""

from __future__ import annotations

import chainrule as cr


def conv_block(channels: int, stride: int = 1) -> list[cr.Layer]:
    """A 3 x 3 convolution without bias, batch normalization and ReLU.

    Args:
        channels: the number of output channels.
        stride: 2 halves height and width.
    """
    convolution = cr.Conv(channels, 3, stride=stride, padding="same", bias=False)
    return [convolution, cr.BatchNorm(), cr.Activation("relu")]
