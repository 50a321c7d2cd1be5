"""What the doctor knows of the first steps of a training: they are made here, on copies of all arrays.

The steps are those of the training: its graph, its optimizer, its batches, its random numbers; only that a
batch is cut to ``ROWS`` rows, and that the law of each operation runs them, so that nothing is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

import numpy as np

from chainrule.diagnosis.context import Look
from chainrule.engines import compile
from chainrule.graph import Graph, Node
from chainrule.records import frozen
from chainrule.train.state import Tensors, TrainState
from chainrule.train.step import Step
from chainrule.train.training_run import TrainingRun

STEPS = 3  # updates
MOST_BATCHES = 8  # gathered for one update, of an optimizer that gathers gradients
ROWS = 256  # of a batch, at most


@frozen(eq=False)
class FirstSteps:
    """The first few steps of a training.

    Args:
        look: what was known before.
        losses: what training makes small, before each step.
        data_loss: of the first batch, the loss of its samples alone.
        penalty: of the first batch, what the size of parameters costs.
        outputs: of the first batch, what the net gives, by output.
        sums: of the first batch, the weighted sums of each layer before its activation, by path.
        parameters: before each step and after the last, by path.
        gradients: of each step, by path.
        arrays: what the first step was given, by input.
        stored: gradients brought by a person, by path, to be compared with those of the first batch.
        previous: what was stored before that batch, if it is known.
    """

    look: Look
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
    look: Look, run: TrainingRun,
    stored: Mapping[str, np.ndarray] | None = None, previous: Mapping[str, np.ndarray] | None = None,
) -> FirstSteps:  # fmt: skip
    """Make the first steps of a training.

    Args:
        look: what is known before.
        run: the training; of it only data, order, seed and the first state are used.
        stored, previous: gradients brought by a person.
    """
    state, step, order = (
        TrainState(run.state.parameters, run.state.states, run.state.slots),
        run.step,
        run.order,
    )
    program = compile(Graph(_watched(step)), "reference")
    seen, before, fed = [], [state.parameters], {}
    for i in range(STEPS * min(MOST_BATCHES, batches_of(run.network.recipe.optimizer))):
        rows = order.batch(i // order.steps, i % order.steps)[:ROWS]
        given = step.feed(run.data.take(rows), state, run.seed)
        arrays = {name: given[name] for name in program.graph.inputs}
        found = {name: np.array(value) for name, value in program.run(arrays).items()}
        fed = fed or arrays
        for group, kept in (("parameter", state.parameters), ("slot", state.slots), ("state", state.states)):
            moved = _group(found, group)
            setattr(state, f"{group}s", {**kept, **moved})
        state.step += 1
        seen.append(found)
        before.append(state.parameters)
    first = seen[0]
    return FirstSteps(
        look, step, tuple(float(each["loss"]) for each in seen), float(first["watched.data"]),
        float(first["loss"]) - float(first["watched.data"]), _group(first, "output"), _group(first, "sum"),
        tuple(before), tuple(_group(each, "gradient") for each in seen), fed, stored or {}, previous or {},
    )  # fmt: skip


def batches_of(optimizer: Any) -> int:
    """How many batches make one update.

    Example:
        >>> from chainrule.nn.optimizer import Accumulated, Adam
        >>> batches_of(Adam()), batches_of(Accumulated(Adam(), batches=4))
        (1, 4)
    """
    inner = getattr(optimizer, "inner", None)
    return getattr(optimizer, "batches", 1) * (1 if inner is None else batches_of(inner))


def _group(found: Tensors, group: str) -> Tensors:
    """The values whose names begin so, by the rest of their names."""
    return {name[len(group) + 1 :]: a for name, a in found.items() if name.startswith(f"{group}.")}


def _watched(step: Step) -> dict[str, Node]:
    """The outputs of the step with what the rules want to see beside them."""
    built = step.built
    known = set(step.graph.inputs)
    sums = {
        path.rpartition(".")[0]: node
        for path, node in built.book.notes.items()
        if path.endswith(".z") and set(Graph({"z": node}).inputs) <= known  # no cell of a loop over time
    }
    return {
        **step.graph.outputs, "watched.data": step.data,
        **{f"output.{name}": node for name, node in built.outputs.items()},
        **{f"sum.{path}": node for path, node in sums.items()},
        **{f"gradient.{path}": node for path, node in step.gradients.items()},
    }  # fmt: skip
