"""Log-mel spectrograms: the power of a sound by time and frequency band, as an image.

A sound is cut into short overlapping frames, each frame is transformed by the FFT, the frequencies are summed
in bands on the mel scale, which matches the perception of pitch, and the power is taken on a logarithmic
scale. The result has the axes time and frequency and is an input for convolutional networks.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from chainrule.data.readers.audio import Sound
from chainrule.errors import DataError, UsageError, fact
from chainrule.records import frozen


@frozen
class LogMel:
    """Log-mel spectrogram of a sound.

    **Formula** with x the samples of frame t, N = ``win_length``, and w the Hann window w_n = (1 - cos(2 pi n
    / N)) / 2:

    - power: P_k = |sum_n w_n x_n e^(-2 pi i k n / N)|^2, k = 0 .. N/2, at the frequency f_k = k rate / N;
    - mel: m(f) = 2595 log10(1 + f / 700); ``n_mels`` + 2 points m_0 < ... < m_(n_mels+1) at equal distances
      from m(f_min) to m(f_max);
    - band b: M_b = sum_k H_b(f_k) P_k, with H_b the triangle, linear in f, that rises from 0 at m_b to 1 at
      m_(b+1) and falls to 0 at m_(b+2);
    - S_(t,b) = ln max(M_b, floor).

    Shapes: (T,) -> (1 + floor((T - win_length) / hop_length), n_mels). An incomplete last frame is dropped.

    Args:
        sample_rate: samples per second of the sounds.
        win_length: samples per frame; 400 at 16,000 per second are 25 ms.
        hop_length: samples between the starts of frames.
        n_mels: number of bands.
        f_min, f_max: lowest and highest frequency in Hz; by default up to half the sample rate.
        floor: minimum power, which bounds the logarithm.

    Raises:
        UsageError E102: an argument out of range, or too many bands: one contains no frequency.

    Example:
        >>> time = np.arange(4000) / 8000
        >>> image = LogMel(8000, n_mels=20)(np.sin(2 * np.pi * 1000 * time))
        >>> image.shape, int(image[0].argmax())
        ((23, 20), 9)

    Reference: Stevens, Volkmann and Newman (1937) for mel; Davis and Mermelstein (1980); m(f) as in
    O'Shaughnessy (1987), which HTK uses. Slaney's scale, the default of librosa, is linear below 1 kHz.
    """

    sample_rate: int = 16000
    win_length: int = 400
    hop_length: int = 160
    n_mels: int = 80
    f_min: float = 0.0
    f_max: float | None = None
    floor: float = 1e-10

    def __post_init__(self) -> None:
        f_min, f_max, floor = self.f_min, self.f_max, self.floor
        top = self.sample_rate / 2 if _is_integer(self.sample_rate) else 0
        ranges = {
            "sample_rate": (_is_integer(self.sample_rate), fact("an integer, at least 1")),
            "win_length": (_is_integer(self.win_length, 2), fact("an integer, at least 2")),
            "hop_length": (_is_integer(self.hop_length), fact("an integer, at least 1")),
            "n_mels": (_is_integer(self.n_mels), fact("an integer, at least 1")),
            "f_min": (_is_number(f_min) and 0 <= f_min < top, f"0 <= f_min < {top:g}"),
            "f_max": (
                f_max is None or (_is_number(f_max) and _is_number(f_min) and f_min < f_max <= top),
                f"f_min < f_max <= {top:g}",
            ),
            "floor": (_is_number(floor) and 0 < floor < float("inf"), "above 0"),
        }
        for name, (is_valid, expected) in ranges.items():
            if not is_valid:
                self._refuse(name, expected, repr(getattr(self, name))[:80])
        empty = np.flatnonzero(self.filters.sum(axis=0) == 0)
        if len(empty):
            expected = fact(
                "fewer bands for a window of {length}: bands {bands} hold no tone",
                length=self.win_length,
                bands=empty[:5].tolist(),
            )
            self._refuse(
                "n_mels",
                expected,
                self.n_mels,
                fact("n_mels={n}, or a longer window", n=max(1, self.n_mels // 2)),
            )

    @staticmethod
    def _refuse(name: str, expected: str, received: object, fix: str = "") -> None:
        raise UsageError("E102", where="LogMel", name=name, expected=expected, received=received, fix=fix)

    @property
    def filters(self) -> np.ndarray:
        """The filter bank H: the weight of each frequency in each band, (1 + win_length // 2, n_mels)."""
        top = self.sample_rate / 2 if self.f_max is None else self.f_max
        edges = hertz(np.linspace(mel(self.f_min), mel(top), self.n_mels + 2))
        bins = np.arange(1 + self.win_length // 2)[:, None]
        frequencies = bins * (self.sample_rate / self.win_length)  # (K, 1)
        rise = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
        fall = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
        return np.clip(np.minimum(rise, fall), 0, None)  # (K, bands)

    def power(self, samples: Any) -> np.ndarray:
        """Return the power spectrum P of each frame, float64, (frames, 1 + win_length // 2).

        Args:
            samples: (T,), or a ``Sound``, whose channels are averaged.

        Raises:
            DataError E341: a shape other than (T,); E342: a non-finite sample; E371: a ``Sound`` with another
                sample rate; E372: shorter than a frame.
        """
        if isinstance(samples, Sound):
            samples = self._mono(samples)
        wave = np.asarray(samples, np.float64)
        if wave.ndim != 1:
            fix = "sound.mono, or samples.mean(axis=1)" if wave.ndim == 2 else ""
            raise DataError("E341", where="LogMel", expected="(T,)", received=wave.shape, fix=fix)
        if not np.isfinite(wave).all():
            place = int(np.argmin(np.isfinite(wave)))
            raise DataError(
                "E342", where=f"samples[{place}]", expected=fact("a finite number"), received=wave[place]
            )
        if len(wave) < self.win_length:
            expected = fact("at least {count} samples, one frame", count=self.win_length)
            fix = f"numpy.pad(samples, (0, {self.win_length - len(wave)}))"
            received = fact("{count} samples", count=len(wave))
            raise DataError("E372", where="LogMel", expected=expected, received=received, fix=fix)
        frames = np.lib.stride_tricks.sliding_window_view(wave, self.win_length)[
            :: self.hop_length
        ]  # (frames, window)
        return np.abs(np.fft.rfft(frames * hann(self.win_length), axis=1)) ** 2

    def _mono(self, sound: Sound) -> np.ndarray:
        """Return the mean of the channels; refuses another sample rate."""
        if sound.sample_rate != self.sample_rate:
            expected = fact("{rate} samples a second", rate=self.sample_rate)
            received = fact("{rate} samples a second", rate=sound.sample_rate)
            fix = f"resampled(sound.mono, {sound.sample_rate}, {self.sample_rate})"
            raise DataError("E371", where=sound.source, expected=expected, received=received, fix=fix)
        return sound.mono

    def __call__(self, samples: Any) -> np.ndarray:
        """Return the log-mel spectrogram S, float32, (frames, n_mels).

        Raises:
            ChainruleError: as ``power``.
        """
        return np.log(np.maximum(self.power(samples) @ self.filters, self.floor)).astype(np.float32)


def hann(length: int) -> np.ndarray:
    """Return the Hann window (1 - cos(2 pi n / length)) / 2, (length,)."""
    return (1 - np.cos(2 * np.pi * np.arange(length) / length)) / 2


def mel(f: np.ndarray | float) -> np.ndarray:
    """Convert frequencies in Hz to mel: m = 2595 log10(1 + f / 700).

    Example:
        >>> round(float(mel(1000.0)))
        1000
    """
    return 2595 * np.log10(1 + np.asarray(f, np.float64) / 700)


def hertz(m: np.ndarray | float) -> np.ndarray:
    """Convert mel to frequencies in Hz; the inverse of ``mel``."""
    return 700 * (10 ** (np.asarray(m, np.float64) / 2595) - 1)


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_integer(value: object, low: int = 1) -> bool:
    return type(value) is int and low <= value < 2**31
