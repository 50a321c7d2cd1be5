"""PyTorch with ``torch.compile``: the model, the model and the update, or a whole step as one function."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.descriptions import MOMENTUM, RATE, Case
from benchmarks.peers import Run, Variants, torch_networks
from benchmarks.peers.torch_eager import epochs, optimizer_of, predicted, trained
from benchmarks.peers.torch_models import autocast, build, loss_of, samples


def step(case: Case) -> Variants:
    """From the smallest compiled part to the largest."""
    return {
        "model": lambda: _model(case),
        "model, compiled update": lambda: _model(case, is_update_compiled=True),
        "whole step": lambda: _complete_step(case, {}),
        "whole step, C++ wrapper": lambda: _complete_step(case, {"cpp_wrapper": True}),
    }


def compiled(function: Any, options: dict[str, Any] | None = None) -> Any:
    """A compiled function for exactly these sizes, with the faster options."""
    return torch.compile(function, dynamic=False, options=options or None)


def _model(case: Case, is_update_compiled: bool = False) -> Run:
    net = build(case)
    optimizer = optimizer_of(net, "foreach" if is_update_compiled else "fused")
    if is_update_compiled:
        optimizer.step = compiled(optimizer.step)
    return trained(case, compiled(net), loss_of(case.net), optimizer)


def _complete_step(case: Case, options: dict[str, Any]) -> Run:
    """Forward, loss, backward and update as one function of parameters and velocities, changed in place."""
    net, criterion = build(case), loss_of(case.net)
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    velocities = {name: torch.zeros_like(p) for name, p in parameters.items()}

    def objective(values: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        with autocast(case):
            return criterion(torch.func.functional_call(net, values, (x,)), y)

    def make(x: Tensor, y: Tensor, rows: Tensor) -> Tensor:
        batch = x.index_select(0, rows), y.index_select(0, rows)
        gradients, loss = torch.func.grad_and_value(objective)(parameters, *batch)
        for name, p in parameters.items():
            velocities[name].mul_(MOMENTUM).add_(gradients[name])
            p.sub_(velocities[name], alpha=RATE)
        return loss

    fast = compiled(make, options)
    x, y = samples(case)
    full_batches = case.rows // case.batch
    order = [rows.clone() for rows in torch.from_numpy(case.order()).split(case.batch)[:full_batches]]

    def run(count: int) -> float:
        loss = torch.zeros(())
        with torch.no_grad():
            for i in range(count):
                loss = fast(x, y, order[i % full_batches])
        return float(loss)

    return run


train = torch_networks.compiled


def epoch(case: Case) -> Variants:
    """The usual loop around a compiled model."""
    return {"model": lambda: _epochs(case)}


def _epochs(case: Case) -> Run:
    net = build(case)
    return epochs(case, compiled(net), loss_of(case.net), optimizer_of(net, "fused"))


def predict(case: Case) -> Variants:
    """The compiled model."""
    return {"model": lambda: predicted(case, compiled(_frozen(build(case))), case.threads)}


def _frozen(net: nn.Module) -> nn.Module:
    return net.eval().requires_grad_(False)
