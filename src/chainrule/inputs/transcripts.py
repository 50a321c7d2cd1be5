"""Cepstra of speech, which a network of CTC transcribes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Self

import numpy as np

from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import fact
from chainrule.escaping import quoted
from chainrule.generation.ctc_beam_search import search_ctc
from chainrule.generation.word_bigram import WordBigram, WordPrior
from chainrule.inputs.arrays import input_names, read_arrays
from chainrule.inputs.kind import Evaluation, InputKind, InputRows, Output, refuse_metrics
from chainrule.metrics.transcripts import error_rates
from chainrule.model import Model
from chainrule.nn.loss.ctc import CTC
from chainrule.records import frozen

FACT = "transcripts"
BEAM_WIDTH, MIN_LOG_P = 8, -7.0  # of the search with a language model
MAX_PAIRS = 1_000_000


@frozen
class TranscriptKind(InputKind):
    """Rows (N, T, C) of an ``.npz`` file with the features of speech, whose predictions are texts.

    Frames of zeros at the end of a row are padding and not transcribed.

    Args:
        symbols: the character of each label of a transcript; the label 0 is no character.
        stride: frames of the input for one of the output.
        pairs: how often a word follows another one in the training texts (``WordBigram.pairs``); empty: the
            transcript is that of the most probable path.
        weight, bonus: of the word bigram, see ``WordPrior``.
    """

    name = "transcripts"
    skips_damaged = False
    symbols: str
    stride: int = 1
    pairs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    weight: float = 0.0
    bonus: float = 0.0

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the symbols and the search in the facts of a model."""
        symbols, search = model.facts.get("symbols"), model.facts.get(FACT, {})
        if not isinstance(symbols, str) or not isinstance(search, dict):
            return None
        stride, rows = search.get("stride", 1), search.get("pairs", [])
        factors = [search.get(name, 0.0) for name in ("weight", "bonus")]
        is_valid = type(stride) is int and stride > 0 and isinstance(rows, list) and len(rows) <= MAX_PAIRS
        is_valid = is_valid and all(map(_is_pair, rows)) and all(isinstance(f, int | float) for f in factors)
        return (
            cls(symbols, stride, {(a, b): n for a, b, n in rows}, *map(float, factors)) if is_valid else None
        )

    def read(
        self, model: Model, data: str, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read an ``.npz`` file; see ``read_arrays``."""
        return read_arrays(self, model, data)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the names of the inputs, and the command on the rows that the run saved."""
        names = ", ".join(input_names(model) or ("x",))
        fix = f"chainrule predict {quoted(run)} {quoted(os.path.join(run, 'test.npz'))}"
        return fact("an .npz file with {names}: cepstra, not sounds", names=names), fix

    @property
    def facts(self) -> dict[str, Any]:
        """The symbols and the search."""
        rows = [[before, word, count] for (before, word), count in self.pairs.items()]
        search = {"stride": self.stride, "pairs": rows, "weight": self.weight, "bonus": self.bonus}
        return {"symbols": self.symbols, FACT: search}

    def options(self) -> str:
        """Return the options that apply."""
        return fact("transcripts: --out, --raw")

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output:
        """Return the transcript of each row."""
        return Output({"prediction": np.array(self.transcribe(model, rows.x), object)}, out)

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
        rows = next(iter(x.values())) if isinstance(x, Mapping) else x
        scores = np.asarray(model(x), np.float64)
        scores -= scores.max(axis=-1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        texts, prior = [], WordPrior(WordBigram(self.pairs), self.symbols, self.weight, self.bonus)
        for own, sound in zip(log_p, rows, strict=True):
            frames = own[: -(-_length(sound) // self.stride)]
            if self.pairs:
                best = search_ctc(frames, BEAM_WIDTH, 0, prior, MIN_LOG_P)
                texts.append(self.spell(best[0].labels) if best else "")
            else:
                path = frames.argmax(axis=1)
                texts.append(self.spell(path[np.flatnonzero(np.diff(path, prepend=0))]))
        return texts


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
