"""A network of known input shapes: its graphs, its parameters, its losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property

import numpy as np

from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.errors import UsageError, nearest
from chainrule.graph import Graph, Limits, Node, building, input_node
from chainrule.graph.limits import active
from chainrule.memo import Memo
from chainrule.nn.build import Built, build, initial_values, total_penalty
from chainrule.nn.layer import Layer
from chainrule.nn.loss import Loss, known_loss, known_losses, refuse_mismatch
from chainrule.nn.optimizer import Optimizer, Slot
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.schedule import REDUCTIONS, plateau_of
from chainrule.nn.scope import Parameter, is_at, outline, stream_of
from chainrule.prng import KEY, fold, key_of
from chainrule.records import frozen
from chainrule.settings import FloatName, settings
from chainrule.spec import Spec, size_at
from chainrule.train.initialization import sample

SAMPLE_WEIGHT = "sample_weight"  # the input of a step that holds the weights of its samples
MAX_KEPT = 32  # steps and programs that a network keeps
FIRST_VALUES = 1  # the stream of a seed for initial parameters
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
        dtype: of parameters and inputs.
        frozen: paths of parameters that stay as they are, their beginnings or patterns (``is_at``).
    """

    net: Layer
    loss: str | Loss | Mapping[str, str | Loss]
    optimizer: Optimizer
    penalty: Penalty | None = None
    clip: Clip | None = None
    dtype: FloatName = "float32"
    frozen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for loss in self.loss.values() if isinstance(self.loss, Mapping) else (self.loss,):
            known_loss(loss)  # a wrong name is refused here, not when the training starts


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

    @cached_property
    def target_names(self) -> dict[str, str]:
        """The name of the input that takes each output's target."""
        return {output: node.op.attributes["label"] for output, node in self.targets.items()}

    def check(self) -> None:
        """Refuse what cannot be one graph, before anything is computed.

        Raises:
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
    def initial_values(self) -> Graph:
        """The graph that draws the first values of all parameters and states."""
        every = {**self.parameters, **self.inference.states}
        with building(self.limits, is_extended=True):
            return initial_values(every, {path: stream_of(path) for path in every})

    def initialize(
        self, seed: int, known: Mapping[str, np.ndarray] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The first values of all parameters and states: what is known, the rest drawn by the seed."""
        own, every = dict(known or {}), (*self.parameters, *self.inference.states)
        nodes = {path: self.initial_values.outputs[path] for path in every if path not in own}
        sampled = sample(nodes, fold(key_of(seed), FIRST_VALUES), self.engine, self.memo)
        return (
            {path: sampled[path] if path in sampled else own[path] for path in self.parameters},
            {path: sampled[path] if path in sampled else own[path] for path in self.inference.states},
        )

    @property
    def prediction_program(self) -> Program:
        """The program from inputs to raw outputs (``raw.NAME``) and answers for a person
        (``answer.NAME``)."""
        engine, programs = self.engine or settings.engine, self._prediction_programs
        if engine not in programs:
            raw = {f"raw.{name}": node for name, node in self.inference.outputs.items()}
            programs[engine] = compile(Graph({**raw, **self.predictions()}), engine)
        return programs[engine]

    @cached_property
    def _prediction_programs(self) -> dict[str, Program]:
        """``prediction_program`` by engine."""
        return {}

    @cached_property
    def memo(self) -> Memo:
        """What is derived from these graphs once: training steps and programs, each by what it depends on."""
        return Memo(MAX_KEPT)

    def predictions(self) -> dict[str, Node]:
        """The prediction of each output: probabilities, or values."""
        with building(self.limits, is_extended=True):
            outputs = self.inference.outputs
            return {
                f"prediction.{name}": self.losses[name].prediction(node) for name, node in outputs.items()
            }

    def sample_loss(self, built: Built) -> Node:
        """The loss of each sample, a batch of it alone, summed over the outputs: (B,)."""
        return self.memo(("sample loss", *built.outputs.items()), lambda: self._sample_loss(built))

    def _sample_loss(self, built: Built) -> Node:
        total: Node | None = None
        with building(self.limits, is_extended=True):
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

    @property
    def slots(self) -> dict[str, Slot]:
        """What is remembered from step to step, besides parameters and states, by label."""
        optimizer = self.recipe.optimizer
        memory = optimizer.memory({path: p.spec.shape for path, p in self.trainable.items()})
        return memory if plateau_of(optimizer.schedule) is None else {**memory, REDUCTIONS: Slot(())}
