"""Mixing: two images become one, and the answer that is wanted is shared between their classes.

A mix gives, besides the image, the *share* of it that is the image's own: a label y becomes share y + (1 -
share) y', with y' the partner's. How alike the two shares are is decided by ``alpha``: the share is drawn
from a Beta(alpha, alpha) distribution, for 1 every share is as likely as any other, for small numbers it is
nearly always close to 0 or 1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from scipy.special import betaincinv

from chainrule.data.augmentation.transform import require, spread
from chainrule.extension import Extensible
from chainrule.records import frozen


@frozen
class Mix(Extensible, ABC):
    """A way to mix images with their partners: a frozen record of its settings."""

    draws: ClassVar[int]

    @abstractmethod
    def __call__(
        self, images: np.ndarray, partners: np.ndarray, u: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The mixed images, and the share of each that is its own.

        Args:
            images, partners: (N, H, W, C).
            u: (N, ``draws``) random numbers, 0 <= u < 1.
        """


@frozen
class Mixup(Mix):
    """Lay two images over one another.

    Formula: x~ = s x + (1 - s) x', s ~ Beta(alpha, alpha).

    Args:
        alpha: how strongly images are mixed, above 0.

    Example:
        >>> one, two = np.ones((1, 1, 1, 1), np.float32), np.zeros((1, 1, 1, 1), np.float32)
        >>> image, share = Mixup(1.0)(one, two, np.array([[0.25]]))
        >>> image.item(), share.item()
        (0.25, 0.25)

    Reference: Zhang, Cisse, Dauphin and Lopez-Paz (2018), mixup: beyond empirical risk minimization (ICLR).
    """

    chinese = ("mixup 混合", "两幅图像按比例叠加，目标也按比例分摊。")
    draws: ClassVar[int] = 1
    alpha: float = 0.2

    def __post_init__(self) -> None:
        require(self, "alpha", 1e-3, 1e3)

    def __call__(
        self, images: np.ndarray, partners: np.ndarray, u: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        share = _shares(self.alpha, u[:, 0])
        s = spread(share)
        return s * images + (1 - s) * partners, share


@frozen
class CutMix(Mix):
    """Put a rectangle of the partner into an image.

    Formula: the rectangle has the image's shape, the part 1 - s of its area, s ~ Beta(alpha, alpha), and
    its center anywhere; the share is the area that is still the image's own once the rectangle is cut off at
    the border.

    Args:
        alpha: how the sizes are spread, above 0; 1 makes all as likely.

    Example:
        >>> one, two = np.ones((1, 4, 4, 1), np.float32), np.zeros((1, 4, 4, 1), np.float32)
        >>> image, share = CutMix(1.0)(one, two, np.array([[0.75, 0.5, 0.5]]))
        >>> image[0, 1, :, 0].tolist(), share.item()  # the second of four rows
        ([1.0, 0.0, 0.0, 1.0], 0.75)

    Reference: Yun, Han, Oh, Chun, Choe and Yoo (2019), CutMix: regularization strategy to train strong
    classifiers with localizable features (ICCV).
    """

    chinese = ("CutMix 混合", "把另一幅图像的一块贴上去，目标按面积分摊。")
    draws: ClassVar[int] = 3
    alpha: float = 1.0

    def __post_init__(self) -> None:
        require(self, "alpha", 1e-3, 1e3)

    def __call__(
        self, images: np.ndarray, partners: np.ndarray, u: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        out, (height, width) = images.copy(), images.shape[1:3]
        shares = _shares(self.alpha, u[:, 0])
        for i, (share, (_, down, across)) in enumerate(zip(shares.tolist(), u.tolist(), strict=True)):
            side = math.sqrt(1 - share)
            top, bottom = _band(height, side, down)
            left, right = _band(width, side, across)
            out[i, top:bottom, left:right] = partners[i, top:bottom, left:right]
            shares[i] = 1 - (bottom - top) * (right - left) / (height * width)
        return out, shares


def _shares(alpha: float, u: np.ndarray) -> np.ndarray:
    """Draws of Beta(alpha, alpha), from uniform ones through the inverse of its distribution function."""
    return np.array([float(betaincinv(alpha, alpha, v)) for v in u.tolist()])


def _band(length: int, side: float, place: float) -> tuple[int, int]:
    """Begin and end of a stretch of part ``side`` of a length, its center anywhere, cut off at the ends."""
    center, half = int(place * length), int(side * length) // 2
    return max(0, center - half), min(length, center + half)
