"""The base of robust trainings, and the objective of a step with one.

A robust training describes J by *parts*: networks built on other inputs, each with a weight. Their losses are
added; penalties count once. What a part shares with the network, such as parameters, states and dropout
masks, is the same nodes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from chainrule.errors import TrainingError, fact
from chainrule.graph import Node, input_node, rebuild
from chainrule.nn.build import Built
from chainrule.nn.scope import stream_of
from chainrule.ops import functional as F
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape
from chainrule.train.network import Network
from chainrule.train.objective import Objective, objective
from chainrule.train.robust.input_space import InputSpace
from chainrule.validation import is_number, out_of_range


@frozen(eq=False)
class RobustStep:
    """What a robust training builds its nodes from.

    Args:
        built: the nodes of the network in training.
        space: the units and the range of the input.
        step: the number of the step, from 0, in the dtype of the parameters.
    """

    network: Network
    built: Built
    space: InputSpace
    step: Node

    @property
    def x(self) -> Node:
        """The input that is changed, (B, ...)."""
        return self.built.inputs[self.space.name]

    def uniform(self, name: str) -> Node:
        """Return uniform random numbers in [0, 1) in the shape of the input; new in every step."""
        return F.uniform(_key(), self.x.shape, self.x.dtype, stream_of(f"robust.{name}"))

    def normal(self, name: str) -> Node:
        """Return standard normal random numbers in the shape of the input; new in every step."""
        return F.normal(_key(), self.x.shape, self.x.dtype, stream_of(f"robust.{name}"))

    def outputs_at(self, point: Node) -> dict[str, Node]:
        """Return the outputs of the network for another input."""
        nodes = rebuild(list(self.built.outputs.values()), {self.x: point})
        return dict(zip(self.built.outputs, nodes, strict=True))

    def losses_at(self, point: Node) -> Node:
        """Return the loss of each sample for another input, (B,)."""
        return self.network.sample_loss(replace(self.built, outputs=self.outputs_at(point)))

    def at(self, point: Node) -> Built:
        """Return the network for another input, with its state updates and activity penalties."""
        book, replaced = self.built.book, {self.x: point}
        updates = _rebuilt(book.updates, replaced)
        costs = _rebuilt(book.costs, replaced)
        return replace(
            self.built, outputs=self.outputs_at(point), book=replace(book, updates=updates, costs=costs)
        )

    def single_logits(self, needed_by: str) -> str:
        """Return the name of the only output, which has one class for each sample (E571: another network)."""
        (name, node), *others = self.built.outputs.items()
        if others or node.rank != 2 or self.network.losses[name].name != "cross_entropy":
            where = f"fit, robust={needed_by}"
            expected = fact("one output (B, K) with the loss cross_entropy")
            raise TrainingError(
                "E571", where=where, received=self.network.losses[name].name, expected=expected
            )
        return name


@frozen(eq=False)
class Part:
    """A network on other inputs, and its weight in J."""

    weight: float | Node
    built: Built


@frozen
class RobustTraining:
    """Base of the values of ``fit(robust=...)``.

    Args:
        radius: the largest change of an input, above 0; of images read by a preparation in pixels from 0 to
            1, of tables in standard deviations.
    """

    radius: float = 0.1

    def __post_init__(self) -> None:
        require(self, "radius", above=0)

    @property
    def limits(self) -> tuple[float, float] | None:
        """The range of the data, if it was passed."""
        return getattr(self, "bounds", None)

    def parts(self, step: RobustStep) -> tuple[tuple[Part, ...], Node | None]:
        """Return the parts of J, the first of which updates the states, and a further term of J or ``None``.

        Args:
            step: the nodes to build from.
        """
        raise TypeError(f"{type(self).__name__} does not define parts")


def require(
    owner: RobustTraining, name: str, *, above: float | None = None, low: float = 0.0, high: float = math.inf
) -> None:
    """Require a finite number above a limit, or in a range (E102)."""
    value = getattr(owner, name)
    is_valid = is_number(value) and (value > above if above is not None else low <= value <= high)
    if not is_valid:
        expected = fact("a number from {limit:g} on", limit=low)
        if high < math.inf:
            expected = fact("a number from {low:g} to {high:g}", low=low, high=high)
        if above is not None:
            expected = fact("a number above {limit:g}", limit=above)
        raise out_of_range(
            value, name, type(owner).__name__, expected, fix=f"{name}={getattr(type(owner), name)!r}"
        )


@frozen
class RobustObjective:
    """J of a robust training; see ``train.step.ObjectiveOf``."""

    training: RobustTraining
    space: InputSpace

    def __call__(self, network: Network, weight_shape: Shape | None, step: Node) -> tuple[Objective, Built]:
        """Return J, and the network whose states the step updates."""
        return _objective(
            self.training, RobustStep(network, network.training, self.space, step), weight_shape
        )


def _objective(
    training: RobustTraining, step: RobustStep, weight_shape: Shape | None
) -> tuple[Objective, Built]:
    parts, extra = training.parts(step)
    terms = [objective(step.network, part.built, weight_shape) for part in parts]
    first = terms[0]
    built = replace(parts[0].built, book=replace(parts[0].built.book, key=_key()))
    if len(parts) == 1 and extra is None:
        return first, built
    data = None
    for part, term in zip(parts, terms, strict=True):
        weighted = term.data * part.weight
        data = weighted if data is None else data + weighted
    assert data is not None
    data = data if extra is None else data + extra
    return Objective(data if first.penalty is None else data + first.penalty, data, first.penalty), built


def _key() -> Node:
    return input_node(KEY, (2,), "uint32", "key")


def _rebuilt(nodes: Mapping[str, Node], replaced: Mapping[Node, Node]) -> dict[str, Node]:
    return dict(zip(nodes, rebuild(list(nodes.values()), replaced), strict=True))


@frozen
class NoiseTraining(RobustTraining):
    """Training on inputs with normal noise, which randomized smoothing requires.

    Formula: J = mean of l(x + radius e, y), e standard normal, new in every step.

    Args:
        radius: the standard deviation of the noise, in the units of ``AdversarialTraining``. The noise is not
            clipped to the range of the data, as smoothing requires.
        clean_weight: the weight of the loss on the samples themselves, from 0 to 1; the rest is that of
            the samples with noise.

    Raises:
        UsageError E102: a number out of its range.

    Reference: Cohen, Rosenfeld and Kolter (2019), Certified adversarial robustness via randomized smoothing,
    ICML, section 3.3.
    """

    clean_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "clean_weight", high=1.0)

    def parts(self, step: RobustStep) -> tuple[tuple[Part, ...], Node | None]:
        noise = step.space.scaled(step.normal("noise") * self.radius)
        noisy = Part(1.0 - self.clean_weight, step.at(step.x + noise))
        if self.clean_weight == 0:
            return (noisy,), None
        return (noisy, Part(self.clean_weight, step.built)), None
