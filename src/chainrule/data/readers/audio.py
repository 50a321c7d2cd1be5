"""Read sound files as arrays of samples between -1 and 1, and write WAV files."""

from __future__ import annotations

import io
import math
import os
import wave
from pathlib import Path
from typing import IO

import numpy as np

from chainrule.data.readers.data_folder import open_inside, open_plain
from chainrule.data.readers.decoder_messages import quiet_sounds
from chainrule.errors import DataError, fact, message_of
from chainrule.optional_dependency import missing
from chainrule.records import frozen
from chainrule.validation import out_of_range

# WAV files of one channel with 16 bits a sample, by the standard library: no package for audio is needed.

SCALE = 32768  # of 16 bits


def decode_wave(content: bytes, where: str, sample_rate: int) -> np.ndarray:
    """Return the samples (T,), between -1 and 1, float32 (E370: damaged; E371: other ``sample_rate``).

    Args:
        content: the bytes of a WAV file.
        where: its name, for messages.
        sample_rate: samples per second that it must have.
    """
    try:
        with wave.open(io.BytesIO(content)) as sound:
            kind = sound.getsampwidth(), sound.getnchannels()
            per_second, samples = sound.getframerate(), sound.readframes(sound.getnframes())
    except (wave.Error, EOFError, ValueError, RuntimeError, ZeroDivisionError, OSError) as error:
        received = message_of(error, 80) or type(error).__name__
        raise DataError("E370", where=where, expected=fact("a sound file"), received=received) from error
    if kind != (2, 1) or len(samples) < 2:
        received = fact("{bytes} bytes a sample, {channels} channels", bytes=kind[0], channels=kind[1])
        raise DataError("E370", where=where, expected=fact("16 bits, 1 channel"), received=received)
    if per_second != sample_rate:
        expected, received = (fact("{rate} samples a second", rate=n) for n in (sample_rate, per_second))
        raise DataError("E371", where=where, expected=expected, received=received)
    return np.frombuffer(samples[: len(samples) // 2 * 2], "<i2").astype(np.float32) / SCALE


def encode_wave(samples: np.ndarray, sample_rate: int) -> bytes:
    """Return the content of a WAV file; samples beyond -1 and 1 are clipped.

    Args:
        samples: (T,).
        sample_rate: samples per second.

    Example:
        >>> decode_wave(encode_wave(np.array([0.0, 0.5, 2.0]), 8000), "tone", 8000).round(3).tolist()
        [0.0, 0.5, 1.0]
    """
    buffer = io.BytesIO()
    integers = np.clip(np.rint(np.asarray(samples, np.float64) * SCALE), -SCALE, SCALE - 1)
    with wave.open(buffer, "wb") as sound:
        sound.setparams((1, 2, sample_rate, 0, "NONE", ""))
        sound.writeframes(integers.astype("<i2").tobytes())
    return buffer.getvalue()


FORMATS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3")
SIGNATURES = (b"RIFF", b"RIFX", b"RF64", b"riff", b".snd", b"dns.", b"caff", b"fLaC", b"OggS", b"ID3")
FREE, EXPANSION = (
    2**29,
    200,
)  # bytes of samples that are always allowed; beyond them a multiple of the file size


@frozen(eq=False)
class Sound:
    """A recording.

    Args:
        samples: (T, C) float32.
        sample_rate: samples per second.
        source: name in error messages.
    """

    samples: np.ndarray
    sample_rate: int
    source: str = "sound"

    @property
    def seconds(self) -> float:
        """The duration."""
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
        sample_rate: samples per second of the result; by default those of the file.
        resample: resample a file with another rate instead of refusing it.

    Raises:
        DataError E301: no such file; E350: soundfile is not installed; E370: not a sound file, or damaged;
        E371: another sample rate.
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
        received = fact("a folder") if os.path.isdir(file) else fact("no such file")
        raise DataError("E301", where=str(path), expected=fact("a sound file"), received=received)
    try:
        with open_plain(file) as stream:
            samples, rate = _decode(stream, file)
    except OSError as cause:
        received = cause.strerror or str(cause)
        raise DataError("E370", where=str(file), expected=fact("a sound file"), received=received) from cause
    return with_rate(Sound(samples, rate, file.name), sample_rate, resample, str(path))


def with_rate(sound: Sound, rate: int | None, resample: bool, where: str) -> Sound:
    """Return the sound at the sample rate ``rate``; E371 for another one if ``resample`` is false."""
    if rate is None or rate == sound.sample_rate:
        return sound
    if not resample:
        expected = fact("{rate} samples a second", rate=rate)
        received = fact("{rate} samples a second", rate=sound.sample_rate)
        fix = f'read_sound("{sound.source}", sample_rate={rate}, resample=True)'
        raise DataError("E371", where=where, expected=expected, received=received, fix=fix)
    return Sound(resampled(sound.samples, sound.sample_rate, rate), rate, sound.source)


def decode_inside(file: Path, root: Path) -> Sound:
    """Decode a sound file inside a folder, which no link leads out of; errors as ``read_sound``."""
    try:
        with open_inside(file, root) as stream:
            samples, rate = _decode(stream, file)
    except (OSError, ValueError) as cause:
        if isinstance(cause, DataError):
            raise
        raise DataError(
            "E370", where=str(file), expected=fact("a sound file"), received=message_of(cause, 120)
        ) from cause
    return Sound(samples, rate, file.name)


def _has_signature(begin: bytes) -> bool:
    """Return whether the first bytes are those of one of ``FORMATS``."""
    if begin[:4] == b"FORM":
        return begin[8:12] in (b"AIFF", b"AIFC")
    is_frame = begin[:1] == b"\xff" and begin[1:2] >= b"\xe0"  # of MP3
    return begin.startswith(SIGNATURES) or is_frame


def _decode(stream: IO[bytes], file: Path) -> tuple[np.ndarray, int]:
    """Decode the samples and the sample rate of an open file.

    libsndfile guesses the format among two dozen, most of them hardly used. The signature must be that of one
    of ``FORMATS``, and libsndfile must detect one of them too.
    """
    try:
        import soundfile  # noqa: PLC0415 an optional library
    except ImportError as cause:
        raise missing("audio", file) from cause
    try:
        begin = stream.read(12)
        if not _has_signature(begin):
            raise ValueError(fact("a file of another format") if begin else fact("an empty file"))
        os.lseek(stream.fileno(), 0, os.SEEK_SET)  # the library reads from the descriptor
        with quiet_sounds(), soundfile.SoundFile(stream.fileno(), closefd=False) as sound:
            if sound.format not in FORMATS:
                raise ValueError(fact("a file of the format {format}", format=sound.format))
            size, packed = 4 * sound.frames * sound.channels, os.fstat(stream.fileno()).st_size
            if size > max(FREE, EXPANSION * packed):
                raise ValueError(
                    fact("{size:,} bytes of samples from {packed:,} bytes", size=size, packed=packed)
                )
            samples, rate = sound.read(dtype="float32", always_2d=True), sound.samplerate  # (T, C)
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError, MemoryError) as cause:
        text = message_of(cause)
        lines = text.strip().splitlines() or [type(cause).__name__]
        received = text if lines == [text] and len(text) <= 120 else lines[0][:120]
        raise DataError("E370", where=str(file), expected=fact("a sound file"), received=received) from cause
    if not len(samples) or not np.isfinite(samples).all():
        received = fact("numbers that are not finite") if len(samples) else fact("0 samples")
        raise DataError("E370", where=str(file), expected=fact("at least one sample"), received=received)
    return samples, int(rate)


def resampled(samples: np.ndarray, sample_rate: int, target_sample_rate: int) -> np.ndarray:
    """Resample a signal by polyphase filtering.

    The signal is interpolated by a band-limited function; frequencies above half the new rate are filtered
    out first to avoid aliasing.

    Args:
        samples: (T, ...).
        sample_rate, target_sample_rate: samples per second before and after.

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
    from scipy.signal import resample_poly  # noqa: PLC0415  # takes half a second, needed only here

    shared = math.gcd(sample_rate, target_sample_rate)
    return resample_poly(samples, target_sample_rate // shared, sample_rate // shared, axis=0).astype(
        samples.dtype
    )


def _check_rate(where: str, name: str, rate: object) -> None:
    if type(rate) is not int or not 1 <= rate <= 10_000_000:
        raise out_of_range(rate, name, where, fact("an integer, 1 to 10000000"), fix=f"{name}=16000")
