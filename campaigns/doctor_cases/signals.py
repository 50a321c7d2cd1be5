"""Trainings with faulty activations or gradients: rules 1 to 5 and 32."""

from __future__ import annotations

from typing import Any

import numpy as np
from campaigns.doctor_cases.case import Case
from campaigns.doctor_cases.training import INPUTS, Rules, blobs, curve, trained

import chainrule as cr
from chainrule.train.evaluation.evaluate import specs_of


def _deep(depth: int, activation: str, width: int = 16, **how: Any) -> cr.Sequential:
    hidden = [cr.Dense(width, activation, **how) for _ in range(depth)]  # pyright: ignore[reportArgumentType]
    return cr.Sequential(*hidden, cr.Dense(2))


def _diverging(learning_rate: float, loss: str = "mse") -> Rules:
    x, y = curve()
    return trained(cr.Model(_values(), loss, cr.SGD(learning_rate)), x, y, epochs=30)


def _values(depth: int = 2, activation: str = "relu") -> cr.Sequential:
    return cr.Sequential(*[cr.Dense(16, activation) for _ in range(depth)], cr.Dense(1))


def _bad_weight(value: float) -> Rules:
    x, y = blobs()
    model = cr.Model(_deep(1, "relu"), "cross_entropy")
    model.initialize(INPUTS)
    weight = model.parameters()["dense1.weight"]
    weight[0, 0] = value
    model.load_parameters({"dense1.weight": weight})
    return trained(model, x, y, epochs=3)


def _scaled(
    depth: int, activation: str, factor: float, epochs: int = 20, learning_rate: float = 1e-3
) -> Rules:
    """A deep network whose initial weights are too large or too small by a factor in each layer."""
    x, y = blobs()
    model = cr.Model(_deep(depth, activation), "cross_entropy", cr.SGD(learning_rate))
    model.initialize(INPUTS)
    model.load_parameters(
        {path: value * factor for path, value in model.parameters().items() if path.endswith("weight")}
    )
    return trained(model, x, y, epochs=epochs)


def _vanishing(depth: int, activation: str, seed: int = 0, penalty: Any = None) -> Rules:
    x, y = blobs()
    model = cr.Model(_deep(depth, activation), "cross_entropy", cr.Adam(1e-3), penalty=penalty)
    return trained(model, x, y, epochs=20, seed=seed)


def _silent(bias: float, layer: str = "dense1") -> Rules:
    """Units whose pre-activations are far below 0."""
    x, y = blobs()
    model = cr.Model(_deep(2, "relu", 32), "cross_entropy", cr.Adam(1e-3))
    model.initialize(INPUTS)
    some = np.where(np.arange(32) % 4, bias, 0.0)
    model.load_parameters({f"{layer}.bias": some})
    return trained(model, x, y, epochs=20)


def _killed(learning_rate: float) -> Rules:
    """ReLUs that one huge step has deactivated."""
    x, y = blobs()
    return trained(cr.Model(_deep(3, "relu", 32), "cross_entropy", cr.SGD(learning_rate)), x, y, epochs=20)


def _killed_by_adam(learning_rate: float, seed: int = 0) -> Rules:
    x, y = curve()
    return trained(cr.Model(_values(2), "mse", cr.Adam(learning_rate)), x, y, epochs=20, seed=seed)


def _normalized(depth: int, seed: int = 0) -> Rules:
    """Batch normalization without skip connections: the gradient grows by a fifth in each layer."""
    x, y = blobs(256)
    parts = [part for _ in range(depth) for part in (cr.Dense(16), cr.BatchNorm(), cr.Activation("relu"))]
    model = cr.Model(cr.Sequential(*parts, cr.Dense(2)), "cross_entropy", cr.SGD(1e-4))
    return trained(model, x, y, epochs=15, batch_size=64, seed=seed)


def _steep_end() -> Rules:
    x, y = curve()
    model = cr.Model(_values(3), "mse", cr.SGD(1e-7))
    model.initialize(specs_of({"x": x}))
    last = list(model.parameters())[-2]
    model.load_parameters({last: 300 * model.parameters()[last]})
    return trained(model, x, y, epochs=15)


def _far_values() -> Rules:
    x, y = curve()
    return trained(cr.Model(_values(12, "sigmoid"), "mse", cr.Adam(1e-3)), x, y, epochs=15)


def _flat(activation: str, size: float, depth: int = 2) -> Rules:
    """Pre-activations far from 0, from large inputs."""
    x, y = blobs()
    model = cr.Model(_deep(depth, activation, 32), "cross_entropy", cr.Adam(1e-4))
    return trained(model, x * np.float32(size), y, epochs=20)


def _tiny(size: float, activation: str = "tanh") -> Rules:
    """Inputs so small that the weight gradients of the first layer are 0 in float32."""
    x, y = blobs()
    model = cr.Model(_deep(1, activation), "cross_entropy", cr.SGD(0.1))
    return trained(model, x * np.float32(size), y, epochs=10)


CASES = (
    Case("not-finite", "squares that overflow", lambda: _diverging(1e4)),
    Case("not-finite", "a weight that is infinite", lambda: _bad_weight(np.inf)),
    Case("not-finite", "a weight that is NaN", lambda: _bad_weight(np.nan)),
    Case("not-finite", "a deep network with a learning rate far too high", lambda: _killed(1e12)),
    Case("exploding-gradients", "thirty layers with batch normalization", lambda: _normalized(30)),
    Case("exploding-gradients", "twenty-five of them, another seed", lambda: _normalized(25, 1)),
    Case("exploding-gradients", "a relu network, diverging values", lambda: _diverging(1.5)),
    Case("exploding-gradients", "last weights 300 times too large", _steep_end),
    Case("vanishing-gradients", "eight sigmoid layers", lambda: _vanishing(8, "sigmoid")),
    Case("vanishing-gradients", "ten sigmoid layers, another seed", lambda: _vanishing(10, "sigmoid", 1)),
    Case("vanishing-gradients", "six sigmoid layers, small weights", lambda: _scaled(6, "sigmoid", 0.5)),
    Case("vanishing-gradients", "twelve sigmoid layers, values", _far_values),
    Case("vanishing-gradients", "seven, L2 of 0.01", lambda: _vanishing(7, "sigmoid", 0, cr.L2(0.01))),
    Case("vanishing-gradients", "ten, L2 of 0.01", lambda: _vanishing(10, "sigmoid", 1, cr.L2(0.01))),
    Case("vanishing-gradients", "nine, L1 of 0.001", lambda: _vanishing(9, "sigmoid", 2, cr.L1(1e-3))),
    Case("dying-relu", "biases of -50 in the first layer", lambda: _silent(-50.0)),
    Case("dying-relu", "biases of -50 in the second layer", lambda: _silent(-50.0, "dense2")),
    Case("dying-relu", "steps that are far too long", lambda: _killed_by_adam(0.5)),
    Case("dying-relu", "steps far too long, another network", lambda: _killed_by_adam(1.0, 1)),
    Case("saturated", "sigmoid, inputs 100 times too large", lambda: _flat("sigmoid", 100.0)),
    Case("saturated", "tanh, inputs 100 times too large", lambda: _flat("tanh", 100.0)),
    Case("saturated", "tanh layers with weights 30 times too large", lambda: _scaled(2, "tanh", 30.0)),
    Case("gradient-underflow", "inputs of 1e-44", lambda: _tiny(1e-44)),
    Case("gradient-underflow", "sigmoid, inputs of 1e-45", lambda: _tiny(1e-45, "sigmoid")),
    Case("gradient-underflow", "seventy sigmoid layers", lambda: _vanishing(70, "sigmoid")),
    Case("gradient-underflow", "seventy, L2 of 1e-4", lambda: _vanishing(70, "sigmoid", 0, cr.L2(1e-4))),
)
