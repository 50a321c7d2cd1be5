"""Log-mel spectrograms: from a sound, back to a sound (Griffin-Lim), and as the input of a network."""

from __future__ import annotations

import numbers
import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.readers.audio import Sound
from chainrule.errors import DataError, UsageError, fact
from chainrule.records import frozen
from chainrule.symbolic_shape import shape_text
from chainrule.validation import out_of_range


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
        edges = self._edges
        bins = np.arange(1 + self.win_length // 2)
        return triangles(bins * (self.sample_rate / self.win_length), edges)

    @property
    def _edges(self) -> np.ndarray:
        """The frequencies in Hz between which the bands rise and fall, (n_mels + 2,)."""
        top = self.sample_rate / 2 if self.f_max is None else self.f_max
        return hertz(np.linspace(mel(self.f_min), mel(top), self.n_mels + 2))

    def places(self, frames: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the time at the middle of each frame and the frequency at the middle of each band, as texts.

        Args:
            frames: their number.

        Example:
            >>> times, frequencies = LogMel(8000, n_mels=20).places(3)
            >>> times, frequencies[9]
            (('0.025 s', '0.045 s', '0.065 s'), '1033 Hz')
        """
        middles = (np.arange(frames) * self.hop_length + self.win_length / 2) / self.sample_rate
        times = tuple(f"{second:.3f} s" for second in middles.tolist())
        return times, tuple(f"{frequency:.0f} Hz" for frequency in self._edges[1:-1].tolist())

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


def triangles(frequencies: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the weight of each frequency in each band, (K, bands).

    Args:
        frequencies: (K,) in Hz.
        edges: (bands + 2,) ascending, in Hz: a band rises from 0 at one of them to 1 at the next and falls to
            0 at the one after that.

    Example:
        >>> triangles(np.arange(5.0), np.array([0.0, 2.0, 4.0])).ravel().tolist()
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    column = frequencies[:, None]  # (K, 1)
    rise = (column - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - column) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(rise, fall), 0, None)  # (K, bands)


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


# Griffin-Lim: a sound whose spectrogram is close to a given log-mel spectrogram.
#
# A log-mel spectrogram has lost two things. The sums over bands are undone by a non-negative least-squares
# problem: which power spectrum P has the band powers M = P H? The phases are found by alternating
# projections. Any magnitudes with any phases are a matrix of complex numbers, but only few of these matrices
# are the short-time Fourier transform of a sound, because frames overlap. Each round takes the nearest sound
# of the matrix, and of the transform of this sound only the phases::
#
#     magnitudes, phases --nearest sound--> x --transform--> its phases, the given magnitudes --> ...
#
# The distance between the given magnitudes and those of the sound does not increase from round to round. With
# ``momentum``, each round continues the last change, which needs fewer rounds for the same distance but is
# not monotone.
#
# Reference: Griffin and Lim (1984), Signal estimation from modified short-time Fourier transform (IEEE ASSP
# 32); Perraudin, Balazs and Søndergaard (2013), A fast Griffin-Lim algorithm (WASPAA); Lee and Seung (2001),
# Algorithms for non-negative matrix factorization (NeurIPS), for the multiplicative updates.

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


# How a network of sounds reads a recording: sample rate, spectrogram and length, stored with the model.
#
# A model is trained on spectrograms of one shape. A ``SoundInput`` converts any recording to this shape, so
# that ``chainrule predict RUN FILE`` reads sounds as the training did.

MAX_SECONDS = 600.0
LIMITS = {"sample_rate": 1_000_000, "win_length": 65_536, "hop_length": 65_536, "n_mels": 1024}


@frozen
class SoundInput:
    """A recording as a log-mel spectrogram of fixed length.

    Args:
        spectrogram: computes the spectrogram and sets the sample rate.
        seconds: length after cutting the end or padding with silence.

    Example:
        >>> reader = SoundInput(LogMel(8000, n_mels=20), 0.5)
        >>> reader(np.sin(np.arange(3000.0)), "tone").shape
        (23, 20, 1)
    """

    spectrogram: LogMel
    seconds: float

    def __call__(self, samples: np.ndarray | Sound, where: str) -> np.ndarray:
        """Return the spectrogram (frames, bands, 1) of samples (T,), or of a ``Sound``.

        Raises:
            DataError E370: silence. E371: another sample rate. E342: samples that are not finite.
        """
        if isinstance(samples, Sound):
            if samples.sample_rate != self.spectrogram.sample_rate:
                command = _command(where, self.spectrogram.sample_rate)
                expected = fact("{rate} samples a second", rate=self.spectrogram.sample_rate)
                received = fact("{rate} samples a second", rate=samples.sample_rate)
                fix = fact("resample the file: {command}", command=command)
                raise DataError("E371", where=where, expected=expected, received=received, fix=fix)
            samples = samples.mono
        if not np.any(samples):
            raise DataError("E370", where=where, expected=fact("a sound"), received=fact("silence"))
        length = round(self.seconds * self.spectrogram.sample_rate)
        wave = np.pad(samples[:length], (0, max(0, length - len(samples))))
        return self.spectrogram(wave)[..., None]  # (T,) -> (frames, bands, 1)

    def to_record(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        own = {field.name: getattr(self.spectrogram, field.name) for field in fields(LogMel)}
        return {**own, "seconds": self.seconds}

    @staticmethod
    def from_record(record: object) -> SoundInput | None:
        """Return the input of a record; ``None`` if it is not valid.

        Args:
            record: what a model file has.
        """
        names = {field.name for field in fields(LogMel)} | {"seconds"}
        if not isinstance(record, Mapping) or set(record) != names:
            return None
        settings = {name: value for name, value in record.items() if name != "seconds"}
        seconds = record["seconds"]
        if not isinstance(seconds, int | float) or not 0 < seconds <= MAX_SECONDS:
            return None
        if any(type(settings[name]) is not int or settings[name] > limit for name, limit in LIMITS.items()):
            return None
        try:
            return SoundInput(LogMel(**settings), float(seconds))
        except (UsageError, TypeError, ValueError, OverflowError):
            return None


def _command(file: str, rate: int) -> str:
    """Return the command that resamples a file.

    Example:
        >>> _command("my voice.m4a", 8000)
        "ffmpeg -i 'my voice.m4a' -ar 8000 'my voice-8000.wav'"
    """
    target = Path(file).with_name(f"{Path(file).stem}-{rate}.wav")
    return shlex.join(["ffmpeg", "-i", file, "-ar", str(rate), str(target)])
