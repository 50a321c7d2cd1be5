"""The recorded history of a training, running or ended, as the rules read it.

It consists of the metrics per epoch, the probes (statistics per layer at some steps), the weight matrices in
order, the activation functions of the layers, and the loss of the best constant prediction. Rules use ratios
and persistent values, because a single unusual number means little.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.diagnosis.context import NORMALIZE
from chainrule.errors import TrainingError
from chainrule.graph import Graph, Node
from chainrule.memoization import cached_property
from chainrule.nn.regularization.penalty import L1, L2, Penalty
from chainrule.nn.scope import plain_path
from chainrule.records import frozen
from chainrule.symbolic_shape import bound, size_at
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.inputs.target import Target
from chainrule.train.member_graph import member_slices
from chainrule.train.monitor.probe import Probe
from chainrule.train.network import Network
from chainrule.train.objective import DATA_LOSS

# The weight matrices of a network, and the chains in which one reads what another one computes.
#
# A gradient grows or shrinks on its way through the layers. The gradients of two layers are therefore
# compared only where one layer is behind the other. In the network
#
#     x -> dense1 -> dense2 -> dense3 -+-> output
#      +--------- shortcut ------------+
#
# the chain of ``dense3`` is dense1, dense2, dense3, and that of ``shortcut`` is this layer alone.

Chain = tuple[str, ...]


def weight_matrices_of(network: Network) -> dict[str, int]:
    """Return the trainable weight matrices with their sizes, without embedding tables.

    The first axis of an ensemble's parameter is that of its members: a bias (K, O) is not a matrix.
    """
    return network.memo("weight matrices", lambda: _weight_matrices(network))


def _weight_matrices(network: Network) -> dict[str, int]:
    tables = {path for path, _ in network.inference.book.tables}
    of_members = parameters_of_members(network)
    return {
        path: size_at(parameter.spec.size, {})
        for path, parameter in network.trainable.items()
        if parameter.spec.rank - (path in of_members) >= 2 and path.rpartition(".")[0] not in tables
    }


def parameters_of_members(network: Network) -> Collection[str]:
    """Return the parameters whose first axis is that of the members of an ensemble."""
    return member_slices(network) if any(map(network.members, network.inference.outputs)) else ()


def units_of(network: Network) -> dict[str, int]:
    """Return the number of units of each layer with a weight matrix, by the path of the layer.

    Each unit adds up its inputs, so the weights have one row for each unit, of an ensemble one for each unit
    of each member.
    """
    of_members = parameters_of_members(network)
    units = {}
    for path, parameter in network.parameters.items():
        layer, _, name = path.rpartition(".")
        if name == "weight" and parameter.spec.rank >= 2:
            shape = bound(parameter.spec.shape)
            units[layer] = shape[0] * (shape[1] if path in of_members else 1)
    return units


def weight_chains_of(network: Network) -> tuple[Chain, ...]:
    """Return for each weight matrix that no other one follows the longest chain of matrices up to it."""
    return network.memo("weight chains", lambda: _weight_chains(network))


def _weight_chains(network: Network) -> tuple[Chain, ...]:
    matrices = weight_matrices_of(network)
    applied: dict[Node, Chain] = {}  # by node computed from parameters alone, its matrices
    longest: dict[Node, Chain] = {}  # by node computed from data, the longest chain up to it
    last: dict[Node, frozenset[Chain]] = {}  # the chains of the matrices that no other one follows
    paths = {network.training.parameters[path].node: path for path in matrices}
    for node in Graph(network.training.outputs).nodes:
        own = tuple(path for source in node.inputs for path in applied.get(source, ()))
        sources = [source for source in node.inputs if source in longest]
        if node in paths:
            applied[node] = (paths[node],)
        elif not sources and not _is_data(node, network):
            applied[node] = own
        else:
            before = max((longest[source] for source in sources), key=len, default=())
            longest[node] = before + tuple(path for path in dict.fromkeys(own) if path not in before)
            ends = frozenset().union(*(last[source] for source in sources))
            last[node] = frozenset([longest[node]]) if own else ends
    ends = frozenset().union(*(last.get(node, frozenset()) for node in network.training.outputs.values()))
    return tuple(sorted(ends - {()}, key=lambda chain: [list(matrices).index(path) for path in chain]))


def _is_data(node: Node, network: Network) -> bool:
    """Return whether a node is an input of the network."""
    return node in network.training.inputs.values()


RECTIFIERS = ("relu", "maximum")  # activations whose units can become permanently inactive
SCORED = ("cross_entropy", "binary_cross_entropy", "nll")  # losses whose value by chance is ln K
SATURATING = ("sigmoid", "tanh")  # activations that saturate on both sides


@frozen
class TrainingRecord:
    """The recorded history of a training at some time.

    Args:
        history: one row per complete epoch.
        probes: the probes, the earliest first.
        rows, batch: number of samples of the data set and of a batch.
        epochs: the planned number of epochs.
        weight_matrices: the trainable weight matrices in network order with their sizes, without embedding
            tables.
        activations: the activation function of each layer by path, in network order.
        constant_loss: the loss of the best constant prediction; NaN if unknown.
        task: ``"classification"`` or ``"regression"``.
        weaker_penalty: the model's penalty with a tenth of its strength, as code; ``""`` without one.
        ended: why it ended (see ``TrainingEnded``), or ``""`` while it runs.
        error: the error of a failed training.
        weight_chains: the chains of weight matrices, see ``weight_chains_of``.
        units: the units of each layer with a weight matrix, by the path of the layer.
        normalizes: whether some layer normalizes its inputs.
        classes: the classes among which an untrained network guesses; 0 for other tasks.
        keeps_best: whether a stopping rule stores the weights of the best epoch for the trained model.
        best_epoch: that epoch so far; ``None`` where each member of an ensemble has its own, or without one.
        kept_loss: the validation loss of the weights that the model has; ``None`` without one.
    """

    history: Sequence[Mapping[str, float | None]] = ()
    probes: Sequence[Probe] = ()
    rows: int = 0
    batch: int = 0
    epochs: int = 0
    weight_matrices: Mapping[str, int] = field(default_factory=dict)
    activations: Mapping[str, str] = field(default_factory=dict)
    constant_loss: float = math.nan
    task: str = ""
    weaker_penalty: str = ""
    ended: str = ""
    error: BaseException | None = None
    weight_chains: Sequence[tuple[str, ...]] = ()
    units: Mapping[str, int] = field(default_factory=dict)
    normalizes: bool = False
    classes: int = 0
    keeps_best: bool = False
    best_epoch: int | None = None
    kept_loss: float | None = None

    @property
    def up_to_best(self) -> TrainingRecord:
        """The training up to the epoch whose weights the model has, if that is one of all members."""
        return self if self.best_epoch is None else replace(self, history=self.history[: self.best_epoch])

    @property
    def nonfinite_error(self) -> TrainingError | None:
        """The error of a training that failed because a value was not finite."""
        error = self.error
        return error if isinstance(error, TrainingError) and error.code == "E501" else None

    def column(self, name: str) -> np.ndarray:
        """Return a column of the history; NaN for missing values."""
        values = (row.get(name) for row in self.history)
        return np.array([math.nan if value is None else value for value in values], np.float64)

    @cached_property
    def losses(self) -> np.ndarray:
        """The mean loss of the samples in each epoch, without penalty.

        A training with a penalty records it as ``data_loss``; with several outputs, it is estimated: the
        history then contains the objective, loss plus penalty, and the penalty may be many times the loss.
        The probes contain both, but there are few of them. Between two probes, loss and penalty are
        interpolated logarithmically, and two estimates result: the objective minus the penalty, and the loss.
        The larger one is used, because the penalty often falls quickly at first, so that its interpolation is
        too large. Therefore a diverging loss is detected, and a falling penalty is not mistaken for a falling
        loss. After the last probe, the loss keeps its share of the objective.
        """
        if self.history and DATA_LOSS in self.history[0]:
            return self.column(DATA_LOSS)
        objective = self.column("loss")
        probes = [probe for probe in self.probes if probe.values["loss"] > probe.values["training_loss"] > 0]
        if not probes:
            return objective
        steps = [probe.step for probe in probes]
        losses = np.array([probe.values["training_loss"] for probe in probes])
        penalties = np.array([probe.values["loss"] for probe in probes]) - losses
        middles = (np.arange(len(objective)) + 0.5) * self.steps_per_epoch
        loss, penalty = (np.exp(np.interp(middles, steps, np.log(values))) for values in (losses, penalties))
        estimate = np.maximum(objective - penalty, np.minimum(loss, objective))
        return np.where(
            middles <= steps[-1], estimate, objective * (losses[-1] / (losses[-1] + penalties[-1]))
        )

    @cached_property
    def validation_losses(self) -> np.ndarray:
        """The validation loss after each epoch; empty without validation rows."""
        losses = self.column("val_loss")
        return losses if np.isfinite(losses).any() else losses[:0]

    @property
    def last_probe(self) -> Probe | None:
        """The latest probe."""
        return self.probes[-1] if self.probes else None

    @property
    def second_half(self) -> Sequence[Probe]:
        """The probes of the second half of the training so far, without its first steps."""
        steps = self.probes[-1].step if self.probes else 0
        return [probe for probe in self.probes if probe.step >= max(10, steps / 2)]

    @property
    def first_loss(self) -> float:
        """The loss before the first step, or that of the first epoch."""
        if self.probes and self.probes[0].step == 0:
            return self.probes[0].values["training_loss"]
        return float(self.losses[0]) if len(self.losses) else math.nan

    @property
    def step(self) -> int | None:
        """The number of updates up to the latest probe."""
        return self.probes[-1].step if self.probes else None

    @property
    def steps_per_epoch(self) -> int:
        """The number of updates per epoch."""
        return -(-self.rows // self.batch) if self.batch else 0

    @property
    def hidden_activations(self) -> tuple[str, ...]:
        """The calls of layers with an activation function, except those of the output layer."""
        last = plain_path(next(reversed(list(self.activations)), ""))
        return tuple(path for path, kind in self.activations.items() if kind and plain_path(path) != last)

    def statistic(self, probe: Probe, name: str) -> dict[str, float]:
        """Return one statistic of each weight matrix."""
        return {
            path: probe.parts[path][name]
            for path in self.weight_matrices
            if name in probe.parts.get(path, {})
        }

    def data_gradients(self, probe: Probe) -> dict[str, float]:
        """Return the gradient norm of each weight matrix without penalties."""
        parts = {path: probe.parts.get(path, {}) for path in self.weight_matrices}
        return {
            path: part.get("data_gradient", part["gradient"])
            for path, part in parts.items()
            if "gradient" in part
        }


def median(values: Iterable[float]) -> float:
    """Return the median. That of NumPy imports masked arrays, which takes longer than a training step.

    Example:
        >>> median([3.0, 1.0, 2.0]), median([1.0, 2.0])
        (2.0, 1.5)
    """
    ordered = sorted(map(float, values))
    if not ordered or any(map(math.isnan, ordered)):
        return math.nan
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def record_of(training: TrainingView) -> TrainingRecord:
    """Return the recorded history of a training."""
    network, data, model = training.network, training.data, training.model
    return TrainingRecord(
        history=tuple(training.history),
        probes=tuple(training.probes),
        rows=data.rows,
        batch=min(training.order.batch_size, data.rows),
        epochs=training.options.epochs,
        weight_matrices=weight_matrices_of(network),
        activations=activations_of(network),
        constant_loss=constant_loss_of(data, model.targets),
        task=model.task,
        weaker_penalty=_weaker(network.recipe.penalty),
        weight_chains=weight_chains_of(network),
        units=units_of(network),
        normalizes=normalizes(network),
        keeps_best=training.keeps_best,
        classes=guessed_classes(next(iter(model.targets.values()))) if len(model.targets) == 1 else 0,
    )


def normalizes(network: Network) -> bool:
    """Return whether some layer normalizes its inputs, so that the scale of weights does not matter."""
    return any(type(layer).__name__ in NORMALIZE for layer in network.inference.book.layers.values())


def guessed_classes(target: Target) -> int:
    """Return the number of classes among which an untrained network guesses; 0 for other losses."""
    is_scored = target.loss.name in SCORED and target.is_single and len(target.labels) >= 2
    return max(len(target.labels), target.max_classes) if is_scored else 0


def _weaker(penalty: Penalty | None) -> str:
    """Return a penalty with a tenth of its strength, as code.

    Example:
        >>> _weaker(L2(0.01))
        'cr.L2(0.001)'
    """
    if penalty is None:
        return ""
    strength = float(f"{penalty.strength / 10:.3g}")
    if type(penalty) in (L1, L2):
        return f"cr.{type(penalty).__name__}({strength:g})"
    weaker = str(replace(penalty, strength=strength))
    return f"cr.{weaker}" if type(penalty).__module__.startswith("chainrule.") else weaker


def activations_of(network: Network) -> dict[str, str]:
    """Return the activation function of each layer by path; ``""`` if it has none."""
    notes = network.training.book.notes
    activations = {}
    for name, node in notes.items():
        path, _, kind = name.rpartition(".")
        if kind == "a":
            activations[path] = "" if node is notes.get(f"{path}.z") else node.op.name
    return activations


def constant_loss_of(data: Arrays, targets: Mapping[str, Target]) -> float:
    """Return the loss of the best constant prediction for a single output with a common loss, else NaN.

    It is the entropy of the classes, or the variance of the values.
    """
    if len(targets) != 1:
        return math.nan
    target = next(iter(targets.values()))
    targets_by_output: Any = data.y
    y = np.asarray(
        next(iter(targets_by_output.values())) if isinstance(targets_by_output, dict) else targets_by_output,
        np.float64,
    )[:10_000]
    if target.is_single and target.loss.name in ("cross_entropy", "binary_cross_entropy"):
        share = np.unique(y, return_counts=True)[1] / max(len(y), 1)
        return float(-(share * np.log(share)).sum())
    factor = {"mse": 1.0, "half_mse": 0.5}.get(target.loss.name)
    if factor is None or not y.size:
        return math.nan
    return factor * float(y.reshape(len(y), -1).var(axis=0).mean())
