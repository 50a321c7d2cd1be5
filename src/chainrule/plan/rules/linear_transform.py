"""Linear transforms with few multiplications: fixed small matrices applied to many columns of numbers.

A transform is written as *steps*, so that common subexpressions are computed once; a task of kind
``"linear_transform"`` computes it in one loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from chainrule.plan.views import View
from chainrule.records import frozen

if TYPE_CHECKING:
    from chainrule.graph import Node
    from chainrule.plan.lowering import Lowering

Terms: TypeAlias = tuple[tuple[float, int], ...]


@frozen
class LinearTransform:
    """A linear transform as steps.

    Args:
        inputs: number of inputs; they are the values 0, 1, ...
        steps: each computes the next value: the sum of factors times earlier values.
        results: the values that are returned.

    Example:
        >>> butterfly = LinearTransform(2, (((1.0, 0), (1.0, 1)), ((1.0, 0), (-1.0, 1))), (2, 3))
        >>> butterfly.matrix.tolist()
        [[1.0, 1.0], [1.0, -1.0]]
    """

    inputs: int
    steps: tuple[Terms, ...]
    results: tuple[int, ...]

    @property
    def matrix(self) -> np.ndarray:
        """The transform as a matrix, (results, inputs)."""
        values = np.eye(self.inputs)
        for terms in self.steps:
            value = sum((factor * values[of] for factor, of in terms), np.zeros(self.inputs))
            values = np.vstack([values, value])
        return values[list(self.results)]

    @property
    def factors(self) -> tuple[float, ...]:
        """The absolute values of the factors, except 1."""
        return tuple(sorted({abs(f) for terms in self.steps for f, _ in terms} - {1.0}))

    def squared(self) -> LinearTransform:
        """Return the transform of a square of numbers along both axes: A X A^T, row by row.

        Example:
            >>> difference = LinearTransform(2, (((1.0, 0), (-1.0, 1)),), (2,))
            >>> difference.squared().matrix.tolist()
            [[1.0, -1.0, -1.0, 1.0]]
        """
        n, steps = self.inputs, list[Terms]()

        def apply(inputs: Sequence[int]) -> list[int]:
            names = list(inputs)
            for terms in self.steps:
                steps.append(tuple((factor, names[of]) for factor, of in terms))
                names.append(n * n + len(steps) - 1)
            return [names[of] for of in self.results]

        columns = [apply(range(column, n * n, n)) for column in range(n)]  # results of each column
        rows = [apply([column[row] for column in columns]) for row in range(len(self.results))]
        return LinearTransform(n * n, tuple(steps), tuple(value for row in rows for value in row))


def lower_transform(
    lowering: Lowering,
    node: Node,
    transform: LinearTransform,
    reads: Sequence[View],
    writes: Sequence[View],
    phase: int,
) -> None:
    """Add the task of a linear transform: one view for each input, one for each result."""
    shape, factors = writes[0].shape, [lowering.table(np.array(f, node.dtype)) for f in transform.factors]
    repeated = [View(n.buffer, shape, (0,) * len(shape)) for n in factors]
    lowering.add("linear_transform", (node,), (*reads, *repeated), tuple(writes), phase, transform=transform)
