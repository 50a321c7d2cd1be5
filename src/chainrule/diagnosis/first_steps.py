"""The first steps of a training, computed on copies of all arrays for the rules of the doctor.

The steps use the graph, optimizer, batches and random numbers of the training. Batches are limited to
``ROWS`` rows, and the reference engine runs them, so that nothing is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

import numpy as np

from chainrule.diagnosis.context import TrainingContext
from chainrule.engines import compile
from chainrule.graph import Graph, Node
from chainrule.nn.optimizer import Accumulated
from chainrule.records import frozen
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.step_graph import Step
from chainrule.train.train_state import Tensors

STEPS = 3  # number of updates
MOST_BATCHES = 8  # maximum number of batches per update, with gradient accumulation
ROWS = 256  # maximum number of rows of a batch
MAX_VALUES = 2**21  # parameters, and values computed from a few rows, up to which a training computes a step


@frozen(eq=False)
class FirstSteps:
    """The first few steps of a training.

    Args:
        context: the facts before the training.
        losses: the objective before each step.
        data_loss: the loss of the samples of the first batch, without penalty.
        penalty: the penalty at the first batch.
        outputs: the network outputs of the first batch, by output.
        sums: the weighted sums of each layer for the first batch, by path.
        parameters: parameters before each step and after the last, by path.
        gradients: gradients of each step, by path.
        arrays: the inputs of the first step.
        stored: gradients passed by the user, by path, to compare with those of the first batch.
        previous: the gradients stored before that batch, if known.
    """

    context: TrainingContext
    step: Step
    losses: tuple[float, ...]
    data_loss: float
    penalty: float
    outputs: Tensors
    sums: Tensors
    parameters: tuple[Tensors, ...]
    gradients: tuple[Tensors, ...]
    arrays: Tensors
    stored: Mapping[str, np.ndarray] = field(default_factory=dict)
    previous: Mapping[str, np.ndarray] = field(default_factory=dict)


def first_steps(
    context: TrainingContext,
    training: TrainingView,
    stored: Mapping[str, np.ndarray] | None = None,
    previous: Mapping[str, np.ndarray] | None = None,
) -> FirstSteps:
    """Compute the first steps of a training.

    Args:
        training: the training before its first step.
        stored, previous: gradients passed by the user.
    """
    count = STEPS * min(MOST_BATCHES, batches_of(training.network.recipe.optimizer))
    return _steps(context, training, count, ROWS, stored or {}, previous or {})


def brief_step(context: TrainingContext, training: TrainingView) -> FirstSteps | None:
    """Compute the first step of a training on few rows; ``None`` where that would take long."""
    graph, rows = training.update.graph, training.probed_rows
    is_changed = training.options.augmentation is not None or training.options.robust is not None
    is_small = max(rows * training.values_per_sample, training.network.count) <= MAX_VALUES
    if is_changed or not rows or not is_small or any(node.op.name == "scan" for node in graph.nodes):
        return None
    return _steps(context, training, 1, rows, {}, {})


def _steps(
    context: TrainingContext,
    training: TrainingView,
    count: int,
    max_rows: int,
    stored: Mapping[str, np.ndarray],
    previous: Mapping[str, np.ndarray],
) -> FirstSteps:
    state, step, order = training.initial_state(), training.update, training.order
    program = compile(Graph(_outputs(step)), "reference")
    results, parameters, first_arrays = [], [state.parameters], {}
    for i in range(count):
        rows = order.batch(i // order.steps, i % order.steps)[:max_rows]
        feed = step.feed(training.data.take(rows), state, training.options.seed)
        arrays = {name: feed[name] for name in program.graph.inputs}
        values = {name: np.array(value) for name, value in program.run(arrays).items()}
        first_arrays = first_arrays or arrays
        for group, current in (
            ("parameter", state.parameters),
            ("slot", state.slots),
            ("state", state.states),
        ):
            updated = _group(values, group)
            setattr(state, f"{group}s", {**current, **updated})
        state.step += 1
        results.append(values)
        parameters.append(state.parameters)
    first = results[0]
    return FirstSteps(
        context,
        step,
        tuple(float(result["loss"]) for result in results),
        float(first["watched.data"]),
        float(first["loss"]) - float(first["watched.data"]),
        _group(first, "output"),
        _group(first, "sum"),
        tuple(parameters),
        tuple(_group(result, "gradient") for result in results),
        first_arrays,
        stored,
        previous,
    )


def batches_of(optimizer: Any) -> int:
    """Return the number of batches per update.

    Example:
        >>> from chainrule.nn.optimizer import Adam
        >>> batches_of(Adam()), batches_of(Accumulated(Adam(), steps=4))
        (1, 4)
    """
    inner = getattr(optimizer, "inner", None)
    own = optimizer.steps if isinstance(optimizer, Accumulated) else 1
    return own * (1 if inner is None else batches_of(inner))


def _group(values: Tensors, group: str) -> Tensors:
    """Return the values whose names start with a prefix, by the rest of their names."""
    return {name[len(group) + 1 :]: a for name, a in values.items() if name.startswith(f"{group}.")}


def _outputs(step: Step) -> dict[str, Node]:
    """Return the outputs of the step and the additional values that the rules need."""
    built = step.built
    known = set(step.graph.inputs)
    sums = {
        path.rpartition(".")[0]: node
        for path, node in built.book.notes.items()
        if path.endswith(".z") and set(Graph({"z": node}).inputs) <= known  # not inside a recurrent step
    }
    return {
        **step.graph.outputs,
        "watched.data": step.objective.data,
        **{f"output.{name}": node for name, node in built.outputs.items()},
        **{f"sum.{path}": node for path, node in sums.items()},
        **{f"gradient.{path}": node for path, node in step.gradients.items()},
    }
