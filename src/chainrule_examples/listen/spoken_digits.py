"""FSDD: 3,000 recordings of the digits 0 to 9 by six people, as log-mel spectrograms.

Recordings 0 to 4 of each speaker and digit are the official test set, 5 to 9 are for validation. The test
speakers are therefore known; leaving one speaker out measures how well a stranger is understood.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from chainrule import LogMel
from chainrule.data.datasets import open_dataset
from chainrule.data.readers.wave_files import decode_wave
from chainrule.data.sequences.sound_input import SoundInput
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
        expected = "recordings/7_george_0.wav"
        raise DataError("E370", where=str(archive.path), expected=expected, received=fact("no such file"))
    parts = [NAME.fullmatch(name).groups() for name in names]  # type: ignore[union-attr]  # matched above
    places = [f"{archive.path}/{name}" for name in names]
    sounds = (decode_wave(archive.read(n), place, RATE) for n, place in zip(names, places, strict=True))
    x = np.stack([READER(sound, place) for sound, place in zip(sounds, places, strict=True)])
    digits, speakers, numbers = zip(*parts, strict=True)
    return Digits(x, np.array(digits), np.array(speakers), np.array(numbers, np.int64))
