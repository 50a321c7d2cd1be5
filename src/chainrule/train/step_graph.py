"""The training step as one graph: from a batch, parameters and optimizer state to the loss and new values.

Penalties, gradients, clipping, the learning rate and the arithmetic of the optimizer are nodes of the graph.
An update can therefore be compiled, traced and explained like a forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from chainrule.data import Arrays
from chainrule.engines import compile
from chainrule.engines.dispatch import Program, StepProgram
from chainrule.errors import UsageError, fact
from chainrule.graph import Graph, Node, building, input_node
from chainrule.memoization import Memo, cached_property
from chainrule.nn.build import Built
from chainrule.nn.optimizer import Slot, StepContext
from chainrule.nn.schedule import ReduceOnPlateau, plateau_of
from chainrule.ops import functional as F
from chainrule.prng import KEY, fold, key_of
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.symbolic_shape import Shape, bound
from chainrule.train.network import Network, Recipe
from chainrule.train.objective import (
    SAMPLE_WEIGHT,
    Objective,
    epoch_columns,
    loss_parts,
    loss_sums,
    objective,
    sample_weight,
)
from chainrule.train.train_state import Tensors, TrainState

GROUPS = {"parameter.": "parameters", "slot.": "slots", "state.": "states"}
MAX_CACHED = 8  # maximum number of values in the cache of a step
RATE = "rate/given"  # the input of a step whose learning rate is set between two updates
EACH_STEP = 2  # the stream of a seed for the random keys of the steps


ObjectiveOf: TypeAlias = "Callable[[Network, Shape | None, Node], tuple[Objective, Built]]"
"""Takes the graphs, the shape of one sample's weight and the number of the step; returns J and the network
whose states the step updates."""


def plain_objective(network: Network, weight_shape: Shape | None, step: Node) -> tuple[Objective, Built]:
    """Return J on the samples themselves."""
    return objective(network, network.training, weight_shape), network.training


@frozen
class Step:
    """The graph of a training step, and the nodes in it that explanations refer to.

    Args:
        graph: outputs ``loss``, ``learning_rate``, ``parameter.PATH``, ``slot.LABEL`` and ``state.PATH``.
        gradients: the node of each trained parameter's gradient, after clipping.
        slots: the optimizer state by label.
        built: the nodes of the network in training.
        recipe: network, loss, optimizer and their settings.
        prediction_graph: the parameters for predictions by path, where they are not the trained ones, as
            with ``cr.EMA``.
        objective: the nodes of J, with and without penalties.
        weight_shape: the shape of one sample's weight; ``None`` where samples have none.
        sums: labels of the slots with the running loss of each output; see ``loss_sums``.
    """

    graph: Graph
    gradients: Mapping[str, Node]
    slots: Mapping[str, Slot]
    built: Built
    recipe: Recipe
    prediction_graph: Graph
    objective: Objective
    weight_shape: Shape | None = None
    sums: tuple[str, ...] = ()

    def initial_slots(self) -> dict[str, np.ndarray]:
        """Return the initial optimizer state and running losses, by label: new arrays."""
        dtype, slots = self.recipe.dtype, self.slots.items()
        values = {  # memory of zeros is not written to before it is used
            label: np.full(bound(s.shape), s.first, dtype) if s.first else np.zeros(bound(s.shape), dtype)
            for label, s in slots
        }
        return {**values, **self.initial_sums()}

    def initial_slot_views(self) -> dict[str, np.ndarray]:
        """Return the values of ``initial_slots``, read-only: one number in memory for each array."""
        dtype = self.recipe.dtype
        values = {
            label: np.broadcast_to(np.asarray(slot.first, dtype), bound(slot.shape))
            for label, slot in self.slots.items()
        }
        return {**values, **self.initial_sums()}

    def initial_sums(self) -> dict[str, np.ndarray]:
        """Return the running losses at the start of an epoch: zeros, by label."""
        return {label: np.zeros(()) for label in self.sums}

    def prediction_parameters(
        self, parameters: Mapping[str, np.ndarray], slots: Mapping[str, np.ndarray], count: int
    ) -> dict[str, np.ndarray]:
        """Return the parameters for predictions after ``count`` steps, such as the mean of the last ones."""
        if not count or not self.prediction_graph.outputs:
            return dict(parameters)
        values = {**parameters, **slots, "step": np.array(count, np.int64)}
        arrays = {name: values[name] for name in self.prediction_graph.inputs}
        means = compile(self.prediction_graph, "reference").run(arrays)
        return {**parameters, **{path: np.array(value) for path, value in means.items()}}

    @cached_property
    def homes(self) -> dict[str, str]:
        """The outputs that are inputs of the next step: the label of the input by the name of the output,
        such as ``{"parameter.dense1.weight": "dense1.weight"}``.
        """
        names = self.graph.outputs
        return {n: n.removeprefix(group) for n in names for group in GROUPS if n.startswith(group)}

    @cached_property
    def program(self) -> StepProgram:
        """The compiled step, which every training of it shares."""
        return StepProgram(self.graph, list(self.gradients.values()), self.homes, self.recipe.precision)

    @cached_property
    def memo(self) -> Memo:
        """What is derived from this step and kept, such as the graph of its probes."""
        return Memo(MAX_CACHED)

    @cached_property
    def plateau(self) -> ReduceOnPlateau | None:
        """The part of the schedule that depends on a column of the history; ``None``: there is none."""
        return plateau_of(self.recipe.optimizer.schedule)

    def key(self, seed: int, step: int) -> dict[str, np.ndarray]:
        """Return the random key of a step by the name of its input; empty without random operations."""
        return {} if self.built.book.key is None else {KEY: fold(_stream_of_steps(seed), step)}

    def feed(self, batch: Arrays, state: TrainState, seed: int) -> Tensors:
        """Return the inputs by name of the update that follows a state, for encoded rows."""
        arrays = {**state.parameters, **state.states, **state.slots}
        return self.inputs(by_name(batch), arrays, state.step, seed)

    def inputs(self, batch: Tensors, arrays: Tensors, number: int, seed: int) -> Tensors:
        """Return the inputs of an update, by name.

        Args:
            batch: the arrays of its rows, by name.
            arrays: parameters, states and slots by label.
            number: the number of updates so far.
        """
        return {**batch, **arrays, **self.key(seed, number), "step": np.array(number, np.int64)}

    def gradient_values(self, inputs: Mapping[str, np.ndarray], engine: str | None) -> Tensors:
        """Return the gradient of each trained parameter after clipping, by path, for the update's inputs."""
        precision = self.recipe.precision or settings.precision
        program = self.memo(
            ("gradients", engine, precision), lambda: compile(Graph(dict(self.gradients)), engine, precision)
        )
        results = program.run({name: inputs[name] for name in program.graph.inputs})
        return {path: np.array(results[path]) for path in self.gradients}


def by_name(data: Arrays) -> dict[str, Any]:
    """Return the arrays of encoded rows by the names of the step's inputs."""
    inputs = data.x if isinstance(data.x, dict) else {"x": data.x}
    targets = {} if data.y is None else data.y if isinstance(data.y, dict) else {"target": data.y}
    weights = {} if data.weights is None else {SAMPLE_WEIGHT: data.weights}
    return {**inputs, **targets, **weights}


def training_step(
    network: Network,
    weighted: bool,
    horizon: int,
    weight_shape: Shape = (),
    has_sums: bool = False,
    objective_of: ObjectiveOf = plain_objective,
    *,
    is_rate_given: bool = False,
) -> Step:
    """Return the training step of a network.

    Args:
        weighted: whether samples have weights.
        horizon: the number of updates of the complete training, for the schedule.
        weight_shape: the shape of one sample's weight: ``()``, or that of its positions.
        has_sums: whether the step adds up the loss of each output for the history.
        objective_of: builds J; equal ones build equal nodes.
        is_rate_given: whether the learning rate is the input ``RATE`` of the step and not that of the
            schedule.

    Raises:
        UsageError E106: no parameter is trainable.
    """
    with building(network.limits, is_extended=True):
        step = F.cast(input_node("step", (), "int64", "step"), network.recipe.dtype)
        # Nodes that compute the same are one node: the learning rate depends on the horizon where it matters.
        if is_rate_given:
            learning_rate = input_node(RATE, (), network.recipe.dtype, "state")
            learning_rate = F.maximum(learning_rate, 0.0)  # an output of the step is computed, not an input
        else:
            learning_rate = network.recipe.optimizer.schedule(step, horizon)
        has_sums = has_sums and bool(epoch_columns(network))
        shape = weight_shape if weighted else None
        key = "step", shape, learning_rate, has_sums, settings.dtype, objective_of
        return network.memo(
            key, lambda: _training_step(network, shape, step, learning_rate, has_sums, objective_of)
        )


def _training_step(
    network: Network,
    weight_shape: Shape | None,
    step: Node,
    learning_rate: Node,
    has_sums: bool,
    objective_of: ObjectiveOf,
) -> Step:
    optimizer = network.recipe.optimizer
    if not network.trainable:
        frozen = (
            fact("none: frozen={names}", names=list(network.recipe.frozen))
            if network.recipe.frozen
            else fact("none")
        )
        fix = fact('frozen=["stage1"]: some layers, not all') if network.recipe.frozen else ""
        raise UsageError("E106", expected=fact("at least one parameter to train"), received=frozen, fix=fix)
    terms, built = objective_of(network, weight_shape, step)
    nodes = {path: p.node for path, p in network.trainable.items()}
    gradients = terms.gradients(nodes)
    if network.recipe.clip is not None:
        gradients = network.recipe.clip(gradients)
    context = StepContext(learning_rate, step + 1.0, terms.value)
    slots = {
        label: input_node(label, slot.shape, network.recipe.dtype, "state")
        for label, slot in network.slots.items()
    }
    parameters, new_slots = optimizer.moves(nodes, gradients, slots, context)
    outputs = {"loss": terms.value, "learning_rate": context.learning_rate}
    outputs.update({f"parameter.{path}": node for path, node in parameters.items()})
    sums = loss_sums(network, built, weight_shape) if has_sums else {}
    outputs.update({f"slot.{label}": node for label, node in {**new_slots, **sums}.items()})
    outputs.update({f"state.{path}": node for path, node in built.book.updates.items()})
    # Between two steps, the index of the next step is the number of updates so far.
    evaluated = optimizer.evaluation_parameters(nodes, slots, step)
    predicting = {path: node for path, node in evaluated.items() if node is not nodes[path]}
    return Step(
        Graph(outputs),
        gradients,
        network.slots,
        built,
        network.recipe,
        Graph(predicting),
        terms,
        weight_shape,
        tuple(sums),
    )


def evaluation_program(network: Network, weights: np.ndarray | None = None) -> Program:
    """Return the program from inputs and targets to losses and predictions.

    Outputs: ``loss`` (B,), the loss of each sample with loss weights; ``prediction.NAME``, the predictions of
    each output; with several outputs ``loss.NAME`` (B,), the loss of each. Where the terms of a loss have
    weights, ``total.NAME`` and ``count.NAME`` (B,) are numerator and denominator of each output's mean.

    Args:
        weights: sample weights; where each position of a sample has a weight, they are an input of the
            program.
    """
    weight_shape = None if weights is None or not weights.shape[1:] else weights.shape[1:]
    return network.compiled(("evaluation", weight_shape), lambda: _evaluation(network, weight_shape))


def _evaluation(network: Network, weight_shape: Shape | None) -> Graph:
    with building(network.limits, is_extended=True):
        outputs = {"loss": network.sample_loss(network.inference)}
        fractions = loss_parts(network, network.inference, sample_weight(network, weight_shape))
        if any(count is not None for _, count in fractions.values()):
            outputs |= {f"total.{name}": total for name, (total, _) in fractions.items()}
            ones = F.full_like(outputs["loss"], 1.0)
            outputs |= {
                f"count.{name}": ones if count is None else count for name, (_, count) in fractions.items()
            }
        elif len(fractions) > 1:
            outputs |= {f"loss.{name}": total for name, (total, _) in fractions.items()}
    return Graph({**outputs, **network.predictions()})


@lru_cache(maxsize=4)
def _stream_of_steps(seed: int) -> np.ndarray:
    """Return the key from which each step's key is derived."""
    return fold(key_of(seed), EACH_STEP)
