"""Patch embedding: an image as a sequence of vectors, one for each square patch."""

from __future__ import annotations

from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.initializer import Initializer, known_initializer
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.convolution import Conv
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear.window_geometry import space_of
from chainrule.symbolic_shape import count, shape_text
from chainrule.validation import require_integer


@layer
class PatchEmbedding(Layer):
    """Splits an image into square patches and maps each to a vector; the patches, row by row, form a
    sequence.

    The same weights serve every square: it is a convolution whose stride is as wide as its kernel.

    Shapes: (B, H, W, C) -> (B, (H / size) (W / size), units).

    Formula: y[t, o] = sum over i, j, c of x[square t][i, j, c] W[o, i, j, c] + b[o].

    Args:
        units: the size of a vector.
        patch_size: the side of a square.
        image_size: the side of the images, if fixed: with learned positions, a patch of a
            smaller image would get the wrong row and column. ``None``: any that the squares fill.
        weight_initializer: initial values of W, a record or a name; He's by default.

    Cost: 2 H W C units flops an image forward.

    Raises:
        ShapeError E213: no images. E233: images of another size, or that the squares do not fill.
        UsageError E101, E102: unknown initializer; a number below 1.

    Example:
        >>> print(PatchEmbedding(768, 16, image_size=224))
        PatchEmbedding(768, 16, image_size=224)

    Reference: Dosovitskiy et al. (2021), An image is worth 16x16 words (ICLR), section 3.1.
    """

    chinese = ("图块嵌入层", "把图像切成方块，每块变为一个向量，像文本中的词。")
    takes_one = True
    units: int
    patch_size: int
    _: KW_ONLY
    image_size: int | None = None
    weight_initializer: str | Initializer | None = None

    def check(self) -> None:
        require_integer(self, "units", 1, fix="cr.PatchEmbedding(768, 16)")
        require_integer(self, "patch_size", 1, fix="cr.PatchEmbedding(768, 16)")
        if self.image_size is not None:
            require_integer(self, "image_size", self.patch_size, fix=f"image_size={14 * self.patch_size}")
        if self.weight_initializer is not None:
            known_initializer(self.weight_initializer)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, H, W, C) -> (B, T, units)
        if x.rank != 4:
            received = shape_text(x.shape)
            fix = fact("cr.Reshape((28, 28, 1)) before it, for images of one channel")
            raise ShapeError("E213", op="PatchEmbedding", expected="(B, H, W, C)", received=received, fix=fix)
        height, width = space_of("PatchEmbedding", x.spec)
        expected = (height, width) if self.image_size is None else (self.image_size, self.image_size)
        if (height, width) != expected or height % self.patch_size or width % self.patch_size:
            rows, columns = (max(1, round(length / self.patch_size)) for length in expected)
            side = self.patch_size
            size = rows * side, columns * side
            expected = fact(
                "{height} x {width} = {rows} x {columns} squares of {side} x {side}",
                height=size[0],
                width=size[1],
                rows=rows,
                columns=columns,
                side=side,
            )
            received = f"{height} x {width}, of {shape_text(x.shape)}"
            fix = fact('cr.UpSampling(size={size}, mode="linear") before it', size=size)
            raise ShapeError("E233", op="PatchEmbedding", expected=expected, received=received, fix=fix)
        cut = Conv(
            self.units, self.patch_size, stride=self.patch_size, weight_initializer=self.weight_initializer
        )
        y = cut(x, scope)  # (B, H / size, W / size, units)
        return F.reshape(y, (y.shape[0], count(y.shape[1:3]), self.units))
