"""The base class of image transforms, their random numbers and the checks of their arguments.

A transform does not generate random numbers. It declares how many it needs for an image (``draws``) and
receives them as an argument; they are a function of (seed, epoch, position in the pipeline, index of the
image). An image is therefore transformed in the same way in any batch, on any number of threads, and after an
interruption.

Images are passed in blocks, (N, H, W, C) float32 between 0 and 1. The result for an image does not depend on
the other images of the block.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from chainrule.errors import fact
from chainrule.extension import Extensible
from chainrule.prng import threefry
from chainrule.records import frozen
from chainrule.validation import is_number, out_of_range


@frozen
class Transform(Extensible, ABC):
    """Base class of transforms of single images: a frozen record of its arguments."""

    draws: ClassVar[int]  # random numbers per image
    keeps_places: ClassVar[bool] = False  # pixels are not moved, so masks stay

    @abstractmethod
    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Transform images.

        Args:
            images: (N, H, W, C) float32 between 0 and 1; not modified.
            u: (N, ``draws``) random numbers, 0 <= u < 1.
        """

    def masks(self, masks: np.ndarray, u: np.ndarray, outside: float | None) -> np.ndarray:
        """Move the pixels of masks as ``__call__`` moves those of the images.

        Args:
            masks: (N, H, W) or (N, H, W, C), a class or numbers for each pixel; not modified.
            u: the random numbers of the images.
            outside: value of pixels from outside the image; ``None``: that of the nearest pixel inside.

        Raises:
            UsageError E102: a transform that does not move masks.
        """
        if self.keeps_places:
            return masks
        value = fact("{name}, which does not", name=type(self).__name__)
        expected = fact("transforms that also move the pixels of masks")
        fix = "Augmentation(Flip(), ResizedCrop(), Color())"
        raise out_of_range(value, type(self).__name__, "Augmentation", expected, fix=fix)


def random_numbers(key: np.ndarray, samples: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` uniform random numbers per sample, (n, count), as a function of key and sample index.

    Example:
        >>> from chainrule.prng import key_of
        >>> numbers = random_numbers(key_of(0), np.arange(10), 3)
        >>> bool((random_numbers(key_of(0), np.array([7]), 3) == numbers[7:8]).all())
        True
    """
    index = np.asarray(samples, np.uint64)[:, None] * np.uint64(count) + np.arange(count, dtype=np.uint64)
    high, low = (index >> np.uint64(32)).astype(np.uint32), index.astype(np.uint32)
    return threefry(key, high, low)[0].astype(np.float64) * 2.0**-32


def scale_to(u: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale uniform numbers from [0, 1) to [low, high)."""
    return low + (high - low) * u


def per_image(values: np.ndarray) -> np.ndarray:
    """Reshape one value per image to broadcast against images: (N,) -> (N, 1, 1, 1)."""
    return np.asarray(values, np.float32).reshape(-1, 1, 1, 1)


def require_pair(owner: object, name: str, low: float, high: float) -> None:
    """Require a pair of numbers from ``low`` to ``high`` in ascending order (E102)."""
    value: Any = getattr(owner, name)
    is_pair = isinstance(value, tuple) and len(value) == 2 and all(map(is_number, value))
    if not is_pair or not low <= value[0] <= value[1] <= high:
        expected = fact("two numbers from {low:g} to {high:g}, the smaller one first", low=low, high=high)
        raise out_of_range(value, name, type(owner).__name__, expected)
