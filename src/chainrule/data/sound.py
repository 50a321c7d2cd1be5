"""Sound files as arrays: samples between -1 and 1, one row for each moment, one column for each channel.

A network that learned from 16,000 samples a second hears everything an octave too high in a file of 8,000. So
whoever reads says which rate is wanted: another one is refused, or resampled when that is asked for.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from chainrule.data.extra import missing
from chainrule.errors import DataError, UsageError
from chainrule.frozen import frozen


@frozen(eq=False)
class Sound:
    """A recording.

    Args:
        samples: (T, C) float32.
        rate: samples for each second.
        source: a name for messages.
    """

    samples: np.ndarray
    rate: int
    source: str = "sound"

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @property
    def mono(self) -> np.ndarray:
        """The mean of the channels, (T,)."""
        return self.samples.mean(axis=1)  # (T, C) -> (T,)


def read_sound(path: str | os.PathLike[str], rate: int | None = None, *, resample: bool = False) -> Sound:
    """Read a sound file: WAV, FLAC, OGG, and what else libsndfile knows.

    Args:
        path: the file.
        rate: the samples for each second that are wanted; by default whatever the file has.
        resample: bring a file of another rate to the one that is wanted, instead of refusing it.

    Fails:
        DataError E301: no such file; E350: soundfile is not installed; E370: no sound in it, or damaged;
        E371: another rate than is wanted.
        UsageError E102: a rate below 1.

    Example:
        >>> import soundfile
        >>> soundfile.write("tone.wav", np.zeros((800, 2)), 8000)
        >>> sound = read_sound("tone.wav")
        >>> sound.samples.shape, sound.rate, sound.seconds
        ((800, 2), 8000, 0.1)
    """
    if rate is not None:
        _check_rate("read_sound", "rate", rate)
    file = Path(path)
    if not file.is_file():
        received = "a folder" if file.is_dir() else "no such file"
        raise DataError("E301", where=str(path), expected="a sound file", received=received)
    samples, found = _decode(file)
    if rate is None or rate == found:
        return Sound(samples, found, file.name)
    if not resample:
        raise DataError(
            "E371", where=str(path), expected=f"{rate} samples a second",
            received=f"{found} samples a second",
            fix=f'read_sound("{file.name}", rate={rate}, resample=True)',
        )  # fmt: skip
    return Sound(resampled(samples, found, rate), rate, file.name)


def _decode(file: Path) -> tuple[np.ndarray, int]:
    try:
        import soundfile  # noqa: PLC0415 an optional library
    except ImportError as cause:
        raise missing("audio", file) from cause
    try:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)  # (T, C)
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError) as cause:
        received = str(cause).strip().splitlines()[0][:120]
        raise DataError("E370", where=str(file), expected="a sound file", received=received) from cause
    if not len(samples) or not np.isfinite(samples).all():
        received = "numbers that are not finite" if len(samples) else "0 samples"
        raise DataError("E370", where=str(file), expected="at least one sample", received=received)
    return samples, int(rate)


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The same sound at another rate.

    Between the samples a band-limited curve is laid, and read off at the new moments; what is too high for
    the new rate is taken out first, so that it does not come back as a false low tone.

    Args:
        samples: (T, ...).
        rate, wanted: samples for each second, now and then.

    Returns:
        (T wanted / rate, rounded up, ...) of the same number kind.

    Fails:
        UsageError E102: a rate below 1.

    Example:
        >>> resampled(np.ones(100, np.float32), 8000, 4000).shape
        (50,)
    """
    _check_rate("resampled", "rate", rate)
    _check_rate("resampled", "wanted", wanted)
    shared = math.gcd(rate, wanted)
    return resample_poly(samples, wanted // shared, rate // shared, axis=0).astype(samples.dtype)


def _check_rate(where: str, name: str, rate: object) -> None:
    if type(rate) is not int or not 1 <= rate <= 10_000_000:
        raise UsageError(
            "E102", where=where, name=name, expected="a whole number, 1 to 10000000",
            received=repr(rate)[:80], fix=f"{name}=16000",
        )  # fmt: skip
