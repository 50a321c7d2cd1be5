"""Adversarial training and TRADES: the loss on samples that projected gradient descent moved.

The search is unrolled in the graph of the step. Its result is a constant for the gradient of the parameters
(``stop_gradient``), as in the references: the derivative of the worst loss is the derivative of the loss at
the worst point (Danskin's theorem).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from chainrule.gradient import grad
from chainrule.graph import Node
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.train.robust.robust_training import Part, RobustStep, RobustTraining, require
from chainrule.validation import require_choice, require_integer

NORMS = ("inf", "2")
_RELATIVE_STEP = 2.5  # radii that all steps together can cover
_TINY = 1e-12
MAX_STEPS = 100  # each is a forward and a backward pass in the graph of the step


@frozen
class AdversarialTraining(RobustTraining):
    """Adversarial training: the loss on the worst samples that projected gradient descent finds.

    Formula: J = mean of l(x', y) with x' <- P(x' + a sign(dl/dx')), from a random point of the ball.

    Args:
        radius: the largest change of an input, in the units of the samples; of images read by a preparation
            in pixels from 0 to 1, of tables in standard deviations.
        steps: steps of the search; each costs a forward and a backward pass. 1 is the fast gradient sign
            method with a random start.
        norm: ``"inf"`` or ``"2"``.
        step_size: length of a step as a share of the radius; 0 for 2.5 / ``steps``, but at most 1.
        clean_weight: the weight of the loss on the samples themselves, from 0 to 1; the rest is that of the
            moved ones.
        bounds: the range of the data; ``None``: 0 to 1 for images with such values, else none.

    Raises:
        UsageError E101, E102: no such norm; a number out of its range.

    Reference: Madry, Makelov, Schmidt, Tsipras and Vladu (2018), Towards deep learning models resistant to
    adversarial attacks, ICLR.
    """

    steps: int = 7
    norm: Literal["inf", "2"] = "inf"
    step_size: float = 0.0
    clean_weight: float = 0.0
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_search(self)
        require(self, "clean_weight", high=1.0)

    def parts(self, step: RobustStep) -> tuple[tuple[Part, ...], Node | None]:
        moved = Part(1.0 - self.clean_weight, step.at(worst_input(self, step, step.losses_at)))
        if self.clean_weight == 0:
            return (moved,), None
        return (moved, Part(self.clean_weight, step.built)), None


@frozen
class TRADES(RobustTraining):
    """TRADES: the loss on the samples plus the divergence of the predictions within their balls.

    Formula: J = mean of l(x, y) + beta KL(p(x) || p(x')), x' maximizes the divergence.

    Args:
        radius: the largest change of an input, as for ``AdversarialTraining``.
        beta: the weight of the divergence: larger values trade accuracy for robustness.
        steps: steps of the search of x'.
        norm: ``"inf"`` or ``"2"``.
        step_size: length of a step as a share of the radius; 0 for 2.5 / ``steps``, but at most 1.
        bounds: the range of the data; ``None``: 0 to 1 for images with such values, else none.

    Raises:
        UsageError E101, E102: no such norm; a number out of its range.

    Reference: Zhang, Yu, Jiao, Xing, El Ghaoui and Jordan (2019), Theoretically principled trade-off between
    robustness and accuracy, ICML.
    """

    beta: float = 6.0
    steps: int = 7
    norm: Literal["inf", "2"] = "inf"
    step_size: float = 0.0
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_search(self)
        require(self, "beta")

    def parts(self, step: RobustStep) -> tuple[tuple[Part, ...], Node | None]:
        name = step.single_logits("TRADES")
        own = F.log_softmax(step.built.outputs[name])  # (B, K)

        def divergence(point: Node, logs: Node) -> Node:
            return F.sum(F.exp(logs) * (logs - F.log_softmax(step.outputs_at(point)[name])), 1)

        constant = F.stop_gradient(own)
        point = worst_input(self, step, lambda moved: divergence(moved, constant))
        return (Part(1.0, step.built),), F.mean(divergence(point, own)) * self.beta


def _require_search(training: AdversarialTraining | TRADES) -> None:
    """Require valid settings of a search; for the errors see the classes."""
    require_choice(training, "norm", NORMS)
    require_integer(training, "steps", 1, MAX_STEPS, fix="steps=7")
    require(training, "step_size")


def worst_input(
    training: AdversarialTraining | TRADES, step: RobustStep, objective: Callable[[Node], Node]
) -> Node:
    """Return the input with the largest objective that projected gradient descent finds, (B, ...).

    Args:
        training: radius, norm, steps and their size.
        step: the input, its space and random numbers.
        objective: takes an input, returns a number for each sample, (B,).
    """
    x, space, radius = step.x, step.space, training.radius
    size = (training.step_size or min(1.0, _RELATIVE_STEP / training.steps)) * radius
    u = _random(training, step)
    for _ in range(training.steps):
        point = F.stop_gradient(space.clip(x + space.scaled(u)))
        (gradient,) = grad(F.sum(objective(point)), [point], unused="zeros")
        moved = space.unscaled(point - x) + size * _steepest(space.scaled(gradient), training.norm)
        u = _in_ball(moved, radius, training.norm)
    return F.stop_gradient(space.clip(x + space.scaled(u)))


def _random(training: AdversarialTraining | TRADES, step: RobustStep) -> Node:
    """Return random scaled changes in the ball."""
    if training.norm == "inf":
        return (step.uniform("start") * 2.0 - 1.0) * training.radius
    return _steepest(step.normal("start"), "2") * training.radius


def _steepest(gradient: Node, norm: str) -> Node:
    return F.sign(gradient) if norm == "inf" else gradient / F.maximum(_length(gradient), _TINY)


def _in_ball(u: Node, radius: float, norm: str) -> Node:
    if norm == "inf":
        return F.clip(u, -radius, radius)
    return u * F.minimum(radius / F.maximum(_length(u), _TINY), 1.0)


def _length(values: Node) -> Node:
    """Return the Euclidean length of each sample, with axes of length 1: (B, 1, ...)."""
    axes = tuple(range(1, values.rank))
    return F.sqrt(F.sum(F.square(values), axes, keepdims=True))
