"""Transcripts by a network of CTC: the search, its choice on validation utterances, and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import chainrule as cr
from chainrule.generation.ctc_search import search_ctc
from chainrule.generation.word_bigram import WordBigram, WordPrior
from chainrule.page import markup_table, result_page
from chainrule_examples.listen.edit_distance import character_error_rate, word_error_rate
from chainrule_examples.listen.utterances import SYMBOLS, Utterances

WEIGHTS = ((0.3, 1.0), (0.3, 2.0), (0.5, 1.0), (0.5, 2.0), (0.5, 3.0))  # of the bigram, and bonus of a word
BEAM_WIDTH, MIN_LOG_P = 8, -7.0
COLUMNS = {
    "en": ("reference", "most probable path", "with a word bigram"),
    "zh": ("参考文本", "最可能的路径", "用词二元模型"),
}
TITLE = {"en": "Transcripts of the test utterances", "zh": "测试语音的转写"}


@dataclass(frozen=True, eq=False)
class Decoder:
    """Transcribes utterances.

    Args:
        model: the network.
        prior: the language model of the beam search.
    """

    model: cr.Model
    prior: WordPrior

    def __call__(self, utterances: Utterances) -> list[str]:
        """The transcripts of a beam search with the language model."""
        return [
            _spell(search_ctc(log_p, BEAM_WIDTH, 0, self.prior, MIN_LOG_P)[0].labels)
            for log_p in self._log_p(utterances)
        ]

    def greedy(self, utterances: Utterances) -> list[str]:
        """The transcripts of the most probable paths."""
        paths = [log_p.argmax(axis=1) for log_p in self._log_p(utterances)]  # (frames,)
        return [_spell(path[np.flatnonzero(np.diff(path, prepend=0))]) for path in paths]

    def _log_p(self, utterances: Utterances) -> list[np.ndarray]:
        """The log-probabilities of the frames that count, (frames, symbols) each."""
        scores = np.asarray(self.model(utterances.x), np.float64)  # (N, T, symbols)
        scores -= scores.max(axis=-1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        return [own[:count] for own, count in zip(log_p, utterances.frames.tolist(), strict=True)]


def choose_decoder(model: cr.Model, texts: Sequence[str], validation: Utterances) -> Decoder:
    """The decoder whose weight and bonus have the lowest word error rate on validation utterances.

    Args:
        model: the network.
        texts: the training transcripts, of which the word bigram is learned.
        validation: utterances.
    """
    bigram = WordBigram.learn(texts)
    decoders = [Decoder(model, WordPrior(bigram, SYMBOLS, *pair)) for pair in WEIGHTS]
    return min(decoders, key=lambda decoder: error_rates(decoder(validation), validation)["WER"])


def error_rates(transcripts: Sequence[str], utterances: Utterances) -> dict[str, float]:
    """The word and the character error rate."""
    return {
        "WER": word_error_rate(utterances.texts, transcripts),
        "CER": character_error_rate(utterances.texts, transcripts),
    }


def transcript_page(utterances: Utterances, greedy: Sequence[str], beam: Sequence[str], lang: str) -> str:
    """A page with the references and the transcripts, the utterances with errors first."""
    rows = sorted(zip(utterances.texts, greedy, beam, strict=True), key=lambda row: row[0] == row[2])
    return result_page(TITLE[lang], lang, [("", markup_table(COLUMNS[lang], rows), "")])


def _spell(labels: Sequence[int] | np.ndarray) -> str:
    """The text of labels, without blanks."""
    return " ".join("".join(SYMBOLS[label] for label in labels if label).split())
