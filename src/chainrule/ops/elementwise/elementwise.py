"""Base of the elementwise operations, which are defined by one formula.

All share the rules for shape, scalars and batch. The pullback of each argument is *written as a formula*
(``"dy * y"``), from which nodes are built. All inputs have one shape: broadcasting is a node of its own, so
no rule here depends on which axis was broadcast.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from chainrule.errors import DtypeError, ShapeError
from chainrule.graph import Node
from chainrule.notation.parse import parse
from chainrule.notation.tree import Element, Number, Symbol, Tree, substitute
from chainrule.ops.functions_by_name import nodes_of
from chainrule.ops.operation_card import Apart, Axes, BatchRule, Card, Pulled, Sample, Shared, Whole, draw
from chainrule.symbolic_shape import FLOATS, INTEGERS, Spec, shape_text

KINDS: dict[str, tuple[str, ...]] = {
    "floating-point": FLOATS,
    "floating-point or whole": FLOATS + INTEGERS,
    "true/false": ("bool",),
    "any": (*FLOATS, *INTEGERS, "bool"),
}


class Elementwise(Card):
    """Base of the elementwise operations.

    A subclass defines ``takes`` (the accepted dtypes, a key of ``KINDS``), ``gives`` (the dtype of the
    result; ``""``: that of the inputs), ``domain`` (for each argument the range from which its samples are
    drawn) and ``kinks`` (values at which the derivative jumps).
    """

    constraints = {
        "C1": "all inputs have one shape",
        "C2": "all inputs have one dtype, which the operation accepts",
    }
    takes: ClassVar[str] = "floating-point"
    gives: ClassVar[str] = ""
    domain: ClassVar[tuple[tuple[float, float], ...]] = ((-2.0, 2.0),)
    kinks: ClassVar[tuple[float, ...]] = ()

    def infer(self, *specs: Spec) -> Spec:
        if any(spec.shape != specs[0].shape for spec in specs):
            shapes = " and ".join(shape_text(spec.shape) for spec in specs)
            raise ShapeError("E201", op=self.name, expected=shape_text(specs[0].shape), received=shapes)
        same_kind(self.name, specs, self.takes)
        return Spec(specs[0].shape, self.gives or specs[0].dtype)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        names = {**self.attributes, **dict(zip(self.arguments, inputs, strict=True)), "y": y, "dy": dy}
        rules = [self.pullbacks[argument] for argument in self.arguments]
        return tuple(
            nodes_of(rule, names, x) if isinstance(rule, str) else rule
            for rule, x in zip(rules, inputs, strict=True)
        )

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        def replace(tree: Tree) -> Tree | None:
            if not isinstance(tree, Symbol):
                return None
            if tree.name in self.arguments:
                return Element(self.arguments.index(tree.name), index)
            return Number(self.attributes[tree.name]) if tree.name in self.attributes else None

        return substitute(parse(self.formula), replace)

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        return aligned(axes)

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        op, kinds = cls(), KINDS[cls.takes]

        def inputs(*shape: int) -> tuple[np.ndarray, ...]:
            arrays = [draw(*shape, low=low, high=high, seed=i) for i, (low, high) in enumerate(cls.spans())]
            return tuple(as_kind(array, kinds) for array in arrays)

        edges = (
            *cls.kinks,
            0.0,
            -0.0,
            1e30,
            -1e30,
            *((np.inf, -np.inf, np.nan) if kinds[0] in FLOATS else ()),
        )
        special = [v for v in edges if cls.allows(v)]
        ties = tuple(as_kind(np.array(special), kinds) for _ in cls.arguments)
        samples = [
            Sample(op, inputs(5, 3), batch=(0,) * len(cls.arguments)),
            Sample(op, inputs(2, 1, 4), batch=(2,) * len(cls.arguments)),
            Sample(op, inputs()),
            Sample(op, inputs(0, 3)),
            Sample(op, inputs(1)),
            Sample(op, ties, smooth=False),
        ]
        if len(cls.arguments) > 1:
            samples.append(Sample(op, (*inputs(2, 3)[:-1], inputs(3, 2)[-1]), breaks="C1"))
        wrong = np.ones((2, 3), "bool" if "bool" not in kinds else "float64")
        if cls.takes != "any":
            samples.append(Sample(op, (wrong,) * len(cls.arguments), breaks="C2"))
        elif len(cls.arguments) > 1:
            samples.append(Sample(op, (np.ones(2), np.ones(2, "int64")), breaks="C2"))
        return tuple(samples)

    @classmethod
    def spans(cls) -> tuple[tuple[float, float], ...]:
        """Return the range of each argument's samples; the last entry of ``domain`` holds for the rest."""
        stated = cls.domain
        return tuple(stated[min(i, len(stated) - 1)] for i in range(len(cls.arguments)))

    @classmethod
    def allows(cls, value: float) -> bool:
        """Return whether a special value is in the domain of every argument."""
        return all(low < 0 or value > 0 for low, _ in cls.spans())


def same_kind(op: str, specs: tuple[Spec, ...], takes: str) -> None:
    """Refuse inputs of different dtypes, or of a dtype that the operation does not accept."""
    kinds = dict.fromkeys(spec.dtype for spec in specs)
    first = next(iter(kinds))
    if len(kinds) > 1:
        raise DtypeError(
            "E252", op=op, expected=first, received=" and ".join(kinds), fix=f'x.astype("{first}")'
        )
    if first not in KINDS[takes]:
        fix = f'x.astype("{KINDS[takes][0]}")'
        raise DtypeError("E253", op=op, kind=takes, expected=", ".join(KINDS[takes]), received=first, fix=fix)


def as_kind(array: np.ndarray, kinds: tuple[str, ...]) -> np.ndarray:
    """Sample values in the first of these dtypes."""
    if kinds[0] == "bool":
        return np.asarray(array > 0)
    return array.astype(kinds[0] if kinds[0] != "float32" else "float64")


def aligned(axes: Axes) -> BatchRule:
    """Return the batch rule of an operation that keeps every axis in its place."""
    batch_axes = {axis for axis in axes if axis is not None}
    if not batch_axes:
        return Shared()
    if len(batch_axes) > 1:
        return Whole("samples lie along different axes of the inputs")
    return Apart(batch_axes.pop())
