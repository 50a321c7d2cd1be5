"""From a wave to a picture of it: how loud is each pitch at each moment.

A sound is cut into short overlapping frames, each is taken apart into pure tones (Fourier), the tones are
gathered into bands that lie as far apart as they seem to an ear (mel), and loudness is told on a logarithmic
scale, as an ear hears it. What comes out is an image, with time down and pitch across, and convolutional nets
take it as one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.data.readers.audio import Sound
from chainrule.errors import DataError, UsageError
from chainrule.records import frozen


@frozen
class LogMel:
    """The log-mel spectrogram of a sound.

    **Formula** with x the samples of frame t, N = ``win_length``, and w the Hann window w_n = (1 - cos(2 pi n
    / N)) / 2:

    - power: P_k = |sum_n w_n x_n e^(-2 pi i k n / N)|^2, k = 0 .. N/2, the tone of f_k = k rate / N;
    - mel: m(f) = 2595 log10(1 + f / 700); ``n_mels`` + 2 places m_0 < ... < m_(n_mels+1) evenly between
    m(f_min)
      and m(f_max);
    - band b: M_b = sum_k H_b(f_k) P_k, H_b the triangle that rises from 0 at m_b to 1 at m_(b+1) and falls to
      0 at m_(b+2), straight over f;
    - S_(t,b) = ln max(M_b, floor).

    Shapes: (T,) -> (1 + floor((T - window) / hop), bands). Only whole frames count.

    Args:
        sample_rate: samples for each second of the sounds it is given.
        win_length: samples of a frame; 400 at 16,000 a second are 25 ms.
        hop_length: samples from frame to frame.
        n_mels: how many.
        f_min, f_max: from where to where they reach, in Hz; by default up to half the rate.
        floor: the smallest power that is told apart from silence.

    Raises:
        UsageError E102: settings out of their range, or so many bands that one would hold no tone.

    Example:
        >>> time = np.arange(4000) / 8000
        >>> picture = LogMel(8000, n_mels=20)(np.sin(2 * np.pi * 1000 * time))
        >>> picture.shape, int(picture[0].argmax())
        ((23, 20), 9)

    Reference: Stevens, Volkmann and Newman (1937) for mel; Davis and Mermelstein (1980); m(f) as in
    O'Shaughnessy (1987), which HTK uses. Slaney's scale, librosa's default, is straight below 1 kHz and gives
    other numbers.
    """

    sample_rate: int = 16000
    win_length: int = 400
    hop_length: int = 160
    n_mels: int = 80
    f_min: float = 0.0
    f_max: float | None = None
    floor: float = 1e-10

    def __post_init__(self) -> None:
        top = self.sample_rate / 2 if isinstance(self.sample_rate, int) else 0
        ranges = {
            "sample_rate": (_whole(self.sample_rate), "an integer, at least 1"),
            "win_length": (_whole(self.win_length, 2), "an integer, at least 2"),
            "hop_length": (_whole(self.hop_length), "an integer, at least 1"),
            "n_mels": (_whole(self.n_mels), "an integer, at least 1"),
            "f_min": (0 <= self.f_min < top, f"0 <= f_min < {top:g}"),
            "f_max": (self.f_max is None or self.f_min < self.f_max <= top, f"f_min < f_max <= {top:g}"),
            "floor": (0 < self.floor < float("inf"), "above 0"),
        }
        for name, (holds, expected) in ranges.items():
            if not holds:
                self._refuse(name, expected, repr(getattr(self, name))[:80])
        empty = np.flatnonzero(self.filters.sum(axis=0) == 0)
        if len(empty):
            expected = (
                f"fewer bands for a window of {self.win_length}: bands {empty[:5].tolist()} hold no tone"
            )
            self._refuse(
                "n_mels", expected, self.n_mels, f"n_mels={max(1, self.n_mels // 2)}, or a longer window"
            )

    @staticmethod
    def _refuse(name: str, expected: str, received: object, fix: str = "") -> None:
        raise UsageError("E102", where="LogMel", name=name, expected=expected, received=received, fix=fix)

    @property
    def filters(self) -> np.ndarray:
        """H: how much of each tone each band takes, (1 + window // 2, bands)."""
        top = self.sample_rate / 2 if self.f_max is None else self.f_max
        places = hertz(np.linspace(mel(self.f_min), mel(top), self.n_mels + 2))
        tones = np.arange(1 + self.win_length // 2)[:, None] * (self.sample_rate / self.win_length)  # (K, 1)
        rise = (tones - places[:-2]) / (places[1:-1] - places[:-2])
        fall = (places[2:] - tones) / (places[2:] - places[1:-1])
        return np.clip(np.minimum(rise, fall), 0, None)  # (K, bands)

    def power(self, samples: Any) -> np.ndarray:
        """P: the power of each tone in each frame, float64, (frames, 1 + window // 2).

        Args:
            samples: (T,), or a ``Sound``, whose channels are joined.

        Raises:
            DataError E341: no samples (T,); E342: a sample that is not finite; E371: a ``Sound`` of another
                rate; E372: shorter than a frame.
        """
        if isinstance(samples, Sound):
            samples = self._heard(samples)
        wave = np.asarray(samples, np.float64)
        if wave.ndim != 1:
            fix = "sound.mono, or samples.mean(axis=1)" if wave.ndim == 2 else ""
            raise DataError("E341", where="LogMel", expected="(T,)", received=wave.shape, fix=fix)
        if not np.isfinite(wave).all():
            place = int(np.argmin(np.isfinite(wave)))
            raise DataError(
                "E342", where=f"samples[{place}]", expected="a finite number", received=wave[place]
            )
        if len(wave) < self.win_length:
            expected = f"at least {self.win_length} samples, one frame"
            fix = f"numpy.pad(samples, (0, {self.win_length - len(wave)}))"
            raise DataError(
                "E372", where="LogMel", expected=expected, received=f"{len(wave)} samples", fix=fix
            )
        frames = np.lib.stride_tricks.sliding_window_view(wave, self.win_length)[
            :: self.hop_length
        ]  # (frames, window)
        n = np.arange(self.win_length)
        hann = (1 - np.cos(2 * np.pi * n / self.win_length)) / 2
        return np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2

    def _heard(self, sound: Sound) -> np.ndarray:
        """The samples of a recording, once it is known that its rate is the one that is meant."""
        if sound.sample_rate != self.sample_rate:
            raise DataError(
                "E371", where=sound.source, expected=f"{self.sample_rate} samples a second",
                received=f"{sound.sample_rate} samples a second",
                fix=f"resampled(sound.mono, {sound.sample_rate}, {self.sample_rate})",
            )  # fmt: skip
        return sound.mono

    def __call__(self, samples: Any) -> np.ndarray:
        """S: the log-mel spectrogram, float32, (frames, bands).

        Raises:
            What ``power`` refuses.
        """
        return np.log(np.maximum(self.power(samples) @ self.filters, self.floor)).astype(np.float32)


def mel(f: np.ndarray | float) -> np.ndarray:
    """How high a tone of ``f`` Hz seems: m = 2595 log10(1 + f / 700).

    Example:
        >>> round(float(mel(1000.0)))
        1000
    """
    return 2595 * np.log10(1 + np.asarray(f, np.float64) / 700)


def hertz(m: np.ndarray | float) -> np.ndarray:
    """The tone that seems ``m`` mel high, in Hz."""
    return 700 * (10 ** (np.asarray(m, np.float64) / 2595) - 1)


def _whole(value: object, least: int = 1) -> bool:
    return type(value) is int and value >= least
