"""The networks in PyTorch, shared by its eager and compiled peers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.descriptions import Case, Conv, Dense, Net, Pool
from benchmarks.named_networks import NetworkCase

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}


def build(case: Case) -> nn.Sequential:
    """The network with the case's initial parameters."""
    torch.set_num_threads(case.threads)
    layers: list[nn.Module] = []
    for layer, before, _ in case.net.walk():
        match layer:
            case Dense():
                layers += [] if len(before) == 1 else [nn.Flatten()]
                width = 1
                for n in before:
                    width *= n
                layers.append(nn.Linear(width, layer.units))
                layers += [ACTIVATIONS[layer.activation]()] if layer.activation else []
            case Conv():
                padding = layer.kernel // 2 if layer.same else 0
                layers += [nn.Conv2d(before[-1], layer.channels, layer.kernel, padding=padding), nn.ReLU()]
            case Pool():
                layers.append(nn.MaxPool2d(layer.size))
    net = nn.Sequential(*layers)
    _load(net, case)
    return net


def _load(net: nn.Sequential, case: Case) -> None:
    """Set the parameters: channels come first here, in kernels and in flattened images."""
    modules = [m for m in net if isinstance(m, nn.Linear | nn.Conv2d)]
    shapes = [before for layer, before, _ in case.net.walk() if not isinstance(layer, Pool)]
    with torch.no_grad():
        for module, before, (weight, bias) in zip(modules, shapes, case.parameters(), strict=True):
            value = torch.from_numpy(weight)
            if isinstance(module, nn.Conv2d):
                value = value.permute(0, 3, 1, 2)  # (O, kh, kw, I) -> (O, I, kh, kw)
            elif len(before) == 3:
                value = value.reshape(-1, *before).permute(0, 3, 1, 2).reshape(len(weight), -1)
            module.weight.copy_(value)
            assert module.bias is not None
            module.bias.copy_(torch.from_numpy(bias))


def images_first(case: Case, x: Tensor) -> Tensor:
    """Images in PyTorch's layout: (B, H, W, C) -> (B, C, H, W)."""
    return x if case.net.is_dense else x.permute(0, 3, 1, 2).contiguous()


def samples(case: Case) -> tuple[Tensor, Tensor]:
    """The rows in memory as tensors."""
    x, y = case.data()
    return images_first(case, torch.from_numpy(x)), torch.from_numpy(y)


def autocast(case: Case | NetworkCase) -> torch.autocast:
    """Return a context for the precision of the case, in which PyTorch chooses the operations in bfloat16."""
    return torch.autocast("cpu", torch.bfloat16, enabled=case.precision == "bfloat16")


def loss_of(net: Net) -> Loss:
    """The network's loss."""
    if net.loss == "cross_entropy":
        return functional.cross_entropy
    return lambda z, y: 0.5 * functional.mse_loss(z, y)
