"""Running a network once with nothing forgotten: every value, everything that comes back, the move and its
effect.

It is done in float64 by the reference engine, whatever kind of number the training used, so that what is
shown can be checked to ten digits; and with the net as it answers, so without dropout, unless an update of a
training is to be explained: then with that update's own masks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.engines import reference
from chainrule.engines.dispatch import evaluate
from chainrule.graph import Constant, Graph, Input, Node, constant, order
from chainrule.nn.schedule import REDUCTIONS
from chainrule.ops.card import Card
from chainrule.ops.scan.scan_builder import unrolled
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.spec import Spec, bound
from chainrule.trace.finite_difference import Checked, Place, check, places_of
from chainrule.trace.names import NamedLayer, Names, names_of
from chainrule.trace.step_nodes import Derivation, derive, weigh
from chainrule.trace.stops import Stop, reads_of, stops_of
from chainrule.trace.unroll import Unfolder
from chainrule.train.step import Network

Arrays = dict[str, np.ndarray]


@frozen(eq=False)
class Trace:
    """Everything that happened to some samples, as values; no text.

    Args:
        derivation: the nodes.
        values: the array of every node.
        cards: the operation of every computed node, with sizes bound.
        names: what the named nodes are called.
        layers: the layers with parameters, first to last.
        parameters, new_parameters: before and after the update, by path.
        gradients: dJ/dw, by path.
        rate: the learning rate of the update.
        loss, new_loss: J before and after.
        answers, new_answers: what the net says before and after, by output.
        again: J and the answers for other parameters of these samples.
        has_memory: whether the optimizer remembers something, and whether it was given: ``""``, ``"first"``
            or ``"given"``.
    """

    derivation: Derivation
    values: Mapping[Node, np.ndarray]
    cards: Mapping[Node, Card]
    names: Names
    layers: tuple[NamedLayer, ...]
    parameters: Arrays
    new_parameters: Arrays
    gradients: Arrays
    rate: float
    loss: float
    new_loss: float
    answers: Arrays
    new_answers: Arrays
    again: Again
    has_memory: str = ""

    def __repr__(self) -> str:
        return f"<Trace of {self.samples} samples: {len(self.values)} values, loss {self.loss:.6g}>"

    @property
    def samples(self) -> int:
        """n, how many samples."""
        return self.derivation.samples

    @cached_property
    def unfolder(self) -> Unfolder:
        """Gives the formula of any number."""
        return Unfolder(self.values, self.cards, self.names, self.samples)

    @cached_property
    def stops(self) -> tuple[Stop, ...]:
        """What happened, in order."""
        return stops_of(self.derivation, self.names, self.unfolder)

    def reads(self, node: Node) -> tuple[Node, ...]:
        """The named nodes that the first number of a node is a formula of, without a look at other stops."""
        return reads_of(self.unfolder, node)

    @cached_property
    def checked(self) -> Checked:
        """The gradient beside central differences: all of it, or a fixed sample of a large net's."""
        shapes = {path: p.shape for path, p in self.parameters.items()}
        return self.check(places_of(shapes) if self.is_finite else ())

    def check(self, places: Sequence[Place]) -> Checked:
        """These numbers of the gradient beside central differences."""
        return check(lambda p: self.again(p)[0], self.parameters, self.gradients, places)

    @property
    def is_finite(self) -> bool:
        """Whether the loss and all gradients are: of others there is nothing to check."""
        return bool(np.isfinite(self.loss)) and all(np.isfinite(g).all() for g in self.gradients.values())

    @property
    def promise(self) -> float:
        """The change of the loss that the gradient predicts for this move: gradient times move, added up."""
        return sum(
            float(np.sum(self.gradients[path] * (self.new_parameters[path] - p)))
            for path, p in self.parameters.items()
        )

    @cached_property
    def non_finite(self) -> tuple[Node, tuple[int, ...]] | None:
        """The first number on the way that is NaN or infinite, or ``None``."""
        for node, value in self.values.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                return node, tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
        return None

    def back(self, node: Node) -> Node | None:
        """The node of what comes back to a forward node."""
        return self.derivation.cotangents.get(node)


@frozen
class Moment:
    """When in a training the update stands.

    Args:
        step: updates made before.
        horizon: updates of the whole training, for the schedule of the rate.
        slots: what the optimizer remembers, by ``PATH/SLOT``; its first values by default.
        learns: whether the net is the one that learns, with dropout and the statistics of the batch.
        key: of the step's random numbers, for a net that learns and draws.
        weights: (n,) how much each sample counts; all alike by default.
    """

    step: int = 0
    horizon: int = 1
    slots: Mapping[str, np.ndarray] | None = None
    learns: bool = False
    key: np.ndarray | None = None
    weights: np.ndarray | None = None


def trace(
    network: Network,
    held: Mapping[str, np.ndarray],
    x: Mapping[str, np.ndarray],
    y: Mapping[str, np.ndarray],
    moment: Moment | None = None,
) -> Trace:
    """Run a network on samples and keep everything.

    Args:
        network: the network; rebuilt in float64.
        held: its parameters and states, by path.
        x: (n, ...) inputs, by name.
        y: targets as the losses want them, by the name of their input.
        moment: when in a training the update stands; by default it is the first.

    Example:
        >>> from chainrule.nn import Dense, SGD
        >>> from chainrule.train.step import Recipe
        >>> from chainrule.spec import Size
        >>> inputs = {"x": Spec((Size.symbol("B"), 1), "float32")}
        >>> network = Network(Recipe(Dense(1), "half_mse", SGD(0.1)), inputs)
        >>> held = {"weight": np.ones((1, 1)), "bias": np.zeros(1)}
        >>> t = trace(network, held, {"x": np.array([[2.0]])}, {"target": np.array([[1.0]])})
        >>> t.loss, t.gradients["weight"].tolist(), round(t.new_loss, 6)
        (0.5, [[2.0]], 0.125)
    """
    moment = moment or Moment()
    exact = in_float64(network)
    feeds = {name: _exact(a) for name, a in {**held, **x, **y}.items()}
    samples = len(next(iter(feeds[name] for name in exact.inputs)))
    with unrolled() as turns:  # also while the loss is built, which builds the network
        targets = {name: feeds[name] for name in exact.target_names.values()}
        weighing = weigh(exact, targets, None if moment.weights is None else _exact(moment.weights))
        if samples == 1 and len(targets) == 1:
            weighing = replace(weighing, divisor=1.0, arrays={})  # a sample alone is its own mean
        d = derive(exact, weighing, samples, network.recipe.dtype if moment.learns else "")
    parameters = {path: feeds[path] for path in exact.parameters}
    slots, memory = _slots(d, moment)
    rate = _rate(exact, moment)
    feeds |= slots | {"learning rate": np.array(rate), "update number": np.array(float(moment.step + 1))}
    feeds |= {} if moment.key is None else {KEY: moment.key}
    feeds |= weighing.feeds()
    values, cards = _walk(d.graph(), feeds)
    names, layers = names_of(d, turns)
    new = {path: values[node] for path, node in d.moved.items()}
    after = Again(d, feeds)
    gradients = {path: values[node] for path, node in d.gradients.items()}
    new_loss, new_answers = after({**parameters, **new})
    loss, answers = after(parameters)
    return Trace(
        d, values, cards, names, layers, parameters, {**parameters, **new}, gradients, rate, loss, new_loss,
        answers, new_answers, after, memory,
    )  # fmt: skip


def in_float64(network: Network) -> Network:
    """The same network, computed in float64 by the reference engine."""
    inputs = {
        name: Spec(spec.shape, "float64") if spec.is_float else spec for name, spec in network.inputs.items()
    }
    return Network(replace(network.recipe, dtype="float64"), inputs, "reference")


def _exact(array: Any) -> np.ndarray:
    """Floating-point numbers in float64, as they are; whole numbers as int64."""
    array = np.asarray(array)
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    return array.astype(np.int64) if array.dtype.kind in "iu" and array.dtype != np.uint32 else array


def _slots(d: Derivation, moment: Moment) -> tuple[Arrays, str]:
    labels = [f"{path}/{slot}" for path, held in d.slots.items() for slot in held]
    if not labels:
        return {}, ""
    if moment.slots is not None:
        return {label: _exact(moment.slots[label]) for label in labels}, "given"
    memory = d.network.memory
    return {label: np.full(bound(memory[label].shape), memory[label].first) for label in labels}, "first"


def _rate(network: Network, moment: Moment) -> float:
    rate = network.recipe.optimizer.schedule(constant(float(moment.step), "float64"), moment.horizon)
    lowered = (moment.slots or {}).get(REDUCTIONS, 0.0)
    return float(evaluate(rate, {REDUCTIONS: lowered} if Graph({"rate": rate}).inputs else {}, "reference"))


def _walk(graph: Graph, feeds: Arrays) -> tuple[dict[Node, np.ndarray], dict[Node, Card]]:
    values: dict[Node, np.ndarray] = {}
    cards: dict[Node, Card] = {}
    for node in graph.nodes:
        if isinstance(node.op, Constant):
            values[node] = node.op.array
        elif isinstance(node.op, Input):
            values[node] = feeds[node.op.label]
    for node, card, _, value in reference.Program(graph).walk(feeds):
        values[node], cards[node] = value, card
    return {node: values[node] for node in order(graph.outputs.values())}, cards


class Again:
    """The way forward again, for other parameters of the same samples.

    Args:
        d: the net.
        feeds: everything that was given, by input name.
    """

    def __init__(self, d: Derivation, feeds: Arrays) -> None:
        said = {f"answer.{name}": d.network.losses[name].answer(o) for name, o in d.built.outputs.items()}
        self._feeds = feeds
        self._program = reference.Program(Graph({"loss": d.objective, **said}))

    def __call__(self, parameters: Mapping[str, np.ndarray]) -> tuple[float, Arrays]:
        """J and the answers."""
        found = self._run(self._program, parameters)
        return float(found.pop("loss")), {k.removeprefix("answer."): v for k, v in found.items()}

    def values(self, parameters: Mapping[str, np.ndarray], nodes: Sequence[Node]) -> list[np.ndarray]:
        """The values of these nodes."""
        program = reference.Program(Graph({str(i): node for i, node in enumerate(nodes)}))
        return list(self._run(program, parameters).values())

    def _run(self, program: reference.Program, parameters: Mapping[str, np.ndarray]) -> Arrays:
        given = {**self._feeds, **parameters}
        return program.run({name: given[name] for name in program.graph.inputs})
