"""AugMix: several short chains of changes, and a mean of what they make, laid over the image itself.

One change after the other leads an image ever farther away from what it was. A mean of several short walks
stays near it, and is as varied.
"""

from __future__ import annotations

from dataclasses import KW_ONLY

import numpy as np

from chainrule.data.augmentation.rand_augment import LEVELS, OPERATIONS, drawn
from chainrule.data.augmentation.transform import Change, require, require_integer, spread
from chainrule.records import frozen

NAMES = (
    "autocontrast", "equalize", "posterize", "rotate", "solarize", "shear_x", "shear_y", "translate_x",
    "translate_y",
)  # fmt: skip


@frozen
class AugMix(Change):
    """Mix an image with a mean of several chains of one to three random changes.

    Formula: out = m x + (1 - m) sum_i w_i chain_i(x), m drawn evenly from 0 to 1, the w_i evenly of all
    that are not negative and have the sum 1.

    Args:
        chains: how many, 1 to 10.
        magnitude: how strong the changes are, 0 to 30.

    Example:
        >>> image = np.full((1, 2, 2, 3), 0.5, np.float32)
        >>> made = AugMix(chains=2)
        >>> made.draws, made(image, np.zeros((1, made.draws))).shape
        (17, (1, 2, 2, 3))

    Reference: Hendrycks, Mu, Cubuk, Zoph, Gilmer and Lakshminarayanan (2020), AugMix: a simple data
    processing method to improve robustness and uncertainty (ICLR), with alpha = 1.
    """

    chinese = ("AugMix", "几条短的改变链的平均，再与原图混合。")
    _: KW_ONLY
    chains: int = 3
    magnitude: float = 9.0

    def __post_init__(self) -> None:
        require_integer(self, "chains", 1, 10)
        require(self, "magnitude", 0, LEVELS)

    @property
    def draws(self) -> int:  # type: ignore[override]
        """The share of the image; of each chain its share, its length, and three changes by two numbers."""
        return 1 + 8 * self.chains

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        own, chains = u[:, 0], u[:, 1:].reshape(len(u), self.chains, 8)
        shares = -np.log1p(-chains[:, :, 0])  # exponential: their shares are even over all
        sums = shares.sum(axis=1, keepdims=True)
        shares = np.divide(shares, sums, out=np.full_like(shares, 1 / self.chains), where=sums > 0)
        mean = np.zeros_like(images)
        for i in range(self.chains):
            mean += spread(shares[:, i]) * self._walked(images, chains[:, i, 1:])
        return spread(own) * images + spread(1 - own) * mean

    def _walked(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The images at the end of one chain, which is one to three changes long."""
        length, out = 1 + (u[:, 0] * 3).astype(np.intp), images.copy()
        for step in range(3):
            rows = np.flatnonzero(length > step)
            which, side = u[rows, 1 + 2 * step], u[rows, 2 + 2 * step]
            out[rows] = drawn(out[rows], which, side, self.magnitude / LEVELS, _LISTED)
        return out


_LISTED = {name: OPERATIONS[name] for name in NAMES}
