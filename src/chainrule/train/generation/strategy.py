"""How the next token is chosen: small records that change a net's scores, one after the other.

A net gives a score z for each token; softmax(z) is how likely it holds each to come next. Taking the
likeliest every time (``Greedy``) soon goes in circles; drawing from all of it now and then picks one of the
thousands that are nearly impossible, and the text falls apart. So the scores are changed before a token is
drawn: made sharper or flatter (``Temperature``), cut off behind the best k (``TopK``) or behind the smallest
set that holds most of the probability (``TopP``, ``MinP``), lowered where a token has come already
(``RepetitionPenalty``) or may not come at all (``SuppressTokens``).

A strategy takes scores (rows, vocabulary) and which tokens each row has so far, and gives new scores; a token
with the score minus infinity is out. So strategies compose in any order, and what is left is drawn from by
``softmax``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from chainrule.errors import UsageError
from chainrule.extension import Extensible
from chainrule.nn.validation import require, require_integer, require_number, value_text
from chainrule.records import frozen


@frozen
class Strategy(Extensible):
    """Base of the strategies: it says ``__call__``.

    ``name`` is its option in ``generate``; ``formula`` what it does to the scores z or to p = softmax(z);
    ``chinese`` its Chinese name and summary.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    chinese: ClassVar[tuple[str, str]]

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """The new scores.

        Args:
            scores: (rows, vocabulary) float64; minus infinity where a token is out.
            seen: (rows, vocabulary) whether a row has the token already, its prompt included.
        """
        raise TypeError(f"{type(self).__name__} chooses nothing")


@frozen
class SuppressTokens(Strategy):
    """Some tokens never come, such as the one that stands for unknown words.

    Args:
        tokens: their numbers.

    Raises:
        UsageError E102: something that is no number of a token.

    Example:
        >>> p = softmax(SuppressTokens([0])(np.log([[0.5, 0.25, 0.25]]), np.zeros((1, 3), bool)))
        >>> p.tolist()
        [[0.0, 0.5, 0.5]]
    """

    name = "suppress_tokens"
    formula = "z_i = -inf for the tokens named"
    chinese = ("排除词元", "所列词元永不出现。")
    tokens: Sequence[int]

    def check(self) -> None:
        if isinstance(self.tokens, Sequence | np.ndarray):
            object.__setattr__(self, "tokens", tuple(self.tokens))
        fine = isinstance(self.tokens, tuple) and all(_is_whole(t) and t >= 0 for t in self.tokens)
        require(self, "tokens", fine, "numbers of tokens, 0 or more", "cr.SuppressTokens([1])")

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        out = np.array(scores)
        out[:, [token for token in self.tokens if token < scores.shape[1]]] = -np.inf
        return out


@frozen
class RepetitionPenalty(Strategy):
    """Makes tokens that have come already less likely, so that a text does not go in circles.

    Args:
        penalty: above 1 holds them back, 1 changes nothing, below 1 favors them.

    Raises:
        UsageError E102: a penalty not above 0.

    Example:
        >>> RepetitionPenalty(2.0)(np.array([[1.0, -1.0, 3.0]]), np.array([[True, True, False]])).tolist()
        [[0.5, -2.0, 3.0]]

    Reference: Keskar, McCann, Varshney, Xiong and Socher (2019), CTRL, section 4.1. There a score below 0 is
    divided too and so rises; here, as in Hugging Face's library, it is multiplied.
    """

    name = "repetition_penalty"
    formula = "z_i / penalty if z_i > 0, else z_i penalty, for each token i seen before"
    chinese = ("重复惩罚", "降低已出现词元的得分，避免文本兜圈子。")
    penalty: float = 1.2

    def check(self) -> None:
        require_number(self, "penalty", above=0)

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        lowered = np.where(scores > 0, scores / self.penalty, scores * self.penalty)
        return np.where(seen, lowered, scores)


@frozen
class Temperature(Strategy):
    """Makes the choice bolder or more careful.

    Args:
        temperature: below 1 sharpens towards the likeliest token, 1 changes nothing, above 1 flattens.

    Raises:
        UsageError E102: a temperature not above 0. (For the likeliest token alone there is ``Greedy``.)

    Example:
        >>> softmax(Temperature(0.5)(np.log([[0.75, 0.25]]), np.zeros((1, 2), bool))).round(3).tolist()
        [[0.9, 0.1]]

    Reference: Ackley, Hinton and Sejnowski (1985), A learning algorithm for Boltzmann machines.
    """

    name = "temperature"
    formula = "z_i / temperature"
    chinese = ("温度", "小于 1 更谨慎，大于 1 更大胆。")
    temperature: float = 1.0

    def check(self) -> None:
        require_number(self, "temperature", above=0)

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        return scores / self.temperature


@frozen
class Greedy(Strategy):
    """Keeps the likeliest token alone; of several that are equally likely the one with the smallest number.

    Example:
        >>> Greedy()(np.array([[1.0, 3.0, 3.0]]), np.zeros((1, 3), bool)).tolist()
        [[-inf, 3.0, -inf]]
    """

    name = "greedy"
    formula = "z_i = -inf but for i = argmax z"
    chinese = ("贪心", "每步只取最可能的词元。")

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        best = scores.argmax(axis=1)[:, None]
        return np.where(np.arange(scores.shape[1]) == best, scores, -np.inf)


@frozen
class TopK(Strategy):
    """Keeps the k likeliest tokens.

    Args:
        k: how many; with more than there are nothing changes. Of equal ones those with smaller numbers stay.

    Raises:
        UsageError E102: a k below 1.

    Example:
        >>> TopK(2)(np.array([[1.0, 3.0, 2.0, 2.0]]), np.zeros((1, 4), bool)).tolist()
        [[-inf, 3.0, 2.0, -inf]]

    Reference: Fan, Lewis and Dauphin (2018), Hierarchical neural story generation (ACL), section 5.4.
    """

    name = "top_k"
    formula = "z_i = -inf but for the k largest"
    chinese = ("前 k 采样", "只在最可能的 k 个词元中选。")
    k: int = 50

    def check(self) -> None:
        require_integer(self, "k", 1, fix="top_k=50")

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        count = scores.shape[1]
        if self.k >= count:
            return scores
        least = np.partition(scores, count - self.k, axis=1)[:, count - self.k]
        return _best(scores, np.full(len(scores), self.k), least)


@frozen
class TopP(Strategy):
    """Keeps the smallest set of tokens whose probabilities reach p together: the nucleus.

    Few stay where the net is sure, many where it is not.

    Args:
        p: 0 < p <= 1; with 1 nothing changes.

    Raises:
        UsageError E102: a p outside the range.

    Example:
        >>> softmax(TopP(0.7)(np.log([[0.5, 0.25, 0.125, 0.125]]), np.zeros((1, 4), bool))).round(3).tolist()
        [[0.667, 0.333, 0.0, 0.0]]

    Reference: Holtzman, Buys, Du, Forbes and Choi (2020), The curious case of neural text degeneration
    (ICLR), section 3.1.
    """

    name = "top_p"
    formula = "z_i = -inf but for the fewest likeliest tokens with sum p_i >= p"
    chinese = ("核采样", "只在累计概率刚达到 p 的最小词元集合中选。")
    p: float = 0.9

    def check(self) -> None:
        require_number(self, "p", above=0, maximum=1)

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        if self.p == 1:
            return scores
        ordered = -np.sort(-scores, axis=1)  # likeliest first
        mass = softmax(ordered).cumsum(axis=1)
        counts = 1 + (mass[:, :-1] < self.p).sum(
            axis=1
        )  # a token stays while those before it fall short of p
        return _best(scores, counts, ordered[np.arange(len(scores)), counts - 1])


@frozen
class MinP(Strategy):
    """Keeps the tokens that are at least so likely as a part of the likeliest one.

    Args:
        p: the part, 0 < p <= 1; with 1 only the likeliest stay.

    Raises:
        UsageError E102: a p outside the range.

    Example:
        >>> softmax(MinP(0.4)(np.log([[0.5, 0.25, 0.125, 0.125]]), np.zeros((1, 4), bool))).round(3).tolist()
        [[0.667, 0.333, 0.0, 0.0]]

    Reference: Nguyen, Baker, Neo, Roush, Kirsch and Shwartz-Ziv (2025), Turning up the heat: min-p sampling
    for creative and coherent LLM outputs (ICLR).
    """

    name = "min_p"
    formula = "z_i = -inf but for p_i >= p max p"
    chinese = ("最小概率采样", "只在概率不低于最大概率的 p 倍的词元中选。")
    p: float = 0.05

    def check(self) -> None:
        require_number(self, "p", above=0, maximum=1)

    def __call__(self, scores: np.ndarray, seen: np.ndarray) -> np.ndarray:
        least = scores.max(axis=1, keepdims=True) + np.log(self.p)
        return np.where(scores >= least, scores, -np.inf)


STRATEGIES: dict[str, type[Strategy]] = {
    kind.name: kind for kind in (SuppressTokens, RepetitionPenalty, Temperature, TopK, TopP, MinP, Greedy)
}
"""The strategies by the option of ``generate`` that names them, in the order in which options apply."""


def strategies_of(options: Mapping[str, Any], given: Sequence[Strategy]) -> tuple[Strategy, ...]:
    """The strategies that options name, in the table's order, and then those given as records.

    Args:
        options: of ``STRATEGIES`` each with its setting; ``None`` and ``greedy=False`` name none.
        given: records, in the order in which they are to be applied.

    Raises:
        UsageError E102: a setting out of its range. UsageError E113: something that is no strategy.

    Example:
        >>> strategies_of({"top_p": 0.9, "temperature": 0.8, "greedy": False}, [])
        (Temperature(temperature=0.8), TopP(p=0.9))
    """
    named = {
        name: value for name in STRATEGIES if (value := options.get(name)) is not None and value is not False
    }
    made = [STRATEGIES[name](*(() if name == "greedy" else (value,))) for name, value in named.items()]
    odd = [each for each in given if not isinstance(each, Strategy)]
    if odd:
        raise UsageError(
            "E113", where="generate", name="strategy", expected="a list of strategies",
            received=value_text(odd[0]), fix="strategy=[cr.Temperature(0.8), cr.TopP(0.9)]",
        )  # fmt: skip
    return (*made, *given)


def _best(scores: np.ndarray, counts: np.ndarray, least: np.ndarray) -> np.ndarray:
    """The scores of the best tokens; the others are out.

    Args:
        scores: (rows, vocabulary).
        counts: how many stay in each row; of equal ones those with smaller numbers.
        least: the smallest score that stays in each row.
    """
    above, equal = scores > least[:, None], scores == least[:, None]
    room = counts - above.sum(axis=1)  # for those equal to the last one that stays
    if (equal.sum(axis=1) > room).any():
        equal &= equal.cumsum(axis=1) <= room[:, None]
    return np.where(above | equal, scores, -np.inf)


def softmax(scores: np.ndarray) -> np.ndarray:
    """The probabilities of scores, along the last axis; 0 where a token is out."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """The logarithms of ``softmax``."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
