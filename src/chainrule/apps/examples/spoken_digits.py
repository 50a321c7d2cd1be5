"""FSDD: 3,000 recordings of the digits 0 to 9 by six people, as log-mel spectrograms.

Recordings 0 to 4 of each speaker and digit are the official test set, 5 to 9 are for validation. The test
speakers are therefore known; leaving one speaker out measures how well a stranger is understood.
"""

from __future__ import annotations

import io
import re
import wave
from typing import NamedTuple

import numpy as np

from chainrule.data.datasets import open_dataset
from chainrule.data.datasets.archive import Archive
from chainrule.data.sequences.sound_input import SoundInput
from chainrule.data.sequences.spectrogram import LogMel
from chainrule.errors import DataError, fact

RATE = 8000
READER = SoundInput(LogMel(RATE, win_length=256, hop_length=80, n_mels=32, f_min=60.0, floor=1e-5), 0.8)
NAME = re.compile(r"recordings/(\d)_([a-z]+)_(\d+)\.wav")


class Digits(NamedTuple):
    """Spectrograms with digits.

    Args:
        x: (N, frames, bands, 1) spectrograms.
        y: (N,) digits, as texts.
        speakers: (N,) names.
        numbers: (N,) numbers of the recordings of a speaker and digit.
    """

    x: np.ndarray
    y: np.ndarray
    speakers: np.ndarray
    numbers: np.ndarray

    def where(self, rows: np.ndarray) -> Digits:
        """The rows for which ``rows`` is true."""
        return Digits(*(array[rows] for array in self))

    def split(self) -> tuple[Digits, Digits, Digits]:
        """Training, validation and test recordings by the number of the recording."""
        is_test, is_validation = self.numbers < 5, (self.numbers >= 5) & (self.numbers < 10)
        return self.where(~is_test & ~is_validation), self.where(is_validation), self.where(is_test)


def read_digits(data: str) -> Digits:
    """Read the recordings.

    Args:
        data: archive or folder; empty: a copy is looked for or downloaded.

    Raises:
        DataError: as ``open_dataset``; E370 a damaged or silent recording; E371 another sample rate.
    """
    archive = open_dataset("spoken-digits", data)
    names = [name for name in archive.names("recordings/*.wav") if NAME.fullmatch(name)]
    if not names:
        raise DataError(
            "E370",
            where=str(archive.path),
            expected="recordings/7_george_0.wav",
            received=fact("no such file"),
        )
    parts = [NAME.fullmatch(name).groups() for name in names]  # type: ignore[union-attr]  # matched above
    x = np.stack([READER(read_wave(archive, name), f"{archive.path}/{name}") for name in names])
    digits, speakers, numbers = zip(*parts, strict=True)
    return Digits(x, np.array(digits), np.array(speakers), np.array(numbers, np.int64))


def read_wave(archive: Archive, name: str) -> np.ndarray:
    """The samples (T,), between -1 and 1, of a WAV file of 16 bits and one channel.

    Raises:
        DataError E370: it is damaged, or has another format. E371: another sample rate.
    """
    where = f"{archive.path}/{name}"
    try:
        with wave.open(io.BytesIO(archive.read(name))) as sound:
            kind = sound.getsampwidth(), sound.getnchannels()
            per_second, content = sound.getframerate(), sound.readframes(sound.getnframes())
    except (wave.Error, EOFError, ValueError) as error:
        raise DataError(
            "E370", where=where, expected=fact("a sound file"), received=str(error)[:80]
        ) from error
    if kind != (2, 1) or len(content) < 2:
        received = fact("{bytes} bytes a sample, {channels} channels", bytes=kind[0], channels=kind[1])
        raise DataError("E370", where=where, expected=fact("16 bits, 1 channel"), received=received)
    if per_second != RATE:
        expected, received = (fact("{rate} samples a second", rate=value) for value in (RATE, per_second))
        raise DataError("E371", where=where, expected=expected, received=received)
    return np.frombuffer(content[: len(content) // 2 * 2], "<i2").astype(np.float32) / 32768
