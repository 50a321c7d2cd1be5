"""What every change of an image has: settings that are checked, and random numbers that have an address.

A change never draws. It says how many numbers between 0 and 1 it needs for an image (``draws``) and is given
them; they are those of (seed, epoch, place in the pipeline, number of the image). So an image is changed in
the same way whoever asks, in whatever batch, on however many threads, and after an interruption.

Images come in blocks, (N, H, W, C) float32 between 0 and 1. What happens to an image does not depend on its
neighbors in the block.
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from chainrule.errors import UsageError
from chainrule.extension import Extensible
from chainrule.prng import threefry
from chainrule.records import frozen


@frozen
class Change(Extensible, ABC):
    """A change of single images: a frozen record of its settings, which prints and saves."""

    draws: ClassVar[int]

    @abstractmethod
    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The changed images.

        Args:
            images: (N, H, W, C) float32 between 0 and 1; left as they are.
            u: (N, ``draws``) random numbers, 0 <= u < 1.
        """


def draw(key: np.ndarray, samples: np.ndarray, count: int) -> np.ndarray:
    """``count`` random numbers of each sample, (n, count): functions of the key and the sample's number.

    Example:
        >>> from chainrule.prng import key_of
        >>> whole = draw(key_of(0), np.arange(10), 3)
        >>> bool((draw(key_of(0), np.array([7]), 3) == whole[7:8]).all())
        True
    """
    index = np.asarray(samples, np.uint64)[:, None] * np.uint64(count) + np.arange(count, dtype=np.uint64)
    high, low = (index >> np.uint64(32)).astype(np.uint32), index.astype(np.uint32)
    return threefry(key, high, low)[0].astype(np.float64) * 2.0**-32


def between(u: np.ndarray, low: float, high: float) -> np.ndarray:
    """Uniform numbers of [0, 1) brought to [low, high)."""
    return low + (high - low) * u


def spread(image: np.ndarray) -> np.ndarray:
    """One number for each image, shaped so that it meets the axes of images: (N,) -> (N, 1, 1, 1)."""
    return np.asarray(image, np.float32).reshape(-1, 1, 1, 1)


def require(owner: object, name: str, least: float, most: float) -> None:
    """Refuse a setting that is no number from ``least`` to ``most``.

    Raises:
        UsageError E102: anything else, such as NaN or a text.
    """
    if not _is_number(getattr(owner, name), least, most):
        raise _unfit(owner, name, f"a number from {least:g} to {most:g}")


def require_pair(owner: object, name: str, least: float, most: float) -> None:
    """Refuse a setting that is no pair of numbers from ``least`` to ``most``, the smaller one first.

    Raises:
        UsageError E102: anything else, such as a single number.
    """
    value: Any = getattr(owner, name)
    pair = isinstance(value, tuple) and len(value) == 2 and all(_is_number(v, least, most) for v in value)
    if not pair or value[0] > value[1]:
        raise _unfit(owner, name, f"two numbers from {least:g} to {most:g}, the smaller one first")


def require_integer(owner: object, name: str, least: int, most: int) -> None:
    """Refuse a setting that is no whole number from ``least`` to ``most``.

    Raises:
        UsageError E102: anything else.
    """
    value: Any = getattr(owner, name)
    if type(value) is not int or not least <= value <= most:
        raise _unfit(owner, name, f"an integer from {least} to {most}")


def _is_number(value: object, least: float, most: float) -> bool:
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    return least <= float(value) <= most  # NaN lies nowhere


def _unfit(owner: object, name: str, expected: str) -> UsageError:
    received = repr(getattr(owner, name))[:80]
    return UsageError("E102", where=type(owner).__name__, name=name, expected=expected, received=received)
