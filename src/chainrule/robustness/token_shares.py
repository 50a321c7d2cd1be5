"""The distance of a text from the training texts, by which tokens it consists of.

Features of a network see little of a text of another language: its filters respond to no part of it, as they
respond to no part of a short text. The tokens themselves are counted instead. A token t has the features
phi(t): its surprise -log p(t) in the training texts, whether it is unknown, and what kind of character it
begins with. A text of n tokens has their mean f. Texts differ from each other (covariance B of their means)
and a short text differs by chance (covariance W of tokens within a text):

    score = (f - m)' (B + W / n)^-1 (f - m)

so that one rare word in a sentence is usual, and a page of them is not. An unknown token, such as a character
that no training text has, counts as rarer than any other. For B and W, each half of the training texts is
scored by the frequencies of the other: those of a text itself would hide what is new in it.

The order of the tokens was tried, too (their surprise after the token before): it refused the same sources
and needs a table of pairs.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Self

import numpy as np

from chainrule.data.sequences.tokenizer import SPECIAL, UNKNOWN, Tokenizer
from chainrule.records import frozen
from chainrule.robustness.packed_arrays import packed, unpacked
from chainrule.train.model_state import ModelState

ARRAYS = ("surprise", "is_unknown", "kinds", "mean", "between", "within")
KINDS = ("cased letter", "other letter", "digit", "symbol", "other")
FEATURES = 2 + len(KINDS)
BLOCK = 256  # rows that are scored at once


@frozen(eq=False)
class TokenShares:
    """How often the training texts have each token, and how their means vary.

    Args:
        source: the input of the network with the tokens.
        surprise: (V,) -log p of each token of the vocabulary.
        is_unknown: (V,) 1 for tokens that no training text has, otherwise 0.
        kinds: (V,) number of the kind of character that each begins with.
        mean: (F,) of the features of a text.
        between, within: (F, F) covariances of the means of texts, and of the tokens of a text.
    """

    source: str
    surprise: np.ndarray
    is_unknown: np.ndarray
    kinds: np.ndarray
    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray

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
            table = _token_features(*_frequencies(tokens[~is_scored], len(kinds)), kinds)
            parts.append(_moments(table, tokens[is_scored]))
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
        return cls(source, *_frequencies(tokens, len(kinds)), kinds, mean, between, within)

    @classmethod
    def of(cls, record: Any) -> Self | None:
        """Return the shares of a record; ``None`` where it is damaged."""
        arrays = [unpacked(record.get(name)) for name in ARRAYS]
        source = record.get("source")
        if not isinstance(source, str) or any(array is None for array in arrays):
            return None
        surprise, is_unknown, kinds, *moments = (array for array in arrays if array is not None)
        is_table = surprise.shape == is_unknown.shape == kinds.shape and surprise.ndim == 1
        shapes = [array.shape for array in moments]
        if not is_table or shapes != [(FEATURES,), (FEATURES, FEATURES), (FEATURES, FEATURES)]:
            return None
        if not ((kinds >= 0) & (kinds < len(KINDS))).all():
            return None
        mean, between, within = (array.astype(np.float64) for array in moments)
        is_positive = all(np.linalg.eigvalsh((a + a.T) / 2)[0] > 0 for a in (between, within))
        return cls(source, surprise, is_unknown, kinds, mean, between, within) if is_positive else None

    def record(self) -> dict[str, Any]:
        """Return the shares as plain data."""
        return {"source": self.source, **{name: packed(getattr(self, name)) for name in ARRAYS}}

    def represented(self, model: ModelState, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return the tokens of encoded rows, (N, T)."""
        return inputs[self.source]

    def scores(self, tokens: np.ndarray) -> np.ndarray:
        """Return the score of each text, (N, T) -> (N,); of a text without a token it is infinite."""
        table = _token_features(self.surprise, self.is_unknown, self.kinds)
        if len(tokens) and tokens.max() >= len(table):
            return np.zeros(len(tokens))
        result = np.full(len(tokens), np.inf)
        for start in range(0, len(tokens), BLOCK):
            means, counts, _ = _moments(table, tokens[start : start + BLOCK])
            rows = np.flatnonzero(counts)
            off = means[rows] - self.mean
            covariance = self.between + self.within / counts[rows, None, None]  # (N, F, F)
            scaled = np.linalg.solve(covariance, off[:, :, None])[:, :, 0]
            result[start + rows] = (off * scaled).sum(axis=1)
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


def _frequencies(tokens: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the surprise of each token, (V,), and whether no text has it, (V,)."""
    counts = np.bincount(tokens[_is_text(tokens)], minlength=size).astype(np.float64)
    is_unknown = counts == 0
    is_unknown[UNKNOWN] = True
    total = counts.sum() + 1
    surprise = -np.log(np.where(is_unknown, 1, counts) / total)
    return surprise.astype(np.float32), is_unknown.astype(np.float32)


def _token_features(surprise: np.ndarray, is_unknown: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Return the features of each token of the vocabulary, (V, F)."""
    own = np.eye(len(KINDS))[kinds.astype(np.int64)]
    return np.concatenate([surprise[:, None], is_unknown[:, None], own], axis=1).astype(np.float64)


def _is_text(tokens: np.ndarray) -> np.ndarray:
    """Return which tokens are of the text: neither padding nor its beginning or end."""
    return (tokens >= len(SPECIAL)) | (tokens == UNKNOWN)


def _moments(table: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of each text the mean of its features (N, F), the tokens (N,) and the sum of products (N, F, F).

    Args:
        table: (V, F) features of each token.
        tokens: (N, T).
    """
    counts, means, squares = _is_text(tokens).sum(axis=1), [], []
    for start in range(0, len(tokens), BLOCK):
        part = tokens[start : start + BLOCK]
        features = np.where(_is_text(part)[:, :, None], table[part], 0.0)  # (N, T, F)
        means.append(features.sum(axis=1) / np.maximum(1, _is_text(part).sum(axis=1))[:, None])
        squares.append(features.transpose(0, 2, 1) @ features)
    width = table.shape[1]
    means, squares = means or [np.zeros((0, width))], squares or [np.zeros((0, width, width))]
    return np.concatenate(means), counts, np.concatenate(squares)


def _positive(covariance: np.ndarray) -> np.ndarray:
    """Return a symmetric matrix without its negative eigenvalues."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T
