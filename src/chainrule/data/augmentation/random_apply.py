"""Changes that happen to some images and not to others: blur, gray, and single changes of RandAugment's list.

Each draws first whether it happens (``chance``), then what it needs. Images to which nothing happens keep
their bits.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from chainrule.data.augmentation.color import gray
from chainrule.data.augmentation.rand_augment import equalize, posterize, sharpen, solarize, stretch_contrast
from chainrule.data.augmentation.transform import (
    Change,
    between,
    require,
    require_integer,
    require_pair,
    spread,
)
from chainrule.records import frozen


class Sometimes(Change):
    """Base of changes with a ``chance``: the first of their numbers decides, ``happen`` uses the others."""

    if TYPE_CHECKING:  # a field of each subclass, in a place of its own
        chance: float

    def __post_init__(self) -> None:
        require(self, "chance", 0, 1)

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        out, rows = images.copy(), np.flatnonzero(u[:, 0] < self.chance)
        if len(rows):
            out[rows] = self.happen(images[rows], u[rows, 1:])
        return out

    @abstractmethod
    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The changed images, of which every one is changed."""


@frozen
class Blur(Sometimes):
    """Blur an image by a Gaussian bell, as a lens that is not in focus does.

    Formula: out_p = sum over d of w_d in_(p + d), w_d = exp(-d^2 / (2 sigma^2)) / their sum, along each
    axis, up to three sigma away; beyond the border stands its last pixel.

    Args:
        sigma: the narrowest and the widest bell, in pixels, above 0.
        chance: of an image to be blurred at all.

    Example:
        >>> image = np.array([0.0, 1.0, 0.0], np.float32).reshape(1, 1, 3, 1)
        >>> Blur(sigma=(1.0, 1.0), chance=1.0)(image, np.zeros((1, 2))).ravel().round(3)
        array([0.242, 0.399, 0.242], dtype=float32)
    """

    chinese = ("高斯模糊", "像没有对准焦的镜头那样变模糊。")
    draws: ClassVar[int] = 2
    _: KW_ONLY
    sigma: tuple[float, float] = (0.1, 2.0)
    chance: float = 0.5

    def __post_init__(self) -> None:
        require_pair(self, "sigma", 0.01, 100)
        super().__post_init__()

    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        sigma = between(u[:, 0], *self.sigma)
        reach = np.arange(-int(np.ceil(3 * self.sigma[1])), int(np.ceil(3 * self.sigma[1])) + 1)
        bells = np.exp(-(reach**2) / (2 * sigma[:, None] ** 2))  # (N, taps)
        bells = np.where(np.abs(reach) <= np.ceil(3 * sigma[:, None]), bells, 0.0)
        weights = (bells / bells.sum(axis=1, keepdims=True)).astype(images.dtype)
        for axis in (1, 2):
            places = np.arange(images.shape[axis])
            total = np.zeros_like(images)
            for d, weight in zip(reach.tolist(), weights.T, strict=True):
                near = np.take(images, np.clip(places + d, 0, len(places) - 1), axis)
                total += spread(weight) * near
            images = total
        return images


@frozen
class Gray(Sometimes):
    """Take the colors away and leave the brightness; images of one channel stay as they are.

    Args:
        chance: of an image to become gray.

    Example:
        >>> image = np.array([1.0, 0.0, 0.0], np.float32).reshape(1, 1, 1, 3)
        >>> Gray(chance=1.0)(image, np.zeros((1, 1))).ravel().round(3)
        array([0.299, 0.299, 0.299], dtype=float32)
    """

    chinese = ("灰度化", "以一定概率去掉颜色，只留亮度。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    chance: float = 0.1

    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return np.repeat(gray(images), 3, axis=3) if images.shape[3] == 3 else images


@frozen
class Invert(Sometimes):
    """Turn an image to its negative.

    Args:
        chance: of an image to be turned.

    Example:
        >>> Invert(chance=1.0)(np.full((1, 1, 1, 1), 0.25, np.float32), np.zeros((1, 1))).ravel().tolist()
        [0.75]
    """

    chinese = ("反色", "变为负片。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    chance: float = 0.1

    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return 1 - images


@frozen
class Solarize(Sometimes):
    """Turn the bright pixels of an image to their negative.

    Args:
        threshold: from where on a pixel is bright, 0 to 1.
        chance: of an image to be changed.

    Example:
        >>> image = np.array([0.25, 0.75], np.float32).reshape(1, 1, 2, 1)
        >>> Solarize(threshold=0.5, chance=1.0)(image, np.zeros((1, 1))).ravel().tolist()
        [0.25, 0.25]
    """

    chinese = ("曝光过度", "把亮的像素变为负片。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    threshold: float = 0.5
    chance: float = 0.5

    def __post_init__(self) -> None:
        require(self, "threshold", 0, 1)
        super().__post_init__()

    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return solarize(images, np.full(len(images), 1 - self.threshold))


@frozen
class Posterize(Sometimes):
    """Leave few levels of brightness: the upper bits of each byte.

    Args:
        bits: how many, 4 to 8.
        chance: of an image to be changed.

    Example:
        >>> image = np.array([0.1, 0.9], np.float32).reshape(1, 1, 2, 1)
        >>> Posterize(bits=4, chance=1.0)(image, np.zeros((1, 1))).ravel().round(3)
        array([0.063, 0.878], dtype=float32)
    """

    chinese = ("色调分离", "只留下少数几级亮度。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    bits: int = 4
    chance: float = 0.5

    def __post_init__(self) -> None:
        require_integer(self, "bits", 4, 8)
        super().__post_init__()

    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return posterize(images, np.full(len(images), (8 - self.bits) / 4))


@frozen
class Equalize(Sometimes):
    """Spread the brightness of each channel so that all levels occur about equally often.

    Args:
        chance: of an image to be changed.

    Example:
        >>> image = np.linspace(0.4, 0.6, 300, dtype=np.float32).reshape(1, 1, 300, 1)
        >>> found = Equalize(chance=1.0)(image, np.zeros((1, 1)))
        >>> float(found.min()), float(found.max())
        (0.0, 1.0)
    """

    chinese = ("直方图均衡化", "使各级亮度出现得大致一样多。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    chance: float = 0.5

    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return equalize(images, u[:, :0])


@frozen
class AutoContrast(Sometimes):
    """Stretch each channel so that its darkest pixel becomes 0 and its brightest 1.

    Args:
        chance: of an image to be changed.

    Example:
        >>> image = np.array([0.25, 0.75], np.float32).reshape(1, 1, 2, 1)
        >>> AutoContrast(chance=1.0)(image, np.zeros((1, 1))).ravel().tolist()
        [0.0, 1.0]
    """

    chinese = ("自动对比度", "把每个通道拉伸到从 0 到 1。")
    draws: ClassVar[int] = 1
    _: KW_ONLY
    chance: float = 0.5

    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return stretch_contrast(images, u[:, :0])


@frozen
class Sharpness(Sometimes):
    """Sharpen or soften an image, by a random factor.

    Args:
        amount: the factor lies between 1 - it (at least 0: smooth) and 1 + it (sharp); 1 leaves the image.
        chance: of an image to be changed.

    Example:
        >>> image = np.eye(3, dtype=np.float32).reshape(1, 3, 3, 1)
        >>> Sharpness(amount=1.0, chance=1.0)(image, np.zeros((1, 2)))[0, 1, 1].round(3)
        array([0.538], dtype=float32)
    """

    chinese = ("锐度", "锐化或柔化。")
    draws: ClassVar[int] = 2
    _: KW_ONLY
    amount: float = 0.5
    chance: float = 1.0

    def __post_init__(self) -> None:
        require(self, "amount", 0, 10)
        super().__post_init__()

    def happen(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        return sharpen(images, between(u[:, 0], max(0.0, 1 - self.amount), 1 + self.amount))
