"""Convolution: a kernel of weights that slides over an image.

What neural-network libraries call convolution is the cross-correlation

    y[b, i, o] = sum over t and c of  x[b, i * stride + t * dilation - low, c] * w[o, t, c]

(the kernel is not flipped). It is linear in x and linear in w. A map that is linear in two arguments has two
transposes, which are the gradients by x and by w:

    Convolution(x, w) -> y      ConvolutionInput(g, w) -> like x      ConvolutionWeight(x, g) -> like w

All three are the trilinear form  <g, Convolution(x, w)>  with a different argument left open. So the
pullbacks of each are the other two, no further card is needed, and derivatives of every order exist.
``ConvolutionInput`` is also called transposed convolution, or, misleadingly, deconvolution.

In NumPy each is a matrix product: the windows of the image as rows (im2col) times the weights as a matrix
(Chellapilla, Puri and Simard, 2006). Groups of channels are a stack of such products.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import ClassVar

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, make
from chainrule.notation.tree import Element, Product, Sum, Tree
from chainrule.ops.elementwise.elementwise import same_kind
from chainrule.ops.linear.window_geometry import (
    Lengths,
    Padding,
    Widths,
    Windowed,
    are_integers,
    is_inside,
    padding_of,
    per_axis,
    space_of,
    span,
)
from chainrule.ops.operation_card import (
    Apart,
    Axes,
    BatchRule,
    Card,
    Pulled,
    Reduced,
    Sample,
    Says,
    Shared,
    Whole,
    card,
    draw,
)
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Spec, shape_text

# Base of convolution and its two transposes: a window with weights.
#
# The channels of the image and of the result may be divided into ``groups``: each part of the result is then
# computed from one part of the image, as by separate smaller convolutions. In NumPy they are a stack of
# matrices.

PIECE = 2**18  # elements: 1 MiB of float32, about the size of a core's L2 cache


@frozen
class Kernel(Windowed):
    """Base of the cards that slide a kernel of weights over images.

    Args:
        groups: the number of parts into which the channels are divided.
    """

    groups: int = 1

    constraints: ClassVar = {
        "C1": "both have the same one to three spatial axes between first and last, all lengths but B known",
        "C2": "for each spatial axis a kernel, stride and dilation >= 1 and padding >= 0",
        "C3": "the padded image is at least as wide as the kernel reaches",
        "C4": "both have one floating-point dtype",
        "C5": "the groups divide the channels of both sides",
    }

    def transposed(self, kind: type[Card], **extra: object) -> Card:
        """Return the convolution with the same settings as another of the three cards."""
        names = ("strides", "low", "high", "dilation", "groups")
        return kind(**{name: getattr(self, name) for name in names}, **extra)

    def result(self, x: Spec, w: Spec) -> Spec:
        """Return the spec of ``Convolution(x, w)``."""
        space, kernel = both_spaces(self.name, x, w)
        same_kind(self.name, (x, w), "floating-point")
        channels = self.channels_fit(x, w.shape[0])
        if w.shape[-1] != channels // self.groups:
            shared = f" / {self.groups} groups" if self.groups > 1 else ""
            received = fact("{depth} deep", depth=w.shape[-1])
            expected = fact(
                "{depth} deep: {channels} channels{shared} (C6)",
                depth=channels // self.groups,
                channels=channels,
                shared=shared,
            )
            raise ShapeError("E217", op=self.name, received=received, expected=expected)
        return x.with_shape((x.shape[0], *self.places(space, kernel), w.shape[0]))

    def channels_fit(self, x: Spec, outputs: Axis) -> int:
        """Return the number of channels of ``x``, after a check that the groups divide both sides (C5)."""
        channels, filters = int(x.shape[-1]), int(outputs)  # pyright: ignore[reportArgumentType]
        if not are_integers((self.groups,), 1) or channels % self.groups or filters % self.groups:
            expected = fact("channels that {groups} groups divide (C5)", groups=self.groups)
            received = fact("{channels} channels in, {filters} out", channels=channels, filters=filters)
            raise ShapeError("E214", op=self.name, expected=expected, received=received)
        return channels

    def require_result(self, g: Spec, result: Spec) -> None:
        """Refuse a shape that no convolution with these settings has (C6)."""
        if g.shape != result.shape:
            expected = f"{shape_text(result.shape)} (C6)"
            raise ShapeError("E216", op=self.name, expected=expected, received=shape_text(g.shape))

    def pieces(self, y: np.ndarray, w: np.ndarray) -> Iterator[slice]:
        """Yield consecutive samples whose windows together fit in the cache."""
        per_sample = math.prod(y.shape[1:-1]) * math.prod(w.shape[1:]) * self.groups
        step = max(1, PIECE // max(1, per_sample))
        return (slice(start, start + step) for start in range(0, len(y), step))

    def columns(self, x: np.ndarray, kernel: Lengths) -> np.ndarray:
        """Return the windows of each group as matrix rows: (B, *space, C) -> (G, B*places, kernel*C/G)."""
        windows = self.extract(x, kernel)  # (B, *places, *kernel, C)
        rows, deep = math.prod(windows.shape[: -1 - len(kernel)]), x.shape[-1] // self.groups
        by_group = windows.reshape(*windows.shape[:-1], self.groups, deep)  # still a view
        return np.moveaxis(by_group, -2, 0).reshape(self.groups, rows, math.prod(kernel) * deep)

    def rows(self, g: np.ndarray) -> np.ndarray:
        """Return the results of each group as rows of a matrix: (B, *places, O) -> (G, B*places, O/G)."""
        flat = g.reshape(math.prod(g.shape[:-1]), self.groups, g.shape[-1] // self.groups)
        return np.moveaxis(flat, 1, 0)

    def table(self, w: np.ndarray) -> np.ndarray:
        """Return the weights of each group as a matrix: (O, *kernel, I) -> (G, O/G, kernel*I)."""
        return w.reshape(self.groups, w.shape[0] // self.groups, math.prod(w.shape[1:]))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        if axes == (None, None):
            return Shared()
        return Apart(0) if axes == (0, None) else Whole("the samples are combined in the weights")


def both_spaces(op: str, x: Spec, w: Spec) -> tuple[Lengths, Lengths]:
    """Return the spatial axes of an image and of its weights, after a check that their numbers agree (C1).

    Raises:
        ShapeError E213: no image, no weights, or weights with another number of axes.
    """
    space, kernel = space_of(op, x), space_of(op, w)
    if len(space) != len(kernel) or not isinstance(w.shape[0], int):
        expected = fact("weights (O, *kernel, I), {count} axes of kernel, all known (C1)", count=len(space))
        raise ShapeError("E213", op=op, expected=expected, received=shape_text(w.shape))
    return space, kernel


# Settings of samples: two axes, each with its own stride, padding and dilation; three axes.
_UNEVEN = ((2, 1), (1, 0), (0, 2), (1, 2))
_CUBE = ((1,) * 3, (0,) * 3, (0,) * 3, (1,) * 3)
_SAYS_PULLED = ("passes each factor the gradient times the other factor", "把梯度乘以另一因子后分给两个因子")


@card
class Convolution(Kernel):
    """Convolution (cross-correlation): a weighted sum of each window of the image.

    Shapes: x (B, *space, C), w (O, *kernel, C/groups) -> (B, *places, O).

    Args:
        strides: the step of the kernel, one number for each spatial axis.
        low, high: the padding before and after each spatial axis.
        dilation: the spacing of the cells of the kernel, one number for each spatial axis.
        groups: the number of parts into which the channels are divided; each part of O depends on one part
            of C. With as many groups as channels it is a depthwise convolution.

    Cost: 2 B places O kernel C/groups flops.
    """

    name = "convolution"
    chinese = "卷积"
    arguments = ("x", "w")
    formula = "sum(k, sum(c, x[s*i+d*k-p,c] * w[o,k,c]))"
    constraints: ClassVar = {**Kernel.constraints, "C6": "the weights are as deep as a group has channels"}
    pullbacks: ClassVar = {
        "x": "sum(i, sum(k, where(s*i+d*k-p == j, sum(o, dy[i,o] * w[o,k,c]), 0)))",
        "w": "sum(b, sum(i, x[b,s*i+d*k-p,c] * dy[b,i,o]))",
    }
    says = Says(
        "slides a kernel over the image and computes weighted sums",
        "用同一卷积核滑过图像各处，加权求和",
        "passes each pixel the sum of weight times gradient over all places that cover it, and each weight "
        "the sum of pixel times gradient",
        "每个像素得到覆盖它的各处“权重乘以梯度”之和，每个权重得到各处“像素乘以梯度”之和",
    )

    def infer(self, *specs: Spec) -> Spec:
        return self.result(*specs)

    def evaluate(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        kernel, table = w.shape[1:-1], np.swapaxes(self.table(w), 1, 2)  # (G, kernel*I, O/G)
        y = np.empty((len(x), *self.places(x.shape[1:-1], kernel), len(w)), x.dtype)
        for part in self.pieces(y, w):
            rows = np.matmul(self.columns(x[part], kernel), table)  # (G, B*places, O/G)
            y[part] = np.moveaxis(rows, 0, 1).reshape(y[part].shape)
        return y

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        x, w = inputs
        by_x = self.transposed(ConvolutionInput, space=space_of(self.name, x.spec))
        by_w = self.transposed(ConvolutionWeight, kernel=space_of(self.name, w.spec))
        return make(by_x, dy, w), make(by_w, x, dy)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        (x, w), (b, *place, o) = inputs, index
        first = o // max(w.shape[0] // self.groups, 1) * w.shape[-1]
        terms = []
        for tap in product(*map(range, w.shape[1:-1])):
            cell = self.cell(place, tap)
            if is_inside(cell, x.shape[1:-1]):
                terms += [
                    Product((Element(0, (b, *cell, first + c)), Element(1, (o, *tap, c))))
                    for c in range(w.shape[-1])
                ]
        return Sum(tuple(terms))

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls(), (draw(4, 4, 2), draw(3, 2, 2)), batch=(0, None)),
            Sample(cls(*_UNEVEN, 2), (draw(2, 3, 2, 4), draw(2, 2, 2, 2)), batch=(0, None)),
            Sample(cls(*_CUBE), (draw(1, 2, 3, 2, 1), draw(2, 2, 1, 2, 1))),
            Sample(cls(groups=3), (draw(2, 3, 3), draw(3, 2, 1))),
            Sample(cls(low=(2,)), (draw(2, 1, 2), draw(1, 2, 2))),
            Sample(cls(), (draw(1, 1, 1), draw(1, 1, 1))),
            Sample(cls(), (draw(0, 3, 2), draw(3, 2, 2))),
            Sample(cls(), (draw(2, 3, 1), draw(1, 2, 2, 1)), breaks="C1"),
            Sample(cls(dilation=(0,)), (draw(1, 3, 1), draw(1, 2, 1)), breaks="C2"),
            Sample(cls(dilation=(2,)), (draw(1, 7, 1), draw(1, 5, 1)), breaks="C3"),
            Sample(cls(), (draw(1, 3, 1), draw(1, 2, 1).astype("float32")), breaks="C4"),
            Sample(cls(groups=2), (draw(1, 3, 3), draw(2, 2, 1)), breaks="C5"),
            Sample(cls(), (draw(1, 3, 3), draw(2, 2, 2)), breaks="C6"),
        )


@frozen
class _Spaced(Kernel):
    space: Lengths = (1,)


@card
class ConvolutionInput(_Spaced):
    """The transpose of ``Convolution`` by the image (transposed convolution).

    Shapes: g (B, *places, O), w (O, *kernel, C/groups) -> (B, *space, C).

    Args:
        strides, low, high, dilation, groups: those of the convolution.
        space: the spatial axes of the image; with a stride, several sizes have the same number of places.

    Cost: as the convolution.
    """

    name = "convolution_input"
    chinese = "卷积（对输入的梯度）"
    arguments = ("g", "w")
    formula = "sum(i, sum(k, where(s*i+d*k-p == j, sum(o, g[i,o] * w[o,k,c]), 0)))"
    pullbacks: ClassVar = {
        "g": "sum(k, sum(c, dy[s*i+d*k-p,c] * w[o,k,c]))",
        "w": "sum(b, sum(i, dy[b,s*i+d*k-p,c] * g[b,i,o]))",
    }
    constraints: ClassVar = {
        **Kernel.constraints,
        "C6": "the numbers are those of a convolution over this space",
    }
    says = Says(
        "spreads each number by the kernel over the image (transposed convolution)",
        "用卷积核把每个数铺回图像（转置卷积）",
        *_SAYS_PULLED,
    )

    def infer(self, *specs: Spec) -> Spec:
        g, w = specs
        for spec in specs:
            space_of(self.name, spec)
        image = g.with_shape((g.shape[0], *self.space, w.shape[-1] * self.groups))
        self.require_result(g, self.result(image, w))
        return image

    def evaluate(self, g: np.ndarray, w: np.ndarray) -> np.ndarray:
        table, channels = self.table(w), self.groups * w.shape[-1]
        x = np.empty((len(g), *self.space, channels), g.dtype)
        for part in self.pieces(g, w):
            rows, lead = np.matmul(self.rows(g[part]), table), g[part].shape[:-1]  # (G, B*places, kernel*I)
            windows = np.moveaxis(rows.reshape(self.groups, *lead, *w.shape[1:]), 0, -2)
            x[part] = self.put(windows.reshape(*lead, *w.shape[1:-1], channels), self.space)
        return x

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        g, w = inputs
        by_w = self.transposed(ConvolutionWeight, kernel=space_of(self.name, w.spec))
        return make(self.transposed(Convolution), dy, w), make(by_w, dy, g)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        (g, w), (b, *cell, c) = inputs, index
        part, deep = c // w.shape[-1], c % w.shape[-1]
        size = w.shape[0] // self.groups
        terms = tuple(
            Product((Element(0, (b, *place, o)), Element(1, (o, *tap, deep))))
            for place, tap in self.over(cell, g.shape[1:-1], w.shape[1:-1])
            for o in range(part * size, (part + 1) * size)
        )
        return Sum(terms)

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        plain = cls(space=(3,))
        return (
            Sample(plain, (draw(4, 2, 2), draw(2, 2, 2)), batch=(0, None)),
            Sample(cls(*_UNEVEN, 2, (3, 2)), (draw(2, 2, 2, 2), draw(2, 2, 2, 2)), batch=(0, None)),
            Sample(cls(*_CUBE, 1, (2, 3, 2)), (draw(1, 1, 3, 1, 2), draw(2, 2, 1, 2, 1))),
            Sample(cls(strides=(3,), space=(6,)), (draw(2, 2, 1), draw(1, 2, 2))),
            Sample(cls(), (draw(1, 1, 1), draw(1, 1, 1))),
            Sample(plain, (draw(0, 2, 2), draw(2, 2, 2))),
            Sample(plain, (draw(2, 2, 2), draw(2, 2, 2, 2)), breaks="C1"),
            Sample(cls(strides=(0,), space=(3,)), (draw(2, 2, 2), draw(2, 2, 2)), breaks="C2"),
            Sample(cls(space=(1,)), (draw(2, 1, 2), draw(2, 2, 2)), breaks="C3"),
            Sample(plain, (draw(4, 2, 2), draw(2, 2, 2).astype("float32")), breaks="C4"),
            Sample(cls(groups=2, space=(3,)), (draw(2, 2, 3), draw(3, 2, 2)), breaks="C5"),
            Sample(cls(space=(4,)), (draw(2, 2, 2), draw(2, 2, 2)), breaks="C6"),
        )


@frozen
class _Shaped(Kernel):
    kernel: Lengths = (1,)


@card
class ConvolutionWeight(_Shaped):
    """The transpose of ``Convolution`` by the weights.

    Shapes: x (B, *space, C), g (B, *places, O) -> (O, *kernel, C/groups), summed over the samples.

    Args:
        strides, low, high, dilation, groups: those of the convolution.
        kernel: the spatial axes of the weights; with a stride, several sizes have the same number of
            places.

    Cost: as the convolution.
    """

    name = "convolution_weight"
    chinese = "卷积（对卷积核的梯度）"
    arguments = ("x", "g")
    formula = "sum(b, sum(i, x[b,s*i+d*k-p,c] * g[b,i,o]))"
    pullbacks: ClassVar = {
        "x": "sum(i, sum(k, where(s*i+d*k-p == j, sum(o, g[i,o] * dy[o,k,c]), 0)))",
        "g": "sum(k, sum(c, x[s*i+d*k-p,c] * dy[o,k,c]))",
    }
    constraints: ClassVar = {
        **Kernel.constraints,
        "C6": "the numbers are those of a convolution with this kernel",
    }
    says = Says(
        "sums pixel times number over all places and samples",
        "对所有位置和样本累加“像素乘以数”",
        *_SAYS_PULLED,
    )

    def infer(self, *specs: Spec) -> Spec:
        x, g = specs
        for spec in specs:
            space_of(self.name, spec)
        deep = self.channels_fit(x, g.shape[-1]) // self.groups
        weights = x.with_shape((g.shape[-1], *self.kernel, deep))
        same_kind(self.name, (x, g), "floating-point")
        self.require_result(g, self.result(x, weights))
        return weights

    def evaluate(self, x: np.ndarray, g: np.ndarray) -> np.ndarray:
        w = np.zeros((g.shape[-1], *self.kernel, x.shape[-1] // self.groups), x.dtype)
        for part in self.pieces(g, w):
            rows = np.swapaxes(self.rows(g[part]), 1, 2)  # (G, O/G, B*places)
            w += np.matmul(rows, self.columns(x[part], self.kernel)).reshape(w.shape)
        return w

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        x, g = inputs
        by_x = self.transposed(ConvolutionInput, space=space_of(self.name, x.spec))
        return make(by_x, g, dy), make(self.transposed(Convolution), x, dy)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        (x, g), (o, *tap, c) = inputs, index
        channel = o // (g.shape[-1] // self.groups) * (x.shape[-1] // self.groups) + c
        terms = []
        for b, *place in product(*map(range, g.shape[:-1])):
            cell = self.cell(place, tap)
            if is_inside(cell, x.shape[1:-1]):
                terms.append(Product((Element(0, (b, *cell, channel)), Element(1, (b, *place, o)))))
        return Sum(tuple(terms))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        if axes == (None, None):
            return Shared()
        return Reduced("sum") if axes == (0, 0) else Whole("samples of the two inputs are combined")

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        plain = cls(kernel=(2,))
        return (
            Sample(plain, (draw(4, 3, 2), draw(4, 2, 2)), batch=(0, 0)),
            Sample(cls(*_UNEVEN, 2, (2, 2)), (draw(2, 3, 2, 4), draw(2, 2, 2, 2)), batch=(0, 0)),
            Sample(cls(*_CUBE, 1, (2, 1, 2)), (draw(1, 2, 3, 2, 1), draw(1, 1, 3, 1, 2))),
            Sample(cls(strides=(3,), kernel=(2,)), (draw(2, 6, 1), draw(2, 2, 2))),
            Sample(cls(), (draw(1, 1, 1), draw(1, 1, 1))),
            Sample(plain, (draw(0, 3, 2), draw(0, 2, 2))),
            Sample(plain, (draw(2, 3), draw(2, 2, 2)), breaks="C1"),
            Sample(cls(kernel=(0,)), (draw(2, 3, 2), draw(2, 2, 2)), breaks="C2"),
            Sample(cls(kernel=(4,)), (draw(2, 3, 2), draw(2, 1, 2)), breaks="C3"),
            Sample(plain, (draw(2, 3, 2), draw(2, 2, 2).astype("float32")), breaks="C4"),
            Sample(cls(groups=2, kernel=(2,)), (draw(2, 3, 3), draw(2, 2, 2)), breaks="C5"),
            Sample(plain, (draw(4, 3, 2), draw(4, 3, 2)), breaks="C6"),
        )


def convolution(
    x: Node, w: Node, stride: Widths = 1, padding: Padding = "valid", dilation: Widths = 1, groups: int = 1
) -> Node:
    """Return the convolution (cross-correlation): (B, *space, C) -> (B, *places, O).

    Args:
        x: images (B, *space, C) with one to three spatial axes.
        w: weights (O, *kernel, C/groups).
        stride: the step of the kernel, one number or one for each spatial axis.
        padding: ``"valid"``, ``"same"``, a number, or for each axis a number or a pair (before, after).
        dilation: the distance between neighboring weights.
        groups: the number of parts into which the channels are divided.

    Raises:
        ShapeError E213, E214, E215, E217, E218: not an image; channels that the groups do not divide; an
            image that is too small; weights of another depth; settings for another number of axes.
        UsageError E101: no such padding.

    Example:
        >>> from chainrule.graph import input_node
        >>> x, w = input_node("x", (None, 28, 28, 3)), input_node("w", (6, 5, 5, 3))
        >>> convolution(x, w).shape, convolution(x, w, stride=2, padding="same").shape
        ((B, 24, 24, 6), (B, 14, 14, 6))
    """
    op = Convolution.name
    space, kernel = both_spaces(op, x.spec, w.spec)
    strides, dilations = (
        per_axis(op, "stride", stride, len(space)),
        per_axis(op, "dilation", dilation, len(space)),
    )
    spans = tuple(span(k, d) for k, d in zip(kernel, dilations, strict=True))
    low, high = padding_of(op, padding, space, spans, strides)
    return make(Convolution(strides, low, high, dilations, groups), x, w)


def convolution_transpose(
    x: Node,
    w: Node,
    stride: Widths = 1,
    padding: Padding = "valid",
    dilation: Widths = 1,
    groups: int = 1,
    space: Widths | None = None,
) -> Node:
    """Return the transposed convolution: the gradient of ``convolution`` by its input.

    Shapes: x (B, *places, O), w (O, *kernel, C/groups) -> (B, *space, C): w has the layout of
    the convolution whose transpose this is, so its first axis corresponds to the channels of ``x``.

    Args:
        x, w, stride, padding, dilation, groups: as in ``convolution``; padding is removed from the result.
        space: the spatial axes of the result. By default the smallest with this number of places; with
            ``"same"``, the places times the stride.

    Raises:
        ShapeError E213, E214, E216, E218: not an image; channels that the groups do not divide; a ``space``
            with another number of places; settings for another number of axes.

    Example:
        >>> from chainrule.graph import input_node
        >>> x, w = input_node("x", (None, 7, 7, 8)), input_node("w", (8, 3, 3, 4))
        >>> convolution_transpose(x, w, 2).shape, convolution_transpose(x, w, 2, "same").shape
        ((B, 15, 15, 4), (B, 14, 14, 4))
    """
    op = ConvolutionInput.name
    places, kernel = both_spaces(op, x.spec, w.spec)
    strides, dilations = (
        per_axis(op, "stride", stride, len(places)),
        per_axis(op, "dilation", dilation, len(places)),
    )
    spans = tuple(span(k, d) for k, d in zip(kernel, dilations, strict=True))
    wide = tuple(n * s for n, s in zip(places, strides, strict=True))
    low, high = padding_of(op, padding, wide, spans, strides)
    if space is not None:
        wide = per_axis(op, "space", space, len(places), 0)
    elif padding != "same":
        around = zip(places, strides, spans, low, high, strict=True)
        wide = tuple((n - 1) * s + k - before - after for n, s, k, before, after in around)
    return make(ConvolutionInput(strides, low, high, dilations, groups, wide), x, w)


CARDS = (Convolution, ConvolutionInput, ConvolutionWeight)
