"""Linear maps with few multiplications: some numbers in, sums of them times fixed factors out.

The same small matrix is applied to very many columns of numbers. It is written as *steps*, so that what
several results have in common is computed once; a task of kind ``"blend"`` does it in one loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from chainrule.plan.views import View
from chainrule.records import frozen

if TYPE_CHECKING:
    from chainrule.graph import Node
    from chainrule.plan.lower import Lowering

Terms: TypeAlias = tuple[tuple[float, int], ...]


@frozen
class Blend:
    """A linear map as steps.

    Args:
        inputs: how many numbers it takes; they are the values 0, 1, ...
        steps: each makes the next value: the sum of factors times earlier values.
        results: the values that are handed out.

    Example:
        >>> turn = Blend(2, (((1.0, 0), (1.0, 1)), ((1.0, 0), (-1.0, 1))), (2, 3))
        >>> turn.matrix.tolist()
        [[1.0, 1.0], [1.0, -1.0]]
    """

    inputs: int
    steps: tuple[Terms, ...]
    results: tuple[int, ...]

    @property
    def matrix(self) -> np.ndarray:
        """The map as a matrix, (results, inputs)."""
        values = np.eye(self.inputs)
        for terms in self.steps:
            made = sum((factor * values[of] for factor, of in terms), np.zeros(self.inputs))
            values = np.vstack([values, made])
        return values[list(self.results)]

    @property
    def factors(self) -> tuple[float, ...]:
        """The numbers that are multiplied by, without their signs; 1 needs no multiplication."""
        return tuple(sorted({abs(f) for terms in self.steps for f, _ in terms} - {1.0}))

    def squared(self) -> Blend:
        """The map of a square of numbers along both of its axes: A X A^T, row by row.

        Example:
            >>> pair = Blend(2, (((1.0, 0), (-1.0, 1)),), (2,))
            >>> pair.squared().matrix.tolist()
            [[1.0, -1.0, -1.0, 1.0]]
        """
        n, steps = self.inputs, list[Terms]()

        def apply(inputs: Sequence[int]) -> list[int]:
            names = list(inputs)
            for terms in self.steps:
                steps.append(tuple((factor, names[of]) for factor, of in terms))
                names.append(n * n + len(steps) - 1)
            return [names[of] for of in self.results]

        columns = [apply(range(column, n * n, n)) for column in range(n)]  # of each the values down its rows
        rows = [apply([column[row] for column in columns]) for row in range(len(self.results))]
        return Blend(n * n, tuple(steps), tuple(value for row in rows for value in row))


def blend(
    low: Lowering, node: Node, by: Blend, reads: Sequence[View], writes: Sequence[View], phase: int
) -> None:
    """The task of a linear map: one view for each number in, one for each number out."""
    shape, numbers = writes[0].shape, [low.table(np.array(f, node.dtype)) for f in by.factors]
    repeated = [View(n.buffer, shape, (0,) * len(shape)) for n in numbers]
    low.add("blend", (node,), (*reads, *repeated), tuple(writes), phase, by=by)
