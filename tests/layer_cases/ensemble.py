"""The layers of an ensemble and their counterparts in PyTorch."""

from __future__ import annotations

import math

import torch

from chainrule import nn
from layer_cases.case import Case, P


def _same(x: torch.Tensor, p: P) -> torch.Tensor:
    return x * 1.0


def _normalized(x: torch.Tensor, p: P) -> torch.Tensor:
    z = (x[:, None] - p["center"]) * p["scale"]
    return z / torch.sqrt(1.0 + (z / 2.0) ** 2)


def _piecewise(x: torch.Tensor, p: P) -> torch.Tensor:
    t = torch.clamp((x[:, [3, 1]][:, None, :, None] - p["lower"]) * p["slope"], 0.0, 1.0)
    return ((t - p["center"]) * p["scale"]).flatten(2)


def _dense(x: torch.Tensor, p: P) -> torch.Tensor:
    return torch.tanh(torch.einsum("bki,koi->bko", x, p["weight"]) + p["bias"])


def _log_mean(logs: torch.Tensor) -> torch.Tensor:
    return torch.logsumexp(logs, 1) - math.log(logs.shape[1])


def _weighted_log_mean(logs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    of_members = weights.repeat_interleave(2)[:, None] / 2.0  # (G,) -> (K, 1), groups of two
    return torch.logsumexp(logs + torch.log(of_members.clamp_min(1e-30)), 1)


CASES = {
    "ensemble normalization": Case(nn.EnsembleNormalization(2, limit=2.0), (3,), _normalized),
    "ensemble piecewise linear": Case(
        nn.EnsemblePiecewiseLinear(2, features=(3, 1), intervals=3), (4,), _piecewise
    ),
    "ensemble dense": Case(nn.EnsembleDense(2, "tanh"), (3, 4), _dense),
    "ensemble linear model": Case(
        nn.EnsembleLinearModel(2, 3, "softmax"),
        (4,),
        lambda x, p: torch.einsum("bf,kcf->bkc", x, p["weight"]) + p["bias"],
    ),
    "ensemble mean of values": Case(nn.EnsembleMean("value"), (3, 2), lambda x, p: x.mean(1), _same),
    "ensemble mean of probabilities": Case(
        nn.EnsembleMean("softmax"), (3, 2), lambda x, p: _log_mean(torch.log_softmax(x, -1)), _same
    ),
    "ensemble mean of yes and no": Case(
        nn.EnsembleMean("sigmoid"), (3, 2), lambda x, p: torch.logit(torch.sigmoid(x).mean(1)), _same
    ),
    "weighted mean of values": Case(
        nn.EnsembleMean("value", initial_weights=(0.25, 0.75)),
        (4, 2),
        lambda x, p: (x * p["weights"].repeat_interleave(2)[:, None] / 2.0).sum(1),
        _same,
    ),
    "weighted mean of probabilities": Case(
        nn.EnsembleMean("softmax", initial_weights=(0.0, 1.0)),
        (4, 3),
        lambda x, p: _weighted_log_mean(torch.log_softmax(x, -1), p["weights"]),
        _same,
    ),
    "weighted mean of yes and no": Case(
        nn.EnsembleMean("sigmoid", initial_weights=(0.5, 0.5)),
        (4, 2),
        lambda x, p: (
            _weighted_log_mean(-torch.nn.functional.softplus(-x), p["weights"])
            - _weighted_log_mean(-torch.nn.functional.softplus(x), p["weights"])
        ),
        _same,
    ),
}
