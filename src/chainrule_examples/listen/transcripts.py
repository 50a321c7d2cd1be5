"""Transcripts by a network of CTC: the search, its choice on validation utterances, and a page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

import chainrule as cr
from chainrule.generation import search_ctc
from chainrule.metrics import SampledScore, ratio_score
from chainrule.page import markup_table, result_page
from chainrule_examples.listen.utterances import SYMBOLS, Utterances

# Error rates of transcripts: the edit distance between sequences, and the word and character error rate.
#
# The edit distance is the smallest number of insertions, deletions and substitutions that turn one sequence
# into another. With D[i, j] for the first i items of one and the first j of the other::
#
#     D[i, j] = min(D[i-1, j] + 1, D[i, j-1] + 1, D[i-1, j-1] + [a[i] differs from b[j]])
#
# A row is computed at once: D[i, j-1] + 1 is a running minimum of D[i, k] - k.
#
# Reference: Wagner and Fischer (1974), The string-to-string correction problem (Journal of the ACM 21).


def edit_distance(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """The smallest number of insertions, deletions and substitutions that turn ``a`` into ``b``.

    Example:
        >>> edit_distance("kitten", "sitting"), edit_distance(["two", "one"], ["one"])
        (3, 1)
    """
    numbers = {item: i for i, item in enumerate(dict.fromkeys([*a, *b]))}
    target = np.array([numbers[item] for item in b], np.int64)
    places = np.arange(len(target) + 1)
    row = places.copy()  # D[0, j] = j
    for i, item in enumerate(a, start=1):
        replaced = row[:-1] + (target != numbers[item])
        new = np.concatenate([[i], np.minimum(row[1:] + 1, replaced)])
        row = np.minimum.accumulate(new - places) + places
    return int(row[-1])


def _errors(reference: str, transcript: str, cut: Callable[[str], list[str]]) -> tuple[int, int]:
    """The edit distance of a transcript, and the length of the reference."""
    parts = cut(reference)
    return edit_distance(parts, cut(transcript)), len(parts)


# A word bigram model for the transcription of speech: which word follows which in the training texts.
#
# The probability of a word after another one is interpolated (absolute discounting): a share of the counts of
# the pair is given to the counts of the word alone, and a share of these to words that never occurred::
#
#     p(w | v) = max(c(v, w) - d, 0) / c(v) + d n(v) / c(v) p(w)
#     p(w)     = max(c(w) - d, 0) / N      + d V / N u(w)
#
# c counts words and pairs, n(v) is the number of different words after v, V the number of words, N the number
# of tokens, d the discount, and u(w) the probability of the letters of an unknown word, 1 / (K + 1) for each
# of its letters and its end.
#
# Reference: Ney, Essen and Kneser (1994), On structuring probabilistic dependences in stochastic language
# modeling (Computer Speech and Language 8), section 3.

EDGE = ""  # before the first word and after the last
DISCOUNT = 0.5


@dataclass(frozen=True, eq=False)
class WordBigram:
    """Probabilities of words after words.

    Args:
        pairs: how often a word follows another one; ``EDGE`` is the begin and the end of a text.
        letters: number of different letters of an unknown word.

    Example:
        >>> model = WordBigram.learn(["stop", "run on", "run on"])
        >>> round(model.probability("run", "on"), 2), model.probability("run", "stop") > 0
        (0.8, True)
    """

    pairs: Mapping[tuple[str, str], int]
    letters: int = 27

    @staticmethod
    def learn(texts: Iterable[str], letters: int = 27) -> WordBigram:
        """Count the pairs of words of texts."""
        pairs: Counter[tuple[str, str]] = Counter()
        for text in texts:
            words = [EDGE, *text.split(), EDGE]
            pairs.update(pairwise(words))
        return WordBigram(pairs, letters)

    @property
    def words(self) -> Iterable[str]:
        """The words of the texts, and ``EDGE``."""
        return self._words

    @cached_property
    def _words(self) -> Mapping[str, int]:
        """How often each word occurs after another one."""
        counts: Counter[str] = Counter()
        for (_, word), count in self.pairs.items():
            counts[word] += count
        return counts

    @cached_property
    def _contexts(self) -> Mapping[str, tuple[int, int]]:
        """For each word: how many words follow it, and how many different ones."""
        totals: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        for (before, _), count in self.pairs.items():
            totals[before] += count
            kinds[before] += 1
        return {word: (totals[word], kinds[word]) for word in totals}

    @cached_property
    def _total(self) -> int:
        return sum(self._words.values())

    def probability(self, before: str, word: str) -> float:
        """Return the probability of a word after another one; ``EDGE`` is begin and end of a text."""
        unseen = (1 / (self.letters + 1)) ** (len(word) + 1)
        if not self._total:
            return unseen
        alone = max(self._words.get(word, 0) - DISCOUNT, 0) / self._total
        alone += DISCOUNT * len(self._words) / self._total * unseen
        total, kinds = self._contexts.get(before, (0, 0))
        if not total:
            return alone
        return max(self.pairs.get((before, word), 0) - DISCOUNT, 0) / total + DISCOUNT * kinds / total * alone


@dataclass(frozen=True, eq=False)
class WordPrior:
    """The factor of a word bigram in ``search_ctc``: w log p(word | word before) + b for each complete word.

    If the factor of a word came only at its end, the search would drop prefixes there, in favor of those that
    are still inside a word. Each letter therefore changes the factor to that of the most probable word with
    this beginning (look-ahead), and the end of the word corrects it; the product is the same.

    Args:
        model: the word bigram.
        symbols: the character of each label.
        weight: w, the weight of the bigram.
        bonus: b, added for each word, since every word decreases the probability.

    Example:
        >>> prior = WordPrior(WordBigram.learn(["a b"]), "-ab ", weight=1.0, bonus=0.0)
        >>> letters = prior((), 1) + prior((1,), 2)
        >>> letters < prior((), 1) < 0
        True

    Reference: Ortmanns, Ney and Eiden (1996), Language-model look-ahead for large vocabulary speech
    recognition (ICSLP).
    """

    model: WordBigram
    symbols: str
    weight: float = 1.0
    bonus: float = 0.0

    def __call__(self, prefix: tuple[int, ...], symbol: int | None) -> float:
        words = "".join(self.symbols[label] for label in prefix).split(" ")
        before, part = words[-2] if len(words) > 1 else EDGE, words[-1]
        if symbol is not None and self.symbols[symbol] != " ":
            letter = self.symbols[symbol]
            return self.weight * (self._ahead(before, part + letter) - self._ahead(before, part))
        rest = (
            self.weight * (self._log_p(before, part) - self._ahead(before, part)) + self.bonus
            if part
            else 0.0
        )
        return rest if symbol is not None else rest + self.weight * self._log_p(part, EDGE)

    def _log_p(self, before: str, word: str) -> float:
        return math.log(self.model.probability(before, word))

    def _ahead(self, before: str, part: str) -> float:
        """Return the largest log-probability of a word that begins with ``part``; 0 for an empty one."""
        if not part:
            return 0.0
        known = self._cache.get((before, part))
        if known is None:
            words = [word for word in self.model.words if word.startswith(part)]
            known = max(self._log_p(before, word) for word in (*words, part))
            self._cache[before, part] = known
        return known

    @cached_property
    def _cache(self) -> dict[tuple[str, str], float]:
        return {}


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
    return min(decoders, key=lambda decoder: error_rates(decoder(validation), validation)["WER"].value)


def error_rates(transcripts: Sequence[str], utterances: Utterances) -> dict[str, SampledScore]:
    """The word and the character error rate, of speakers: the utterances of one resemble each other."""
    rates = {}
    for name, cut in (("WER", str.split), ("CER", list)):
        counts = [_errors(*pair, cut) for pair in zip(utterances.texts, transcripts, strict=True)]
        rates[name] = ratio_score(*np.array(counts).reshape(-1, 2).T, utterances.speakers)
    return rates


def transcript_page(utterances: Utterances, greedy: Sequence[str], beam: Sequence[str], lang: str) -> str:
    """A page with the references and the transcripts, the utterances with errors first."""
    rows = sorted(zip(utterances.texts, greedy, beam, strict=True), key=lambda row: row[0] == row[2])
    return result_page(TITLE[lang], lang, [("", markup_table(COLUMNS[lang], rows), "")])


def _spell(labels: Sequence[int] | np.ndarray) -> str:
    """The text of labels, without blanks."""
    return " ".join("".join(SYMBOLS[label] for label in labels if label).split())
