"""The places of a window that slides over images: the arithmetic shared by convolution and pooling.

An image is (B, *space, C): samples, one to three spatial axes, channels. Along one spatial axis of length n,
a window of k cells slides. Its neighboring cells have the distance ``dilation``, so it spans (k - 1) *
dilation + 1 cells of the image. ``low`` and ``high`` cells of padding are added before and after the axis,
and each step moves the window by ``stride``. So there are

    (n + low + high - span) // stride + 1

places, and cell t of the window at place i covers cell i * stride + t * dilation - low of the axis; outside 0
to n - 1 that is padding. Example: n = 7, k = 3, dilation 2 (span 5), stride 2, one cell of padding on both
sides: (7 + 1 + 1 - 5) // 2 + 1 = 3 places, at which the first cell of the window covers -1 (padding), 1
and 3.

Padding may be a word: ``"valid"`` is none; ``"same"`` pads so that there are ceil(n / stride) places, with an
odd cell after the axis, as in TensorFlow (PyTorch has ``"same"`` for stride 1 only).
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import Message, ShapeError, fact, join_facts
from chainrule.graph import reserve
from chainrule.ops.operation_card import Card
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, shape_text
from chainrule.validation import unknown

Lengths: TypeAlias = tuple[int, ...]
Widths: TypeAlias = "int | Sequence[int]"
Padding: TypeAlias = "str | int | Sequence[int | Sequence[int]]"

PADDINGS = ("valid", "same")


@frozen
class Windowed(Card):
    """Base of the cards whose window slides over the spatial axes of images.

    Args:
        strides: the step of the window along each spatial axis.
        low, high: the cells of padding before and after each spatial axis.
        dilation: the distance between neighboring cells of the window.
    """

    strides: Lengths = (1,)
    low: Lengths = (0,)
    high: Lengths = (0,)
    dilation: Lengths = (1,)

    def settings_fit(self, axes: int, window: Sequence[Any]) -> None:
        """Refuse a window or settings other than one integer in range for each axis (C2)."""
        settings = {"window": window, "stride": self.strides, "dilation": self.dilation}
        settings |= {"padding before": self.low, "padding after": self.high}
        wrong = [
            f"{name} {shape_text(values)}"
            for name, values in settings.items()
            if not are_integers(values, 0 if "padding" in name else 1) or len(values) != axes
        ]
        if wrong:
            expected = fact(
                "window, stride, dilation >= 1 and padding >= 0, each of {count} numbers (C2)", count=axes
            )
            raise ShapeError("E218", op=self.name, received=", ".join(wrong), expected=expected)

    def places(self, space: Lengths, window: Lengths) -> Lengths:
        """Return the number of places of the window along each spatial axis after checking the size (C3)."""
        self.settings_fit(len(space), window)
        places, needed, received = [], [], []
        for i, (n, k) in enumerate(zip(space, window, strict=True)):
            wide, spans = n + self.low[i] + self.high[i], span(k, self.dilation[i])
            places.append((wide - spans) // self.strides[i] + 1)
            if wide < spans:
                needed.append(self._needed_width(i, k))
                received.append(self._padded_width(i, n))
        if needed:
            expected = fact("{text} (C3)", text=join_facts("; ", needed))
            fix = fact('padding="same", or a smaller window')
            raise ShapeError("E215", expected=expected, received=join_facts("; ", received), fix=fix)
        return tuple(places)

    def _needed_width(self, i: int, window: int) -> Message:
        """Return the text for the minimal width of the image along spatial axis ``i``."""
        width, dilation = span(window, self.dilation[i]), self.dilation[i]
        if width == window:
            return fact("axis {axis} at least {width} wide (the window)", axis=i + 1, width=width)
        return fact(
            "axis {axis} at least {width} wide (the window, {window} with dilation {dilation})",
            axis=i + 1,
            width=width,
            window=window,
            dilation=dilation,
        )

    def _padded_width(self, i: int, length: int) -> Message:
        """Return the text for the width of the image along spatial axis ``i``."""
        low, high = self.low[i], self.high[i]
        if not low + high:
            return fact("axis {axis} is {width} wide", axis=i + 1, width=length)
        return fact(
            "axis {axis} is {width} wide, {length} padded with {low} and {high}",
            axis=i + 1,
            width=length + low + high,
            length=length,
            low=low,
            high=high,
        )

    def cell(self, place: Sequence[int], tap: Sequence[int]) -> Lengths:
        """Return the cell of the image, or its padding, under cell ``tap`` of the window at ``place``."""
        return tuple(
            int(i * s + t * d - low)
            for i, t, s, d, low in zip(place, tap, self.strides, self.dilation, self.low, strict=True)
        )

    def over(
        self, cell: Sequence[int], places: Lengths, window: Lengths
    ) -> Iterator[tuple[Lengths, Lengths]]:
        """Yield each place at which the window covers ``cell`` of the image, with the cell of the window."""
        for tap in product(*map(range, window)):
            steps = [
                divmod(c + low - t * d, s)
                for c, t, s, d, low in zip(cell, tap, self.strides, self.dilation, self.low, strict=True)
            ]
            if all(rest == 0 and 0 <= i < n for (i, rest), n in zip(steps, places, strict=True)):
                yield tuple(int(i) for i, _ in steps), tap

    def cell_counts(self, space: Lengths, window: Lengths) -> np.ndarray:
        """Return the number of cells of the image, without padding, covered at each place."""
        total, every = np.ones((), np.int64), self.places(space, window)
        reserve(*every, itemsize=16)
        for axis, (n, k, places) in enumerate(zip(space, window, every, strict=True)):
            reserve(places, itemsize=48)
            total = total[..., None] * self._counts_at(axis, np.arange(places), n, k)
        return total

    def min_cells(self, space: Lengths, window: Lengths) -> Lengths:
        """Return the minimal number of cells of the image that the window covers along each spatial axis.

        Only places near the two ends of an axis cover padding; no table of all places is needed.
        """
        minima = []
        for axis, (n, k, places) in enumerate(zip(space, window, self.places(space, window), strict=True)):
            low, stride = self.low[axis], self.strides[axis]
            begins = min(-(-low // stride), places)  # the first place without cells before the axis
            ends = (n - span(k, self.dilation[axis]) + low) // stride + 1  # and the first with cells after it
            ends = max(begins, min(ends, places))
            reserve(begins + places - ends, itemsize=64)
            edges = np.concatenate([np.arange(begins), np.arange(ends, places)])
            minima.append(int(self._counts_at(axis, edges, n, k).min(initial=k)))
        return tuple(minima)

    def _counts_at(self, axis: int, places: np.ndarray, n: int, k: int) -> np.ndarray:
        """Return the number of cells of the image along one axis that the window covers at these places.

        Cell t of the window at place i is inside the image while 0 <= i s + t d - low < n: the first and the
        last such t follow by division.
        """
        begin, d = places * self.strides[axis] - self.low[axis], self.dilation[axis]
        first, last = np.maximum(-(begin // d), 0), np.minimum((n - 1 - begin) // d, k - 1)
        return np.maximum(last - first + 1, 0)

    def extract(self, x: np.ndarray, window: Lengths, fill: float = 0.0) -> np.ndarray:
        """Return all windows, as a view: (B, *space, C) -> (B, *places, *window, C)."""
        if any(self.low) or any(self.high):
            widths = ((0, 0), *zip(self.low, self.high, strict=True), (0, 0))
            x = np.pad(x, widths, constant_values=fill)
        axes, spans = range(1, x.ndim - 1), [span(k, d) for k, d in zip(window, self.dilation, strict=True)]
        view = np.lib.stride_tricks.sliding_window_view(
            x, spans, axis=tuple(axes)
        )  # (B, *every place, C, *span)
        steps, cells = ([slice(None, None, s) for s in sizes] for sizes in (self.strides, self.dilation))
        return np.moveaxis(view[(slice(None), *steps, slice(None), *cells)], x.ndim - 1, -1)

    def put(self, windows: np.ndarray, space: Lengths) -> np.ndarray:
        """Add windows at their positions: (B, *places, *window, C) -> (B, *space, C)."""
        axes = len(space)
        places, window = windows.shape[1 : 1 + axes], windows.shape[1 + axes : -1]
        padded = [n + low + high for n, low, high in zip(space, self.low, self.high, strict=True)]
        total = np.zeros((windows.shape[0], *padded, windows.shape[-1]), windows.dtype)
        for tap in product(*map(range, window)):
            under = [
                slice(t * d, t * d + (n - 1) * s + 1, s)
                for t, n, s, d in zip(tap, places, self.strides, self.dilation, strict=True)
            ]
            total[(slice(None), *under)] += windows[(..., *tap, slice(None))]
        inside = [slice(low, low + n) for low, n in zip(self.low, space, strict=True)]
        return total[(slice(None), *inside)]


def span(window: int, dilation: int) -> int:
    """Return the number of cells that a dilated window spans, from its first cell to its last.

    Example:
        >>> span(5, 1), span(5, 2)
        (5, 9)
    """
    return (window - 1) * dilation + 1


def space_of(op: str, x: Spec, extra: int = 0) -> Lengths:
    """Return the spatial axes of an image, after a check of its shape.

    Args:
        op: the operation, for the error.
        x: (B, *space, C); with ``extra`` axes of a window before C.

    Raises:
        ShapeError E213: no spatial axis or more than three, or a length that is not known.
    """
    if not 3 <= x.rank - extra <= 5 or not are_integers(x.shape[1:], 0):
        expected = fact("(B, *space, C), one to three spatial axes, all lengths but B known (C1)")
        fix = fact("cr.Reshape((28, 28, 1)) before it, for images of one channel")
        raise ShapeError("E213", op=op, expected=expected, received=shape_text(x.shape), fix=fix)
    return tuple(int(n) for n in x.shape[1 : x.rank - 1 - extra])  # pyright: ignore[reportArgumentType]


def is_inside(cell: Sequence[int], space: Sequence[int]) -> bool:
    """Return whether a cell is in the image, not in its padding."""
    return all(0 <= c < n for c, n in zip(cell, space, strict=True))


def are_integers(values: Any, minimum: int) -> bool:
    """Return whether all values are integers from ``minimum`` up to the maximal length of an array."""
    return isinstance(values, tuple | list) and all(
        isinstance(v, numbers.Integral) and not isinstance(v, bool) and minimum <= int(v) < 2**62
        for v in values
    )


def per_axis(op: str, name: str, value: Any, axes: int, minimum: int = 1) -> Lengths:
    """Return a setting with one value for each spatial axis; one number holds for all.

    Raises:
        ShapeError E218: not an integer, too small, or for another number of axes.

    Example:
        >>> per_axis("convolution", "stride", 2, 3)
        (2, 2, 2)
    """
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * axes
    if not are_integers(values, minimum) or len(values) != axes:
        expected = fact(
            "{name}: an integer >= {minimum} for each of {axes} spatial axes (C2)",
            name=name,
            minimum=minimum,
            axes=axes,
        )
        fix = f"{name}={values[0] if are_integers(values[:1], minimum) else 1}"
        raise ShapeError("E218", op=op, expected=expected, received=f"{name}: {value!r}"[:80], fix=fix)
    return tuple(int(n) for n in values)


def same_padding(space: Lengths, spans: Lengths, strides: Lengths) -> tuple[Lengths, Lengths]:
    """Return the padding for ceil(n / stride) places, with an odd cell after the axis.

    Example:
        >>> same_padding((7, 8), (3, 5), (1, 2))
        ((1, 1), (1, 2))
    """
    totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(space, spans, strides, strict=True)]
    return tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)


def known_padding(padding: Any, where: str) -> None:
    """Refuse an unknown word for padding.

    Raises:
        UsageError E101: a word other than ``"valid"`` and ``"same"``.
    """
    if isinstance(padding, str) and padding not in PADDINGS:
        raise unknown(where, padding, PADDINGS, 'padding="{}"', example=PADDINGS[1])


def padding_of(
    op: str, padding: Padding, space: Lengths, spans: Lengths, strides: Lengths
) -> tuple[Lengths, Lengths]:
    """Return the cells of padding before and after each spatial axis.

    Args:
        op: the operation, for the error.
        padding: ``"valid"``, ``"same"``, a number for all sides, or for each axis a number or a pair (before,
            after).
        space, spans, strides: the lengths of the axes, the spans of the window, its steps.

    Raises:
        UsageError E101: another word.
        ShapeError E218: below 0, or for another number of axes.

    Example:
        >>> padding_of("convolution", (2, (0, 1)), (9, 9), (3, 3), (1, 1))
        ((2, 0), (2, 1))
    """
    known_padding(padding, f"{op}, padding")
    if padding == "same":
        return same_padding(space, spans, strides)
    if isinstance(padding, str):
        return (0,) * len(space), (0,) * len(space)
    pairs = sides_of(padding, len(space))
    if len(pairs) != len(space):
        expected = fact(
            "padding: a number >= 0 or a pair of them for each of {count} spatial axes (C2)", count=len(space)
        )
        raise ShapeError(
            "E218", op=op, received=f"padding: {padding!r}"[:80], fix='padding="same"', expected=expected
        )
    return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)


def sides_of(padding: Any, axes: int) -> list[tuple[int, int]]:
    """Return the padding before and after each axis as pairs; none if it contains other than integers >= 0.

    Example:
        >>> sides_of(1, 2), sides_of((1, (0, 2)), 2), sides_of(-1, 2)
        ([(1, 1), (1, 1)], [(1, 1), (0, 2)], [])
    """
    values = padding if isinstance(padding, tuple | list) else (padding,) * axes
    pairs = [tuple(p) if isinstance(p, tuple | list) else (p, p) for p in values]
    fits = all(len(p) == 2 and are_integers(p, 0) for p in pairs)
    return [(int(before), int(after)) for before, after in pairs] if fits else []
