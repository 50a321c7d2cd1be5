"""Updates of large parameters, compiled for probes.

A probe measures by how much a step would change each parameter. It computes the update by the reference
implementation of each operation, so that it has the same bits on every engine; of a parameter with millions
of numbers this takes longer than a step. Where each operation of the update is one that IEEE 754 rounds
correctly, compiled code has the same bits, in a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from chainrule.engines import compile
from chainrule.engines.reference import ElementwiseChain
from chainrule.engines.reference.elementwise_chunks import is_repeated
from chainrule.graph import Graph, Node, input_node, rebuild
from chainrule.ops.array.shape import broadcast_to
from chainrule.spec import Size, bound

EXACT = {"add", "subtract", "multiply", "divide", "negative", "square", "sqrt"}
"""The operations that IEEE 754 rounds correctly: every implementation has the same bits."""
MANY = 1 << 15  # numbers of a parameter whose update is compiled
BLOCKS = 8  # blocks that are computed at once
COLUMNS = 32  # of a transposed array that are copied at once
ROWS = Size.symbol("rows")


class CompiledUpdate:
    """The last node of a chain, some rows at a time, by compiled code; see ``is_exact``.

    Args:
        chain: the chain; its ``sources`` are also those of this object.
    """

    def __init__(self, chain: ElementwiseChain) -> None:
        self.sources, self._length = chain.sources, bound(chain.last.shape)[0]
        shape = (ROWS, *chain.last.shape[1:])
        self._inputs: dict[str, tuple[Node, bool]] = {}  # by label the source, and whether it has all rows
        moved: dict[Node, Node] = {}
        for i, source in enumerate(self.sources):
            has_rows = source.shape == chain.last.shape
            self._inputs[f"source {i}"] = source, has_rows
            moved[source] = input_node(f"source {i}", shape if has_rows else (), source.dtype)
        for node in chain.nodes:
            if is_repeated(node):
                moved[node] = broadcast_to(moved[node.inputs[0]], shape)
        self._program = compile(Graph({"last": rebuild([chain.last], moved)[0]}), "native")

    @staticmethod
    def is_exact(chain: ElementwiseChain) -> bool:
        """Whether compiled code has the bits of the reference implementation, and is worth compiling."""
        computed = [node for node in chain.nodes if not is_repeated(node)]
        is_large = len(bound(chain.last.shape)) > 0 and int(np.prod(bound(chain.last.shape))) >= MANY
        same_dtype = all(node.dtype == chain.last.dtype for node in (*chain.nodes, *chain.sources))
        return is_large and same_dtype and all(node.op.name in EXACT for node in computed)

    def blocks(self, values: Mapping[Node, np.ndarray], count: int) -> Iterator[np.ndarray]:
        """Yield the last node some rows at a time, in order.

        Args:
            values: values of all sources.
            count: number of rows; the last block may have fewer.
        """
        arrays = {label: np.asarray(values[source]) for label, (source, _) in self._inputs.items()}
        for first in range(0, self._length, BLOCKS * count):
            rows = slice(first, first + BLOCKS * count)
            block = {
                label: _in_order(arrays[label][rows]) if has_rows else arrays[label].reshape(())
                for label, (_, has_rows) in self._inputs.items()
            }
            result = self._program.run(block)["last"]
            yield from (result[start : start + count] for start in range(0, len(result), count))


def _in_order(block: np.ndarray) -> np.ndarray:
    """The block with its last axis contiguous: itself, or a copy.

    A gradient is often the transpose of an array. It is copied some columns at a time, which stay in the
    cache.
    """
    if block.flags.c_contiguous:
        return block
    copy = np.empty(block.shape, block.dtype)
    for first in range(0, block.shape[-1], COLUMNS):
        columns = slice(first, first + COLUMNS)
        copy[..., columns] = block[..., columns]
    return copy
