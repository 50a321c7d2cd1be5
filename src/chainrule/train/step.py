"""The whole training step as one graph.

batch + parameters + optimizer state + step + key -> loss, new parameters, new state. Nothing of a step
happens
outside: the penalty, the gradient, the clipping, the learning rate of this step and the optimizer's
arithmetic are nodes. So the update can be compiled, traced and explained like the forward pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.errors import UsageError, nearest
from chainrule.graph import Graph, Limits, Node, building, input_node, order
from chainrule.graph.limits import active
from chainrule.nn.build import Built, build, first_values, total_penalty
from chainrule.nn.layer import Layer
from chainrule.nn.loss import Loss, known_loss, known_losses, refuse_mismatch
from chainrule.nn.optimizer import Now, Optimizer, Slot
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.schedule import REDUCTIONS, ReduceOnPlateau, plateau_of
from chainrule.nn.scope import Parameter, is_at, outline, stream_of
from chainrule.ops import PUBLIC
from chainrule.prng import KEY, fold, key_of
from chainrule.records import frozen
from chainrule.spec import Shape, Spec, bound, size_at
from chainrule.train.objective import SAMPLE_WEIGHT, objective, parts, sample_weight
from chainrule.train.state import Tensors, TrainState

FIRST_VALUES = 1  # the streams of a seed: first values of parameters,
EACH_STEP = 2  # and the random numbers of each step
OWN = (KEY, SAMPLE_WEIGHT, "step")  # what the step itself is given, besides parameters, inputs and targets


@frozen
class Recipe:
    """What is trained, and how: everything of a model but its arrays.

    Args:
        net: the layers.
        loss: one loss, or one for each output by name.
        optimizer: what moves the parameters.
        penalty: what the size of every weight matrix costs, besides what layers ask for themselves.
        clip: what limits the gradients.
        dtype: number kind of parameters and inputs.
        frozen: paths of parameters that stay as they are, their beginnings or patterns (``is_at``).
    """

    net: Layer
    loss: str | Loss | Mapping[str, str | Loss]
    optimizer: Optimizer
    penalty: Penalty | None = None
    clip: Clip | None = None
    dtype: str = "float32"
    frozen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for loss in self.loss.values() if isinstance(self.loss, Mapping) else (self.loss,):
            known_loss(loss)  # a slip in its name is told where it is made, not where the training begins


@frozen
class Network:
    """A recipe applied to inputs of known shape: its graphs.

    Args:
        recipe: what is trained, and how.
        inputs: the spec of each input by name, batch axis first.
        engine: what runs the graphs; by default that of the settings.
        limits: of the file that the recipe comes from; all graphs are held to them.
    """

    recipe: Recipe
    inputs: Mapping[str, Spec]
    engine: str | None = field(default=None, compare=False)
    limits: Limits | None = field(default_factory=active, compare=False)

    @cached_property
    def inference(self) -> Built:
        """The net as it answers: no dropout."""
        with building(self.limits):
            return build(self.recipe.net, self.inputs, self.recipe.dtype, training=False)

    @cached_property
    def training(self) -> Built:
        """The net as it learns; its frozen parts as they answer."""
        with building(self.limits):
            return build(self.recipe.net, self.inputs, self.recipe.dtype, True, self.recipe.frozen)

    @cached_property
    def losses(self) -> dict[str, Loss]:
        """One loss for each output."""
        outputs = self.inference.outputs
        losses = known_losses(self.recipe.loss, {name: node.spec for name, node in outputs.items()})
        for name, loss in losses.items():
            refuse_mismatch(loss, outputs[name])
        return losses

    @cached_property
    def targets(self) -> dict[str, Node]:
        """The input node of each output's target, called ``target`` or ``target.NAME``; ``wanted`` where the
        net has an input ``target`` of its own, as one that writes a text has.
        """
        outputs = self.inference.outputs
        single, own = len(outputs) == 1, "wanted" if "target" in self.inputs else "target"
        specs = {name: self.losses[name].target(node.spec) for name, node in outputs.items()}
        return {
            name: input_node(own if single else f"{own}.{name}", spec.shape, spec.dtype)
            for name, spec in specs.items()
        }

    @property
    def target_names(self) -> dict[str, str]:
        """The name of the input that takes each output's target."""
        return {output: node.op.attributes["label"] for output, node in self.targets.items()}

    def check(self) -> None:
        """Refuse what cannot be one graph, before anything is computed.

        Fails:
            UsageError E101: a frozen path that is neither a layer nor a parameter.
            UsageError E118: two things of the step that have one name.
        """
        known = [*self.parameters, *self.inference.book.layers]
        for path in self.recipe.frozen:
            if not any(is_at(each, path) for each in known):
                close = nearest(path, known)
                raise UsageError(
                    "E101", where="frozen", name=path, expected=outline(self.parameters), received=path,
                    fix=f'frozen=["{close}"]' if close else "",
                )  # fmt: skip
        names = [*self.inputs, *self.parameters, *self.inference.states]
        own = (*OWN, *self.target_names.values())
        taken = [name for i, name in enumerate(names) if name in own or name in names[:i]]
        if taken:
            raise UsageError(
                "E118", where="Model", name=taken[0],
                expected=f"names other than {', '.join(own)}, each once",
                received=", ".join(taken), fix=f'"{taken[0]}_1" for the input or parameter',
            )  # fmt: skip

    @property
    def parameters(self) -> dict[str, Parameter]:
        return self.inference.parameters

    @property
    def trainable(self) -> dict[str, Parameter]:
        """The parameters that the optimizer moves."""
        return {
            path: p
            for path, p in self.parameters.items()
            if p.trainable and not any(is_at(path, pattern) for pattern in self.recipe.frozen)
        }

    @property
    def count(self) -> int:
        """How many numbers the parameters hold."""
        return sum(size_at(p.spec.size, {}) for p in self.parameters.values())

    @cached_property
    def first_values(self) -> Graph:
        """The graph that draws the first values of all parameters and states."""
        every = {**self.parameters, **self.inference.states}
        with building(self.limits, later=True):
            return first_values(every, {path: stream_of(path) for path in every})

    def start(
        self, seed: int, known: Mapping[str, np.ndarray] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The first values of all parameters and states: what is known, the rest drawn by the seed."""
        own, every = dict(known or {}), (*self.parameters, *self.inference.states)
        values = {path: self.first_values.outputs[path] for path in every if path not in own}
        # Products by the library that NumPy has depend on the processor; the native engine's do not.
        products = {
            path for path, node in values.items() if any(n.op.name == "matmul" for n in order([node]))
        }
        for engine in ("reference", "native"):
            asked = {
                path: node for path, node in values.items() if (path in products) == (engine == "native")
            }
            if asked:
                drawn = compile(Graph(asked), engine).run({KEY: fold(key_of(seed), FIRST_VALUES)})
                own |= {path: np.array(drawn.pop(path)) for path in asked}  # one by one: they may be large
        return (
            {path: own[path] for path in self.parameters},
            {path: own[path] for path in self.inference.states},
        )

    @cached_property
    def answers(self) -> Program:
        """The program from inputs to raw outputs (``raw.NAME``) and answers for a person
        (``answer.NAME``)."""
        raw = {f"raw.{name}": node for name, node in self.inference.outputs.items()}
        return compile(Graph({**raw, **self._said()}), self.engine)

    @cached_property
    def judge(self) -> Program:
        """The program from inputs and targets to the loss of each sample, ``loss`` (B,), numerator and
        denominator of each output's mean, ``total.NAME`` and ``count.NAME`` (B,), where terms have weights,
        and the answers."""
        return self._judges(None)

    def judge_of(self, weights: np.ndarray | None) -> Program:
        """``judge``; where each place of a sample has a weight, with those as an input."""
        inside = () if weights is None else weights.shape[1:]
        if not inside:
            return self.judge
        if inside not in self._placed:
            self._placed[inside] = self._judges(inside)
        return self._placed[inside]

    @cached_property
    def _placed(self) -> dict[Shape, Program]:
        """The programs of ``judge_of`` that have been compiled, by the shape of a sample's weights."""
        return {}

    def _judges(self, inside: Shape | None) -> Program:
        with building(self.limits, later=True):
            wanted = {"loss": self.sample_loss(self.inference)}
            found = parts(self, self.inference, sample_weight(self, inside))
            if any(count is not None for _, count in found.values()):
                wanted |= {f"total.{name}": total for name, (total, _) in found.items()}
                ones = PUBLIC["full_like"](wanted["loss"], 1.0)
                wanted |= {
                    f"count.{name}": ones if count is None else count for name, (_, count) in found.items()
                }
        wanted |= self._said()
        return compile(Graph(wanted), self.engine)

    def _said(self) -> dict[str, Node]:
        """The answer for a person of each output."""
        with building(self.limits, later=True):
            outputs = self.inference.outputs
            return {f"answer.{name}": self.losses[name].answer(node) for name, node in outputs.items()}

    def sample_loss(self, built: Built) -> Node:
        """The loss of each sample, a batch of it alone, summed over the outputs: (B,)."""
        total: Node | None = None
        with building(self.limits, later=True):
            for name, node in built.outputs.items():
                loss = self.losses[name](node, self.targets[name])
                total = loss if total is None else total + loss
        assert total is not None
        return total

    def penalty(self, built: Built) -> Node | None:
        """What the size of parameters and activity costs, or ``None`` when nothing does."""
        moving, also = self.trainable, None  # what is frozen would only add a number that never changes
        if self.recipe.penalty is not None:
            also = {path: self.recipe.penalty for path, p in moving.items() if p.spec.rank >= 2}
        learning = {path: p for path, p in built.parameters.items() if path in moving}
        return total_penalty(learning, also, built.book.costs)

    def step(self, weighted: bool, horizon: int, inside: Shape = ()) -> Step:
        """The training step.

        Args:
            weighted: whether samples have weights.
            horizon: how many updates the whole training will make, for the schedule.
            inside: the shape of one sample's weight: ``()``, or that of its places.
        """
        with building(self.limits, later=True):
            return self._step(weighted, horizon, inside)

    def _step(self, weighted: bool, horizon: int, inside: Shape) -> Step:
        built, optimizer = self.training, self.recipe.optimizer
        if not self.trainable:
            frozen = f"none: frozen={list(self.recipe.frozen)}" if self.recipe.frozen else "none"
            raise UsageError(
                "E106", expected="at least one parameter to train", received=frozen,
                fix='frozen=["stage1"], what shall stay, and not all' if self.recipe.frozen else "",
            )  # fmt: skip
        made_of = objective(self, built, inside if weighted else None)
        nodes = {path: p.node for path, p in self.trainable.items()}
        gradients = made_of.gradients(nodes)
        if self.recipe.clip is not None:
            gradients = self.recipe.clip(gradients)
        made = PUBLIC["cast"](input_node("step", (), "int64", "step"), self.recipe.dtype)
        now = Now(optimizer.schedule(made, horizon), made + 1.0, made_of.value)
        slots = {
            label: input_node(label, slot.shape, self.recipe.dtype, "state")
            for label, slot in self.memory.items()
        }
        moved, kept = optimizer.moves(nodes, gradients, slots, now)
        outputs = {"loss": made_of.value, "rate": now.rate}
        outputs.update({f"parameter.{path}": node for path, node in moved.items()})
        outputs.update({f"slot.{label}": node for label, node in kept.items()})
        outputs.update({f"state.{path}": node for path, node in built.book.updates.items()})
        there = optimizer.answers(nodes, slots, made)  # after a step, its number is the count of steps made
        answers = {path: node for path, node in there.items() if node is not nodes[path]}
        given = Graph(outputs), gradients, self.memory, built, self.recipe, Graph(answers)
        return Step(*given, made_of.data, inside if weighted else None)

    @property
    def memory(self) -> dict[str, Slot]:
        """What is remembered from step to step, besides parameters and states, by label."""
        optimizer = self.recipe.optimizer
        memory = optimizer.memory({path: p.spec.shape for path, p in self.trainable.items()})
        return memory if plateau_of(optimizer.schedule) is None else {**memory, REDUCTIONS: Slot(())}


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


@lru_cache(maxsize=4)
def _stream_of_steps(seed: int) -> np.ndarray:
    """The key from which each step's key is derived."""
    return fold(key_of(seed), EACH_STEP)
