"""AugMix: an image mixed with the weighted mean of several short chains of random operations.

A long chain of operations can distort an image beyond recognition. The mean of several short chains stays
close to the image and is as varied.
"""

from __future__ import annotations

from dataclasses import KW_ONLY

import numpy as np

from chainrule.data.augmentation.rand_augment import LEVELS, OPERATIONS, apply_random
from chainrule.data.augmentation.transform import Transform, per_image
from chainrule.records import frozen
from chainrule.validation import require_integer, require_number

NAMES = tuple(
    ("autocontrast equalize posterize rotate solarize shear_x shear_y translate_x translate_y").split()
)


@frozen
class AugMix(Transform):
    """Mixture of an image with the mean of several chains of one to three random operations.

    Formula: out = m x + (1 - m) sum_i w_i chain_i(x), with m uniform in [0, 1) and w uniform on the simplex
    (Dirichlet with alpha = 1).

    Args:
        chains: number of chains, 1 to 10.
        magnitude: strength of the operations, 0 to 30.

    Example:
        >>> image = np.full((1, 2, 2, 3), 0.5, np.float32)
        >>> aug_mix = AugMix(chains=2)
        >>> aug_mix.draws, aug_mix(image, np.zeros((1, aug_mix.draws))).shape
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
        require_number(self, "magnitude", minimum=0, maximum=LEVELS)

    @property
    def draws(self) -> int:  # type: ignore[override]
        """One number for m; for each chain its weight, its length and two numbers per operation."""
        return 1 + 8 * self.chains

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        image_weight, chains = u[:, 0], u[:, 1:].reshape(len(u), self.chains, 8)
        weights = -np.log1p(-chains[:, :, 0])  # exponential; normalized, they are uniform on the simplex
        sums = weights.sum(axis=1, keepdims=True)
        weights = np.divide(weights, sums, out=np.full_like(weights, 1 / self.chains), where=sums > 0)
        mean = np.zeros_like(images)
        for i in range(self.chains):
            mean += per_image(weights[:, i]) * self._apply_chain(images, chains[:, i, 1:])
        return per_image(image_weight) * images + per_image(1 - image_weight) * mean

    def _apply_chain(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Apply one chain of one to three operations to each image."""
        length, out = 1 + (u[:, 0] * 3).astype(np.intp), images.copy()
        for step in range(3):
            rows = np.flatnonzero(length > step)
            which, side = u[rows, 1 + 2 * step], u[rows, 2 + 2 * step]
            out[rows] = apply_random(out[rows], which, side, self.magnitude / LEVELS, _OPERATIONS)
        return out


_OPERATIONS = {name: OPERATIONS[name] for name in NAMES}
