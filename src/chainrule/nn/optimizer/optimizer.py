"""What an optimizer is: from gradients to new parameters, as nodes of the step graph.

What it remembers from step to step (a velocity, a mean of squares) it names in ``memory``; the values travel
with the training state like the parameters themselves, so a resumed training goes on with the very same bits.
Because the update is a graph, it can be compiled, explained and differentiated like the rest.

There are two kinds. A ``Rule`` treats every parameter by itself: it says what it remembers of one parameter
(``slots``) and how that one moves (``move``). Everything else (averages of weights, groups, accumulation, a
line search) sees all parameters at once and writes ``moves`` itself.

Some optimizers train at one point and answer at another, such as the mean of the last weights. ``answers``
gives the point that is measured, kept and handed out; for most it is the parameters themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

from chainrule.extension import Extensible
from chainrule.graph import Node
from chainrule.nn.safe_norms import defined
from chainrule.nn.schedule import Schedule, known_schedule
from chainrule.nn.validation import require_number
from chainrule.ops import PUBLIC
from chainrule.records import frozen
from chainrule.spec import Shape

Nodes = Mapping[str, Node]
Moved = tuple[Node, dict[str, Node]]


@frozen
class Slot:
    """Something remembered from step to step: its shape, and the number it begins with everywhere."""

    shape: Shape
    first: float = 0.0


@frozen
class StepContext:
    """What is known of a step besides parameters and gradients.

    Args:
        learning_rate: the learning rate of this step, shape ().
        count: the number of this step, 1 for the first, as a floating-point node of shape ().
        loss: what is being made small, shape ().
    """

    learning_rate: Node
    count: Node
    loss: Node


@frozen
class Optimizer(Extensible):
    """Base of every optimizer."""

    name: ClassVar[str]

    @property
    def schedule(self) -> Schedule:
        """The learning rate as a function of the step."""
        raise TypeError(f"{type(self).__name__} has no rate")

    @property
    def needs_all(self) -> bool:
        """Whether every step must see the whole training set."""
        return False

    def memory(self, shapes: Mapping[str, Shape]) -> dict[str, Slot]:
        """What is remembered, by label; what belongs to one parameter is called ``PATH/SLOT``.

        Args:
            shapes: of the parameters that move, by path.
        """
        raise TypeError(f"{type(self).__name__} remembers nothing")

    def moves(
        self, parameters: Nodes, gradients: Nodes, slots: Nodes, context: StepContext
    ) -> tuple[dict[str, Node], dict[str, Node]]:
        """The new parameters by path, and the new slots by label.

        Args:
            parameters, gradients: by path, of one shape each.
            slots: what was remembered, by label.
            context: the rest of what is known.
        """
        raise TypeError(f"{type(self).__name__} moves nothing")

    def answers(self, parameters: Nodes, slots: Nodes, count: Node) -> dict[str, Node]:
        """The parameters to answer with after ``count`` steps, at least one."""
        return dict(parameters)


@frozen
class Rule(Optimizer):
    """Base of the optimizers that treat every parameter by itself.

    Args:
        learning_rate: the learning rate, a number above 0 or a schedule.
        weight_decay: weight decay, at least 0. Unless the optimizer says otherwise it is decoupled: a
            parameter loses rate times decay of itself at a step, whatever its gradient.
    """

    learning_rate: float | Schedule = 0.01
    weight_decay: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, Schedule):
            require_number(self, "learning_rate", above=0)
        require_number(self, "weight_decay", least=0)
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    @property
    def schedule(self) -> Schedule:
        return known_schedule(self.learning_rate)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        """What is remembered of a parameter of this shape."""
        return {}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        """The new parameter and its new slots.

        Args:
            p, g: the parameter and its gradient, one shape.
            slots: what was remembered of it.
            context: the rest of what is known.
        """
        raise TypeError(f"{type(self).__name__} moves nothing")

    def answer(self, p: Node, slots: Nodes, count: Node) -> Node:
        """The parameter to answer with."""
        return p

    def shrunk(self, p: Node, context: StepContext) -> Node:
        """The parameter after its decoupled decay: w (1 - rate decay)."""
        return p * (1.0 - context.learning_rate * self.weight_decay) if self.weight_decay else p

    def memory(self, shapes: Mapping[str, Shape]) -> dict[str, Slot]:
        return {
            f"{path}/{name}": slot
            for path, shape in shapes.items()
            for name, slot in self.slots(shape).items()
        }

    def moves(
        self, parameters: Nodes, gradients: Nodes, slots: Nodes, context: StepContext
    ) -> tuple[dict[str, Node], dict[str, Node]]:
        moved: dict[str, Node] = {}
        kept: dict[str, Node] = {}
        for path, p in parameters.items():
            moved[path], new = self.move(p, gradients[path], self.held(path, p, slots), context)
            kept |= {f"{path}/{name}": node for name, node in new.items()}
        return moved, kept

    def answers(self, parameters: Nodes, slots: Nodes, count: Node) -> dict[str, Node]:
        return {path: self.answer(p, self.held(path, p, slots), count) for path, p in parameters.items()}

    def held(self, path: str, p: Node, slots: Nodes) -> dict[str, Node]:
        """What is remembered of one parameter."""
        return {name: slots[f"{path}/{name}"] for name in self.slots(p.shape)}


def running(mean: Node, new: Node, kept: float) -> Node:
    """A running mean after one more number: ``kept`` of the old mean, the rest of the new number."""
    return mean * kept + new * (1.0 - kept)


def bias_correction(beta: float, count: Node, dtype: str) -> Node:
    """1 - beta^count: how much of a running mean that began at 0 is there after ``count`` numbers.

    Numerics: computed in float64: in float32 the first of them, 0.001 for beta = 0.999, would be right to 5
    digits only.
    """
    return (1.0 - PUBLIC["power"](beta, count.astype("float64"))).astype(dtype)


def norm(x: Node) -> Node:
    """The length of all numbers taken as one vector, shape (); NaN, which is reported, where it overflows."""
    squared = PUBLIC["sum"](PUBLIC["square"](x))
    return defined(PUBLIC["sqrt"](squared), squared)


def matrix_shape(shape: Shape) -> tuple[int, int]:
    """The shape of a weight (out, *kernel, in) as a matrix: out, and all the rest."""
    lengths = [int(n) for n in shape if isinstance(n, int)]
    rest = 1
    for n in lengths[1:]:
        rest *= n
    return lengths[0], rest
