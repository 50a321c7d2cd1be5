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
processed one by one, so that two gradients never need to exist at the same time (``probe_statistics``).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.engines.reference import Program
from chainrule.escaping import csv_text
from chainrule.memoization import cached_property
from chainrule.plan.memory_requirement import reference_memory
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.symbolic_shape import size_at
from chainrule.train.background_import import single_blas_thread
from chainrule.train.monitor.probe_graph import ProbeGraph
from chainrule.train.monitor.probe_statistics import ProbeStatistics
from chainrule.train.network import Network
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
