"""Embeddings of integers."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from chainrule import nn
from chainrule.nn.layers.hashed_ngrams import _STREAM
from chainrule.prng import bits, fold, key_of
from layer_cases.case import Case, P


def _bag(mode: str, padding: int | None = None) -> Any:
    def peer(x: torch.Tensor, p: P) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        bags = functional.embedding_bag(rows, p["weight"], mode=mode, padding_idx=padding)
        return bags.reshape(*x.shape[:-1], -1)

    return peer


def _with_padding(x: torch.Tensor, p: P) -> torch.Tensor:
    """The row of the padding is 0, as initially in PyTorch's table."""
    table = p["weight"] * (torch.arange(5) != 2)[:, None]
    return functional.embedding(x, table, padding_idx=2)


def _hashed_bag(x: torch.Tensor, p: P) -> torch.Tensor:
    """Sums of rows, whose numbers are computed word by word."""
    tables = {(n, i): bits(fold(key_of(_STREAM), n, i), 5).astype(int) % 6 for n in (1, 2) for i in range(n)}
    rows = []
    for row in x.tolist():
        grams = [row[t : t + n] for n in (1, 2) for t in range(len(row) - n + 1)]
        hashes = (sum(int(tables[len(gram), i][word]) for i, word in enumerate(gram)) for gram in grams)
        rows.append([0 if 0 in gram else 1 + total % 6 for gram, total in zip(grams, hashes, strict=True)])
    return functional.embedding_bag(torch.tensor(rows), p["embedding_bag1.weight"], mode="sum")


CASES: dict[str, Case] = {
    "embedding": Case(nn.Embedding(5, 2), (3,), lambda x, p: functional.embedding(x, p["weight"]), None, 5),
    "embedding with padding": Case(nn.Embedding(5, 3, padding_index=2), (4,), _with_padding, None, 5),
    "embedding of one word": Case(
        nn.Embedding(4, 2, weight_initializer="xavier", penalty=nn.L1(0.1)),
        (),
        lambda x, p: functional.embedding(x, p["weight"]),
        None,
        4,
    ),
    "bag of means": Case(nn.EmbeddingBag(5, 2), (4,), _bag("mean"), None, 5),
    "bag of sums": Case(nn.EmbeddingBag(5, 2, mode="sum"), (2, 3), _bag("sum"), None, 5),
    "bag of the largest": Case(nn.EmbeddingBag(5, 2, mode="max"), (4,), _bag("max"), None, 5),
    "bag of means with padding": Case(nn.EmbeddingBag(3, 2, padding_index=0), (3,), _bag("mean", 0), None, 3),
    "bag of sums with padding": Case(
        nn.EmbeddingBag(3, 2, mode="sum", padding_index=0), (3,), _bag("sum", 0), None, 3
    ),
    "bag of the largest with padding": Case(
        nn.EmbeddingBag(3, 2, mode="max", padding_index=0), (3,), _bag("max", 0), None, 3
    ),
    "hashed n-grams": Case(
        nn.Sequential(nn.HashedNGrams(5, 7, lengths=(1, 2)), nn.EmbeddingBag(7, 2, mode="sum")),
        (3,),
        _hashed_bag,
        None,
        5,
    ),
    "padding mask of words": Case(nn.PaddingMask(), (5,), None, None, 3),
}
