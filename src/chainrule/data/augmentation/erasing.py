"""Random erasing: a random rectangle of an image is filled, so that no single region decides the class."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY
from typing import ClassVar

import numpy as np

from chainrule.data.augmentation.transform import Transform, require_pair
from chainrule.records import frozen
from chainrule.validation import require_number


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
