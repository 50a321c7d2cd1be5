"""The Vision Transformer: an image is divided into patches, which are processed like the words of a text."""

from __future__ import annotations

from typing import Unpack

from chainrule.models.model_card import BATCH, ModelCard, chain, require_counts
from chainrule.models.transformer import Stack, StackOverrides, resolve_stack
from chainrule.nn.blocks.transformer import TransformerEncoder, TransformerEncoderLayer
from chainrule.nn.layers.containers import Sequential
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.embedding import PatchEmbedding
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.normalization import LayerNorm
from chainrule.nn.layers.position_encoding import LearnedPosition
from chainrule.nn.layers.sequence_pool import ClassToken, SequencePool
from chainrule.symbolic_shape import Spec

BASE, LARGE, HUGE, TINY = Stack(768, 12, 12), Stack(1024, 24, 16), Stack(1280, 32, 16), Stack(192, 6, 3)
# For each size the stack, the side of a patch and that of an image.
SIZES: dict[str, tuple[Stack, int, int]] = {
    "b_16": (BASE, 16, 224),
    "b_32": (BASE, 32, 224),
    "l_16": (LARGE, 16, 224),
    "l_32": (LARGE, 32, 224),
    "h_14": (HUGE, 14, 224),
    "tiny": (TINY, 4, 32),
}
NORM = LayerNorm(epsilon=1e-6)


def vit(
    size: str = "b_16",
    classes: int = 1000,
    image_size: int | None = None,
    patch_size: int | None = None,
    dropout: float = 0.0,
    **change: Unpack[StackOverrides],
) -> Sequential:
    """Build the Vision Transformer, an image classifier: patches are words of a sequence for Transformers.

    The parameters, C = 768 channels, patches of 16 x 16 x 3, 14 x 14 patches and a class token:

    ==========  =====================================================  ==========
    patches     768 x (16 x 16 x 3) + 768                                 590,592
    token       768                                                           768
    position    (14 x 14 + 1) x 768                                       151,296
    blocks      12 x (12 C^2 + 13 C) = 12 x 7,087,872                   85,054,464
    norm        2 x 768                                                     1,536
    head        1000 x 768 + 1000                                         769,000
    all                                                                86,567,656
    ==========  =====================================================  ==========

    Shapes: (B, H, W, C) -> (B, classes), H and W equal to ``image_size``.

    Args:
        size: ``"b_16"``, ``"b_32"``, ``"l_16"``, ``"l_32"`` or ``"h_14"``, named as in torchvision (table 1
            of the paper and the side of a patch), or ``"tiny"`` for small images: patches of 4 x 4, 192
            channels, 6 blocks.
        classes: number of classes.
        image_size: side of an image; default: 224, for the tiny size 32.
        patch_size: side of a patch; default: that of the size.
        dropout: dropout rate; 0 omits the layers.
        change: ``width``, ``depth``, ``heads``, ``units``, to override those of the size.

    Raises:
        UsageError E101, E102: an unknown size; a number below 1.
        ShapeError E221: heads that do not divide the width.
        ShapeError E233: when the network is built, images of another size, or that patches do not fill.

    Example:
        >>> net = vit("tiny", classes=10, image_size=28)
        >>> print(net.layers[0])
        PatchEmbedding(192, 4, image_size=28, weight_initializer='lecun_normal')

    Reference: Dosovitskiy et al. (2021), An image is worth 16x16 words: transformers for image recognition at
    scale (ICLR).
    """
    stack, patch_size, image_size = _form(size, patch_size, image_size, change)
    require_counts("vit", classes=classes)
    block = TransformerEncoderLayer(
        stack.heads, units=stack.units, activation="gelu", dropout=dropout, norm_first=True, norm=NORM
    )
    return chain(
        patches=PatchEmbedding(
            stack.width, patch_size, image_size=image_size, weight_initializer="lecun_normal"
        ),  # -> (B, 196, 768)
        token=ClassToken(weight_initializer="zeros"),  # -> (B, 197, 768)
        position=LearnedPosition((image_size // patch_size) ** 2 + 1),
        dropout=Dropout(dropout) if dropout else None,
        blocks=TransformerEncoder(block, stack.depth, norm=NORM),
        first=SequencePool("first"),  # -> (B, 768)
        head=Dense(classes, weight_initializer="zeros"),
    )


def _form(size: str, patch: int | None, image: int | None, change: StackOverrides) -> tuple[Stack, int, int]:
    """Return the stack, the side of a patch and that of an image."""
    stack = resolve_stack("vit", size, {name: stack for name, (stack, _, _) in SIZES.items()}, change)
    patch_size = SIZES[size][1] if patch is None else patch
    image_size = SIZES[size][2] if image is None else image
    require_counts("vit", patch_size=patch_size, image_size=image_size)
    return stack, patch_size, image_size


VIT = ModelCard(
    vit,
    "ViT 视觉 Transformer",
    (
        "Classifies images: attention over patches, as over the words of a text.",
        "识别图像：把图像切成方块，像读文本中的词那样用注意力来读。",
    ),
    86_567_656,
    "torchvision, vit_b_16",
    "Dosovitskiy and others (2021), An image is worth 16x16 words: transformers for image recognition at "
    "scale (ICLR)",
    {"x": Spec((BATCH, 224, 224, 3), "float32")},
)
