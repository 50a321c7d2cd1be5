"""U-Net: down to where much is seen at once, up again to where things are, and across at every size."""

from __future__ import annotations

from chainrule.models.model_card import Model, chain, image, require_counts
from chainrule.nn.blocks.residual import Skip
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Dropout, Sequential
from chainrule.nn.layers.convolution import Conv, ConvTranspose, Padding
from chainrule.nn.layers.pooling import MaxPool


def unet(
    classes: int = 2, channels: int = 64, depth: int = 4, padding: Padding = "valid", dropout: float = 0.5
) -> Sequential:
    """Says of every cell of an image what it belongs to: the net of medical and many other images.

    The printed net is figure 1 lying on its side: each level further in is one further down.

    The numbers it learns for images of one channel, weights and biases of figure 1 (c channels a level, from
    the level above with d channels down, from 2 c channels up):

    =======  ====================================================  ==========
    level1   9 x 1 x 64 + 64, 9 x 64 x 64 + 64                         37,568
    level2   9 x d x c + c, 9 x c x c + c with d, c = 64, 128          221,440
    level3   with 128, 256                                             885,248
    level4   with 256, 512                                           3,539,968
    level5   with 512, 1024                                         14,157,824
    up       4 x 1024 x 512 + 512, and so on to 4 x 128 x 64 + 64    2,786,240
    level4   9 x 1024 x 512 + 512, 9 x 512 x 512 + 512               7,078,912
    level3   with 512, 256                                           1,769,984
    level2   with 256, 128                                             442,624
    level1   with 128, 64                                              110,720
    head     64 x 2 + 2                                                    130
    all                                                             31,030,658
    =======  ====================================================  ==========

    Shapes: (B, 572, 572, C) -> (B, 388, 388, classes) with padding ``"valid"``; with ``"same"`` the sides
    stay, and must be multiples of 16 (of 2 for each level below the first).

    Args:
        classes: how many answers there are for a cell.
        channels: how many the first level has; each level below has twice as many.
        depth: how many levels there are below the first.
        padding: ``"valid"`` as in the paper, so that no answer rests on invented cells, or ``"same"``.
        dropout: the chance to be dropped at the end of the way down (the two deepest levels); 0 leaves it
            out.

    Fails:
        UsageError E101, E102: no such padding; a count below 1, a chance outside 0 to 1.
        ShapeError E215, E232: an image that is too small, or of which one that is halved is odd; the next
            size that fits is told.

    Example:
        >>> print(unet(classes=3, channels=8, depth=1, padding="same", dropout=0))
        Sequential(
          conv1: Conv(8, 3, padding='same', activation='relu')
          conv2: Conv(8, 3, padding='same', activation='relu')
          level2: Skip(
            pool: MaxPool(2)
            conv1: Conv(16, 3, padding='same', activation='relu')
            conv2: Conv(16, 3, padding='same', activation='relu')
            up: ConvTranspose(8, 2, stride=2)
          )
          conv3: Conv(8, 3, padding='same', activation='relu')
          conv4: Conv(8, 3, padding='same', activation='relu')
          head: Conv(3, 1)
        )

    Reference: Ronneberger, Fischer and Brox (2015), U-Net: Convolutional networks for biomedical image
    segmentation (MICCAI), figure 1 and section 2.
    """
    require_counts("unet", classes=classes, channels=channels, depth=depth)

    def conv(width: int) -> Conv:
        return Conv(width, 3, padding=padding, activation="relu")

    def level(number: int) -> dict[str, Layer | None]:
        """The parts of a level; the levels below it are one part of it."""
        width = channels * 2 ** (number - 1)
        drop = Dropout(dropout) if dropout and number >= depth else None
        parts: dict[str, Layer | None] = {"conv1": conv(width), "conv2": conv(width), "drop": drop}
        if number <= depth:
            up = ConvTranspose(width, 2, stride=2)
            below = chain(pool=MaxPool(2), **level(number + 1), up=up)
            parts |= {f"level{number + 1}": Skip(below), "conv3": conv(width), "conv4": conv(width)}
        return parts

    return chain(**level(1), head=Conv(classes, 1))


UNET = Model(
    unet,
    "U-Net 分割网络",
    ("Says of every cell of an image what it belongs to.", "逐像素判断图像中每一点属于什么。"),
    31_030_658,
    "the paper's figure 1, added up in the docstring",
    "Ronneberger, Fischer and Brox (2015), U-Net: Convolutional networks for biomedical image segmentation "
    "(MICCAI)",
    image(572, 572, 1),
)
