"""An n-gram language model with interpolated Kneser-Ney smoothing, as a baseline for language models.

The probability of a token w after a context h is estimated from counts. Long contexts are rare and short ones
carry little information, so each order moves a part of its counts, the *discount* D, to the next lower order:

    p(w | h) = (c(h w) - D) / c(h) + g(h) p(w | h'),   h' = h without its first token, g(h) the discounted
    share

and the lowest order interpolates with the uniform distribution. A lower order counts after how many
*different* tokens a token occurs instead of how often (Kneser-Ney): "Francisco" is frequent, but only after
"San". The three discounts, for counts of one, two and more, follow from the numbers of n-grams that occur
once to four times.

Reference: Kneser and Ney (1995), Improved backing-off for m-gram language modeling; Chen and Goodman (1999),
An empirical study of smoothing techniques for language modeling, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.data import BEGIN

MIN_DISCOUNT = 0.1
"""Keeps the probability of tokens that are new after a context above 0."""


@dataclass
class Level:
    """The counts of one order.

    Args:
        grams, counts: each n-gram as one number, and its discounted count.
        contexts, totals, shares: each context as one number, the sum of its counts, the sum of its discounts.
    """

    grams: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    shares: np.ndarray


class NGram:
    """An interpolated Kneser-Ney model; ``NGram(texts, 1, size)`` is a unigram model.

    Args:
        texts: token ids of each training text with its end token, int64.
        order: number of tokens of an n-gram, 1 to 4.
        size: size of the vocabulary; token ids are 0 to size - 1.
    """

    def __init__(self, texts: Sequence[np.ndarray], order: int, size: int) -> None:
        self.order, self.size = order, size
        self.tokens = len(np.unique(np.concatenate(texts)))  # number of tokens that occur
        rows = grams_of(texts, order)
        wider = np.zeros(0, np.int64)
        self.levels: list[Level] = []
        for n in range(order, 0, -1):
            keys, counts = np.unique(self._keys(rows[:, order - n :]), return_counts=True)
            if n < order:
                # Count different preceding tokens; at the beginning of a text, count occurrences.
                kinds, varieties = np.unique(wider % size**n, return_counts=True)
                counts = np.where(
                    keys // size ** (n - 1) == BEGIN, counts, varieties[np.searchsorted(kinds, keys)]
                )
            self.levels.insert(0, _level(keys, counts, size))
            wider = keys

    def _keys(self, rows: np.ndarray) -> np.ndarray:
        """Encode n-grams (N, n) as numbers (N,)."""
        key = np.zeros(len(rows), np.int64)
        for column in rows.T:
            key = key * self.size + column
        return key

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """The probability (N,) of the last token of each row (N, order) after the others."""
        p = np.full(len(rows), 1.0 / self.tokens)
        for n, level in enumerate(self.levels, 1):
            keys = self._keys(rows[:, self.order - n :])
            count = _look_up(level.grams, level.counts, keys)
            total = _look_up(level.contexts, level.totals, keys // self.size)
            share = _look_up(level.contexts, level.shares, keys // self.size)
            p = np.where(total > 0, (count + share * p) / np.maximum(total, 1), p)
        return p

    def losses(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """The loss of each token in nats, -log p, one text after the other."""
        return -np.log(self.probabilities(grams_of(texts, self.order)))

    def loss(self, texts: Sequence[np.ndarray]) -> float:
        """The mean loss of a token in nats."""
        return float(self.losses(texts).mean())


def grams_of(texts: Sequence[np.ndarray], order: int) -> np.ndarray:
    """Each token with the tokens before it, (N, order); texts are padded with ``BEGIN`` on the left.

    Example:
        >>> grams_of([np.array([7, 8])], 3).tolist()
        [[2, 2, 7], [2, 7, 8]]
    """
    begin = np.full(order - 1, BEGIN)
    padded = [np.concatenate([begin, text]) for text in texts]
    return np.concatenate([np.lib.stride_tricks.sliding_window_view(text, order) for text in padded])


def best_order(training: Sequence[np.ndarray], validation: Sequence[np.ndarray], size: int) -> NGram:
    """The model of order 1 to 4 with the lowest loss on the validation texts."""
    models = [NGram(training, order, size) for order in (1, 2, 3, 4)]
    return min(models, key=lambda model: model.loss(validation))


def _level(keys: np.ndarray, counts: np.ndarray, size: int) -> Level:
    """The discounted counts of one order."""
    once, twice, thrice, more = (max(1, int((counts == times).sum())) for times in (1, 2, 3, 4))
    part = once / (once + 2 * twice)
    discounts = np.array(
        [0, 1 - 2 * part * twice / once, 2 - 3 * part * thrice / twice, 3 - 4 * part * more / thrice]
    )
    discounts[1:] = np.maximum(discounts[1:], MIN_DISCOUNT)
    discount = np.minimum(discounts[np.minimum(counts, 3)], counts)
    contexts, starts = np.unique(
        keys // size, return_index=True
    )  # keys are sorted, so equal contexts are adjacent
    return Level(
        keys, counts - discount, contexts, np.add.reduceat(counts, starts), np.add.reduceat(discount, starts)
    )


def _look_up(known: np.ndarray, values: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The value of each key, or 0 if it is unknown."""
    position = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[position] == keys, values[position], 0)
