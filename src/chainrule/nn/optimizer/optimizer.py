"""The base classes of optimizers: from gradients to new parameters, as nodes of the step graph.

The state it keeps from step to step (a velocity, a mean of squares) is declared in ``memory``; the values are
part of the training state like the parameters themselves, so a resumed training continues with the same bits.
Because the update is a graph, it can be compiled, explained and differentiated like the rest.

There are two kinds. A ``Rule`` treats every parameter separately: it defines the state of one parameter
(``slots``) and its update (``move``). Everything else (averages of weights, groups, accumulation, a line
search) takes all parameters at once and defines ``moves`` itself.

Some optimizers train at one point and evaluate at another, such as the mean of the last weights.
``evaluation_parameters`` gives the point that is measured, saved and returned; for most it is the parameters
themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

from chainrule.extension import Extensible
from chainrule.graph import Node
from chainrule.nn.safe_norms import defined
from chainrule.nn.schedule import Schedule, known_schedule
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.validation import require_number

Nodes = Mapping[str, Node]
Moved = tuple[Node, dict[str, Node]]


@frozen
class Slot:
    """State kept from step to step: its shape, and its initial value."""

    shape: Shape
    first: float = 0.0


@frozen
class StepContext:
    """The facts of a step besides parameters and gradients.

    Args:
        learning_rate: the learning rate of this step, shape ().
        count: the number of this step, 1 for the first, as a floating-point node of shape ().
        loss: the objective that is minimized, shape ().
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
        """Whether every step needs the whole training set."""
        return False

    def memory(self, shapes: Mapping[str, Shape]) -> dict[str, Slot]:
        """Return the state, by label; the state of one parameter is labeled ``PATH/SLOT``.

        Args:
            shapes: of the parameters that move, by path.
        """
        raise TypeError(f"{type(self).__name__} defines no memory")

    def moves(
        self, parameters: Nodes, gradients: Nodes, slots: Nodes, context: StepContext
    ) -> tuple[dict[str, Node], dict[str, Node]]:
        """Return the new parameters by path, and the new slots by label.

        Args:
            parameters, gradients: by path, of one shape each.
            slots: the state, by label.
            context: learning rate, step count and loss.
        """
        raise TypeError(f"{type(self).__name__} moves nothing")

    def evaluation_parameters(self, parameters: Nodes, slots: Nodes, count: Node) -> dict[str, Node]:
        """Return the parameters to evaluate the network with after ``count`` steps, at least one.

        Args:
            parameters: the trained parameters, by path.
            slots: the state of the optimizer, by label.
            count: the number of steps so far.
        """
        return dict(parameters)


@frozen
class Rule(Optimizer):
    """Base of the optimizers that update every parameter independently.

    Args:
        learning_rate: the learning rate, a number above 0 or a schedule.
        weight_decay: weight decay, at least 0. Unless the optimizer states otherwise it is decoupled: a
            parameter loses rate times decay of itself at a step, whatever its gradient.
    """

    learning_rate: float | Schedule = 0.01
    weight_decay: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, Schedule):
            require_number(self, "learning_rate", above=0)
        require_number(self, "weight_decay", minimum=0)
        self.check()

    def check(self) -> None:
        """Refuse settings outside their range."""

    @property
    def schedule(self) -> Schedule:
        return known_schedule(self.learning_rate)

    def slots(self, shape: Shape) -> dict[str, Slot]:
        """Return the state of a parameter of this shape.

        Args:
            shape: the shape of the parameter.
        """
        return {}

    def move(self, p: Node, g: Node, slots: Nodes, context: StepContext) -> Moved:
        """Return the new parameter and its new slots.

        Args:
            p, g: the parameter and its gradient, one shape.
            slots: its state.
            context: learning rate, step count and loss.
        """
        raise TypeError(f"{type(self).__name__} moves nothing")

    def evaluation_parameter(self, p: Node, slots: Nodes, count: Node) -> Node:
        """Return the parameter to evaluate the network with.

        Args:
            p: the trained parameter.
            slots: its state, by label.
            count: the number of steps so far, at least 1.
        """
        return p

    def shrunk(self, p: Node, context: StepContext) -> Node:
        """Return the parameter after its decoupled decay: w (1 - rate decay).

        Args:
            p: the parameter.
            context: the learning rate and the step.
        """
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
        new_slots: dict[str, Node] = {}
        for path, p in parameters.items():
            moved[path], new = self.move(p, gradients[path], self.slots_of(path, p, slots), context)
            new_slots |= {f"{path}/{name}": node for name, node in new.items()}
        return moved, new_slots

    def evaluation_parameters(self, parameters: Nodes, slots: Nodes, count: Node) -> dict[str, Node]:
        return {
            path: self.evaluation_parameter(p, self.slots_of(path, p, slots), count)
            for path, p in parameters.items()
        }

    def slots_of(self, path: str, p: Node, slots: Nodes) -> dict[str, Node]:
        """Return the state of one parameter.

        Args:
            path: the path of the parameter.
            p: the parameter.
            slots: the state of all parameters, by label.
        """
        return {name: slots[f"{path}/{name}"] for name in self.slots(p.shape)}


def running(mean: Node, new: Node, beta: float) -> Node:
    """Return a running mean after one more number: ``beta`` of the old mean, the rest of the new number."""
    return mean * beta + new * (1.0 - beta)


def bias_correction(beta: float, count: Node, dtype: str) -> Node:
    """Return 1 - beta^count, the weight of the numbers in a running mean that began at 0.

    Numerics: computed in float64: in float32 the first of them, 0.001 for beta = 0.999, would be right to 5
    digits only.
    """
    return (1.0 - F.power(beta, count.astype("float64"))).astype(dtype)


def norm(x: Node) -> Node:
    """Return the norm of all numbers as one vector, shape (); NaN, which is reported, if it overflows."""
    squared = F.sum(F.square(x))
    return defined(F.sqrt(squared), squared)


def matrix_shape(shape: Shape) -> tuple[int, int]:
    """Return the shape of a weight (out, *kernel, in) as a matrix: out, and all the rest."""
    lengths = [int(n) for n in shape if isinstance(n, int)]
    rest = 1
    for n in lengths[1:]:
        rest *= n
    return lengths[0], rest
