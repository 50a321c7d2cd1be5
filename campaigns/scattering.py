"""The scattering transform of images: fixed features from wavelets, of two orders.

    S0 = x * phi          S1[j, l] = |x * psi[j, l]| * phi
    S2[j, l, j', l'] = ||x * psi[j, l]| * psi[j', l']| * phi          for j' > j

with Morlet wavelets psi of scale 2^j and angle pi l / L, and a Gaussian phi of scale 2^J; every result is
sampled at each 2^J-th pixel. For J = 2 and L = 8 an image of 28 x 28 pixels has 81 features at each of 7 x 7
places. Nothing is learned from data.

Reference: Bruna and Mallat (2013), Invariant scattering convolution networks, IEEE TPAMI 35.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import fft

SCALES, ANGLES, MARGIN = 2, 8, 6  # J, L, and reflected pixels around an image
BLOCK = 500  # images transformed at once


def transformed(values: np.ndarray) -> np.ndarray:
    """The Fourier transform over the last two axes."""
    return np.asarray(fft.fft2(values))


def modulus(frequencies: np.ndarray) -> np.ndarray:
    """The absolute values of the inverse Fourier transform over the last two axes."""
    return np.abs(np.asarray(fft.ifft2(frequencies)))


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The signed coordinates of a periodic image."""
    axis = (np.arange(size) + size // 2) % size - size // 2
    return np.meshgrid(axis, axis, indexing="ij")


def averages(size: int, sigma: float, step: int) -> np.ndarray:
    """A Gaussian around each ``step``-th pixel inside the margin, as rows of sum 1."""
    centers = np.arange(MARGIN + step // 2, size - MARGIN, step)
    values = np.exp(-((np.arange(size) - centers[:, None]) ** 2) / (2 * sigma**2))
    return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)


def morlet(size: int, sigma: float, angle: float, frequency: float, slant: float) -> np.ndarray:
    """A Morlet wavelet, in frequencies: a wave under an oval Gaussian, with mean 0."""
    u, v = _grid(size)
    along = u * math.cos(angle) + v * math.sin(angle)
    across = -u * math.sin(angle) + v * math.cos(angle)
    envelope = np.exp(-(along**2 + slant**2 * across**2) / (2 * sigma**2))
    wave = envelope * np.exp(1j * frequency * along)
    wave -= envelope * (wave.sum() / envelope.sum())
    return transformed(wave * (slant / (2 * math.pi * sigma**2))).astype(np.complex64)


def scattering(images: np.ndarray) -> np.ndarray:
    """The features of gray images (N, H, W): (N, H / 4, W / 4, 81)."""
    size = images.shape[1] + 2 * MARGIN
    low = averages(size, 0.8 * 2.0**SCALES, 2**SCALES)
    bank = [
        [
            morlet(size, 0.8 * 2.0**j, math.pi * k / ANGLES, 0.75 * math.pi / 2.0**j, 4.0 / ANGLES)
            for k in range(ANGLES)
        ]
        for j in range(SCALES)
    ]
    parts = [_block(images[i : i + BLOCK], low, bank) for i in range(0, len(images), BLOCK)]
    return np.concatenate(parts)


def _block(images: np.ndarray, low: np.ndarray, bank: list[list[np.ndarray]]) -> np.ndarray:
    padded = np.pad(images, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)), mode="reflect").astype(np.float32)

    def averaged(values: np.ndarray) -> np.ndarray:
        return low @ values @ low.T

    image = transformed(padded)
    features, second = [averaged(padded)], []
    for j, wavelets in enumerate(bank):
        for wavelet in wavelets:
            first = modulus(image * wavelet)
            features.append(averaged(first))
            coarser = [narrow for later in bank[j + 1 :] for narrow in later]
            frequencies = transformed(first) if coarser else None
            second += [averaged(modulus(frequencies * narrow)) for narrow in coarser]
    return np.stack([*features, *second], axis=-1)
