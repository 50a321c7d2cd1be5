"""Normalization of activations and of weights."""

from __future__ import annotations

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, P, conv, dense, first, last


def _batch_norm(x: torch.Tensor, p: P, training: bool, epsilon: float = 1e-5) -> torch.Tensor:
    running = (p["running_mean"].clone(), p["running_variance"].clone())
    return last(
        functional.batch_norm(
            first(x), *running, p.get("scale"), p.get("shift"), training=training, eps=epsilon
        )
    )


def _layer_norm(x: torch.Tensor, p: P, axes: int) -> torch.Tensor:
    return functional.layer_norm(x, x.shape[-axes:], p.get("scale"), p.get("shift"))


def _group_norm(x: torch.Tensor, p: P, groups: int) -> torch.Tensor:
    return last(functional.group_norm(first(x), groups, p.get("scale"), p.get("shift")))


def _with_gain(p: P, name: str) -> P:
    """The parameters of the wrapped layer, its weight computed by PyTorch's weight normalization."""
    weight = torch._weight_norm(p[f"{name}weight"], p[f"{name}weight_gain"].reshape(-1, *_ones(p, name)), 0)
    return {"weight": weight, "bias": p[f"{name}bias"]}


def _ones(p: P, name: str) -> tuple[int, ...]:
    return (1,) * (p[f"{name}weight"].ndim - 1)


def _spectral_norm(p: P, name: str, training: bool) -> P:
    """The parameters of the wrapped layer, its weight divided by PyTorch's spectral norm."""
    weight, v = p[f"{name}weight"], p[f"{name}weight_direction"].detach()
    rows = weight.detach().flatten(1)
    norm = torch.nn.utils.parametrizations._SpectralNorm(weight.detach(), 1)
    norm._v, norm._u = v, functional.normalize(rows @ v, dim=0, eps=1e-12)
    norm.train(training)
    return {"weight": norm(weight), "bias": p[f"{name}bias"]}


CASES: dict[str, Case] = {
    "batch norm": Case(
        nn.BatchNorm(), (2,), lambda x, p: _batch_norm(x, p, False), lambda x, p: _batch_norm(x, p, True)
    ),
    "batch norm of images": Case(
        nn.BatchNorm(momentum=0.3, epsilon=1e-3, scale=False, shift=False),
        (2, 2, 2),
        lambda x, p: _batch_norm(x, p, False, 1e-3),
        lambda x, p: _batch_norm(x, p, True, 1e-3),
    ),
    "layer norm": Case(nn.LayerNorm(), (2, 4), lambda x, p: _layer_norm(x, p, 1)),
    "layer norm of images": Case(
        nn.LayerNorm(axes=3, shift=False), (2, 2, 2), lambda x, p: _layer_norm(x, p, 3)
    ),
    "group norm": Case(nn.GroupNorm(2), (2, 2, 4), lambda x, p: _group_norm(x, p, 2)),
    "group norm of vectors": Case(nn.GroupNorm(3), (6,), lambda x, p: _group_norm(x, p, 3)),
    "instance norm": Case(nn.InstanceNorm(), (4, 2), lambda x, p: last(functional.instance_norm(first(x)))),
    "instance norm, learned": Case(
        nn.InstanceNorm(scale=True, shift=True),
        (2, 2, 2),
        lambda x, p: last(functional.instance_norm(first(x), weight=p["scale"], bias=p["shift"])),
    ),
    "rms norm": Case(
        nn.RMSNorm(), (2, 4), lambda x, p: functional.rms_norm(x, x.shape[-1:], p["scale"], 1e-6)
    ),
    "rms norm of images": Case(
        nn.RMSNorm(axes=2, epsilon=1e-3, scale=False),
        (3, 2),
        lambda x, p: functional.rms_norm(x, x.shape[-2:], None, 1e-3),
    ),
    "unit norm": Case(nn.UnitNorm(), (2, 4), lambda x, p: functional.normalize(x, dim=-1)),
    "local response norm": Case(
        nn.LocalResponseNorm(3, alpha=0.5, beta=0.6, k=2.0),
        (2, 5),
        lambda x, p: last(functional.local_response_norm(first(x), 3, 0.5, 0.6, 2.0)),
    ),
    "local response norm, even": Case(
        nn.LocalResponseNorm(2, alpha=0.5),
        (2, 1, 3),
        lambda x, p: last(functional.local_response_norm(first(x), 2, 0.5)),
    ),
    "weight norm": Case(nn.WeightNorm(nn.Dense(3)), (4,), lambda x, p: dense(x, _with_gain(p, "dense."))),
    "weight norm of a convolution": Case(
        nn.WeightNorm(nn.Conv(2, 2)), (3, 2), lambda x, p: conv(x, _with_gain(p, "conv."))
    ),
    "spectral norm": Case(
        nn.SpectralNorm(nn.Dense(3)),
        (4,),
        lambda x, p: dense(x, _spectral_norm(p, "dense.", False)),
        lambda x, p: dense(x, _spectral_norm(p, "dense.", True)),
    ),
    "spectral norm of a convolution": Case(
        nn.SpectralNorm(nn.Conv(2, 2)),
        (3, 2),
        lambda x, p: conv(x, _spectral_norm(p, "conv.", False)),
        lambda x, p: conv(x, _spectral_norm(p, "conv.", True)),
    ),
}
