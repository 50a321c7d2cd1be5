"""A hill in two parameters, and the way down it: by our optimizers, by PyTorch's, by algorithms in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from chainrule import nn
from chainrule.engines import compile
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.optimizer import Now
from chainrule.spec import bound

Arrays = dict[str, np.ndarray]
START = {"a": np.array([-1.2, 1.0, 0.5]), "b": np.array([[0.3, -0.7], [2.0, 0.0], [1.0, 0.6]])}


def hill(values: Mapping[str, Any]) -> Any:
    """A bent valley (Rosenbrock's) in ``a`` and a bowl in ``b``, for nodes and tensors alike."""
    a, b = values["a"], values["b"]
    bent = (a[1:] - a[:-1] * a[:-1]) * (a[1:] - a[:-1] * a[:-1]) * 10.0 + (a[:-1] - 1.0) * (a[:-1] - 1.0)
    return bent.sum() + (b * b * b * b * 0.5 + (b - 0.25) * (b - 0.25)).sum()


def bowl(values: Mapping[str, Any]) -> Any:
    """A parabola with its bottom at 0.5."""
    return sum(((p - 0.5) * (p - 0.5)).sum() for p in values.values())


def graphs(
    optimizer: nn.Optimizer, steps: int, dtype: str = "float64", slope: Callable[..., Any] = hill
) -> tuple[Graph, Graph, Arrays]:
    """One step down as a graph, the parameters it answers with as another, and where it begins."""
    params = {name: input_node(name, v.shape, dtype, "parameter") for name, v in START.items()}
    step = input_node("step", (), dtype, "step")
    memory = optimizer.memory({name: v.shape for name, v in START.items()})
    slots = {label: input_node(label, slot.shape, dtype, "state") for label, slot in memory.items()}
    loss: Node = slope(params)
    gradients = dict(zip(params, grad(loss, list(params.values())), strict=True))
    now = Now(optimizer.schedule(step, steps), step + 1.0, loss)
    moved, kept = optimizer.moves(params, gradients, slots, now)
    assert set(kept) == set(memory)
    first = {label: np.full(bound(slot.shape), slot.first, dtype) for label, slot in memory.items()}
    values = {**{name: v.astype(dtype) for name, v in START.items()}, **first}
    return Graph({**moved, **kept, "loss": loss}), Graph(optimizer.answers(params, slots, step)), values


def descend(
    optimizer: nn.Optimizer, steps: int, dtype: str = "float64", slope: Callable[..., Any] = hill
) -> Arrays:
    """The parameters after so many steps down, those the optimizer answers with as ``answer a`` and so on."""
    graph, answers, values = graphs(optimizer, steps, dtype, slope)
    program = compile(graph, "reference")
    for i in range(steps):
        values = {**values, "step": np.array(i, dtype)}
        values = program.run({name: values[name] for name in graph.inputs})
    given = {**values, "step": np.array(steps, dtype)}
    said = compile(answers, "reference").run({name: given[name] for name in answers.inputs})
    return {**{name: values[name] for name in START}, **{f"answer {name}": v for name, v in said.items()}}


def peer_descend(
    peer: Callable[[list[torch.Tensor]], torch.optim.Optimizer],
    steps: int,
    schedule: Callable[..., Any] | None = None,
) -> Arrays:
    """PyTorch's way down the same hill."""
    params = {name: torch.tensor(v, requires_grad=True) for name, v in START.items()}
    optimizer = peer(list(params.values()))
    scheduler = schedule(optimizer) if schedule else None
    for _ in range(steps):
        optimizer.zero_grad()
        hill(params).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return {name: p.detach().numpy() for name, p in params.items()}


def written_descend(algorithm: Callable[..., tuple[np.ndarray, dict[str, Any]]], steps: int) -> Arrays:
    """The way down by an algorithm in NumPy: a function of w, g, what it remembers (nothing at first), t."""
    values = {name: v.copy() for name, v in START.items()}
    held: dict[str, dict[str, Any]] = {name: {} for name in START}
    for t in range(1, steps + 1):
        tensors = {name: torch.tensor(v, requires_grad=True) for name, v in values.items()}
        hill(tensors).backward()
        for name, tensor in tensors.items():
            assert tensor.grad is not None
            values[name], held[name] = algorithm(values[name], tensor.grad.numpy(), held[name], t)
    return {**values, **{f"answer {name}": h["answer"] for name, h in held.items() if "answer" in h}}
