"""Max-pooling undone, penalties on activity, given features, classes in a hierarchy, layers step by step."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, P, conv, dense, first, last

_POOLED = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
_BACK = (functional.max_unpool1d, functional.max_unpool2d, functional.max_unpool3d)


def _there_and_back(window: Any, stride: Any = None, padding: Any = 0, space: Any = None) -> Any:
    def peer(x: torch.Tensor, p: P) -> torch.Tensor:
        at = x.ndim - 3
        values, places = _POOLED[at](first(x), window, stride, padding, return_indices=True)
        return last(_BACK[at](values, places, window, stride, padding, space))

    return peer


def _decoded(x: torch.Tensor, p: P) -> torch.Tensor:
    values, places = functional.max_pool2d(first(x), 2, return_indices=True)
    made = conv(last(values), p, name="parallel1.values.")
    return last(functional.max_unpool2d(first(made), places, 2))


def _hierarchical(x: torch.Tensor, p: P) -> torch.Tensor:
    """PyTorch's module with these weights, asked for all log-probabilities."""
    module = torch.nn.AdaptiveLogSoftmaxWithLoss(6, 7, (2, 4), 2.0, "head.bias" in p, dtype=x.dtype)
    names = {"head.weight": "head.weight", "head.bias": "head.bias"}
    names |= {
        f"tail.{i}.{j}.weight": f"cluster{i + 1}.{side}.weight"
        for i in (0, 1)
        for j, side in enumerate(("narrow", "wide"))
    }
    given = {theirs: p[ours] for theirs, ours in names.items() if ours in p}
    given = {f"module.{name}": weight for name, weight in given.items()}
    rows = torch.func.functional_call(_Asked(module), given, (x.reshape(-1, 6),))
    return rows.reshape(*x.shape[:-1], 7)


class _Asked(torch.nn.Module):
    """A module of whose methods ``log_prob`` is the forward one."""

    def __init__(self, module: torch.nn.AdaptiveLogSoftmaxWithLoss) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.module.log_prob(x)


def _each_step(x: torch.Tensor, p: P) -> torch.Tensor:
    steps = conv(x.flatten(0, 1), p, name="time_distributed1.conv.")
    return steps.reshape(x.shape[0], -1)


def _groups(x: torch.Tensor, p: P) -> torch.Tensor:
    ages = torch.bucketize(x, torch.tensor([1.0, 3.0]), right=True)
    return functional.embedding(ages, p["embedding1.weight"])


def _encoded(mode: str) -> Any:
    def peer(x: torch.Tensor, p: P) -> torch.Tensor:
        hot = functional.one_hot(x, 5).to(p["dense1.weight"].dtype)
        joined = {"one_hot": hot, "multi_hot": hot.amax(1), "count": hot.sum(1)}[mode]
        return dense(joined, p, "dense1.")

    return peer


_PLACES = nn.Parallel("none", values=nn.Conv(2, 1), winners=nn.Identity())
CASES: dict[str, Case] = {
    "there and back": Case(
        nn.Sequential(nn.MaxPool(2, winners=True), nn.MaxUnpool(2)), (4, 6, 2), _there_and_back(2)
    ),
    "there and back over time": Case(
        nn.Sequential(nn.MaxPool(2, 3, padding=1, winners=True), nn.MaxUnpool(2, 3, padding=1, space=(6,))),
        (6, 2),
        _there_and_back(2, 3, 1, (6,)),
    ),
    "there and back in volumes": Case(
        nn.Sequential(nn.MaxPool((1, 2, 2), winners=True), nn.MaxUnpool((1, 2, 2), space=(2, 5, 2))),
        (2, 5, 2, 1), _there_and_back((1, 2, 2), space=(2, 5, 2)),
    ),
    "decoder": Case(
        nn.Sequential(nn.MaxPool(2, winners=True), _PLACES, nn.MaxUnpool(2)), (4, 4, 2), _decoded
    ),
    "max pool with holes": Case(
        nn.MaxPool(2, 1, dilation=2), (4, 5, 2),
        lambda x, p: last(functional.max_pool2d(first(x), 2, 1, 0, 2)),
    ),
    "activity": Case(
        nn.Sequential(nn.Dense(3, "tanh"), nn.ActivityRegularization(nn.L1(0.1))), (2,),
        lambda x, p: torch.tanh(dense(x, p, "dense1.")),
    ),
    "rescaling": Case(nn.Rescaling(2.0, -1.0), (2, 3), lambda x, p: x * 2 - 1),
    "normalization": Case(
        nn.Normalization(mean=(1.0, -2.0, 0.5), variance=4.0), (2, 3),
        lambda x, p: (x - torch.tensor([1.0, -2.0, 0.5], dtype=x.dtype)) / 2,
    ),
    "age groups": Case(
        nn.Sequential(nn.Discretization((1.0, 3.0)), nn.Embedding(3, 2)), (2,), _groups, vocabulary=5
    ),
    **{
        mode: Case(nn.Sequential(nn.CategoryEncoding(5, mode=mode), nn.Dense(2)), (3,), _encoded(mode),
            None, 5)
        for mode in ("one_hot", "multi_hot", "count")
    },
    "hierarchy of classes": Case(nn.AdaptiveLogSoftmax(7, (2, 4), divide=2.0), (6,), _hierarchical),
    "hierarchy of words": Case(nn.AdaptiveLogSoftmax(7, (2, 4), divide=2.0, bias=True), (3, 6),
        _hierarchical),
    "film": Case(
        nn.Sequential(nn.TimeDistributed(nn.Conv(2, 2)), nn.Flatten()), (3, 2, 3, 2), _each_step
    ),
}  # fmt: skip
