"""The n-gram model: the next token guessed from the last few by counting, the rival of every language model.

How often did this token follow these? Long beginnings were seen too seldom to trust, short ones say too
little; so each order lends a part of its counts, the *discount* D, to the next lower one:

    p(w | h) = (c(h w) - D) / c(h) + g(h) p(w | h'),   h' = h without its first token, g(h) what was lent

and the lowest order lends to "all tokens alike". A lower order is asked only where the higher one knows
little, so it does not count how often a token came but after how many *different* tokens (Kneser-Ney):
"Francisco" is frequent, but only after "San". Three discounts, for counts of one, two and more, follow from
how many grams were seen once, twice, three and four times.

Reference: Kneser and Ney (1995), Improved backing-off for m-gram language modeling; Chen and Goodman (1999),
An empirical study of smoothing techniques for language modeling, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.data.sequences.tokenizer import BEGIN

LEAST = 0.1
"""Something is always lent, or a token that is new after these would be impossible."""


@dataclass
class Level:
    """What was counted of one order.

    Args:
        grams, lent, counts: each gram as one number, and its count without and with the discount.
        contexts, totals, shares: each context as one number, the sum of its counts, the sum of what is lent.
    """

    grams: np.ndarray
    counts: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    shares: np.ndarray


class NGram:
    """An interpolated Kneser-Ney model of some order; ``NGram(texts, 1, size)`` counts single tokens.

    Args:
        texts: the tokens of each training text, its end included, int64.
        order: how many tokens a gram has, 1 to 4.
        size: of the vocabulary; tokens are 0 to size - 1.
    """

    def __init__(self, texts: Sequence[np.ndarray], order: int, size: int) -> None:
        self.order, self.size = order, size
        self.tokens = len(np.unique(np.concatenate(texts)))  # those that can come at all
        rows = grams_of(texts, order)
        wider = np.zeros(0, np.int64)
        self.levels: list[Level] = []
        for n in range(order, 0, -1):
            keys, counts = np.unique(self._keys(rows[:, order - n :]), return_counts=True)
            if n < order:
                # After how many different tokens; nothing stands before a text, so there every time counts.
                kinds, varieties = np.unique(wider % size**n, return_counts=True)
                counts = np.where(
                    keys // size ** (n - 1) == BEGIN, counts, varieties[np.searchsorted(kinds, keys)]
                )
            self.levels.insert(0, _level(keys, counts, size))
            wider = keys

    def _keys(self, rows: np.ndarray) -> np.ndarray:
        """Each gram (N, n) as one number."""
        key = np.zeros(len(rows), np.int64)
        for column in rows.T:
            key = key * self.size + column
        return key

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """How likely the last token of each row (N, order) is after the others: (N,)."""
        p = np.full(len(rows), 1.0 / self.tokens)
        for n, level in enumerate(self.levels, 1):
            keys = self._keys(rows[:, self.order - n :])
            count = _found(level.grams, level.counts, keys)
            total = _found(level.contexts, level.totals, keys // self.size)
            share = _found(level.contexts, level.shares, keys // self.size)
            p = np.where(total > 0, (count + share * p) / np.maximum(total, 1), p)
        return p

    def loss(self, texts: Sequence[np.ndarray]) -> float:
        """Nats for each token: the mean of -log p."""
        return float(-np.log(self.probabilities(grams_of(texts, self.order))).mean())


def grams_of(texts: Sequence[np.ndarray], order: int) -> np.ndarray:
    """Each token with those before it, (N, order); before a text stands ``BEGIN``, as often as needed.

    Example:
        >>> grams_of([np.array([7, 8])], 3).tolist()
        [[2, 2, 7], [2, 7, 8]]
    """
    begin = np.full(order - 1, BEGIN)
    padded = [np.concatenate([begin, text]) for text in texts]
    return np.concatenate([np.lib.stride_tricks.sliding_window_view(text, order) for text in padded])


def best_order(training: Sequence[np.ndarray], validation: Sequence[np.ndarray], size: int) -> NGram:
    """The model of order 1 to 4 with the smallest loss on the validation texts."""
    models = [NGram(training, order, size) for order in (1, 2, 3, 4)]
    return min(models, key=lambda model: model.loss(validation))


def _level(keys: np.ndarray, counts: np.ndarray, size: int) -> Level:
    """The counts of one order, discounted."""
    once, twice, thrice, more = (max(1, int((counts == times).sum())) for times in (1, 2, 3, 4))
    part = once / (once + 2 * twice)
    discounts = np.array(
        [0, 1 - 2 * part * twice / once, 2 - 3 * part * thrice / twice, 3 - 4 * part * more / thrice]
    )
    discounts[1:] = np.maximum(discounts[1:], LEAST)
    lent = np.minimum(discounts[np.minimum(counts, 3)], counts)
    contexts, starts = np.unique(keys // size, return_index=True)  # keys are sorted, so contexts lie together
    return Level(
        keys, counts - lent, contexts, np.add.reduceat(counts, starts), np.add.reduceat(lent, starts)
    )


def _found(known: np.ndarray, values: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The value of each key, 0 where it is unknown."""
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[place] == keys, values[place], 0)
