"""Probes: what goes on inside a net while it learns, a few numbers for each layer at a few steps.

The history says how good a net is after each epoch; it does not say why it is no better. A probe does: how
large the gradient of each parameter is, how far an update moves it, how many units of a layer answer nothing
but 0, how many sit where their activation is flat. From these numbers the doctor reads its rules.

*A probe changes nothing.* It is computed beside the training, from the state that stands before a step and
the batch that comes next, by the law of each operation, so that the same probe comes from every engine and
any number of threads. Node by node is also the way that needs no plan and no compiled loop: making these
would take longer than many a training. It reads the first rows of the batch, as many as a processor's cache
holds, which is enough for shares and ratios.

*A probe costs little.* It is made before the first step, after ten, and then after gaps that take at least
``WORTH`` times as long as a probe, by an estimate that knows only the graph and the batch; so the same steps
are probed whatever the machine, and after a resumption. The gaps grow with the training, by an eighth of what
has been done, so that even a million steps give but some dozens of probes. One more stands at the end.
Arrays are read as they come, so that no two gradients need be there at once (see ``reading``).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from chainrule.engines.reference import Program
from chainrule.escaping import csv_text
from chainrule.plan.memory_requirement import reference_memory
from chainrule.records import frozen
from chainrule.spec import size_at
from chainrule.train.monitor.probe_graph import ProbeGraph
from chainrule.train.monitor.probe_statistics import Reading
from chainrule.train.network import Network
from chainrule.train.state import Tensors, TrainState
from chainrule.train.step import Step

FIRST = (0, 10)  # the steps before which the first probes are made
WORTH = 50  # a gap takes at least so many times as long as a probe
LEAST = 100  # steps in a gap, at least
GROWTH = 8  # a gap is at least this part of the steps made
ROWS, NUMBERS, ROOM = 32, 2**20, 2**27  # rows of a probe; numbers that a cache holds; the most numbers at all
NODE, PLAIN = 4.5e-6, 20.0  # seconds that the law takes for a node; how much slower it is than compiled code
START, NUMBER = 2e-5, 1.5e-9  # seconds that a compiled step takes to begin, and for each number it computes
WHOLE = ("loss", "training_loss", "inference_loss", "gradient_norm", "rate", "rows")
OF_PARAMETER = ("gradient", "weight", "update", "no_gradient")
OF_LAYER = ("size", "spread", "zeros", "dead", "saturated")
COLUMNS = ("step", "epoch", "part", *WHOLE, *OF_PARAMETER, *OF_LAYER, "not_finite")


@frozen
class Probe:
    """A look into a net before one step of its training.

    Args:
        step: updates made before it.
        epoch: complete passes over the data.
        values: of the whole step: ``loss`` (what training makes small), ``training_loss`` and
            ``inference_loss`` (of the samples alone, with the net as it learns and as it answers),
            ``gradient_norm``, ``rate``, ``rows`` (that the probe reads).
        parts: for each parameter by path ``gradient`` and ``weight`` (their lengths, as roots of sums of
            squares), ``update`` (how far the step moves it, as a part of its length, where it has one),
            ``no_gradient`` (share of its numbers whose gradient is exactly 0); for each layer by path
            ``size`` (the mean size of its outputs), ``spread`` (the variance of its sums before the
            activation), ``zeros`` (share of outputs that are 0), ``dead`` (share of units that are 0 for
            every row), ``saturated`` (share of outputs where the slope of a sigmoid or tanh is below 0.01);
            of both ``not_finite`` (share of numbers that are NaN or infinite).
    """

    step: int
    epoch: int
    values: Mapping[str, float]
    parts: Mapping[str, Mapping[str, float]]

    @property
    def parameters(self) -> dict[str, Mapping[str, float]]:
        """The numbers of each parameter, by path."""
        return {path: each for path, each in self.parts.items() if "gradient" in each}

    @property
    def layers(self) -> dict[str, Mapping[str, float]]:
        """The numbers of each layer, by path."""
        return {path: each for path, each in self.parts.items() if "size" in each}


class Prober:
    """Looks into a training at certain steps.

    Args:
        network, step: what is trained.
        batch: samples in a batch.
    """

    def __init__(self, network: Network, step: Step, batch: int) -> None:
        self.step, self.batch = step, batch
        self._source: ProbeGraph = step.memo("probes", lambda: ProbeGraph(network, step))
        self.probes: list[Probe] = []  # what has been seen; it grows
        self._due = 0  # the next step of the schedule

    def waits(self, step: int) -> int:
        """How many steps there are until the next probe, for a training that has made so many; 0: now.

        Args:
            step: steps made; it never falls.
        """
        if not self.rows:
            return 2**62
        if self._due < step:
            self._due = next(due for due in schedule(self.gap) if due >= step)
        return self._due - step

    def resume(self, probes: Sequence[Probe], step: int) -> None:
        """Take up the probes of a training that stands at this step again."""
        due = {each for each, _ in zip(schedule(self.gap), range(2 * len(probes) + 2), strict=False)}
        self.probes[:] = [each for each in probes if each.step in due and each.step < step]

    @cached_property
    def gap(self) -> int:
        """The least number of steps between two probes."""
        each = self._source.numbers * NUMBER
        probe = 1.2 * (NODE * len(self._source.graph.nodes) + PLAIN * self.rows * each)
        return max(LEAST, round(WORTH * probe / (START + self.batch * each)))

    @cached_property
    def rows(self) -> int:
        """Rows that a probe reads; 0 where even a few would take too long."""
        least = max([1, *self.step.built.book.needed.values()])
        fits = ROOM // max(self._source.numbers, 1)
        rows = min(self.batch, max(8, min(ROWS, NUMBERS // max(self._source.numbers, 1))), fits)
        return rows if rows >= least else 0

    @property
    def need(self) -> int:
        """Bytes that a probe takes; nothing is allocated."""
        if not self.rows:
            return 0
        sizes, after = {"B": self.rows}, self._source.answering
        asked = reference_memory(self._source.graph, sizes, keeps_outputs=False).total
        if self._source.waits:
            specs = [node.spec for node in self.step.gradients.values()]
            asked += sum(size_at(spec.size, sizes) * np.dtype(spec.dtype).itemsize for spec in specs)
        return max(asked, 0 if after is None else after.memory_requirement(sizes).total)

    def look(self, state: TrainState, feed: Callable[[int], Tensors]) -> Probe:
        """The probe of the step that comes next; it is kept.

        Args:
            state: where the training stands.
            feed: gives the arrays of that step for the first so many rows of its batch.
        """
        arrays, source = feed(self.rows), self._source
        reading = Reading(self.step, source.graph, source.tails, source.bent, arrays)
        # Matrices this small lose more by a second thread than they gain, and the first one waits for it.
        with np.errstate(all="ignore"), _libraries().limit(limits=1, user_api="blas"):
            for name, value in source.program.stream(_wanted(source.program, arrays)):
                reading.take(name, value)
                del value  # before the next one is made
            values = self._whole(reading, arrays)
        parts = {path: reading.parameters[path] for path in self.step.gradients}
        for path in source.bent:
            parts[path] = {**parts.get(path, {}), **reading.layers[path]}
        probe = Probe(state.step, state.epoch, values, parts)
        if not self.probes or self.probes[-1].step != state.step:
            self.probes.append(probe)
        return probe

    def _whole(self, reading: Reading, arrays: Tensors) -> dict[str, float]:
        found = reading.whole
        weights = found.get("count")
        training = found["training"]
        answering = training
        after = self._source.answering
        if after is not None:
            answering = after.run(_wanted(after, arrays))["loss"]
        squares = (reading.squares[path] for path in self.step.gradients)
        return {
            "loss": float(found["loss"]), "training_loss": _mean(training, weights),
            "inference_loss": _mean(answering, weights), "gradient_norm": math.sqrt(sum(squares)),
            "rate": float(found["rate"]), "rows": float(len(training)),
        }  # fmt: skip


def schedule(gap: int) -> Iterator[int]:
    """The steps before which a probe is made, without end.

    Example:
        >>> from itertools import islice
        >>> list(islice(schedule(100), 6))
        [0, 10, 110, 210, 310, 410]
    """
    yield from FIRST
    step = FIRST[-1]
    while True:
        step += max(gap, step // GROWTH)
        yield step


def to_csv(probes: Sequence[Probe]) -> str:
    """Probes as a table: for each a line of the whole step, then a line for each parameter and layer.

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
    """The probes that ``to_csv`` wrote.

    Raises:
        ValueError: the text is no such table.
    """
    head, *lines = list(csv.reader(io.StringIO(text))) or [[]]
    if tuple(head) != COLUMNS:
        raise ValueError("not a table of probes")
    probes: list[Probe] = []
    for line in lines:
        if len(line) != len(COLUMNS):
            raise ValueError("a line of another length")
        step, epoch, part = int(line[0]), int(line[1]), line[2]
        values = {name: float(cell) for name, cell in zip(COLUMNS[3:], line[3:], strict=True) if cell}
        if not part:
            probes.append(Probe(step, epoch, values, {}))
        elif probes and probes[-1].step == step and isinstance(probes[-1].parts, dict):
            probes[-1].parts[part] = values
        else:
            raise ValueError("a part of no probe")
    return probes


@cache
def _libraries() -> ThreadpoolController:
    """The libraries that multiply matrices with threads of their own."""
    return ThreadpoolController()


def _wanted(program: Program, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: arrays[name] for name in program.graph.inputs}


def _mean(losses: np.ndarray, weights: np.ndarray | None) -> float:
    whole = 0.0 if weights is None else float(weights.sum(dtype=np.float64))
    return float(np.average(losses.astype(np.float64), weights=weights if whole else None))
