"""The named networks that are measured, as plain facts that every peer builds its own net from.

A parameter's first numbers are a function of its path and shape alone (``drawn``). So nobody hands weights
around: every peer asks for ``stage1.block1.conv1.weight`` and gets the same numbers, in the layout of this
package: (out, in) for products, (O, kh, kw, I) for convolutions. Nothing is dropped at random, so that all
compute the same.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np

BATCHES = 2  # in memory; a run is a multiple of so many steps, so that all engines end at one place


@dataclass(frozen=True)
class Given:
    """One input: the shape of a sample, and below which number whole ones lie (0: any numbers)."""

    shape: tuple[int, ...]
    below: int = 0


@dataclass(frozen=True)
class Network:
    """A network, what it is given and what it is to tell.

    Args:
        name: how it is called in reports.
        inputs: by name.
        target: the shape of a sample's target; whole numbers.
        classes: below which they lie.
        batch: samples in a training step.
        is_normed: whether it has batch norms, which need all samples at once.
    """

    name: str
    inputs: dict[str, Given]
    target: tuple[int, ...]
    classes: int
    batch: int
    is_normed: bool = False

    @property
    def has_images(self) -> bool:
        """Whether memory formats matter."""
        return any(len(given.shape) == 3 for given in self.inputs.values())


WORDS, LENGTH, WIDTH = 512, 64, 256
TEXT = Given((LENGTH,), WORDS)
RESNET = Network("ResNet-18", {"x": Given((32, 32, 3))}, (), 10, 64, True)
GPT = Network("GPT", {"x": Given((128,), WORDS)}, (128,), WORDS, 16)
ALEXNET = Network("AlexNet", {"x": Given((224, 224, 3))}, (), 1000, 32)
LSTM = Network("LSTM", {"x": Given((64, 64))}, (), 10, 32)
TRANSFORMER = Network("Transformer", {"source": TEXT, "target": TEXT}, (LENGTH,), WORDS, 32)
RESNET50 = Network("ResNet-50", {"x": Given((224, 224, 3))}, (), 1000, 8, True)  # only planned
NETWORKS = {net.name: net for net in (RESNET, GPT, ALEXNET, LSTM, TRANSFORMER)}
BLOCKS = {"GPT": 4, "Transformer": 2}  # of each stack
HEADS = {"GPT": 8, "Transformer": 4}
UNITS = 128  # of the LSTM


@dataclass(frozen=True)
class NetworkCase:
    """What an engine is asked to make ready; as ``nets.Case``."""

    net: Network
    batch: int
    rows: int
    threads: int
    seed: int = 0

    def data(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The inputs by name and the targets that lie in memory; without meaning."""
        rng = np.random.default_rng(self.seed)
        x = {name: _numbers(rng, (self.rows, *g.shape), g.below) for name, g in self.net.inputs.items()}
        return x, _numbers(rng, (self.rows, *self.net.target), self.net.classes)

    def order(self) -> np.ndarray:
        """The order in which rows are taken, one pass."""
        return np.random.default_rng(self.seed).permutation(self.rows)


def _numbers(rng: np.random.Generator, shape: tuple[int, ...], below: int) -> np.ndarray:
    return rng.integers(0, below, shape) if below else rng.standard_normal(shape, np.float32)


def drawn(path: str, shape: tuple[int, ...]) -> np.ndarray:
    """The first numbers of a parameter: of size 1 / sqrt(inputs) for matrices, near 1 or 0 for vectors.

    Example:
        >>> drawn("norm1.scale", (3,)).round(2).tolist()
        [1.09, 1.03, 1.0]
    """
    numbers = np.random.default_rng(zlib.crc32(path.encode())).standard_normal(shape, np.float32)
    if len(shape) > 1:
        return numbers / np.float32(math.sqrt(math.prod(shape[1:])))
    return np.float32(0.1) * numbers + np.float32(path.endswith("scale"))
