"""The measured networks, as plain descriptions that every engine can build."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from chainrule.settings import PrecisionName

RATE, MOMENTUM = 1e-3, 0.9
PASS = (
    16  # batches in one pass over a network's rows; runs are complete passes, so that all engines end alike
)


@dataclass(frozen=True)
class Dense:
    """A fully connected layer; its input is flattened."""

    units: int
    activation: str = ""


@dataclass(frozen=True)
class Conv:
    """``channels`` maps of ``kernel`` x ``kernel`` with ReLU; padded to keep the size, or not at all."""

    channels: int
    kernel: int
    same: bool = False


@dataclass(frozen=True)
class Pool:
    """The maximum of each ``size`` x ``size`` square."""

    size: int


Layer: TypeAlias = Dense | Conv | Pool
Tensors: TypeAlias = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Net:
    """A network as a table of layers.

    Args:
        name: its name in reports.
        shape: one sample, images as (H, W, C).
        layers: from input to output.
        loss: ``"cross_entropy"`` with integer labels, or ``"half_mse"``.
        batch: samples in a training step.
    """

    name: str
    shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    loss: str
    batch: int

    @property
    def is_dense(self) -> bool:
        """Whether there are no images."""
        return all(isinstance(layer, Dense) for layer in self.layers)

    @property
    def outputs(self) -> int:
        """The number of outputs of the network."""
        last = self.layers[-1]
        assert isinstance(last, Dense)
        return last.units

    def walk(self) -> Iterator[tuple[Layer, tuple[int, ...], tuple[int, ...]]]:
        """Yield each layer with the shape of one sample before and after it."""
        shape = self.shape
        for layer in self.layers:
            before, shape = shape, _after(layer, shape)
            yield layer, before, shape

    def flops(self, batch: int, training: bool) -> float:
        """Floating-point operations of the matrix products and convolutions, two for each multiply-and-add.

        The backward pass has two products for each one of the forward pass; the first layer has no input
        gradient.
        """
        total, is_first = 0.0, True
        for layer, before, after in self.walk():
            match layer:
                case Dense():
                    macs = math.prod(before) * layer.units
                case Conv():
                    macs = math.prod(after) * layer.kernel**2 * before[-1]
                case Pool():
                    continue
            total += 2.0 * macs * batch * ((2 if is_first else 3) if training else 1)
            is_first = False
        return total

    def parameters(self, seed: int) -> Tensors:
        """Initial weights and biases of each layer that has some: (O, I), convolutions (O, kh, kw, I)."""
        rng = np.random.default_rng(seed)
        parameters = []
        for layer, before, _ in self.walk():
            if isinstance(layer, Pool):
                continue
            is_dense = isinstance(layer, Dense)
            shape = (
                (layer.units, math.prod(before))
                if is_dense
                else (layer.channels, layer.kernel, layer.kernel, before[-1])
            )
            weight = rng.standard_normal(shape, np.float32) / np.float32(math.sqrt(math.prod(shape[1:])))
            parameters.append((weight, np.zeros(shape[0], np.float32)))
        return parameters

    def rows(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Random samples: speed does not depend on them."""
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((count, *self.shape), np.float32)
        if self.loss == "half_mse":
            return x, rng.random((count, self.outputs), np.float32)
        return x, rng.integers(0, self.outputs, count)


def _after(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one sample after a layer."""
    match layer:
        case Dense():
            return (layer.units,)
        case Conv():
            lost = 0 if layer.same else layer.kernel - 1
            return (shape[0] - lost, shape[1] - lost, layer.channels)
        case Pool():
            return (shape[0] // layer.size, shape[1] // layer.size, shape[2])


def dense(sizes: str, activation: str, batch: int, loss: str = "cross_entropy") -> Net:
    """A fully connected network from its sizes, as in ``"784-256-128-10"``; scores or values at the end."""
    first, *hidden, last = map(int, sizes.split("-"))
    end = Dense(last, activation if loss == "half_mse" else "")
    return Net(sizes, (first,), (*(Dense(n, activation) for n in hidden), end), loss, batch)


LENET = Net(
    "LeNet-5",
    (28, 28, 1),
    (
        Conv(6, 5, same=True),  # (H, W, C): (28, 28, 6)
        Pool(2),  # (14, 14, 6)
        Conv(16, 5),  # (10, 10, 16)
        Pool(2),  # (5, 5, 16)
        Dense(120, "relu"),
        Dense(84, "relu"),
        Dense(10),
    ),
    "cross_entropy",
    128,
)
NETS = (
    dense("2-3-1", "sigmoid", 32, "half_mse"),
    dense("20-64-64-10", "relu", 32),
    dense("784-256-128-10", "relu", 128),
    dense("1024-1024-1024-10", "relu", 256),
    LENET,
)


def named(name: str) -> Net:
    """The network of this name, or the fully connected network of these sizes."""
    return next((net for net in NETS if net.name == name), None) or dense(name, "relu", 128)


@dataclass(frozen=True)
class Case:
    """A network with the sizes that an engine prepares.

    Args:
        net: the network.
        batch: samples at a time.
        rows: samples in memory.
        threads: number of threads.
        seed: of parameters, samples and their order.
        precision: ``"float32"``, or ``"bfloat16"`` for the factors of products.
    """

    net: Net
    batch: int
    rows: int
    threads: int
    seed: int = 0
    precision: PrecisionName = "float32"

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """The samples in memory."""
        return self.net.rows(self.rows, self.seed)

    def order(self) -> np.ndarray:
        """The order of the rows in one pass."""
        return np.random.default_rng(self.seed).permutation(self.rows)

    def parameters(self) -> Tensors:
        """The initial parameters."""
        return self.net.parameters(self.seed)

    def batch_of_inputs(self) -> np.ndarray:
        """The inputs for inference: one batch."""
        return self.net.rows(self.batch, self.seed)[0]
