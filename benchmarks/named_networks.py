"""The named networks that are measured, as plain facts from which every peer builds its own network.

The initial values of a parameter are a function of its path and shape (``initial_values``), so no weights are
passed around: every peer computes those of ``stage1.block1.conv1.weight`` and gets the same values, in the
layout of this package: (out, in) for products, (O, kh, kw, I) for convolutions. There is no dropout, so that
all compute the same.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np

from chainrule.settings import PrecisionName

BATCHES = 2  # in memory; a run is a multiple of that many steps, so that all engines end at the same position


@dataclass(frozen=True)
class InputShape:
    """One input: the shape of a sample, and the upper bound of its integers (0: real numbers)."""

    shape: tuple[int, ...]
    below: int = 0


@dataclass(frozen=True)
class Network:
    """A network with its inputs and targets.

    Args:
        name: its name in reports.
        inputs: by name.
        target: the shape of a sample's target, which consists of integers.
        classes: the upper bound of the targets.
        batch: samples in a training step.
        is_normed: whether it has batch norms, which need all samples at once.
    """

    name: str
    inputs: dict[str, InputShape]
    target: tuple[int, ...]
    classes: int
    batch: int
    is_normed: bool = False

    @property
    def has_images(self) -> bool:
        """Whether memory formats matter."""
        return any(len(tensor.shape) == 3 for tensor in self.inputs.values())


WORDS, LENGTH, WIDTH = 512, 64, 256
TEXT = InputShape((LENGTH,), WORDS)
RESNET = Network("ResNet-18", {"x": InputShape((32, 32, 3))}, (), 10, 64, True)
GPT = Network("GPT", {"x": InputShape((128,), WORDS)}, (128,), WORDS, 16)
ALEXNET = Network("AlexNet", {"x": InputShape((224, 224, 3))}, (), 1000, 32)
LSTM = Network("LSTM", {"x": InputShape((64, 64))}, (), 10, 32)
TRANSFORMER = Network("Transformer", {"source": TEXT, "target": TEXT}, (LENGTH,), WORDS, 32)
RESNET50 = Network("ResNet-50", {"x": InputShape((224, 224, 3))}, (), 1000, 8, True)  # only planned
NETWORKS = {net.name: net for net in (RESNET, GPT, ALEXNET, LSTM, TRANSFORMER)}
BLOCKS = {"GPT": 4, "Transformer": 2}  # of each stack
HEADS = {"GPT": 8, "Transformer": 4}
UNITS = 128  # of the LSTM


@dataclass(frozen=True)
class NetworkCase:
    """A network with the sizes that an engine prepares; as ``descriptions.Case``."""

    net: Network
    batch: int
    rows: int
    threads: int
    seed: int = 0
    precision: PrecisionName = "float32"

    def data(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The random inputs by name and targets in memory."""
        rng = np.random.default_rng(self.seed)
        x = {name: _numbers(rng, (self.rows, *g.shape), g.below) for name, g in self.net.inputs.items()}
        return x, _numbers(rng, (self.rows, *self.net.target), self.net.classes)

    def order(self) -> np.ndarray:
        """The order of the rows in one pass."""
        return np.random.default_rng(self.seed).permutation(self.rows)


def _numbers(rng: np.random.Generator, shape: tuple[int, ...], below: int) -> np.ndarray:
    return rng.integers(0, below, shape) if below else rng.standard_normal(shape, np.float32)


def initial_values(path: str, shape: tuple[int, ...]) -> np.ndarray:
    """The initial values of a parameter: of size 1 / sqrt(inputs) for matrices, near 1 or 0 for vectors.

    Example:
        >>> initial_values("norm1.scale", (3,)).round(2).tolist()
        [1.09, 1.03, 1.0]
    """
    numbers = np.random.default_rng(zlib.crc32(path.encode())).standard_normal(shape, np.float32)
    if len(shape) > 1:
        return numbers / np.float32(math.sqrt(math.prod(shape[1:])))
    return np.float32(0.1) * numbers + np.float32(path.endswith("scale"))
