"""Mel-frequency cepstra of speech: what a network of CTC hears of a recording.

The analysis is that of CMU Sphinx with the settings of the publisher of the AN4 cepstra: 16,000 samples a
second, preemphasis, frames of 25.6 ms every 10 ms with a Hamming window, the power at 40 triangles from 130
to 6,800 Hz whose corners are rounded to the 512 frequencies of the transform, logarithm, and the first 13
coefficients of the cosine transform. Coefficients are normalized over the utterance, so that neither loudness
nor the scale of a coefficient matters.

References: Davis and Mermelstein (1980), IEEE Transactions on ASSP 28(4), for mel-frequency cepstra; Lee
(1988), Large-vocabulary speaker-independent continuous speech recognition: the SPHINX system (CMU).
"""

from __future__ import annotations

import numpy as np

from chainrule.data.readers.audio import Sound, resampled
from chainrule.data.sequences.spectrogram_and_griffin_lim import hertz, mel, triangles
from chainrule.errors import DataError, fact
from chainrule.records import frozen

SAMPLE_RATE, WINDOW, HOP, TRANSFORM = 16_000, 410, 160, 512  # samples
BANDS, LOWEST, HIGHEST = 40, 130.0, 6800.0  # Hz
COEFFICIENTS = 13
PREEMPHASIS = 0.97
QUIETEST = 1e-4  # of the power of the loudest band, 40 dB below it: digital silence is no sound
SMALLEST = 1e-3  # added to a standard deviation


def cepstra(samples: np.ndarray) -> np.ndarray:
    """Return the cepstra of a recording, (frames, 13) float32.

    The first frame begins at the first sample; the last one is the last that is complete.

    Args:
        samples: (T,) at 16,000 samples a second, at least 410.

    Example:
        >>> cepstra(np.sin(np.arange(16_000.0))).shape
        (98, 13)
    """
    wave = np.asarray(samples, np.float64)
    wave = np.append(wave[:1], wave[1:] - PREEMPHASIS * wave[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]  # (frames, window)
    power = np.abs(np.fft.rfft(frames * np.hamming(WINDOW), TRANSFORM, axis=1)) ** 2
    bands = power @ _filters()  # (frames, 40)
    logs = np.log(np.maximum(bands, max(float(bands.max()) * QUIETEST, np.finfo(float).tiny)))
    angles = np.outer(np.arange(BANDS) + 0.5, np.arange(COEFFICIENTS)) * (np.pi / BANDS)
    weights = np.cos(angles)
    weights[0] /= 2  # as in CMU Sphinx
    return (logs @ weights / BANDS).astype(np.float32)


def _filters() -> np.ndarray:
    """Return the weight of each frequency in each band, (257, 40)."""
    edges = hertz(np.linspace(mel(LOWEST), mel(HIGHEST), BANDS + 2))
    step = SAMPLE_RATE / TRANSFORM
    edges = np.floor(edges / step + 0.5) * step
    return triangles(np.arange(1 + TRANSFORM // 2) * step, edges) * (2 / (edges[2:] - edges[:-2]))


def with_deltas(coefficients: np.ndarray) -> np.ndarray:
    """Return coefficients with mean 0 and variance 1 over the utterance, and their slopes, (T, 2 C).

    The slopes are multiplied by three, so that they are about as large. The slope at a frame is that of the
    line through the five frames around it.

    Args:
        coefficients: (T, C) of an utterance.
    """
    z = (coefficients - coefficients.mean(axis=0)) / (coefficients.std(axis=0) + SMALLEST)
    wide = np.pad(z, ((2, 2), (0, 0)), mode="edge")
    deltas = (wide[3:-1] - wide[1:-3] + 2 * (wide[4:] - wide[:-4])) / 10
    return np.concatenate([z, 3 * deltas], axis=1)


@frozen
class SpeechInput:
    """A recording of speech as normalized cepstra and their slopes.

    Args:
        frames: number of frames of 10 ms; a shorter recording is followed by zeros.

    Example:
        >>> SpeechInput(640)(Sound(np.sin(np.arange(8000.0))[:, None], 8000), "tone").shape
        (640, 26)
    """

    frames: int

    def __call__(self, sound: Sound, where: str) -> np.ndarray:
        """Return the rows of a network, (frames, 26) float32; another sample rate is resampled.

        Args:
            sound: the recording; its channels are averaged.
            where: its name in error messages.

        Raises:
            DataError: E370 silence; E372 shorter than a frame; E364 longer than all frames.
        """
        samples = sound.mono
        if not np.any(samples):
            raise DataError("E370", where=where, expected=fact("speech"), received=fact("silence"))
        if sound.sample_rate != SAMPLE_RATE:
            samples = resampled(samples, sound.sample_rate, SAMPLE_RATE)
        if len(samples) < WINDOW:
            expected = fact("at least {count} samples, one frame", count=WINDOW)
            received = fact("{count} samples", count=len(samples))
            raise DataError("E372", where=where, expected=expected, received=received)
        own = with_deltas(cepstra(samples))
        if len(own) > self.frames:
            expected = fact("at most {seconds:g} seconds", seconds=self.frames / 100)
            received = fact("{seconds:.1f} seconds", seconds=sound.seconds)
            fix = fact("cut the recording between sentences")
            raise DataError("E364", where=where, expected=expected, received=received, fix=fix)
        return np.pad(own, ((0, self.frames - len(own)), (0, 0))).astype(np.float32)
