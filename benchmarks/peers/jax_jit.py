"""JAX: a complete step under ``jit`` with donated buffers, one step per call or many."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.descriptions import MOMENTUM, PASS, RATE, Case, Conv, Dense, Net, Pool
from benchmarks.peers import Run, Variants
from benchmarks.peers.jax_networks import train as train

State: TypeAlias = Any  # (parameters, velocities, number of the step)


def forward(net: Net, parameters: Any, x: Any) -> Any:
    """The network's outputs; images stay (B, H, W, C)."""
    values = iter(parameters)
    for layer in net.layers:
        match layer:
            case Dense():
                weight, bias = next(values)
                x = _activated(layer.activation, x.reshape(len(x), -1) @ weight + bias)
            case Conv():
                weight, bias = next(values)
                padding, axes = "SAME" if layer.same else "VALID", ("NHWC", "HWIO", "NHWC")
                x = jax.nn.relu(
                    lax.conv_general_dilated(x, weight, (1, 1), padding, dimension_numbers=axes) + bias
                )
            case Pool():
                window = (1, layer.size, layer.size, 1)
                x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
    return x


def _activated(name: str, z: Any) -> Any:
    return {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "": lambda same: same}[name](z)


def objective(net: Net, parameters: Any, x: Any, y: Any) -> Any:
    """The mean loss."""
    z = forward(net, parameters, x)
    if net.loss == "half_mse":
        return 0.5 * jnp.mean((z - y) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1))


def _moved(case: Case, state: State, x: Any, y: Any, order: Any) -> tuple[State, Any]:
    """One step: the batch by index, its gradient, the update."""
    parameters, velocities, number = state
    at = number % (case.rows // case.batch) * case.batch
    rows = lax.dynamic_slice(order, (at,), (case.batch,))
    loss, gradient = jax.value_and_grad(partial(objective, case.net))(parameters, x[rows], y[rows])
    velocities = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocities, gradient)
    parameters = jax.tree.map(lambda p, v: p - RATE * v, parameters, velocities)
    return (parameters, velocities, number + 1), loss


def _first(case: Case) -> Any:
    """The initial parameters in JAX's layout: (I, O) and (kh, kw, I, O)."""
    return [
        (jnp.asarray(w.T if w.ndim == 2 else w.transpose(1, 2, 3, 0)), jnp.asarray(b))
        for w, b in case.parameters()
    ]


def _begin(case: Case) -> State:
    parameters = _first(case)
    return parameters, jax.tree.map(jnp.zeros_like, parameters), jnp.int32(0)


def _arrays(case: Case) -> tuple[Any, Any, Any]:
    x, y = case.data()
    kind = jnp.float32 if case.net.loss == "half_mse" else jnp.int32
    return jnp.asarray(x), jnp.asarray(y, kind), jnp.asarray(case.order(), jnp.int32)


def step(case: Case) -> Variants:
    """One step per call, or a complete pass inside one call."""
    return {"one step a call": lambda: _single(case), "scan": lambda: _scan(case, PASS)}


def _single(case: Case) -> Run:
    move = jax.jit(partial(_moved, case), donate_argnums=0)
    state, arrays = _begin(case), _arrays(case)

    def run(count: int) -> float:
        nonlocal state
        loss: Any = 0.0
        for _ in range(count):
            state, loss = move(state, *arrays)
        return float(loss)

    return run


def _scan(case: Case, length: int) -> Run:
    def many(state: State, x: Any, y: Any, order: Any) -> tuple[State, Any]:
        return lax.scan(lambda current, _: _moved(case, current, x, y, order), state, length=length)

    move = jax.jit(many, donate_argnums=0)
    state, arrays = _begin(case), _arrays(case)

    def run(count: int) -> float:
        nonlocal state
        losses: Any = [0.0]
        for _ in range(count // length):
            state, losses = move(state, *arrays)
        return float(losses[-1])

    return run


def epoch(case: Case) -> Variants:
    """Shuffled passes, step by step; only full batches, so that there is one compiled function."""
    return {"one step a call": lambda: _epochs(case)}


def _epochs(case: Case) -> Run:
    move = jax.jit(partial(_moved, case), donate_argnums=0)
    state, (x, y, order) = _begin(case), _arrays(case)
    key = jax.random.key(case.seed)

    def run(count: int) -> float:
        nonlocal state, key
        mean: Any = 0.0
        for _ in range(count):
            key, fresh = jax.random.split(key)
            shuffled, losses = jax.random.permutation(fresh, order), []
            for _ in range(case.rows // case.batch):
                state, loss = move(state, x, y, shuffled)
                losses.append(loss)
            mean = jnp.mean(jnp.stack(losses))
        return float(mean)

    return run


def predict(case: Case) -> Variants:
    """The jitted network, from array to array."""
    return {"jit": lambda: _predictions(case)}


def _predictions(case: Case) -> Run:
    predict_batch = jax.jit(partial(forward, case.net))
    parameters, x = _first(case), jnp.asarray(case.batch_of_inputs())

    def run(count: int) -> float:
        y = predict_batch(parameters, x)
        for _ in range(count - 1):
            y = predict_batch(parameters, x).block_until_ready()
        return float(y[0, 0])

    return run
