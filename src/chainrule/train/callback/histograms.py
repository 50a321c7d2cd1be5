"""How weights, activations and gradients are distributed, kept while a network trains.

A loss says that a training goes wrong; a distribution says how: weights that drift apart, units that are
always 0, gradients that shrink from epoch to epoch. The numbers themselves would fill the disk, so they are
*counted*: into bins that are the same for every layer and epoch, so that epochs can be laid side by side.
Bins are even in the logarithm, twelve for each power of ten from a millionth to a thousand, on both sides of
0. Nothing of the training is changed; of large arrays an even part of the numbers is counted, and of long
trainings about a hundred epochs, so that it costs little.
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
from chainrule.errors import FileError, UsageError
from chainrule.events import CheckpointSaved, EpochDone, Event, Listener, TrainingEnded
from chainrule.graph import Graph, Node
from chainrule.nn.scope import plain_path
from chainrule.nn.validation import require, require_integer
from chainrule.records import frozen
from chainrule.store import RunFolder, atomic_write, container
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.network import Network

FILE = "histograms.safetensors"
KINDS = ("weights", "activations", "gradients")
COUNTED = 10_000  # numbers of an array that are counted at most
MOST = 100  # epochs that are counted, about
_SIDE = 10.0 ** (np.arange(-6 * 12, 3 * 12 + 1) / 12)
EDGES = np.concatenate([[-np.inf], -_SIDE[::-1], _SIDE, [np.inf]])
"""The ends of the bins: below -1000, down to a millionth on either side, about 0, up to above 1000."""


@frozen(eq=False)
class RecordedHistograms:
    """Histograms of a training.

    Args:
        epochs: (n,) after which epochs they were counted.
        counts: by kind (``KINDS``) and path, (n, bins) how many numbers lay between which ``EDGES``.
    """

    epochs: np.ndarray
    counts: Mapping[str, Mapping[str, np.ndarray]]


def count(values: np.ndarray) -> np.ndarray:
    """How many numbers of an array, or of an even part of a large one, lie in each bin: (bins,).

    Numbers that are not finite are not counted.

    Example:
        >>> found = count(np.array([0.5, 0.5, 0.0, -2000.0]))
        >>> found[found > 0].tolist(), int(found[0])
        ([1, 1, 2], 1)
    """
    flat = values.reshape(-1)
    flat = flat[:: max(1, flat.size // COUNTED)]
    flat = flat[np.isfinite(flat)]
    bins = np.searchsorted(EDGES[1:-1], flat, side="right")
    return np.bincount(bins, minlength=len(EDGES) - 1).astype(np.uint32)


def layer_nodes(network: Network) -> dict[str, Node]:
    """What each innermost layer returns, by path and call, in the order in which they run; what only hands on
    is left out."""
    found = network.inference.book.results
    around = {path[:i] for path in found for i, sign in enumerate(path) if sign == "."}  # hold other layers
    handed: set[Node] = set(network.inference.inputs.values())
    chosen: dict[str, Node] = {}
    for path, node in found.items():
        if plain_path(path) in around or not isinstance(node, Node) or node in handed:
            continue
        if node.op.name != "reshape" and node.spec.is_float:
            chosen[path] = node
            handed.add(node)
    return chosen or {name: node for name, node in network.inference.outputs.items() if node.spec.is_float}


@frozen
class Histograms(Callback):
    """Counts how weights, activations and gradients are distributed, for ``model.plot.weights(run=...)``.

    They are kept in a file beside the training's checkpoints, and go on where a resumed training does.

    Args:
        path: the file; by default ``histograms.safetensors`` in the folder given as ``fit(run=...)``.
        every: after how many epochs they are counted; 0: about a hundred times in all.
        activations, gradients: whether these are counted too; each costs a pass over a batch.
        rows: of the training data, on which activations are looked at.

    Cost: some milliseconds for each count of a small net, beside one pass forward and one back; about a
    hundred counts in all, unless ``every`` asks for more.

    Raises:
        UsageError E102: a setting out of its range; no path, and no ``run``. FileError E563: another file has
            this path.

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
            require(self, name, isinstance(getattr(self, name), bool), "True or False")
        object.__setattr__(self, "path", str(self.path))

    def start(self, training: TrainingView) -> Listener:
        place = self._place(training)
        within = place.parent if not self.path else None  # the run folder, in which no link is followed
        every = self.every or max(1, training.options.epochs // MOST)
        epochs, counts = _before(place, training, within)
        look = self._looks(training)

        @last_step_only
        def watch(event: Event) -> None:
            if isinstance(event, EpochDone) and event.epoch % every == 0:
                epochs.append(event.epoch)
                for name, value in look().items():
                    counts.setdefault(name, []).append(count(value))
            elif isinstance(event, CheckpointSaved | TrainingEnded):
                if within is None:
                    atomic_write.make_folder(place.parent)
                _write(place, epochs, counts, within)

        return watch

    def _place(self, training: TrainingView) -> Path:
        """The file.

        Raises:
            UsageError E102: nobody said where.
        """
        run = training.options.run
        if not self.path and run is None:
            raise UsageError(
                "E102", where="Histograms", name="path", expected="a file, or a folder as fit(run=...)",
                received="neither", fix='cr.Histograms("histograms.safetensors")',
            )  # fmt: skip
        folder = run.path if isinstance(run, RunFolder) else Path(run or ".")
        return Path(self.path) if self.path else folder / FILE

    def _looks(self, training: TrainingView) -> Any:
        """A function that looks at everything that is counted: arrays by ``kind/path``."""
        network = training.network
        nodes = layer_nodes(network) if self.activations else {}
        program = compile(Graph(nodes), network.engine) if nodes else None
        batch: Any = training.data.take(np.arange(min(self.rows, training.data.rows)))

        def look() -> dict[str, np.ndarray]:
            parameters = training.parameters()
            found = {f"weights/{path}": value for path, value in parameters.items()}
            if program is not None:
                given = {**parameters, **training.states(), **batch.x}
                found |= {f"activations/{path}": value for path, value in _run(program, given).items()}
            if self.gradients:
                found |= {f"gradients/{path}": value for path, value in training.gradients().items()}
            return found

        return look


def _run(program: Program, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return program.run({name: given[name] for name in program.graph.inputs})


def _write(
    place: Path, epochs: list[int], counts: Mapping[str, list[np.ndarray]], within: Path | None
) -> None:
    tensors = {name: np.array(rows, np.uint32) for name, rows in counts.items()}
    container.save(place, "histograms", {"epochs": epochs, "order": list(tensors)}, tensors, within)


def _before(
    place: Path, training: TrainingView, within: Path | None
) -> tuple[list[int], dict[str, list[np.ndarray]]]:
    """What an earlier part of this training counted, up to where it goes on."""
    if not os.path.lexists(place):
        return [], {}
    found = read_histograms(place, within)  # another file is refused, not written over
    kept = int((found.epochs <= training.epoch).sum())
    counts = {f"{kind}/{path}": list(rows[:kept])
              for kind, held in found.counts.items() for path, rows in held.items()}  # fmt: skip
    return found.epochs[:kept].tolist(), counts if kept else {}


def read_histograms(path: str | Path, within: Path | None = None) -> RecordedHistograms:
    """The histograms of a file that ``Histograms`` wrote.

    Args:
        path: of the file.
        within: the run folder that it lies in; below it no link is followed.

    Raises:
        FileError E401 to E424: the file is missing, damaged or of another kind. E563: it holds no histograms.
    """
    record, tensors = container.load(path, "histograms", within=within)
    epochs, bins = record.get("epochs"), len(EDGES) - 1
    fits = isinstance(epochs, list) and all(type(n) is int and n > 0 for n in epochs)
    counts: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in KINDS}
    order = record.get("order")
    fits = fits and isinstance(order, list) and sorted(map(str, order)) == sorted(tensors)
    for name in order if fits and isinstance(order, list) else ():
        rows, (kind, _, layer) = tensors[name], name.partition("/")
        fits = fits and kind in KINDS and rows.shape == (len(epochs or ()), bins)
        if fits:
            counts[kind][layer] = rows
    if not fits or not isinstance(epochs, list):
        raise FileError("E563", where=str(path), expected="counts for each epoch and bin", received="others")
    return RecordedHistograms(np.array(epochs, np.int64), counts)
