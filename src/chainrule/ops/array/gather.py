"""Indexing of rows: gather, its transpose scatter-add, and one-hot encoding."""

from __future__ import annotations

import numpy as np

from chainrule.errors import DtypeError, ShapeError, fact
from chainrule.graph import Node, make
from chainrule.notation.tree import Apply, Compare, Element, Number, Sum, Tree
from chainrule.ops.operation_card import (
    Apart,
    Axes,
    BatchRule,
    Card,
    NoGradient,
    Pulled,
    Reduced,
    Sample,
    Says,
    Shared,
    Whole,
    card,
    draw,
)
from chainrule.records import frozen
from chainrule.symbolic_shape import FLOATS, INTEGERS, Axis, Spec, bound, shape_text

_INDEX = NoGradient("an index is an integer")
_ROWS = np.array([2, 0, 2, 1])


def require_integers(op: str, spec: Spec) -> None:
    """Refuse indices that are not integers."""
    if spec.dtype not in INTEGERS:
        expected = ", ".join(INTEGERS)
        raise DtypeError(
            "E253", op=op, kind="whole", expected=expected, received=spec.dtype, fix='i.astype("int64")'
        )


def checked_indices(op: str, indices: np.ndarray, length: int) -> np.ndarray:
    """Return the indices, after a check that each is in ``0 .. length - 1``."""
    wrong = np.argwhere((indices < 0) | (indices >= length))
    if wrong.size:
        place = tuple(int(i) for i in wrong[0])
        largest = int(indices.max())
        expected = fact("0 to {last}", last=length - 1)
        received = fact("{index} at position {position}", index=indices[place], position=place)
        notes = [fact("{count} of {total} indices are so", count=len(wrong), total=indices.size)]
        fix = (
            fact("an index from 0 to {last}, or {rows} rows", last=length - 1, rows=largest + 1)
            if largest >= length
            else fact("an index from 0 to {last}", last=length - 1)
        )
        raise ShapeError("E211", where=op, expected=expected, received=received, notes=notes, fix=(fix))
    return indices


@card
class Gather(Card):
    """The rows of a table at some indices.

    Shapes: table (N, ...), indices (any) -> (any, ...).

    Numerics: an index below 0 or above N - 1 is an error (E211); negative indices do not count from the end.
    """

    name = "gather"
    chinese = "按下标取行"
    arguments = ("x", "i")
    formula = "x[i]"
    pullbacks = {"x": "sum(j, where(i[j] == r, dy[j], 0))", "i": _INDEX}
    constraints = {"C1": "the table has an axis", "C2": "the indices are integers"}
    says = Says(
        "looks rows up",
        "按索引取行",
        "adds the gradient to the rows that were read",
        "只有被取到的行得到梯度",
    )

    def infer(self, *specs: Spec) -> Spec:
        x, i = specs
        if x.rank < 1:
            raise ShapeError(
                "E208", op=self.name, constraint=fact("a table with rows (C1)"), received=shape_text(x.shape)
            )
        require_integers(self.name, i)
        return x.with_shape((*i.shape, *x.shape[1:]))

    def evaluate(self, x: np.ndarray, i: np.ndarray) -> np.ndarray:
        return x[checked_indices(self.name, i, x.shape[0])]

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        x, i = inputs
        return make(ScatterAdd(x.shape[0]), dy, i), _INDEX

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        _, i = inputs
        return Element(0, (int(i[index[: i.ndim]]), *index[i.ndim :]))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        table, index = axes
        if table is None:
            return Shared() if index is None else Apart(index)
        if index is None and table > 0:
            return Apart(table - 1 + specs[1].rank)
        return Whole("samples are picked from other samples")

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        table = draw(3, 2)
        return (
            Sample(cls(), (table, _ROWS), batch=(None, 0)),
            Sample(cls(), (draw(3, 5), np.array(1)), batch=(1, None)),
            Sample(cls(), (table, np.array([[0, 1], [2, 2]]))),
            Sample(cls(), (draw(1), np.array([0]))),
            Sample(cls(), (table, np.array([], "int64"))),
            Sample(cls(), (np.array(1.0), _ROWS), breaks="C1"),
            Sample(cls(), (table, np.array([0.0, 1.0])), breaks="C2"),
        )


@frozen
class _Rows(Card):
    rows: Axis = 3


@card
class ScatterAdd(_Rows):
    """A table of zeros to which each value is added at the row of its index: the transpose of ``gather``.

    Shapes: values (any, ...), indices (any) -> (rows, ...).

    Args:
        rows: the number of rows of the result.

    Numerics: values of one row are added in the order of their indices.
    """

    name = "scatter_add"
    chinese = "按下标累加"
    arguments = ("v", "i")
    formula = "sum(j, where(i[j] == r, v[j], 0))"
    pullbacks = {"v": "dy[i]", "i": _INDEX}
    constraints = {"C1": "the values begin with the shape of the indices", "C2": "the indices are integers"}
    says = Says(
        "adds values to their rows",
        "把数值加到对应的行",
        "looks up the rows of the gradient",
        "按索引取出梯度的行",
    )

    def infer(self, *specs: Spec) -> Spec:
        v, i = specs
        require_integers(self.name, i)
        if v.shape[: i.rank] != i.shape:
            constraint = self.requirement("C1")
            expected = shape_text(i.shape)
            raise ShapeError(
                "E208", op=self.name, constraint=constraint, expected=expected, received=shape_text(v.shape)
            )
        return v.with_shape((self.rows, *v.shape[i.rank :]))

    def evaluate(self, v: np.ndarray, i: np.ndarray) -> np.ndarray:
        result = np.zeros(bound((self.rows, *v.shape[i.ndim :])), v.dtype)
        np.add.at(result, checked_indices(self.name, i, result.shape[0]), v)
        return result

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return make(Gather(), dy, inputs[1]), _INDEX

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        _, i = inputs
        used = np.argwhere(i == index[0])
        return Sum(tuple(Element(0, (*(int(p) for p in place), *index[1:])) for place in used))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        values, indices = axes
        if values is None and indices is None:
            return Shared()
        if values == indices:
            return Reduced("sum")
        rank = specs[1].rank
        if indices is None and values is not None and values >= rank:
            return Apart(values - rank + 1)
        return Whole("samples share rows")

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        values = draw(4, 2)
        return (
            Sample(cls(3), (values, _ROWS), batch=(0, 0)),
            Sample(cls(3), (values, _ROWS), batch=(1, None)),
            Sample(cls(5), (draw(2, 2), np.array([[0, 1], [2, 2]]))),
            Sample(cls(1), (draw(1), np.array([0]))),
            Sample(cls(2), (draw(0, 2), np.array([], "int64"))),
            Sample(cls(3), (draw(3, 2), _ROWS), breaks="C1"),
            Sample(cls(3), (values, _ROWS.astype("float64")), breaks="C2"),
        )


@frozen
class _Depth(Card):
    depth: int = 3
    dtype: str = "float64"


@card
class OneHot(_Depth):
    """A 1 at the index, 0 elsewhere, along a new last axis.

    Args:
        depth: the length of the new axis.
        dtype: floating-point dtype of the result.

    Numerics: an index outside 0 .. depth - 1 is an error (E211).
    """

    name = "one_hot"
    chinese = "独热编码"
    arguments = ("i",)
    formula = "where(i == k, 1, 0)"
    pullbacks = {"i": _INDEX}
    constraints = {"C1": "the indices are integers", "C2": "depth is at least 0 and dtype floating-point"}
    says = Says("marks the index with a 1", "独热编码：在索引处写 1", "passes no gradient", "不传梯度")

    def infer(self, *specs: Spec) -> Spec:
        (i,) = specs
        require_integers(self.name, i)
        if self.depth < 0 or self.dtype not in FLOATS:
            raise ShapeError("E208", op=self.name, constraint=self.requirement("C2"), received=self)
        return Spec((*i.shape, self.depth), self.dtype)

    def evaluate(self, i: np.ndarray) -> np.ndarray:
        index = checked_indices(self.name, i, self.depth)[..., None]
        return (index == np.arange(self.depth)).astype(self.dtype)

    def pullback(self, dy: Node, y: Node, *inputs: Node) -> tuple[Pulled, ...]:
        return (_INDEX,)

    def element(self, index: tuple[int, ...], *inputs: np.ndarray) -> Tree:
        hit = Compare("==", Element(0, index[:-1]), Number(index[-1]))
        return Apply("where", (hit, Number(1), Number(0)))

    def batch(self, axes: Axes, *specs: Spec) -> BatchRule:
        return Shared() if axes[0] is None else Apart(axes[0])

    @classmethod
    def samples(cls) -> tuple[Sample, ...]:
        return (
            Sample(cls(3), (_ROWS,), batch=(0,)),
            Sample(cls(4, "float32"), (np.array([[3, 0]]),)),
            Sample(cls(1), (np.array(0),)),
            Sample(cls(2), (np.array([], "int64"),)),
            Sample(cls(3), (np.array([0.5]),), breaks="C1"),
            Sample(cls(-1), (_ROWS,), breaks="C2"),
        )


def gather(x: Node, indices: Node) -> Node:
    """Return the rows of ``x`` at ``indices``.

    Args:
        x: a table (N, ...).
        indices: integers from 0 to N - 1, of any shape; the result is (*indices, ...).

    Raises:
        DtypeError E253: indices that are not integers.
    """
    return make(Gather(), x, indices)


def scatter_add(values: Node, indices: Node, rows: Axis) -> Node:
    """Return a table of ``rows`` rows, to which each value is added at its index.

    Args:
        values: numbers (*indices, ...).
        indices: integers from 0 to ``rows`` - 1.
        rows: the number of rows of the table.

    Raises:
        DtypeError E253: indices that are not integers.
    """
    return make(ScatterAdd(rows), values, indices)


def one_hot(indices: Node, depth: int, dtype: str = "float32") -> Node:
    """Return one-hot encoding of ``indices`` along a new last axis.

    Args:
        indices: integers from 0 to ``depth`` - 1, of any shape.
        depth: the length of the new axis.
        dtype: of the result.

    Raises:
        DtypeError E253: indices that are not integers.
    """
    return make(OneHot(depth, dtype), indices)


CARDS = (Gather, ScatterAdd, OneHot)
