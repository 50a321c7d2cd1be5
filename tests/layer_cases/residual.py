"""Residual blocks and skip connections."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, P, conv, dense, first, last


def _norm(x: torch.Tensor, p: P, name: str, training: bool, epsilon: float = 1e-5) -> torch.Tensor:
    """PyTorch's batch normalization."""
    running = (p[f"{name}running_mean"].clone(), p[f"{name}running_variance"].clone())
    learned = (p[f"{name}scale"], p[f"{name}shift"])
    return last(functional.batch_norm(first(x), *running, *learned, training=training, eps=epsilon))


def _hard(x: torch.Tensor) -> torch.Tensor:
    """The hard sigmoid; the derivative of PyTorch's is 1/6 rounded to float32, for any dtype."""
    return functional.relu6(x + 3) / 6


def _basic(stride: int) -> Any:
    def peer(training: bool) -> Any:
        def block(x: torch.Tensor, p: P) -> torch.Tensor:
            y = torch.relu(_norm(conv(x, p, (1,) * 4, stride, name="conv1."), p, "norm1.", training))
            y = _norm(conv(y, p, (1,) * 4, name="conv2."), p, "norm2.", training)
            shortcut = x
            if "shortcut.conv.weight" in p:
                shortcut = conv(x, p, (), stride, name="shortcut.conv.")
                shortcut = _norm(shortcut, p, "shortcut.norm.", training)
            return torch.relu(shortcut + y)

        return block

    return peer(False), peer(True)


def _zeros(x: torch.Tensor, p: P) -> torch.Tensor:
    """Option A of the paper (zeros for new channels), without normalization."""
    y = conv(torch.relu(conv(x, p, (1,) * 4, 2, name="conv1.")), p, (1,) * 4, name="conv2.")
    return torch.relu(functional.pad(x[:, ::2, ::2], (0, y.shape[-1] - x.shape[-1])) + y)


def _narrower(x: torch.Tensor, p: P) -> torch.Tensor:
    """Option A to fewer channels, on sequences."""
    y = conv(torch.relu(conv(x, p, (1, 1), name="conv1.")), p, (1, 1), name="conv2.")
    return torch.relu(x[..., : y.shape[-1]] + y)


def _bottleneck(training: bool) -> Any:
    def block(x: torch.Tensor, p: P) -> torch.Tensor:
        y = torch.relu(_norm(conv(x, p, name="conv1."), p, "norm1.", training))
        y = torch.relu(_norm(conv(y, p, (1,) * 4, 2, name="conv2."), p, "norm2.", training))
        y = _norm(conv(y, p, name="conv3."), p, "norm3.", training)
        shortcut = _norm(conv(x, p, (), 2, name="shortcut.conv."), p, "shortcut.norm.", training)
        return torch.relu(shortcut + y)

    return block


def _inverted(stride: int, squeeze: bool, activation: Any) -> Any:
    def peer(training: bool) -> Any:
        def step(x: torch.Tensor, p: P, name: str, around: tuple[int, ...], by: int) -> torch.Tensor:
            groups = x.shape[-1] if by else 1
            y = conv(x, p, around, by or 1, 1, groups, name=f"{name}.")
            return _norm(y, p, f"{name}_norm.", training, 1e-3)

        def block(x: torch.Tensor, p: P) -> torch.Tensor:
            y = activation(step(x, p, "expand", (), 0)) if "expand.weight" in p else x
            y = activation(step(y, p, "depthwise", (1,) * 4, stride))
            if squeeze:
                gate = torch.relu(dense(y.mean((1, 2)), p, "squeeze_excite.squeeze."))
                gate = _hard(dense(gate, p, "squeeze_excite.excite."))
                y = y * gate[:, None, None]
            y = step(y, p, "project", (), 0)
            return x + y if y.shape == x.shape else y

        return block

    return peer(False), peer(True)


def _skipped(x: torch.Tensor, p: P) -> torch.Tensor:
    """A U-shaped branch: 6 positions are pooled to 3, the convolution leaves 2, which are upsampled to 4."""
    y = conv(last(functional.avg_pool1d(first(x), 2)), p, name="conv1.")
    y = last(functional.conv_transpose1d(first(y), first(p["up.weight"]), p["up.bias"], 2))
    return torch.cat([x[:, 1:-1], y], -1)


_SKIP = nn.Skip(
    nn.Sequential(pool=nn.AveragePool(2), conv1=nn.Conv(2, 2), up=nn.ConvTranspose(2, 2, stride=2))
)

CASES: dict[str, Case] = {
    "residual with a shortcut": Case(
        nn.Residual(nn.Dense(3), shortcut=nn.Dense(3, bias=False), activation="tanh"),
        (2,),
        lambda x, p: torch.tanh(dense(x, p, "shortcut.") + dense(x, p, "dense.")),
    ),
    "residual of named values with a shortcut": Case(
        nn.Residual(nn.Dot(), shortcut=nn.Parallel("add", a=nn.Dense(1), b=nn.Dense(1, bias=False))),
        {"a": (3,), "b": (3,)},
        lambda x, p: (
            (x["a"] * x["b"]).sum(-1, keepdim=True)
            + dense(x["a"], p, "shortcut.a.")
            + dense(x["b"], p, "shortcut.b.")
        ),
    ),
    "residual with a layer as activation": Case(
        nn.Residual(nn.Dense(2), activation=nn.Activation("sigmoid")),
        (2,),
        lambda x, p: torch.sigmoid(x + dense(x, p, "dense.")),
    ),
    "basic block": Case(nn.BasicBlock(2), (3, 2, 2), *_basic(1)),
    "basic block with a projection": Case(nn.BasicBlock(3, stride=2), (3, 4, 2), *_basic(2)),
    "basic block with zeros": Case(
        nn.BasicBlock(3, stride=2, shortcut="zeros", norm=nn.Identity()), (3, 4, 2), _zeros
    ),
    "basic block to fewer channels": Case(
        nn.BasicBlock(2, stride=1, shortcut="zeros", norm=nn.Identity()), (4, 3), _narrower
    ),
    "bottleneck": Case(
        nn.Bottleneck(2, stride=2, expansion=2), (3, 2, 2), _bottleneck(False), _bottleneck(True)
    ),
    "inverted residual": Case(
        nn.InvertedResidual(3, 4, 2, squeeze_excite=True, activation="tanh"),
        (3, 2, 2),
        *_inverted(1, True, torch.tanh),
    ),
    "inverted residual with steps": Case(
        nn.InvertedResidual(3, 2, 3, activation=nn.Activation("sigmoid"), stride=2),
        (3, 4, 2),
        *_inverted(2, False, torch.sigmoid),
    ),
    "skip": Case(_SKIP, (6, 2), _skipped),
    "skip of the same size": Case(
        nn.Skip(nn.Conv(1, 1)), (2, 2, 2), lambda x, p: torch.cat([x, conv(x, p)], -1)
    ),
    "squeeze and excite with a hard gate": Case(
        nn.SqueezeExcite(units=3, gate="hard_sigmoid"),
        (2, 2, 2),
        lambda x, p: (
            x * _hard(dense(torch.relu(dense(x.mean((1, 2)), p, "squeeze.")), p, "excite."))[:, None, None]
        ),
    ),
    "sequential with names": Case(
        nn.Sequential(nn.Dense(3), middle=nn.Dense(2, "tanh"), head=nn.Dense(2)),
        (2,),
        lambda x, p: dense(torch.tanh(dense(dense(x, p, "dense1."), p, "middle.")), p, "head."),
    ),
}
