"""How a network of sounds reads a recording: sample rate, spectrogram and length, stored with the model.

A model is trained on spectrograms of one shape. A ``SoundInput`` converts any recording to this shape, so
that ``chainrule predict RUN FILE`` reads sounds as the training did.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.readers.audio import Sound
from chainrule.data.sequences.spectrogram import LogMel
from chainrule.errors import DataError, UsageError, fact
from chainrule.records import frozen

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
        """Return the input of a record; ``None`` if it is not valid."""
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
