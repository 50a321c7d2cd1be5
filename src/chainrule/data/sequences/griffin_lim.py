"""Griffin-Lim: a sound whose spectrogram is close to a given log-mel spectrogram.

A log-mel spectrogram has lost two things. The sums over bands are undone by a non-negative least-squares
problem: which power spectrum P has the band powers M = P H? The phases are found by alternating projections.
Any magnitudes with any phases are a matrix of complex numbers, but only few of these matrices are the
short-time Fourier transform of a sound, because frames overlap. Each round takes the nearest sound of the
matrix, and of the transform of this sound only the phases::

    magnitudes, phases --nearest sound--> x --transform--> its phases, the given magnitudes --> ...

The distance between the given magnitudes and those of the sound does not increase from round to round. With
``momentum``, each round continues the last change, which needs fewer rounds for the same distance but is not
monotone.

Reference: Griffin and Lim (1984), Signal estimation from modified short-time Fourier transform (IEEE ASSP
32); Perraudin, Balazs and Søndergaard (2013), A fast Griffin-Lim algorithm (WASPAA); Lee and Seung (2001),
Algorithms for non-negative matrix factorization (NeurIPS), for the multiplicative updates.
"""

from __future__ import annotations

import numpy as np

from chainrule.data.sequences.spectrogram import LogMel, hann
from chainrule.errors import DataError, UsageError, fact
from chainrule.spec import shape_text
from chainrule.validation import out_of_range

LOUDEST = 60.0  # the largest log power that is converted: e^60 is far beyond any sound of samples up to 1
TINY = 1e-12
COVERED = 0.2  # share of the largest weight below which samples of the result are faded out


def griffin_lim(
    log_mel: np.ndarray, spectrogram: LogMel, rounds: int = 60, *, momentum: float = 0.99, seed: int = 0
) -> np.ndarray:
    """Convert a log-mel spectrogram to a sound.

    Args:
        log_mel: (frames, n_mels), as ``spectrogram`` returns it.
        spectrogram: what the sound is to be analyzed by.
        rounds: number of projections.
        momentum: share of the last change that is added to each round, at least 0 and below 1; 0 is the
            algorithm of 1984.
        seed: of the initial phases.

    Returns:
        the samples ((frames - 1) hop_length + win_length,), float64.

    Raises:
        UsageError E102: an argument out of range. DataError E341: another shape; E342: a non-finite value.

    Example:
        >>> analysis = LogMel(8000, win_length=256, hop_length=64, n_mels=40)
        >>> tone = np.sin(2 * np.pi * 500 * np.arange(4000) / 8000)
        >>> sound = griffin_lim(analysis(tone), analysis)
        >>> bool(np.abs(analysis(sound) - analysis(tone))[:, 10].mean() < 0.2)  # the band of the tone
        True
    """
    if type(rounds) is not int or rounds < 0:
        raise _refusal("rounds", fact("at least 0"), rounds)
    if not 0 <= momentum < 1:
        raise _refusal("momentum", "0 <= momentum < 1", momentum)
    values = np.asarray(log_mel, np.float64)
    if values.ndim != 2 or values.shape[1] != spectrogram.n_mels or not len(values):
        expected, received = f"(T, {spectrogram.n_mels})", shape_text(values.shape)
        raise DataError("E341", where="griffin_lim", expected=expected, received=received)
    if not np.isfinite(values).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        where = f"log_mel[{place[0]}, {place[1]}]"
        raise DataError("E342", where=where, expected=fact("a finite number"), received=values[place])
    magnitudes = np.sqrt(invert_mel(np.exp(np.minimum(values, LOUDEST)), spectrogram.filters))
    return _sound_of(magnitudes, spectrogram, rounds, momentum, seed)


def _refusal(name: str, expected: str, received: object) -> UsageError:
    return out_of_range(received, name, "griffin_lim", expected)


def invert_mel(bands: np.ndarray, filters: np.ndarray, rounds: int = 100) -> np.ndarray:
    """Return power spectra whose band powers are near the given ones: min |P H - M|^2 with P at least 0.

    Args:
        bands: (T, bands) M, at least 0.
        filters: (K, bands) H, the weight of each frequency in each band, at least 0.
        rounds: multiplicative updates P <- P (M H^T) / (P H H^T); none increases the distance. They begin
            with a spectrum that is constant within bands.

    Returns:
        (T, K). Frequencies in no band have power 0.

    Example:
        >>> filters = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
        >>> powers = invert_mel(np.array([[2.0, 1.0]]), filters)
        >>> (powers @ filters).round(3).tolist()
        [[2.0, 1.0]]
    """
    target = bands @ filters.T  # (T, K)
    gram = filters @ filters.T  # (K, K)
    powers = target / np.maximum(filters.sum(axis=0) @ filters.T, TINY)
    for _ in range(rounds):
        powers *= target / np.maximum(powers @ gram, TINY * TINY)
    return powers


def _sound_of(
    magnitudes: np.ndarray, spectrogram: LogMel, rounds: int, momentum: float, seed: int
) -> np.ndarray:
    """Return the sound of magnitudes (frames, K) by alternating projections, computed in single precision."""
    length, hop = spectrogram.win_length, spectrogram.hop_length
    magnitudes = magnitudes.astype(np.float32)
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, magnitudes.shape).astype(np.float32)
    matrix = magnitudes * np.exp(1j * phases)  # complex64
    last = np.zeros_like(matrix)
    for _ in range(rounds):
        consistent = short_time_fourier(nearest_sound(matrix, length, hop), length, hop)
        extended = consistent + np.float32(momentum) * (consistent - last)
        matrix = extended * (magnitudes / np.maximum(np.abs(extended), np.float32(TINY)))
        last = consistent
    return nearest_sound(matrix, length, hop, COVERED).astype(np.float64)


def short_time_fourier(samples: np.ndarray, length: int, hop: int) -> np.ndarray:
    """Return the Fourier transform of each frame, Hann window: (T,) -> (frames, 1 + length // 2), complex.

    ``samples`` are at least a frame of ``length``; frames start ``hop`` samples apart.
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    return np.fft.rfft(frames * hann(length).astype(samples.dtype), axis=1)


def nearest_sound(matrix: np.ndarray, length: int, hop: int, covered: float = 0.0) -> np.ndarray:
    """Return the samples whose short-time Fourier transform is nearest to a matrix, by least squares.

    Frames are windowed again, added, and divided by the sum of the squared windows. Samples at which all
    windows are 0, such as the first, are 0. At both ends this sum is small, and a matrix that is the
    transform of no sound results in a click there, which hardly changes a spectrogram.

    Args:
        matrix: (frames, 1 + length // 2), complex.
        length, hop: of ``short_time_fourier``.
        covered: the divisor is at least this share of the largest one, which fades both ends.

    Returns:
        the samples ((frames - 1) hop + length,).

    Example:
        >>> samples = np.sin(np.arange(100.0))
        >>> restored = nearest_sound(short_time_fourier(samples, 20, 5), 20, 5)
        >>> np.allclose(restored[1:], samples[1:])
        True
    """
    window = hann(length)
    frames = np.fft.irfft(matrix, n=length, axis=1)  # (frames, length)
    total = _overlapped(frames * window.astype(frames.dtype), hop)
    weight = _overlapped(np.broadcast_to(window**2, frames.shape), hop)
    weight = np.maximum(weight, covered * weight.max())
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > TINY, casting="same_kind")


def _overlapped(frames: np.ndarray, hop: int) -> np.ndarray:
    """Return the sum of frames that start ``hop`` samples apart: (N, length) -> ((N - 1) hop + length,)."""
    count, length = frames.shape
    parts = -(-length // hop)
    padded = np.pad(frames, ((0, 0), (0, parts * hop - length))).reshape(count, parts, hop)
    total = np.zeros((count + parts - 1, hop), frames.dtype)
    for part in range(parts):
        total[part : part + count] += padded[:, part]
    return total.reshape(-1)[: (count - 1) * hop + length]
