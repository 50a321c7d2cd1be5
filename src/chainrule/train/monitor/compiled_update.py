"""Updates of large parameters, compiled for probes.

A probe measures by how much a step would change each parameter. It computes the update by the reference
implementation of each operation, so that it has the same bits on every engine; of a parameter with millions
of numbers this takes longer than a step. Where each operation of the update is one that IEEE 754 rounds
correctly, compiled code has the same bits, in a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from chainrule.engines import compile
from chainrule.engines.reference import ElementwiseChain
from chainrule.engines.reference.program import is_repeated
from chainrule.graph import Graph, Node, input_node, rebuild
from chainrule.ops.array.shape import Transpose, broadcast_to, transpose
from chainrule.symbolic_shape import Size, bound

EXACT = {"add", "subtract", "multiply", "divide", "negative", "square", "sqrt"}
"""The operations that IEEE 754 rounds correctly: every implementation has the same bits."""
MANY = 1 << 15  # numbers of a parameter whose update is compiled
PADDING = 16  # numbers after each row of columns: at distances of a power of two, few of them stay in a cache
ROWS = Size.symbol("rows")


class CompiledUpdate:
    """The last node of a chain, some rows at a time, by compiled code; see ``is_exact``.

    Args:
        chain: the chain; its ``sources`` are also those of this object.
    """

    def __init__(self, chain: ElementwiseChain) -> None:
        self.sources, self._length = chain.sources, bound(chain.last.shape)[0]
        shape = (ROWS, *chain.last.shape[1:])
        self._inputs: dict[str, tuple[Node, str]] = {}  # by label the source, and what is read of it
        moved: dict[Node, Node] = {}
        for i, source in enumerate(self.sources):
            part = _part_of(source, chain.last)
            self._inputs[f"source {i}"] = source, part
            read = {"rows": shape, "columns": (*shape[:0:-1], ROWS + PADDING), "all": ()}[part]
            node = input_node(f"source {i}", read, source.dtype)
            moved[source] = transpose(node[:, :-PADDING], (1, 0)) if part == "columns" else node
        for node in chain.nodes:
            if is_repeated(node):
                moved[node] = broadcast_to(moved[node.inputs[0]], shape)
        self._program = compile(Graph({"last": rebuild([chain.last], moved)[0]}), "native")

    @staticmethod
    def is_exact(chain: ElementwiseChain) -> bool:
        """Return whether compiled code has the bits of the reference, and is worth compiling."""
        computed = [node for node in chain.nodes if not is_repeated(node)]
        is_large = len(bound(chain.last.shape)) > 0 and int(np.prod(bound(chain.last.shape))) >= MANY
        same_dtype = all(node.dtype == chain.last.dtype for node in (*chain.nodes, *chain.sources))
        return is_large and same_dtype and all(node.op.name in EXACT for node in computed)

    def blocks(self, values: Mapping[Node, np.ndarray], count: int) -> Iterator[np.ndarray]:
        """Yield the last node ``count`` rows at a time, in order; each block overwrites the one before."""
        return (outputs["last"] for outputs in self._program.run_each(self._reads(values, count)))

    def _reads(self, values: Mapping[Node, np.ndarray], count: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield what each block reads, by label."""
        count = min(count, self._length)
        fixed: dict[str, np.ndarray] = {}
        reads: list[tuple[str, np.ndarray, Callable[[np.ndarray, slice], np.ndarray]]] = []
        for label, (source, part) in self._inputs.items():
            array = np.asarray(values[source])
            if part == "all":
                fixed[label] = array.reshape(())
            elif part == "columns":
                reads.append((label, array, _padded_columns(array, count)))
            elif any(array.strides):
                reads.append((label, array, _rows))
            else:  # a number that is stored once: a block of it is written once
                block = np.full((count, *array.shape[1:]), array.flat[0])
                reads.append((label, block, _first_rows))
        for first in range(0, self._length, count):
            rows = slice(first, min(first + count, self._length))
            yield {**fixed, **{label: read(array, rows) for label, array, read in reads}}


def _part_of(source: Node, last: Node) -> str:
    """Return what a block reads of a source: its ``rows``, ``columns`` of its transpose, or ``all``."""
    if source.shape != last.shape:
        return "all"
    return "columns" if isinstance(source.op, Transpose) and source.rank == 2 else "rows"


def _rows(array: np.ndarray, rows: slice) -> np.ndarray:
    """Return these rows as a contiguous array."""
    return np.ascontiguousarray(array[rows])


def _first_rows(array: np.ndarray, rows: slice) -> np.ndarray:
    """Return as many rows, of an array whose rows are all the same."""
    return array[: rows.stop - rows.start]


def _padded_columns(array: np.ndarray, count: int) -> Callable[[np.ndarray, slice], np.ndarray]:
    """Return a function that returns the transpose of some rows, padded and contiguous: the transpose of a
    gradient is often contiguous. Blocks of ``count`` rows overwrite one another.
    """
    buffer = np.zeros((array.shape[1], count + PADDING), array.dtype)

    def read(array: np.ndarray, rows: slice) -> np.ndarray:
        size = rows.stop - rows.start
        block = buffer if size == count else np.zeros((array.shape[1], size + PADDING), array.dtype)
        block[:, :size] = array.T[:, rows]
        return block

    return read
