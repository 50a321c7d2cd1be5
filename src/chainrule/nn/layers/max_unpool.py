"""Max unpooling: each maximum is written back to the cell of its window, zeros elsewhere.

Pooling keeps the values and loses their positions. With ``return_indices``, ``MaxPool`` also gives which
cell of each window won, and a decoder can put the decoded values back there::

    cr.Sequential(
        cr.MaxPool(2, return_indices=True),
        cr.Parallel("none", values=cr.Conv(8, 3, padding="same"), indices=cr.Identity()),
        cr.MaxUnpool(2),
    )

PyTorch counts the winner's cell in the whole image; here it is counted in its window, row by row. The window
then is all that has to be searched, images stay apart, and putting back is ``Fold``, the backward pass of
taking windows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, make
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.convolution import Padding, Widths, require_padding, require_widths
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.linear import patches_and_pooling
from chainrule.ops.linear.window_geometry import Lengths, padding_of, per_axis, space_of, span
from chainrule.symbolic_shape import INTEGERS, shape_text


@layer
class MaxUnpool(Layer):
    """Writes each value back to the cell of its window from which ``MaxPool`` took it, zeros elsewhere.

    Shapes: values and indices by name, both (B, *places, C) -> (B, *space, C).

    Args:
        kernel_size, stride, padding: those of the ``MaxPool`` whose indices they are.
        output_size: the spatial axes of the image. By default the smallest with this number of positions;
            with ``"same"``, the places times the stride.

    Numerics: values written to the same cell by overlapping windows are summed; PyTorch keeps the last.

    Cost: as many products as the windows have cells.

    Raises:
        ShapeError E213, E216, E218: not an image; a space in which the window has a different number of
            positions; settings for another number of axes.
        ShapeError E231: something else than values and indices.
        ShapeError E211: a winner outside its window.
        UsageError E101, E102: as ``MaxPool``.

    Example:
        >>> print(MaxUnpool(2))
        MaxUnpool(2)

    Reference: Zeiler and Fergus (2014), Visualizing and understanding convolutional networks (ECCV).
    """

    chinese = ("最大反汇聚层", "把最大值放回原来的位置，其余为 0。")
    kernel_size: Widths
    stride: Widths | None = None
    _: KW_ONLY
    padding: Padding = "valid"
    output_size: Widths | None = None

    def check(self) -> None:
        require_widths(self, "kernel_size", "cr.MaxUnpool(2)")
        for name in ("stride", "output_size"):
            if getattr(self, name) is not None:
                require_widths(self, name, f"{name}=2")
        require_padding(self, self.padding)

    def __call__(self, x: Mapping[str, Node], scope: Scope) -> Node:  # (B, *places, C) -> (B, *space, C)
        values, indices = _both(x)
        places = space_of("MaxUnpool", values.spec)
        window = per_axis("MaxUnpool", "kernel_size", self.kernel_size, len(places))
        stride = self.kernel_size if self.stride is None else self.stride
        strides = per_axis("MaxUnpool", "stride", stride, len(places))
        space, low, high = self._space(places, window, strides)
        cells, last = math.prod(window), values.rank
        hot = F.one_hot(indices, cells, values.dtype)  # (B, *places, C, cells)
        apart = F.reshape(values, (*values.shape, 1)) * hot
        turned = F.transpose(apart, (*range(last - 1), last, last - 1))  # (B, *places, cells, C)
        windows = F.reshape(turned, (*values.shape[:-1], *window, values.shape[-1]))
        return make(patches_and_pooling.Fold(strides, low, high, (1,) * len(places), window, space), windows)

    def _space(self, places: Lengths, window: Lengths, strides: Lengths) -> tuple[Lengths, Lengths, Lengths]:
        """Return the spatial axes of the result, and the padding before and after each."""
        wide = tuple(n * s for n, s in zip(places, strides, strict=True))
        if self.output_size is not None:
            wide = per_axis("MaxUnpool", "output_size", self.output_size, len(places))
        spans = tuple(span(k, 1) for k in window)
        low, high = padding_of("MaxUnpool", self.padding, wide, spans, strides)
        if self.output_size is None and self.padding != "same":
            around = zip(places, strides, spans, low, high, strict=True)
            wide = tuple((n - 1) * s + k - before - after for n, s, k, before, after in around)
        return wide, low, high


def _both(x: Node | Mapping[str, Node]) -> tuple[Node, Node]:
    """Return values and indices after checking that both are there and belong together."""
    values = dict(x) if isinstance(x, Mapping) else {"one value": x}
    alike = set(values) == {"values", "indices"} and values["values"].shape == values["indices"].shape
    if not alike or values["indices"].dtype not in INTEGERS:
        expected = fact("values and indices of one shape, integer indices")
        received = ", ".join(f"{name} {shape_text(v.shape)} {v.dtype}" for name, v in values.items())
        fix = fact("cr.MaxPool(2, return_indices=True) before it")
        raise ShapeError("E231", op="MaxUnpool", expected=expected, received=received, fix=fix)
    return values["values"], values["indices"]
