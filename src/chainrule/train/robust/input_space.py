"""``InputSpace``: the units and the range of the inputs that a robust training changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import TrainingError, fact
from chainrule.graph import Node, constant
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.validation import out_of_range

if TYPE_CHECKING:
    from chainrule.data import Arrays, Preparation
    from chainrule.data.tables.encoders import Pixels

MAX_CHANNELS = 4  # of an image
UNLIMITED = (-np.inf, np.inf)


@frozen
class InputSpace:
    """The units and the range of an input, per channel or for all elements.

    Args:
        scale: the change of the input that corresponds to a change of 1 in the units of the radius.
        low, high: the range of the data.
    """

    name: str
    scale: tuple[float, ...] = (1.0,)
    low: tuple[float, ...] = (-np.inf,)
    high: tuple[float, ...] = (np.inf,)

    @classmethod
    def of(
        cls,
        data: Arrays,
        preparation: Preparation | None,
        radius: float,
        bounds: tuple[float, float] | None,
        is_indexed: bool,
    ) -> InputSpace:
        """Return the space of training rows.

        Args:
            data: the encoded rows.
            preparation: of the model; with images, the radius is in pixels from 0 to 1.
            radius: the radius, which must fit the range.
            bounds: the range; ``None``: 0 to 1 for images with such values, else none.
            is_indexed: whether the input indexes an embedding.

        Raises:
            TrainingError E571: not one input of numbers. UsageError E102: a radius beyond the range.
        """
        inputs = data.x if isinstance(data.x, dict) else {"x": data.x}
        (name, x), *others = inputs.items()
        if others or x.dtype.kind != "f" or is_indexed:
            raise TrainingError(
                "E571", where="fit, robust", expected=fact("one input of numbers"), received=", ".join(inputs)
            )
        first: Any = None if preparation is None else preparation.encodings[0]
        pixels: Pixels | None = first if first is not None and first.kind == "image" else None
        low, high = bounds or _range_of(x, pixels)
        if radius > high - low:
            expected = fact(
                "at most {size:g}: the values are in the range {low:g} to {high:g}",
                size=high - low,
                low=low,
                high=high,
            )
            fix = f"radius={radius:g}/255" if (low, high) == (0.0, 1.0) and radius <= 255 else ""
            raise out_of_range(radius, "radius", "fit, robust", expected, fix=fix)
        if pixels is None:
            return cls(name, (1.0,), (float(low),), (float(high),))
        mean = np.asarray(pixels.mean, np.float64)
        std = np.array([value if value > 0 else 1.0 for value in pixels.std])
        edges = [tuple(((edge - mean) / std).tolist()) for edge in (low, high)]
        return cls(name, tuple((1 / std).tolist()), *edges)

    def scaled(self, u: Node) -> Node:
        """Return scaled changes as changes of the input."""
        return u if self.scale == (1.0,) else u * _like(self.scale, u)

    def unscaled(self, change: Node) -> Node:
        """Return changes of the input as scaled changes."""
        return change if self.scale == (1.0,) else change / _like(self.scale, change)

    def clip(self, x: Node) -> Node:
        """Return an input clipped to the range of the data."""
        if len(self.low) == len(self.high) == 1:
            (low,), (high,) = self.low, self.high
            return x if (low, high) == UNLIMITED else F.clip(x, low, high)
        return F.minimum(F.maximum(x, _like(self.low, x)), _like(self.high, x))


def _like(values: tuple[float, ...], x: Node) -> Node:
    """Return numbers per channel, or one for all, as a constant that is broadcast to ``x``."""
    array = np.array(values, x.dtype)
    return F.broadcast_to(constant(array if array.size > 1 else array.reshape(()), x.dtype), x.shape)


def _range_of(x: Any, pixels: Pixels | None) -> tuple[float, float]:
    is_image = x.ndim == 4 and x.shape[-1] <= MAX_CHANNELS
    in_unit = is_image and x.min(initial=0.0) >= 0 and x.max(initial=0.0) <= 1
    return (0.0, 1.0) if pixels is not None or in_unit else UNLIMITED
