"""``Histograms``: distributions of weights, activations and gradients during a training.

A loss shows that a training fails; distributions show how: diverging weights, units whose output is always 0,
gradients that vanish from epoch to epoch. Values are counted in bins that are the same for every layer and
epoch, so that epochs can be compared. The bins are logarithmic, twelve for each power of ten from 1e-6 to
1e3, on both sides of 0. At most 10,000 evenly spaced elements of an array are counted, and about a hundred
epochs of a training. The training itself is not changed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import KW_ONLY
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.errors import FileError, fact
from chainrule.events import CheckpointSaved, EpochDone, Event, Listener, TrainingEnded
from chainrule.graph import Graph, Node
from chainrule.nn.scope import plain_path
from chainrule.records import frozen
from chainrule.store import RunFolder, atomic_write, container
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.network import Network
from chainrule.validation import out_of_range, require, require_integer

FILE = "histograms.safetensors"
KINDS = ("weights", "activations", "gradients")
MAX_COUNTED = 10_000  # maximum number of elements of an array that are counted
MAX_EPOCHS = 100  # approximate maximum number of epochs that are counted
_SIDE = 10.0 ** (np.arange(-6 * 12, 3 * 12 + 1) / 12)
EDGES = np.concatenate([[-np.inf], -_SIDE[::-1], _SIDE, [np.inf]])
"""The edges of the bins: below -1e3, logarithmic to -1e-6, around 0, logarithmic from 1e-6 to 1e3, above."""


@frozen(eq=False)
class RecordedHistograms:
    """Histograms of a training.

    Args:
        epochs: (n,) the epochs after which values were counted.
        counts: by kind (``KINDS``) and path, the number of values in each bin between ``EDGES``, (n, bins).
    """

    epochs: np.ndarray
    counts: Mapping[str, Mapping[str, np.ndarray]]


def count(values: np.ndarray) -> np.ndarray:
    """Return the number of values of an array in each bin, (bins,); a large array is sampled evenly.

    Non-finite values are not counted.

    Example:
        >>> counts = count(np.array([0.5, 0.5, 0.0, -2000.0]))
        >>> counts[counts > 0].tolist(), int(counts[0])
        ([1, 1, 2], 1)
    """
    flat = values.reshape(-1)
    flat = flat[:: max(1, flat.size // MAX_COUNTED)]
    flat = flat[np.isfinite(flat)]
    bins = np.searchsorted(EDGES[1:-1], flat, side="right")
    return np.bincount(bins, minlength=len(EDGES) - 1).astype(np.uint32)


def layer_nodes(network: Network) -> dict[str, Node]:
    """Return the output of each innermost layer, by path and call, in order of execution.

    Layers that return their input or only reshape it are left out.
    """
    results = network.inference.book.results
    containers = {path[:i] for path in results for i, sign in enumerate(path) if sign == "."}
    known: set[Node] = set(network.inference.inputs.values())
    outputs: dict[str, Node] = {}
    for path, node in results.items():
        if plain_path(path) in containers or not isinstance(node, Node) or node in known:
            continue
        if node.op.name != "reshape" and node.spec.is_float:
            outputs[path] = node
            known.add(node)
    return outputs or {name: node for name, node in network.inference.outputs.items() if node.spec.is_float}


@frozen
class Histograms(Callback):
    """Recorder of histograms of weights, activations and gradients, for ``model.plot.weights(run=...)``.

    The file is next to the checkpoints of the training; a resumed training continues it.

    Args:
        path: the path of the file; by default ``histograms.safetensors`` in the run folder ``fit(run=...)``.
        every: number of epochs between two records; 0: about a hundred records of the training.
        activations, gradients: whether to record these too; each costs a pass over a batch.
        rows: number of training rows for the activations.

    Cost: a few milliseconds for each record of a small network, in addition to one forward and one backward
        pass.

    Raises:
        UsageError E102: a setting out of its range; neither a path nor a run folder. FileError E563: another
            file has this path.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", cr.SGD(0.1))
        >>> history = model.fit(
        ...     [[1.0], [2.0]], [3.0, 5.0], epochs=3, callbacks=[Histograms("h.safetensors")], verbose=False
        ... )
        >>> read_histograms("h.safetensors").epochs.tolist()
        [1, 2, 3]
    """

    chinese = ("直方图记录", "训练时记录权重、激活值和梯度的分布，供画图使用。")
    path: str = ""
    _: KW_ONLY
    every: int = 0
    activations: bool = True
    gradients: bool = True
    rows: int = 256

    def __post_init__(self) -> None:
        require_integer(self, "every", 0)
        require_integer(self, "rows", 1)
        for name in ("activations", "gradients"):
            require(self, name, isinstance(getattr(self, name), bool), fact("True or False"))
        object.__setattr__(self, "path", str(self.path))

    def start(self, training: TrainingView) -> Listener:
        file = self._file(training)
        within = file.parent if not self.path else None  # the run folder, in which no link is followed
        every = self.every or max(1, training.options.epochs // MAX_EPOCHS)
        epochs, counts = _recorded_before(file, training, within)
        read_arrays = self._array_reader(training)

        @last_step_only
        def watch(event: Event) -> None:
            if isinstance(event, EpochDone) and event.epoch % every == 0:
                epochs.append(event.epoch)
                for name, value in read_arrays().items():
                    counts.setdefault(name, []).append(count(value))
            elif isinstance(event, CheckpointSaved | TrainingEnded):
                if within is None:
                    atomic_write.make_folder(file.parent)
                _write(file, epochs, counts, within)

        return watch

    def _file(self, training: TrainingView) -> Path:
        """Return the path of the file; raises E102 if neither ``path`` nor a run folder is set."""
        run = training.options.run
        if not self.path and run is None:
            expected = fact("a file, or a folder as fit(run=...)")
            fix = 'cr.Histograms("histograms.safetensors")'
            raise out_of_range(fact("neither"), "path", "Histograms", expected, fix=fix)
        folder = run.path if isinstance(run, RunFolder) else Path(run or ".")
        return Path(self.path) if self.path else folder / FILE

    def _array_reader(self, training: TrainingView) -> Any:
        """Return a function that returns all arrays to count, by ``kind/path``."""
        network = training.network
        nodes = layer_nodes(network) if self.activations else {}
        program = compile(Graph(nodes), network.engine) if nodes else None
        batch: Any = training.data.take(np.arange(min(self.rows, training.data.rows)))

        def read_arrays() -> dict[str, np.ndarray]:
            parameters = training.parameters()
            arrays = {f"weights/{path}": value for path, value in parameters.items()}
            if program is not None:
                values = {**parameters, **training.states(), **batch.x}
                arrays |= {f"activations/{path}": value for path, value in _run(program, values).items()}
            if self.gradients:
                arrays |= {f"gradients/{path}": value for path, value in training.gradients().items()}
            return arrays

        return read_arrays


def _run(program: Program, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return program.run({name: values[name] for name in program.graph.inputs})


def _write(
    file: Path, epochs: list[int], counts: Mapping[str, list[np.ndarray]], within: Path | None
) -> None:
    tensors = {name: np.array(rows, np.uint32) for name, rows in counts.items()}
    container.save(file, "histograms", {"epochs": epochs, "order": list(tensors)}, tensors, within)


def _recorded_before(
    file: Path, training: TrainingView, within: Path | None
) -> tuple[list[int], dict[str, list[np.ndarray]]]:
    """Return epochs and counts that an earlier part of this training recorded, up to the present epoch."""
    if not os.path.lexists(file):
        return [], {}
    recorded = read_histograms(file, within)  # another file is refused, not overwritten
    length = int((recorded.epochs <= training.epoch).sum())
    counts = {
        f"{kind}/{path}": list(rows[:length])
        for kind, by_path in recorded.counts.items()
        for path, rows in by_path.items()
    }
    return recorded.epochs[:length].tolist(), counts if length else {}


def read_histograms(path: str | Path, within: Path | None = None) -> RecordedHistograms:
    """Return the histograms of a file that ``Histograms`` wrote.

    Args:
        path: the path of the file.
        within: the run folder that contains it; no link below it is followed.

    Raises:
        FileError E401 to E424: the file is missing, damaged or of another format. E563: it contains no
            histograms.
    """
    record, tensors = container.load(path, "histograms", within=within)
    epochs, bins = record.get("epochs"), len(EDGES) - 1
    is_valid = isinstance(epochs, list) and all(type(n) is int and n > 0 for n in epochs)
    counts: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in KINDS}
    order = record.get("order")
    is_valid = is_valid and isinstance(order, list) and sorted(map(str, order)) == sorted(tensors)
    for name in order if is_valid and isinstance(order, list) else ():
        rows, (kind, _, layer) = tensors[name], name.partition("/")
        is_valid = is_valid and kind in KINDS and rows.shape == (len(epochs or ()), bins)
        if is_valid:
            counts[kind][layer] = rows
    if not is_valid or not isinstance(epochs, list):
        raise FileError(
            "E563", where=str(path), expected=fact("counts for each epoch and bin"), received=fact("others")
        )
    return RecordedHistograms(np.array(epochs, np.int64), counts)
