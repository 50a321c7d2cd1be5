"""Operations that select a part, pad with zeros, and concatenate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, make
from chainrule.notation.tree import Element, Number, Tree
from chainrule.ops.array.shape import B, reshape
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
from chainrule.symbolic_shape import Axis, Spec, bound, size_at


@frozen
class _Window(Card):
    start: tuple[Axis, ...] = ()
    stop: tuple[Axis, ...] = ()
    step: tuple[int, ...] = ()


@card
class Slice(_Window):
    """Every ``step``-th element from ``start`` to ``stop`` along each axis.

    Args:
        start, stop, step: one entry for each axis (C1); 0 <= start <= stop <= length, step >= 1 (C2); an axis
            of symbolic length has step 1 (C3).
    """

    name = "slice"
    chinese = "切片"
    arguments = ("x",)
    formula = "x[i]"
    pullbacks = {"x": "dy[i]"}
    constraints = {
        "C1": "one start, stop and step for each axis",
        "C2": "0 <= start <= stop <= length and step >= 1",
        "C3": "step 1 on an axis of symbolic length",
    }
    says = Says(
        "selects a part",
        "截取一部分",
        "puts the gradient back in its place, 0 elsewhere",
        "梯度放回原处，其余为 0",
    )

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        if not len(self.start) == len(self.stop) == len(self.step) == x.rank:
            raise ShapeError(
                "E208", op=self.name, constraint=fact("an entry for each axis (C1)"), received=self
            )
        return x.with_shape(self._length(x.shape[i], i) for i in range(x.rank))

    def _length(self, length: Axis, i: int) -> Axis:
        start, stop, step = self.start[i], self.stop[i], self.step[i]
        if isinstance(length, int) and isinstance(start, int) and isinstance(stop, int):
            if step < 1 or not 0 <= start <= stop <= length:
                expected = fact("0 <= start <= stop <= {length}, step >= 1 (C2)", length=length)
                received = fact(
                    "{start}:{stop}:{step} of axis {axis}", start=start, stop=stop, step=step, axis=i
                )
                raise ShapeError("E206", expected=expected, received=received)
            return -((start - stop) // step)
        if step != 1:
            expected = fact("step 1 on an axis of symbolic length (C3)")
            raise ShapeError("E206", expected=expected, received=fact("slice step {step}", step=step))
        return stop - start

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return x[tuple(slice(a, b, s) for a, b, s in zip(self.start, self.stop, self.step, strict=True))]

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        high = []
        for i, length in enumerate(inputs[0].shape):
            selected = y.shape[i]
            last = self.start[i] if selected == 0 else self.start[i] + (selected - 1) * self.step[i] + 1
            high.append(length - last)
        return (make(Pad(self.start, tuple(high), tuple(s - 1 for s in self.step)), dy),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        places = zip(bound(self.start), index, self.step, strict=True)
        return Element(0, tuple(a + i * s for a, i, s in places))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        (axis,) = axes
        if axis is None:
            return Shared()
        is_full = self.start[axis] == 0 and self.stop[axis] == specs[0].shape[axis] and self.step[axis] == 1
        return Apart(axis) if is_full else Whole("some samples are cut away")

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls((0, 1), (B, 3), (1, 1)), (draw(4, 5),), batch=(0,)),
            Sample(cls((1, 0), (B, 5), (1, 1)), (draw(4, 5),), batch=(0,)),
            Sample(cls((0, 1), (4, 5), (3, 2)), (draw(4, 5),)),
            Sample(cls((2,), (2,), (1,)), (draw(4),)),
            Sample(cls((), (), ()), (draw(),)),
            Sample(cls((0,), (2,), (1,)), (draw(2, 2),), breaks="C1"),
            Sample(cls((0,), (5,), (1,)), (draw(4),), breaks="C2"),
            Sample(cls((0,), (B,), (2,)), (draw(4),), breaks="C3", batch=(0,)),
        )


@frozen
class _Border(Card):
    low: tuple[Axis, ...] = ()
    high: tuple[Axis, ...] = ()
    between: tuple[int, ...] = ()


@card
class Pad(_Border):
    """The elements with zeros before, after and between them.

    Args:
        low, high: the number of zeros before and after each axis, at least 0 (C1).
        between: the number of zeros between neighbors of each axis; 0 on an axis of symbolic length.
    """

    name = "pad"
    chinese = "填充"
    arguments = ("x",)
    formula = "x[i]"
    pullbacks = {"x": "dy[i]"}
    constraints = {"C1": "for each axis a count of at least 0 before, after and between"}
    says = Says("pads with zeros", "四周补零", "selects the gradient of the elements", "只取对应原数的梯度")

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        counts = (*self.low, *self.high, *self.between)
        if not len(self.low) == len(self.high) == len(self.between) == x.rank or any(
            isinstance(n, int) and n < 0 for n in counts
        ):
            raise ShapeError("E208", op=self.name, constraint=self.requirement("C1"), received=self)
        return x.with_shape(self.low[i] + self._spread(n, i) + self.high[i] for i, n in enumerate(x.shape))

    def _spread(self, length: Axis, i: int) -> Axis:
        """Return the length of an axis with zeros between its elements, but not around it."""
        gap = self.between[i]
        return length if gap == 0 or length == 0 else length + (length - 1) * gap

    def _places(self, shape: tuple[int, ...]) -> tuple[slice, ...]:
        ends = [self._spread(n, i) for i, n in enumerate(shape)]
        return tuple(
            slice(low, low + end, gap + 1) for low, end, gap in zip(self.low, ends, self.between, strict=True)
        )

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        result = np.zeros(bound(self.infer(Spec.of(x)).shape), x.dtype)
        result[self._places(x.shape)] = x
        return result

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        stop = tuple(
            low + self._spread(n, i) for i, (low, n) in enumerate(zip(self.low, inputs[0].shape, strict=True))
        )
        return (make(Slice(self.low, stop, tuple(gap + 1 for gap in self.between)), dy),)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        source = []
        for place, low, gap, length in zip(index, self.low, self.between, inputs[0].shape, strict=True):
            steps, rest = divmod(place - size_at(low, {}), gap + 1)
            if rest or not 0 <= steps < length:
                return Number(0)
            source.append(int(steps))
        return Element(0, tuple(source))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        (axis,) = axes
        if axis is None:
            return Shared()
        untouched = self.low[axis] == 0 and self.high[axis] == 0 and self.between[axis] == 0
        return Apart(axis) if untouched else Whole("samples of zeros are added")

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls((0, 2), (0, 1), (0, 0)), (draw(4, 3),), batch=(0,)),
            Sample(cls((1, 0), (0, 2), (0, 1)), (draw(4, 3),)),
            Sample(cls((1,), (2,), (1,)), (draw(0),)),
            Sample(cls((), (), ()), (draw(),)),
            Sample(cls((-1,), (0,), (0,)), (draw(3),), breaks="C1"),
        )


@frozen
class _Joint(Card):
    axis: int = 0


@card
class Concatenate(_Joint):
    """Two values, concatenated along an axis. (More are concatenated two by two.)

    Args:
        axis: the axis that grows; it exists (C1), and all other axes are equal (C2).
    """

    name = "concatenate"
    chinese = "拼接"
    arguments = ("a", "b")
    formula = "where(i < n, a[i], b[i-n])"
    pullbacks = {"a": "dy[i]", "b": "dy[i+n]"}
    constraints = {"C1": "the axis exists", "C2": "the dtype and all other axes are equal"}
    says = Says(
        "concatenates two values", "拼接", "splits the gradient into the two parts", "把梯度切成两部分"
    )

    def infer(self, *specs: Spec) -> Spec:
        a, b = specs
        if not 0 <= self.axis < a.rank:
            raise ShapeError(
                "E205", axis=self.axis, expected=fact("0 to {last} (C1)", last=a.rank - 1), received=self.axis
            )
        others = [(n, m) for i, (n, m) in enumerate(zip(a.shape, b.shape, strict=False)) if i != self.axis]
        if a.rank != b.rank or a.dtype != b.dtype or any(n != m for n, m in others):
            raise ShapeError(
                "E207", expected=fact("{spec} but for axis {axis} (C2)", spec=a, axis=self.axis), received=b
            )
        grown = a.shape[self.axis] + b.shape[self.axis]
        return a.with_shape(grown if i == self.axis else n for i, n in enumerate(a.shape))

    def evaluate(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.concatenate((a, b), self.axis)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        a, b = inputs
        cut = a.shape[self.axis]
        return slice_axis(dy, self.axis, 0, cut), slice_axis(dy, self.axis, cut, cut + b.shape[self.axis])

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        length = inputs[0].shape[self.axis]
        if index[self.axis] < length:
            return Element(0, index)
        moved = index[self.axis] - length
        return Element(1, (*index[: self.axis], moved, *index[self.axis + 1 :]))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        batch_axes = {axis for axis in axes if axis is not None}
        if not batch_axes:
            return Shared()
        if batch_axes == {self.axis} or len(batch_axes) > 1:
            return Whole("two batches are joined into one")
        return Apart(batch_axes.pop())

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls(1), (draw(4, 3), draw(4, 2)), batch=(0, 0)),
            Sample(cls(0), (draw(4, 3), draw(2, 3))),
            Sample(cls(0), (draw(0), draw(1))),
            Sample(cls(2), (draw(4, 3), draw(4, 2)), breaks="C1"),
            Sample(cls(0), (draw(4, 3), draw(4, 2)), breaks="C2"),
        )


def slice_axis(x: Node, axis: int, start: Axis, stop: Axis, step: int = 1) -> Node:
    """Return the part of ``x`` between ``start`` and ``stop`` of one axis."""
    starts: list[Axis] = [0] * x.rank
    stops, steps = list(x.shape), [1] * x.rank
    starts[axis], stops[axis], steps[axis] = start, stop, step
    return make(Slice(tuple(starts), tuple(stops), tuple(steps)), x)


def pad(x: Node, widths: Sequence[tuple[int, int]]) -> Node:
    """Return ``x`` padded with zeros; ``widths`` has the number before and after for each axis.

    Args:
        x: a node of any shape.
        widths: the number of zeros before and after, a pair for each axis.
    """
    low, high = zip(*widths, strict=True) if widths else ((), ())
    return make(Pad(tuple(low), tuple(high), (0,) * x.rank), x)


def concatenate(parts: Sequence[Node], axis: int = 0) -> Node:
    """Return the parts, concatenated along ``axis``.

    Args:
        parts: nodes of one dtype that differ in this axis at most.
        axis: the axis.

    Raises:
        ShapeError E205, E207: the axis does not exist, or another axis differs.
    """
    axis = axis + parts[0].rank if axis < 0 else axis
    result = parts[0]
    for part in parts[1:]:
        result = make(Concatenate(axis), result, part)
    return result


def stack(parts: Sequence[Node], axis: int = 0) -> Node:
    """Return the parts, stacked along a new axis.

    Args:
        parts: values of one shape.
        axis: the position of the new axis in the result.

    Raises:
        ShapeError E207: two parts differ in shape.
    """
    axis = axis + parts[0].rank + 1 if axis < 0 else axis
    return concatenate([reshape(p, (*p.shape[:axis], 1, *p.shape[axis:])) for p in parts], axis)


CARDS = (Slice, Pad, Concatenate)
