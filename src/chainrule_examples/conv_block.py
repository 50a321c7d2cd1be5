"""Blocks of the examples with images: convolution, batch normalization and ReLU, residual blocks."""

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


def residual_block(channels: int) -> cr.Layer:
    """Two 3 x 3 convolutions beside a residual connection.

    Args:
        channels: the number of input and output channels.
    """
    last = [cr.Conv(channels, 3, padding="same", bias=False), cr.BatchNorm()]
    return cr.Residual(cr.Sequential(*conv_block(channels), *last), activation="relu")
