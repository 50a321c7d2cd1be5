"""A model's training step as something to be planned and measured, with rows to run it on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule import prng
from chainrule.data import Arrays
from chainrule.engines.profile import ProfiledStep, StepProfile, measure
from chainrule.errors import TrainingError, UsageError
from chainrule.plan.microbatch import split_batch
from chainrule.plan.plan import Cut, Plan, plan
from chainrule.records import frozen
from chainrule.settings import planning_cores
from chainrule.spec import FLOATS, Spec
from chainrule.train.evaluation import evaluate
from chainrule.train.inputs import tabular
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.train.step import Step, training_step

BATCH = 32  # samples, where neither the caller nor the last training says how many
ROWS, ROOM = 1000, 2**26  # made-up rows, where no training says how many; and bytes they may take


@frozen
class Stopwatch:
    """What was measured of a step, and on what.

    Args:
        measured: the costs.
        rows: in the data set.
        is_made_up: whether the rows are random numbers.
    """

    measured: StepProfile
    rows: int
    is_made_up: bool


def plan_step(model: ModelState, batch_size: int | None = None) -> Plan:
    """The plan of a model's training step, as the native engine makes it on this machine; see
    ``Model.plan``."""
    batch = _batch(model, batch_size, "plan")
    step = _step(model)
    cut = Cut(1, "loss", tuple(step.gradients.values()), step.homes)
    rows = split_batch(step.graph, batch, cut, planning_cores()).rows
    return plan(step.graph, {"B": batch}, replace(cut, rows=rows))


def measure_step(
    model: ModelState, x: Any, y: Any, batch_size: int | None = None, steps: int | None = None
) -> Stopwatch:
    """What a model's training step costs; see ``Model.profile``."""
    subject = subject_of(model, x, y, batch_size, steps)
    rows = len(next(iter(subject.data.values())))
    return Stopwatch(measure(subject, model.engine), rows, x is None)


def subject_of(
    model: ModelState, x: Any, y: Any, batch_size: int | None = None, steps: int | None = None
) -> ProfiledStep:
    """A model's training step with rows to measure it on; ``x`` is ``None``: random ones."""
    batch = _batch(model, batch_size, "profile")
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise UsageError(
            "E102", where="profile", name="steps", expected="at least 1", received=steps, fix="steps=100"
        )
    network = _network(model, "profile")
    data = _made_up(model, network, batch) if x is None else _given(model, x, y)
    rows, step = len(next(iter(data.values()))), _step(model)
    state = {**model.arrays, **step.initial_slots()}
    held = {label: array for label, array in state.items() if label in step.graph.inputs}
    core, batch = list(step.gradients.values()), min(batch, rows)
    return ProfiledStep(step.graph, core, step.homes, data, held, batch, steps or 0)


def _network(model: ModelState, where: str) -> Network:
    if model.network is None:
        raise TrainingError("E503", where=where, fix="model.fit(x, y), or model.initialize(inputs)")
    return model.network


def _batch(model: ModelState, batch_size: int | None, where: str) -> int:
    """Samples in a batch: as asked, as in the last training, or the usual number."""
    _network(model, where)
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise UsageError(
            "E102", where=where, name="batch_size", expected="at least 1", received=batch_size,
            fix=f"batch_size={BATCH}",
        )  # fmt: skip
    whole = _fact(model, "rows") if "batch_size" in model.facts else 0
    return batch_size or _fact(model, "batch_size") or whole or BATCH


def _fact(model: ModelState, name: str) -> int:
    """A count among the facts of the last training; 0 where it is not known. A file may say anything."""
    value = model.facts.get(name)
    return value if type(value) is int and 0 < value < 2**40 else 0


def _step(model: ModelState) -> Step:
    assert model.network is not None
    return training_step(model.network, False, max(_fact(model, "steps"), 1))


def _given(model: ModelState, x: Any, y: Any) -> dict[str, np.ndarray]:
    """The rows a person gives, by the step's input names."""
    x, y = tabular.encode_table(model.preparation, x, y)
    coded = evaluate.encoded(model, Arrays.of(x, y, dtype=model.recipe.dtype))
    return {**_by_name(coded.x), **_by_name(coded.y)}


def _by_name(arrays: Any) -> dict[str, np.ndarray]:
    assert isinstance(arrays, Mapping)
    return dict(arrays)


def _made_up(model: ModelState, network: Network, batch: int) -> dict[str, np.ndarray]:
    """Random rows of the right form: as many as the last training had, as far as there is room."""
    targets = {network.target_names[name]: target for name, target in model.targets.items()}
    specs = {**network.inputs, **{label: target.spec for label, target in targets.items()}}
    each = sum(_count(spec) * np.dtype(spec.dtype).itemsize for spec in specs.values())
    rows = max(batch, min(_fact(model, "rows") or ROWS, ROOM // max(each, 1)))
    made = {}
    for number, (label, spec) in enumerate(specs.items()):
        key, size = prng.fold(prng.key_of(0), number), rows * _count(spec)
        words = [many for (_, name), many in network.inference.book.tables.items() if name == label]
        if label in targets:  # a class, or a value that every loss takes
            room = targets[label].max_classes if targets[label].is_classes else 2
            drawn = np.floor(prng.uniform(key, size) * room)
        elif words:  # numbers of words, which an embedding looks up
            drawn = np.floor(prng.uniform(key, size) * min(words))
        else:
            drawn = prng.normal(key, size) if spec.dtype in FLOATS else np.zeros(size)
        made[label] = drawn.reshape(rows, *_lengths(spec)).astype(spec.dtype)
    return made


def _lengths(spec: Spec) -> tuple[int, ...]:
    """The axes of one sample; one that may have any length has one."""
    return tuple(n if isinstance(n, int) else 1 for n in spec.shape[1:])


def _count(spec: Spec) -> int:
    return math.prod(_lengths(spec))
