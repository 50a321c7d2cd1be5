"""The network of the detection example: from images to a grid of scores and boxes.

Three resolutions are joined by residual connections: the grid has a cell for 4 x 4 pixels, and the layers
inside see the surroundings of a cell at a half and a quarter of that resolution.
"""

from __future__ import annotations

import chainrule as cr
from chainrule_examples.conv_block import conv_block, residual_block


def center_network(classes: int) -> cr.Layer:
    """The network: images (B, H, W, 3) -> grids (B, H/4, W/4, classes + 4), with H and W multiples of 16.

    Args:
        classes: the number of classes.
    """
    inner = _at_half_size([residual_block(64)], 64)
    deep = _at_half_size([residual_block(64), inner, residual_block(64)], 32)
    heat = cr.Sequential(cr.Conv(classes, 1), cr.Rescaling(1.0, -2.2))  # sigmoid(-2.2) = 0.1, as few
    heads = cr.Parallel(heat=heat, box=cr.Conv(4, 1))
    return cr.Sequential(
        *conv_block(16, 2), *conv_block(32, 2), residual_block(32), deep, *conv_block(48), heads
    )


def _at_half_size(layers: list[cr.Layer], channels: int) -> cr.Layer:
    """Layers at half the resolution, enlarged again, beside a residual connection."""
    enlarge = [cr.Conv(channels, 1, bias=False), cr.BatchNorm(), cr.UpSampling()]
    return cr.Residual(cr.Sequential(*conv_block(64, 2), *layers, *enlarge))
