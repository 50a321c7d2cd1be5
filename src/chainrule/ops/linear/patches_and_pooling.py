"""The windows of an image (im2col), and pooling.

Pooling needs no operation of its own: max pooling is ``max`` over the window axes of ``patches``, average
pooling ``sum`` divided by the number of cells. So their gradients of every order are those of other cards.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant, make
from chainrule.notation.tree import Element, Number, Sum, Tree
from chainrule.ops.array import reduction
from chainrule.ops.array.shape import broadcast_to
from chainrule.ops.elementwise.elementwise import same_kind
from chainrule.ops.linear.window_geometry import (
    Lengths,
    Padding,
    Widths,
    Windowed,
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
    Sample,
    Says,
    Shared,
    Whole,
    card,
    draw,
)
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, shape_text


@frozen
class _Sliding(Windowed):
    window: Lengths = (1,)

    constraints: ClassVar = {
        "C1": "an image (B, *space, C) of one to three spatial axes, all lengths but B known",
        "C2": "for each spatial axis a window, stride and dilation >= 1 and padding >= 0",
        "C3": "the padded image is at least as wide as the window reaches",
        "C4": "floating-point numbers",
    }

    def reversed(self, kind: type[Card], **extra: object) -> Card:
        """Return the transposed card, with the same settings."""
        names = ("strides", "low", "high", "dilation", "window")
        return kind(**{name: getattr(self, name) for name in names}, **extra)

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        (axis,) = axes
        if axis is None:
            return Shared()
        return Apart(0) if axis == 0 else Whole("the window slides over the samples")


@frozen
class _Filled(_Sliding):
    fill: float = 0.0


@card
class Patches(_Filled):
    """All windows of an image.

    Shapes: (B, *space, C) -> (B, *places, *window, C).

    Args:
        strides: the step of the window, one number for each spatial axis.
        low, high: the padding before and after each spatial axis.
        dilation: the spacing of the cells of the window, one number for each spatial axis.
        window: the size of the window, one number for each spatial axis.
        fill: the value of the padding: 0, or minus infinity for max pooling.

    Cost: no arithmetic; in NumPy a view without padding, otherwise one copy of the image.
    """

    name = "patches"
    chinese = "取窗口"
    arguments = ("x",)
    formula = "x[s*i+d*k-p]"
    pullbacks: ClassVar = {"x": "sum(i, sum(k, where(s*i+d*k-p == j, dy[i,k], 0)))"}
    says = Says(
        "extracts the windows of an image",
        "把图像的各个窗口并排列出",
        "sums the gradients of all windows that contain a cell",
        "每个像素得到包含它的所有窗口的梯度之和",
    )

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        space = space_of(self.name, x)
        same_kind(self.name, specs, "floating-point")
        return x.with_shape((x.shape[0], *self.places(space, self.window), *self.window, x.shape[-1]))

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return self.extract(x, self.window, self.fill)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return (make(self.reversed(Fold, space=space_of(self.name, inputs[0].spec)), dy),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        axes, (b, *middle, c) = len(self.window), index
        cell = self.cell(middle[:axes], middle[axes:])
        return Element(0, (b, *cell, c)) if is_inside(cell, inputs[0].shape[1:-1]) else Number(self.fill)

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls(window=(2,)), (draw(4, 3, 2),), batch=(0,)),
            Sample(cls((2, 1), (1, 0), (0, 2), (1, 2), (2, 2), fill=0.5), (draw(2, 3, 2, 2),), batch=(0,)),
            Sample(cls((1,) * 3, (0,) * 3, (0,) * 3, (1,) * 3, (1, 2, 2)), (draw(1, 2, 2, 3, 1),)),
            Sample(cls((2,), (1,), (1,), window=(2,), fill=-np.inf), (draw(2, 4, 1),), smooth=False),
            Sample(cls(), (draw(1, 1, 1),)),
            Sample(cls(window=(2,)), (draw(0, 3, 2),)),
            Sample(cls(), (draw(3, 2),), breaks="C1"),
            Sample(cls(strides=(0,)), (draw(1, 3, 2),), breaks="C2"),
            Sample(cls(window=(1, 1)), (draw(1, 3, 2),), breaks="C2"),
            Sample(cls(window=(3,), dilation=(2,), low=(1,)), (draw(1, 3, 2),), breaks="C3"),
            Sample(cls(window=(2,)), (np.ones((1, 3, 2), "int64"),), breaks="C4"),
        )


@frozen
class _Spaced(_Sliding):
    space: Lengths = (1,)


@card
class Fold(_Spaced):
    """The transpose of ``Patches``: windows added at their positions in the image; padding is dropped.

    Shapes: (B, *places, *window, C) -> (B, *space, C).

    Args:
        strides: the step of the window, one number for each spatial axis.
        low, high: the padding before and after each spatial axis.
        dilation: the spacing of the cells of the window, one number for each spatial axis.
        window: the size of the window, one number for each spatial axis.
        space: the spatial axes of the image that the windows belong to (C5).
    """

    name = "fold"
    chinese = "窗口放回"
    arguments = ("x",)
    formula = "sum(i, sum(k, where(s*i+d*k-p == j, x[i,k], 0)))"
    pullbacks: ClassVar = {"x": "dy[s*i+d*k-p]"}
    constraints: ClassVar = {**_Sliding.constraints, "C5": "the windows are those of an image of this space"}
    says = Says(
        "adds the windows at their positions in the image",
        "把各窗口按原位置叠加",
        "passes each window the gradient of its cells",
        "把对应位置的梯度发给各窗口",
    )

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        axes = len(self.window)
        space_of(self.name, x, extra=axes)
        image = x.with_shape((x.shape[0], *self.space, x.shape[-1]))
        windows = self.reversed(Patches).infer(image)
        if windows.shape != x.shape:
            expected = f"{shape_text(windows.shape)} (C5)"
            raise ShapeError("E216", op=self.name, expected=expected, received=shape_text(x.shape))
        return image

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return self.put(x, self.space)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return (make(self.reversed(Patches), dy),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        (b, *cell, c), shape = index, inputs[0].shape
        places = shape[1 : 1 + len(self.space)]
        covering = self.over(cell, places, self.window)
        return Sum(tuple(Element(0, (b, *place, *tap, c)) for place, tap in covering))

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        plain = cls(window=(2,), space=(3,))
        return (
            Sample(plain, (draw(4, 2, 2, 1),), batch=(0,)),
            Sample(
                cls((2, 1), (1, 0), (0, 2), (1, 2), (2, 2), (3, 2)), (draw(2, 2, 2, 2, 2, 2),), batch=(0,)
            ),
            Sample(cls((3,), (0,), (1,), (1,), (2,), (6,)), (draw(1, 2, 2, 2),)),
            Sample(cls(), (draw(1, 1, 1, 1),)),
            Sample(plain, (draw(0, 2, 2, 1),)),
            Sample(plain, (draw(2, 2, 1),), breaks="C1"),
            Sample(cls(space=(2, 2), window=(1, 1)), (draw(1, 2, 2, 1, 1, 1),), breaks="C2"),
            Sample(cls(window=(2,), space=(1,)), (draw(1, 1, 2, 1),), breaks="C3"),
            Sample(plain, (np.ones((4, 2, 2, 1), "int64"),), breaks="C4"),
            Sample(plain, (draw(4, 3, 2, 1),), breaks="C5"),
        )


def patches(
    x: Node,
    window: Widths,
    stride: Widths = 1,
    padding: Padding = "valid",
    dilation: Widths = 1,
    fill: float = 0.0,
) -> Node:
    """Return all windows of an image: (B, *space, C) -> (B, *places, *window, C).

    Args:
        x: images.
        window: the size of the window, one number or one for each spatial axis.
        stride: the step of the window.
        padding: ``"valid"``, ``"same"``, a number, or for each axis a number or a pair (before, after).
        dilation: the distance between neighboring cells of the window.
        fill: the value of the padding.

    Raises:
        ShapeError E213, E215, E218: not an image, one that is too small, or settings for another number of
            axes.
        UsageError E101: no such padding.

    Example:
        >>> from chainrule.graph import input_node
        >>> patches(input_node("x", (None, 28, 28, 3)), 2, stride=2).shape
        (B, 14, 14, 2, 2, 3)
    """
    op, space = Patches.name, space_of(Patches.name, x.spec)
    settings = (("window", window), ("stride", stride), ("dilation", dilation))
    cells, strides, dilations = (per_axis(op, name, value, len(space)) for name, value in settings)
    spans = tuple(span(k, d) for k, d in zip(cells, dilations, strict=True))
    low, high = padding_of(op, padding, space, spans, strides)
    return make(Patches(strides, low, high, dilations, cells, float(fill)), x)


def max_pool(
    x: Node, window: Widths, stride: Widths | None = None, padding: Padding = "valid", dilation: Widths = 1
) -> Node:
    """Return the largest value of each window: (B, *space, C) -> (B, *places, C); ignores padding.

    Formula: y_c = max over the cells of a window of x_c, channel by channel.

    Numerics: at a tie the gradient is divided equally among the largest elements; PyTorch passes all of it
        to the first. NaN if any value in the window is NaN.

    Args:
        x: images (B, *space, C) with one to three spatial axes.
        window: the size of the window, one number or one for each spatial axis.
        padding: ``"valid"``, ``"same"``, or the number of cells on each side, one number or one for each
            axis.
        dilation: the distance between neighboring cells of the window.
        stride: the step of the window; by default its size.

    Raises:
        ShapeError E213, E215, E218, E219: as ``patches``; or a window that contains only padding.

    Example:
        >>> from chainrule.engines import evaluate
        >>> x = constant(np.array([[[1.0], [5.0], [2.0], [3.0]]]))
        >>> print(evaluate(max_pool(x, 2)).ravel())
        [5. 3.]
    """
    windows = patches(x, window, window if stride is None else stride, padding, dilation, fill=-np.inf)
    _min_cells(windows)
    return reduction.max(windows, _window_axes(x))


def average_pool(
    x: Node,
    window: Widths,
    stride: Widths | None = None,
    padding: Padding = "valid",
    count_include_pad: bool = False,
) -> Node:
    """Return the mean of each window: (B, *space, C) -> (B, *places, C).

    Formula: y_c = 1/n sum over the n cells of a window of x_c, channel by channel.

    Args:
        x, window, padding: as in ``max_pool``.
        stride: the step of the window; by default its size.
        count_include_pad: whether padding counts as zeros. By default only cells of the image are averaged,
            as in TensorFlow; PyTorch's ``count_include_pad`` is true by default.

    Raises:
        ShapeError E213, E215, E218, E219: as ``patches``; or a window that contains only padding.

    Example:
        >>> from chainrule.engines import evaluate
        >>> x = constant(np.array([[[1.0], [5.0], [2.0]]]))
        >>> print(evaluate(average_pool(x, 2, padding="same")).ravel())
        [3. 2.]
    """
    windows = patches(x, window, window if stride is None else stride, padding)
    op, axes, cells_min = windows.op, _window_axes(x), _min_cells(windows)
    assert isinstance(op, Patches)
    total = reduction.sum(windows, axes)  # (B, *places, C)
    cells = math.prod(n for i, n in enumerate(windows.shape) if i in axes and isinstance(n, int))
    if count_include_pad or cells_min == op.window:
        return total / float(cells)
    table = op.cell_counts(space_of(op.name, x.spec), op.window)
    return total / broadcast_to(
        constant(table[..., None].astype(x.dtype)), total.shape
    )  # (*places, 1) -> all


def _window_axes(x: Node) -> tuple[int, ...]:
    """Return the axes of the window in the patches of ``x``."""
    return tuple(range(x.rank - 1, 2 * x.rank - 3))


def _min_cells(windows: Node) -> Lengths:
    """Return the minimal number of cells of the image in a window along each axis."""
    op, (x,) = windows.op, windows.inputs
    assert isinstance(op, Patches)
    cells_min = op.min_cells(space_of(op.name, x.spec), op.window)
    if 0 in cells_min:
        expected = fact("padding narrower than the window {window}", window=shape_text(op.window))
        received = fact("padding {low} and {high}", low=shape_text(op.low), high=shape_text(op.high))
        raise ShapeError("E219", expected=expected, received=received, fix='padding="same"')
    return cells_min


CARDS = (Patches, Fold)
