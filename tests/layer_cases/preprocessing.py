"""Rescaling, discretization and encoding of inputs, and penalties on activities."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, P, dense


def _embedded_ages(x: torch.Tensor, p: P) -> torch.Tensor:
    ages = torch.bucketize(x, torch.tensor([1.0, 3.0]), right=True)
    return functional.embedding(ages, p["embedding1.weight"])


def _encoded(mode: str) -> Any:
    def peer(x: torch.Tensor, p: P) -> torch.Tensor:
        hot = functional.one_hot(x, 5).to(p["dense1.weight"].dtype)
        encoded = {"one_hot": hot, "multi_hot": hot.amax(1), "count": hot.sum(1)}[mode]
        return dense(encoded, p, "dense1.")

    return peer


CASES: dict[str, Case] = {
    "activity": Case(
        nn.Sequential(nn.Dense(3, "tanh"), nn.ActivityRegularization(nn.L1(0.1))),
        (2,),
        lambda x, p: torch.tanh(dense(x, p, "dense1.")),
    ),
    "rescaling": Case(nn.Rescaling(2.0, -1.0), (2, 3), lambda x, p: x * 2 - 1),
    "normalization": Case(
        nn.Normalization(mean=(1.0, -2.0, 0.5), variance=4.0),
        (2, 3),
        lambda x, p: (x - torch.tensor([1.0, -2.0, 0.5], dtype=x.dtype)) / 2,
    ),
    "age groups": Case(
        nn.Sequential(nn.Discretization((1.0, 3.0)), nn.Embedding(3, 2)), (2,), _embedded_ages, vocabulary=5
    ),
    **{
        mode: Case(
            nn.Sequential(nn.CategoryEncoding(5, mode=mode), nn.Dense(2)), (3,), _encoded(mode), None, 5
        )
        for mode in ("one_hot", "multi_hot", "count")
    },
}
