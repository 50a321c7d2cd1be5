"""WAV files of one channel with 16 bits a sample, by the standard library: no package for audio is needed."""

from __future__ import annotations

import io
import wave

import numpy as np

from chainrule.errors import DataError, fact, message_of

SCALE = 32768  # of 16 bits


def decode_wave(content: bytes, where: str, sample_rate: int) -> np.ndarray:
    """Return the samples (T,), between -1 and 1, float32 (E370: damaged; E371: other ``sample_rate``)."""
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
