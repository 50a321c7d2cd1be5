"""The distance of a text from the training texts, by which tokens it consists of.

Features of a network see little of a text of another language: its filters respond to no part of it, as they
respond to no part of a short text. The tokens themselves are counted instead. A token t has the features
phi(t): its surprise -log p(t) in the training texts, whether it is unknown, and what kind of character it
begins with; and its surprise -log p(t | s) after the token s before it. A text of n tokens has their mean f.
Texts differ from each other (covariance B of their means) and a short text differs by chance (covariance W of
tokens within a text):

    d = (f - m)' (B + W / n)^-1 (f - m)

so that one rare word in a sentence is usual, and a page of them is not. The surprise after the token before
is measured apart, and counts above its mean alone. The score is the larger of both, each divided by its 99 %
quantile in the training texts: numbers in some texts would otherwise leave the order no weight. An unknown
token, such as a character that no training text has, counts as rarer than any other. For B, W and the
quantiles, each half of the training texts is scored by the frequencies of the other: those of a text itself
would hide what is new in it.

With s_0 = 2 and the number n(s, t) of times that t follows s, p(t | s) = (n(s, t) + s_0 p(t)) / (n(s) + s_0),
which is p(t) after a token that no training text has (Dirichlet prior; MacKay and Bauman Peto, 1995, A
hierarchical Dirichlet language model). The order matters where tokens are parts of words: the parts of German
words are parts of English ones, too, but follow each other otherwise.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Self

import numpy as np

from chainrule.data.sequences.tokenizer import BEGIN, SPECIAL, UNKNOWN, Tokenizer
from chainrule.records import frozen
from chainrule.robustness.packed_arrays import packed, unpacked
from chainrule.train.model_state import ModelState

ARRAYS = ("counts", "pairs", "kinds", "mean", "between", "within", "usual")
KINDS = ("cased letter", "other letter", "digit", "symbol", "other")
FEATURES = 3 + len(KINDS)
BLOCK = 256  # rows that are scored at once
PRIOR = 2.0  # how many tokens the frequencies without the token before count as
MIN_PAIRS = 2  # of a pair that is stored
USUAL = 0.99  # the quantile that both distances are divided by


@frozen(eq=False)
class TokenShares:
    """How often the training texts have each token, and how their means vary.

    Args:
        source: the input of the network with the tokens.
        counts: (V,) how often the training texts have each token of the vocabulary, and texts begin.
        pairs: (P, 3) a token, the token after it, and how often, sorted.
        kinds: (V,) number of the kind of character that each token begins with.
        mean: (F,) of the features of a text.
        between, within: (F, F) covariances of the means of texts, and of the tokens of a text.
        usual: (2,) the quantiles of both distances in the training texts.
    """

    source: str
    counts: np.ndarray
    pairs: np.ndarray
    kinds: np.ndarray
    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray
    usual: np.ndarray

    @classmethod
    def fitted(cls, source: str, kinds: np.ndarray, tokens: np.ndarray) -> Self:
        """Return the shares in training texts.

        Args:
            source: the input of the network.
            kinds: (V,) as ``kinds_of`` returns them.
            tokens: (N, T) with padding.
        """
        half = np.arange(len(tokens)) % 2 == 0
        parts = []
        for is_scored in (half, ~half):
            parts.append(_moments(tokens[is_scored], *_counted(tokens[~is_scored], len(kinds)), kinds))
        means, counts, squares = (np.concatenate(part) for part in zip(*parts, strict=True))
        has_tokens = counts > 0
        means, counts, squares = means[has_tokens], counts[has_tokens], squares[has_tokens]
        off = means[:, :, None] * means[:, None, :] * counts[:, None, None]
        total = counts.sum()
        floor = np.eye(FEATURES) / (total + 1)  # a kind that no text has is rarer than one token in all
        within = (squares - off).sum(axis=0) / max(1, total - len(means)) + floor
        mean = means.mean(axis=0)
        spread = (means - mean).T @ (means - mean) / max(1, len(means) - 1)
        between = _positive(spread - within * (1 / counts).mean()) + floor
        distances = _distances(means - mean, counts, between, within)
        usual = np.maximum(np.quantile(distances, USUAL, axis=1), 1e-6)
        return cls(source, *_counted(tokens, len(kinds)), kinds, mean, between, within, usual)

    @classmethod
    def of(cls, record: Any) -> Self | None:
        """Return the shares of a record; ``None`` where it is damaged."""
        arrays = [unpacked(record.get(name)) for name in ARRAYS]
        source = record.get("source")
        if not isinstance(source, str) or any(array is None for array in arrays):
            return None
        counts, pairs, kinds, *moments = (array for array in arrays if array is not None)
        is_table = counts.shape == kinds.shape and counts.ndim == 1 and len(counts) > BEGIN
        is_table = is_table and pairs.shape[1:] == (3,) and (counts >= 0).all() and (pairs >= 0).all()
        shapes = [array.shape for array in moments]
        if not is_table or shapes != [(FEATURES,), (FEATURES, FEATURES), (FEATURES, FEATURES), (2,)]:
            return None
        if not ((kinds >= 0) & (kinds < len(KINDS))).all():
            return None
        mean, between, within, usual = (array.astype(np.float64) for array in moments)
        is_positive = all(np.linalg.eigvalsh((a + a.T) / 2)[0] > 0 for a in (between, within))
        is_positive = is_positive and bool((usual > 0).all())
        return cls(source, counts, pairs, kinds, mean, between, within, usual) if is_positive else None

    def record(self) -> dict[str, Any]:
        """Return the shares as plain data."""
        return {"source": self.source, **{name: packed(getattr(self, name)) for name in ARRAYS}}

    def represented(self, model: ModelState, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return the tokens of encoded rows, (N, T)."""
        return inputs[self.source]

    def scores(self, tokens: np.ndarray) -> np.ndarray:
        """Return the score of each text, (N, T) -> (N,); of a text without a token it is infinite."""
        if len(tokens) and tokens.max() >= len(self.counts):
            return np.zeros(len(tokens))
        result = np.full(len(tokens), np.inf)
        for start in range(0, len(tokens), BLOCK):
            means, counts, _ = _moments(tokens[start : start + BLOCK], self.counts, self.pairs, self.kinds)
            rows = np.flatnonzero(counts)
            distances = _distances(means[rows] - self.mean, counts[rows], self.between, self.within)
            result[start + rows] = (distances / self.usual[:, None]).max(axis=0)
        return result


def kinds_of(tokenizer: Tokenizer) -> np.ndarray:
    """Return the number of the kind of character that each token of a vocabulary begins with, (V,)."""
    texts = tokenizer.tokens
    if tokenizer.kind == "byte_pair":  # tokens are bytes, some of them parts of a character
        texts = tuple(tokenizer.decode([i]) for i in range(tokenizer.size))
    kinds = [KINDS.index(_kind(text)) for text in texts]
    kinds[: len(SPECIAL)] = [KINDS.index("other")] * len(SPECIAL)
    return np.array(kinds, np.float32)


def _kind(text: str) -> str:
    """Return the kind of the first character of a text that is no space."""
    category = unicodedata.category((text.strip() or " ")[0])
    if category in ("Ll", "Lu", "Lt"):
        return "cased letter"
    return {"L": "other letter", "N": "digit", "P": "symbol", "S": "symbol"}.get(category[0], "other")


def _counted(tokens: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how often texts have each token, (V,), and the pairs that are stored, (P, 3)."""
    is_text = _is_text(tokens)
    before = _before(tokens, is_text)[is_text]
    counts = np.bincount(tokens[is_text], minlength=size)
    counts[BEGIN] = (before == BEGIN).sum()
    keys, times = np.unique(before.astype(np.int64) * size + tokens[is_text], return_counts=True)
    is_stored = times >= MIN_PAIRS
    pairs = np.stack([keys // size, keys % size, times], axis=1)[is_stored]
    none = np.zeros((1, 3))  # the first pair: no text has the padding twice
    return counts.astype(np.float32), np.concatenate([none, pairs]).astype(np.float32)


def _before(tokens: np.ndarray, is_text: np.ndarray) -> np.ndarray:
    """Return the token before each one, ``BEGIN`` before the first of the text, (N, T)."""
    before = np.where(is_text, tokens, BEGIN)
    return np.concatenate([np.full((len(tokens), 1), BEGIN, before.dtype), before[:, :-1]], axis=1)


def _features(tokens: np.ndarray, counts: np.ndarray, pairs: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Return the features of each token, (N, T) -> (N, T, F)."""
    is_unknown = counts == 0
    is_unknown[UNKNOWN] = True
    is_unknown[BEGIN] = False
    number = np.where(is_unknown, 0, counts).astype(np.float64)
    before = _before(tokens, _is_text(tokens))
    share = np.maximum(number, 1) / (number.sum() - number[BEGIN] + 1)  # (V,)
    keys = pairs[:, 0].astype(np.int64) * len(counts) + pairs[:, 1].astype(np.int64)
    own_keys = before.astype(np.int64) * len(counts) + tokens
    place = np.minimum(np.searchsorted(keys, own_keys), len(keys) - 1)
    follows = np.where(keys[place] == own_keys, pairs[place, 2], 0.0)
    share_after = (follows + PRIOR * share[tokens]) / (number[before] + PRIOR)
    own = np.concatenate(
        [-np.log(share)[:, None], is_unknown[:, None], np.eye(len(KINDS))[kinds.astype(np.int64)]], axis=1
    )
    return np.concatenate([own[tokens], -np.log(share_after)[:, :, None]], axis=2)


def _is_text(tokens: np.ndarray) -> np.ndarray:
    """Return which tokens are of the text: neither padding nor its beginning or end."""
    return (tokens >= len(SPECIAL)) | (tokens == UNKNOWN)


def _moments(
    tokens: np.ndarray, frequencies: np.ndarray, pairs: np.ndarray, kinds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of each text the mean of its features (N, F), the tokens (N,) and the sum of products (N, F, F).

    Args:
        tokens: (N, T).
        frequencies, pairs, kinds: of ``TokenShares``.
    """
    counts, means, squares = _is_text(tokens).sum(axis=1), [], []
    for start in range(0, len(tokens), BLOCK):
        part = tokens[start : start + BLOCK]
        features = _features(part, frequencies, pairs, kinds) * _is_text(part)[:, :, None]
        means.append(features.sum(axis=1) / np.maximum(1, _is_text(part).sum(axis=1))[:, None])
        squares.append(features.transpose(0, 2, 1) @ features)
    means, squares = means or [np.zeros((0, FEATURES))], squares or [np.zeros((0, FEATURES, FEATURES))]
    return np.concatenate(means), counts, np.concatenate(squares)


def _distances(off: np.ndarray, counts: np.ndarray, between: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return both distances of texts, (2, N): by the shares of their tokens, and by the order of these.

    Args:
        off: (N, F) means of the features, less those of the training.
        counts: (N,) tokens.
        between, within: of ``TokenShares``.
    """
    covariance = between + within / counts[:, None, None]  # (N, F, F)
    shares = off[:, :-1]
    scaled = np.linalg.solve(covariance[:, :-1, :-1], shares[:, :, None])[:, :, 0]
    return np.stack([(shares * scaled).sum(axis=1), np.maximum(off[:, -1], 0) ** 2 / covariance[:, -1, -1]])


def _positive(covariance: np.ndarray) -> np.ndarray:
    """Return a symmetric matrix without its negative eigenvalues."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T
