"""Functions of two parameters, and their minimization by chainrule, PyTorch and algorithms in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from chainrule import nn
from chainrule.engines import compile
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.optimizer import StepContext
from chainrule.symbolic_shape import bound

Arrays = dict[str, np.ndarray]
START = {"a": np.array([-1.2, 1.0, 0.5]), "b": np.array([[0.3, -0.7], [2.0, 0.0], [1.0, 0.6]])}


def rosenbrock(values: Mapping[str, Any]) -> Any:
    """Rosenbrock's function of ``a`` plus a polynomial of degree 4 in ``b``, for nodes and tensors alike."""
    a, b = values["a"], values["b"]
    valley = (a[1:] - a[:-1] * a[:-1]) * (a[1:] - a[:-1] * a[:-1]) * 10.0 + (a[:-1] - 1.0) * (a[:-1] - 1.0)
    return valley.sum() + (b * b * b * b * 0.5 + (b - 0.25) * (b - 0.25)).sum()


def quadratic(values: Mapping[str, Any]) -> Any:
    """The squared distance from 0.5."""
    return sum(((p - 0.5) * (p - 0.5)).sum() for p in values.values())


def step_graphs(
    optimizer: nn.Optimizer, steps: int, dtype: str = "float64", function: Callable[..., Any] = rosenbrock
) -> tuple[Graph, Graph, Arrays]:
    """The graph of one step, the graph of the parameters for inference, and the values at the start."""
    params = {name: input_node(name, v.shape, dtype, "parameter") for name, v in START.items()}
    step = input_node("step", (), dtype, "step")
    memory = optimizer.memory({name: v.shape for name, v in START.items()})
    slots = {label: input_node(label, slot.shape, dtype, "state") for label, slot in memory.items()}
    loss: Node = function(params)
    gradients = dict(zip(params, grad(loss, list(params.values())), strict=True))
    now = StepContext(optimizer.schedule(step, steps), step + 1.0, loss)
    moved, state = optimizer.moves(params, gradients, slots, now)
    assert set(state) == set(memory)
    initial = {label: np.full(bound(slot.shape), slot.first, dtype) for label, slot in memory.items()}
    values = {**{name: v.astype(dtype) for name, v in START.items()}, **initial}
    return (
        Graph({**moved, **state, "loss": loss}),
        Graph(optimizer.evaluation_parameters(params, slots, step)),
        values,
    )


def minimize(
    optimizer: nn.Optimizer, steps: int, dtype: str = "float64", function: Callable[..., Any] = rosenbrock
) -> Arrays:
    """The parameters after some steps; those that the optimizer uses for inference as ``inference a``, ..."""
    graph, inference, values = step_graphs(optimizer, steps, dtype, function)
    program = compile(graph, "reference")
    for i in range(steps):
        values = {**values, "step": np.array(i, dtype)}
        values = program.run({name: values[name] for name in graph.inputs})
    values = {**values, "step": np.array(steps, dtype)}
    used = compile(inference, "reference").run({name: values[name] for name in inference.inputs})
    return {**{name: values[name] for name in START}, **{f"inference {name}": v for name, v in used.items()}}


def torch_minimize(
    peer: Callable[[list[torch.Tensor]], torch.optim.Optimizer],
    steps: int,
    schedule: Callable[..., Any] | None = None,
) -> Arrays:
    """The parameters after some steps of an optimizer of PyTorch on ``rosenbrock``."""
    params = {name: torch.tensor(v, requires_grad=True) for name, v in START.items()}
    optimizer = peer(list(params.values()))
    scheduler = schedule(optimizer) if schedule else None
    for _ in range(steps):
        optimizer.zero_grad()
        rosenbrock(params).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return {name: p.detach().numpy() for name, p in params.items()}


def numpy_minimize(algorithm: Callable[..., tuple[np.ndarray, dict[str, Any]]], steps: int) -> Arrays:
    """The parameters after some steps of an algorithm in NumPy on ``rosenbrock``.

    Args:
        algorithm: weight, gradient, state (empty at first) and step (from 1) -> new weight and state.
        steps: their number.
    """
    values = {name: v.copy() for name, v in START.items()}
    states: dict[str, dict[str, Any]] = {name: {} for name in START}
    for t in range(1, steps + 1):
        tensors = {name: torch.tensor(v, requires_grad=True) for name, v in values.items()}
        rosenbrock(tensors).backward()
        for name, tensor in tensors.items():
            assert tensor.grad is not None
            values[name], states[name] = algorithm(values[name], tensor.grad.numpy(), states[name], t)
    inference = {name: state["inference"] for name, state in states.items() if "inference" in state}
    return {**values, **{f"inference {name}": value for name, value in inference.items()}}
