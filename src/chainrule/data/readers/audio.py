"""Sound files as arrays: samples between -1 and 1, one row for each moment, one column for each channel.

A network that learned from 16,000 samples a second hears everything an octave too high in a file of 8,000. So
whoever reads says which rate is wanted: another one is refused, or resampled when that is asked for.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import IO

import numpy as np
from scipy.signal import resample_poly

from chainrule.data.readers.optional_dependency import missing
from chainrule.data.readers.safe_folder import open_inside, open_plain
from chainrule.errors import DataError, UsageError
from chainrule.records import frozen

FORMATS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3")
BEGINNINGS = (b"RIFF", b"RIFX", b"RF64", b"riff", b".snd", b"dns.", b"caff", b"fLaC", b"OggS", b"ID3")
FREE, SWELL = 2**29, 200  # bytes that samples may take in any case, and times the bytes of the file


@frozen(eq=False)
class Sound:
    """A recording.

    Args:
        samples: (T, C) float32.
        sample_rate: samples for each second.
        source: a name for messages.
    """

    samples: np.ndarray
    sample_rate: int
    source: str = "sound"

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    @property
    def mono(self) -> np.ndarray:
        """The mean of the channels, (T,)."""
        return self.samples.mean(axis=1)  # (T, C) -> (T,)


def read_sound(
    path: str | os.PathLike[str], sample_rate: int | None = None, *, resample: bool = False
) -> Sound:
    """Read a sound file: WAV (also RF64, W64), AIFF, AU, CAF, FLAC, OGG or MP3.

    Args:
        path: the file.
        sample_rate: the samples for each second that are wanted; by default whatever the file has.
        resample: bring a file of another rate to the one that is wanted, instead of refusing it.

    Raises:
        DataError E301: no such file; E350: soundfile is not installed; E370: no sound in it, or damaged;
        E371: another rate than is wanted.
        UsageError E102: a rate below 1.

    Example:
        >>> import soundfile
        >>> soundfile.write("tone.wav", np.zeros((800, 2)), 8000)
        >>> sound = read_sound("tone.wav")
        >>> sound.samples.shape, sound.sample_rate, sound.seconds
        ((800, 2), 8000, 0.1)
    """
    if sample_rate is not None:
        _check_rate("read_sound", "sample_rate", sample_rate)
    file = Path(path)
    if not os.path.isfile(file):
        received = "a folder" if os.path.isdir(file) else "no such file"
        raise DataError("E301", where=str(path), expected="a sound file", received=received)
    try:
        with open_plain(file) as stream:
            samples, found = _decode(stream, file)
    except OSError as cause:
        received = cause.strerror or str(cause)
        raise DataError("E370", where=str(file), expected="a sound file", received=received) from cause
    return of_rate(Sound(samples, found, file.name), sample_rate, resample, str(path))


def of_rate(sound: Sound, rate: int | None, resample: bool, where: str) -> Sound:
    """The sound at a rate that is wanted.

    Raises:
        DataError E371: it has another, and ``resample`` is false.
    """
    found = sound.sample_rate
    if rate is None or rate == found:
        return sound
    if not resample:
        raise DataError(
            "E371", where=where, expected=f"{rate} samples a second",
            received=f"{found} samples a second",
            fix=f'read_sound("{sound.source}", sample_rate={rate}, resample=True)',
        )  # fmt: skip
    return Sound(resampled(sound.samples, found, rate), rate, sound.source)


def decode_inside(file: Path, root: Path) -> Sound:
    """A sound file below a folder; a link that leads out of the folder is refused.

    Raises:
        DataError E350, E370: see ``read_sound``.
    """
    try:
        with open_inside(file, root) as stream:
            samples, rate = _decode(stream, file)
    except (OSError, ValueError) as cause:
        if isinstance(cause, DataError):
            raise
        raise DataError(
            "E370", where=str(file), expected="a sound file", received=str(cause)[:120]
        ) from cause
    return Sound(samples, rate, file.name)


def _is_known(begin: bytes) -> bool:
    """Whether a file begins as one of the formats of ``FORMATS`` does."""
    if begin[:4] == b"FORM":
        return begin[8:12] in (b"AIFF", b"AIFC")
    is_frame = begin[:1] == b"\xff" and begin[1:2] >= b"\xe0"  # of MP3
    return begin.startswith(BEGINNINGS) or is_frame


def _decode(stream: IO[bytes], file: Path) -> tuple[np.ndarray, int]:
    """The samples and the rate of an open file.

    libsndfile guesses the format, and knows two dozen that hardly anybody uses. So the first bytes have to be
    those of a known one, and it has to come to the same opinion.
    """
    try:
        import soundfile  # noqa: PLC0415 an optional library
    except ImportError as cause:
        raise missing("audio", file) from cause
    try:
        if not _is_known(stream.read(12)):
            raise ValueError("a file of another format")
        os.lseek(stream.fileno(), 0, os.SEEK_SET)  # the library reads from the descriptor
        with soundfile.SoundFile(stream.fileno(), closefd=False) as sound:
            if sound.format not in FORMATS:
                raise ValueError(f"a file of the format {sound.format}")
            size, packed = 4 * sound.frames * sound.channels, os.fstat(stream.fileno()).st_size
            if size > max(FREE, SWELL * packed):
                raise ValueError(f"{size:,} bytes of samples from {packed:,} bytes")
            samples, rate = sound.read(dtype="float32", always_2d=True), sound.samplerate  # (T, C)
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError, MemoryError) as cause:
        received = (str(cause).strip().splitlines() or [type(cause).__name__])[0][:120]
        raise DataError("E370", where=str(file), expected="a sound file", received=received) from cause
    if not len(samples) or not np.isfinite(samples).all():
        received = "numbers that are not finite" if len(samples) else "0 samples"
        raise DataError("E370", where=str(file), expected="at least one sample", received=received)
    return samples, int(rate)


def resampled(samples: np.ndarray, sample_rate: int, target_sample_rate: int) -> np.ndarray:
    """The same sound at another rate.

    Between the samples a band-limited curve is laid, and read off at the new moments; what is too high for
    the new rate is taken out first, so that it does not come back as a false low tone.

    Args:
        samples: (T, ...).
        sample_rate, target_sample_rate: samples for each second before and after.

    Returns:
        (T target_sample_rate / sample_rate, rounded up, ...) of the same dtype.

    Raises:
        UsageError E102: a rate below 1.

    Example:
        >>> resampled(np.ones(100, np.float32), 8000, 4000).shape
        (50,)
    """
    _check_rate("resampled", "sample_rate", sample_rate)
    _check_rate("resampled", "target_sample_rate", target_sample_rate)
    shared = math.gcd(sample_rate, target_sample_rate)
    return resample_poly(samples, target_sample_rate // shared, sample_rate // shared, axis=0).astype(
        samples.dtype
    )


def _check_rate(where: str, name: str, rate: object) -> None:
    if type(rate) is not int or not 1 <= rate <= 10_000_000:
        raise UsageError(
            "E102", where=where, name=name, expected="an integer, 1 to 10000000",
            received=repr(rate)[:80], fix=f"{name}=16000",
        )  # fmt: skip
