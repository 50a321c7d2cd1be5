"""Random erasing, Mixup and CutMix: parts of an image are filled, or two images are combined."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY
from typing import ClassVar

import numpy as np
from scipy.special import betaincinv

from chainrule.data.augmentation.transform import Transform, per_image, require_pair
from chainrule.extension import Extensible
from chainrule.records import frozen
from chainrule.validation import require_number

# Random erasing: a random rectangle of an image is filled, so that no single region decides the class.


@frozen
class Erase(Transform):
    """Erasure of a random rectangle of an image.

    Args:
        p: probability that an image is transformed.
        area: smallest and largest area of the rectangle, as fractions of the image.
        ratio: smallest and largest aspect ratio of the rectangle, height / width.
        fill: value of the rectangle.

    Example:
        >>> image = np.ones((1, 2, 2, 1), np.float32)
        >>> Erase(p=1.0, area=(0.25, 0.25), ratio=(1.0, 1.0))(image, np.zeros((1, 5))).ravel().tolist()
        [0.0, 1.0, 1.0, 1.0]

    Reference: Zhong, Zheng, Kang, Li and Yang (2020), Random erasing data augmentation (AAAI).
    """

    chinese = ("随机擦除", "涂掉一个随机的矩形。")
    keeps_places: ClassVar[bool] = True
    draws: ClassVar[int] = 5
    _: KW_ONLY
    p: float = 0.5
    area: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    fill: float = 0.0

    def __post_init__(self) -> None:
        require_number(self, "p", minimum=0, maximum=1)
        require_pair(self, "area", 0, 1)
        require_pair(self, "ratio", 0.01, 100)
        require_number(self, "fill", minimum=0, maximum=1)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        out, (height, width) = images.copy(), images.shape[1:3]
        for image, (happens, part, shape, down, across) in zip(out, u.tolist(), strict=True):
            if happens >= self.p:
                continue
            area = height * width * (self.area[0] + (self.area[1] - self.area[0]) * part)
            low, high = map(math.log, self.ratio)
            ratio = math.exp(low + (high - low) * shape)
            tall = min(height, round(math.sqrt(area * ratio)))
            wide = min(width, round(math.sqrt(area / ratio)))
            top, left = int(down * (height - tall + 1)), int(across * (width - wide + 1))
            image[top : top + tall, left : left + wide] = self.fill
        return out


@frozen
class Mix(Extensible, ABC):
    """Base class of transforms that mix each image with a partner: a frozen record of its settings."""

    draws: ClassVar[int]

    @abstractmethod
    def __call__(
        self, images: np.ndarray, partners: np.ndarray, u: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mix images with partners; returns the mixed images and the share of each original image.

        Args:
            images, partners: (N, H, W, C).
            u: (N, ``draws``) random numbers, 0 <= u < 1.
        """


@frozen
class Mixup(Mix):
    """Blend of two images.

    Formula: x~ = s x + (1 - s) x', s ~ Beta(alpha, alpha).

    Args:
        alpha: concentration of the distribution of the share, above 0; larger values mix more strongly.

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
        require_number(self, "alpha", minimum=1e-3, maximum=1e3)

    def __call__(
        self, images: np.ndarray, partners: np.ndarray, u: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        share = _shares(self.alpha, u[:, 0])
        s = per_image(share)
        return s * images + (1 - s) * partners, share


@frozen
class CutMix(Mix):
    """Replacement of a rectangle of an image by that of its partner.

    Formula: the rectangle has the aspect ratio of the image, the fraction 1 - s of its area with
    s ~ Beta(alpha, alpha), and a uniformly random center; it is clipped at the border. The share is the
    fraction of the area that is not replaced.

    Args:
        alpha: concentration of the distribution of s, above 0; 1 is uniform.

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
        require_number(self, "alpha", minimum=1e-3, maximum=1e3)

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
    """Return samples of Beta(alpha, alpha) from uniform numbers by its inverse distribution function."""
    return np.array([float(betaincinv(alpha, alpha, v)) for v in u.tolist()])


def _band(length: int, side: float, center: float) -> tuple[int, int]:
    """Start and stop of an interval of fraction ``side`` of a length around ``center``, clipped."""
    middle, half = int(center * length), int(side * length) // 2
    return max(0, middle - half), min(length, middle + half)
