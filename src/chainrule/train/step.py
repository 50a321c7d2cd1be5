"""The whole training step as one graph.

batch + parameters + optimizer state + step + key -> loss, new parameters, new state. Nothing of a step
happens
outside: the penalty, the gradient, the clipping, the learning rate of this step and the optimizer's
arithmetic are nodes. So the update can be compiled, traced and explained like the forward pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.errors import UsageError
from chainrule.graph import Graph, Node, building, input_node
from chainrule.nn.build import Built
from chainrule.nn.optimizer import Slot, StepContext
from chainrule.nn.schedule import ReduceOnPlateau, plateau_of
from chainrule.ops import functional as F
from chainrule.prng import KEY, fold, key_of
from chainrule.records import frozen
from chainrule.spec import Shape, bound
from chainrule.train.network import Network, Recipe
from chainrule.train.objective import SAMPLE_WEIGHT, objective, parts, sample_weight
from chainrule.train.state import Tensors, TrainState

EACH_STEP = 2  # the stream of a seed for the random numbers of each step


@frozen
class Step:
    """The graph of a training step with what an explanation asks of it.

    Args:
        graph: outputs ``loss``, ``rate``, ``parameter.PATH``, ``slot.LABEL`` and ``state.PATH``.
        gradients: the node of each trained parameter's gradient, after clipping.
        slots: what the optimizer remembers, by label.
        built: the net inside.
        recipe: what is trained, and how.
        answers: the parameters to answer with, by path, where they are not those that are trained.
        data: J without penalties.
        inside: the shape of one sample's weight; ``None`` where samples have none.
    """

    graph: Graph
    gradients: Mapping[str, Node]
    slots: Mapping[str, Slot]
    built: Built
    recipe: Recipe
    answers: Graph
    data: Node
    inside: Shape | None = None

    def first_slots(self) -> dict[str, np.ndarray]:
        """The first values of what the optimizer remembers."""
        return {
            label: np.full(bound(slot.shape), slot.first, self.recipe.dtype)
            for label, slot in self.slots.items()
        }

    def answering(
        self, parameters: Mapping[str, np.ndarray], slots: Mapping[str, np.ndarray], count: int
    ) -> dict[str, np.ndarray]:
        """The parameters to answer with after so many steps, such as the mean of the last ones."""
        if not count or not self.answers.outputs:
            return dict(parameters)
        given = {**parameters, **slots, "step": np.array(count, np.int64)}
        arrays = {name: given[name] for name in self.answers.inputs}
        found = compile(self.answers, "reference").run(arrays)
        return {**parameters, **{path: np.array(value) for path, value in found.items()}}

    @property
    def plateau(self) -> ReduceOnPlateau | None:
        """The part of the schedule that looks at the training, if it has one."""
        return plateau_of(self.recipe.optimizer.schedule)

    def key(self, seed: int, step: int) -> dict[str, np.ndarray]:
        """The random key of a step, for nets that draw."""
        return {} if self.built.book.key is None else {KEY: fold(_stream_of_steps(seed), step)}

    def feed(self, batch: Arrays, state: TrainState, seed: int) -> Tensors:
        """The inputs of the update that follows a state, by name.

        Args:
            batch: its rows, encoded.
            state: parameters, states, slots and the number of updates made.
            seed: of the step's random numbers.
        """
        inputs = batch.x if isinstance(batch.x, dict) else {"x": batch.x}
        targets = batch.y if isinstance(batch.y, dict) else {"target": batch.y}
        arrays: Any = {**inputs, **targets, **state.parameters, **state.states, **state.slots}
        if batch.weights is not None:
            arrays[SAMPLE_WEIGHT] = batch.weights
        return {**arrays, **self.key(seed, state.step), "step": np.array(state.step, np.int64)}


def training_step(network: Network, weighted: bool, horizon: int, inside: Shape = ()) -> Step:
    """The training step of a network.

    Args:
        network: what is trained.
        weighted: whether samples have weights.
        horizon: how many updates the whole training makes, for the schedule.
        inside: the shape of one sample's weight: ``()``, or that of its places.
    """
    with building(network.limits, later=True):
        return _training_step(network, weighted, horizon, inside)


def _training_step(network: Network, weighted: bool, horizon: int, inside: Shape) -> Step:
    built, optimizer = network.training, network.recipe.optimizer
    if not network.trainable:
        frozen = f"none: frozen={list(network.recipe.frozen)}" if network.recipe.frozen else "none"
        raise UsageError(
            "E106", expected="at least one parameter to train", received=frozen,
            fix='frozen=["stage1"], what shall stay, and not all' if network.recipe.frozen else "",
        )  # fmt: skip
    made_of = objective(network, built, inside if weighted else None)
    nodes = {path: p.node for path, p in network.trainable.items()}
    gradients = made_of.gradients(nodes)
    if network.recipe.clip is not None:
        gradients = network.recipe.clip(gradients)
    made = F.cast(input_node("step", (), "int64", "step"), network.recipe.dtype)
    now = StepContext(optimizer.schedule(made, horizon), made + 1.0, made_of.value)
    slots = {
        label: input_node(label, slot.shape, network.recipe.dtype, "state")
        for label, slot in network.memory.items()
    }
    moved, kept = optimizer.moves(nodes, gradients, slots, now)
    outputs = {"loss": made_of.value, "rate": now.learning_rate}
    outputs.update({f"parameter.{path}": node for path, node in moved.items()})
    outputs.update({f"slot.{label}": node for label, node in kept.items()})
    outputs.update({f"state.{path}": node for path, node in built.book.updates.items()})
    # After a step the number of the step is the count of updates.
    there = optimizer.evaluation_parameters(nodes, slots, made)
    answers = {path: node for path, node in there.items() if node is not nodes[path]}
    given = Graph(outputs), gradients, network.memory, built, network.recipe, Graph(answers)
    return Step(*given, made_of.data, inside if weighted else None)


def evaluation_program(network: Network, weights: np.ndarray | None = None) -> Program:
    """The program from inputs and targets to the loss of each sample, ``loss`` (B,), the numerator and the
    denominator of each output's mean, ``total.NAME`` and ``count.NAME`` (B,), where terms have weights, and
    the predictions, ``answer.NAME``; where each place of a sample has a weight, with those as an input.
    """
    inside = None if weights is None or not weights.shape[1:] else weights.shape[1:]
    purpose = ("evaluation", inside)
    if purpose not in network.programs:
        network.programs[purpose] = compile(_evaluation(network, inside), network.engine)
    return network.programs[purpose]


def _evaluation(network: Network, inside: Shape | None) -> Graph:
    with building(network.limits, later=True):
        outputs = {"loss": network.sample_loss(network.inference)}
        found = parts(network, network.inference, sample_weight(network, inside))
        if any(count is not None for _, count in found.values()):
            outputs |= {f"total.{name}": total for name, (total, _) in found.items()}
            ones = F.full_like(outputs["loss"], 1.0)
            outputs |= {
                f"count.{name}": ones if count is None else count for name, (_, count) in found.items()
            }
    return Graph({**outputs, **network.predictions()})


@lru_cache(maxsize=4)
def _stream_of_steps(seed: int) -> np.ndarray:
    """The key from which each step's key is derived."""
    return fold(key_of(seed), EACH_STEP)
