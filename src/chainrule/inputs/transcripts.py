"""Speech that a network of CTC transcribes: sounds, or their cepstra."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Self

import numpy as np

from chainrule.data import Table
from chainrule.data.readers.audio import read_sound
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.sequences.cepstra import SAMPLE_RATE, SpeechInput
from chainrule.errors import fact
from chainrule.escaping import quoted
from chainrule.generation.ctc_beam_search import search_ctc
from chainrule.generation.word_bigram import WordBigram, WordPrior
from chainrule.inputs.arrays import input_names, read_arrays
from chainrule.inputs.kind import Evaluation, InputKind, InputRows, Output, refuse_metrics
from chainrule.inputs.sounds import files_in, resampling, sound_table
from chainrule.metrics.transcripts import error_rates
from chainrule.model import Model
from chainrule.nn.loss.ctc import CTC
from chainrule.records import frozen

FACT = "transcripts"
BEAM_WIDTH, MIN_LOG_P = 8, -7.0  # of the search with a language model
MAX_PAIRS, MAX_FRAMES = 1_000_000, 1 << 16
CERTAIN = 0.95  # probability of a blank


@frozen
class TranscriptKind(InputKind):
    """Recordings, or rows (N, T, C) of an ``.npz`` file with the features of speech, transcribed as texts.

    Frames of zeros at the end of a row are padding and not transcribed.

    Args:
        symbols: the character of each label of a transcript; the label 0 is no character.
        stride: frames of the input for one of the output.
        pairs: how often a word follows another one in the training texts (``WordBigram.pairs``); empty: the
            transcript is that of the most probable path.
        weight, bonus: of the word bigram, see ``WordPrior``.
        frames: of 10 ms, of a recording that ``SpeechInput`` reads; 0: only arrays are read.
        level: a recording whose confidence is smaller is not transcribed; see ``confidence``.
    """

    name = "transcripts"
    names_unlike = False
    symbols: str
    stride: int = 1
    pairs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    weight: float = 0.0
    bonus: float = 0.0
    frames: int = 0
    level: float = 0.0

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the symbols and the search in the facts of a model."""
        symbols, search = model.facts.get("symbols"), model.facts.get(FACT, {})
        if not isinstance(symbols, str) or not isinstance(search, dict):
            return None
        stride, rows, frames = search.get("stride", 1), search.get("pairs", []), search.get("frames", 0)
        factors = {name: search.get(name, 0.0) for name in ("weight", "bonus", "level")}
        is_valid = type(stride) is int and stride > 0 and isinstance(rows, list) and len(rows) <= MAX_PAIRS
        is_valid = is_valid and all(map(_is_pair, rows)) and type(frames) is int and 0 <= frames <= MAX_FRAMES
        if not is_valid or not all(isinstance(f, int | float) for f in factors.values()):
            return None
        numbers = {name: float(f) for name, f in factors.items()}
        return cls(symbols, stride, {(a, b): n for a, b, n in rows}, frames=frames, **numbers)

    def read(
        self, model: Model, data: str, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read sounds, or an ``.npz`` file; see ``read_arrays``."""
        return super().read(model, data, reading) or read_arrays(self, model, data)

    def open(self, model: Model, data: str, reading: ReadOptions) -> Table | None:
        """Return the names of a sound file or of all files of a folder."""
        return sound_table(data) if self.frames else None

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return the normalized cepstra of the sounds; those of another sample rate are resampled.

        Raises:
            DataError: as ``read_sound`` and ``SpeechInput``.
        """
        files, reader = files_in(table), SpeechInput(self.frames)
        sounds = [read_sound(file) for file in files]
        x = np.stack([reader(sound, str(file)) for sound, file in zip(sounds, files, strict=True)])
        notices = resampling(sounds, SAMPLE_RATE)
        return InputRows(self, {input_names(model)[0]: x}, None, table.rows, table, notices=notices)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the names of the inputs, and the command on the rows that the run saved."""
        names = ", ".join(input_names(model) or ("x",))
        fix = f"chainrule predict {quoted(run)} {quoted(os.path.join(run, 'test.npz'))}"
        if self.frames:
            return fact("a sound file or a folder of sounds"), f"chainrule predict {quoted(run)} FOLDER"
        return fact("an .npz file with {names}: cepstra, not sounds", names=names), fix

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return where transcripts are read: in the rows that a run saved."""
        return fact("the rows of an .npz file, such as test.npz of the RUN, have transcripts")

    @property
    def facts(self) -> dict[str, Any]:
        """The symbols and the search."""
        rows = [[before, word, count] for (before, word), count in self.pairs.items()]
        names = "stride", "weight", "bonus", "frames", "level"
        search = {"pairs": rows, **{name: getattr(self, name) for name in names}}
        return {"symbols": self.symbols, FACT: search}

    def options(self) -> str:
        """Return the options that apply."""
        return fact("transcripts: --out, --raw")

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output:
        """Return the transcript of each row, empty where it is unlike those of the training.

        Sounds have their confidence beside it, and no transcript where that is below ``level``, either.
        """
        texts = np.array(self.transcribe(model, rows.x), object)
        texts[self.unlike(model, rows.x)] = ""
        if rows.cells is None:
            return Output({"prediction": texts}, out)
        confidence = self.confidence(model, rows.x)
        is_unlike = confidence < self.level
        texts[is_unlike] = ""
        notice = fact(
            "no prediction for {count} of {rows} recordings: unlike the training, with a confidence below "
            "{level}, as 1 % of the validation utterances have",
            count=int(is_unlike.sum()),
            rows=rows.count,
            level=f"{self.level:.3g}",
        )
        columns = {"prediction": texts, "confidence": confidence}
        return Output(columns, out, is_by_row=True, notice=notice if is_unlike.any() else "")

    def evaluation(self, model: Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation | None:
        """Return the word and the character error rate; ``None`` without targets of ``cr.CTC``.

        Raises:
            UsageError E601: ``metrics`` are requested.
        """
        loss = model.state.recipe.loss
        if not isinstance(loss, CTC) or rows.y is None or np.ndim(rows.y) != 2:
            return None
        refuse_metrics(metrics, "WER, CER")
        references = [self.spell(row) for row in rows.y[:, int(loss.time_major) :]]
        rates = error_rates(references, self.transcribe(model, rows.x))
        return Evaluation({name: score.value for name, score in rates.items()})

    def spell(self, labels: Sequence[int] | np.ndarray) -> str:
        """Return the text of labels, without the label 0."""
        return " ".join(
            "".join(self.symbols[label] for label in labels if 0 < label < len(self.symbols)).split()
        )

    def transcribe(self, model: Model, x: Mapping[str, np.ndarray] | np.ndarray) -> list[str]:
        """Return the transcript of each row, as ``chainrule predict`` writes it.

        Args:
            model: scores of symbols, (N, T', K).
            x: (N, T, C), also by input name.
        """
        texts, prior = [], WordPrior(WordBigram(self.pairs), self.symbols, self.weight, self.bonus)
        for frames in self._log_probabilities(model, x):
            if self.pairs:
                best = search_ctc(frames, BEAM_WIDTH, 0, prior, MIN_LOG_P)
                texts.append(self.spell(best[0].labels) if best else "")
            else:
                path = frames.argmax(axis=1)
                texts.append(self.spell(path[np.flatnonzero(np.diff(path, prepend=0))]))
        return texts

    def confidence(self, model: Model, x: Mapping[str, np.ndarray] | np.ndarray) -> np.ndarray:
        """Return how certain the network is of each row, from 0 to 1, (N,) float32.

        It is the geometric mean over the frames of the probability of the most probable symbol, without the
        frames that are blank with near certainty.

        Args:
            model, x: as for ``transcribe``.
        """
        means = []
        for frames in self._log_probabilities(model, x):
            best = frames.max(axis=1)[frames[:, 0] < np.log(CERTAIN)]
            means.append(np.exp(best.mean()) if len(best) else 0.0)
        return np.array(means, np.float32)

    def _log_probabilities(
        self, model: Model, x: Mapping[str, np.ndarray] | np.ndarray
    ) -> Iterator[np.ndarray]:
        """Yield the log probabilities of each row without its padding, (T', K)."""
        rows = next(iter(x.values())) if isinstance(x, Mapping) else x
        scores = np.asarray(model(x), np.float64)
        scores -= scores.max(axis=-1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        for own, sound in zip(log_p, rows, strict=True):
            yield own[: -(-_length(sound) // self.stride)]


def _length(sound: np.ndarray) -> int:
    """Return the number of frames of a row (T, ...) up to the last that is not zero."""
    filled = np.flatnonzero(np.reshape(sound, (len(sound), -1)).any(axis=1))
    return int(filled[-1]) + 1 if len(filled) else 0


def _is_pair(row: object) -> bool:
    return (
        isinstance(row, list)
        and len(row) == 3
        and all(isinstance(word, str) for word in row[:2])
        and type(row[2]) is int
        and row[2] > 0
    )
