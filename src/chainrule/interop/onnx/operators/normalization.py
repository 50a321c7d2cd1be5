"""Normalization, dropout and random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Node, constant
from chainrule.interop.onnx.call import Call, axis_of, fixed, has_batch
from chainrule.interop.onnx.operators.shape import table
from chainrule.interop.onnx.tensors import dtype_of
from chainrule.interop.onnx.values import OperatorError, Value, carrier
from chainrule.ops import functional as F


def batch_normalization(call: Call) -> Any:
    """Return each channel with the running mean and variance; in training mode with those of the batch."""
    x, epsilon = call.x, call.real("epsilon")
    shape = (fixed([x.shape[1]])[0], *[1] * (x.rank - 2))
    scale, shift = (F.cast(F.reshape(call.node(i), shape), x.dtype) for i in (1, 2))
    if call.version < 7:
        call.require("is_test", 1)
    if not call.integer("training_mode"):
        mean, variance = (F.cast(F.reshape(call.node(i), shape), x.dtype) for i in (3, 4))
        return (x - mean) / F.sqrt(variance + epsilon) * scale + shift
    axes, momentum = (0, *range(2, x.rank)), call.real("momentum")
    mean = F.mean(x, axes, keepdims=True)
    variance = F.mean(F.square(x - mean), axes, keepdims=True)
    y = (x - mean) / F.sqrt(variance + epsilon) * scale + shift
    running = [
        call.node(i) * momentum
        + F.cast(F.reshape(v, call.node(i).shape), call.node(i).dtype) * (1.0 - momentum)
        for i, v in ((3, mean), (4, variance))
    ]
    return (y, *running)


def instance_normalization(call: Call) -> Node:
    """Return each channel of each sample with mean 0 and variance 1, times a scale, plus a shift."""
    x, axes = call.x, tuple(range(2, call.x.rank))
    shape = (fixed([x.shape[1]])[0], *[1] * (x.rank - 2))
    scale, shift = (F.reshape(call.node(i), shape) for i in (1, 2))
    deviation = x - F.mean(x, axes, keepdims=True)
    variance = F.mean(F.square(deviation), axes, keepdims=True)
    return deviation / F.sqrt(variance + call.real("epsilon")) * scale + shift


def layer_normalization(call: Call) -> Any:
    """Return each sample with mean 0 and variance 1 over its last axes, times a scale, plus a shift."""
    x = call.x
    first = axis_of(x, call.integer("axis", -1))
    if first == 0 and call.is_batched and has_batch(x):
        raise OperatorError(fact("an axis other than the batch"), first)
    axes = tuple(range(first, x.rank))
    mean = F.mean(x, axes, keepdims=True)
    deviation = x - mean
    variance = F.mean(F.square(deviation), axes, keepdims=True)
    epsilon = call.real("epsilon")
    if epsilon <= 0:
        raise OperatorError("epsilon > 0", epsilon)
    root = F.sqrt(variance + epsilon)
    y = deviation / root * call.node(1)
    shift = call.optional(2)
    y = y if shift is None else y + shift
    return (y, mean, 1.0 / root) if len(call.outputs) > 1 else y


def _local_response(call: Call) -> Node:
    """Return each element divided by a power of the sum of squares over neighboring channels."""
    x, size = call.x, call.integer("size", 1)
    low = (size - 1) // 2
    widths = [(low, size - 1 - low) if axis == 1 else (0, 0) for axis in range(x.rank)]
    channels = fixed([x.shape[1]])[0]
    squares = F.pad(F.square(x), widths)
    total = squares[:, 0:channels]
    for i in range(1, size):
        total = total + squares[:, i : i + channels]
    scale = total * (call.real("alpha") / size) + call.real("bias", 1.0)
    return x / F.power(scale, call.real("beta"))


def dropout(call: Call) -> Any:
    """Return the value itself, as in inference; in training mode a mask of random numbers."""
    x = call.x
    if call.version < 7:
        call.require("is_test", 1)
    mode = bool(call.number(2)) if call.has(2) else False
    ratio = call.number(1, 0.5) if call.has(1) else call.real("ratio", 0.5)
    if not mode or ratio == 0.0:
        return (call.value(0), _all_true(x)) if len(call.outputs) > 1 else call.value(0)
    if call.is_batched:
        raise OperatorError("training_mode = false", "training_mode")
    shape = fixed(x.shape)
    table(*shape)
    mask = _generator(call).uniform(0, 1.0, shape) >= ratio
    y = F.where(constant(mask), x / (1.0 - ratio), 0.0)
    return (y, mask) if len(call.outputs) > 1 else y


def _all_true(x: Node) -> Node:
    return F.broadcast_to(constant(np.array(True)), x.shape)


def _generator(call: Call) -> np.random.RandomState:
    """Return the random numbers of an operator: those of its seed, as in ONNX's reference, or fixed ones."""
    seed = call.attributes.get("seed")
    return np.random.RandomState(0 if seed is None else abs(int(seed)) % 2**32)


def _random(call: Call) -> Any:
    """Uniform or normal random numbers."""
    is_like, is_normal = call.kind.endswith("Like"), "Normal" in call.kind
    shape = fixed(call.value(0).shape) if is_like else call.integers("shape") or ()
    code = call.attributes.get("dtype")
    dtype = (call.dtype() if is_like else np.dtype("float32")) if code is None else dtype_of(code)
    if dtype is None or carrier(dtype) not in ("float32", "float64"):
        raise OperatorError("float32, float64", str(dtype))
    table(*shape)
    draw = _generator(call)
    if is_normal:
        return draw.normal(call.real("mean"), call.real("scale", 1.0), shape).astype(dtype)
    return draw.uniform(call.real("low"), call.real("high", 1.0), shape).astype(dtype)


def _multinomial(call: Call) -> Any:
    x = call.array(0)
    count = call.integer("sample_size", 1)
    table(len(x), count)
    draw = _generator(call)
    p = np.exp(x - x.max(-1, keepdims=True))
    p = p / p.sum(-1, keepdims=True)
    rows = [draw.choice(p.shape[1], count, p=row) for row in p]
    dtype = dtype_of(call.integer("dtype", 6)) or np.dtype("int32")
    return np.array(rows).astype(dtype)


# --- updates of a training


def _gradient_step(call: Call) -> tuple[Value | Node, ...]:
    """Return the updates of ``Adagrad``, ``Adam`` and ``Momentum`` for each of several parameters."""
    learning_rate, step = call.node(0), call.node(1)
    slots = {"Adagrad": 1, "Adam": 2, "Momentum": 1}[call.kind]
    count = (len(call.inputs) - 2) // (2 + slots)
    groups = [[call.node(2 + count * k + i) for k in range(2 + slots)] for i in range(count)]
    updates = [_UPDATES[call.kind](call, learning_rate, step, *group) for group in groups]
    return tuple(node for parts in zip(*updates, strict=True) for node in parts)


def _adagrad(call: Call, learning_rate: Node, step: Node, x: Node, g: Node, h: Node) -> tuple[Node, ...]:
    decayed = learning_rate / (F.cast(step, learning_rate.dtype) * call.real("decay_factor") + 1.0)
    g = x * call.real("norm_coefficient") + g
    h = h + F.square(g)
    return x - F.cast(decayed, x.dtype) * g / (F.sqrt(h) + call.real("epsilon")), h


def _adam(
    call: Call, learning_rate: Node, step: Node, x: Node, g: Node, v: Node, h: Node
) -> tuple[Node, ...]:
    alpha, beta = call.real("alpha"), call.real("beta")
    g = x * call.real("norm_coefficient") + g
    v = v * alpha + g * (1.0 - alpha)
    h = h * beta + F.square(g) * (1.0 - beta)
    t = F.cast(step, learning_rate.dtype)
    powers = (1.0 - F.power(F.full_like(t, alpha), t), 1.0 - F.power(F.full_like(t, beta), t))
    adjusted = F.where(F.greater(t, 0.0), learning_rate * F.sqrt(powers[1]) / powers[0], learning_rate)
    y = x - F.cast(adjusted, x.dtype) * v / (F.sqrt(h) + call.real("epsilon"))
    return y * (1.0 - call.real("norm_coefficient_post")), v, h


def _momentum(call: Call, learning_rate: Node, step: Node, x: Node, g: Node, v: Node) -> tuple[Node, ...]:
    alpha, t = call.real("alpha"), F.cast(step, learning_rate.dtype)
    g = x * call.real("norm_coefficient") + g
    beta = F.where(F.greater(t, 0.0), call.real("beta"), 1.0)
    v = v * alpha + g * F.cast(beta, x.dtype)
    moved = g + v * alpha if call.text("mode") == "nesterov" else v
    return x - F.cast(learning_rate, x.dtype) * moved, v


_UPDATES = {"Adagrad": _adagrad, "Adam": _adam, "Momentum": _momentum}

OPERATORS: dict[str, Any] = {
    "BatchNormalization": batch_normalization,
    "Dropout": dropout,
    "InstanceNormalization": instance_normalization,
    "LRN": _local_response,
    "LayerNormalization": layer_normalization,
    "Multinomial": _multinomial,
    "RandomNormal": _random,
    "RandomNormalLike": _random,
    "RandomUniform": _random,
    "RandomUniformLike": _random,
    "ai.onnx.preview.training.Adagrad": _gradient_step,
    "ai.onnx.preview.training.Adam": _gradient_step,
    "ai.onnx.preview.training.Momentum": _gradient_step,
}
