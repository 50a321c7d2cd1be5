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

from dataclasses import dataclass

import numpy as np

from chainrule import LogMel
from chainrule.errors import DataError, fact
from chainrule.symbolic_shape import shape_text

# Dynamic time warping: align two sequences of vectors that have the same content at another speed.
#
# A path pairs frames, from the two first to the two last. Each step advances one of the sequences or both,
# and the cost of a path is the sum of the distances of its pairs. With c[i, j] the distance of frames i and
# j, the smallest cost of a path to (i, j) is::
#
#     D[i, j] = c[i, j] + min(D[i-1, j-1], D[i-1, j], D[i, j-1])
#
# D is computed by its diagonals i + j = constant, whose elements do not depend on each other. Only the best
# last step of each pair is stored, in a byte.
#
# Reference: Sakoe and Chiba (1978), Dynamic programming algorithm optimization for spoken word recognition
# (IEEE ASSP 26).

MAX_BYTES = 400_000_000  # of the steps
FIRST, SECOND = 1, 2  # which sequence a step advances; 0: both


@dataclass(frozen=True, eq=False)
class WarpingPath:
    """Pairs of frames of two sequences.

    Args:
        i, j: (n,) indices into the two sequences; neither decreases, and no step is larger than 1.
        distances: (n,) of the pairs.
    """

    i: np.ndarray
    j: np.ndarray
    distances: np.ndarray

    @property
    def cost(self) -> float:
        """The sum of the distances."""
        return float(self.distances.sum())


def warp_time(a: np.ndarray, b: np.ndarray) -> WarpingPath:
    """Return the path of smallest cost between two sequences; the distance of two vectors is Euclidean.

    Args:
        a: (N, C) vectors.
        b: (M, C) vectors.

    Raises:
        DataError E341: other shapes; E342: a non-finite number; E308: too many pairs of frames.

    Example:
        >>> path = warp_time(np.array([[0.0], [1.0], [5.0]]), np.array([[0.0], [1.0], [1.0], [5.0]]))
        >>> path.i.tolist(), path.j.tolist(), path.cost
        ([0, 1, 1, 2], [0, 1, 2, 3], 0.0)
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    _check(a, b)
    steps = _best_steps(a, b)
    i, j = len(a) - 1, len(b) - 1
    path = [(i, j)]
    while i or j:
        step = steps[i + j, i]
        i, j = i - (step != SECOND), j - (step != FIRST)
        path.append((i, j))
    rows, columns = np.array(path[::-1]).T
    return WarpingPath(rows, columns, _distances(a[rows], b[columns]))


def _check(a: np.ndarray, b: np.ndarray) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1:] != b.shape[1:] or not (a.size and b.size):
        received = f"{shape_text(a.shape)}, {shape_text(b.shape)}"
        raise DataError("E341", where="warp_time", expected="(N, C), (M, C)", received=received)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        expected, received = fact("finite numbers"), fact("numbers that are not finite")
        raise DataError("E342", where="warp_time", expected=expected, received=received)
    size = (len(a) + len(b)) * len(a)
    if size > MAX_BYTES:
        expected, received = fact("at most {limit:,} bytes", limit=MAX_BYTES), f"{size:,}"
        raise DataError("E308", where="warp_time", expected=expected, received=received)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the distance of each row of ``a`` from the same row of ``b``."""
    return np.sqrt(np.square(a - b).sum(axis=1))


def _best_steps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the last step of the best path to frames i and j at [i + j, i], (N + M - 1, N)."""
    n, m = len(a), len(b)
    steps = np.zeros((n + m - 1, n), np.int8)
    mirrored = b[::-1]
    before, last = np.full((2, n + 1), np.inf)  # D of the two diagonals before; [i + 1] for frame i
    before[0] = 0.0  # the path begins at (0, 0) by a step of both
    for total in range(n + m - 1):
        low, high = max(0, total - m + 1), min(n, total + 1)  # the frames i of this diagonal
        own = _distances(a[low:high], mirrored[m - 1 - total + low : m - 1 - total + high])
        costs = np.stack([before[low:high], last[low:high], last[low + 1 : high + 1]])  # both, first, second
        steps[total, low:high] = costs.argmin(axis=0)
        before, last = last, np.full(n + 1, np.inf)
        last[low + 1 : high + 1] = own + costs.min(axis=0)
    return steps


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
