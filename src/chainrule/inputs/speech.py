"""Texts for a model that speaks: each line of a text file becomes a WAV file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from chainrule.data import Table
from chainrule.data.readers.audio import encode_wave
from chainrule.data.readers.data_folder import open_plain
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import DataError, UsageError, fact
from chainrule.escaping import quoted
from chainrule.generation.text_to_speech import SpeechOutput, padded_rows
from chainrule.inputs.kind import InputKind, InputRows, Output, described
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.store import atomic_write
from chainrule.symbolic_shape import bound

SUFFIX, TEXT = ".txt", "text"  # of a file, and the column of its lines
MAX_BYTES, MAX_LINES = 1_000_000, 1000  # of a file
INPUTS, OUTPUTS = {"phonemes", "durations"}, {"spectrogram", "log_durations"}


@frozen(eq=False)
class SpokenTexts:
    """Texts for a model that speaks.

    Args:
        output: how the model reads texts.
        size: the number of phonemes and of frames of a row of the model.
        texts: the lines that are not empty.
        phonemes: the numbers of the phonemes of each.
    """

    output: SpeechOutput
    size: tuple[int, int]
    texts: tuple[str, ...]
    phonemes: tuple[np.ndarray, ...]

    def inputs(self, model: Model) -> dict[str, np.ndarray]:
        """Return the inputs of the model for the beginning of each text, with the predicted durations."""
        parts = []
        for phonemes in self.phonemes:
            durations = self.output.durations_of(model, phonemes, self.size)
            rows = self.output.rows_of(phonemes, durations, self.size)[:1]
            parts.append(padded_rows(phonemes, durations, rows, self.size[0]))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def take(self, index: np.ndarray) -> SpokenTexts:
        """Return the texts in ``index``, in that order."""
        texts, phonemes = ((*(part[i] for i in index),) for part in (self.texts, self.phonemes))
        return replace(self, texts=texts, phonemes=phonemes)


@frozen
class SpeechKind(InputKind):
    """Texts to speak.

    Args:
        speech: how texts are read and sounds are written.
    """

    name = "speech"
    needs_targets = True
    keeps_columns = False
    speech: SpeechOutput

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model that stores how it speaks and predicts spectrograms."""
        speech, network = SpeechOutput.from_record(model.facts.get("speech")), model.network
        if speech is None or network is None or set(network.inputs) != INPUTS:
            return None
        outputs = network.inference.outputs
        if set(outputs) != OUTPUTS or outputs["spectrogram"].shape[2:] != (speech.spectrogram.n_mels,):
            return None
        return cls(speech)

    def open(self, model: Model, data: str, reading: ReadOptions) -> Table | None:
        """Return the lines of a file that are not empty.

        Raises:
            DataError: E301 no such file; E303 no text; E307 not UTF-8; E308 too large.
        """
        if model.network is None or not data.lower().endswith(SUFFIX):
            return None
        numbers, texts = zip(*_lines(data), strict=True)
        return Table(pl.DataFrame({TEXT: texts}), data, lines=np.array(numbers))

    def text_columns(self, model: Model) -> tuple[str, ...]:
        """Return the column of the texts to speak."""
        return (TEXT,)

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return the phonemes of the lines.

        Raises:
            DataError: E350 the extra is missing; E364, E365, E368 a line that cannot be spoken: the message
                has its number.
        """
        network = model.network
        assert network is not None
        count = bound(network.inputs["phonemes"].shape[1:])[0]
        frames = bound(network.inference.outputs["spectrogram"].shape[1:])[0]
        texts = tuple(table.frame[TEXT])
        phonemes = tuple(self.speech.phonemes(text, table.place(row)) for row, text in enumerate(texts))
        spoken = SpokenTexts(self.speech, (count, frames), texts, phonemes)
        return InputRows(self, spoken.inputs(model), None, table.rows, table, spoken)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return what the model reads."""
        return fact("a .txt file: one text in each line"), ""

    def without_targets(self, rows: InputRows, run: str, data: str) -> UsageError:
        """Return the error for texts where targets are needed."""
        expected = fact("an .npz file with inputs and targets: a text has no spectrogram to compare with")
        fix = f"chainrule predict {quoted(run)} {quoted(data)} --out {quoted(speech_folder(data))}"
        return UsageError("E607", where=data, expected=expected, received=described(data), fix=fix)

    @property
    def facts(self) -> dict[str, Any]:
        """How texts are read and sounds are written."""
        return {"speech": self.speech.to_record()}

    def options(self) -> str:
        """Return the options that apply."""
        return fact("images and sounds: --out, --raw")

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output:
        """Write a WAV file for each text; return the texts with their files and seconds."""
        assert rows.cells is not None
        return spoken_output(model, rows.parts, out or speech_folder(rows.cells.source))


def _lines(data: str) -> list[tuple[int, str]]:
    """Return the numbers and texts of the lines that are not empty."""
    if not os.path.isfile(data):
        received = fact("a folder") if os.path.isdir(data) else fact("no such file")
        raise DataError("E301", where=data, expected=fact("a file of text"), received=received)
    with open_plain(Path(data)) as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        expected = fact("at most {limit:,} bytes", limit=MAX_BYTES)
        raise DataError("E308", where=data, expected=expected, received=fact("more"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        where = fact("{file} line {line}", file=data, line=line)
        received = fact("byte {byte}", byte=f"0x{content[error.start]:02x}")
        raise DataError("E307", where=where, expected="UTF-8", received=received) from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise DataError("E303", where=data, expected=fact("a line of text"), received=fact("none"))
    if len(lines) > MAX_LINES:
        expected = fact("at most {limit:,} lines", limit=MAX_LINES)
        raise DataError("E308", where=data, expected=expected, received=f"{len(lines):,}")
    return lines


def speech_folder(data: str) -> str:
    """Return the folder of the sounds of a text file, or of ``--text``, unless another one is given.

    Example:
        >>> speech_folder("letters/today.txt")
        'today-speech'
    """
    return f"{Path(data).stem.lstrip('-')}-speech"


def spoken_output(model: Model, spoken: SpokenTexts, folder: str) -> Output:
    """Write a WAV file for each text into a folder; return the texts with their files and seconds.

    Raises:
        FileError: the folder or a file cannot be written.
    """
    place = atomic_write.make_folder(folder)
    rate = spoken.output.spectrogram.sample_rate
    width = len(str(len(spoken.texts)))
    files, seconds = [], []
    for number, phonemes in enumerate(spoken.phonemes, 1):
        sound = spoken.output.sound_of(spoken.output.spectrogram_of(model, phonemes, spoken.size))
        files.append(str(place / f"{number:0{width}}.wav"))
        atomic_write.write(files[-1], encode_wave(sound, rate))
        seconds.append(round(len(sound) / rate, 3))
    frame = pl.DataFrame({"text": list(spoken.texts), "file": files, "seconds": seconds})
    return Output(frame, notice=fact("{count} sound files in {folder}", count=len(files), folder=folder))
