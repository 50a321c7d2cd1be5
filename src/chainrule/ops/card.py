"""The card: one frozen record that holds everything that is true of an operation on any machine.

A card says its shape rule (``infer``), its value (``evaluate``, plain NumPy: the law that every engine is
tested against), its reverse rule (``pullback``, nodes in and nodes out, so that derivatives of any order need
nothing more), its formula and the formulas of its gradients, one scalar of its result as a formula of scalars
of its inputs (``element``: what an explanation unfolds), how it treats the batch axis (``batch``), inputs
that exercise it (``samples``) and one sentence each way, in two languages (``says``).

Names inside: ``y`` is the value, ``dy`` its cotangent (the gradient that arrives from the loss).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar, dataclass_transform

import numpy as np

from chainrule.errors import Message, fact
from chainrule.graph import Node, Op
from chainrule.notation.tree import Tree
from chainrule.records import frozen
from chainrule.spec import Size, Spec


class Says(NamedTuple):
    """What the operation does on the way forward and backward, one sentence each, in English and Chinese."""

    forward: str
    forward_zh: str
    backward: str
    backward_zh: str


@frozen
class Flat:
    """The derivative is zero wherever it exists, with the reason."""

    reason: str


@frozen
class NoGradient:
    """There is no derivative with respect to this input, with the reason."""

    reason: str


Pulled: TypeAlias = "Node | Flat | NoGradient"


@frozen
class Apart:
    """Samples stay apart; they lie along ``axis`` of the result."""

    axis: int


@frozen
class Reduced:
    """The result joins all samples; parts of the batch are joined by ``by``: sum, max, min or prod."""

    by: str


@frozen
class Shared:
    """The result does not depend on the batch."""


@frozen
class Whole:
    """The result needs all samples at once, with the reason."""

    reason: str


BatchRule: TypeAlias = "Apart | Reduced | Shared | Whole"
Axes: TypeAlias = "tuple[int | None, ...]"


@frozen(eq=False)
class Sample:
    """Inputs that exercise a card.

    Args:
        op: the card with its attributes.
        inputs: arrays; float64 ones are also tried in float32.
        smooth: whether a small step from here stays away from every kink, so that a numerical derivative
            means something.
        breaks: the constraint these inputs break (``"C1"``), or ``""``.
        batch: for each input, the axis along which samples lie (``None``: it has none). The attributes of
            ``op`` may then hold the size ``B``.
    """

    op: Card
    inputs: tuple[np.ndarray, ...]
    smooth: bool = True
    breaks: str = ""
    batch: Axes | None = None

    def concrete(self) -> Card:
        """The card with ``B`` replaced by the length of the batch axis."""
        if self.batch is None:
            return self.op
        lengths = [a.shape[axis] for a, axis in zip(self.inputs, self.batch, strict=True) if axis is not None]
        return self.op.with_sizes({"B": lengths[0]}) if lengths else self.op

    def symbolic(self) -> tuple[Spec, ...]:
        """The specs of the inputs, with the batch axis of unknown size ``B``."""
        batch = self.batch or (None,) * len(self.inputs)
        return tuple(
            Spec(tuple(Size.symbol("B") if i == axis else n for i, n in enumerate(a.shape)), a.dtype.name)
            for a, axis in zip(self.inputs, batch, strict=True)
        )


@frozen
class Card(Op):
    """What every card says; see the module's docstring. ``@card`` completes and checks a subclass."""

    arguments: ClassVar[tuple[str, ...]]
    chinese: ClassVar[str]
    formula: ClassVar[str]
    pullbacks: ClassVar[Mapping[str, str | Flat | NoGradient]]
    constraints: ClassVar[Mapping[str, str]]
    says: ClassVar[Says]

    @classmethod
    def requirement(cls, name: str) -> Message:
        """A constraint, with its name, as a record for errors."""
        return fact("{text} ({name})", text=fact(cls.constraints[name]), name=name)

    def evaluate(self, *inputs: Any, **never: Any) -> np.ndarray:  # so typed, a card may name its inputs
        """The value, by NumPy. Never changes an input; may return a view of one."""
        raise TypeError(f"{type(self).__name__} says no value")

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        """For each input the gradient that flows back into it, as nodes, or why there is none."""
        raise TypeError(f"{type(self).__name__} says no pullback")

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        """The scalar of the result at ``index``, a formula of ``Element`` leaves (the inputs' scalars)."""
        raise TypeError(f"{type(self).__name__} says no element")

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        """How the result treats samples that lie along these axes of the inputs."""
        raise TypeError(f"{type(self).__name__} says no batch rule")

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        """Inputs that exercise the card, among them one that breaks each constraint."""
        raise TypeError(f"{cls.__name__} gives no samples")


_METHODS = ("infer", "evaluate", "pullback", "element", "batch", "samples")
_WORDS = ("name", "arguments", "formula", "pullbacks", "constraints", "says")
C = TypeVar("C", bound=type[Card])


@dataclass_transform(frozen_default=True)
def card(cls: C) -> C:
    """Complete a card class: make it a frozen record and refuse it when a part is missing.

    Raises:
        TypeError: our own mistake, when chainrule is loaded: a part of the card is missing.
    """
    missing = [word for word in _WORDS if not hasattr(cls, word)]
    missing += [m for m in _METHODS if getattr(cls, m) in (getattr(Card, m), getattr(Op, m, None))]
    missing += [
        method for method in _METHODS if getattr(getattr(cls, method), "__func__", 0) is _base(method)
    ]
    if not (cls.__doc__ or "").strip() or cls.__doc__ == Card.__doc__:
        missing.append("docstring")
    if not missing and set(cls.pullbacks) != set(cls.arguments):
        missing.append("a pullback formula for every argument")
    if missing:
        raise TypeError(f"the card {cls.__name__} lacks {', '.join(sorted(set(missing)))}")
    return frozen(cls)


def _base(method: str) -> Any:
    return getattr(getattr(Card, method), "__func__", None)


def draw(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> np.ndarray:
    """Reproducible float64 numbers between ``low`` and ``high`` for samples, no two of them close together.

    Distinct by at least a thousandth of the range, so that maxima and comparisons stay away from ties.
    """
    count = int(np.prod(shape))
    # 0.6, not 0.5: the middle of the range is often 0, where curves have their corners.
    grid = (np.arange(count) + 0.6 + 0.2 * np.sin(np.arange(count))) / max(count, 1)
    turned = np.random.Generator(np.random.Philox(seed + 17 * count)).permutation(grid)
    return (low + (high - low) * turned).reshape(shape)


Function: TypeAlias = Callable[..., Node]
