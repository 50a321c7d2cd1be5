"""Statistics of the last steps, which are replayed exactly from an earlier state.

A step is a function of state, data and seed, so that values that are not recorded can be recomputed. The
steps up to the first of the last ones are repeated by the engine of the training; all values of the last ones
are computed by the reference implementation. For a large network, fewer steps are replayed to limit the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from chainrule.engines.reference import Program
from chainrule.graph import Node
from chainrule.train.nonfinite.failed_step import FailedStep, StepInputs
from chainrule.train.nonfinite.origin import phases
from chainrule.train.nonfinite.record import StepStatistics
from chainrule.train.nonfinite.recorder import LENGTH
from chainrule.train.state import TrainState

MAX_VALUES = 2e7  # computed by the reference implementation for the steps before


def recent_steps(failed: FailedStep, values: Mapping[Node, np.ndarray]) -> tuple[StepStatistics, ...]:
    """Statistics of the last steps, the failed one included.

    Args:
        failed: the step that failed.
        values: all values of this step.
    """
    number = failed.state.step + 1
    count = int(MAX_VALUES // max(1, sum(value.size for value in values.values())))
    states = _states(failed, min(LENGTH - 1, count))
    replayed = {state.step + 1: _replayed(failed, state) for state in states}
    replayed[number] = _statistics(failed.inputs, number, values)
    recorded = {step: StepStatistics(step, *numbers) for step, numbers in failed.recorder.losses.items()}
    steps = recorded | replayed
    return tuple(steps[step] for step in sorted(steps) if number - LENGTH < step <= number)


def _states(failed: FailedStep, count: int) -> Iterator[TrainState]:
    """The states before each of the last steps, as far as they can be replayed."""
    last: TrainState | None = None
    for step in range(max(1, failed.state.step + 1 - count), failed.state.step + 1):
        start = failed.recorder.before(step)
        if start is None or (failed.augments and start.epoch != failed.state.epoch):
            continue  # the augmented samples of earlier epochs are gone
        if last is not None and last.step >= start.step:
            start = last
        ahead = step - 1 - start.step
        if ahead and failed.replay is None:
            continue
        last = failed.replay(start, ahead) if ahead and failed.replay is not None else start
        yield last


def _replayed(failed: FailedStep, state: TrainState) -> StepStatistics:
    """The statistics of the step that follows a state."""
    inputs = failed.feed(state)
    values = {node: value for node, _, _, value in Program(inputs.step.graph).walk(inputs.arrays)}
    return _statistics(inputs, state.step + 1, values)


def _statistics(inputs: StepInputs, step: int, values: Mapping[Node, np.ndarray]) -> StepStatistics:
    graph = inputs.step.graph
    phase = phases(graph, inputs.step.gradients.values())
    forward = (v for node, v in values.items() if phase.get(node) == "forward" and v.dtype.kind == "f")
    gradients = [values[node] for node in inputs.step.gradients.values() if node in values]
    loss, learning_rate = (_scalar(values, inputs, name) for name in ("loss", "learning_rate"))
    layers = dict.fromkeys(path.rpartition(".")[0] for path in inputs.step.built.parameters)
    weights = {
        layer: _norm(
            inputs.arrays[path] for path in inputs.step.built.parameters if path.rpartition(".")[0] == layer
        )
        for layer in layers
    }
    return StepStatistics(step, loss, learning_rate, _max_absolute(forward), _norm(gradients), weights)


def _scalar(values: Mapping[Node, np.ndarray], inputs: StepInputs, name: str) -> float:
    """A scalar output, computed or constant."""
    node = inputs.step.graph.outputs[name]
    value = values.get(node)
    if value is None:  # a constant, such as a learning rate without a schedule
        value = getattr(node.op, "array", np.array(math.nan))
    return float(value)


def _max_absolute(arrays: Iterator[np.ndarray]) -> float:
    """The largest absolute value; infinity if an array is not finite."""
    largest = 0.0
    for array in arrays:
        size = float(np.abs(array).max(initial=0.0))
        largest = max(largest, size if math.isfinite(size) else math.inf)
    return largest


def _norm(arrays: Iterable[np.ndarray]) -> float:
    """The Euclidean norm of all arrays, scaled by the largest absolute value so that no square overflows."""
    parts = [np.asarray(array, np.float64) for array in arrays]
    largest = _max_absolute(iter(parts))
    if largest in (0.0, math.inf):
        return largest
    return largest * math.sqrt(sum(float(np.square(part / largest).sum()) for part in parts))
