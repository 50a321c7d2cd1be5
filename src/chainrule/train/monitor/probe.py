"""Probes: statistics of gradients, parameters and activations of each layer, measured at a few steps.

The history contains the quality of a network after each epoch, but not the reason for it. A probe measures
the gradient norm of each parameter, the relative size of its update, the share of units of a layer that are
always 0, and the share in the flat part of their activation. The rules of the doctor read these values.

*A probe changes nothing.* It is computed from the state before a step and its batch by the reference
implementation, so that it is the same for every engine and any number of threads. Computing node by node also
requires no plan and no compiled code, which would take longer than many trainings. A probe reads the first
rows of the batch, as many as fit into the processor's cache, which is sufficient for ratios.

*A probe costs little.* Probes are measured before the first step, after ten steps, and then at intervals that
take at least ``MIN_COST_RATIO`` times as long as a probe. The duration is estimated from graph and batch
alone, so that the same steps are probed on every machine and after a resume. The interval is at least an
eighth of the steps so far, so that a million steps have a few dozen probes. The last probe is measured at the
end, unless the training made a single step: the first one has just measured it. The arrays of a step are
processed one by one, so that two gradients never need to exist at the same time (``ProbeStatistics``).

The graph of a probe: the values of a training step that a probe reads.

It depends only on the step, so that all trainings with the same step share it.

The statistics of a probe, computed from the arrays of a step one by one.

A network with millions of weights may not fit into memory a second time. Each gradient is therefore processed
and released before the next one is computed, and the update of its parameter is computed in blocks.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from chainrule.engines.reference import ElementwiseChain, Program
from chainrule.escaping import csv_text
from chainrule.graph import Constant, Graph, Node
from chainrule.memoization import cached_property
from chainrule.ops import Card
from chainrule.plan.memory_requirement import reference_memory
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.symbolic_shape import size_at
from chainrule.train.background_import import single_blas_thread
from chainrule.train.member_graph import members_in_inference
from chainrule.train.monitor.compiled_update import CompiledUpdate
from chainrule.train.network import Network
from chainrule.train.objective import sample_losses
from chainrule.train.step_graph import Step
from chainrule.train.train_state import Tensors, TrainState

MIN_STEPS = 2  # steps of a training that is probed at its end
FIRST_STEPS = (0, 10)  # steps before which the first probes are measured
MIN_COST_RATIO = 50  # duration of an interval relative to that of a probe
MIN_INTERVAL = 100  # steps
GROWTH = 8  # an interval is at least the steps so far divided by this
MAX_ROWS, CACHED_VALUES, MAX_VALUES = 32, 2**20, 2**27  # rows of a probe; values in a cache, and in total
NODE_SECONDS, SLOWDOWN = 4.5e-6, 20.0  # reference implementation: of a node; relative to compiled code
STEP_SECONDS, VALUE_SECONDS = 2e-5, 1.5e-9  # compiled code: of a step, and of each value that it computes
OF_STEP = ("loss", "training_loss", "inference_loss", "gradient_norm", "learning_rate", "rows")
OF_PARAMETER = ("gradient", "weight", "update", "no_gradient", "data_gradient", "penalty_gradient")
OF_LAYER = ("size", "spread", "zeros", "dead", "saturated")
COLUMNS = ("step", "epoch", "part", *OF_STEP, *OF_PARAMETER, *OF_LAYER, "not_finite")


@frozen
class Probe:
    """Statistics of a network before one step of its training.

    Args:
        step: number of updates before it.
        epoch: number of complete passes over the data.
        values: of the step: ``loss`` (the objective, with penalties), ``training_loss`` and
            ``inference_loss`` (of the samples without penalties, in training and in inference mode),
            ``gradient_norm``, ``learning_rate``, ``rows`` (that the probe reads).
        parts: for each parameter, by path: ``gradient`` and ``weight`` (Euclidean norms), ``update`` (norm of
            the update divided by that of the parameter, if it is not 0), ``no_gradient`` (share of elements
            whose gradient without penalties is exactly 0; those of an input that is 0 in every row do not
            count); with penalties also ``data_gradient`` and
            ``penalty_gradient`` (norms of both parts of the gradient, before clipping). For each layer, by
            path: ``size`` (mean absolute output), ``spread`` (variance of the preactivations), ``zeros``
            (share of outputs that are 0), ``dead`` (share of units that are 0 for every row), ``saturated``
            (share of outputs where the derivative of a sigmoid or tanh is below 0.01). For both:
            ``not_finite`` (share of NaN or infinite values).
    """

    step: int
    epoch: int
    values: Mapping[str, float]
    parts: Mapping[str, Mapping[str, float]]

    @property
    def parameters(self) -> dict[str, Mapping[str, float]]:
        """The statistics of each parameter, by path."""
        return {path: part for path, part in self.parts.items() if "gradient" in part}

    @property
    def layers(self) -> dict[str, Mapping[str, float]]:
        """The statistics of each layer, by path."""
        return {path: part for path, part in self.parts.items() if "size" in part}


class Prober:
    """Measurement of the probes of a training.

    Args:
        batch: samples in a batch.
    """

    def __init__(self, network: Network, step: Step, batch: int) -> None:
        self.step, self.batch, self._engine = step, batch, network.engine
        self._source: ProbeGraph = step.memo("probes", lambda: ProbeGraph(network, step))
        self.probes: list[Probe] = []  # all probes so far
        self._due = 0  # the next step of the schedule

    def steps_until_due(self, step: int) -> int:
        """Return the number of steps until the next probe; 0: it is due now. ``step`` never decreases."""
        if not self.rows:
            return 2**62
        if self._due < step:
            self._due = next(due for due in schedule(self.interval) if due >= step)
        return self._due - step

    def resume(self, probes: Sequence[Probe], step: int) -> None:
        """Restore the probes of a training that resumes before this step."""
        due = {at for at, _ in zip(schedule(self.interval), range(2 * len(probes) + 2), strict=False)}
        self.probes[:] = [probe for probe in probes if probe.step in due and probe.step < step]

    @cached_property
    def interval(self) -> int:
        """The minimum number of steps between two probes."""
        nodes, sample_seconds = self._source.graph.nodes, self._source.values_per_sample * VALUE_SECONDS
        probe_seconds = 1.2 * (NODE_SECONDS * len(nodes) + SLOWDOWN * self.rows * sample_seconds)
        step_seconds = STEP_SECONDS + self.batch * sample_seconds
        return max(MIN_INTERVAL, round(MIN_COST_RATIO * probe_seconds / step_seconds))

    @cached_property
    def rows(self) -> int:
        """Number of rows that a probe reads; 0 if even the minimum would take too long."""
        min_rows = max([1, *self.step.built.book.needed.values()])
        values = max(self._source.values_per_sample, 1)
        rows = min(self.batch, max(8, min(MAX_ROWS, CACHED_VALUES // values)), MAX_VALUES // values)
        return rows if rows >= min_rows else 0

    @property
    def values_per_sample(self) -> int:
        """About how many values an update computes for each row."""
        return self._source.values_per_sample

    @property
    def memory(self) -> int:
        """Memory requirement of a probe in bytes; nothing is allocated."""
        if not self.rows:
            return 0
        sizes, inference = {"B": self.rows}, self._source.inference_program
        size = reference_memory(self._source.graph, sizes, keeps_outputs=False).total
        if self._source.needs_all_gradients:
            specs = [node.spec for node in self.step.gradients.values()]
            size += sum(size_at(spec.size, sizes) * np.dtype(spec.dtype).itemsize for spec in specs)
        return max(size, 0 if inference is None else inference.memory_requirement(sizes).total)

    def measure(self, state: TrainState, feed: Callable[[int], Tensors]) -> Probe:
        """Measure the probe of the next step and add it; ``feed`` returns inputs of the first n rows."""
        arrays, source = feed(self.rows), self._source
        is_native = (self._engine or settings.engine) == "native"
        updates = source.compiled_updates if is_native else source.updates
        nodes = (updates, source.activations, source.gradient_terms, source.operands)
        statistics = ProbeStatistics(self.step, source.graph, *nodes, arrays)
        # A second thread slows down products of matrices this small.
        with np.errstate(all="ignore"), single_blas_thread():
            for name, value in source.program.stream(_inputs(source.program, arrays)):
                statistics.add(name, value)
                del value  # before the next one is computed
            values = self._step_values(statistics, arrays)
        parts = {path: statistics.parameters[path] for path in self.step.gradients}
        for path in source.activations:
            parts[path] = {**parts.get(path, {}), **statistics.layers[path]}
        probe = Probe(state.step, state.epoch, values, parts)
        if not self.probes or self.probes[-1].step != state.step:
            self.probes.append(probe)
        return probe

    def _step_values(self, statistics: ProbeStatistics, arrays: Tensors) -> dict[str, float]:
        """Return the values of ``OF_STEP``, by name."""
        outputs = statistics.outputs
        weights = outputs.get("count")
        training = outputs["training"]
        inference = training
        program = self._source.inference_program
        if program is not None:
            inference = program.run(_inputs(program, arrays))["loss"]
        squares = (statistics.squared_norms[path] for path in self.step.gradients)
        return {
            "loss": float(outputs["loss"]),
            "training_loss": _mean(training, weights),
            "inference_loss": _mean(inference, weights),
            "gradient_norm": math.sqrt(sum(squares)),
            "learning_rate": float(outputs["learning_rate"]),
            "rows": float(len(training)),
        }


def schedule(interval: int) -> Iterator[int]:
    """Yield the steps before which a probe is measured; the sequence does not end.

    Args:
        interval: minimum number of steps between two probes.

    Example:
        >>> from itertools import islice
        >>> list(islice(schedule(100), 6))
        [0, 10, 110, 210, 310, 410]
    """
    yield from FIRST_STEPS
    step = FIRST_STEPS[-1]
    while True:
        step += max(interval, step // GROWTH)
        yield step


def to_csv(probes: Sequence[Probe]) -> str:
    """Return probes as CSV text: for each probe a line of the step, then a line for each parameter and layer.

    Example:
        >>> probe = Probe(0, 0, {"loss": 0.5}, {"dense1.bias": {"gradient": 0.25}})
        >>> of_csv(to_csv([probe])) == [probe]
        True
    """
    rows: list[Sequence[Any]] = [COLUMNS]
    for probe in probes:
        for part, values in ({"": probe.values} | dict(probe.parts)).items():
            numbers = [repr(float(values[name])) if name in values else "" for name in COLUMNS[3:]]
            rows.append([probe.step, probe.epoch, part, *numbers])
    return csv_text(rows)


def of_csv(text: str) -> list[Probe]:
    """Return probes from the text of ``to_csv``; raises ``ValueError`` for another text."""
    head, *lines = list(csv.reader(io.StringIO(text))) or [[]]
    if tuple(head) != COLUMNS:
        raise ValueError("not a table of probes")
    probes: list[Probe] = []
    for line in lines:
        if len(line) != len(COLUMNS):
            raise ValueError("a line with a wrong number of cells")
        step, epoch, part = int(line[0]), int(line[1]), line[2]
        values = {name: float(cell) for name, cell in zip(COLUMNS[3:], line[3:], strict=True) if cell}
        if not part:
            probes.append(Probe(step, epoch, values, {}))
        elif probes and probes[-1].step == step and isinstance(probes[-1].parts, dict):
            probes[-1].parts[part] = values
        else:
            raise ValueError("a part without a probe")
    return probes


def _inputs(program: Program, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: arrays[name] for name in program.graph.inputs}


def _mean(losses: np.ndarray, weights: np.ndarray | None) -> float:
    total = 0.0 if weights is None else float(weights.sum(dtype=np.float64))
    return float(np.average(losses.astype(np.float64), weights=weights if total else None))


class ProbeGraph:
    """The values of a step that a probe reads, and the programs that compute them."""

    def __init__(self, network: Network, step: Step) -> None:
        self._step, self._trainable = step, network.trainable
        self._loss = sample_losses(network, step.built, step.weight_shape)
        # With weights of members, both losses are those of the members that a row trains: a member that it
        # does not train may predict it much worse.
        is_of_members = bool(step.weight_shape) and any(map(network.members, network.inference.outputs))
        inference = members_in_inference(network) if is_of_members else network.inference
        self._inference_loss = sample_losses(network, inference, step.weight_shape)[0]

    @cached_property
    def values_per_sample(self) -> int:
        """Number of values that a step computes for each sample."""
        two, one = (sum(size_at(n.spec.size, {"B": b}) for n in self._step.graph.nodes) for b in (2, 1))
        return two - one

    @cached_property
    def activations(self) -> dict[str, tuple[Node, Node]]:
        """The preactivations z and outputs a of each layer that records them, by path."""
        notes, activations = self._step.built.book.notes, {}
        nodes = set(self._step.graph.nodes)  # values inside a scan are not among them
        for name, node in notes.items():
            path, _, kind = name.rpartition(".")
            if kind == "a" and node in nodes:
                z = notes.get(f"{path}.z", node.inputs[0] if node.inputs else node)
                activations[path] = (z if z.shape == node.shape and z in nodes else node, node)
        return activations

    @cached_property
    def updates(self) -> dict[str, ElementwiseChain]:
        """The operations from the gradient of each parameter to the change of its value, by path."""
        new = self._step.graph.outputs
        return {
            path: ElementwiseChain(new[f"parameter.{path}"] - self._trainable[path].node, [node])
            for path, node in self._step.gradients.items()
        }

    @cached_property
    def compiled_updates(self) -> dict[str, ElementwiseChain | CompiledUpdate]:
        """``updates``, those of large parameters compiled where the bits are the same."""
        return {
            path: CompiledUpdate(chain) if CompiledUpdate.is_exact(chain) else chain
            for path, chain in self.updates.items()
        }

    @cached_property
    def gradient_terms(self) -> dict[str, dict[str, Node]]:
        """The parts of the gradients, by statistic and path: ``data_gradient`` (without penalties) of every
        parameter and ``penalty_gradient`` of those with a penalty, before clipping. Empty without penalties.
        """
        nodes = {path: parameter.node for path, parameter in self._trainable.items()}
        penalties = self._step.objective.penalty_gradients(nodes)
        if not penalties:
            return {}
        return {"data_gradient": self._step.objective.data_gradients(nodes), "penalty_gradient": penalties}

    @cached_property
    def operands(self) -> dict[str, Node]:
        """The inputs (..., B, I) of each weight matrix (..., O, I) that reads data and no other parameter."""
        forward = Graph(self._step.built.outputs).nodes
        parameters = {self._trainable[path].node for path in self._trainable}
        uses: dict[Node, list[Node]] = {}
        learned = set(parameters)  # nodes that depend on a parameter
        for node in forward:
            for source in node.inputs:
                uses.setdefault(source, []).append(node)
                if source in learned:
                    learned.add(node)
        operands = {}
        for path in self._step.gradients:
            node = self._trainable[path].node
            products = [product for turned in uses.get(node, ()) for product in uses.get(turned, ())]
            if len(products) == 1 and _is_product(products[0], node) and products[0].inputs[0] not in learned:
                operands[path] = products[0].inputs[0]
        return operands

    @cached_property
    def graph(self) -> Graph:
        """All values that a probe reads."""
        outputs, names = self._step.graph.outputs, dict[Node, str]()
        results = {"loss": outputs["loss"], "learning_rate": outputs["learning_rate"]}
        results["training"], count = self._loss
        if count is not None:
            results["count"] = count
        for path, node in self._step.gradients.items():
            for source in self.updates[path].sources:
                if isinstance(source.op, Card) and source is not node:
                    results.setdefault(names.setdefault(source, f"source.{len(names)}"), source)
            results[f"gradient.{path}"] = node
        for name, terms in self.gradient_terms.items():
            results |= {f"{name}.{path}": node for path, node in terms.items()}
        for path, (z, a) in self.activations.items():
            results |= {f"z.{path}": z, f"a.{path}": a}
        for path, operand in self.operands.items():
            if isinstance(operand.op, Card):  # an input of the network is known
                results[f"operand.{path}"] = operand
        return Graph(results)

    @cached_property
    def needs_all_gradients(self) -> bool:
        """Whether updates depend on all gradients, such as on their norm; then all exist at the same time."""
        gradients, position = self._step.gradients, {node: i for i, node in enumerate(self.graph.nodes)}
        updates = ((position[gradients[path]], chain.sources) for path, chain in self.updates.items())
        return any(position.get(node, -1) > i for i, sources in updates for node in sources)

    @cached_property
    def program(self) -> Program:
        """The program that computes the values of the graph, node by node."""
        return Program(self.graph)

    @cached_property
    def inference_program(self) -> Program | None:
        """The program of the loss in inference mode; ``None`` if it equals that in training mode."""
        loss = self._inference_loss
        return None if loss is self._loss[0] else Program(Graph({"loss": loss}))


def _is_product(product: Node, weight: Node) -> bool:
    """Return whether a node is ``x W^T`` for a weight W, with the same leading axes, if it has any."""
    if product.op.name != "matmul" or product.inputs[1].op.name != "transpose":
        return False
    x, turned = product.inputs
    axes = (*range(weight.rank - 2), weight.rank - 1, weight.rank - 2)
    is_turned = turned.inputs[0] is weight and turned.op.attributes["axes"] == axes
    return is_turned and (weight.rank == 2 or x.shape[:-2] == weight.shape[:-2])


SATURATION = {"sigmoid": 4.6, "tanh": 3.0}  # |z| above which the derivative is below 0.01
STORED = ("loss", "learning_rate", "training")  # outputs that are not released
_BLOCK = 1 << 16  # values that are processed at once
_GROUP = 1 << 8  # squares that are added in float32
_SAFE_SUM = 1e-24, 1e30  # a sum of squares between these has lost nothing to underflow and overflow
Compute: TypeAlias = "Callable[[ProbeStatistics, str], Iterable[Node]]"
"""A method that computes the statistics of a part from its path and returns the nodes that it read.

Unbound: an object that refers to itself keeps its arrays until the garbage collector runs.
"""


class ProbeStatistics:
    """Computation of the statistics of a step while its arrays are computed.

    Args:
        graph: its outputs are passed to ``add``.
        updates: for each parameter, the operations from its gradient to the change of its value.
        activations: for each layer, the nodes of its preactivations z and its outputs a.
        terms: the parts of the gradients, by statistic and path; see ``ProbeGraph.gradient_terms``.
        operands: the inputs of weight matrices; see ``ProbeGraph.operands``.
        arrays: the inputs of the step, by label.

    Attributes:
        parameters, layers: the statistics of each parameter and layer, by path.
        squared_norms: the squared norm of each gradient, by path.
        outputs: the arrays of the outputs in ``STORED``.
    """

    def __init__(
        self,
        step: Step,
        graph: Graph,
        updates: Mapping[str, ElementwiseChain | CompiledUpdate],
        activations: Mapping[str, tuple[Node, Node]],
        terms: Mapping[str, Mapping[str, Node]],
        operands: Mapping[str, Node],
        arrays: Mapping[str, np.ndarray],
    ) -> None:
        self._operands, self._has_input = operands, dict[str, np.ndarray]()
        self._graph, self._arrays, self._gradients = graph, arrays, step.gradients
        self._updates, self._activations, self._terms = updates, activations, terms
        self.outputs, self.squared_norms = dict[str, np.ndarray](), dict[str, float]()
        self.parameters: dict[str, dict[str, float]] = {path: {} for path in updates}
        self.layers = dict[str, dict[str, float]]()
        self._values = {node: arrays[label] for label, node in step.graph.inputs.items()}
        # By node, the parts that need it: the method, its argument, and the nodes that are still missing.
        self._parts: dict[Node, list[tuple[Compute, str, set[Node]]]] = {}
        self._remaining = Counter[Node]()  # parts that still need the value of a node
        for path, node in operands.items():
            self._register(ProbeStatistics._add_operand, path, {node})
        for path, chain in updates.items():
            self._register(ProbeStatistics._add_parameter, path, {step.gradients[path], *chain.sources})
        for path, nodes in activations.items():
            self._register(ProbeStatistics._add_layer, path, set(nodes))
        for name, parts in terms.items():
            for path, node in parts.items():
                self._register(_TERMS[name], path, {node})

    def _register(self, compute: Compute, path: str, nodes: set[Node]) -> None:
        """Compute the statistics of a part as soon as the values of all these nodes are available."""
        self._values |= {node: node.op.array for node in nodes if isinstance(node.op, Constant)}
        missing = {node for node in nodes if isinstance(node.op, Card)}
        for node in missing:
            self._parts.setdefault(node, []).append((compute, path, missing))
            self._remaining[node] += 1
        if not missing:
            self._compute(compute, path)

    def add(self, name: str, value: np.ndarray) -> None:
        """Process an output of the graph; its array is released as soon as no part needs it."""
        node = self._graph.outputs[name]
        if name in STORED:
            self.outputs[name] = value
        if self._remaining[node]:
            self._values[node] = value
        for compute, path, missing in self._parts.get(node, ()):
            if node in missing:
                missing.remove(node)
                if not missing:
                    self._compute(compute, path)

    def _compute(self, compute: Compute, path: str) -> None:
        """Compute the statistics of a part, and release the values that no other part needs."""
        for node in compute(self, path):
            self._remaining[node] -= 1
            if not self._remaining[node]:
                del self._values[node]

    def _add_operand(self, path: str) -> set[Node]:
        """Determine which inputs of a weight matrix are not 0 in every row; returns the node it read."""
        node, rank = self._operands[path], self._arrays[path].ndim
        array = self._values[node]  # (..., B, I)
        rows = tuple(range(rank - 2, array.ndim - 1))
        self._has_input[path] = np.expand_dims((array != 0).any(axis=rows), -2)  # (..., 1, I)
        return {node}

    def _share_without_gradient(self, path: str, gradient: np.ndarray) -> float:
        """Return the share of elements whose gradient is 0, without those whose input is 0 in every row."""
        has_input = self._has_input.get(path)
        if has_input is None or has_input.all() or not has_input.any():
            return _share(_is_zero, gradient)
        counted = np.broadcast_to(has_input, gradient.shape)
        return float(np.count_nonzero((gradient == 0) & counted) / np.count_nonzero(counted))

    def _add_parameter(self, path: str) -> set[Node]:
        """Compute the statistics of a parameter; returns the nodes whose values were read."""
        node, chain = self._gradients[path], self._updates[path]
        parameter, gradient = self._arrays[path], self._values[node]
        self.squared_norms[path] = _squared_norm(_blocks(gradient))
        squared_norm = _squared_norm(_blocks(parameter))
        norm, is_finite = math.sqrt(squared_norm), math.isfinite(squared_norm + self.squared_norms[path])
        statistics = {
            "gradient": math.sqrt(self.squared_norms[path]),
            "weight": norm,
            "not_finite": 0.0 if is_finite else _share(_is_nonfinite, parameter, gradient),
        }
        if norm > 0:
            statistics["update"] = math.sqrt(_squared_norm(self._changes(parameter, chain))) / norm
        if not self._terms:
            statistics["no_gradient"] = self._share_without_gradient(path, gradient)
        self.parameters[path] |= statistics
        return {node, *chain.sources}

    def _add_term(self, name: str, path: str) -> set[Node]:
        """Compute the statistics of a part of a gradient; returns the node whose value was read."""
        node = self._terms[name][path]
        self.parameters[path][name] = math.sqrt(_squared_norm(_blocks(self._values[node])))
        if name == "data_gradient":
            self.parameters[path]["no_gradient"] = self._share_without_gradient(path, self._values[node])
        return {node}

    def _changes(
        self, parameter: np.ndarray, chain: ElementwiseChain | CompiledUpdate
    ) -> Iterator[np.ndarray]:
        """Return the change of a parameter by the step, in blocks of rows."""
        parameter = np.atleast_1d(parameter)
        rows = max(1, _BLOCK * len(parameter) // max(1, parameter.size))
        return chain.blocks(self._values, rows)

    def _add_layer(self, path: str) -> set[Node]:
        """Compute the statistics of a layer; returns the nodes whose values were read."""
        z, a = self._activations[path]
        threshold = SATURATION.get(a.op.name) if a is not z else None
        self.layers[path] = _layer_statistics(self._values[z], self._values[a], threshold)
        return {z, a}


def _layer_statistics(z: np.ndarray, a: np.ndarray, threshold: float | None) -> dict[str, float]:
    """Return the statistics of one layer.

    Args:
        z: preactivations, (..., C).
        a: outputs, (..., C).
        threshold: of |z|, above which a unit is saturated; ``None`` if the activation does not saturate.
    """
    if not a.size:
        return {}
    is_zero = a == 0
    dead = is_zero.reshape(-1, a.shape[-1]).all(axis=0) if a.ndim > 1 else is_zero  # (..., C) -> (C,)
    size, spread = float(np.mean(np.abs(a), dtype=np.float64)), float(np.var(z, dtype=np.float64))
    statistics = {
        "size": size,
        "spread": spread,
        "zeros": _fraction(is_zero),
        "dead": _fraction(dead),
        "not_finite": 0.0 if math.isfinite(size + spread) else _share(_is_nonfinite, z, a),
    }
    if threshold is not None:
        statistics["saturated"] = _fraction(np.abs(z) > threshold)
    return statistics


def _fraction(mask: np.ndarray) -> float:
    return np.count_nonzero(mask) / mask.size


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Return an array in flat blocks that fit into a cache, in the order of memory."""
    flat = array.ravel(order="K")
    return (flat[low : low + _BLOCK] for low in range(0, flat.size, _BLOCK))


def _squared_norm(blocks: Iterable[np.ndarray]) -> float:
    return sum(map(_block_sum, blocks))


def _block_sum(block: np.ndarray) -> float:
    """Return the sum of the squares of a block.

    Numerics: of float32, the squares of 256 numbers are added in float32, and these sums in float64, in a
        quarter of the time of float64 alone. Where a square could overflow or underflow, all is float64.
    """
    if block.dtype == np.float32 and block.size % _GROUP == 0:
        groups = block.reshape(-1, _GROUP)
        total = float(np.vecdot(groups, groups).sum(dtype=np.float64))
        if _SAFE_SUM[0] < total < _SAFE_SUM[1]:
            return total
    wide = block.astype(np.float64, copy=False)
    return float(np.vdot(wide, wide))


def _share(condition: Callable[[np.ndarray], np.ndarray], *arrays: np.ndarray) -> float:
    count = sum(int(np.count_nonzero(condition(block))) for array in arrays for block in _blocks(array))
    return count / max(sum(array.size for array in arrays), 1)


def _is_zero(array: np.ndarray) -> np.ndarray:
    return array == 0


def _is_nonfinite(array: np.ndarray) -> np.ndarray:
    return ~np.isfinite(array)


def _data_gradient(statistics: ProbeStatistics, path: str) -> set[Node]:
    return statistics._add_term("data_gradient", path)


def _penalty_gradient(statistics: ProbeStatistics, path: str) -> set[Node]:
    return statistics._add_term("penalty_gradient", path)


_TERMS: dict[str, Compute] = {"data_gradient": _data_gradient, "penalty_gradient": _penalty_gradient}
