"""The facts that the doctor has before a training: rows, network, loss, optimizer, order of rows.

Rows are encoded as the network receives them. Of many or large rows, every k-th is used: at most 10,000 rows
and 2 million numbers, and a tenth of that when a training is about to start, so that the check takes
milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

import numpy as np

from chainrule.data import Arrays, Buckets, Finding, Order
from chainrule.data.tables.findings import ROWS
from chainrule.graph import Node
from chainrule.memoization import cached_property
from chainrule.nn.layer import Layer
from chainrule.records import frozen
from chainrule.train.inputs.target import Target
from chainrule.train.network import Network

NUMBERS = 200  # numbers per row, on average
BRIEF = 1000  # maximum number of rows when a training is about to start
FEWEST = 20  # minimum number of rows for statistics of frequencies
NORMALIZE = ("BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "Normalization", "RMSNorm", "Rescaling")


@frozen(eq=False)
class TrainingContext:
    """The facts before a training.

    Args:
        x: (n, ...) some of the encoded rows of each input.
        y: (n, ...) their encoded targets by output.
        rows: the total number of rows.
        network: the graphs of network, loss and optimizer.
        targets: the target of each output.
        order: the order of rows and their batches.
        weighted: whether rows or classes have weights.
        validation: some of the validation rows, like ``x``; empty if there are none.
        table_findings: the findings of ``chainrule.data`` in the table of the rows; ``None`` for arrays.
        feature_names: the names of the features of a table that was encoded; empty for arrays.
    """

    x: Mapping[str, np.ndarray]
    y: Mapping[str, np.ndarray]
    rows: int
    network: Network
    targets: Mapping[str, Target]
    order: Order | Buckets
    weighted: bool = False
    validation: Mapping[str, np.ndarray] = field(default_factory=dict)
    table_findings: tuple[Finding, ...] | None = None
    feature_names: tuple[str, ...] = ()

    @cached_property
    def features(self) -> dict[str, np.ndarray]:
        """Floating-point inputs as rows of features, (n * positions, F), float64, without tokens."""
        words = {name for _, name in self.network.inference.book.tables}
        floats = {name: a for name, a in self.x.items() if name not in words and a.dtype.kind == "f"}
        return {name: a.reshape(-1, a.shape[-1]).astype(np.float64) for name, a in floats.items()}

    @cached_property
    def flat(self) -> np.ndarray | None:
        """The single input with one row for each sample, (n, F); ``None`` if there are several inputs."""
        return next(iter(self.x.values())).reshape(self.sampled_rows, -1) if len(self.x) == 1 else None

    @property
    def sampled_rows(self) -> int:
        """The number of rows in ``x``."""
        return len(next(iter(self.x.values())))

    @property
    def normalizes(self) -> bool:
        """Whether the first layer of the network normalizes its inputs."""
        return next((type(layer).__name__ in NORMALIZE for layer in self.leaves()), False)

    @property
    def single_output(self) -> tuple[Target, np.ndarray] | None:
        """Target and encoded targets of the only output; ``None`` if there are several."""
        name = next(iter(self.targets))
        return (self.targets[name], self.y[name]) if len(self.targets) == 1 else None

    def feature_name(self, index: int) -> str:
        """Return the name of a feature of the first input: that of the table, or ``x[5]``."""
        return self.feature_names[index] if self.feature_names else f"{next(iter(self.x))}[{index}]"

    def classes(self) -> Iterator[tuple[Target, np.ndarray]]:
        """Yield the outputs with one class per sample, with the class indices."""
        for name, target in self.targets.items():
            if target.is_single:
                yield target, self.y[name].reshape(-1).astype(np.int64)

    def findings(self, *codes: str) -> Iterator[Finding]:
        """Yield the findings in the table with these codes."""
        return (finding for finding in self.table_findings or () if finding.code in codes)

    def leaves(self) -> Iterator[Layer]:
        """Yield the layers without inner layers, in call order."""
        layers = self.network.inference.book.layers
        paths = sorted(layers)
        for path, layer in layers.items():
            at = paths.index(path) + 1
            if not (at < len(paths) and paths[at].startswith(f"{path}.")):
                yield layer


def last_operation(output: Node) -> Node:
    """Return the last node of a network that computes values, before nodes that only move or drop them."""
    node = output
    while node.op.name in ("reshape", "cast", "transpose", "slice", "broadcast"):
        node = node.inputs[0]
    return node


def subsample(arrays: Mapping[str, np.ndarray], max_rows: int = ROWS) -> dict[str, np.ndarray]:
    """Return every k-th row of each array.

    Args:
        arrays: arrays with equal numbers of rows.
        max_rows: the maximum number of rows of about 200 numbers each; fewer for larger rows.

    Example:
        >>> {name: a.shape for name, a in subsample({"x": np.zeros((50_000, 3))}).items()}
        {'x': (10000, 3)}
    """
    widest = max(a[0].size for a in arrays.values())
    rows = len(next(iter(arrays.values())))
    max_rows = max(FEWEST, min(max_rows, max_rows * NUMBERS // max(1, widest)))
    return {name: a[:: -(-rows // max_rows)] for name, a in arrays.items()}


def _is_of_members(network: Network, validation: Arrays) -> bool:
    """Return whether weights (N, K) assign validation rows to each member of an ensemble.

    The rows of one member are then training rows of others, which is no leak.
    """
    weights = validation.weights
    return weights is not None and weights.ndim == 2 and any(map(network.members, network.inference.outputs))


def collect_context(
    network: Network,
    targets: Mapping[str, Target],
    data: Arrays,
    order: Order | Buckets,
    validation: Arrays | None = None,
    table_findings: tuple[Finding, ...] | None = None,
    max_rows: int = ROWS,
) -> TrainingContext:
    """Collect the facts before a training.

    Args:
        data: the encoded training rows.
        order: the order of rows and their batches.
        validation: the encoded validation rows; left out where each member of an ensemble has its rows.
    """
    x, coded = data.x, data.y
    assert isinstance(x, dict)
    assert isinstance(coded, dict)
    names = network.target_names
    arrays = {**{f"x.{k}": v for k, v in x.items()}, **{f"y.{k}": v for k, v in coded.items()}}
    chosen = subsample(arrays, max_rows)
    rows = None if validation is None or _is_of_members(network, validation) else validation.x
    validation_x = subsample(rows, max_rows) if isinstance(rows, dict) else {}
    return TrainingContext(
        {name: chosen[f"x.{name}"] for name in x},
        {out: chosen[f"y.{name}"] for out, name in names.items()},
        data.rows,
        network,
        targets,
        order,
        data.weights is not None,
        validation_x,
        table_findings,
    )
