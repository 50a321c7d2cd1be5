"""Plan and profile of a model's training step, on given or random rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule import prng
from chainrule.engines.dispatch import in_precision
from chainrule.engines.profile import ProfiledStep, StepProfile, measure
from chainrule.errors import fact
from chainrule.graph import Graph, Node
from chainrule.plan.microbatch import planned_split
from chainrule.plan.plan import Cut, Plan
from chainrule.records import frozen
from chainrule.settings import planning_cores
from chainrule.symbolic_shape import FLOATS, Spec
from chainrule.train.evaluation.rows import encode_labeled
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.train.step_graph import Step, training_step
from chainrule.validation import out_of_range, trained_network

BATCH = 32  # samples, if neither the caller nor the last training determines the batch size
ROWS, MAX_BYTES = 1000, 2**26  # random rows, if no training determines their number; and their memory


@frozen
class ProfileResult:
    """The measured profile of a step, and its data.

    Args:
        rows: in the data set.
        is_random: whether the rows are random numbers.
    """

    profile: StepProfile
    rows: int
    is_random: bool


def plan_step(model: ModelState, batch_size: int | None = None) -> Plan:
    """Return the plan of the training step by the native engine on this machine; see ``Model.plan``."""
    batch = _batch(model, batch_size, "plan")
    step = _step(model)
    graph, core = _in_precision(model, step)
    return planned_split(graph, batch, Cut(1, "loss", tuple(core), step.homes), planning_cores())[1]


def measure_step(
    model: ModelState, x: Any, y: Any, batch_size: int | None = None, steps: int | None = None
) -> ProfileResult:
    """Measure the training step; see ``Model.profile``."""
    step = profiled_step(model, x, y, batch_size, steps)
    rows = len(next(iter(step.data.values())))
    return ProfileResult(measure(step, model.engine), rows, x is None)


def profiled_step(
    model: ModelState, x: Any, y: Any, batch_size: int | None = None, steps: int | None = None
) -> ProfiledStep:
    """Return the training step of a model with rows to measure it on.

    Args:
        model: an initialized model.
        x, y: samples, as for ``fit``; random ones if ``x`` is ``None``.
        batch_size: by default, that of the last training.
        steps: number of steps to measure; by default, about a quarter of a second.

    Raises:
        UsageError E102: an option out of range. TrainingError E503: the model is not initialized.
    """
    batch = _batch(model, batch_size, "profile")
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise out_of_range(steps, "steps", "profile", fact("at least 1"), 100)
    network = _network(model, "profile")
    if x is None:
        data = _random_data(model, network, batch)
    else:
        encoded = encode_labeled(model, x, y, "profile")
        model, data = encoded.model, {**encoded.x, **encoded.y}
    rows, step = len(next(iter(data.values()))), _step(model)
    state = {**model.arrays, **step.initial_slots()}
    inputs = {label: array for label, array in state.items() if label in step.graph.inputs}
    graph, core = _in_precision(model, step)
    return ProfiledStep(graph, core, step.homes, data, inputs, min(batch, rows), steps or 0)


def _in_precision(model: ModelState, step: Step) -> tuple[Graph, list[Node]]:
    """Return the graph of a step in the precision of the model's products, and its gradients."""
    assert model.network is not None
    graph, changed = in_precision(step.graph, model.network.precision, "native")
    return graph, [changed.get(node, node) for node in step.gradients.values()]


def _network(model: ModelState, where: str) -> Network:
    return trained_network(model, where, fact("model.fit(x, y), or model.initialize(inputs)"))


def _batch(model: ModelState, batch_size: int | None, where: str) -> int:
    """Return the batch size: as requested, that of the last training, or the default."""
    _network(model, where)
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise out_of_range(batch_size, "batch_size", where, fact("at least 1"), fix=f"batch_size={BATCH}")
    rows = _fact(model, "rows") if "batch_size" in model.facts else 0  # of a full-batch training
    return batch_size or _fact(model, "batch_size") or rows or BATCH


def _fact(model: ModelState, name: str) -> int:
    """Return a count among the facts of the last training, which come from a file; 0 if absent or invalid."""
    value = model.facts.get(name)
    return value if type(value) is int and 0 < value < 2**40 else 0


def _step(model: ModelState) -> Step:
    assert model.network is not None
    return training_step(model.network, False, max(_fact(model, "steps"), 1))


def _random_data(model: ModelState, network: Network, batch: int) -> dict[str, np.ndarray]:
    """Return random rows of matching shapes and dtypes, as many as in training, up to ``MAX_BYTES``."""
    targets = {network.target_names[name]: target for name, target in model.targets.items()}
    specs = {**network.inputs, **{label: target.spec for label, target in targets.items()}}
    row_bytes = sum(_count(spec) * np.dtype(spec.dtype).itemsize for spec in specs.values())
    rows = max(batch, min(_fact(model, "rows") or ROWS, MAX_BYTES // max(row_bytes, 1)))
    arrays = {}
    for number, (label, spec) in enumerate(specs.items()):
        key, size = prng.fold(prng.key_of(0), number), rows * _count(spec)
        tables = [length for (_, name), length in network.inference.book.tables.items() if name == label]
        if label in targets:  # a class, or 0 or 1, which is valid for every loss
            classes = targets[label].max_classes if targets[label].is_classes else 2
            values = np.floor(prng.uniform(key, size) * classes)
        elif tables:  # indices of an embedding
            values = np.floor(prng.uniform(key, size) * min(tables))
        else:
            values = prng.normal(key, size) if spec.dtype in FLOATS else np.zeros(size)
        arrays[label] = values.reshape(rows, *_lengths(spec)).astype(spec.dtype)
    return arrays


def _lengths(spec: Spec) -> tuple[int, ...]:
    """Return the lengths of the axes of one sample; 1 for an axis of any length."""
    return tuple(n if isinstance(n, int) else 1 for n in spec.shape[1:])


def _count(spec: Spec) -> int:
    return math.prod(_lengths(spec))
