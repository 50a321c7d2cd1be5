"""What the doctor knows before a training: some rows, the net, the loss, the optimizer, the order of rows.

Rows are looked at as the net will see them, prepared and with classes as numbers. Of many rows, or of large
ones, every k-th is taken: at most 10,000 rows and 2 million numbers; where a training waits to begin, a tenth
of that, so that a look costs milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cached_property

import numpy as np

from chainrule.data import Arrays, Buckets, Finding, Order
from chainrule.data.tables.check_thresholds import ROWS
from chainrule.graph import Node
from chainrule.nn.layer import Layer
from chainrule.records import frozen
from chainrule.train.inputs.target import Target
from chainrule.train.network import Network

NUMBERS = 200  # of them in each row looked at, on average, at most
BRIEF = 1000  # rows that are looked at where a training waits to begin
FEWEST = 20  # rows; of fewer, nothing can be said about how often something happens
NORMALISE = ("BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "Normalization", "RMSNorm", "Rescaling")


@frozen(eq=False)
class Look:
    """What is known before a training.

    Args:
        x: (n, ...) some of the rows of each input, as the net sees them.
        y: (n, ...) their targets by output, classes as numbers.
        rows: how many rows there are in all.
        network: the graphs of net, loss and optimizer.
        targets: what each output is asked for.
        order: which rows are in which batch.
        weighted: whether rows or classes have weights.
        held_out: validation rows, of which some, as ``x``; nothing if there are none.
        noticed: what a look at the table found, where the rows come from one; ``None``: they are arrays.
    """

    x: Mapping[str, np.ndarray]
    y: Mapping[str, np.ndarray]
    rows: int
    network: Network
    targets: Mapping[str, Target]
    order: Order | Buckets
    weighted: bool = False
    held_out: Mapping[str, np.ndarray] = field(default_factory=dict)
    noticed: tuple[Finding, ...] | None = None

    @cached_property
    def features(self) -> dict[str, np.ndarray]:
        """Inputs of numbers as rows of features, (n * places, F), float64; words and masks are left out."""
        words = {name for _, name in self.network.inference.book.tables}
        found = {name: a for name, a in self.x.items() if name not in words and a.dtype.kind == "f"}
        return {name: a.reshape(-1, a.shape[-1]).astype(np.float64) for name, a in found.items()}

    @cached_property
    def flat(self) -> np.ndarray | None:
        """The single input with one row for each sample, (n, F); ``None`` if there are several inputs."""
        return next(iter(self.x.values())).reshape(self.seen, -1) if len(self.x) == 1 else None

    @property
    def seen(self) -> int:
        """How many rows are looked at."""
        return len(next(iter(self.x.values())))

    @property
    def normalises(self) -> bool:
        """Whether the net's first layer brings its inputs to one scale itself."""
        return next((type(layer).__name__ in NORMALISE for layer in self.leaves()), False)

    @property
    def single(self) -> tuple[Target, np.ndarray] | None:
        """What the only output is asked for, and its targets; ``None`` if there are several."""
        name = next(iter(self.targets))
        return (self.targets[name], self.y[name]) if len(self.targets) == 1 else None

    def classes(self) -> Iterator[tuple[Target, np.ndarray]]:
        """The outputs whose samples have one class each, with the classes' numbers."""
        for name, target in self.targets.items():
            if target.is_single:
                yield target, self.y[name].reshape(-1).astype(np.int64)

    def found(self, *codes: str) -> Iterator[Finding]:
        """What a look at the table found of these kinds."""
        return (each for each in self.noticed or () if each.code in codes)

    def leaves(self) -> Iterator[Layer]:
        """The layers that hold no others, in the order in which they are called."""
        layers = self.network.inference.book.layers
        paths = sorted(layers)
        for path, layer in layers.items():
            at = paths.index(path) + 1
            if not (at < len(paths) and paths[at].startswith(f"{path}.")):
                yield layer


def last_operation(output: Node) -> Node:
    """The last node of a net that makes new numbers, behind what only moves or drops them.

    Args:
        output: what the net gives.
    """
    node = output
    while node.op.name in ("reshape", "cast", "transpose", "slice", "broadcast"):
        node = node.inputs[0]
    return node


def some(arrays: Mapping[str, np.ndarray], most: int = ROWS) -> dict[str, np.ndarray]:
    """Every k-th row of each array, so that they are few enough to be looked at.

    Args:
        arrays: rows first, as many in each.
        most: rows, of some 200 numbers each; of larger rows fewer.

    Example:
        >>> {name: a.shape for name, a in some({"x": np.zeros((50_000, 3))}).items()}
        {'x': (10000, 3)}
    """
    widest = max(a[0].size for a in arrays.values())
    rows = len(next(iter(arrays.values())))
    most = max(FEWEST, min(most, most * NUMBERS // max(1, widest)))
    return {name: a[:: -(-rows // most)] for name, a in arrays.items()}


def look_at(
    network: Network, targets: Mapping[str, Target], data: Arrays, order: Order | Buckets,
    held_out: Arrays | None = None, noticed: tuple[Finding, ...] | None = None, most: int = ROWS,
) -> Look:  # fmt: skip
    """The look at encoded rows.

    Args:
        network: the graphs.
        targets: what each output is asked for.
        data: the training rows as the step wants them.
        order: which rows are in which batch.
        held_out: the validation rows, likewise.
        noticed: what a look at the table found.
        most: rows that are looked at.
    """
    x, coded = data.x, data.y
    assert isinstance(x, dict)
    assert isinstance(coded, dict)
    names = network.target_names
    arrays = {**{f"x.{k}": v for k, v in x.items()}, **{f"y.{k}": v for k, v in coded.items()}}
    chosen = some(arrays, most)
    others = {} if held_out is None or not isinstance(held_out.x, dict) else some(held_out.x, most)
    return Look(
        {name: chosen[f"x.{name}"] for name in x}, {out: chosen[f"y.{name}"] for out, name in names.items()},
        data.rows, network, targets, order, data.weights is not None, others, noticed,
    )  # fmt: skip
