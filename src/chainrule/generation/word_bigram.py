"""A word bigram model for the transcription of speech: which word follows which in the training texts.

The probability of a word after another one is interpolated (absolute discounting): a share of the counts of
the pair is given to the counts of the word alone, and a share of these to words that never occurred::

    p(w | v) = max(c(v, w) - d, 0) / c(v) + d n(v) / c(v) p(w)
    p(w)     = max(c(w) - d, 0) / N      + d V / N u(w)

c counts words and pairs, n(v) is the number of different words after v, V the number of words, N the number
of tokens, d the discount, and u(w) the probability of the letters of an unknown word, 1 / (K + 1) for each
of its letters and its end.

Reference: Ney, Essen and Kneser (1994), On structuring probabilistic dependences in stochastic language
modeling (Computer Speech and Language 8), section 3.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from chainrule.memoization import cached_property
from chainrule.records import frozen

EDGE = ""  # before the first word and after the last
DISCOUNT = 0.5


@frozen(eq=False)
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


@frozen(eq=False)
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
