"""U-Net: a contracting path for context, an expanding path for localization, and skips at every size."""

from __future__ import annotations

from chainrule.models.model_card import ModelCard, chain, image, require_counts
from chainrule.nn.blocks.residual import Skip
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Sequential
from chainrule.nn.layers.convolution import Conv, ConvTranspose, Padding
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.pooling import MaxPool


def unet(
    classes: int = 2, channels: int = 64, depth: int = 4, padding: Padding = "valid", dropout: float = 0.5
) -> Sequential:
    """Build U-Net, a segmentation network that classifies every pixel of an image.

    The printed network is figure 1 turned on its side: each nested level is one level down.

    The parameters for images of one channel, weights and biases of figure 1 (c channels per level; d channels
    from the level above on the way down, 2 c on the way up):

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

    Shapes: (B, 572, 572, C) -> (B, 388, 388, classes) with padding ``"valid"``; with ``"same"`` the size is
    kept and must be a multiple of 16 (of 2 for each level below the first).

    Args:
        classes: number of classes of a pixel.
        channels: number of channels of the first level; each level below has twice as many.
        depth: number of levels below the first.
        padding: ``"valid"`` as in the paper, so that no output depends on padding, or ``"same"``.
        dropout: dropout rate at the end of the contracting path (the two deepest levels); 0 omits the layers.

    Raises:
        UsageError E101, E102: an unknown padding; a number below 1, or a rate outside 0 to 1.
        ShapeError E215, E232: an image that is too small, or of odd size where it is halved; the error states
            the next valid size.

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
        """Return the layers of a level; the levels below it are one of them."""
        width = channels * 2 ** (number - 1)
        drop = Dropout(dropout) if dropout and number >= depth else None
        parts: dict[str, Layer | None] = {"conv1": conv(width), "conv2": conv(width), "drop": drop}
        if number <= depth:
            up = ConvTranspose(width, 2, stride=2)
            below = chain(pool=MaxPool(2), **level(number + 1), up=up)
            parts |= {f"level{number + 1}": Skip(below), "conv3": conv(width), "conv4": conv(width)}
        return parts

    return chain(**level(1), head=Conv(classes, 1))


UNET = ModelCard(
    unet,
    "U-Net 分割网络",
    ("Classifies every pixel of an image.", "逐像素判断图像中每一点属于什么。"),
    31_030_658,
    "the paper's figure 1, added up in the docstring",
    "Ronneberger, Fischer and Brox (2015), U-Net: Convolutional networks for biomedical image segmentation "
    "(MICCAI)",
    image(572, 572, 1),
)
