"""Speech from text: how a network of phonemes is given texts, and how its spectrograms become sounds.

A text is pronounced by espeak-ng, which gives phonemes. A network with the inputs ``phonemes`` and
``durations`` and the outputs ``spectrogram`` and ``log_durations`` (``cr.FastSpeech``) is applied twice: for
the durations, then with them. Networks have a fixed number of phonemes and frames, so a long text is cut into
rows, at pauses if possible, and the spectrograms of the rows are joined.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from chainrule.data.sequences.phonemes import PAUSE, VOICES, pronounce
from chainrule.data.sequences.spectrogram_and_griffin_lim import LogMel, griffin_lim
from chainrule.errors import DataError, UsageError, fact
from chainrule.records import frozen

Network = Callable[[dict[str, np.ndarray]], Any]  # the outputs by name
STRESS = "',"
SPOKEN = ("LATIN", "FULLWIDTH LATIN", "GREEK")  # scripts whose letters an English voice pronounces
LIMITS = {"sample_rate": 192_000, "win_length": 65_536, "hop_length": 65_536, "n_mels": 1024}
MAX_SYMBOLS, MAX_SYMBOL = 1000, 16  # number of symbols, characters of one
MAX_FRAMES = 100  # of a phoneme: a second at 100 frames a second


@frozen
class SpeechOutput:
    """How texts become inputs of a network, and its outputs sounds; stored with the model.

    Args:
        symbols: the phonemes that the network was trained on; that of index i has the number i + 1, and 0 is
            padding.
        spectrogram: of the recordings that it was trained on.
        voice: the language of espeak-ng.
    """

    symbols: tuple[str, ...]
    spectrogram: LogMel
    voice: str

    def phonemes(self, text: str, where: str = "text") -> np.ndarray:
        """Return the numbers of the phonemes of a text, (n,), with silence at both ends.

        Raises:
            DataError E350, E364, E368: as ``pronounce``. E365: a letter of another script, which an English
                voice would only call "letter"; a phoneme that the network was not trained on.
        """
        if self.voice.startswith("en"):
            _refuse_other_scripts(text, where)
        return self.numbers((PAUSE, *pronounce(text, self.voice, where).symbols), where)

    def numbers(self, symbols: Sequence[str], where: str) -> np.ndarray:
        """Return the numbers of phonemes, (n,); similar ones stand for unknown ones (E365: none)."""
        known = {symbol: i + 1 for i, symbol in enumerate(self.symbols)}
        return np.array([known[self._similar(symbol, known, where)] for symbol in symbols], np.int64)

    def _similar(self, symbol: str, known: Mapping[str, int], where: str) -> str:
        """Return the phoneme itself, the one of another stress, or the first part of a diphthong."""
        plain = symbol.lstrip(STRESS)
        for length in range(len(plain), 0, -1):
            part = plain[:length]
            for candidate in (symbol, part, f"'{part}", f",{part}"):
                if candidate in known:
                    return candidate
        expected = fact("phonemes of the training texts")
        fix = fact("spell the word in another way")
        raise DataError("E365", where=where, token=symbol, expected=expected, received=symbol, fix=fix)

    def durations_of(self, network: Network, phonemes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Return the durations (n,) that a network predicts, in frames.

        Args:
            network: from inputs to outputs by name.
            phonemes: (n,) numbers.
            size: number of phonemes and of frames of a row.
        """
        durations = np.zeros(len(phonemes))
        rows = self.rows_of(phonemes, durations, size)
        predicted = np.asarray(network(padded_rows(phonemes, durations, rows, size[0]))["log_durations"])
        for row, part in zip(predicted, rows, strict=True):
            frames = np.rint(np.expm1(np.clip(row[: part.stop - part.start], 0, 20)))
            durations[part] = np.minimum(frames, min(MAX_FRAMES, size[1]))
        return durations

    def spectrogram_of(self, network: Network, phonemes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Return the log-mel spectrogram (T, bands) that a network predicts; arguments: ``durations_of``."""
        durations = self.durations_of(network, phonemes, size)
        if durations.sum() == 0:
            durations[0] = 1.0  # a sound has at least a frame
        rows = self.rows_of(phonemes, durations, size)
        spectrograms = network(padded_rows(phonemes, durations, rows, size[0]))["spectrogram"]
        totals = [int(durations[part].sum()) for part in rows]
        return np.concatenate([own[:n] for own, n in zip(np.asarray(spectrograms), totals, strict=True)])

    def rows_of(self, phonemes: np.ndarray, durations: np.ndarray, size: tuple[int, int]) -> list[slice]:
        """Return the rows of a text; see ``phoneme_rows``."""
        return phoneme_rows(durations, phonemes == self.symbols.index(PAUSE) + 1, size)

    def sound_of(self, spectrogram: np.ndarray) -> np.ndarray:
        """Return the samples of a log-mel spectrogram, by Griffin-Lim."""
        return griffin_lim(spectrogram, self.spectrogram)

    def to_record(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        own = {field.name: getattr(self.spectrogram, field.name) for field in fields(LogMel)}
        return {"symbols": list(self.symbols), "spectrogram": own, "voice": self.voice}

    @staticmethod
    def from_record(record: object) -> SpeechOutput | None:
        """Return the settings of a record; ``None`` if it is not valid."""
        if not isinstance(record, Mapping) or set(record) != {"symbols", "spectrogram", "voice"}:
            return None
        symbols, settings, voice = record["symbols"], record["spectrogram"], record["voice"]
        if not isinstance(voice, str) or not VOICES.fullmatch(voice):
            return None
        if not isinstance(symbols, list) or len(symbols) > MAX_SYMBOLS or PAUSE not in symbols:
            return None
        if not all(isinstance(symbol, str) and 0 < len(symbol) <= MAX_SYMBOL for symbol in symbols):
            return None
        spectrogram = _restored(settings)
        return None if spectrogram is None else SpeechOutput(tuple(symbols), spectrogram, voice)


def _restored(settings: object) -> LogMel | None:
    """Return the analysis of a record; ``None`` if it is not valid."""
    if not isinstance(settings, Mapping) or set(settings) != {field.name for field in fields(LogMel)}:
        return None
    if any(type(settings[name]) is not int or settings[name] > limit for name, limit in LIMITS.items()):
        return None
    try:
        return LogMel(**settings)
    except (UsageError, TypeError, ValueError, OverflowError):
        return None


def phoneme_rows(durations: np.ndarray, is_pause: np.ndarray, size: tuple[int, int]) -> list[slice]:
    """Cut a sequence of phonemes into rows that fit, after a pause where there is one.

    Args:
        durations: (n,) frames, none above those of a row.
        is_pause: (n,) whether a phoneme is silence.
        size: largest number of phonemes and of frames of a row.

    Returns:
        the rows in order; together they are all phonemes.

    Example:
        >>> pauses = np.array([True, False, False, True, False, False])
        >>> phoneme_rows(np.full(6, 2.0), pauses, (5, 100))
        [slice(0, 4, None), slice(4, 6, None)]
    """
    count, frames = size
    ends = np.concatenate([[0.0], np.cumsum(durations)])
    rows, start = [], 0
    while start < len(durations):
        fits = int(np.searchsorted(ends, ends[start] + frames, side="right")) - 1
        stop = max(start + 1, min(start + count, fits))
        pauses = np.flatnonzero(is_pause[start + 1 : stop]) + start + 2  # after each pause but the first
        if stop < len(durations) and len(pauses):
            stop = int(pauses[-1])
        rows.append(slice(start, stop))
        start = stop
    return rows


def padded_rows(
    phonemes: np.ndarray, durations: np.ndarray, rows: Sequence[slice], count: int
) -> dict[str, np.ndarray]:
    """Return rows of phonemes and their durations as inputs of the network, (rows, count) each.

    Args:
        phonemes: (n,) numbers.
        durations: (n,) frames.
        rows: parts of them, none longer than ``count``.
        count: number of phonemes of a row.
    """
    x = np.zeros((len(rows), count), np.int64)
    frames = np.zeros((len(rows), count), np.float32)
    for i, part in enumerate(rows):
        x[i, : part.stop - part.start] = phonemes[part]
        frames[i, : part.stop - part.start] = durations[part]
    return {"phonemes": x, "durations": frames}


def _refuse_other_scripts(text: str, where: str) -> None:
    for letter in text:
        if letter.isalpha() and not unicodedata.name(letter, "").startswith(SPOKEN):
            expected, fix = fact("Latin letters"), fact("spell the word in another way")
            raise DataError("E365", where=where, token=letter, expected=expected, received=letter, fix=fix)
