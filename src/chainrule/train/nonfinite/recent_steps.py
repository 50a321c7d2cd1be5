"""How large everything was in the last steps: they are made once more, exactly, from a state of before.

A step is a function of state, data and seed alone, so that what is not kept can be computed again. The steps
on the way are made by the engine that made them first; of the last few every value is computed by the law and
looked at. A large net is looked at for fewer steps, so that nobody waits for long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from chainrule.engines.reference import Program
from chainrule.graph import Node
from chainrule.train.nonfinite.context import Laid, Scene
from chainrule.train.nonfinite.origin import phases
from chainrule.train.nonfinite.record import Moment
from chainrule.train.nonfinite.recorder import LENGTH
from chainrule.train.state import TrainState

WORK = 2e7  # numbers that are computed by the law for the looks into the steps before


def course_of(scene: Scene, values: Mapping[Node, np.ndarray]) -> tuple[Moment, ...]:
    """The last steps, the one that failed included.

    Args:
        scene: the step that failed.
        values: all values of the step that failed.
    """
    now = scene.state.step + 1
    count = int(WORK // max(1, sum(value.size for value in values.values())))
    looked = {state.step + 1: _look(scene, state) for state in _states(scene, min(LENGTH - 1, count))}
    looked[now] = _moment(scene.laid, now, values)
    told = {step: Moment(step, *numbers) for step, numbers in scene.recorder.losses.items()}
    return tuple((told | looked)[step] for step in sorted(told | looked) if now - LENGTH < step <= now)


def _states(scene: Scene, count: int) -> Iterator[TrainState]:
    """The states before each of the last steps, as far as they can be known again."""
    last: TrainState | None = None
    for step in range(max(1, scene.state.step + 1 - count), scene.state.step + 1):
        known = scene.recorder.before(step)
        if known is None or (scene.renews and known.epoch != scene.state.epoch):
            continue  # images are changed anew in every epoch: those of before are gone
        if last is not None and last.step >= known.step:
            known = last
        ahead = step - 1 - known.step
        if ahead and scene.replay is None:
            continue
        last = scene.replay(known, ahead) if ahead and scene.replay is not None else known
        yield last


def _look(scene: Scene, state: TrainState) -> Moment:
    laid = scene.feed(state)
    values = {node: value for node, _, _, value in Program(laid.step.graph).walk(laid.arrays)}
    return _moment(laid, state.step + 1, values)


def _moment(laid: Laid, step: int, values: Mapping[Node, np.ndarray]) -> Moment:
    graph = laid.step.graph
    phase = phases(graph, laid.step.gradients.values())
    forward = (v for node, v in values.items() if phase.get(node) == "forward" and v.dtype.kind == "f")
    gradients = [values[node] for node in laid.step.gradients.values() if node in values]
    loss, rate = (_single(values, laid, name) for name in ("loss", "rate"))
    layers = dict.fromkeys(path.rpartition(".")[0] for path in laid.step.built.parameters)
    weights = {
        layer: _length(
            laid.arrays[path] for path in laid.step.built.parameters if path.rpartition(".")[0] == layer
        )
        for layer in layers
    }
    return Moment(step, loss, rate, _largest(forward), _length(gradients), weights)


def _single(values: Mapping[Node, np.ndarray], laid: Laid, name: str) -> float:
    """A result that is one number, computed or fixed."""
    node = laid.step.graph.outputs[name]
    found = values.get(node)
    if found is None:  # a constant, such as a rate that never changes
        found = getattr(node.op, "array", np.array(math.nan))
    return float(found)


def _largest(arrays: Iterator[np.ndarray]) -> float:
    """The largest number without its sign; infinite where one is not finite."""
    largest = 0.0
    for array in arrays:
        size = float(np.abs(array).max(initial=0.0))
        largest = max(largest, size if math.isfinite(size) else math.inf)
    return largest


def _length(arrays: Iterable[np.ndarray]) -> float:
    """The length of all arrays together; measured by the largest number, so that no square overflows."""
    parts = [np.asarray(array, np.float64) for array in arrays]
    largest = _largest(iter(parts))
    if largest in (0.0, math.inf):
        return largest
    return largest * math.sqrt(sum(float(np.square(part / largest).sum()) for part in parts))
