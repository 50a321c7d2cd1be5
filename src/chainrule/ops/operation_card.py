"""The card of an operation: one frozen record with everything that does not depend on an engine.

A card has

    infer       the shape rule
    evaluate    the value in NumPy: the reference implementation that every engine is tested against
    pullback    the reverse rule, from nodes to nodes, so derivatives of any order need no further rule
    formula, pullbacks    the formula of the value, and those of the gradients
    element     one scalar of the result as a formula of scalars of the inputs, for explanations
    batch       how the operation treats the batch axis
    samples     inputs for the property tests
    ``says``    one sentence for each direction, in English and Chinese

In formulas ``y`` is the value and ``dy`` its cotangent: the gradient of the loss by ``y``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar, dataclass_transform

import numpy as np

from chainrule.errors import Message, fact
from chainrule.graph import Node, Op
from chainrule.notation.tree import Tree
from chainrule.records import frozen
from chainrule.symbolic_shape import Size, Spec


class Says(NamedTuple):
    """The effect of an operation in the forward and in the backward pass, in English and Chinese."""

    forward: str
    forward_zh: str
    backward: str
    backward_zh: str


@frozen
class Flat:
    """The derivative is zero wherever it exists, for this reason."""

    reason: str


@frozen
class NoGradient:
    """The absence of a derivative with respect to this input, with the reason."""

    reason: str


Pulled: TypeAlias = "Node | Flat | NoGradient"


@frozen
class Apart:
    """Samples that stay separate; they lie along ``axis`` of the result."""

    axis: int


@frozen
class Reduced:
    """The result reduces all samples; those of parts are combined by ``by``: sum, max, min or prod."""

    by: str


@frozen
class Shared:
    """The result does not depend on the batch."""


@frozen
class Whole:
    """The result needs all samples at once, for this reason."""

    reason: str


BatchRule: TypeAlias = "Apart | Reduced | Shared | Whole"
Axes: TypeAlias = "tuple[int | None, ...]"


@frozen(eq=False)
class Sample:
    """Inputs with which the property tests run a card.

    Args:
        op: the card with its attributes.
        inputs: arrays; float64 arrays are also tested in float32.
        smooth: whether the operation is differentiable near these inputs, so that a finite difference
            approximates the derivative.
        breaks: the constraint that these inputs violate (``"C1"``), or ``""``.
        batch: for each input the batch axis (``None``: it has none). The attributes of ``op`` may then
            contain the size ``B``.
    """

    op: Card
    inputs: tuple[np.ndarray, ...]
    smooth: bool = True
    breaks: str = ""
    batch: Axes | None = None

    def concrete(self) -> Card:
        """Return the card with ``B`` replaced by the length of the batch axis."""
        if self.batch is None:
            return self.op
        lengths = [a.shape[axis] for a, axis in zip(self.inputs, self.batch, strict=True) if axis is not None]
        return self.op.with_sizes({"B": lengths[0]}) if lengths else self.op

    def symbolic(self) -> tuple[Spec, ...]:
        """Return the specs of the inputs, with the batch axis of unknown size ``B``."""
        batch = self.batch or (None,) * len(self.inputs)
        return tuple(
            Spec(tuple(Size.symbol("B") if i == axis else n for i, n in enumerate(a.shape)), a.dtype.name)
            for a, axis in zip(self.inputs, batch, strict=True)
        )


@frozen
class Card(Op):
    """Base of the cards; see the docstring of the module. ``@card`` completes and checks a subclass."""

    arguments: ClassVar[tuple[str, ...]]
    chinese: ClassVar[str]
    formula: ClassVar[str]
    pullbacks: ClassVar[Mapping[str, str | Flat | NoGradient]]
    constraints: ClassVar[Mapping[str, str]]
    says: ClassVar[Says]

    @classmethod
    def requirement(cls, name: str) -> Message:
        """Return a constraint, with its name, as a record for errors."""
        return fact("{text} ({name})", text=fact(cls.constraints[name]), name=name)

    def evaluate(self, *inputs: Any, **never: Any) -> np.ndarray:  # typed so that cards may name their inputs
        """Return the value, in NumPy. Does not change an input; may return a view of one."""
        raise TypeError(f"{type(self).__name__} defines no evaluate")

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        """Return the gradient by each input, as nodes, or the reason why there is none."""
        raise TypeError(f"{type(self).__name__} defines no pullback")

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        """Return the scalar of the result at ``index``, a formula of ``Element`` leaves, input scalars."""
        raise TypeError(f"{type(self).__name__} defines no element")

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        """Return the batch rule of the result, if samples lie along these axes of the inputs."""
        raise TypeError(f"{type(self).__name__} defines no batch rule")

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        """Return inputs for the property tests, among them some that violate each constraint."""
        raise TypeError(f"{cls.__name__} defines no samples")


_METHODS = ("infer", "evaluate", "pullback", "element", "batch", "samples")
_WORDS = ("name", "arguments", "formula", "pullbacks", "constraints", "says")
C = TypeVar("C", bound=type[Card])


@dataclass_transform(frozen_default=True)
def card(cls: C) -> C:
    """Turn a class into a card: a frozen record, after a check that no part is missing.

    Raises:
        TypeError: a part of the card is missing; raised when the module is imported.
    """
    missing = [word for word in _WORDS if not hasattr(cls, word)]
    missing += [m for m in _METHODS if getattr(cls, m) in (getattr(Card, m), getattr(Op, m, None))]
    missing += [
        method for method in _METHODS if getattr(getattr(cls, method), "__func__", 0) is _base(method)
    ]
    has_docstrings = sys.flags.optimize < 2  # python -OO removes them
    if has_docstrings and (not (cls.__doc__ or "").strip() or cls.__doc__ == Card.__doc__):
        missing.append("docstring")
    if not missing and set(cls.pullbacks) != set(cls.arguments):
        missing.append("a pullback formula for every argument")
    if missing:
        raise TypeError(f"the card {cls.__name__} lacks {', '.join(sorted(set(missing)))}")
    return frozen(cls)


def _base(method: str) -> Any:
    return getattr(getattr(Card, method), "__func__", None)


def draw(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> np.ndarray:
    """Return reproducible float64 numbers between ``low`` and ``high`` for samples, all of them distinct.

    Two of them differ by at least a thousandth of the range, so there are no ties in maxima and comparisons.
    """
    count = int(np.prod(shape))
    # 0.6, not 0.5: the middle of the range is often 0, where functions such as relu have a kink.
    grid = (np.arange(count) + 0.6 + 0.2 * np.sin(np.arange(count))) / max(count, 1)
    permuted = np.random.Generator(np.random.Philox(seed + 17 * count)).permutation(grid)
    return (low + (high - low) * permuted).reshape(shape)


Function: TypeAlias = Callable[..., Node]
