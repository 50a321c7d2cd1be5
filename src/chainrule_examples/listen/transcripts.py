"""Transcripts by a network of CTC: the choice of the search on validation utterances, and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

import chainrule as cr
from chainrule.generation import WordBigram
from chainrule.inputs import TranscriptKind
from chainrule.metrics import SampledScore, error_rates
from chainrule.page import markup_table, result_page
from chainrule_examples.listen.nearest_sounds import warped_distances
from chainrule_examples.listen.utterances import STRIDE, SYMBOLS, Utterances

WEIGHTS = ((0.3, 1.0), (0.3, 2.0), (0.5, 1.0), (0.5, 2.0), (0.5, 3.0))  # of the bigram, and bonus of a word
COLUMNS = {
    "en": ("reference", "most probable path", "with a word bigram"),
    "zh": ("参考文本", "最可能的路径", "用词二元模型"),
}
TITLE = {"en": "Transcripts of the test utterances", "zh": "测试语音的转写"}
GREEDY = TranscriptKind(SYMBOLS, STRIDE)  # the most probable path


def choose_search(
    model: cr.Model, texts: Sequence[str], validation: Utterances, stride: int = STRIDE
) -> TranscriptKind:
    """The search whose weight and bonus have the lowest word error rate on validation utterances.

    Recordings with a smaller confidence than 99 % of these utterances are not transcribed.

    Args:
        model: the network.
        texts: the training transcripts, of which the word bigram is learned.
        validation: utterances.
        stride: frames of the input for one of the output.
    """
    pairs = WordBigram.learn(texts).pairs
    kinds = [TranscriptKind(SYMBOLS, stride, pairs, *own) for own in WEIGHTS]
    best = min(
        kinds, key=lambda kind: rates_of(kind.transcribe(model, validation.x), validation)["WER"].value
    )
    level = float(np.quantile(best.confidence(model, validation.x), 0.01))
    return replace(best, frames=validation.x.shape[1], level=level)


def nearest_texts(utterances: Utterances, known: Utterances) -> list[str]:
    """The transcript of the known utterance that is most similar to each utterance."""
    own, others = (
        [x[: frames * STRIDE : STRIDE] for x, frames in zip(part.x, part.frames, strict=True)]
        for part in (utterances, known)
    )
    return [known.texts[i] for i in warped_distances(own, others).argmin(axis=1)]


def rates_of(transcripts: Sequence[str], utterances: Utterances) -> dict[str, SampledScore]:
    """The word and the character error rate, of speakers: the utterances of one resemble each other."""
    return error_rates(utterances.texts, transcripts, utterances.speakers)


def transcript_page(utterances: Utterances, greedy: Sequence[str], beam: Sequence[str], lang: str) -> str:
    """A page with the references and the transcripts, the utterances with errors first."""
    rows = sorted(zip(utterances.texts, greedy, beam, strict=True), key=lambda row: row[0] == row[2])
    return result_page(TITLE[lang], lang, [("", markup_table(COLUMNS[lang], rows), "")])
