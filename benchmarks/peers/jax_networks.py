"""JAX's steps of the named networks: forward, gradient and update under ``jit``, with donated buffers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.descriptions import MOMENTUM, RATE
from benchmarks.named_networks import BATCHES, BLOCKS, HEADS, UNITS, WIDTH, WORDS, NetworkCase, initial_values
from benchmarks.peers import Run, Variants

Ask: TypeAlias = Callable[..., Any]  # returns a parameter by path and shape, as this package has it
Net: TypeAlias = Callable[..., Any]  # from inputs and ``Ask`` to scores
AXES = ("NHWC", "HWIO", "NHWC")


def dense(x: Any, path: str, units: int, ask: Ask) -> Any:
    """x W^T + b; stored (I, O)."""
    return x @ ask(f"{path}.weight", (units, x.shape[-1])) + ask(f"{path}.bias", (units,))


def conv(x: Any, path: str, units: int, kernel: int, stride: int, padding: int, ask: Ask) -> Any:
    """A convolution without bias; stored (kh, kw, I, O)."""
    weight = ask(f"{path}.weight", (units, kernel, kernel, x.shape[-1]))
    sides = [(padding, padding)] * 2
    return lax.conv_general_dilated(x, weight, (stride, stride), sides, dimension_numbers=AXES)


def norm(x: Any, path: str, axes: tuple[int, ...], ask: Ask) -> Any:
    """A batch norm in training (without running statistics), or a layer norm."""
    mean, variance = jnp.mean(x, axes, keepdims=True), jnp.var(x, axes, keepdims=True)
    y = (x - mean) * lax.rsqrt(variance + 1e-5)
    return y * ask(f"{path}.scale", x.shape[-1:]) + ask(f"{path}.shift", x.shape[-1:])


def resnet18(ask: Ask, x: Any) -> Any:
    """For images of 32 x 32."""
    batch = partial(norm, axes=(0, 1, 2), ask=ask)
    x = jax.nn.relu(batch(conv(x, "conv1", 64, 3, 1, 1, ask), "norm1"))
    for i, units in enumerate((64, 128, 256, 512), 1):
        for j in (1, 2):
            at, stride = f"stage{i}.block{j}", 2 if i > 1 and j == 1 else 1
            y = jax.nn.relu(batch(conv(x, f"{at}.conv1", units, 3, stride, 1, ask), f"{at}.norm1"))
            y = batch(conv(y, f"{at}.conv2", units, 3, 1, 1, ask), f"{at}.norm2")
            if stride > 1:
                x = batch(conv(x, f"{at}.shortcut.conv", units, 1, 2, 0, ask), f"{at}.shortcut.norm")
            x = jax.nn.relu(x + y)
    return dense(x.mean((1, 2)), "head", 10, ask)


def alexnet(ask: Ask, x: Any) -> Any:
    """The form for one GPU, without dropout."""
    sizes = ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))
    for i, (units, kernel, stride, padding) in enumerate(sizes, 1):
        x = conv(x, f"conv{i}", units, kernel, stride, padding, ask) + ask(f"conv{i}.bias", (units,))
        x = jax.nn.relu(x)
        if i in (1, 2, 5):
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "VALID")
    x = x.reshape(len(x), -1)
    for path in ("dense6", "dense7"):
        x = jax.nn.relu(dense(x, path, 4096, ask))
    return dense(x, "head", 1000, ask)


def reader(ask: Ask, x: Any) -> Any:
    """An LSTM and a classifier of its last state."""
    offered = dense(x, "lstm1", 4 * UNITS, ask)  # (B, T, 4 U)
    recurrent = ask("lstm1.recurrent", (4 * UNITS, UNITS))

    def step(state: Any, gates: Any) -> tuple[Any, None]:
        hidden, cell = state
        i, f, m, o = jnp.split(gates + hidden @ recurrent, 4, 1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(m)
        return (jax.nn.sigmoid(o) * jnp.tanh(cell), cell), None

    zero = jnp.zeros((len(x), UNITS))
    (hidden, _), _ = lax.scan(step, (zero, zero), offered.swapaxes(0, 1))
    return dense(hidden, "dense1", 10, ask)


def attention(x: Any, memory: Any, path: str, heads: int, causal: bool, ask: Ask) -> Any:
    """Multi-head attention to a sequence."""
    inputs = {"query": x, "key": memory, "value": memory}
    q, k, v = (
        dense(value, f"{path}.{name}", WIDTH, ask).reshape(*value.shape[:2], heads, -1)
        for name, value in inputs.items()
    )
    y = jax.nn.dot_product_attention(q, k, v, is_causal=causal)  # (B, T, H, D)
    return dense(y.reshape(x.shape), f"{path}.output", WIDTH, ask)


def feed_forward(x: Any, path: str, bend: Any, ask: Ask) -> Any:
    """A feed-forward network at each position."""
    return dense(bend(dense(x, f"{path}.hidden", 4 * WIDTH, ask)), f"{path}.output", WIDTH, ask)


def gpt(ask: Ask, x: Any) -> Any:
    """Blocks with norms first."""
    layer, words = partial(norm, axes=(-1,), ask=ask), ask("words.weight", (WORDS, WIDTH))
    y = words[x] + ask("position.weight", (128, WIDTH))
    for i in range(1, 1 + BLOCKS["GPT"]):
        at = f"blocks.layer{i}"
        seen = layer(y, f"{at}.attention_norm")
        y = y + attention(seen, seen, f"{at}.attention", HEADS["GPT"], True, ask)
        seen = layer(y, f"{at}.feed_forward_norm")
        y = y + feed_forward(seen, f"{at}.feed_forward", jax.nn.gelu, ask)
    return layer(y, "blocks.norm") @ words.T


def transformer(ask: Ask, source: Any, target: Any) -> Any:
    """Encoder and decoder with norms last."""
    layer, words = partial(norm, axes=(-1,), ask=ask), ask("words.weight", (WORDS, WIDTH))
    x, y = (words[text] * WIDTH**0.5 + waves(text.shape[1]) for text in (source, target))

    def block(at: str, v: Any, memory: Any = None) -> Any:
        heads, is_causal = HEADS["Transformer"], memory is not None
        v = layer(v + attention(v, v, f"{at}.attention", heads, is_causal, ask), f"{at}.attention_norm")
        if memory is not None:
            read = attention(v, memory, f"{at}.memory_attention", heads, False, ask)
            v = layer(v + read, f"{at}.memory_attention_norm")
        return layer(v + feed_forward(v, f"{at}.feed_forward", jax.nn.relu, ask), f"{at}.feed_forward_norm")

    for i in range(1, 1 + BLOCKS["Transformer"]):
        x = block(f"transformer.encoder.layer{i}", x)
    for i in range(1, 1 + BLOCKS["Transformer"]):
        y = block(f"transformer.decoder.layer{i}", y, x)
    return y @ words.T


def waves(length: int) -> np.ndarray:
    """The sinusoidal position encoding."""
    channel = np.arange(WIDTH)
    angles = np.arange(length)[:, None] / 10_000.0 ** (channel // 2 * 2 / WIDTH)
    return np.where(channel % 2, np.cos(angles), np.sin(angles)).astype("float32")


BUILD: dict[str, Net] = {
    "ResNet-18": resnet18,
    "GPT": gpt,
    "AlexNet": alexnet,
    "LSTM": reader,
    "Transformer": transformer,
}
TABLES = ("words.weight", "position.weight")


def first(net: Net, inputs: list[Any]) -> dict[str, Any]:
    """The initial parameters by path, collected by tracing the network for its shapes."""
    parameters: dict[str, Any] = {}

    def ask(path: str, shape: tuple[int, ...]) -> Any:
        value = initial_values(path, shape)
        if value.ndim > 1 and path not in TABLES:
            value = np.moveaxis(value, 0, -1)  # (O, ..., I) -> (..., I, O)
        parameters[path] = np.ascontiguousarray(value)
        return jnp.asarray(parameters[path])

    jax.eval_shape(partial(net, ask), *inputs)
    return {path: jnp.asarray(value) for path, value in parameters.items()}


def train(case: NetworkCase) -> Variants:
    """One step per call, or a complete pass inside one call."""
    return {"one step a call": lambda: _steps(case, 1), "scan": lambda: _steps(case, BATCHES)}


def _steps(case: NetworkCase, length: int) -> Run:
    net = BUILD[case.net.name]
    x, y = case.data()
    inputs, targets = [jnp.asarray(value) for value in x.values()], jnp.asarray(y, jnp.int32)
    order = jnp.asarray(case.order(), jnp.int32).reshape(-1, case.batch)
    parameters = first(net, [value[: case.batch] for value in inputs])

    def loss_of(parameters: dict[str, Any], batch: list[Any], targets: Any) -> Any:
        scores = jax.nn.log_softmax(net(lambda path, _: parameters[path], *batch))
        return -jnp.mean(jnp.take_along_axis(scores, targets[..., None], -1))

    def move(state: Any, at: Any) -> tuple[Any, Any]:
        current, velocities = state
        rows = order[at]
        loss, gradients = jax.value_and_grad(loss_of)(current, [v[rows] for v in inputs], targets[rows])
        velocities = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocities, gradients)
        return (jax.tree.map(lambda p, v: p - RATE * v, current, velocities), velocities), loss

    def pass_of(state: Any, numbers: Any) -> tuple[Any, Any]:
        state, losses = lax.scan(move, state, numbers)
        return state, losses[-1]

    step: Any = jax.jit(pass_of if length > 1 else move, donate_argnums=0)
    state: Any = parameters, jax.tree.map(jnp.zeros_like, parameters)
    batches: Any = [jnp.arange(length)] if length > 1 else range(len(order))

    def run(count: int) -> float:
        nonlocal state
        loss: Any = 0.0
        for i in range(count // length):
            state, loss = step(state, batches[i % len(batches)])
        return float(loss)

    return run
