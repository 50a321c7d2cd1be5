"""Numbers of n-grams, computed from the numbers of characters or words."""

from __future__ import annotations

from dataclasses import KW_ONLY

import numpy as np

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node, constant
from chainrule.graph.limits import reserve
from chainrule.nn.layer import Layer, layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.prng import bits, fold, key_of
from chainrule.symbolic_shape import bound, shape_text
from chainrule.validation import require, require_integer

LONGEST = 16  # words of an n-gram
_STREAM = 0x4E475241  # "NGRA"


@layer
class HashedNGrams(Layer):
    """Numbers of the n-grams of a sequence, such as pairs of neighboring characters, by hashing.

    The pairs of 5,000 characters are 25 million, few of which occur. A hash function assigns each n-gram to
    one of fewer numbers; n-grams with the same number share what ``EmbeddingBag`` learns for it.

    Shapes: integers (B, T) -> integers (B, N), N = sum_n (T - n + 1).

    Formula: y = 1 + (h_n1(x_t) + ... + h_nn(x_(t+n-1))) mod (buckets - 1), where h_ni are tables of random
    numbers, one for each length and position (tabulation hashing); 0 where a word is padding.

    Args:
        vocabulary_size: the number of words: x is 0 to vocabulary_size - 1. Floating-point numbers are cut to
            integers, as data often comes in one kind.
        buckets: the number of results: 0 for padding, and 1 to buckets - 1; at least 2.
        lengths: the lengths n, each from 1 to 16.
        padding_index: the number of a word that stands for none.

    Cost: n lookups and additions for each n-gram.

    Raises:
        ShapeError E208: not (B, T), or fewer words than the shortest length.
        ShapeError E211: a number outside the vocabulary, with its position and value.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(HashedNGrams(5000, 2**17, lengths=(1, 2)))
        HashedNGrams(5000, 131072, lengths=(1, 2))

    Reference: Weinberger, Dasgupta, Langford, Smola and Attenberg (2009), Feature hashing for large scale
    multitask learning (ICML); Zobrist (1970), A new hashing method with application for game playing, for
    tables of random numbers.
    """

    chinese = ("哈希 n 元组层", "把相邻的几个词（或字）合成一个编号。")
    takes_one = True
    vocabulary_size: int
    buckets: int
    _: KW_ONLY
    lengths: tuple[int, ...] = (1, 2, 3)
    padding_index: int = 0

    def check(self) -> None:
        if isinstance(self.lengths, list):
            object.__setattr__(self, "lengths", tuple(self.lengths))
        require_integer(self, "vocabulary_size", 1, fix="cr.HashedNGrams(5000, 2**17)")
        require_integer(self, "buckets", 2, 2**31, fix="cr.HashedNGrams(5000, 2**17)")
        require_integer(self, "padding_index", 0, int(self.vocabulary_size) - 1, "padding_index=0")
        are_integers = isinstance(self.lengths, tuple) and all(type(n) is int for n in self.lengths)
        fits = are_integers and bool(self.lengths) and all(1 <= n <= LONGEST for n in self.lengths)
        require(self, "lengths", fits, fact("integers from 1 to {last}", last=LONGEST), "lengths=(1, 2, 3)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, T) -> (B, n-grams)
        if x.rank != 2 or bound(x.shape[1:])[0] < min(self.lengths):
            constraint = fact("sequences of at least {count} words", count=min(self.lengths))
            received = shape_text(x.shape)
            raise ShapeError(
                "E208", op="HashedNGrams", constraint=constraint, expected="(B, T)", received=received
            )
        words = x.astype("int64") if x.spec.is_float else x
        scope.require_rows(words, self.vocabulary_size)
        length = bound(x.shape[1:])[0]
        return F.concatenate([self._numbers(words, n) for n in self.lengths if n <= length], -1)

    def _numbers(self, words: Node, n: int) -> Node:
        """Return the numbers of the n-grams of one length: (B, T) -> (B, T - n + 1)."""
        count, last = bound(words.shape[1:])[0] - n + 1, self.buckets - 1
        total, is_complete = constant(np.zeros(count, np.int64)), constant(np.ones(count, bool))
        for i in range(n):
            own = words[:, i : i + count]
            reserve(self.vocabulary_size, itemsize=16, is_persistent=True)
            table = bits(fold(key_of(_STREAM), n, i), self.vocabulary_size).astype(np.int64) % last
            total = total + F.gather(constant(table), own)
            total = F.where(F.greater_equal(total, last), total - last, total)  # modulo, without a division
            is_complete = F.logical_and(is_complete, F.not_equal(own, self.padding_index))
        return F.where(is_complete, total + 1, 0)
