"""Base of convolution and its two transposes: a window with weights.

The channels of the image and of the result may be divided into ``groups``: each part of the result is then
computed from one part of the image, as by separate smaller convolutions. In NumPy they are a stack of
matrices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.ops.card import Apart, Axes, BatchRule, Card, Shared, Whole
from chainrule.ops.elementwise.elementwise import same_kind
from chainrule.ops.linear.window_geometry import Lengths, Windowed, are_integers, space_of
from chainrule.records import frozen
from chainrule.spec import Axis, Spec, shape_text

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
        """The convolution with the same settings as another of the three cards."""
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

    def channels_fit(self, x: Spec, outputs: Axis) -> int:
        """The number of channels of ``x``, after a check that the groups divide both sides (C5)."""
        channels, filters = int(x.shape[-1]), int(outputs)  # pyright: ignore[reportArgumentType]
        if not are_integers((self.groups,), 1) or channels % self.groups or filters % self.groups:
            raise ShapeError(
                "E214", op=self.name,
                expected=fact("channels that {groups} groups divide (C5)", groups=self.groups),
                received=fact("{channels} channels in, {filters} out", channels=channels, filters=filters),
            )  # fmt: skip
        return channels

    def require_result(self, g: Spec, result: Spec) -> None:
        """Refuse a shape that no convolution with these settings has (C6)."""
        if g.shape != result.shape:
            raise ShapeError(
                "E216",
                op=self.name,
                expected=f"{shape_text(result.shape)} (C6)",
                received=shape_text(g.shape),
            )

    def pieces(self, y: np.ndarray, w: np.ndarray) -> Iterator[slice]:
        """Consecutive samples whose windows together fit in the cache."""
        per_sample = math.prod(y.shape[1:-1]) * math.prod(w.shape[1:]) * self.groups
        step = max(1, PIECE // max(1, per_sample))
        return (slice(start, start + step) for start in range(0, len(y), step))

    def columns(self, x: np.ndarray, kernel: Lengths) -> np.ndarray:
        """The windows of each group as rows of a matrix: (B, *space, C) -> (G, B*places, kernel*C/G)."""
        windows = self.extract(x, kernel)  # (B, *places, *kernel, C)
        rows, deep = math.prod(windows.shape[: -1 - len(kernel)]), x.shape[-1] // self.groups
        by_group = windows.reshape(*windows.shape[:-1], self.groups, deep)  # still a view
        return np.moveaxis(by_group, -2, 0).reshape(self.groups, rows, math.prod(kernel) * deep)

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
        return Apart(0) if axes == (0, None) else Whole("the samples are combined in the weights")


def both_spaces(op: str, x: Spec, w: Spec) -> tuple[Lengths, Lengths]:
    """The spatial axes of an image and of its weights, after a check that their numbers agree (C1).

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
