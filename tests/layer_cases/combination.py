"""Layers that combine several inputs or branches, and layers with gates."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, P, dense

TWO = {"a": (2, 3), "b": (2, 3)}


def _cosines(x: dict[str, torch.Tensor], p: P) -> torch.Tensor:
    """The cosine similarity of every row of a with every row of b."""
    a, b = (functional.normalize(x[name], dim=1) for name in "ab")
    return torch.einsum("bij,bik->bjk", a, b)


def _distance(power: float) -> Any:
    return lambda x, p: functional.pairwise_distance(x["a"], x["b"], power, keepdim=True)


def _rematerialized(x: torch.Tensor, p: P) -> torch.Tensor:
    z = dense(x, p, "dense1.")
    return z + torch.tanh(dense(z, p, "residual1.dense."))


def _highway(x: torch.Tensor, p: P) -> torch.Tensor:
    t = torch.sigmoid(dense(x, p, "gate."))
    return t * torch.tanh(dense(x, p, "transform.")) + (1 - t) * x


def _excited(x: torch.Tensor, p: P) -> torch.Tensor:
    squeezed = torch.relu(dense(x.mean((1, 2)), p, "squeeze."))
    return x * torch.sigmoid(dense(squeezed, p, "excite."))[:, None, None]


def _experts(x: torch.Tensor, p: P) -> torch.Tensor:
    g = torch.softmax(dense(x, p, "gate."), -1)
    return sum(
        (g[..., i : i + 1] * torch.tanh(dense(x, p, f"expert{i + 1}.")) for i in range(3)),
        torch.zeros((), dtype=x.dtype),
    )


def _merged(by: Any) -> Any:
    return lambda x, p: by(x["a"], x["b"])


CASES: dict[str, Case] = {
    "concatenated branches": Case(
        nn.Parallel(a=nn.Dense(2), b=nn.Dense(3, penalty=nn.L1(0.1))),
        (4,),
        lambda x, p: torch.cat([dense(x, p, "a."), dense(x, p, "b.")], -1),
    ),
    "added branches": Case(
        nn.Parallel(
            "add",
            a=nn.Dense(2, weight_initializer="orthogonal"),
            b=nn.Dense(2, bias_initializer=nn.Fill(0.5)),
        ),
        (4,),
        lambda x, p: dense(x, p, "a.") + dense(x, p, "b."),
    ),
    "two towers": Case(
        nn.Sequential(nn.Parallel("none", a=nn.Dense(2), b=nn.Dense(2)), nn.CosineSimilarity()),
        (3,),
        lambda x, p: functional.cosine_similarity(
            dense(x, p, "parallel1.a."), dense(x, p, "parallel1.b."), -1
        )[:, None],
    ),
    "multiplied by a gate": Case(
        nn.Parallel("multiply", a=nn.Dense(3), b=nn.Dense(3, "sigmoid")),
        (2,),
        lambda x, p: dense(x, p, "a.") * torch.sigmoid(dense(x, p, "b.")),
    ),
    "add": Case(nn.Merge("add"), {**TWO, "c": (2, 3)}, lambda x, p: x["a"] + x["b"] + x["c"]),
    "average": Case(nn.Merge("average"), TWO, _merged(lambda a, b: (a + b) / 2)),
    "maximum": Case(nn.Merge("maximum"), TWO, _merged(torch.maximum)),
    "minimum": Case(nn.Merge("minimum"), TWO, _merged(torch.minimum)),
    "multiply": Case(nn.Merge("multiply"), TWO, _merged(torch.multiply)),
    "subtract": Case(nn.Merge("subtract"), TWO, _merged(torch.subtract)),
    "concatenate": Case(
        nn.Merge("concatenate"), {"a": (2,), "b": (3,)}, _merged(lambda a, b: torch.cat([a, b], -1))
    ),
    "concatenate times": Case(
        nn.Merge("concatenate", axis=1),
        {"a": (2, 3), "b": (1, 3)},
        _merged(lambda a, b: torch.cat([a, b], 1)),
    ),
    "dot": Case(nn.Dot(), {"a": (3,), "b": (3,)}, lambda x, p: (x["a"] * x["b"]).sum(-1, keepdim=True)),
    "dot product of all pairs, normalized": Case(nn.Dot((1, 1), normalize=True), TWO, _cosines),
    "cosine": Case(
        nn.CosineSimilarity(), TWO, lambda x, p: functional.cosine_similarity(x["a"], x["b"], -1)[..., None]
    ),
    "distance": Case(nn.PairwiseDistance(), TWO, _distance(2.0)),
    "distance of the third norm": Case(nn.PairwiseDistance(3.0, epsilon=1e-6), TWO, _distance(3.0)),
    "bilinear": Case(
        nn.Bilinear(2),
        {"a": (2, 3), "b": (2, 2)},
        lambda x, p: functional.bilinear(x["a"], x["b"], p["weight"], p["bias"]),
    ),
    "bilinear without bias": Case(
        nn.Bilinear(2, bias=False, weight_initializer="he", penalty=nn.L1(0.1)),
        {"a": (3,), "b": (4,)},
        lambda x, p: functional.bilinear(x["a"], x["b"], p["weight"]),
    ),
    "rematerialized": Case(
        nn.Sequential(nn.Dense(3), nn.Remat(nn.Residual(nn.Dense(3, "tanh")))),
        (2,),
        _rematerialized,
        _rematerialized,
    ),
    "highway": Case(nn.Highway("tanh"), (3,), _highway),
    "squeeze and excite": Case(nn.SqueezeExcite(reduction=2), (2, 2, 4), _excited),
    "mixture of experts": Case(nn.MixtureOfExperts(3, nn.Dense(2, "tanh")), (2, 3), _experts),
}
