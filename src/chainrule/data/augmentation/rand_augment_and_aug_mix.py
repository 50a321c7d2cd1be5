"""RandAugment and AugMix: random chains of image operations with one magnitude."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY

import numpy as np

from chainrule.data.augmentation.color import adjust_brightness, adjust_contrast, adjust_saturation, blend
from chainrule.data.augmentation.geometry import rotation, shearing, translation, warp
from chainrule.data.augmentation.transform import Transform, per_image
from chainrule.records import frozen
from chainrule.validation import require_integer, require_number

# RandAugment: a few operations sampled from a list of fourteen, all with one magnitude.
#
# Searching for the best augmentation policy of a data set costs more than training on it. Sampling uniformly
# from all operations leaves two hyperparameters, their number and their magnitude, and performs as well.
#
# Reference: Cubuk, Zoph, Shlens and Le (2020), RandAugment: practical automated data augmentation with a
# reduced search space (NeurIPS).

LEVELS = 30  # the scale of ``magnitude``
SHIFT = 150 / 331  # maximum translation as a fraction of the side: 150 of 331 pixels in the paper

Operation = Callable[[np.ndarray, np.ndarray], np.ndarray]


@frozen
class RandAugment(Transform):
    """Sequence of operations sampled from ``OPERATIONS``.

    Args:
        operations: number of operations per image, 1 to 20.
        magnitude: strength of the operations, 0 to 30.

    Example:
        >>> image = np.full((1, 2, 2, 3), 0.5, np.float32)
        >>> bool((RandAugment(operations=1)(image, np.zeros((1, 2))) == image).all())  # the identity
        True
    """

    chinese = ("RandAugment", "从十四种改变中随机抽几种，强度相同。")
    _: KW_ONLY
    operations: int = 2
    magnitude: float = 9.0

    def __post_init__(self) -> None:
        require_integer(self, "operations", 1, 20)
        require_number(self, "magnitude", minimum=0, maximum=LEVELS)

    @property
    def draws(self) -> int:  # type: ignore[override]
        """Two numbers for each operation: its index and its sign."""
        return 2 * self.operations

    def __call__(self, images: np.ndarray, u: np.ndarray) -> np.ndarray:
        out, strength = images, self.magnitude / LEVELS
        for which, side in u.reshape(len(u), self.operations, 2).transpose(1, 2, 0):
            out = apply_random(out, which, side, strength, OPERATIONS)
        return out


def apply_random(
    images: np.ndarray,
    which: np.ndarray,
    side: np.ndarray,
    strength: float,
    operations: Mapping[str, Operation],
) -> np.ndarray:
    """Apply one operation to each image: ``which`` selects it, ``side`` its sign, both in [0, 1)."""
    out = images.copy()
    chosen = (which * len(operations)).astype(np.intp)
    signed = np.where(side < 0.5, -strength, strength)
    for number, operation in enumerate(operations.values()):
        rows = np.flatnonzero(chosen == number)
        if len(rows):
            out[rows] = operation(images[rows], signed[rows])
    return out


def _mapped(to_map: Callable[[float, int, int], list[list[float]]]) -> Operation:
    """Return the operation that applies an affine map computed from strength, height and width."""

    def operation(images: np.ndarray, strength: np.ndarray) -> np.ndarray:
        height, width = images.shape[1:3]
        return warp(images, np.array([to_map(s, height, width) for s in strength.tolist()]))

    return operation


def _blended(adjust: Operation) -> Operation:
    """Return the operation that blends with a factor between 0.1 and 1.9."""
    return lambda images, strength: adjust(images, 1 + 0.9 * strength)


def sharpen(images: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Blend with a smoothed image: the mean of each pixel, with weight 5, and its eight neighbors."""
    if min(images.shape[1:3]) < 3:
        return images
    smooth = images.copy()
    height, width = images.shape[1:3]
    total = 4 * images[:, 1:-1, 1:-1]
    for dy in range(3):
        for dx in range(3):
            total = total + images[:, dy : height - 2 + dy, dx : width - 2 + dx]
    smooth[:, 1:-1, 1:-1] = total / 13
    return blend(images, smooth, factor)


def posterize(images: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Keep the upper bits of each byte: eight at strength 0, four at 1."""
    steps = per_image(2.0 ** np.round(4 * np.abs(strength)))  # number of levels that map to one
    bytes_ = np.round(images * 255)
    return (np.floor(bytes_ / steps) * steps / 255).astype(images.dtype)


def solarize(images: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Invert bright pixels: none at strength 0, all at 1."""
    limit = per_image(1 - np.abs(strength))
    return np.where((images > limit) | (limit <= 0), 1 - images, images)


def autocontrast(images: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Rescale each channel so that its darkest pixel becomes 0 and its brightest 1."""
    low, high = images.min(axis=(1, 2), keepdims=True), images.max(axis=(1, 2), keepdims=True)
    width = np.where(high > low, high - low, 1)
    return np.where(high > low, (images - low) / width, images)


def equalize(images: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Equalize the histogram of each channel over 256 levels."""
    out = images.copy()
    for image in out:
        for c in range(image.shape[-1]):
            level = np.round(image[..., c] * 255).astype(np.intp)
            counts = np.bincount(level.reshape(-1), minlength=256)
            step = (counts.sum() - counts[np.flatnonzero(counts)[-1]]) // 255
            if step:
                before = np.concatenate([[0], np.cumsum(counts)[:-1]])
                image[..., c] = np.minimum((step // 2 + before) // step, 255)[level] / 255
    return out


OPERATIONS: dict[str, Operation] = {
    "identity": lambda images, strength: images,
    "shear_x": _mapped(lambda s, h, w: shearing(math.degrees(math.atan(0.3 * s)))),
    "shear_y": _mapped(lambda s, h, w: shearing(math.degrees(math.atan(0.3 * s)), horizontal=False)),
    "translate_x": _mapped(lambda s, h, w: translation(SHIFT * s * w, 0.0)),
    "translate_y": _mapped(lambda s, h, w: translation(0.0, SHIFT * s * h)),
    "rotate": _mapped(lambda s, h, w: rotation(30 * s)),
    "brightness": _blended(adjust_brightness),
    "color": _blended(adjust_saturation),
    "contrast": _blended(adjust_contrast),
    "sharpness": _blended(sharpen),
    "posterize": posterize,
    "solarize": solarize,
    "autocontrast": autocontrast,
    "equalize": equalize,
}


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
