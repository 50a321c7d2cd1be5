"""Mel-cepstral distortion (MCD): how far the spectral envelope of speech is from that of a recording.

The mel cepstrum of a frame is the cosine transform of its N log-mel powers S::

    c_k = 1/N sum_n S_n cos(pi k (n + 1/2) / N)

Its first coefficients describe the smooth envelope, which makes the vowels; c_0 is the loudness and is left
out. The frames of both sounds are paired by dynamic time warping, since the same text may be spoken at
another speed, and the distortion is the mean over the pairs of::

    10 / ln 10 sqrt(2 sum_(k = 1..13) (c_k - c'_k)^2)

S is the logarithm of a power, so that this is the root mean square difference of the smoothed spectra in
decibels. Cepstra of log amplitudes, which some programs use, give half of it.

The numbers of different definitions cannot be compared: ``SPECTROGRAM`` and ``COEFFICIENTS`` fix this one.

Reference: Kubichek (1993), Mel-cepstral distance measure for objective speech quality assessment (IEEE
Pacific Rim Conference); Kominek, Schultz and Black (2008), Synthesizer voice quality of new languages
calibrated with mean mel cepstral distortion (SLTU), for the warping.
"""

from __future__ import annotations

import numpy as np

from chainrule import LogMel
from chainrule.data.sequences.time_warping import warp_time

SPECTROGRAM = LogMel(8000, win_length=256, hop_length=80, n_mels=40, floor=1e-5)
COEFFICIENTS = 13
DECIBELS = 10 / np.log(10) * np.sqrt(2)


def mel_cepstra(log_mel: np.ndarray, count: int = COEFFICIENTS) -> np.ndarray:
    """The coefficients c_1 to c_count of log-mel spectra.

    Args:
        log_mel: (..., bands).
        count: below the number of bands.

    Returns:
        (..., count).

    Example:
        >>> flat = np.full((1, 40), 3.0)  # only loudness
        >>> bool(np.abs(mel_cepstra(flat)).max() < 1e-12)
        True
    """
    bands = log_mel.shape[-1]
    angles = np.pi * np.outer(np.arange(bands) + 0.5, np.arange(1, count + 1)) / bands
    return np.asarray(log_mel, np.float64) @ np.cos(angles) / bands  # (..., bands) -> (..., count)


def mel_cepstral_distortion(reference: np.ndarray, spoken: np.ndarray) -> float:
    """The mean distortion of the frames paired by dynamic time warping, in decibels.

    Args:
        reference: (T, 40) log-mel spectrogram of the recording, by ``SPECTROGRAM``.
        spoken: (U, 40) of the speech that is evaluated.

    Raises:
        DataError E341, E342: other shapes, or numbers that are not finite.

    Example:
        >>> recording = np.zeros((3, 40))
        >>> distance = mel_cepstral_distortion(recording, recording[[0, 1, 1, 2]] + 5)  # slower and louder
        >>> round(distance, 6)
        0.0
    """
    return float(DECIBELS * warp_time(mel_cepstra(reference), mel_cepstra(spoken)).distances.mean())
