"""A window with weights: what convolution and its two transposes have in common.

The channels of the image and of the result may be divided into ``groups``; each part of the result is then
made of one part of the image, as if there were that many smaller convolutions side by side. For NumPy they
are a stack of matrices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.ops.card import Apart, Axes, BatchRule, Card, Shared, Whole
from chainrule.ops.elementwise.elementwise import same_kind
from chainrule.ops.linear.window_geometry import Lengths, Windowed, are_whole, space_of
from chainrule.records import frozen
from chainrule.spec import Axis, Spec, shape_text

PIECE = 2**18  # numbers: 1 MiB of float32, about what a core's own cache holds


@frozen
class Kernel(Windowed):
    """A card that lays a kernel of weights over images.

    Args:
        groups: into how many parts the channels are divided.
    """

    groups: int = 1

    constraints: ClassVar = {
        "C1": "both have the same one to three spatial axes between first and last, all lengths but B known",
        "C2": "for each spatial axis a kernel, stride and dilation >= 1 and padding >= 0",
        "C3": "the padded image is at least as wide as the kernel reaches",
        "C4": "both are of one floating-point kind",
        "C5": "the groups divide the channels of both sides",
    }

    def turned(self, kind: type[Card], **extra: object) -> Card:
        """The same convolution with another of its three parts left open."""
        names = ("strides", "low", "high", "dilation", "groups")
        return kind(**{name: getattr(self, name) for name in names}, **extra)

    def result(self, x: Spec, w: Spec) -> Spec:
        """The spec of ``Convolution(x, w)``."""
        space, kernel = both_spaces(self.name, x, w)
        same_kind(self.name, (x, w), "floating-point")
        channels = self.channels_fit(x, w.shape[0])
        if w.shape[-1] != channels // self.groups:
            shared = f" / {self.groups} groups" if self.groups > 1 else ""
            raise ShapeError(
                "E217", op=self.name, received=fact("{depth} deep", depth=w.shape[-1]),
                expected=fact(
                    "{depth} deep: {channels} channels{shared} (C6)", depth=channels // self.groups,
                    channels=channels, shared=shared,
                ),
            )  # fmt: skip
        return x.with_shape((x.shape[0], *self.places(space, kernel), w.shape[0]))

    def channels_fit(self, x: Spec, made: Axis) -> int:
        """How many channels ``x`` has; refuses what cannot be shared out among the groups (C5)."""
        channels, filters = int(x.shape[-1]), int(made)  # pyright: ignore[reportArgumentType]
        if not are_whole((self.groups,), 1) or channels % self.groups or filters % self.groups:
            raise ShapeError(
                "E214", op=self.name,
                expected=fact("channels that {groups} groups divide (C5)", groups=self.groups),
                received=fact("{channels} channels in, {filters} out", channels=channels, filters=filters),
            )  # fmt: skip
        return channels

    def met(self, g: Spec, wanted: Spec) -> None:
        """Refuse numbers that no convolution of this kind could give (C6)."""
        if g.shape != wanted.shape:
            raise ShapeError(
                "E216",
                op=self.name,
                expected=f"{shape_text(wanted.shape)} (C6)",
                received=shape_text(g.shape),
            )

    def pieces(self, y: np.ndarray, w: np.ndarray) -> Iterator[slice]:
        """Runs of samples whose windows together stay in the cache, and never fill the memory."""
        each = math.prod(y.shape[1:-1]) * math.prod(w.shape[1:]) * self.groups
        step = max(1, PIECE // max(1, each))
        return (slice(start, start + step) for start in range(0, len(y), step))

    def columns(self, x: np.ndarray, kernel: Lengths) -> np.ndarray:
        """The windows of each group as rows of a matrix: (B, *space, C) -> (G, B*places, kernel*C/G)."""
        windows = self.taken(x, kernel)  # (B, *places, *kernel, C)
        rows, deep = math.prod(windows.shape[: -1 - len(kernel)]), x.shape[-1] // self.groups
        apart = windows.reshape(*windows.shape[:-1], self.groups, deep)  # still a view
        return np.moveaxis(apart, -2, 0).reshape(self.groups, rows, math.prod(kernel) * deep)

    def rows(self, g: np.ndarray) -> np.ndarray:
        """The results of each group as rows of a matrix: (B, *places, O) -> (G, B*places, O/G)."""
        flat = g.reshape(math.prod(g.shape[:-1]), self.groups, g.shape[-1] // self.groups)
        return np.moveaxis(flat, 1, 0)

    def table(self, w: np.ndarray) -> np.ndarray:
        """The weights of each group as a matrix: (O, *kernel, I) -> (G, O/G, kernel*I)."""
        return w.reshape(self.groups, w.shape[0] // self.groups, math.prod(w.shape[1:]))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        if axes == (None, None):
            return Shared()
        return Apart(0) if axes == (0, None) else Whole("the samples meet in the weights")


def both_spaces(op: str, x: Spec, w: Spec) -> tuple[Lengths, Lengths]:
    """The spatial axes of an image and of the weights laid over it, which are as many (C1).

    Raises:
        ShapeError E213: no image, no weights, or weights with another number of axes.
    """
    space, kernel = space_of(op, x), space_of(op, w)
    if len(space) != len(kernel) or not isinstance(w.shape[0], int):
        raise ShapeError(
            "E213", op=op,
            expected=fact(
                "weights (O, *kernel, I), {count} axes of kernel, all known (C1)", count=len(space),
            ),
            received=shape_text(w.shape),
        )  # fmt: skip
    return space, kernel
