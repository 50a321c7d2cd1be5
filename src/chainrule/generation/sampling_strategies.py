"""Decoding strategies: records that modify the scores of the next token before it is sampled.

A language model predicts a score z for each token, with the distribution p = softmax(z). The most probable
token of every step (``Greedy``) soon leads to repetitions; samples of the complete distribution contain
improbable tokens from time to time, after which the text becomes incoherent. Strategies therefore sharpen or
flatten the distribution (``Temperature``), restrict it to the k most probable tokens (``TopK``) or to a set
with most of the probability (``TopP``, ``MinP``), lower the scores of earlier tokens (``RepetitionPenalty``),
or exclude tokens (``SuppressTokens``).

A strategy maps scores (rows, vocabulary) to scores, where minus infinity excludes a token. Strategies
therefore compose in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from chainrule.errors import fact
from chainrule.extension import Extensible
from chainrule.records import frozen
from chainrule.validation import require, require_integer, require_number, wrong_type


@frozen
class Strategy(Extensible):
    """Base class of decoding strategies; a subclass defines ``__call__``.

    ``name`` is its option in ``generate``, ``formula`` its effect on the scores z or on p = softmax(z), and
    ``chinese`` its Chinese name and summary.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    chinese: ClassVar[tuple[str, str]]

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Check the arguments."""

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Modify the scores of the next token.

        Args:
            scores: (rows, vocabulary) float64; minus infinity for excluded tokens.
            seen: (rows, vocabulary) whether the sequence contains the token, prompt included.

        Returns:
            the new scores, (rows, vocabulary).
        """
        raise TypeError(f"{type(self).__name__} does not define __call__")


@frozen
class SuppressTokens(Strategy):
    """Exclusion of tokens, such as the one for unknown words.

    Args:
        tokens: the token ids.

    Raises:
        UsageError E102: not a sequence of token ids.

    Example:
        >>> p = softmax(SuppressTokens([0])(np.log([[0.5, 0.25, 0.25]]), np.zeros((1, 3), bool)))
        >>> p.tolist()
        [[0.0, 0.5, 0.5]]
    """

    name = "suppress_tokens"
    formula = "z_i = -inf for the given tokens"
    chinese = ("排除词元", "永不生成所列词元。")
    tokens: Sequence[int]

    def check(self) -> None:
        if isinstance(self.tokens, Sequence | np.ndarray):
            object.__setattr__(self, "tokens", tuple(self.tokens))
        is_valid = isinstance(self.tokens, tuple) and all(_is_integer(t) and t >= 0 for t in self.tokens)
        require(self, "tokens", is_valid, "token ids, 0 or more", "cr.SuppressTokens([1])")

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        out = np.array(scores)
        out[:, [token for token in self.tokens if token < scores.shape[1]]] = -np.inf
        return out


@frozen
class RepetitionPenalty(Strategy):
    """Penalty on the scores of tokens that the sequence already contains, against repetitions.

    Args:
        penalty: above 1 makes them less probable, 1 has no effect, below 1 makes them more probable.

    Raises:
        UsageError E102: a penalty of 0 or less.

    Example:
        >>> RepetitionPenalty(2.0)(np.array([[1.0, -1.0, 3.0]]), np.array([[True, True, False]])).tolist()
        [[0.5, -2.0, 3.0]]

    Reference: Keskar, McCann, Varshney, Xiong and Socher (2019), CTRL, section 4.1. The paper also
    divides negative scores, which raises them; like Hugging Face's library, this class multiplies them.
    """

    name = "repetition_penalty"
    formula = "z_i / penalty if z_i > 0, else z_i penalty, for each earlier token i"
    chinese = ("重复惩罚", "降低已出现词元的得分，避免重复。")
    penalty: float = 1.2

    def check(self) -> None:
        require_number(self, "penalty", above=0, fix="repetition_penalty=1.2")

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        lowered = np.where(scores > 0, scores / self.penalty, scores * self.penalty)
        return np.where(seen, lowered, scores)


@frozen
class Temperature(Strategy):
    """Division of the scores by the temperature, which sharpens or flattens the distribution.

    Args:
        temperature: below 1 favors the most probable tokens, 1 has no effect, above 1 flattens.

    Raises:
        UsageError E102: a temperature of 0 or less; use ``Greedy`` for the limit 0.

    Example:
        >>> softmax(Temperature(0.5)(np.log([[0.75, 0.25]]), np.zeros((1, 2), bool))).round(3).tolist()
        [[0.9, 0.1]]

    Reference: Ackley, Hinton and Sejnowski (1985), A learning algorithm for Boltzmann machines.
    """

    name = "temperature"
    formula = "z_i / temperature"
    chinese = ("温度", "小于 1 使分布更集中，大于 1 使分布更平缓。")
    temperature: float = 1.0

    def check(self) -> None:
        require_number(self, "temperature", above=0)

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        return scores / self.temperature


@frozen
class Greedy(Strategy):
    """Choice of the most probable token; of several, the one with the smallest id.

    Example:
        >>> Greedy()(np.array([[1.0, 3.0, 3.0]]), np.zeros((1, 3), bool)).tolist()
        [[-inf, 3.0, -inf]]
    """

    name = "greedy"
    formula = "z_i = -inf except for i = argmax z"
    chinese = ("贪心", "每步取概率最高的词元。")

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        best = scores.argmax(axis=1)[:, None]
        return np.where(np.arange(scores.shape[1]) == best, scores, -np.inf)


@frozen
class TopK(Strategy):
    """Restriction to the k most probable tokens.

    Args:
        k: number of tokens; no effect if the vocabulary has at most k. Of equal scores, smaller ids are kept.

    Raises:
        UsageError E102: a k below 1.

    Example:
        >>> TopK(2)(np.array([[1.0, 3.0, 2.0, 2.0]]), np.zeros((1, 4), bool)).tolist()
        [[-inf, 3.0, 2.0, -inf]]

    Reference: Fan, Lewis and Dauphin (2018), Hierarchical neural story generation (ACL), section 5.4.
    """

    name = "top_k"
    formula = "z_i = -inf except for the k largest"
    chinese = ("前 k 采样", "只从概率最高的 k 个词元中采样。")
    k: int = 50

    def check(self) -> None:
        require_integer(self, "k", 1, fix="top_k=50")

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        count = scores.shape[1]
        if self.k >= count:
            return scores
        threshold = np.partition(scores, count - self.k, axis=1)[:, count - self.k]
        return _best(scores, np.full(len(scores), self.k), threshold)


@frozen
class TopP(Strategy):
    """Nucleus sampling: the smallest set of tokens whose total probability is at least p.

    The set is small where the network is confident and large where it is not.

    Args:
        p: 0 < p <= 1; 1 has no effect.

    Raises:
        UsageError E102: a p out of range.

    Example:
        >>> softmax(TopP(0.7)(np.log([[0.5, 0.25, 0.125, 0.125]]), np.zeros((1, 4), bool))).round(3).tolist()
        [[0.667, 0.333, 0.0, 0.0]]

    Reference: Holtzman, Buys, Du, Forbes and Choi (2020), The curious case of neural text degeneration
    (ICLR), section 3.1.
    """

    name = "top_p"
    formula = "z_i = -inf except for the smallest set of most probable tokens with sum p_i >= p"
    chinese = ("核采样", "只从累计概率达到 p 的最小词元集合中采样。")
    p: float = 0.9

    def check(self) -> None:
        require_number(self, "p", above=0, maximum=1, fix="top_p=0.9")

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        if self.p == 1:
            return scores
        ordered = -np.sort(-scores, axis=1)  # descending
        mass = softmax(ordered).cumsum(axis=1)
        # A token is kept if the total probability of those before it is below p.
        counts = 1 + (mass[:, :-1] < self.p).sum(axis=1)
        return _best(scores, counts, ordered[np.arange(len(scores)), counts - 1])


@frozen
class MinP(Strategy):
    """Restriction to tokens at least p times as probable as the most probable one.

    Args:
        p: 0 < p <= 1; 1 keeps only the most probable tokens.

    Raises:
        UsageError E102: a p out of range.

    Example:
        >>> softmax(MinP(0.4)(np.log([[0.5, 0.25, 0.125, 0.125]]), np.zeros((1, 4), bool))).round(3).tolist()
        [[0.667, 0.333, 0.0, 0.0]]

    Reference: Nguyen, Baker, Neo, Roush, Kirsch and Shwartz-Ziv (2025), Turning up the heat: min-p sampling
    for creative and coherent LLM outputs (ICLR).
    """

    name = "min_p"
    formula = "z_i = -inf except for p_i >= p max p"
    chinese = ("最小概率采样", "只从概率不低于最大概率 p 倍的词元中采样。")
    p: float = 0.05

    def check(self) -> None:
        require_number(self, "p", above=0, maximum=1, fix="min_p=0.05")

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        threshold = scores.max(axis=1, keepdims=True) + np.log(self.p)
        return np.where(scores >= threshold, scores, -np.inf)


STRATEGIES: dict[str, type[Strategy]] = {
    kind.name: kind for kind in (SuppressTokens, RepetitionPenalty, Temperature, TopK, TopP, MinP, Greedy)
}
"""The strategies by their option of ``generate``, in the order in which options are applied."""


def strategies_of(options: Mapping[str, Any], records: Sequence[Strategy]) -> tuple[Strategy, ...]:
    """Return the strategies of options in the order of ``STRATEGIES``, followed by those passed as records.

    Args:
        options: the value of each option by name; ``None`` and ``False`` mean that it is not used.
        records: strategies, in the order in which they are applied.

    Raises:
        UsageError E102: a value out of range. UsageError E113: not a strategy.

    Example:
        >>> strategies_of({"top_p": 0.9, "temperature": 0.8, "greedy": False}, [])
        (Temperature(temperature=0.8), TopP(p=0.9))
    """
    named = {
        name: value for name in STRATEGIES if (value := options.get(name)) is not None and value is not False
    }
    strategies = [STRATEGIES[name](*(() if name == "greedy" else (value,))) for name, value in named.items()]
    wrong = [record for record in records if not isinstance(record, Strategy)]
    if wrong:
        expected = fact("a list of strategies")
        fix = "strategy=[cr.Temperature(0.8), cr.TopP(0.9)]"
        raise wrong_type(wrong[0], "strategy", "generate", expected, fix)
    return (*strategies, *records)


def _best(scores: np.ndarray, counts: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """Exclude all but the best tokens.

    Args:
        scores: (rows, vocabulary).
        counts: (rows,) number of tokens that are kept; of equal scores, those with smaller ids.
        threshold: (rows,) the smallest score that is kept.
    """
    above, equal = scores > threshold[:, None], scores == threshold[:, None]
    remaining = counts - above.sum(axis=1)  # tokens with a score equal to the threshold that are kept
    if (equal.sum(axis=1) > remaining).any():
        equal &= equal.cumsum(axis=1) <= remaining[:, None]
    return np.where(above | equal, scores, -np.inf)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return the softmax along the last axis; 0 for excluded tokens."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Return the logarithm of ``softmax``."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
